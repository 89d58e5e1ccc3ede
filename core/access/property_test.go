package access_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/plimsoll-dev/plimsoll/core/access"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

var (
	drawPattern = rapid.SampledFrom([]string{"*", "github_*", "*_delete", "*_delete_*", "github_repo_delete", "github_get", "g*t", "gitlab_*", "**", "g*", "digest", "dig*", "x"})
	drawTool    = rapid.SampledFrom([]string{"github_get", "github_repo_delete", "github_delete_repo", "gitlab_get", "g", "x", "digest"})
	drawWhen    = rapid.SampledFrom([]string{"", "", "args.n > 1", "(args?.n ?? 0) > 1", "principal.name == 'ann'", "annotations.destructive", "annotations.read_only ?? false", "session.calls > 2", "time.hour < 12", "args.n > 1 && principal.name == 'bob'", "true", "false", "args.repo == tool.name || 'lead' in principal.roles"})
	drawRole    = rapid.SampledFrom([]string{"engineer", "lead", "e*", "nobody"})
)

func some(t *rapid.T, g *rapid.Generator[string], name string) []string {
	switch rapid.IntRange(0, 3).Draw(t, name+" how") {
	case 0:
		return []string{}
	case 1:
		return rapid.SliceOfN(g, 1, 3).Draw(t, name)
	}
	return nil
}

func drawRule(t *rapid.T, name string, effects ...string) *config.AccessRule {
	r := rule(name, rapid.SampledFrom(effects).Draw(t, "effect"), "", drawWhen.Draw(t, "when"))
	r.Tools, r.Skills, r.Roles = some(t, drawPattern, "tools"), some(t, drawPattern, "skills"), some(t, drawRole, "roles")
	if r.Skills == nil || r.Tools != nil {
		r.Connectors = some(t, rapid.SampledFrom([]string{"github", "git*", "x"}), "connectors")
	}
	return r
}

func drawRules(t *rapid.T, prefix string, effects ...string) []*config.AccessRule {
	var out []*config.AccessRule
	for i := range rapid.IntRange(0, 6).Draw(t, "rules") {
		out = append(out, drawRule(t, fmt.Sprintf("%s%d", prefix, i), effects...))
	}
	return out
}

func drawRequest(t *rapid.T) access.Request {
	hint := rapid.SampledFrom([]*bool{nil, flag(true), flag(false)})
	r := call(drawTool.Draw(t, "tool"), args(rapid.SampledFrom([]string{"", `{}`, `{"n":1}`, `{"n":2,"repo":"x"}`, `{"n":"y"}`, `[`, `{"n":1,"n":2}`}).Draw(t, "args")))
	r.Annotations = access.Annotations{ReadOnly: hint.Draw(t, "read-only"), Destructive: hint.Draw(t, "destructive"), Idempotent: hint.Draw(t, "idempotent")}
	r.Principal.Name = rapid.SampledFrom([]string{"ann", "bob"}).Draw(t, "who")
	r.Principal.Roles = rapid.SampledFrom([][]string{nil, {"engineer"}, {"lead", "engineer"}}).Draw(t, "roles")
	r.Counters.Calls = rapid.IntRange(0, 5).Draw(t, "calls")
	r.At = noon.Add(time.Duration(rapid.IntRange(-5, 5).Draw(t, "hours")) * time.Hour)
	r.Pinned = rapid.IntRange(0, 4).Draw(t, "pinned") > 0
	if rapid.IntRange(0, 3).Draw(t, "skill") == 0 {
		skill(&r)
	}
	if rapid.IntRange(0, 2).Draw(t, "looks") == 0 {
		r.Action = rapid.SampledFrom([]access.Action{access.List, access.Find, access.Describe}).Draw(t, "action")
	}
	return r
}

func drawUnmatched(t *rapid.T) string {
	return rapid.SampledFrom([]string{"careful", "deny", "allow"}).Draw(t, "unmatched")
}

