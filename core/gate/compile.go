package gate

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/plimsoll-dev/plimsoll/core/rule"
)

// gate is a compiled Spec.
type gate struct {
	Spec
	each   *each         // nil outside
	value  *rule.Program // what test looks at; nil for rule, code, command and unique_by in an each
	test   func(v any) (reason string)
	rule   *rule.Program
	unique *rule.Program
	place  []string          // where a fix writes: members below the output, or below the element
	allow  map[string]string // one_of with fix normalise: folded value to allowed value
}

// each is a compiled Each.
type each struct {
	Each
	list  *rule.Program
	id    *rule.Program // nil numbers the elements
	place []string      // members below the output; nil when the list is computed
	gates []*gate
}

func (g *gate) external() bool { return g.Kind == "code" || g.Kind == "command" }

// Compile checks and compiles all declarations and reports everything that is
// wrong with them at once. The Set holds those that are right; a caller that
// got any SpecError must not run it.
func Compile(gates []Spec, eaches []Each, o Options) (*Set, []SpecError) {
	c := compiler{options: o, names: map[string]bool{}}
	s := &Set{}
	for _, spec := range gates {
		if g := c.gate(spec, nil); g != nil {
			s.gates = append(s.gates, g)
		}
	}
	for _, e := range eaches {
		if compiled := c.each(e); compiled.list != nil {
			s.eaches = append(s.eaches, compiled)
		}
	}
	return s, c.problems
}

type compiler struct {
	options  Options
	names    map[string]bool
	problems []SpecError
}

func (c *compiler) problem(gate string, e *each, field string, err error) {
	p := SpecError{Gate: gate, Field: field, Err: err}
	if e != nil {
		p.Each = e.List
	}
	c.problems = append(c.problems, p)
}

func (c *compiler) each(d Each) *each {
	e := &each{Each: d}
	var err error
	if e.list, err = c.program(d.List, nil, false); err != nil {
		c.problem("", e, "list", err)
	} else {
		e.place = below(e.list, "output")
	}
	if d.ID != "" {
		if e.id, err = c.program(d.ID, e, false); err != nil {
			c.problem("", e, "id", err)
		}
	}
	for _, spec := range d.Gates {
		if g := c.gate(spec, e); g != nil {
			e.gates = append(e.gates, g)
		}
	}
	return e
}

// program compiles an expression over input and output, and over `it` in e.
func (c *compiler) program(src string, e *each, wantBool bool) (*rule.Program, error) {
	o := rule.GateOptions{Input: c.options.Input, Output: c.options.Output, Bool: wantBool}
	if e != nil {
		o.It, o.List = true, e.List
	}
	return rule.CompileGate(src, o)
}

// below is the place that a program names under a root, nil for anything
// computed and for places under another root.
func below(p *rule.Program, root string) []string {
	path, ok := p.Path()
	if !ok || path[0] != root {
		return nil
	}
	return path[1:]
}

// gate compiles a Spec; nil when something is wrong with it.
func (c *compiler) gate(spec Spec, e *each) *gate {
	before := len(c.problems)
	g := &gate{Spec: spec, each: e}
	fail := func(field string, err error) { c.problem(spec.Name, e, field, err) }
	switch {
	case spec.Name == "":
		fail("name", errors.New("a gate needs a name"))
	case c.names[spec.Name]:
		fail("name", fmt.Errorf("there are two gates named %q", spec.Name))
	}
	c.names[spec.Name] = true
	c.kind(g, fail)
	if len(c.problems) == before {
		c.subject(g, fail)
	}
	if len(c.problems) == before {
		c.fix(g, fail)
	}
	if len(c.problems) > before {
		return nil
	}
	return g
}

