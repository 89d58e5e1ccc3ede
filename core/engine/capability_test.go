package engine

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/audit"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/store/badgerstore"
	"github.com/plimsoll-dev/plimsoll/core/telemetry"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// stateOnly is an engine with a store in memory and nothing else.
func stateOnly(t *testing.T) *Engine {
	t.Helper()
	at := time.Date(2026, 7, 2, 2, 0, 0, 0, time.UTC)
	key, err := audit.OpenKey(t.TempDir() + "/audit.key")
	if err != nil {
		t.Fatal(err)
	}
	log := audit.New(audit.Config{Signer: key.Signer, Next: key.Next, Origin: key.Origin})
	db, err := badgerstore.Open(badgerstore.Config{InMemory: true, Sealer: log, Now: func() time.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return &Engine{options: Options{Recorder: telemetry.Nothing()}, Tools: &Tools{asOf: at}, asOf: at, state: &State{store: db, log: log}, store: db, log: log}
}

func grantedSkill(name string, g *config.Grant) *skill.Skill {
	return &skill.Skill{
		Name: name, Hash: "sha256:1", Range: diag.Range{File: "main.hcl"}, Binding: config.Binding{Grant: g},
		Contract: &config.Contract{Code: "skill.wasm", Steps: []*config.Step{{Name: "draft"}, {Name: "review"}}},
	}
}

func record(id string, writes map[string]string) *run.Record {
	rec := &run.Record{ID: id, Skill: "a", Status: run.OK, Started: time.Date(2026, 7, 2, 2, 0, len(id), 0, time.UTC), Writes: map[string]json.RawMessage{}}
	for k, v := range writes {
		rec.Writes[k] = nil
		if v != "" {
			rec.Writes[k] = json.RawMessage(v)
		}
	}
	return rec
}

func TestKeysCommitWithTheirRun(t *testing.T) {
	e := stateOnly(t)
	s := grantedSkill("a", &config.Grant{KV: 20, Calls: 1})
	k := keys{e.store}
	size := func(want int64) {
		t.Helper()
		if n, err := k.Size("a"); err != nil || n != want {
			t.Errorf("%d bytes, want %d (%v)", n, want, err)
		}
	}
	if err := e.recordRun(t.Context(), s, record("1", map[string]string{"x": `"123"`, "y": "1"})); err != nil {
		t.Fatal(err)
	}
	size(1 + 5 + 1 + 1)
	if v, found, err := k.Value("a", "x"); err != nil || !found || string(v) != `"123"` {
		t.Errorf("x is %s %v %v", v, found, err)
	}
	if _, found, err := k.Value("b", "x"); found || err != nil {
		t.Error("another skill sees the key")
	}
	if err := e.recordRun(t.Context(), s, record("22", map[string]string{"x": "", "z": "2"})); err != nil {
		t.Fatal(err)
	}
	size(1 + 1 + 1 + 1)
	if _, found, _ := k.Value("a", "x"); found {
		t.Error("a deleted key is there")
	}
	// Another run filled the quota between this one's calls and its end.
	late := record("333", map[string]string{"big": `"0123456789abcdef"`})
	if err := e.recordRun(t.Context(), s, late); err != nil || late.Status != run.Failed || !strings.Contains(late.Why, "another run") {
		t.Errorf("%s %s %v", late.Status, late.Why, err)
	}
	size(4)
	kept, err := e.Record("333")
	if err != nil || kept.Status != run.Failed {
		t.Errorf("it is recorded as %+v %v", kept, err)
	}
	// A run may always shrink what is there, even under a quota that was lowered.
	s.Binding.Grant = &config.Grant{KV: 1, Calls: 1}
	less := record("4444", map[string]string{"y": ""})
	if err := e.recordRun(t.Context(), s, less); err != nil || less.Status != run.OK {
		t.Errorf("%s %s %v", less.Status, less.Why, err)
	}
	size(2)
}

func TestGrantsAreWrittenDownOnce(t *testing.T) {
	e := stateOnly(t)
	s := grantedSkill("a", nil)
	entries := func(want int) {
		t.Helper()
		n := 0
		if err := audit.Entries(e.store, 0, func(_ int64, entry store.Entry) error {
			if entry.Kind == "skill.grant" {
				n++
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if n != want {
			t.Errorf("%d grants are written down, want %d", n, want)
		}
	}
	for i, step := range []struct {
		grant *config.Grant
		hash  string
		want  int
	}{
		{nil, "sha256:1", 0}, // nothing was ever granted
		{&config.Grant{KV: 5, Calls: 1}, "sha256:1", 1},
		{&config.Grant{KV: 5, Calls: 1, Range: diag.Range{File: "moved.hcl"}}, "sha256:1", 1},
		{&config.Grant{KV: 6, Calls: 1}, "sha256:1", 2},
		{&config.Grant{KV: 6, Calls: 1}, "sha256:2", 3}, // other code has it now
		{nil, "sha256:2", 4},
		{nil, "sha256:2", 4},
	} {
		s.Binding.Grant, s.Hash = step.grant, step.hash
		if err := e.noteGrant(t.Context(), s, &run.Plan{Grant: step.grant}); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		entries(step.want)
	}
}

func TestRecordedAnswersAreTheFirstOnes(t *testing.T) {
	e := stateOnly(t)
	s := grantedSkill("a", &config.Grant{Tools: []string{"mail.send"}, Calls: 9})
	blob := func(text string) string {
		t.Helper()
		d, err := e.store.PutBlob([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	tool := func(answer, code string) run.HostCall {
		return run.HostCall{Op: "tool.call", Name: "mail.send", Payload: "sha256:p", Answer: blob(answer), Code: code}
	}
	for i, r := range []struct {
		status run.Status
		input  string
		call   run.HostCall
	}{
		{run.Failed, `{"a":1,"b":2}`, tool("of a failed run", "")},
		{run.OK, `{"a":1,"b":2}`, tool("a failure", "tool_failed")},
		{run.OK, `{"b":2, "a":1}`, tool("the first", "")},
		{run.OK, `{"a":1,"b":2}`, tool("a later one", "")},
	} {
		rec := record(strings.Repeat("i", i+1), nil)
		rec.Status, rec.Input, rec.Attempts = r.status, blob(r.input), []run.Attempt{{Host: []run.HostCall{r.call}}}
		if err := e.recordRun(t.Context(), s, rec); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ skill, input, payload, want string }{
		{"a", `{"a":1,"b":2}`, "sha256:p", "the first"},
		{"a", `{"a":1,"b":3}`, "sha256:p", ""},
		{"a", `{"a":1,"b":2}`, "sha256:q", ""},
		{"b", `{"a":1,"b":2}`, "sha256:p", ""},
	} {
		got, found, err := e.recorded(t.Context(), c.skill, json.RawMessage(c.input), c.payload)
		if err != nil || found != (c.want != "") || string(got) != c.want {
			t.Errorf("%+v: %s %v %v", c, got, found, err)
		}
	}
}

func TestCheckGrant(t *testing.T) {
	all := abi.Capabilities()
	for name, c := range map[string]struct {
		grant *config.Grant
		asks  []string
		ops   []string
		want  []string // "code: part of the text"
	}{
		"nothing asked, nothing granted": {nil, nil, []string{"run"}, nil},
		"everything":                     {&config.Grant{Steps: []string{"draft"}, KV: 1, ReadOnly: []string{"x"}}, all, []string{"run"}, nil},
		"nothing granted":                {nil, all, []string{"run"}, []string{"capability: skill \"a\" {\n  grant {\n    steps = [\"draft\", \"review\"]\n    kv    = \"1MiB\"\n    tools = [\"NAME\"]\n  }\n}"}},
		"one is missing":                 {&config.Grant{Steps: []string{"draft"}}, []string{"model.generate", "kv.get"}, []string{"run"}, []string{"capability: kv = \"1MiB\""}},
		"too much":                       {&config.Grant{Steps: []string{"draft"}, KV: 1}, []string{"kv.put"}, []string{"run"}, []string{"grant-unused: Remove it from the grant"}},
		"both":                           {&config.Grant{KV: 1, Tools: []string{"x"}}, []string{"model.generate"}, []string{"run"}, []string{"capability: steps = ", "grant-unused: Remove them"}},
		"asked without op run":           {nil, all, []string{"finish"}, []string{"capability-closed: op run only"}},
	} {
		diags := checkGrant(grantedSkill("a", c.grant), abi.Manifest{ABI: 1, Ops: c.ops, Capabilities: c.asks})
		if len(diags) != len(c.want) {
			t.Errorf("%s: %v", name, diags)
			continue
		}
		for i, want := range c.want {
			code, text, _ := strings.Cut(want, ": ")
			if d := diags[i]; d.Code != code || !strings.Contains(d.Detail+d.Suggest, text) {
				t.Errorf("%s: %s: %s %s, want %s", name, d.Code, d.Detail, d.Suggest, want)
			}
		}
	}
	s := grantedSkill("a", &config.Grant{Steps: []string{"draf"}})
	if diags := checkSteps(s); len(diags) != 1 || !strings.Contains(diags[0].Detail, `Did you mean "draft"`) {
		t.Errorf("%v", diags)
	}
	s.Contract.Code = ""
	if diags := checkSteps(s); len(diags) != 2 || diags[1].Code != "grant-unused" {
		t.Errorf("%v", diags)
	}
}

func TestGrantsInWords(t *testing.T) {
	if got := Grants(grantedSkill("a", nil)); got != nil {
		t.Errorf("nothing is granted, and it says %q", got)
	}
	got := Grants(grantedSkill("a", &config.Grant{Steps: []string{"draft"}, KV: 1024, Tools: []string{"b"}, ReadOnly: []string{"c", "d"}, Calls: 3}))
	want := []string{"models, by the steps draft", "keys of its own, 1KiB", "tools b", "tools that change nothing: c, d", "at most 3 host calls a run"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if got := sizeWords(1<<20) + sizeWords(1500) + sizeWords(3<<19); got != "1MiB1500B1536KiB" {
		t.Error(got)
	}
}

func TestAnnounceSaysWhichRun(t *testing.T) {
	e := stateOnly(t)
	if err := e.announce(t.Context(), "a", run.HostCall{ID: "r7/a1/h2", Op: "tool.call", Name: "mail.send"}); err != nil {
		t.Fatal(err)
	}
	var seen store.Entry
	err := audit.Entries(e.store, 0, func(_ int64, entry store.Entry) error { seen = entry; return store.Stop })
	if err != nil && !errors.Is(err, store.Stop) {
		t.Fatal(err)
	}
	if seen.Kind != "skill.tool" || seen.Run != "r7" || seen.Skill != "a" || !strings.Contains(string(seen.Data), "mail.send") {
		t.Errorf("%+v %s", seen, seen.Data)
	}
}
