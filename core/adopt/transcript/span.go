package transcript

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// spans reads OpenTelemetry spans after the semantic conventions of generative
// AI, in OTLP JSON (a document, or an export a line) and flattened as the SDKs'
// consoles print them. Older names of attributes and those of OpenInference are
// read too.
//
// Only spans of inference count: those of agents and workflows around them repeat
// the tokens of what they contain.
type spans struct {
	known map[string]parent // by trace and span
}

// parent is what a span hands to those below it.
type parent struct {
	up      string // trace and span of its own parent
	skill   string
	session string
	agent   string
}

// maxSpans bounds how many spans are remembered for those below them.
const maxSpans = 200_000

// Names of attributes, the present one first.
var (
	attrModel    = []string{"gen_ai.response.model", "gen_ai.request.model", "llm.model_name", "llm.request.model"}
	attrProvider = []string{"gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system"}
	attrSession  = []string{"gen_ai.conversation.id", "session.id"}
	attrAgent    = []string{"gen_ai.agent.name"}
	attrSkill    = []string{"plimsoll.skill", "gen_ai.skill.name", "skill.name", "skill"}
	attrInput    = []string{"gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt", "llm.usage.prompt_tokens"}
	attrOutput   = []string{"gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion", "llm.usage.completion_tokens"}
	attrRead     = []string{"gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens", "gen_ai.usage.input_tokens.cached", "llm.token_count.prompt_details.cache_read", "llm.token_count.prompt_details.cache_input"}
	attrWrite    = []string{"gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_creation_input_tokens", "gen_ai.usage.input_tokens.cache_write", "llm.token_count.prompt_details.cache_write"}
	attrThought  = []string{"gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.output_tokens.reasoning", "llm.token_count.completion_details.reasoning"}
	attrSystem   = []string{"gen_ai.system_instructions", "gen_ai.input.messages", "input.value", "gen_ai.prompt.0.content"}
	attrAsked    = []string{"gen_ai.input.messages", "input.value"}
	attrAnswered = []string{"gen_ai.output.messages", "output.value", "gen_ai.completion.0.content"}
)

// inference are the operations that are one call of a model.
var inference = map[string]bool{"chat": true, "text_completion": true, "generate_content": true, "completion": true, "embeddings": true}

func (s *spans) record(f *file, raw []byte) {
	m := object(raw)
	list, ok := m["resourceSpans"]
	if !ok {
		list, ok = m["resource_spans"]
	}
	if !ok {
		if _, flat := m["attributes"]; !flat {
			f.odd(raw, "record without spans")
			return
		}
		s.span(f, m, nil)
		return
	}
	var groups []struct {
		Resource struct {
			Attributes json.RawMessage `json:"attributes"`
		} `json:"resource"`
		Scopes  []scoped `json:"scopeSpans"`
		Scopes2 []scoped `json:"scope_spans"`
		Old     []scoped `json:"instrumentationLibrarySpans"`
	}
	if json.Unmarshal(list, &groups) != nil {
		f.unknown("resourceSpans of another form")
		return
	}
	found := false
	for _, g := range groups {
		base := attributes(g.Resource.Attributes)
		for _, scopes := range [][]scoped{g.Scopes, g.Scopes2, g.Old} {
			for _, sc := range scopes {
				for _, sp := range sc.Spans {
					found = true
					if m := object(sp); m != nil {
						s.span(f, m, base)
					} else {
						f.unknown("span of another form")
					}
				}
			}
		}
	}
	if !found {
		f.count(&f.r.lines.NoCall)
	}
}

type scoped struct {
	Spans []json.RawMessage `json:"spans"`
}

// attributes reads a list of keys and values, or an object. Values are kept as
// JSON.
func attributes(raw json.RawMessage) map[string]json.RawMessage {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || raw[0] == '{' {
		return object(raw)
	}
	var list []struct {
		Key   string                     `json:"key"`
		Value map[string]json.RawMessage `json:"value"`
	}
	if json.Unmarshal(raw, &list) != nil {
		return nil
	}
	out := make(map[string]json.RawMessage, len(list))
	for _, kv := range list {
		for _, v := range kv.Value { // one of stringValue, intValue, ...
			out[kv.Key] = v
		}
	}
	return out
}

// plain is the first value there is, as text: a string itself, anything else as
// JSON.
func plain(m map[string]json.RawMessage, names []string) string {
	for _, n := range names {
		raw, ok := m[n]
		if !ok {
			continue
		}
		var s string
		if json.Unmarshal(raw, &s) != nil {
			s = string(raw)
		}
		if s != "" && s != "null" {
			return s
		}
	}
	return ""
}

func tokens(m map[string]json.RawMessage, names []string) (int64, bool) {
	for _, n := range names {
		if raw, ok := m[n]; ok {
			if v, ok := whole(raw); ok {
				return v, true
			}
		}
	}
	return 0, false
}

