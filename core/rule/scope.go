package rule

import (
	"maps"
	"slices"

	"github.com/expr-lang/expr/types"
)

// scope is what a rule may name: the roots, their shapes, and how to read them.
type scope struct {
	policy  bool // rules over Policy
	access  bool // rules over Access
	figures bool // rules over Figures
	roots   map[string]root
	known   map[string]string // names that exist elsewhere, and why not here
}

type root struct {
	shape *shape
	read  func(*frame) any
	group map[string]member // the members of a policy group; nil for JSON
	open  bool              // may not be known yet: see Outcomes
}

// member is one member of a group of Policy or Access.
type member struct {
	shape *shape
	read  func(*frame) any
}

// unknown is what a member reads as that cannot be told, and why.
type unknown string

func (s scope) names() []string { return slices.Sorted(maps.Keys(s.roots)) }

// env is the scope as the type checker wants it.
func (s scope) env() types.Map {
	m := types.Map{}
	for name, r := range s.roots {
		m[name] = r.shape.exprType(0)
	}
	return m
}

func gateScope(o GateOptions) (scope, error) {
	input, err := schemaShape(o.Input, "input")
	if err != nil {
		return scope{}, err
	}
	output, err := schemaShape(o.Output, "output")
	if err != nil {
		return scope{}, err
	}
	s := scope{
		roots: map[string]root{
			"input":  {shape: input, read: func(f *frame) any { return f.env.Input }},
			"output": {shape: output, read: func(f *frame) any { return f.env.Output }},
		},
		known: map[string]string{
			"it":        "`it` is the element of an each; there is none here",
			"reference": "`reference` exists only where an item is compared",
		},
	}
	if o.It {
		s.roots["it"] = root{shape: elementShape(o.List, s), read: func(f *frame) any { return f.env.It }}
	}
	if o.Reference {
		s.roots["reference"] = root{shape: output, read: func(f *frame) any { return f.env.Reference }}
	}
	return s, nil
}

// elementShape is the shape of the elements of a list expression, anything
// when the list is not typed.
func elementShape(list string, s scope) *shape {
	if list == "" {
		return anything
	}
	c := compiler{src: list, scope: s, reads: map[string]bool{}}
	t, err := c.parse()
	if err != nil || t.shape.elem == nil {
		return anything
	}
	return t.shape.elem
}

func group(members map[string]member) root {
	fields := make(map[string]*shape, len(members))
	for name, m := range members {
		fields[name] = m.shape
	}
	return root{shape: &shape{kind: objectKind, fields: fields}, group: members}
}

func policyScope() scope {
	num := func(read func(*Policy) float64) member {
		return member{numberShape, func(f *frame) any { return read(f.policy) }}
	}
	count := func(read func(*Policy) int) member {
		return member{integerShape, func(f *frame) any { return int64(read(f.policy)) }}
	}
	text := func(read func(*Policy) string) member {
		return member{stringShape, func(f *frame) any { return read(f.policy) }}
	}
	flag := func(read func(*Policy) bool) member {
		return member{boolShape, func(f *frame) any { return read(f.policy) }}
	}
	names := func(read func(*Policy) []string) member {
		return member{stringsShape, func(f *frame) any { return list(read(f.policy)) }}
	}
	return scope{
		policy: true,
		known: map[string]string{
			"input":  "a policy rule sees evidence, not contents",
			"output": "a policy rule sees evidence, not contents",
			"it":     "a policy rule sees evidence, not contents",
		},
		roots: map[string]root{
			"evidence": group(map[string]member{
				"proved":    flag(func(p *Policy) bool { return p.Evidence.Proved }),
				"disproved": flag(func(p *Policy) bool { return p.Evidence.Disproved }),
				"n":         count(func(p *Policy) int { return p.Evidence.N }),
				"needed":    count(func(p *Policy) int { return p.Evidence.Needed }),
				"e":         num(func(p *Policy) float64 { return p.Evidence.E }),
				"e_worse":   num(func(p *Policy) float64 { return p.Evidence.EWorse }),
				"threshold": num(func(p *Policy) float64 { return p.Evidence.Threshold }),
				"claim":     text(func(p *Policy) string { return p.Evidence.Claim }),
				"epoch":     count(func(p *Policy) int { return p.Evidence.Epoch }),
			}),
			"gap": group(map[string]member{
				"mean":  num(func(p *Policy) float64 { return p.Gap.Mean }),
				"bound": num(func(p *Policy) float64 { return p.Gap.Bound }),
			}),
			"dims": group(map[string]member{
				"names":          names(func(p *Policy) []string { return p.Dims.Names }),
				"reasoning_gaps": names(func(p *Policy) []string { return p.Dims.ReasoningGaps }),
				"format_gaps":    names(func(p *Policy) []string { return p.Dims.FormatGaps }),
			}),
			"gates": group(map[string]member{
				"failing":   names(func(p *Policy) []string { return p.Gates.Failing }),
				"worse":     names(func(p *Policy) []string { return p.Gates.Worse }),
				"pass_rate": num(func(p *Policy) float64 { return p.Gates.PassRate }),
			}),
			"skill": group(map[string]member{
				"name":   text(func(p *Policy) string { return p.Skill.Name }),
				"step":   text(func(p *Policy) string { return p.Skill.Step }),
				"tags":   names(func(p *Policy) []string { return p.Skill.Tags }),
				"class":  text(func(p *Policy) string { return p.Skill.Class }),
				"policy": text(func(p *Policy) string { return p.Skill.Policy }),
			}),
			"cost": group(map[string]member{
				"current":      num(func(p *Policy) float64 { return p.Cost.Current }),
				"candidate":    num(func(p *Policy) float64 { return p.Cost.Candidate }),
				"saving_month": num(func(p *Policy) float64 { return p.Cost.SavingMonth }),
				"known":        flag(func(p *Policy) bool { return p.Cost.Known }),
			}),
			"latency": group(map[string]member{
				"ratio":        num(func(p *Policy) float64 { return p.Latency.Ratio }),
				"timeout_rate": num(func(p *Policy) float64 { return p.Latency.TimeoutRate }),
			}),
			"history": group(map[string]member{
				"moves":                 count(func(p *Policy) int { return p.History.Moves }),
				"escalations":           count(func(p *Policy) int { return p.History.Escalations }),
				"days_since_move":       num(func(p *Policy) float64 { return p.History.DaysSinceMove }),
				"days_since_escalation": num(func(p *Policy) float64 { return p.History.DaysSinceEscalation }),
			}),
			"now": {shape: timeShape},
		},
	}
}

func list(names []string) []any {
	out := make([]any, len(names))
	for i, n := range names {
		out[i] = n
	}
	return out
}
