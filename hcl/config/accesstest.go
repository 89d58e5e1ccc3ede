package config

import (
	"encoding/json"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// AccessCase is a `case` block of a file of access tests. What was not said is
// filled in from the project.
type AccessCase struct {
	Name        string
	File        string
	Principal   string
	Roles       []string
	Kind        string // "local", "token" or "oauth"
	Tool        string
	Connector   string // of the tool; "" when none of the project has such names
	Skill       string
	Args        json.RawMessage // nil: none
	Pinned      bool
	At          time.Time
	Spent       []string
	Annotations GivenAnnotations
	Session     GivenSession
	Expect      string // "allow", "deny", "ask"; "" is not looked at
	Rule        string // "" is not looked at
	Reason      string // "" is not looked at
	Visible     *bool  // nil is not looked at
	Ranges      map[string]diag.Range
	Range       diag.Range
}

// GivenAnnotations is an `annotations` block; nil is not known.
type GivenAnnotations struct {
	Title                                        string
	ReadOnly, Destructive, Idempotent, OpenWorld *bool
}

// GivenSession is a `session` block.
type GivenSession struct {
	Calls, Denied, Asked int
	Tools                []string
	Age                  time.Duration
}

// caseTime is when a case is that does not say: a Wednesday, at noon.
var caseTime = time.Date(2026, 1, 7, 12, 0, 0, 0, time.UTC)

// ParseAccessTests reads a file of access tests. Variables, locals, principals and
// connectors are those of the project p, which Load has read. The cases are those
// that could be understood.
func ParseAccessTests(name string, src []byte, p *Project) ([]*AccessCase, diag.List) {
	return parseTests(name, src, p, "A file of access tests", accessTestDoc(), func(b *body, name label) *AccessCase { return b.accessCase(name, p) })
}

func (b *body) accessCase(name label, p *Project) *AccessCase {
	c := &AccessCase{
		Name: name.text, File: name.rng.File, Principal: b.str("principal"), Roles: b.strs("roles"), Kind: b.str("kind"),
		Tool: b.str("tool"), Connector: b.str("connector"), Skill: b.str("skill"), Pinned: true, At: b.time("at"), Spent: b.strs("spent"),
		Expect: b.str("expect"), Rule: b.str("rule"), Reason: b.str("reason"), Visible: b.flag("visible", nil),
		Ranges: map[string]diag.Range{}, Range: b.header,
	}
	if x := b.flag("pinned", nil); x != nil {
		c.Pinned = *x
	}
	for _, a := range b.attributes() {
		c.Ranges[a.Name] = convert(a.Expr.Range())
	}
	if a := b.attr("args"); a != nil {
		c.Args = b.json(a)
	}
	b.each("annotations", func(n *body, _ label) {
		c.Annotations = GivenAnnotations{
			Title: n.str("title"), ReadOnly: n.flag("read_only", nil), Destructive: n.flag("destructive", nil),
			Idempotent: n.flag("idempotent", nil), OpenWorld: n.flag("open_world", nil),
		}
	})
	b.each("session", func(n *body, _ label) {
		c.Session = GivenSession{Calls: n.integerOr("calls", 0), Denied: n.integerOr("denied", 0), Asked: n.integerOr("asked", 0), Tools: n.strs("tools"), Age: n.duration("age", 0)}
	})
	b.caller(c, p)
	b.called(c, p)
	if c.At.IsZero() {
		c.At = caseTime
	}
	if !b.has("expect") {
		for _, of := range []string{"rule", "reason"} {
			if b.has(of) {
				b.d.add(badTest.at(b.rng(of), "%s is about a decision, and this case expects none. Say with expect what is decided.", of).WithSuggestion(b.doc.Attribute("expect").line()))
			}
		}
		if c.Visible == nil {
			b.d.add(badTest.at(b.header, "%s expects nothing, so it cannot fail.", b.title).WithSuggestion(b.doc.Attribute("expect").line()))
		}
	}
	return c
}

// caller fills in who calls.
func (b *body) caller(c *AccessCase, p *Project) {
	if c.Principal == "" {
		c.Principal = "somebody"
	}
	known := "oauth"
	for _, x := range p.Principals {
		if x.Name == c.Principal {
			known = "token"
			if !b.has("roles") {
				c.Roles = x.Roles
			}
		}
	}
	if c.Kind == "" {
		c.Kind = known
	}
}

// called fills in what is called.
func (b *body) called(c *AccessCase, p *Project) {
	switch {
	case c.Tool == "" && c.Skill == "":
		if !b.has("tool") && !b.has("skill") && !b.misspelt("tool", "skill") {
			b.d.add(missingAttribute.at(b.header, "%s needs a tool or a skill that is called.", b.title).WithSuggestion(b.doc.Attribute("tool").line()))
		}
		return
	case c.Tool == "":
		for _, of := range []string{"connector", "pinned"} {
			if b.has(of) {
				b.d.add(badTest.at(b.rng(of), "%s is about a tool, and this case runs a skill. Remove it.", of))
			}
		}
		return
	}
	var names []string
	best := -1
	for _, x := range p.Connectors {
		names = append(names, x.Name)
		head := len(x.Prefixed(""))
		if c.Connector == "" && MatchName(x.Prefixed("*"), c.Tool) && head > best {
			best = head
		}
	}
	if best >= 0 {
		for _, x := range p.Connectors {
			if len(x.Prefixed("")) == best && MatchName(x.Prefixed("*"), c.Tool) {
				c.Connector = x.Name
			}
		}
	}
	if b.has("connector") && c.Connector != "" && !contains(names, c.Connector) {
		b.d.add(unknownName("connector").at(b.rng("connector"), "No connector is called %q.%s %s", c.Connector, diag.DidYouMean(c.Connector, names), known("There are", names)))
	}
}

// misspelt tells whether an unknown attribute was meant to be one of these.
func (b *body) misspelt(names ...string) bool {
	for _, a := range b.attributes() {
		if b.doc.Attribute(a.Name) == nil && contains(names, diag.Closest(a.Name, b.doc.names(false))) {
			return true
		}
	}
	return false
}

// json reads any value as JSON.
func (b *body) json(a *hclsyntax.Attribute) json.RawMessage {
	v, ok := b.d.value(a.Expr)
	if !ok {
		return nil
	}
	x, ok := plain(v)
	if ok {
		if raw, err := json.Marshal(x); err == nil {
			return raw
		}
	}
	b.d.add(wrongType.at(convert(a.Expr.Range()), "%s holds a number that JSON cannot carry.", a.Name))
	return nil
}
