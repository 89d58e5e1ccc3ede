package access_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/plimsoll-dev/plimsoll/core/access"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

var lead = access.Principal{Name: "lea", Roles: []string{"lead"}, Kind: access.KindCLI}

func asking(t testing.TB) (*access.Policy, access.Request, access.Approval) {
	t.Helper()
	p := compile(t, "careful", rule("deletes are asked", "ask", "*_delete", "", func(r *config.AccessRule) { r.Approvers = []string{"lead"} }))
	r := call("repo_delete", args(`{"repo":"acme/x","force":false}`), hints(destroys))
	a, err := access.NewApproval(r, p.Decide(r))
	if err != nil {
		t.Fatal(err)
	}
	return p, r, a
}

func TestApprovalLetsOneCallThrough(t *testing.T) {
	p, r, a := asking(t)
	if a.State != access.Pending || len(a.ID()) != 32 || !a.Open(noon) {
		t.Fatalf("%+v", a)
	}
	r.Approval = &a
	if d := p.Decide(r); d.Effect != access.Ask || !strings.Contains(d.Reason, "nobody has answered yet") {
		t.Fatalf("%+v", d)
	}
	yes, err := a.Approve(lead, noon.Add(time.Minute))
	if err != nil || yes.ID() != a.ID() || a.State != access.Pending {
		t.Fatal(yes, err)
	}
	r.Approval, r.At = &yes, noon.Add(2*time.Minute)
	r.Arguments = json.RawMessage(" {\"force\" : false, \"repo\":\"acme\\/x\"}") // another spelling of the same
	if d := p.Decide(r); d.Effect != access.Allow || d.Approval != a.ID() || d.Rule != "deletes are asked" {
		t.Fatalf("%+v", d)
	}
	used, err := yes.Use(r)
	if err != nil || used.State != access.Used {
		t.Fatal(used, err)
	}
	r.Approval = &used
	if d := p.Decide(r); d.Effect != access.Ask || d.Approval != "" || !strings.Contains(d.Reason, "each lets one call through") {
		t.Fatalf("replayed: %+v", d)
	}
	if _, err := used.Use(r); err == nil {
		t.Fatal("used twice")
	}
	if again, err := access.NewApproval(r, p.Decide(r)); err != nil || again.ID() != a.ID() || used.Open(r.At) {
		t.Errorf("the same call asked again is the same approval: %v", err)
	}
}

// Whatever of a call changes after it was approved, the approval is for another.
func TestApprovalTampering(t *testing.T) {
	p, r, a := asking(t)
	yes, err := a.Approve(lead, noon.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*access.Request)
		why    string
	}{
		"definition":          {func(r *access.Request) { r.Definition = "sha256:bb" }, "definition has changed"},
		"arguments":           {args(`{"repo":"acme/x","force":true}`), "other arguments"},
		"argument more":       {args(`{"repo":"acme/x","force":false,"x":1}`), "other arguments"},
		"no arguments":        {args(``), "other arguments"},
		"arguments twice":     {args(`{"repo":"acme/x","force":false,"force":false}`), "cannot be bound"},
		"principal":           {func(r *access.Request) { r.Principal.Name = "bob" }, "no such approval"},
		"kind of principal":   {func(r *access.Request) { r.Principal.Kind = access.KindOAuth }, "no such approval"},
		"scope":               {func(r *access.Request) { r.Principal.Scope = "other" }, "no such approval"},
		"tool":                {func(r *access.Request) { r.Tool = "org_delete" }, "another call"},
		"connector":           {func(r *access.Request) { r.Connector = "gitlab" }, "another call"},
		"skill that calls":    {func(r *access.Request) { r.Skill = "digest" }, "another call"},
		"expired":             {func(r *access.Request) { r.At = noon.Add(time.Minute + time.Hour) }, "run out"},
		"long expired":        {func(r *access.Request) { r.At = noon.AddDate(1, 0, 0) }, "run out"},
		"clock before asking": {func(r *access.Request) { r.At = noon.Add(-time.Minute) }, "clock went back"},
		"clock before answer": {func(r *access.Request) { r.At = noon.Add(30 * time.Second) }, "clock went back"},
	} {
		q := r
		q.At = noon.Add(2 * time.Minute)
		c.change(&q)
		q.Approval = &yes
		if d := p.Decide(q); d.Effect != access.Ask || !strings.Contains(d.Reason, c.why) {
			t.Errorf("%s: %+v, want %q", name, d, c.why)
		}
		if _, err := yes.Use(q); err == nil {
			t.Errorf("%s: used", name)
		}
	}
	// A rule that denies by now is not asked about.
	q := r
	q.Approval, q.At = &yes, noon.Add(2*time.Minute)
	strict := compile(t, "careful", rule("k", "ask", "*_delete", ""), rule("d", "deny", "", "principal.name == 'ann'"))
	if d := strict.Decide(q); d.Effect != access.Deny {
		t.Errorf("%+v", d)
	}
	q.Pinned = false
	if d := p.Decide(q); d.Effect != access.Deny {
		t.Errorf("a definition that is no longer pinned: %+v", d)
	}
	// A time that ran out once was seen stays run out, also for a clock set back.
	gone := yes.At(noon.Add(2 * time.Hour))
	q = r
	q.At = noon.Add(2 * time.Minute)
	if err := gone.Permits(q); gone.State != access.Lapsed || err == nil {
		t.Errorf("%+v %v", gone, err)
	}
}

