package access_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/access"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) // a Friday

func flag(b bool) *bool { return &b }

var (
	reads    = access.Annotations{ReadOnly: flag(true)}
	writes   = access.Annotations{ReadOnly: flag(false), Destructive: flag(false)}
	destroys = access.Annotations{Destructive: flag(true)}
)

const digest = "sha256:aa"

// call is a sound request for a pinned tool that only reads.
func call(tool string, change ...func(*access.Request)) access.Request {
	r := access.Request{
		Action: access.Call, Principal: access.Principal{Name: "ann", Roles: []string{"engineer"}, Kind: access.KindToken},
		Connector: "github", Tool: tool, Definition: digest, Pinned: true, Annotations: reads, At: noon, Session: "s",
	}
	for _, c := range change {
		c(&r)
	}
	return r
}

func args(raw string) func(*access.Request) {
	return func(r *access.Request) { r.Arguments = json.RawMessage(raw) }
}

func hints(a access.Annotations) func(*access.Request) {
	return func(r *access.Request) { r.Annotations = a }
}

func looking(r *access.Request) { r.Action = access.Find }

func skill(r *access.Request) {
	*r = access.Request{Action: access.Run, Principal: r.Principal, Skill: r.Tool, Definition: digest, At: r.At, Session: r.Session, Arguments: r.Arguments}
}

// rule makes a rule about tools; "" in tools is about everything.
func rule(name, effect, tools, when string, change ...func(*config.AccessRule)) *config.AccessRule {
	r := &config.AccessRule{Name: name, Effect: effect, Range: diag.Range{File: "main.hcl", Start: diag.Pos{Line: 7, Column: 3}}}
	if tools != "" {
		r.Tools = strings.Fields(tools)
	}
	if when != "" {
		r.When = &config.Expr{Source: when, Range: r.Range}
	}
	if effect == "ask" {
		r.Valid = time.Hour
	}
	for _, c := range change {
		c(r)
	}
	return r
}

func compile(t testing.TB, unmatched string, rules ...*config.AccessRule) *access.Policy {
	t.Helper()
	p, diags := access.Compile(&config.Access{Unmatched: unmatched, Rules: rules})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return p
}

func TestDefaults(t *testing.T) {
	contradicts := access.Annotations{ReadOnly: flag(true), Destructive: flag(true)}
	for _, c := range []struct {
		name    string
		request access.Request
		careful access.Effect
		allow   access.Effect
	}{
		{"skill", call("digest", skill), access.Allow, access.Allow},
		{"reads", call("t"), access.Allow, access.Allow},
		{"writes", call("t", hints(writes)), access.Deny, access.Allow},
		{"destroys", call("t", hints(destroys)), access.Deny, access.Allow},
		{"says nothing", call("t", hints(access.Annotations{})), access.Deny, access.Allow},
		{"says only idempotent", call("t", hints(access.Annotations{Idempotent: flag(true)})), access.Deny, access.Allow},
		{"does not destroy, says no more", call("t", hints(access.Annotations{Destructive: flag(false)})), access.Deny, access.Allow},
		{"contradicts itself", call("t", hints(contradicts)), access.Deny, access.Allow},
		{"not pinned", call("t", func(r *access.Request) { r.Pinned = false }), access.Deny, access.Deny},
		{"without a definition", call("t", func(r *access.Request) { r.Definition = "" }), access.Deny, access.Deny},
		{"not pinned, called by a skill", call("t", func(r *access.Request) { r.Pinned, r.Skill = false, "s" }), access.Deny, access.Deny},
		{"without a time", call("t", func(r *access.Request) { r.At = time.Time{} }), access.Deny, access.Deny},
		{"nothing", access.Request{Action: access.Call, At: noon}, access.Deny, access.Deny},
		{"run without a skill", access.Request{Action: access.Run, Tool: "t", Pinned: true, Definition: digest, At: noon}, access.Deny, access.Deny},
		{"run of a tool", call("t", func(r *access.Request) { r.Action, r.Skill = access.Run, "s" }), access.Deny, access.Deny},
		{"no action", call("t", func(r *access.Request) { r.Action = "" }), access.Deny, access.Deny},
	} {
		for unmatched, want := range map[string]access.Effect{"careful": c.careful, "allow": c.allow, "deny": access.Deny} {
			for _, action := range []access.Action{c.request.Action, access.List} {
				r := c.request
				if c.name == "nothing" || c.name == "no action" || strings.HasPrefix(c.name, "run") {
					action = c.request.Action
				}
				r.Action = action
				d := compile(t, unmatched).Decide(r)
				if d.Effect != want || d.Rule != "" || d.Reason == "" {
					t.Errorf("%s, %s, %s: %+v, want %s", c.name, unmatched, action, d, want)
				}
			}
		}
	}
	if d := (*access.Policy)(nil).Decide(call("t")); d.Effect != access.Deny {
		t.Errorf("without a policy: %+v", d)
	}
	if p, diags := access.Compile(nil); diags.HasErrors() || p.Decide(call("t", hints(destroys))).Effect != access.Deny || p.Decide(call("t")).Effect != access.Allow {
		t.Error("without an access block the default is careful")
	}
	var zero access.Decision
	if zero.Effect == access.Allow || zero.Visible() {
		t.Error("the zero decision lets something through")
	}
}

