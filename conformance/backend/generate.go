package backend

import (
	"fmt"
	"strings"
	"unicode/utf8"

	sdk "github.com/plimsoll-dev/plimsoll/sdk/backend"
	pb "github.com/plimsoll-dev/plimsoll/sdk/backend/proto/v1"
)

// plainPrompt is what is asked when nothing special is asked. The prompts of the
// kit are the same in every run, so that a run can be recorded and replayed.
const plainPrompt = "Say the three words alder, birch and cedar."

func generateQuestions() []question {
	return []question{
		{
			id: "generate.answer", title: "it answers a plain request", section: inModel, running: true,
			says: "Generate answers a request by any number of texts and tool calls and exactly one Done, or by one typed error.",
			do:   "call out.Text and then out.Done; name a model that exists by -model",
			ask:  (*kit).askAnswer,
		},
		{
			id: "generate.repeat", title: "the same call again is answered again", section: "sdk/message, Request", running: true, answers: true,
			says: "A host whose call was lost repeats it under the same idempotency key. Simulated and replayed answers are the same then.",
			do:   "keep nothing of a call that a repeated one could trip over; take randomness from the seed",
			ask:  (*kit).askRepeat,
		},
		{
			id: "generate.roles", title: "a conversation with all roles is taken", section: "sdk/message, Role", running: true, answers: true,
			says: "Messages have the roles system, user, assistant and tool; assistant messages carry tool calls, tool messages say which call they answer.",
			do:   "convert every role, or refuse what the model cannot take by invalid_request",
			ask:  (*kit).askRoles,
		},
		{
			id: "generate.empty", title: "requests with next to nothing in them are answered or refused", section: inModel, running: true, answers: true,
			says: "No messages, a message without parts, an empty text: bad input is answered or refused by a typed error, and the backend lives on.",
			do:   "look at the length of a slice before its elements",
			ask:  (*kit).askEmpty,
		},
		{
			id: "generate.unicode", title: "no character is broken", section: inSink, running: true, answers: true,
			says: "Deltas may split a character; what arrives is whole. A text without U+FFFD gets none on its way.",
			do:   "hand deltas on as they come and let the SDK join them; never convert half a character",
			ask:  (*kit).askUnicode,
		},
		{
			id: "generate.large", title: "8 MiB are taken or refused, and nothing else breaks", section: "sdk/backend, MaxMessage", running: true, answers: true,
			says: "A message of 8 MiB goes through, both ways. A model that cannot take as much refuses it by a typed error.",
			do:   "pass backend.ServerOptions to the gRPC server: its default is 4 MiB",
			ask:  (*kit).askLarge,
		},
		{
			id: "generate.tools", title: "it calls tools that it was offered, and no others", section: "sdk/message, ToolDef", running: true, answers: true,
			says: "A tool call names one of the offered tools and has a JSON object as its arguments. Without tools there are no calls.",
			do:   "take names from the request, and refuse what the model cannot do by invalid_request",
			ask:  (*kit).askTools,
		},
		{
			id: "generate.schemas", title: "64 tools with schemas of 16 KiB are taken or refused", section: "sdk/message, ToolDef", running: true, answers: true,
			says: "Large tool definitions are answered or refused by a typed error, and the backend lives on.",
			do:   "pass backend.ServerOptions to the gRPC server, and map the API's refusal to invalid_request or context_length",
			ask:  (*kit).askSchemas,
		},
	}
}

// plain is the answer to a plain request, asked for once.
func (k *kit) plain() *call {
	if k.first == nil {
		c, err := k.ask("a plain request", k.request(text("user", plainPrompt)))
		if err != nil {
			c = &call{what: "a plain request", lost: err, account: &account{}}
		}
		k.first = c
	}
	return k.first
}

func (k *kit) askAnswer() finding {
	c := k.plain()
	switch {
	case !c.whole():
		return fail("%s", c.how())
	case c.size == 0 && len(c.tools) == 0 && c.done.GetFinish() != "refusal":
		return fail("it finished and had said nothing")
	case len(c.tools) > 0:
		return fail("it called the tool %q, and was offered none", c.tools[0].GetName())
	}
	return pass("%s", c.how())
}

func (k *kit) askRepeat() finding {
	req := k.request(text("user", plainPrompt))
	req.Idempotency = "conformance-repeat"
	a, err := k.ask("a call under a key", req)
	if err != nil {
		return fail("%v", err)
	}
	b, err := k.ask("the same call under the same key", req)
	if err != nil {
		return fail("%v", err)
	}
	if !a.whole() || !b.whole() {
		return fail("first %s; then %s", a.how(), b.how())
	}
	if a.text.String() == b.text.String() && sameTools(a.tools, b.tools) {
		return pass("twice the same %d bytes", a.size)
	}
	if k.desc.GetSimulated() {
		return fail("a simulation said two things: %.120q and %.120q", a.text.String(), b.text.String())
	}
	return pass("answered twice; the texts differ, which models may do")
}

// takes makes calls that may be refused, and then a plain one. It gives what is
// wrong, else what happened.
func (k *kit) takes(what string, requests ...*pb.GenerateRequest) (calls []*call, problem string) {
	for i, r := range requests {
		name := what
		if len(requests) > 1 {
			name = fmt.Sprintf("%s (%d of %d)", what, i+1, len(requests))
		}
		c, err := k.ask(name, r)
		if err != nil {
			return calls, err.Error()
		}
		calls = append(calls, c)
		if !c.whole() && c.error == nil {
			return calls, name + ": " + c.how()
		}
	}
	after, err := k.ask("a plain request after "+what, k.request(text("user", plainPrompt)))
	switch {
	case err != nil:
		return calls, err.Error()
	case !after.whole() && !after.refused(string(sdk.RateLimited), string(sdk.Overloaded)):
		return calls, "after it a plain request got " + after.how()
	}
	return calls, ""
}

