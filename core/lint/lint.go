// Package lint reads the text of tools and skills as an attacker would have
// written it, or somebody in a hurry: instructions to the model where a
// description should be, characters that nobody sees, addresses that are not
// what they look like, keys, names that are somebody else's, and descriptions
// that a model cannot choose by.
//
// It is pure and offline: no model, no network, no clock; the same texts give
// the same findings. Time is linear in the length of the text. It is no proof of
// innocence: what it does not find can be there all the same, which is why
// definitions are pinned and calls have rules. Text is data here: nothing of it
// is ever followed, and evidence is shown with every hidden character written
// out.
//
//	for _, f := range lint.Run(texts) {
//		if f.Severity == lint.Block {
//			fmt.Printf("%s: %s\n", f.Where(), f.Message)
//		}
//	}
package lint

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
)

// Kind of a text.
type Kind string

// The kinds. The body of a skill is instructions by its nature, and may speak of
// attacks: what would block a tool's description is a warning there.
const (
	Tool  Kind = "tool"
	Skill Kind = "skill"
)

// Text is what is read of one tool or skill.
type Text struct {
	Kind        Kind
	Connector   string // whose tool it is; "" for a skill
	Name        string // as its server calls it, without a prefix
	Offered     string // as agents call it; "" is CONNECTOR_NAME, or the name where there is no connector
	Title       string
	Description string
	Schema      json.RawMessage // of a tool's input; nil has none
	Body        string          // of a skill
	Hints       Hints
}

// offered is the name that agents use.
func (t *Text) offered() string {
	switch {
	case t.Offered != "":
		return t.Offered
	case t.Connector != "":
		return t.Connector + "_" + t.Name
	}
	return t.Name
}

// Hints are the annotations that a server gives a tool. They are claims of the
// server, not facts. Nil is not said.
type Hints struct {
	ReadOnly, Destructive, Idempotent, OpenWorld *bool
}

// Severity of a finding.
type Severity string

// The severities. Block: do not offer it before a person has looked. Warn: a
// person should look. Note: could be better.
const (
	Block Severity = "block"
	Warn  Severity = "warn"
	Note  Severity = "note"
)

// rank orders severities, the worst first.
func (s Severity) rank() int {
	switch s {
	case Block:
		return 0
	case Warn:
		return 1
	}
	return 2
}

// Finding is one place in a text that a rule speaks of.
type Finding struct {
	Rule      string   `json:"rule"` // a Rule's ID
	Severity  Severity `json:"severity"`
	Kind      Kind     `json:"kind"`
	Connector string   `json:"connector,omitempty"`
	Name      string   `json:"name"`
	Field     string   `json:"field"` // "name", "title", "description", "body", "schema", or a JSON pointer into the schema: "schema/properties/q/description"
	Start     int      `json:"start"` // bytes in the field, half open; both 0 where the whole field is meant
	End       int      `json:"end"`
	Evidence  string   `json:"evidence,omitempty"` // at most 120 characters, hidden ones written out, secrets masked
	Message   string   `json:"message"`            // a sentence: what is wrong and why
	Fix       string   `json:"fix"`                // a sentence: what to do
}

// Where is the place in words: `tool github/issues_create, description, byte 12`.
func (f Finding) Where() string {
	name := f.Name
	if f.Connector != "" {
		name = f.Connector + "/" + name
	}
	where := fmt.Sprintf("%s %s, %s", f.Kind, visible(name), visible(f.Field))
	if f.End > 0 {
		where += fmt.Sprintf(", byte %d", f.Start)
	}
	return where
}

// Title is what is wrong in a few words, always the same for one rule.
func (f Finding) Title() string { return rules[f.Rule].Title }

// Bounds of the findings of one rule, in one field and in one text: what is
// nothing but attacks needs no million of them.
const (
	perRule = 8
	perText = 32
)

// Run reads all texts, each on its own and against the others. Findings come in
// the order of the texts, the worst first.
func Run(texts []Text) []Finding {
	out := []Finding{}
	known := gather(texts)
	for i := range texts {
		r := &reader{text: &texts[i], count: map[string]int{}}
		r.read()
		r.compare(known, i)
		slices.SortStableFunc(r.found, func(a, b Finding) int {
			return cmp.Or(cmp.Compare(a.Severity.rank(), b.Severity.rank()), cmp.Compare(a.Field, b.Field), cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End), cmp.Compare(a.Rule, b.Rule))
		})
		out = append(out, r.found...)
	}
	return out
}

// Worst is the worst severity among findings, or "".
func Worst(findings []Finding) Severity {
	worst := Severity("")
	for _, f := range findings {
		if worst == "" || f.Severity.rank() < worst.rank() {
			worst = f.Severity
		}
	}
	return worst
}

// reader reads one text.
type reader struct {
	text  *Text
	found []Finding
	count map[string]int // by rule and field
}

// field is one piece of text with its place.
type field struct {
	name   string
	text   string
	body   bool     // a skill's body
	fences [][2]int // stretches of code in a body
}

func (r *reader) read() {
	t := r.text
	r.name()
	for _, f := range []field{{name: "title", text: t.Title}, {name: "description", text: t.Description}} {
		r.prose(f)
	}
	r.description()
	if t.Body != "" {
		r.prose(field{name: "body", text: t.Body, body: true, fences: fences(t.Body)})
	}
	r.schema()
}

// prose runs the rules for text that a model reads.
func (r *reader) prose(f field) {
	if f.text == "" {
		return
	}
	r.hidden(f)
	r.phrases(f)
	r.urls(f)
	r.secrets(f)
	r.blobs(f)
}

// add keeps a finding of a rule, at a place of a field.
func (r *reader) add(id string, f field, start, end int, evidence, format string, args ...any) {
	rule := rules[id]
	severity := rule.Severity
	if f.body && rule.Body != "" {
		severity = rule.Body
		if quoted(f, start) {
			severity = Note
		}
	}
	key := id + "\x00" + f.name
	r.count[key]++
	r.count[id]++
	if r.count[key] > perRule || r.count[id] > perText {
		return
	}
	r.found = append(r.found, Finding{
		Rule: id, Severity: severity, Kind: r.text.Kind, Connector: r.text.Connector, Name: r.text.Name,
		Field: f.name, Start: start, End: end, Evidence: evidence,
		Message: fmt.Sprintf(format, args...), Fix: rule.Fix,
	})
}

// full tells that no further finding of a rule is kept.
func (r *reader) full(id string, f field) bool {
	return r.count[id+"\x00"+f.name] >= perRule || r.count[id] >= perText
}

// at is add with the text of the place as evidence.
func (r *reader) at(id string, f field, start, end int, format string, args ...any) {
	if r.full(id, f) {
		return
	}
	r.add(id, f, start, end, around(f.text, start, end), format, args...)
}
