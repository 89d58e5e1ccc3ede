package backend

import (
	"fmt"
	"strings"

	sdk "github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// ruleQuestions are about every call of the run: they come last, and each sees to
// it that there were some calls.
func ruleQuestions() []question {
	of := func(r rule) func(*kit) finding {
		return func(k *kit) finding { return k.askRule(r) }
	}
	return []question{
		{
			id: "stream.one_end", title: "every answer has an end", section: inProto, running: true, ask: of(oneEnd),
			says: "A stream ends with exactly one Done or one error, in the time that the host gives it.",
			do:   "call out.Done, or return an error, on every way out of Generate",
		},
		{
			id: "stream.none_after", title: "nothing follows the end of an answer", section: inSink, running: true, ask: of(noneAfter),
			says: "Nothing may follow Done or an error: no text, no tool call, no second end.",
			do:   "send usage and finish reason once, after the model's last delta",
		},
		{
			id: "stream.closes", title: "a stream closes after its end", section: inProto, running: true, ask: of(closes),
			says: "After Done Generate returns, and the stream closes with the status OK.",
			do:   "return from Generate after Done; clean up elsewhere",
		},
		{
			id: "stream.events", title: "every event holds something that can be used", section: inProto, running: true, ask: of(events),
			says: "An event holds text, a whole tool call, Done or an error. A tool call has a name, and its arguments are a JSON object.",
			do:   "gather the deltas of a tool call, and send it when it is whole",
		},
		{
			id: "stream.bounded", title: "no answer floods the host", section: "sdk/backend, MaxAnswer", running: true, ask: of(bounded),
			says: "Text and tool arguments of an answer have at most 64 MiB.",
			do:   "stop at the request's limit of output tokens",
		},
		{
			id: "answer.model", title: "it says which model answered", section: inSink, running: true, ask: of(modelID),
			says: "Done names the id that really answered, which may differ from the one that was asked for.",
			do:   "hand on the id in the API's answer",
		},
		{
			id: "answer.finish", title: "it says why the model stopped", section: "sdk/message, Finish", running: true, ask: of(finishWord),
			says: "A finish reason is stop, length, tool_calls or refusal, and tool_calls comes with calls.",
			do:   "map the API's reasons to the four",
		},
		{
			id: "answer.usage", title: "usage adds up", section: inUsage, running: true, ask: of(usageSums),
			says: "No number is below zero; input excludes what was cached or written to the cache; output includes reasoning; what was written for an hour is a part of what was written; what was said is not free.",
			do:   "subtract cached tokens where the API's prompt tokens include them",
		},
		{
			id: "answer.prompt", title: "the same prompt has the same size", section: inUsage, running: true, answers: true, ask: (*kit).askPrompt,
			says: "Input, cached input and cache writes add up to the prompt, however much of it was cached.",
			do:   "subtract cached tokens from input where the API's prompt tokens include them",
		},
		{
			id: "error.model", title: "a model that it does not have is refused, or not claimed", section: inErrors, running: true, answers: true, ask: (*kit).askUnknownModel,
			says: "A request that can never succeed is invalid_request. Who answers for another model says which one answered.",
			do:   "look the model up, or map the API's refusal to invalid_request",
		},
		{
			id: "error.event", title: "failures of a call are error events", section: inProto, running: true, ask: of(typed),
			says: "A failed call ends with an error event. A gRPC status says that the call was lost, which the host pays for at its upper bound.",
			do:   "return the error from Generate; the SDK sends it",
		},
		{
			id: "error.typed", title: "every error says what it is and whether a retry may help", section: inErrors, running: true, ask: (*kit).askErrors,
			says: "An error has one of the codes auth, rate_limited, overloaded, context_length, content_policy, invalid_request, unavailable, cancelled, a message, and no retry where none can help.",
			do:   "use backend.Errorf, which sets Retryable by the code",
		},
		{
			id: "environment.secrets", title: "it shows no secret", section: inErrors, running: true, ask: (*kit).askSecrets,
			says: "No description, answer, error or line on stderr holds the value of a secret, or of a variable that was not declared.",
			do:   "print no environment, and take keys out of the texts of errors",
		},
	}
}

// sample makes the calls that rules are judged by where no other case made any.
func (k *kit) sample() {
	if k.sampled {
		return
	}
	k.sampled = true
	if !k.plain().whole() {
		return
	}
	k.withTools()
	k.unknownModel()
}

func (k *kit) askRule(r rule) finding {
	k.sample()
	var how []string
	n := 0
	for _, c := range k.calls {
		for _, b := range c.breaches {
			if b.rule == r {
				n++
				if len(how) < 3 {
					how = append(how, b.how)
				}
			}
		}
	}
	if n > 0 {
		return fail("%d times in %d calls: %s", n, len(k.calls), strings.Join(how, "; "))
	}
	whole := 0
	for _, c := range k.calls {
		if c.ended {
			whole++
		}
	}
	if whole == 0 {
		return skip("no call came to an end that could be judged: see backend.generate.answer")
	}
	return pass("in %d calls", len(k.calls))
}

func (k *kit) askPrompt() finding {
	var sizes []int64
	for range 3 {
		c, err := k.ask("a plain request", k.request(text("user", plainPrompt)))
		switch {
		case err != nil:
			return fail("%v", err)
		case !c.whole():
			return fail("%s", c.how())
		}
		u := c.done.GetUsage()
		sizes = append(sizes, u.GetInput()+u.GetCachedInput()+u.GetCacheWrite())
	}
	if sizes[0] != sizes[1] || sizes[1] != sizes[2] {
		return fail("three times the same prompt has %v tokens", sizes)
	}
	return pass("%d tokens", sizes[0])
}

const unknownID = "no-such-model-of-the-conformance-kit"

func (k *kit) unknownModel() *call {
	req := k.request(text("user", plainPrompt))
	req.Model = unknownID
	c, err := k.ask("a request to a model that does not exist", req)
	if err != nil {
		return &call{lost: err, account: &account{}}
	}
	return c
}

func (k *kit) askUnknownModel() finding {
	c := k.unknownModel()
	switch {
	case c.error != nil && c.refused(string(sdk.InvalidRequest)):
		return pass("%s", c.how())
	case !c.whole():
		return fail("%s", c.how())
	case c.done.GetModel() == unknownID && len(k.desc.GetModels()) > 0:
		return fail("it says that %s answered, which is none of its models", unknownID)
	}
	return pass("it says that %s answered", c.done.GetModel())
}

// fates says of every code whether the same request may succeed later: true,
// false, or left to the backend when it is not here.
var fates = map[string]bool{
	string(sdk.RateLimited): true, string(sdk.InvalidRequest): false, string(sdk.ContextLength): false, string(sdk.Auth): false,
}

func (k *kit) askErrors() finding {
	k.sample()
	known := map[string]bool{}
	for _, c := range []sdk.ErrorCode{sdk.Auth, sdk.RateLimited, sdk.Overloaded, sdk.ContextLength, sdk.ContentPolicy, sdk.InvalidRequest, sdk.Unavailable, sdk.Cancelled} {
		known[string(c)] = true
	}
	seen := map[string]bool{}
	for _, f := range k.errors {
		e := f.error
		may, said := fates[e.GetCode()]
		switch {
		case !known[e.GetCode()]:
			return fail("%s was answered with the code %q: %.200s", f.of, e.GetCode(), e.GetMessage())
		case strings.TrimSpace(e.GetMessage()) == "":
			return fail("%s was answered with %s and no message", f.of, e.GetCode())
		case said && may != e.GetRetryable():
			return fail("%s was answered with %s and retryable %v: %.200s", f.of, e.GetCode(), e.GetRetryable(), e.GetMessage())
		case e.GetRetryAfterMs() < 0:
			return fail("%s was answered with a wait of %d ms", f.of, e.GetRetryAfterMs())
		}
		seen[e.GetCode()] = true
	}
	if len(k.errors) == 0 {
		return skip("there was no error in %d calls", len(k.calls))
	}
	var codes []string
	for c := range known {
		if seen[c] {
			codes = append(codes, c)
		}
	}
	return pass("%s", fmt.Sprintf("%d errors: %s", len(k.errors), strings.Join(sorted(codes), ", ")))
}
