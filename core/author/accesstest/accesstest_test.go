package accesstest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/access"
	"github.com/plimsoll-dev/plimsoll/core/author/accesstest"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

func block() *config.Access {
	at := func(line int) diag.Range {
		return diag.Range{File: "main.hcl", Start: diag.Pos{Line: line, Column: 3}}
	}
	return &config.Access{
		Unmatched: "careful",
		Rules: []*config.AccessRule{
			{Name: "no", Match: config.Match{Tools: []string{"x_*"}}, Effect: "deny", Range: at(3), When: &config.Expr{Source: "args.n > 1 || session.calls > 5 || session.age >= 600"}},
			{Name: "open", Match: config.Match{Tools: []string{"y"}}, Effect: "allow", Range: at(7)},
			{Name: "never", Effect: "deny", Range: at(9), When: &config.Expr{Source: "principal.name == 'eve'"}},
		},
		Limits: []*config.AccessLimit{{Name: "hourly", Per: "principal", Calls: 5, Within: time.Hour, Range: at(20)}},
	}
}

func one(change func(*config.AccessCase)) *config.AccessCase {
	read := true
	c := &config.AccessCase{Name: "c", Principal: "ann", Kind: "oauth", Tool: "x_a", Connector: "x", Pinned: true, At: time.Date(2026, 1, 7, 12, 0, 0, 0, time.UTC), Args: []byte(`{"n":1}`), Expect: "allow"}
	c.Annotations.ReadOnly = &read
	change(c)
	return c
}

func TestRun(t *testing.T) {
	b := block()
	p, diags := access.Compile(b)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	yes, no := true, false
	cover := accesstest.NewCover(b)
	for _, c := range []struct {
		name   string
		change func(*config.AccessCase)
		code   string // "" passes
		note   string
	}{
		{"allowed", func(*config.AccessCase) {}, "", ""},
		{"denied by arguments", func(c *config.AccessCase) { c.Args, c.Expect, c.Rule = []byte(`{"n":2}`), "deny", "no" }, "", ""},
		{"denied by calls", func(c *config.AccessCase) { c.Session.Calls, c.Expect, c.Rule = 6, "deny", "no" }, "", ""},
		{"denied by age", func(c *config.AccessCase) { c.Session.Age, c.Expect, c.Rule = 10*time.Minute, "deny", "no" }, "", ""},
		{"denied, and another rule expected", func(c *config.AccessCase) { c.Args, c.Expect, c.Rule = []byte(`{"n":2}`), "deny", "never" }, "test-rule", `deny by "no" (main.hcl:3:3)`},
		{"allowed, and denied expected", func(c *config.AccessCase) { c.Expect = "deny" }, "test-expect", "allow by a default"},
		{"a limit", func(c *config.AccessCase) { c.Spent, c.Expect, c.Rule = []string{"hourly"}, "deny", "hourly" }, "", ""},
		{"a limit that is none", func(c *config.AccessCase) { c.Spent = []string{"hurly"} }, "test-spent", ""},
		{"a rule that is none", func(c *config.AccessCase) { c.Rule = "opem" }, "test-rule", ""},
		{"a reason", func(c *config.AccessCase) { c.Args, c.Expect, c.Reason = []byte(`{"n":2}`), "deny", "refuses" }, "", ""},
		{"another reason", func(c *config.AccessCase) { c.Args, c.Expect, c.Reason = []byte(`{"n":2}`), "deny", "Friday" }, "test-reason", "a rule of this project refuses it"},
		{"arguments hide nothing", func(c *config.AccessCase) { c.Args, c.Expect, c.Visible = []byte(`{"n":2}`), "deny", &yes }, "", ""},
		{"what is seen is not hidden", func(c *config.AccessCase) { c.Visible = &no }, "test-visible", "allow by"},
		{"not pinned", func(c *config.AccessCase) { c.Tool, c.Pinned, c.Expect, c.Visible = "y", false, "deny", &no }, "", ""},
		{"a skill", func(c *config.AccessCase) { c.Tool, c.Connector, c.Skill = "", "", "digest" }, "", ""},
		{"opened", func(c *config.AccessCase) { c.Tool, c.Annotations.ReadOnly, c.Rule = "y", nil, "open" }, "", ""},
	} {
		r := accesstest.Run(one(c.change), p, b)
		cover.Add(r)
		switch {
		case c.code == "" && !r.Passed():
			t.Errorf("%s: %+v", c.name, r.Problems)
		case c.code != "" && (len(r.Problems) != 1 || r.Problems[0].Diagnostic.Code != c.code || !strings.Contains(strings.Join(r.Problems[0].Notes, "\n"), c.note)):
			t.Errorf("%s: %+v", c.name, r.Problems)
		}
	}
	if hints := cover.Hints(); len(hints) != 1 || hints[0] != `no case is decided by rule "never" (main.hcl:9:3)` {
		t.Errorf("%v", hints)
	}
	if rules := cover.Rules(); rules[0].Decided != 7 || rules[1].Decided != 1 || rules[3].Kind != "limit" || rules[3].Decided != 1 {
		t.Errorf("%+v %+v %+v", rules[0], rules[1], rules[3])
	}
}
