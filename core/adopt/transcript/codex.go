package transcript

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// codex reads the rollouts of Codex. A call shows as an event that counts tokens:
// those of the call, and the sum of the session so far. The event is repeated when
// only a rate limit changed, and a fork begins with a copy of its parent's.
type codex struct {
	session  string
	lineage  []string // this session and those that it was forked from
	agent    string
	provider string
	model    string
	turn     turn
	task     bool     // the log says where turns begin
	fresh    []string // opened since the last call
	next     []string // opened by the call that is not counted yet
	sum      *codexUsage
	tools    []string
	output   string
	cut      bool
	said     int // messages of the user
	answered bool
	own      bool // a runner's task
}

var codexTypes = map[string]bool{
	"session_meta": true, "turn_context": true, "response_item": true, "event_msg": true, "compacted": true,
	"ghost_snapshot": true, "world_state": true, "token_usage": true,
}

type codexLine struct {
	Timestamp json.RawMessage `json:"timestamp"`
	Type      string          `json:"type"`
	Payload   json.RawMessage `json:"payload"`
}

// codexUsage is what OpenAI's API says of tokens: input includes what was read
// from the cache, output includes reasoning.
type codexUsage struct {
	Input     int64 `json:"input_tokens"`
	Cached    int64 `json:"cached_input_tokens"`
	Write     int64 `json:"cache_write_input_tokens"`
	Output    int64 `json:"output_tokens"`
	Reasoning int64 `json:"reasoning_output_tokens"`
}

func (u codexUsage) tokens() message.Usage {
	out := message.Usage{Input: u.Input, CachedInput: u.Cached, CacheWrite: u.Write, Output: u.Output, Reasoning: u.Reasoning}
	return exclusive(out)
}

// exclusive turns an input that includes the cached tokens into one that does not.
// One that is smaller than these never included them.
func exclusive(u message.Usage) message.Usage {
	if cached := u.CachedInput + u.CacheWrite; u.Input >= cached {
		u.Input -= cached
	}
	return u
}

// minus is what came since; ok is false where a sum fell: it was begun anew.
func (u codexUsage) minus(v codexUsage) (codexUsage, bool) {
	d := codexUsage{u.Input - v.Input, u.Cached - v.Cached, u.Write - v.Write, u.Output - v.Output, u.Reasoning - v.Reasoning}
	return d, min(d.Input, d.Cached, d.Write, d.Output, d.Reasoning) >= 0
}

func (s *codex) settle(*file, *Call) {}

func (s *codex) record(f *file, raw []byte) {
	var l codexLine
	if json.Unmarshal(raw, &l) != nil {
		f.odd(raw, word(object(raw), "type")+" of another form")
		return
	}
	switch {
	case !codexTypes[l.Type]:
		f.unknown(l.Type)
		return
	case l.Type == "session_meta":
		s.meta(l.Payload)
	case l.Type == "turn_context":
		if model := word(inner(l.Payload), "model", "model_name"); model != "" {
			s.model = model
		}
	case l.Type == "compacted":
		s.answered = true // it stands for the conversation before it
	case l.Type == "response_item":
		s.item(f, l.Payload)
	case l.Type == "event_msg":
		if s.event(f, l) {
			return
		}
	}
	f.count(&f.r.lines.NoCall)
}

// meta reads the head of a session. The heads that a fork copied stand below its
// own.
func (s *codex) meta(payload json.RawMessage) {
	var m struct {
		ID       string          `json:"id"`
		Session  string          `json:"session_id"`
		Forked   string          `json:"forked_from_id"`
		Provider string          `json:"model_provider"`
		Source   json.RawMessage `json:"source"`
		Folder   string          `json:"cwd"`
	}
	if json.Unmarshal(payload, &m) != nil {
		return
	}
	if m.ID == "" {
		m.ID = m.Session
	}
	for _, id := range []string{m.ID, m.Forked} {
		if id != "" && !slices.Contains(s.lineage, id) {
			s.lineage = append(s.lineage, id)
		}
	}
	s.own = s.own || ofRunner(m.Folder)
	if s.session == "" {
		s.session, s.provider = m.ID, m.Provider
		if _, sub := inner(m.Source)["subagent"]; sub {
			s.agent = "subagent"
		}
	}
}