// A default says in the config's own words what would change it.
func TestLine(t *testing.T) {
	d := compile(t, "careful").Decide(call("github_${x}\"", hints(destroys)))
	want := "add to the access block:\nrule \"let github_$${x}\\\" through\" {\n  tools  = [\"github_$${x}\\\"\"]\n  effect = \"allow\"\n}"
	if d.Line != want {
		t.Errorf("got\n%s\nwant\n%s", d.Line, want)
	}
	d = compile(t, "careful", rule("no", "deny", "*", "")).Decide(call("x"))
	if d.Line != `main.hcl:7:3: rule "no", effect = "deny"` || d.Range.Start.Line != 7 {
		t.Errorf("%+v", d)
	}
	d = compile(t, "careful").Decide(call("x", func(r *access.Request) { r.Pinned = false }))
	if !strings.Contains(d.Line, "plimsoll connector approve github") || strings.Contains(d.Reason, "github") {
		t.Errorf("%+v", d)
	}
}

func TestRules(t *testing.T) {
	with := func(list string, of func(*config.AccessRule) *[]string) func(*config.AccessRule) {
		return func(r *config.AccessRule) { *of(r) = append([]string{}, strings.Fields(list)...) }
	}
	roles := func(s string) func(*config.AccessRule) {
		return with(s, func(r *config.AccessRule) *[]string { return &r.Roles })
	}
	skills := func(s string) func(*config.AccessRule) {
		return with(s, func(r *config.AccessRule) *[]string { return &r.Skills })
	}
	connectors := func(s string) func(*config.AccessRule) {
		return with(s, func(r *config.AccessRule) *[]string { return &r.Connectors })
	}
	tools := func(s string) func(*config.AccessRule) {
		return with(s, func(r *config.AccessRule) *[]string { return &r.Tools })
	}
	const allow, deny, ask = "allow", "deny", "ask"
	for _, c := range []struct {
		name    string
		request access.Request
		rules   []*config.AccessRule
		want    access.Effect
		by      string
	}{
		{"allow opens", call("t", hints(destroys)), []*config.AccessRule{rule("a", allow, "t", "")}, access.Allow, "a"},
		{"deny beats allow", call("t"), []*config.AccessRule{rule("a", allow, "t", ""), rule("d", deny, "t", "")}, access.Deny, "d"},
		{"deny beats ask", call("t"), []*config.AccessRule{rule("a", ask, "t", ""), rule("d", deny, "t", "")}, access.Deny, "d"},
		{"ask beats allow", call("t"), []*config.AccessRule{rule("a", allow, "t", ""), rule("k", ask, "t", "")}, access.Ask, "k"},
		{"first by name", call("t"), []*config.AccessRule{rule("z", deny, "t", ""), rule("b", deny, "*", ""), rule("m", deny, "", "")}, access.Deny, "b"},
		{"not opened for a tool that is not pinned", call("t", func(r *access.Request) { r.Pinned = false }), []*config.AccessRule{rule("a", allow, "", "")}, access.Deny, ""},
		{"pattern", call("github_repo_delete"), []*config.AccessRule{rule("d", deny, "*_delete", "")}, access.Deny, "d"},
		{"pattern in the middle", call("github_delete_repo"), []*config.AccessRule{rule("d", deny, "*_delete_*", "")}, access.Deny, "d"},
		{"pattern of another name", call("github_get"), []*config.AccessRule{rule("d", deny, "*_delete* gitlab_* g*_put", "")}, access.Allow, ""},
		{"short pattern", call("gh"), []*config.AccessRule{rule("d", deny, "g*", "")}, access.Deny, "d"},
		{"a name is no prefix", call("github_get_all"), []*config.AccessRule{rule("d", deny, "github_get", "")}, access.Allow, ""},
		{"case counts", call("GitHub_get"), []*config.AccessRule{rule("d", deny, "github_get", "")}, access.Allow, ""},
		{"role", call("t"), []*config.AccessRule{rule("d", deny, "t", "", roles("lead engineer"))}, access.Deny, "d"},
		{"role pattern", call("t"), []*config.AccessRule{rule("d", deny, "t", "", roles("eng*"))}, access.Deny, "d"},
		{"another role", call("t"), []*config.AccessRule{rule("d", deny, "t", "", roles("lead"))}, access.Allow, ""},
		{"nobody's role", call("t", hints(destroys)), []*config.AccessRule{rule("a", allow, "t", "", roles(""))}, access.Deny, ""},
		{"no tools is none", call("t", hints(destroys)), []*config.AccessRule{rule("a", allow, "", "", tools(""))}, access.Deny, ""},
		{"no connectors is none", call("t", hints(destroys)), []*config.AccessRule{rule("a", allow, "", "", connectors(""))}, access.Deny, ""},
		{"no skills is none", call("t", skill), []*config.AccessRule{rule("d", deny, "", "", skills(""))}, access.Allow, ""},
		{"connector", call("t", hints(destroys)), []*config.AccessRule{rule("a", allow, "", "", connectors("git*"))}, access.Allow, "a"},
		{"another connector", call("t", hints(destroys)), []*config.AccessRule{rule("a", allow, "t", "", connectors("gitlab"))}, access.Deny, ""},
		{"tools of a connector", call("t", hints(destroys)), []*config.AccessRule{rule("a", allow, "u", "", connectors("github"))}, access.Deny, ""},
		{"skills are no tools", call("t", hints(destroys)), []*config.AccessRule{rule("a", allow, "", "", skills("*"))}, access.Deny, ""},
		{"tools are no skills", call("t", skill), []*config.AccessRule{rule("d", deny, "*", "")}, access.Allow, ""},
		{"connectors have no skills", call("t", skill), []*config.AccessRule{rule("d", deny, "", "", connectors("*"))}, access.Allow, ""},
		{"skill", call("digest-daily", skill), []*config.AccessRule{rule("d", deny, "", "", skills("digest-*"))}, access.Deny, "d"},
		{"tools or skills: tool", call("t"), []*config.AccessRule{rule("d", deny, "t", "", skills("s"))}, access.Deny, "d"},
		{"tools or skills: skill", call("s", skill), []*config.AccessRule{rule("d", deny, "t", "", skills("s"))}, access.Deny, "d"},
		{"everything", call("s", skill), []*config.AccessRule{rule("d", deny, "", "")}, access.Deny, "d"},
		{"when", call("t", args(`{"n":2}`)), []*config.AccessRule{rule("d", deny, "t", "args.n > 1")}, access.Deny, "d"},
		{"when not", call("t", args(`{"n":1}`)), []*config.AccessRule{rule("d", deny, "t", "args.n > 1")}, access.Allow, ""},
		{"a missing member denies in deny", call("t", args(`{}`)), []*config.AccessRule{rule("d", deny, "t", "args.n > 1")}, access.Deny, "d"},
		{"a missing member denies in ask", call("t"), []*config.AccessRule{rule("k", ask, "t", "args.n > 1"), rule("a", allow, "t", "")}, access.Deny, "k"},
		{"a missing member does not allow", call("t", hints(destroys)), []*config.AccessRule{rule("a", allow, "t", "args.n > 1")}, access.Deny, ""},
		{"another allow rule does", call("t", hints(destroys)), []*config.AccessRule{rule("a", allow, "t", "args.n > 1"), rule("b", allow, "t", "")}, access.Allow, "b"},
		{"an annotation that is not known denies in deny", call("t"), []*config.AccessRule{rule("d", deny, "t", "annotations.destructive")}, access.Deny, "d"},
		{"a skill's input", call("s", skill, args(`{"to":"all"}`)), []*config.AccessRule{rule("d", deny, "", "args.to == 'all'")}, access.Deny, "d"},
		{"a skill's input that is text", call("s", skill, args(`"all"`)), []*config.AccessRule{rule("d", deny, "", "args.to == 'all'")}, access.Deny, "d"},
		{"a tool that a skill calls", call("t", func(r *access.Request) { r.Skill = "digest" }), []*config.AccessRule{rule("d", deny, "t", "skill.name == 'digest'")}, access.Deny, "d"},
		{"time", call("t"), []*config.AccessRule{rule("d", deny, "", "time.weekday == 'friday' && time.hour >= 12")}, access.Deny, "d"},
		{"scope", call("t"), []*config.AccessRule{rule("d", deny, "", "principal.scope == 'default'")}, access.Deny, "d"},
		{"session", call("t", func(r *access.Request) {
			r.Counters = access.Counters{Calls: 3, Tools: []string{"secrets_read"}, Started: noon.Add(-time.Minute)}
		}), []*config.AccessRule{rule("d", deny, "", "'secrets_read' in session.tools && session.age == 60 && session.calls == 3")}, access.Deny, "d"},
	} {
		d := compile(t, "careful", c.rules...).Decide(c.request)
		if d.Effect != c.want || d.Rule != c.by {
			t.Errorf("%s: %+v, want %s by %q", c.name, d, c.want, c.by)
		}
	}
}

