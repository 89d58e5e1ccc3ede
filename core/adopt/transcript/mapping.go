package transcript

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// Mapping says where the parts of a call stand in plain JSONL. Each is a path of
// names with dots between them (numbers count in lists, from 0), or a constant
// after "=". An empty one is not in the log.
type Mapping struct {
	At       string `json:"at"`
	Model    string `json:"model"`
	Skill    string `json:"skill,omitempty"`
	Session  string `json:"session,omitempty"`
	Agent    string `json:"agent,omitempty"`
	Provider string `json:"provider,omitempty"`
	ID       string `json:"id,omitempty"` // what tells a repeated record; without one, the whole line
	Input    string `json:"input,omitempty"`
	Output   string `json:"output,omitempty"`
	System   string `json:"system,omitempty"` // the system prompt, where a skill's text is looked for

	InputTokens     string `json:"input_tokens,omitempty"` // including cached ones, unless InputExcludes
	CachedTokens    string `json:"cached_tokens,omitempty"`
	WrittenTokens   string `json:"cache_write_tokens,omitempty"`
	OutputTokens    string `json:"output_tokens,omitempty"`
	ReasoningTokens string `json:"reasoning_tokens,omitempty"`
	InputExcludes   bool   `json:"input_excludes_cached,omitempty"`

	CostUSD string `json:"cost_usd,omitempty"`
}

// mappingFields are the members of a mapping, for hints.
var mappingFields = []string{
	"at", "model", "skill", "session", "agent", "provider", "id", "input", "output", "system", "input_tokens", "cached_tokens",
	"cache_write_tokens", "output_tokens", "reasoning_tokens", "input_excludes_cached", "cost_usd",
}

// maxMapping bounds the file, in bytes.
const maxMapping = 64 << 10

// ParseMapping reads a mapping. Errors say which member is wrong.
func ParseMapping(src []byte) (*Mapping, error) {
	if len(src) > maxMapping {
		return nil, fmt.Errorf("a mapping has at most %d bytes, this one has %d", maxMapping, len(src))
	}
	members := object(bytes.TrimSpace(src))
	if members == nil {
		return nil, errors.New(`a mapping is one JSON object, such as {"at": "time", "model": "llm.model", "input_tokens": "usage.in", "output_tokens": "usage.out"}`)
	}
	for name := range members {
		if !slices.Contains(mappingFields, name) {
			return nil, fmt.Errorf("a mapping has no member %q.%s It has: %s", name, diag.DidYouMean(name, mappingFields), strings.Join(mappingFields, ", "))
		}
	}
	var m Mapping
	d := json.NewDecoder(bytes.NewReader(src))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return nil, fmt.Errorf("reading a mapping: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("a mapping is one JSON object, and something stands behind it")
	}
	switch {
	case m.Model == "":
		return nil, errors.New(`a mapping needs "model": where the model's name stands, or "=NAME" when all calls are of one`)
	case m.InputTokens == "" && m.OutputTokens == "" && m.CostUSD == "":
		return nil, errors.New(`a mapping needs "input_tokens" and "output_tokens", or "cost_usd": without them nothing is known of what a call cost`)
	}
	return &m, nil
}

// mapped reads plain JSONL.
type mapped struct{ m *Mapping }

func (mapped) settle(*file, *Call) {}

func (s mapped) record(f *file, raw []byte) {
	m, of := s.m, object(raw)
	at := func(path string) json.RawMessage { return at(of, path) }
	model := at(m.Model)
	in, hasIn := whole(at(m.InputTokens))
	out, hasOut := whole(at(m.OutputTokens))
	cost, stated := dollars(json.Number(strings.Trim(string(at(m.CostUSD)), `"`)))
	if model == nil && !hasIn && !hasOut && !stated {
		f.odd(raw, cmp.Or(word(of, "type", "kind", "event"), "record without anything that the mapping names"))
		return
	}
	read, _ := whole(at(m.CachedTokens))
	write, _ := whole(at(m.WrittenTokens))
	thought, _ := whole(at(m.ReasoningTokens))
	c := Call{
		At: moment(at(m.At)), Model: asText(model), Skill: asText(at(m.Skill)), Session: asText(at(m.Session)), Agent: asText(at(m.Agent)),
		Provider: asText(at(m.Provider)), Micro: cost, Stated: stated, Counted: hasIn || hasOut,
		Usage: message.Usage{Input: in, CachedInput: read, CacheWrite: write, Output: out, Reasoning: thought},
	}
	if !m.InputExcludes {
		c.Usage = exclusive(c.Usage)
	}
	if !credible(c.Usage) {
		f.unknown("record with impossible tokens")
		return
	}
	switch found := f.r.opts.Skills.In(prompts(asText(at(m.System)))); {
	case c.Skill != "":
		c.By = ByAttribute
	case len(found) > 0:
		byPrompt(&c, found)
	default:
		c.Why = WhyNone
	}
	if f.r.opts.Content {
		f.text(&c.Input, asText(at(m.Input)), &c.Cut)
		f.text(&c.Output, asText(at(m.Output)), &c.Cut)
	}
	key := keyOf(Mapped, string(raw))
	if id := asText(at(m.ID)); id != "" {
		key = keyOf(Mapped, id)
	}
	if f.knows(key, &c) {
		f.count(&f.r.lines.Repeated)
		return
	}
	f.put(key, c, openCalls, true)
}

// names tells whether a record has anything of what makes a call.
func (m *Mapping) names(of map[string]json.RawMessage) bool {
	for _, path := range []string{m.Model, m.InputTokens, m.OutputTokens, m.CostUSD} {
		if !strings.HasPrefix(path, "=") && at(of, path) != nil {
			return true
		}
	}
	return false
}

// at finds a value by its path, nil where nothing stands there.
func at(m map[string]json.RawMessage, path string) json.RawMessage {
	if path == "" {
		return nil
	}
	if constant, ok := strings.CutPrefix(path, "="); ok {
		b, err := json.Marshal(constant)
		if err != nil {
			return nil
		}
		return b
	}
	step, rest, deeper := strings.Cut(path, ".")
	raw := m[step]
	for raw != nil && deeper {
		step, rest, deeper = strings.Cut(rest, ".")
		if raw = bytes.TrimSpace(raw); raw[0] != '[' {
			raw = inner(raw)[step]
			continue
		}
		var list []json.RawMessage
		n, err := strconv.Atoi(step)
		if err != nil || json.Unmarshal(raw, &list) != nil || n < 0 || n >= len(list) {
			return nil
		}
		raw = list[n]
	}
	if string(bytes.TrimSpace(raw)) == "null" {
		return nil
	}
	return raw
}

// asText is a value as text: a string itself, anything else as JSON.
func asText(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}
