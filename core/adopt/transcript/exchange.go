package transcript

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// exchanges reads logs of requests and answers, whose bodies have the form of
// OpenAI's or Anthropic's API: under request and response, or at the top, or the
// answer alone. OpenAI's batch files are of this shape too.
type exchanges struct{}

// Names that loggers give to the parts.
var (
	partRequest  = []string{"request", "req", "request_body", "requestBody", "input_body"}
	partResponse = []string{"response", "res", "resp", "response_body", "responseBody", "completion"}
	partTime     = []string{"timestamp", "time", "ts", "at", "start_time", "startTime", "started_at", "startedAt", "created_at", "createdAt", "date", "created"}
	partSession  = []string{"session_id", "sessionId", "session", "conversation_id", "thread_id", "trace_id"}
	partSkill    = []string{"skill", "skill_name"}
)

// exchanged tells whether a record is of this shape.
func exchanged(m map[string]json.RawMessage) bool {
	for _, names := range [][]string{partRequest, partResponse} {
		if b := body(m, names); b["model"] != nil || b["usage"] != nil {
			return true
		}
	}
	_, usage := m["usage"]
	kind, object := word(m, "type"), word(m, "object")
	return usage && m["model"] != nil || kind == "message" && m["role"] != nil || slices.Contains([]string{"chat.completion", "chat.completion.chunk", "text_completion", "response"}, object)
}

// body is a request or an answer, without what carries it.
func body(m map[string]json.RawMessage, names []string) map[string]json.RawMessage {
	b := inner(first(m, names...))
	for _, wrap := range []string{"body", "data", "json"} {
		if in := inner(b[wrap]); in != nil && b["model"] == nil {
			return in
		}
	}
	return b
}

func (exchanges) settle(*file, *Call) {}

func (exchanges) record(f *file, raw []byte) {
	m := object(raw)
	if !exchanged(m) {
		f.odd(raw, word(m, "type", "object", "kind", "level"))
		return
	}
	asked, answer := body(m, partRequest), body(m, partResponse)
	alone := answer == nil
	if alone {
		answer = m
	}
	if asked == nil {
		asked = m
	}
	c := Call{
		At: moment(first(m, partTime...)), Session: word(m, partSession...), Provider: word(m, "provider"), Agent: word(m, "agent"),
		Model: word(answer, "model"),
	}
	if c.Model == "" {
		c.Model = word(asked, "model")
	}
	if c.At.IsZero() {
		c.At = moment(first(answer, "created", "created_at"))
	}
	var ok bool
	c.Usage, c.Counted, ok = used(answer)
	if !ok {
		f.unknown("answer with impossible tokens")
		return
	}
	status, _ := whole(first(inner(first(m, partResponse...)), "status_code", "status"))
	failed := status >= 400 || filled(answer["error"]) || filled(m["error"])
	chunk := word(answer, "object") == "chat.completion.chunk" || strings.HasPrefix(word(m, "type"), "response.") || strings.HasSuffix(word(m, "type"), "_delta")
	switch {
	case !c.Counted && (failed || chunk):
		f.count(&f.r.lines.NoCall)
		return
	case c.Model == "" && !c.Counted:
		f.unknown("record without model and tokens")
		return
	}
	if c.Provider == "" {
		c.Provider = dialect(answer)
	}
	for _, cost := range []json.RawMessage{m["cost"], m["cost_usd"], m["response_cost"], inner(answer["usage"])["cost"]} {
		if micro, ok := dollars(json.Number(strings.Trim(string(cost), `"`))); ok && !c.Stated {
			c.Micro, c.Stated = micro, true
		}
	}
	c.skillOf(f, m, asked, answer)
	if c.Session == "" {
		c.Session = word(inner(m["metadata"]), partSession...)
	}
	c.Amid = !sole(turns(asked)) || filled(asked["previous_response_id"]) || filled(asked["conversation"])
	if f.r.opts.Content {
		if !c.Amid {
			f.text(&c.Input, question(asked), &c.Cut)
		}
		f.text(&c.Output, reply(answer), &c.Cut)
	}
	key := keyOf(Exchange, string(raw))
	if id := word(answer, "id"); id != "" {
		key = keyOf("answer", id)
	}
	if f.knows(key, &c) {
		f.count(&f.r.lines.Repeated)
		return
	}
	f.put(key, c, openCalls, true)
}

// skillOf looks for a skill's name beside the bodies, then for its text in the
// prompt.
func (c *Call) skillOf(f *file, m, asked, answer map[string]json.RawMessage) {
	for _, of := range []map[string]json.RawMessage{m, inner(m["metadata"]), inner(asked["metadata"]), inner(answer["metadata"])} {
		if name := word(of, partSkill...); name != "" {
			c.Skill, c.By = name, ByAttribute
			return
		}
	}
	found := f.r.opts.Skills.In(system(asked))
	if len(found) == 0 {
		c.Why = WhyNone
		return
	}
	byPrompt(c, found)
}