// kind compiles what the gate's kind asks for.
func (c *compiler) kind(g *gate, fail func(string, error)) {
	switch g.Kind {
	case "max_chars", "min_chars", "max_items", "min_items", "links":
		if g.Int < 0 {
			fail(g.Kind, fmt.Errorf("%d is negative", g.Int))
		}
		g.test = counting(g.Kind, g.Int)
	case "one_of":
		if len(g.OneOf) == 0 {
			fail("one_of", errors.New("it allows no value at all"))
		}
		g.test = oneOf(g.OneOf)
	case "pattern":
		re, err := regexp.Compile(g.Pattern)
		if err != nil {
			fail("pattern", fmt.Errorf("compile the pattern: %w", err))
			return
		}
		g.test = pattern(re)
	case "schema":
		s, err := compileSchema(g.Schema)
		if err != nil {
			fail("schema", err)
			return
		}
		g.test = s.test
	case "unique_by":
		elem := &each{Each: Each{List: g.Value}}
		if g.each != nil {
			elem = g.each
		}
		p, err := c.program(g.UniqueBy, elem, false)
		if err != nil {
			fail("unique_by", err)
			return
		}
		g.unique = p
	case "rule":
		p, err := c.program(g.Rule, g.each, true)
		if err != nil {
			fail("rule", err)
			return
		}
		g.rule = p
	case "code":
		if g.Code == "" {
			fail("code", errors.New("it names no check of the skill's code"))
		}
	case "command":
		if len(g.Command) == 0 {
			fail("command", errors.New("it names no command"))
		}
	default:
		fail("kind", fmt.Errorf("there is no kind of gate %q", g.Kind))
	}
}

// subject compiles the value that the gate looks at.
func (c *compiler) subject(g *gate, fail func(string, error)) {
	switch {
	case g.Kind == "rule" || g.external():
		if g.Value != "" {
			fail("value", fmt.Errorf("a %s gate takes no value: it sees the whole output", g.Kind))
		}
		return
	case g.Kind == "unique_by" && g.each != nil:
		if g.Value != "" {
			fail("value", errors.New("inside an each, unique_by looks over the elements of the each; a list inside the element takes a rule with uniq()"))
		}
		return
	}
	src, root := g.Value, "output"
	if g.each != nil {
		root = "it"
	}
	if src == "" {
		src = root
	}
	p, err := c.program(src, g.each, false)
	if err != nil {
		fail("value", err)
		return
	}
	g.value = p
	g.place = below(p, root)
}

// fix checks that the fix fits the kind, and has a place to write to.
func (c *compiler) fix(g *gate, fail func(string, error)) {
	fits := map[string][]string{"truncate": {"max_chars", "max_items"}, "normalise": {"one_of"}}
	switch g.Fix {
	case "":
		return
	case "truncate", "normalise":
		if !slices.Contains(fits[g.Fix], g.Kind) {
			fail("fix", fmt.Errorf("%s does not mend %s", g.Fix, g.Kind))
			return
		}
	case "drop":
		switch {
		case g.external():
			fail("fix", fmt.Errorf("drop comes before a %s gate is asked, so it cannot follow from its answer", g.Kind))
			return
		case g.each == nil && g.Kind != "unique_by":
			fail("fix", errors.New("drop removes elements: it belongs to a gate in an each, or to unique_by"))
			return
		case g.each != nil && g.each.list != nil && g.each.place == nil:
			fail("fix", fmt.Errorf("drop needs an each over a place of the output, and %q is computed", g.each.List))
			return
		case g.each != nil:
			return
		}
	default:
		fail("fix", fmt.Errorf("there is no fix %q; there are truncate, normalise and drop", g.Fix))
		return
	}
	if g.place == nil {
		fail("fix", fmt.Errorf("%s needs a value that is a place of the output, and %q is not one", g.Fix, g.Value))
		return
	}
	if g.each != nil && g.each.list != nil && g.each.place == nil {
		fail("fix", fmt.Errorf("%s needs an each over a place of the output, and %q is computed", g.Fix, g.each.List))
		return
	}
	if g.Kind == "one_of" {
		allow, err := folded(g.OneOf)
		if err != nil {
			fail("fix", err)
		}
		g.allow = allow
	}
}