func must(t *rapid.T, unmatched string, rules []*config.AccessRule) *access.Policy {
	p, diags := access.Compile(&config.Access{Unmatched: unmatched, Rules: rules})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return p
}

func TestOrderOfRulesNeverMatters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules, unmatched := drawRules(t, "r", "allow", "deny", "ask"), drawUnmatched(t)
		r := drawRequest(t)
		a := must(t, unmatched, rules).Decide(r)
		b := must(t, unmatched, rapid.Permutation(rules).Draw(t, "order")).Decide(r)
		if !reflect.DeepEqual(a, b) {
			t.Fatalf("%+v\n%+v", a, b)
		}
	})
}

// What a deny rule denies stays denied, whatever rules come, until that rule goes.
func TestDeniedStaysDenied(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules, unmatched := drawRules(t, "r", "allow", "deny", "ask"), drawUnmatched(t)
		r := drawRequest(t)
		d := must(t, unmatched, rules).Decide(r)
		if d.Effect != access.Deny || d.Rule == "" {
			return
		}
		more := must(t, drawUnmatched(t), append(drawRules(t, "x", "allow", "deny", "ask"), rules...)).Decide(r)
		if more.Effect != access.Deny {
			t.Fatalf("%+v became %+v", d, more)
		}
	})
}

// A further allow rule turns no rule's deny into something else, and a default's deny
// only into allow; a further deny or ask rule never opens anything.
func TestWhatARuleCanDo(t *testing.T) {
	strict := func(e access.Effect) int {
		return slices.Index([]access.Effect{access.Allow, access.Ask, access.Deny}, e)
	}
	rapid.Check(t, func(t *rapid.T) {
		rules, unmatched := drawRules(t, "r", "allow", "deny", "ask"), drawUnmatched(t)
		r := drawRequest(t)
		before := must(t, unmatched, rules).Decide(r)
		allow := must(t, unmatched, append(slices.Clone(rules), drawRule(t, "new", "allow"))).Decide(r)
		switch {
		case before.Effect == access.Deny && before.Rule != "" && allow.Effect != access.Deny,
			before.Effect == access.Ask && allow.Effect == access.Deny,
			before.Effect == access.Allow && allow.Effect != access.Allow,
			allow.Effect == access.Allow && before.Effect == access.Deny && allow.Rule != "new":
			t.Fatalf("an allow rule made %+v of %+v", allow, before)
		}
		deny := must(t, unmatched, append(slices.Clone(rules), drawRule(t, "new", "deny"))).Decide(r)
		if strict(deny.Effect) < strict(before.Effect) {
			t.Fatalf("a deny rule made %+v of %+v", deny, before)
		}
		ask := must(t, unmatched, append(slices.Clone(rules), drawRule(t, "new", "ask"))).Decide(r)
		if strict(ask.Effect) < strict(before.Effect) && !(before.Effect == access.Deny && before.Rule == "" && ask.Rule == "new") {
			t.Fatalf("an ask rule made %+v of %+v", ask, before)
		}
	})
}

func TestAnEmptyListMeansNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules, unmatched := drawRules(t, "r", "allow", "deny", "ask"), drawUnmatched(t)
		r := drawRequest(t)
		empty := drawRule(t, "empty", "allow", "deny", "ask")
		empty.Tools, empty.Skills = []string{}, []string{}
		if rapid.Bool().Draw(t, "roles") {
			empty.Tools, empty.Skills, empty.Roles = nil, nil, []string{}
		}
		a, b := must(t, unmatched, rules).Decide(r), must(t, unmatched, append(rules, empty)).Decide(r)
		if !reflect.DeepEqual(a, b) {
			t.Fatalf("%+v\n%+v", a, b)
		}
	})
}

