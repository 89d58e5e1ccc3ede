package rule_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/plimsoll-dev/plimsoll/core/rule"
)

func yes() *bool { b := true; return &b }
func no() *bool  { b := false; return &b }

func call() *rule.Access {
	return &rule.Access{
		Principal: rule.Caller{Name: "ci", Roles: []string{"builder", "reader"}, Scope: "default", Kind: "token"},
		Tool:      "github_issues_create", Connector: "github",
		Args:        map[string]any{"repo": "acme/site", "labels": []any{"bug"}, "n": json.Number("3")},
		Annotations: rule.Hints{Title: "Create an issue", ReadOnly: no(), Destructive: yes()},
		Time:        time.Date(2026, 11, 21, 23, 5, 0, 0, time.FixedZone("", 3600)),
		Session:     rule.Session{ID: "s1", Calls: 4, Denied: 1, Asked: 2, Tools: []string{"github_issues_list"}, Age: 12.5},
	}
}

func TestAccess(t *testing.T) {
	for _, c := range []struct {
		src, wrong string
		want       bool
	}{
		{src: `principal.name == "ci" && "builder" in principal.roles && principal.scope == "default" && principal.kind == "token"`, want: true},
		{src: `args.repo startsWith "acme/" && len(args.labels) == 1 && args.n == 3`, want: true},
		{src: `tool.name startsWith connector.name && skill.name == ""`, want: true},
		{src: `time.day == "2026-11-21" && time.weekday == "saturday" && time.hour == 22 && time.minute == 5`, want: true},
		{src: `session.calls + session.denied + session.asked == 7 && session.age > 12 && session.id == "s1"`, want: true},
		{src: `"github_issues_list" in session.tools`, want: true},
		{src: `annotations.destructive && !annotations.read_only && annotations.title contains "issue"`, want: true},
		{src: `annotations.idempotent ?? true`, want: true},
		{src: `annotations.open_world == nil`, want: true},
		{src: `args?.draft ?? false`},
		{src: `args.draft`, wrong: "args.draft is missing"},
		{src: `annotations.idempotent`, wrong: "null, not true or false"},
		{src: `annotations.idempotent && true`, wrong: "null"},
		{src: `!annotations.open_world`, wrong: "null"},
		{src: `annotations.open_world == false`, wrong: "null"},
		{src: `args`, wrong: "not true or false"},
		{src: `tool`, wrong: "group"},
		{src: `tool.nam == "x"`, wrong: `did you mean "name"`},
		{src: `principal.role == "x"`, wrong: `did you mean "roles"`},
		{src: `now > 1`, wrong: "time.hour"},
		{src: `output.x`, wrong: "before there is an output"},
		{src: `evidence.proved`, wrong: `no "evidence" here`},
		{src: `session.calls == "3"`, wrong: "mismatched types"},
		{src: `day(now) == "x"`, wrong: "no"},
	} {
		p, err := rule.CompileAccess(c.src)
		got := false
		if err == nil {
			got, err = p.Bool(call())
		}
		switch {
		case c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)):
			t.Errorf("%s: error %v, want %q", c.src, err, c.wrong)
		case c.wrong == "" && err != nil:
			t.Errorf("%s: %v", c.src, err)
		case got != c.want:
			t.Errorf("%s: %v", c.src, got)
		}
	}
	lost := call()
	lost.Session.Lost = true
	for _, src := range []string{`'x' in session.tools`, `!('x' in session.tools)`, `len(session.tools) < 200`, `(session.tools ?? []) == []`} {
		if p, err := rule.CompileAccess(src); err != nil {
			t.Error(err)
		} else if _, err := p.Bool(lost); err == nil || !strings.Contains(err.Error(), "not known") {
			t.Errorf("%s: %v", src, err)
		}
	}
	p, err := rule.CompileAccess("args.a == tool.name")
	if err != nil || !p.Reads("args") || !p.Reads("tool") || p.Reads("session") {
		t.Errorf("the rule reads args and tool: %v", err)
	}
	if _, err := p.Bool(rule.Env{}); err == nil {
		t.Error("an access rule looks at an Env")
	}
	if _, err := p.Bool((*rule.Access)(nil)); err == nil {
		t.Error("an access rule looks at nothing")
	}
}