// item looks at what was said: the text of skills that were put in, files that are
// read, tools.
func (s *codex) item(f *file, payload json.RawMessage) {
	var m struct {
		Type      string          `json:"type"`
		Role      string          `json:"role"`
		Name      string          `json:"name"`
		Content   json.RawMessage `json:"content"`
		Arguments string          `json:"arguments"`
		Input     string          `json:"input"`
		Action    json.RawMessage `json:"action"`
	}
	if json.Unmarshal(payload, &m) != nil {
		return
	}
	switch {
	case m.Type == "message" && m.Role == "assistant":
		if f.r.opts.Content {
			text, _ := spoken(m.Content)
			f.text(&s.output, text, &s.cut)
		}
	case m.Type == "message" && m.Role == "user":
		text, _ := spoken(m.Content)
		if rest, ok := strings.CutPrefix(strings.TrimSpace(text), "<skill>"); ok {
			_, rest, _ = strings.Cut(rest, "<name>")
			name, _, found := strings.Cut(rest, "</name>")
			if name = strings.TrimSpace(name); found && name != "" {
				s.turn.open(skillName(name), ByTool)
				s.fresh = append(s.fresh, skillName(name))
			}
		}
	case strings.HasSuffix(m.Type, "_call"):
		if m.Name == "" {
			m.Name = m.Type
		}
		s.tools = append(s.tools, m.Name)
		// Arguments are JSON in a string: a path in it has no escapes but on Windows.
		if name := skillIn(strings.ReplaceAll(m.Arguments+m.Input+string(m.Action), `\\`, "/")); name != "" {
			s.next = append(s.next, name)
		}
	}
}

// event tells whether it has counted the record.
func (s *codex) event(f *file, l codexLine) bool {
	var m struct {
		Type    string `json:"type"`
		Message string `json:"message"`
		Info    *struct {
			Total *codexUsage `json:"total_token_usage"`
			Last  *codexUsage `json:"last_token_usage"`
		} `json:"info"`
	}
	if json.Unmarshal(l.Payload, &m) != nil {
		f.unknown("event_msg of another form")
		return true
	}
	switch m.Type {
	case "task_started", "turn_started":
		s.task = true
		s.begin(nil)
	case "user_message":
		if !s.task {
			s.begin(s.fresh)
		}
		s.asked(m.Message)
	case "token_count":
		if m.Info != nil && (m.Info.Total != nil || m.Info.Last != nil) {
			s.call(f, l, m.Info.Total, m.Info.Last)
			return true
		}
	}
	return false
}

// asked takes a message of the user: a task is whole where it is the first one of
// the session, and the only one before the answer.
func (s *codex) asked(text string) {
	if s.said++; s.turn.input == "" {
		s.turn.input = text
	}
	s.turn.amid = s.turn.amid || s.answered || s.said > 1
}

func (s *codex) begin(skills []string) {
	s.turn = turn{number: s.turn.number + 1, amid: s.answered}
	for _, name := range skills {
		s.turn.open(name, ByTool)
	}
	s.next = nil
}

// call takes a count of tokens. The difference of two sums is what cannot lose or
// double anything; the call's own count stands in where a sum was begun anew, or
// is the first of a fork, which begins with its parent's.
func (s *codex) call(f *file, l codexLine, total, last *codexUsage) {
	s.answered = true
	if s.own {
		f.count(&f.r.lines.Own)
		return
	}
	var used codexUsage
	id := []string{Codex, ""}
	switch total {
	case nil:
		used = *last
		id = append(id, string(l.Timestamp), fmt.Sprint(*last))
	default:
		if s.sum != nil && *total == *s.sum {
			f.count(&f.r.lines.Repeated)
			return
		}
		id = append(id, fmt.Sprint(*total))
		diff, ok := *total, true
		if s.sum != nil {
			diff, ok = total.minus(*s.sum)
		}
		used = diff
		if last != nil && (s.sum == nil && len(s.lineage) > 1 || !ok) {
			used = *last
		} else if !ok {
			used = *total
		}
		s.sum = total
	}
	c := Call{
		At: moment(l.Timestamp), Session: s.session, Agent: s.agent, Model: s.model, Provider: s.provider,
		Turn: fmt.Sprint(s.turn.number), Usage: used.tokens(), Counted: true, Tools: s.tools, Opened: s.next,
		Output: s.output, Cut: s.cut,
	}
	s.tools, s.output, s.cut = nil, "", false
	if c.Provider == "" {
		c.Provider = "openai"
	}
	if !credible(c.Usage) {
		f.unknown("token_count with impossible tokens")
		return
	}
	s.turn.of(&c)
	if c.Amid = s.turn.amid; f.r.opts.Content && !c.Amid {
		f.text(&c.Input, s.turn.input, &c.Cut)
	}
	s.once(f, c, id)
	for _, name := range s.next {
		s.turn.open(name, ByFile)
	}
	s.next, s.fresh = nil, nil
}

// once counts the call once in the session and in those that it was forked
// from: the same sum in both is the same call.
func (s *codex) once(f *file, c Call, id []string) {
	lineage := s.lineage
	if len(lineage) == 0 {
		lineage = []string{f.name}
	}
	var keys [][16]byte
	for _, of := range lineage {
		id[1] = of
		keys = append(keys, keyOf(id...))
	}
	for _, k := range keys {
		if _, ok := f.r.seen[k]; ok {
			f.count(&f.r.lines.Repeated)
			return
		}
	}
	for _, k := range keys[1:] {
		f.r.seen[k] = struct{}{}
	}
	f.put(keys[0], c, 0, true)
}