// span takes one span.
func (s *spans) span(f *file, m, base map[string]json.RawMessage) {
	attrs := attributes(m["attributes"])
	at := inner(m["context"])
	if at == nil {
		at = m
	}
	trace, id := word(at, "traceId", "trace_id"), word(at, "spanId", "span_id")
	up := word(m, "parentSpanId", "parent_span_id", "parent_id", "parentId")
	p := parent{skill: plain(attrs, attrSkill), session: plain(attrs, attrSession), agent: plain(attrs, attrAgent)}
	if p.skill == "" {
		p.skill = plain(base, attrSkill)
	}
	if up != "" {
		p.up = trace + "/" + up
	}
	if len(s.known) < maxSpans {
		s.known[trace+"/"+id] = p
	}
	operation := plain(attrs, []string{"gen_ai.operation.name"})
	input, counted := tokens(attrs, attrInput)
	output, answered := tokens(attrs, attrOutput)
	kind := plain(attrs, []string{"openinference.span.kind", "traceloop.span.kind"})
	switch {
	case inference[operation]:
	case operation == "" && (kind == "" || strings.EqualFold(kind, "llm")) && (counted || answered) && plain(attrs, attrModel) != "":
	default:
		f.count(&f.r.lines.NoCall)
		return
	}
	c := Call{
		At: moment(first(m, "startTimeUnixNano", "start_time_unix_nano", "start_time", "startTime")), Session: trace, Turn: trace,
		Model: plain(attrs, attrModel), Provider: plain(attrs, attrProvider), Counted: counted || answered,
		Skill: p.skill, Agent: p.agent,
	}
	if p.session != "" {
		c.Session = p.session
	}
	read, _ := tokens(attrs, attrRead)
	write, _ := tokens(attrs, attrWrite)
	thought, _ := tokens(attrs, attrThought)
	c.Usage = exclusive(message.Usage{Input: input, CachedInput: read, CacheWrite: write, Output: output, Reasoning: thought})
	if !credible(c.Usage) {
		f.unknown("span with impossible tokens")
		return
	}
	if micro, ok := dollars(json.Number(plain(attrs, []string{"gen_ai.usage.cost", "llm.usage.cost"}))); ok {
		c.Micro, c.Stated = micro, true
	}
	if found := f.r.opts.Skills.In(prompts(plain(attrs, attrSystem))); c.Skill == "" && len(found) > 0 {
		byPrompt(&c, found)
	}
	c.Amid = !soleIn(plain(attrs, attrAsked))
	if f.r.opts.Content {
		if !c.Amid {
			f.text(&c.Input, lastOf(plain(attrs, attrAsked)), &c.Cut)
		}
		f.text(&c.Output, prompts(plain(attrs, attrAnswered)), &c.Cut)
	}
	// Two instrumentations of one call name the same answer.
	key := keyOf(Span, trace, id)
	if answer := plain(attrs, []string{"gen_ai.response.id"}); answer != "" {
		key = keyOf("answer", answer)
	}
	if trace == "" && id == "" {
		raw, _ := json.Marshal(m)
		key = keyOf(Span, string(raw))
	}
	c.Opened = nil
	if c.Skill != "" && c.By == "" {
		c.By = ByAttribute
	}
	if f.knows(key, &c) {
		f.count(&f.r.lines.Repeated)
		return
	}
	// What is above a span ends after it, and stands below it in the file.
	c.Tools = []string{p.up}
	f.put(key, c, openSpans, false)
}

// settle looks for the skill, session and agent of the spans above.
func (s *spans) settle(_ *file, c *Call) {
	up := ""
	if len(c.Tools) == 1 {
		up, c.Tools = c.Tools[0], nil
	}
	for range 64 { // deeper is a circle
		p, ok := s.known[up]
		if !ok {
			break
		}
		if c.Skill == "" && c.Why == "" && p.skill != "" {
			c.Skill, c.By = p.skill, ByAttribute
		}
		if p.session != "" && strings.HasPrefix(up, c.Session+"/") {
			c.Session = p.session
		}
		if c.Agent == "" {
			c.Agent = p.agent
		}
		up = p.up
	}
	if c.Skill == "" && c.Why == "" {
		c.Why = WhyNone
	}
}

func byPrompt(c *Call, found []string) {
	if len(found) == 1 {
		c.Skill, c.By = found[0], ByPrompt
		return
	}
	c.Why = WhySeveral
}

func first(m map[string]json.RawMessage, names ...string) json.RawMessage {
	for _, n := range names {
		if raw, ok := m[n]; ok && string(raw) != "null" {
			return raw
		}
	}
	return nil
}

// prompts is the text in a list of messages that was written as JSON, or the text
// itself.
func prompts(s string) string {
	var b strings.Builder
	for _, m := range messages(s) {
		b.WriteString(m + "\n")
	}
	return b.String()
}

// soleIn tells of messages that were written as JSON what sole does; a text is one.
func soleIn(s string) bool {
	t := []byte(strings.TrimSpace(s))
	if len(t) == 0 || t[0] != '[' && t[0] != '{' {
		return true
	}
	var list []map[string]json.RawMessage
	if json.Unmarshal(t, &list) != nil {
		m := object(t)
		if nested, ok := m["messages"]; ok {
			return soleIn(string(nested))
		}
		list = []map[string]json.RawMessage{m}
	}
	return sole(list)
}

func lastOf(s string) string {
	all := messages(s)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1]
}

// messages are the texts of a list of messages: {role, content} or {role, parts:
// [{type, content}]}, or parts alone.
func messages(s string) []string {
	t := strings.TrimSpace(s)
	if t == "" {
		return nil
	}
	if t[0] != '[' && t[0] != '{' {
		return []string{s}
	}
	var list []json.RawMessage
	if json.Unmarshal([]byte(t), &list) != nil {
		list = []json.RawMessage{json.RawMessage(t)}
	}
	var out []string
	for _, raw := range list {
		m := object(raw)
		if nested, ok := m["messages"]; ok {
			out = append(out, messages(string(nested))...)
			continue
		}
		if text := said(m); text != "" {
			out = append(out, text)
		}
	}
	return out
}

// said is the text of one message.
func said(m map[string]json.RawMessage) string {
	if text := word(m, "content", "text"); text != "" {
		return text
	}
	for _, member := range []string{"content", "parts"} {
		var parts []map[string]json.RawMessage
		if json.Unmarshal(m[member], &parts) != nil {
			continue
		}
		var b strings.Builder
		for _, p := range parts {
			b.WriteString(word(p, "text", "content"))
		}
		return b.String()
	}
	return ""
}