func TestOutcomesOfOpenArguments(t *testing.T) {
	const T, F, E = rule.True, rule.False, rule.Fails
	for src, want := range map[string]rule.Outcomes{
		`true`:                                                       T,
		`false`:                                                      F,
		`tool.name == "x"`:                                           F,
		`annotations.idempotent`:                                     E,
		`args.n > 1`:                                                 T | F | E,
		`args.n > 1 && tool.name == "x"`:                             F | E,
		`tool.name == "x" && args.n > 1`:                             F,
		`args.n > 1 && annotations.idempotent`:                       F | E,
		`args.n > 1 || connector.name == "github"`:                   T | E,
		`connector.name == "github" || args.n > 1`:                   T,
		`connector.name == "x" || args.n > 1`:                        T | F | E,
		`!(args.n > 1 && tool.name == "x")`:                          T | E,
		`(args.n > 1 && tool.name == "x") == false`:                  T | F | E,
		`args.n > 1 ? tool.name == "x" : connector.name == "x"`:      F | E,
		`args.n > 1 ? true : connector.name == "x"`:                  T | F | E,
		`let n = args.n; connector.name == "x" && n > 1`:             F | E,
		`let n = args.n; n > 1 && connector.name == "x"`:             F | E,
		`let n = args.n; n > 1`:                                      T | F | E,
		`args?.draft ?? false`:                                       T | F | E,
		`any(args.labels, # == "x") && tool.name == "x"`:             F | E,
		`any(["a"], # == args.x)`:                                    T | F | E,
		`len(args) == 0 || "builder" in principal.roles`:             T | E,
		`(args.n > 1 || args.m > 1) && not (connector.name == "x")`:  T | F | E,
		`args.n > 1 and (annotations.destructive or args.n / 0 > 1)`: T | F | E,
	} {
		p, err := rule.CompileAccess(src)
		if err != nil {
			t.Fatalf("%s: %v", src, err)
		}
		c := call()
		c.Args, c.ArgsOpen = nil, true
		if got := p.Outcomes(c); got != want {
			t.Errorf("%s: %03b, want %03b", src, got, want)
		}
	}
}

// What a rule says of some arguments is always among its outcomes without them.
func TestOutcomesHoldEveryAnswer(t *testing.T) {
	atoms := []string{`args.a > 1`, `args.b == "x"`, `args?.c ?? false`, `tool.name == "x"`, `annotations.idempotent`, `annotations.destructive`, `true`, `session.calls > 3`, `len(args) > 1`}
	var draw func(t *rapid.T, depth int) string
	draw = func(t *rapid.T, depth int) string {
		if depth == 0 {
			return rapid.SampledFrom(atoms).Draw(t, "atom")
		}
		sub := func() string { return "(" + draw(t, depth-1) + ")" }
		switch rapid.IntRange(0, 6).Draw(t, "form") {
		case 0:
			return sub() + " && " + sub()
		case 1:
			return sub() + " || " + sub()
		case 2:
			return "!" + sub()
		case 3:
			return sub() + " ? " + sub() + " : " + sub()
		case 4:
			return sub() + " == " + sub()
		case 5:
			return "let v = " + draw(t, 0) + "; " + sub() + " && v"
		}
		return draw(t, 0)
	}
	rapid.Check(t, func(t *rapid.T) {
		src := draw(t, rapid.IntRange(0, 3).Draw(t, "depth"))
		p, err := rule.CompileAccess(src)
		if err != nil {
			t.Skip(err) // a `let` inside a `let` of the same name
		}
		c := call()
		c.ArgsOpen = true
		may := p.Outcomes(c)
		c.ArgsOpen = false
		args := map[string]any{}
		for _, m := range []struct {
			name   string
			values []any
		}{{"a", []any{int64(0), int64(2), "y"}}, {"b", []any{"x", nil}}, {"c", []any{true, false, "z"}}} {
			if i := rapid.IntRange(0, len(m.values)).Draw(t, m.name); i < len(m.values) {
				args[m.name] = m.values[i]
			}
		}
		c.Args = args
		ok, err := p.Bool(c)
		got := rule.False
		switch {
		case err != nil:
			got = rule.Fails
		case ok:
			got = rule.True
		}
		if may&got == 0 {
			t.Fatalf("%s with %v gives %03b, which is not in %03b", src, args, got, may)
		}
	})
}