func TestAnswers(t *testing.T) {
	_, _, a := asking(t)
	later := noon.Add(time.Minute)
	open := a
	open.Approvers = nil
	for name, c := range map[string]struct {
		approval access.Approval
		by       access.Principal
		at       time.Time
		why      string
	}{
		"no role":          {a, access.Principal{Name: "eve", Kind: access.KindCLI}, later, "none of the roles"},
		"another role":     {a, access.Principal{Name: "eve", Roles: []string{"engineer"}, Kind: access.KindCLI}, later, "none of the roles"},
		"own call":         {a, access.Principal{Name: "ann", Roles: []string{"lead"}, Kind: access.KindToken}, later, "own call"},
		"nobody":           {a, access.Principal{Roles: []string{"lead"}, Kind: access.KindCLI}, later, "needs a name"},
		"too late":         {a, lead, noon.Add(access.PendingFor), "in time"},
		"clock back":       {a, lead, noon.Add(-time.Second), "clock went back"},
		"not at the shell": {open, access.Principal{Name: "eve", Roles: []string{"lead"}, Kind: access.KindToken}, later, "command line"},
	} {
		if got, err := c.approval.Approve(c.by, c.at); err == nil || !strings.Contains(err.Error(), c.why) || got.State == access.Approved {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
	if _, err := open.Approve(access.Principal{Name: "ann", Kind: access.KindCLI}, later); err != nil {
		t.Errorf("anybody at the command line: %v", err)
	}
	no, err := a.Refuse(lead, "not on a Friday", later)
	if err != nil || no.State != access.Refused || no.Note != "not on a Friday" || no.By != "lea" {
		t.Fatal(no, err)
	}
	if _, err := no.Approve(lead, later); err == nil {
		t.Error("answered twice")
	}
	both := a
	both.Approvers = [][]string{{"lead"}, {"security"}}
	if _, err := both.Approve(lead, later); err == nil {
		t.Error("one role of two rules is enough")
	}
	if _, err := both.Approve(access.Principal{Name: "x", Kind: access.KindToken, Roles: []string{"security", "lead"}}, later); err != nil {
		t.Error(err)
	}
}

func TestNewApprovalRefuses(t *testing.T) {
	p, r, _ := asking(t)
	d := p.Decide(r)
	for name, change := range map[string]func(*access.Request, *access.Decision){
		"allowed":       func(_ *access.Request, d *access.Decision) { d.Effect = access.Allow },
		"no validity":   func(_ *access.Request, d *access.Decision) { d.Valid = 0 },
		"looking":       func(r *access.Request, _ *access.Decision) { r.Action = access.Find },
		"no definition": func(r *access.Request, _ *access.Decision) { r.Definition = "" },
		"no time":       func(r *access.Request, _ *access.Decision) { r.At = time.Time{} },
		"big integer":   func(r *access.Request, _ *access.Decision) { args(`{"id":9007199254740993}`)(r) },
		"member twice":  func(r *access.Request, _ *access.Decision) { args(`{"id":1,"id":2}`)(r) },
	} {
		r2, d2 := r, d
		change(&r2, &d2)
		if _, err := access.NewApproval(r2, d2); err == nil {
			t.Error(name)
		}
	}
}

func TestApprovalBytes(t *testing.T) {
	_, r, a := asking(t)
	yes, _ := a.Approve(lead, noon.Add(time.Minute))
	r.At = noon.Add(2 * time.Minute)
	used, _ := yes.Use(r)
	no, _ := a.Refuse(lead, "no", noon.Add(time.Minute))
	for _, x := range []access.Approval{a, yes, used, no, a.At(noon.Add(48 * time.Hour)), yes.At(noon.Add(48 * time.Hour))} {
		raw, err := x.Encode()
		if err != nil {
			t.Fatal(err)
		}
		y, err := access.DecodeApproval(raw)
		if err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		again, _ := y.Encode()
		if string(again) != string(raw) || y.ID() != a.ID() {
			t.Errorf("%s became %s", raw, again)
		}
	}
	raw, _ := a.Encode()
	want := `{"approvers":[["lead"]],"arguments":"sha256:`
	if !strings.HasPrefix(string(raw), want) || strings.Contains(string(raw), "acme") {
		t.Errorf("%s", raw)
	}
	for name, bad := range map[string]string{
		"approved by nobody": strings.Replace(string(raw), `"pending"`, `"approved"`, 1),
		"unknown state":      strings.Replace(string(raw), `"pending"`, `"granted"`, 1),
		"unknown member":     strings.Replace(string(raw), `{"approvers"`, `{"aa":1,"approvers"`, 1),
		"member twice":       strings.Replace(string(raw), `"state":"pending"`, `"state":"pending","state":"pending"`, 1),
		"another spelling":   strings.Replace(string(raw), `"pending"`, `"\u0070ending"`, 1),
		"white space":        " " + string(raw),
		"cut":                string(raw[:len(raw)-2]),
		"empty":              "",
		"null":               "null",
	} {
		if x, err := access.DecodeApproval([]byte(bad)); err == nil {
			t.Errorf("%s: %+v", name, x)
		}
	}
}

// Ids are the same for the same call and differ where anything differs.
func TestApprovalIDs(t *testing.T) {
	p := compile(t, "careful", rule("k", "ask", "", ""))
	text := rapid.SampledFrom([]string{"a", "b", "a,b", "1:a", "", "a\x00"})
	draw := func(t *rapid.T) access.Approval {
		r := call("t"+text.Draw(t, "tool"), args(rapid.SampledFrom([]string{`{}`, ``, `{"a":1}`, `{"a":1.0}`}).Draw(t, "args")))
		r.Principal.Name, r.Principal.Scope, r.Connector, r.Skill = text.Draw(t, "name"), text.Draw(t, "scope"), text.Draw(t, "connector"), text.Draw(t, "skill")
		a, err := access.NewApproval(r, p.Decide(r))
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := draw(t), draw(t)
		x, _ := a.Encode()
		y, _ := b.Encode()
		if (string(x) == string(y)) != (a.ID() == b.ID()) {
			t.Fatalf("%s %s\n%s %s", a.ID(), x, b.ID(), y)
		}
	})
}

func FuzzApproval(f *testing.F) {
	_, r, a := asking(f)
	yes, _ := a.Approve(lead, noon.Add(time.Minute))
	for _, x := range []access.Approval{a, yes} {
		raw, _ := x.Encode()
		f.Add(raw)
	}
	r.At = noon.Add(2 * time.Minute)
	f.Fuzz(func(t *testing.T, raw []byte) {
		x, err := access.DecodeApproval(raw)
		if err != nil {
			return
		}
		again, err := x.Encode()
		if err != nil || string(again) != string(raw) {
			t.Fatalf("%q became %q, %v", raw, again, err)
		}
		if x.Permits(r) == nil && (x.State != access.Approved || x.ID() != a.ID() || x.By == "") {
			t.Fatalf("%s lets the call through", raw)
		}
	})
}
