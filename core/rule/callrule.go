package rule

import (
	"strings"
	"time"
)

// Access is all that an access rule may look at: principal.name, principal.roles,
// skill.name, tool.name, connector.name, args, annotations.read_only, time.hour,
// session.calls and so on.
//
// A name that is not there is "": skill.name of a call that no skill makes,
// connector.name of a skill. A member that is missing in args, and an annotation
// that is not known, decide nothing: a rule that reads them is an error, unless
// it says what to take instead (args?.draft ?? false, annotations.read_only ??
// false).
type Access struct {
	Principal   Caller
	Skill       string
	Tool        string
	Connector   string
	Args        any  // decoded JSON, an object
	ArgsOpen    bool // the arguments are not known yet: see Outcomes
	Annotations Hints
	Time        time.Time // UTC: time.day, time.weekday, time.hour, time.minute
	Session     Session
}

// Caller is who asks.
type Caller struct {
	Name  string
	Roles []string
	Scope string
	Kind  string
}

// Hints are what a tool says about itself; nil is not known.
type Hints struct {
	Title                                        string
	ReadOnly, Destructive, Idempotent, OpenWorld *bool
}

// Session is what happened in a session before this call.
type Session struct {
	ID     string
	Calls  int      // that were let through
	Denied int      // that were refused
	Asked  int      // that a person was asked about
	Tools  []string // distinct names called, in the order of their first call
	Lost   bool     // there were more names than Tools holds: a rule that reads it fails
	Age    float64  // seconds since the session's first call
}

// CompileAccess compiles a rule over Access; its result must be a bool. The error
// is a *Error.
func CompileAccess(src string) (*Program, error) {
	return compile(src, accessScope(), true)
}

// Reads tells whether the rule reads a root, such as "args". Its value is then
// worth computing.
func (p *Program) Reads(root string) bool { return p.reads[root] }

func accessScope() scope {
	flag := func(read func(Hints) *bool) member {
		return member{boolShape, func(f *frame) any {
			if b := read(f.access.Annotations); b != nil {
				return *b
			}
			return nil
		}}
	}
	text := func(read func(*Access) string) member {
		return member{stringShape, func(f *frame) any { return read(f.access) }}
	}
	count := func(read func(*Access) int) member {
		return member{integerShape, func(f *frame) any { return int64(read(f.access)) }}
	}
	names := func(read func(*Access) []string) member {
		return member{stringsShape, func(f *frame) any { return list(read(f.access)) }}
	}
	return scope{
		access: true,
		known: map[string]string{
			"input":  "an access rule sees args, the arguments of the call",
			"output": "an access rule is asked before there is an output",
			"now":    "an access rule has time.day, time.weekday, time.hour and time.minute",
			"tools":  "a rule is about one tool: tool.name; session.tools are those called before",
			"role":   "principal.roles is a list: 'lead' in principal.roles",
			"roles":  "principal.roles is a list: 'lead' in principal.roles",
		},
		roots: map[string]root{
			"principal": group(map[string]member{
				"name":  text(func(a *Access) string { return a.Principal.Name }),
				"roles": names(func(a *Access) []string { return a.Principal.Roles }),
				"scope": text(func(a *Access) string { return a.Principal.Scope }),
				"kind":  text(func(a *Access) string { return a.Principal.Kind }),
			}),
			"skill":     group(map[string]member{"name": text(func(a *Access) string { return a.Skill })}),
			"tool":      group(map[string]member{"name": text(func(a *Access) string { return a.Tool })}),
			"connector": group(map[string]member{"name": text(func(a *Access) string { return a.Connector })}),
			"args":      {shape: &shape{kind: objectKind}, open: true, read: func(f *frame) any { return f.access.Args }},
			"annotations": group(map[string]member{
				"title":       text(func(a *Access) string { return a.Annotations.Title }),
				"read_only":   flag(func(h Hints) *bool { return h.ReadOnly }),
				"destructive": flag(func(h Hints) *bool { return h.Destructive }),
				"idempotent":  flag(func(h Hints) *bool { return h.Idempotent }),
				"open_world":  flag(func(h Hints) *bool { return h.OpenWorld }),
			}),
			"time": group(map[string]member{
				"day":     text(func(a *Access) string { return a.Time.UTC().Format(time.DateOnly) }),
				"weekday": text(func(a *Access) string { return strings.ToLower(a.Time.UTC().Weekday().String()) }),
				"hour":    count(func(a *Access) int { return a.Time.UTC().Hour() }),
				"minute":  count(func(a *Access) int { return a.Time.UTC().Minute() }),
			}),
			"session": group(map[string]member{
				"id":     text(func(a *Access) string { return a.Session.ID }),
				"calls":  count(func(a *Access) int { return a.Session.Calls }),
				"denied": count(func(a *Access) int { return a.Session.Denied }),
				"asked":  count(func(a *Access) int { return a.Session.Asked }),
				"tools": {stringsShape, func(f *frame) any {
					if f.access.Session.Lost {
						return unknown("the session called more names than are remembered")
					}
					return list(f.access.Session.Tools)
				}},
				"age": {numberShape, func(f *frame) any { return f.access.Session.Age }},
			}),
		},
	}
}