// What is and is not JSON that everybody reads alike: a rule that reads arguments
// cannot be evaluated over anything else, and an allow rule does not match then.
func TestArguments(t *testing.T) {
	p := compile(t, "careful", rule("a", "allow", "t", "args.repo startsWith 'acme/'"))
	for raw, want := range map[string]access.Effect{
		`{"repo":"acme/x"}`:                            access.Allow,
		`{"repo":"acme/x","n":12345678901234567890}`:   access.Allow,
		`{"repo":"other/x"}`:                           access.Deny,
		`{"repo":"acme/x","repo":"other/x"}`:           access.Deny,
		`{"repo":"other/x","repo":"acme/x"}`:           access.Deny,
		`{"repo":"acme/x","Repo":"other/x"}`:           access.Deny,
		`{"repo":"acme/x","REPO":"other/x"}`:           access.Deny,
		`{"repo":"acme/x","a":{"b":1,"b":2}}`:          access.Deny,
		`{"repo":"acme/x"} {}`:                         access.Deny,
		`{"repo":"acme/x"`:                             access.Deny,
		`["repo"]`:                                     access.Deny,
		`"acme/"`:                                      access.Deny,
		`null`:                                         access.Deny,
		``:                                             access.Deny,
		`{"repo":["acme/x"]}`:                          access.Deny,
		"{\"repo\":\"acme/\xff\"}":                     access.Deny,
		`{"repo":"acme/x","a":` + nest(300) + `}`:      access.Deny,
		`{"repo":"acme/x","a":` + nest(100) + `}`:      access.Allow,
		`{"repo":"acme/` + string(make([]byte, 5<<20)): access.Deny,
	} {
		if d := p.Decide(call("t", hints(destroys), args(raw))); d.Effect != want {
			t.Errorf("%.60q: %+v, want %s", raw, d, want)
		} else if d.Effect == access.Deny && d.Rule == "" && d.Detail == "" && !strings.HasPrefix(raw, `{"repo":"other/x"}`) {
			t.Errorf("%.60q: the operator is not told why the rule did not match: %+v", raw, d)
		}
	}
}