// filled tells an error from the null that stands for none.
func filled(raw json.RawMessage) bool {
	raw = bytes.TrimSpace(raw)
	return len(raw) > 0 && string(raw) != "null" && string(raw) != `""` && string(raw) != "{}" && string(raw) != "false"
}

// used reads the tokens of an answer in the form of either API. ok is false for
// numbers that nobody measured.
func used(answer map[string]json.RawMessage) (u message.Usage, counted, ok bool) {
	raw := inner(answer["usage"])
	if raw == nil {
		return u, false, true
	}
	get := func(m map[string]json.RawMessage, name string) int64 {
		n, _ := whole(m[name])
		return n
	}
	_, chat := raw["prompt_tokens"]
	_, read := raw["cache_read_input_tokens"]
	_, write := raw["cache_creation_input_tokens"]
	switch {
	case chat:
		u = exclusive(message.Usage{
			Input: get(raw, "prompt_tokens"), CachedInput: get(inner(raw["prompt_tokens_details"]), "cached_tokens"),
			Output: get(raw, "completion_tokens"), Reasoning: get(inner(raw["completion_tokens_details"]), "reasoning_tokens"),
		})
	case read || write || dialect(answer) == "anthropic":
		u = message.Usage{Input: get(raw, "input_tokens"), CachedInput: get(raw, "cache_read_input_tokens"), CacheWrite: get(raw, "cache_creation_input_tokens"), Output: get(raw, "output_tokens")}
		u.CacheWrite1h = min(get(inner(raw["cache_creation"]), "ephemeral_1h_input_tokens"), u.CacheWrite)
	default:
		u = exclusive(message.Usage{
			Input: get(raw, "input_tokens"), CachedInput: get(inner(raw["input_tokens_details"]), "cached_tokens"),
			Output: get(raw, "output_tokens"), Reasoning: get(inner(raw["output_tokens_details"]), "reasoning_tokens"),
		})
	}
	for _, name := range []string{"input_tokens", "output_tokens", "prompt_tokens", "completion_tokens", "total_tokens"} {
		if _, found := whole(raw[name]); found {
			counted = true
		}
	}
	return u, counted, credible(u)
}

// dialect is whose API an answer has the form of.
func dialect(answer map[string]json.RawMessage) string {
	switch {
	case word(answer, "type") == "message", strings.HasPrefix(word(answer, "id"), "msg_"):
		return "anthropic"
	case word(answer, "object") != "", strings.HasPrefix(word(answer, "id"), "chatcmpl-"), strings.HasPrefix(word(answer, "id"), "resp_"):
		return "openai"
	}
	return ""
}

// system is the system prompt of a request.
func system(asked map[string]json.RawMessage) string {
	var b strings.Builder
	for _, member := range []string{"system", "instructions"} {
		b.WriteString(prompts(plain(asked, []string{member})))
	}
	for _, m := range turns(asked) {
		if r := word(m, "role"); r == "system" || r == "developer" {
			b.WriteString(said(m) + "\n")
		}
	}
	return b.String()
}

// question is the last message of the user.
func question(asked map[string]json.RawMessage) string {
	all := turns(asked)
	for _, m := range slices.Backward(all) {
		if word(m, "role") == "user" {
			return said(m)
		}
	}
	return word(asked, "input", "prompt")
}

// sole tells whether messages are one of the user, and none of a conversation
// before it. No messages at all are a prompt.
func sole(all []map[string]json.RawMessage) bool {
	users := 0
	for _, m := range all {
		role := word(m, "role")
		if role == "" && slices.Contains([]string{"", "message", "text", "input_text"}, word(m, "type")) {
			role = "user"
		}
		switch role {
		case "user", "human":
			users++
		case "system", "developer":
		default:
			return false
		}
	}
	return users == 1 || len(all) == 0
}

func turns(asked map[string]json.RawMessage) []map[string]json.RawMessage {
	for _, member := range []string{"messages", "input"} {
		var list []map[string]json.RawMessage
		if raw, ok := asked[member]; ok && json.Unmarshal(raw, &list) == nil {
			return list
		}
	}
	return nil
}

// reply is the text of an answer.
func reply(answer map[string]json.RawMessage) string {
	var choices []struct {
		Message map[string]json.RawMessage `json:"message"`
		Text    string                     `json:"text"`
	}
	if json.Unmarshal(answer["choices"], &choices) == nil && len(choices) > 0 {
		return said(choices[0].Message) + choices[0].Text
	}
	if text := said(answer); text != "" {
		return text
	}
	return prompts(plain(answer, []string{"output"}))
}