// What may be called may be seen: some arguments are allowed, so the name is visible.
func TestWhatIsHiddenCannotBeCalled(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := must(t, drawUnmatched(t), drawRules(t, "r", "allow", "deny", "ask"))
		r := drawRequest(t)
		r.Action = access.Call
		if r.Tool == "" {
			r.Action = access.Run
		}
		d := p.Decide(r)
		r.Action = access.Find
		if seen := p.Decide(r); !seen.Visible() && d.Effect != access.Deny {
			t.Fatalf("hidden by %+v, and %+v", seen, d)
		}
	})
}

// The index finds what asking every rule in turn finds.
func TestIndexAgreesWithAScan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := drawRules(t, "r", "allow", "deny", "ask")
		r := drawRequest(t)
		r.Pinned, r.Definition = true, digest
		if r.Action.Looks() {
			r.Action = access.Call
		}
		if r.Tool == "" {
			r.Action = access.Run
		}
		unmatched := drawUnmatched(t)
		got := must(t, unmatched, rules).Decide(r)
		want := access.Effect("")
		for _, one := range rules { // each alone, beside a default that it can be told from
			d := must(t, "deny", []*config.AccessRule{one}).Decide(r)
			switch {
			case d.Rule == "":
			case d.Effect == access.Deny:
				want = access.Deny
			case d.Effect == access.Ask && want != access.Deny:
				want = access.Ask
			case want == "":
				want = access.Allow
			}
		}
		if want == "" {
			want = must(t, unmatched, nil).Decide(r).Effect
		}
		if got.Effect != want {
			t.Fatalf("%+v, want %s", got, want)
		}
	})
}

// Whatever is asked: no panic, the same answer twice, nothing unpinned let through,
// and a reason that names neither rule nor file.
func FuzzDecide(f *testing.F) {
	f.Add("github_get", `{"n":2}`, "args.n > 1", "github_*", "call")
	f.Add("x", `{"n":1,"N":2}`, "len(args) > 0", "*", "find")
	f.Add("", "", "", "", "run")
	f.Fuzz(func(t *testing.T, tool, arguments, when, pattern, action string) {
		one := rule("the-rule", "allow", "", when)
		one.Tools = []string{pattern}
		two := rule("another-rule", "deny", "", when+" && false")
		p, diags := access.Compile(&config.Access{Unmatched: "careful", Rules: []*config.AccessRule{one, two}})
		if (p == nil) != diags.HasErrors() {
			t.Fatal(diags)
		}
		r := call(tool, args(arguments))
		r.Action = access.Action(action)
		a, b := p.Decide(r), p.Decide(r)
		if !reflect.DeepEqual(a, b) {
			t.Fatalf("%+v\n%+v", a, b)
		}
		if a.Reason == "" || strings.Contains(a.Reason, "-rule") || strings.Contains(a.Reason, "main.hcl") {
			t.Fatalf("%+v", a)
		}
		r.Pinned = false
		if d := p.Decide(r); d.Effect != access.Deny {
			t.Fatalf("%+v", d)
		}
	})
}

// A rule that reads arguments sees what encoding/json sees, or nothing.
func FuzzArguments(f *testing.F) {
	for _, s := range []string{`{"a":1}`, `{"a":{"b":[1,2,{"c":null}]}}`, `{"a":1,"A":2}`, "{\"a\":\"\xff\"}", `{"a":1}x`, `[1]`, ` `, `{"\u0061":1,"a":1}`, `{"a":1e999}`} {
		f.Add(s)
	}
	p, diags := access.Compile(&config.Access{Unmatched: "deny", Rules: []*config.AccessRule{rule("a", "allow", "*", "args.a == args.a && len(args) > 0")}})
	if diags.HasErrors() {
		f.Fatal(diags)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		d := p.Decide(call("t", args(raw)))
		var v map[string]any
		err := json.Unmarshal([]byte(raw), &v)
		if d.Effect == access.Allow && (err != nil || !utf8.ValidString(raw) || v["a"] == nil && !strings.Contains(raw, "null")) {
			t.Fatalf("%q is allowed: %v", raw, err)
		}
	})
}