func nest(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }

func TestVisible(t *testing.T) {
	const allow, deny, ask = "allow", "deny", "ask"
	for _, c := range []struct {
		name      string
		unmatched string
		hints     access.Annotations
		rules     []*config.AccessRule
		want      access.Effect
	}{
		{"deny on arguments hides nothing", "careful", reads, []*config.AccessRule{rule("d", deny, "t", "args.n > 1")}, access.Allow},
		{"deny without arguments hides", "careful", reads, []*config.AccessRule{rule("d", deny, "t", "")}, access.Deny},
		{"deny by who asks hides", "careful", reads, []*config.AccessRule{rule("d", deny, "t", "principal.name == 'ann'")}, access.Deny},
		{"deny by somebody else's name does not", "careful", reads, []*config.AccessRule{rule("d", deny, "t", "principal.name == 'bob'")}, access.Allow},
		{"deny that always fails hides", "careful", reads, []*config.AccessRule{rule("d", deny, "t", "annotations.destructive")}, access.Deny},
		{"deny on arguments or on who asks hides who asks", "careful", reads, []*config.AccessRule{rule("d", deny, "t", "args.n > 1 || principal.name == 'ann'")}, access.Deny},
		{"allow on arguments shows", "deny", reads, []*config.AccessRule{rule("a", allow, "t", "args.n > 1")}, access.Allow},
		{"allow for somebody else does not", "deny", reads, []*config.AccessRule{rule("a", allow, "t", "args.n > 1 && principal.name == 'bob'")}, access.Deny},
		{"allow that always fails does not", "careful", destroys, []*config.AccessRule{rule("a", allow, "t", "annotations.idempotent")}, access.Deny},
		{"ask is visible", "deny", destroys, []*config.AccessRule{rule("k", ask, "t", "")}, access.Ask},
		{"ask on arguments is visible", "deny", destroys, []*config.AccessRule{rule("k", ask, "t", "args.n > 1")}, access.Ask},
		{"ask on arguments, else allowed", "careful", reads, []*config.AccessRule{rule("k", ask, "t", "args.n > 1")}, access.Allow},
		{"ask that always fails hides", "careful", reads, []*config.AccessRule{rule("k", ask, "t", "annotations.idempotent")}, access.Deny},
		{"ask always, beside allow", "careful", reads, []*config.AccessRule{rule("k", ask, "t", ""), rule("a", allow, "t", "")}, access.Ask},
		{"denied by default is hidden", "careful", destroys, nil, access.Deny},
		{"deny beats a visible allow", "careful", reads, []*config.AccessRule{rule("a", allow, "t", ""), rule("d", deny, "*", "")}, access.Deny},
	} {
		p := compile(t, c.unmatched, c.rules...)
		for _, action := range []access.Action{access.List, access.Find, access.Describe} {
			d := p.Decide(call("t", hints(c.hints), func(r *access.Request) { r.Action = action }))
			if d.Effect != c.want || d.Visible() != (c.want != access.Deny) {
				t.Errorf("%s: %+v, want %s", c.name, d, c.want)
			}
		}
	}
}