func outcome(calls []*call) string {
	var out []string
	for _, c := range calls {
		out = append(out, c.how())
	}
	return strings.Join(out, "; ")
}

func (k *kit) askRoles() finding {
	req := k.request(
		text("system", "You answer briefly."), text("user", "What is the level in tank 4?"),
		&pb.Message{Role: "assistant", ToolCalls: []*pb.ToolCall{{Id: "call_1", Name: "level", Arguments: []byte(`{"tank":4}`)}}},
		&pb.Message{Role: "tool", ToolCallId: "call_1", Parts: text("", "71 percent").GetParts()},
		text("assistant", "It is 71 percent."), text("user", "Thank you. And in words?"),
	)
	req.Tools = []*pb.ToolDef{{Name: "level", Description: "level of a tank in percent", Schema: []byte(`{"type":"object","properties":{"tank":{"type":"integer"}}}`)}}
	req.Session, req.Metadata = "conformance", map[string]string{"run": "conformance"}
	calls, problem := k.takes("a conversation with all roles", req)
	switch {
	case problem != "":
		return fail("%s", problem)
	case calls[0].error != nil && !calls[0].refused(string(sdk.InvalidRequest)):
		return fail("%s", calls[0].how())
	}
	return pass("%s", outcome(calls))
}

func (k *kit) askEmpty() finding {
	calls, problem := k.takes("a request with next to nothing in it",
		k.request(), k.request(&pb.Message{Role: "user"}), k.request(text("user", "")), k.request(&pb.Message{}),
		k.request(text("user", plainPrompt), text("assistant", "")))
	if problem != "" {
		return fail("%s", problem)
	}
	answered := 0
	for _, c := range calls {
		if c.whole() {
			answered++
		}
	}
	return pass("%d of %d were answered, the others were refused by typed errors", answered, len(calls))
}

// scripts has characters of one to four bytes, marks that combine, and writing
// from right to left.
const scripts = "Repeat exactly: süß €uro 漢字 😀👩‍🚀 e\u0301 עברית ẞ 𝄞 end"

func (k *kit) askUnicode() finding {
	var odd []*pb.GenerateRequest
	for _, prompt := range []string{scripts, strings.Repeat("😀漢ß", 400), "a\u0000b\u2028c\ufeffd"} {
		odd = append(odd, k.request(text("user", prompt)))
	}
	calls, problem := k.takes("a text in many scripts", odd...)
	if problem != "" {
		return fail("%s", problem)
	}
	for _, c := range calls {
		if t := c.text.String(); !utf8.ValidString(t) || strings.ContainsRune(t, utf8.RuneError) {
			return fail("%s has a broken character near %.60q", c.what, t[max(0, strings.IndexRune(t, utf8.RuneError)-20):])
		}
	}
	return pass("%s", outcome(calls))
}

// largePrompt is a single word: models that repeat a beginning repeat all of it.
func largePrompt(bytes int) string {
	return strings.Repeat("0123456789abcdef", bytes/16)
}

func (k *kit) askLarge() finding {
	calls, problem := k.takes("a request of 8 MiB", k.request(text("user", largePrompt(8<<20))))
	switch {
	case problem != "":
		return fail("%s", problem)
	case calls[0].error != nil && calls[0].refused(string(sdk.Auth), string(sdk.Cancelled)):
		return fail("refused as %s", calls[0].how())
	}
	return pass("%s", outcome(calls))
}

func (k *kit) askTools() finding {
	c := k.withTools()
	switch {
	case c.whole():
	case c.error != nil && c.refused(string(sdk.InvalidRequest)):
		return pass("tools are refused: %s", c.how())
	default:
		return fail("%s", c.how())
	}
	offered := map[string]bool{"heat": true, "cool": true}
	for _, t := range c.tools {
		if !offered[t.GetName()] {
			return fail("it called the tool %q, and was offered heat and cool", t.GetName())
		}
	}
	if len(c.tools) == 0 {
		return pass("it called none: %s", c.how())
	}
	return pass("it called %s with %.80s", c.tools[0].GetName(), c.tools[0].GetArguments())
}

func (k *kit) withTools() *call {
	req := k.request(text("user", "It is 30 degrees. Use a tool."))
	schema := []byte(`{"type":"object","properties":{"degrees":{"type":"integer"}},"required":["degrees"]}`)
	req.Tools = []*pb.ToolDef{
		{Name: "heat", Description: "makes it warmer", Schema: schema}, {Name: "cool", Description: "makes it cooler", Schema: schema},
	}
	req.ToolChoice = &pb.ToolChoice{Mode: "required"}
	c, err := k.ask("a request with tools", req)
	if err != nil {
		return &call{what: "a request with tools", lost: err, account: &account{}}
	}
	return c
}

func (k *kit) askSchemas() finding {
	req := k.request(text("user", plainPrompt))
	for i := range 64 {
		schema := fmt.Sprintf(`{"type":"object","properties":{"x":{"type":"string","description":%q}}}`, strings.Repeat("long ", 16<<10/5))
		req.Tools = append(req.Tools, &pb.ToolDef{Name: fmt.Sprintf("tool_%02d", i), Description: "one of many", Schema: []byte(schema)})
	}
	calls, problem := k.takes("a request with 1 MiB of tools", req)
	if problem != "" {
		return fail("%s", problem)
	}
	return pass("%s", outcome(calls))
}