func TestAskJoinsRules(t *testing.T) {
	by := func(valid time.Duration, roles ...string) func(*config.AccessRule) {
		return func(r *config.AccessRule) { r.Valid, r.Approvers = valid, roles }
	}
	p := compile(t, "careful", rule("b", "ask", "t", "", by(time.Hour, "lead")), rule("a", "ask", "*", "", by(2*time.Hour, "security", "lead")),
		rule("c", "ask", "t", "", by(time.Minute)), rule("d", "ask", "t", "", by(time.Hour, "lead")))
	d := p.Decide(call("t"))
	if d.Effect != access.Ask || d.Rule != "a" || d.Valid != time.Minute || len(d.Approvers) != 2 || strings.Join(d.Approvers[0], ",") != "lead,security" || d.Approvers[1][0] != "lead" {
		t.Errorf("%+v", d)
	}
}

func TestCompileRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		access config.Access
		code   string
	}{
		"unmatched":     {config.Access{Unmatched: "yes"}, "access-unmatched"},
		"effect":        {config.Access{Unmatched: "deny", Rules: []*config.AccessRule{rule("a", "permit", "t", "")}}, "access-effect"},
		"twice":         {config.Access{Unmatched: "deny", Rules: []*config.AccessRule{rule("a", "deny", "t", ""), rule("a", "allow", "u", "")}}, "access-name"},
		"expression":    {config.Access{Unmatched: "deny", Rules: []*config.AccessRule{rule("a", "deny", "t", "arg.x")}}, "rule"},
		"type":          {config.Access{Unmatched: "deny", Rules: []*config.AccessRule{rule("a", "deny", "t", "session.calls")}}, "rule"},
		"question mark": {config.Access{Unmatched: "deny", Rules: []*config.AccessRule{rule("a", "deny", "github_?", "")}}, "access-pattern"},
		"no approvers":  {config.Access{Unmatched: "deny", Rules: []*config.AccessRule{rule("a", "ask", "t", "", func(r *config.AccessRule) { r.Approvers = []string{} })}}, "access-approvers"},
		"valid":         {config.Access{Unmatched: "deny", Rules: []*config.AccessRule{rule("a", "ask", "t", "", func(r *config.AccessRule) { r.Valid = -1 })}}, "access-valid"},
		"skills of a connector": {config.Access{Unmatched: "deny", Rules: []*config.AccessRule{rule("a", "deny", "", "", func(r *config.AccessRule) {
			r.Skills, r.Connectors = []string{"s"}, []string{"c"}
		})}}, "access-match"},
		"limit": {config.Access{Unmatched: "deny", Limits: []*config.AccessLimit{{Name: "l", Per: "principal", Within: time.Hour}}}, "access-limit"},
		"per":   {config.Access{Unmatched: "deny", Limits: []*config.AccessLimit{{Name: "l", Per: "day", Calls: 1, Within: time.Hour}}}, "access-limit"},
	} {
		p, diags := access.Compile(&c.access)
		if p != nil || len(diags) != 1 || diags[0].Code != c.code || diags[0].Detail == "" {
			t.Errorf("%s: %v", name, diags)
		}
	}
	_, diags := access.Compile(&config.Access{Unmatched: "deny", Rules: []*config.AccessRule{rule("a", "deny", "", "annotations.destructive")}})
	if diags.HasErrors() || len(diags) != 1 || diags[0].Code != "access-annotations" {
		t.Errorf("%v", diags)
	}
}
