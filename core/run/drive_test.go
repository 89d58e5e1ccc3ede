package run_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/gate"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
	"github.com/plimsoll-dev/plimsoll/sdk/skill"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
	"pgregory.net/rapid"
)

// native drives a skill's Go code without a sandbox.
type native struct{ program *skill.Program }

func (n native) Has(op abi.Op) bool { return n.program.Manifest().Has(op) }

func (n native) Call(_ context.Context, op abi.Op, in []byte) ([]byte, error) {
	return n.program.Call(op, in)
}

func (n native) Drive(ctx context.Context, in []byte, host run.HostFunc) ([]byte, int64, error) {
	raw, err := n.program.With(func(op abi.HostOp, payload []byte) ([]byte, error) { return host(ctx, op, payload) }).Call(abi.OpRun, in)
	return raw, int64(len(in)), err
}

func (native) Clock() time.Time { return time.Time{} }

// stored is a Keys in memory.
type stored map[string]json.RawMessage

func (s stored) Value(_, key string) (json.RawMessage, bool, error) {
	v, ok := s[key]
	return v, ok, nil
}

func (s stored) Size(string) (n int64, err error) {
	for k, v := range s {
		n += run.EntrySize(k, v)
	}
	return n, nil
}

// desk is a connector with two tools.
type desk struct{ called []string }

func (d *desk) ReadOnly(name string) bool { return name == "clock.read" }

func (d *desk) Call(_ context.Context, name string, args json.RawMessage) (json.RawMessage, error) {
	d.called = append(d.called, name+string(args))
	switch name {
	case "mail.break":
		return nil, errors.New("the server is on fire")
	case "mail.refuse":
		return nil, &abi.Failure{Code: "no_such_box", Message: "there is no such box"}
	case "mail.nonsense":
		return json.RawMessage("{"), nil
	}
	return json.RawMessage(`["a"]`), nil
}

// driven runs a skill whose code is f.
type driven struct {
	models    models
	plan      *run.Plan
	keys      stored
	tools     run.Tools
	announced []string
	deny      error // of Announce
	recorded  map[string]string
	blobs     blobs
}

func newDriven(t *testing.T, f func(in string, h skill.Host) (any, error), gates ...gate.Spec) *driven {
	p := plan(t, gates...)
	p.JSON = true
	p.Steps = []run.Step{{Name: "draft", Prompt: "Draft it."}, {Name: "review"}}
	p.Code = native{skill.Register(skill.Skill[string, any]{Run: f, Capabilities: abi.Capabilities()})}
	p.Grant = &config.Grant{Steps: []string{"draft", "review"}, KV: 64, Tools: []string{"mail.send", "mail.break", "mail.refuse", "mail.nonsense"}, ReadOnly: []string{"mail.search"}, Calls: 20}
	return &driven{plan: p, models: models{answer: func(n int, _ string, req message.Request) (string, error) {
		return fmt.Sprintf("answer %d", n+1), nil
	}}}
}

func (d *driven) do(t *testing.T, change func(*run.Request)) (*run.Record, error) {
	t.Helper()
	l := ladder()
	r := run.Request{ID: "r1", Input: json.RawMessage(`"in"`), Tiers: map[string]*config.Tier{"draft": l.Tiers[0], "review": l.Tiers[1]}, Ladders: map[string]*config.Ladder{"draft": l, "review": l}}
	if change != nil {
		change(&r)
	}
	at := time.Date(2026, 7, 2, 2, 0, 0, 0, time.UTC)
	x := run.Executor{
		Models: &d.models, Blobs: &d.blobs, Sleep: func(context.Context, time.Duration) {}, Now: func() time.Time { return at }, Tools: d.tools,
		Announce: func(_ context.Context, skill string, c run.HostCall) error {
			d.announced = append(d.announced, skill+" "+c.Name)
			return d.deny
		},
	}
	if d.keys != nil {
		x.Keys = d.keys
	}
	if d.recorded != nil {
		x.Recorded = func(_ context.Context, _ string, _ json.RawMessage, payload string) ([]byte, bool, error) {
			v, ok := d.recorded[payload]
			return []byte(v), ok, nil
		}
	}
	return x.Do(t.Context(), d.plan, r)
}

func (d *driven) must(t *testing.T, change func(*run.Request)) *run.Record {
	t.Helper()
	rec, err := d.do(t, change)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func trial(r *run.Request) { r.Trial = true }

func code(err error) string {
	var e *skill.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return fmt.Sprint(err)
}

func TestDrivenSkillCallsItsStepsOnTheirTiers(t *testing.T) {
	d := newDriven(t, func(in string, h skill.Host) (any, error) {
		draft, err := h.Generate("draft", skill.User(in))
		if err != nil {
			return nil, err
		}
		return h.Generate("review", skill.System("Be strict."), skill.User(draft))
	})
	rec := d.must(t, nil)
	if rec.Status != run.OK || string(rec.Output) != `"answer 2"` {
		t.Fatalf("%s %s: %s", rec.Status, rec.Output, rec.Why)
	}
	if fmt.Sprint(d.models.names) != "[b-small b-medium]" {
		t.Errorf("backends %v", d.models.names)
	}
	if m := d.models.asked[0].Messages; len(m) != 2 || m[0].String() != "Draft it." || m[1].String() != "in" {
		t.Errorf("the step's prompt goes before the messages: %v", m)
	}
	if m := d.models.asked[1].Messages; len(m) != 2 || m[0].String() != "Be strict." || m[1].String() != "answer 1" {
		t.Errorf("a system message of the skill's own stays alone: %v", m)
	}
	a := rec.Attempts[0]
	if len(a.Calls) != 2 || a.Calls[0].Step != "draft" || rec.Micro != 2*1500 || len(a.Host) != 2 || a.Host[0].Name != "draft" || a.Host[0].ID != "r1/a1/h1" || a.Host[0].Op != "model.generate" || a.Asked == "" || a.Answer == "" || a.Fuel == 0 {
		t.Errorf("the attempt is %+v, the cost %d", a, rec.Micro)
	}
	for _, c := range a.Host {
		for _, digest := range []string{c.Payload, c.Answer} {
			if _, ok := d.blobs.kept.Load(digest); !ok {
				t.Errorf("%s of %s is not kept", digest, c.ID)
			}
		}
	}
}

func TestGatesRetryAndEscalateDrivenSkills(t *testing.T) {
	var told []*skill.Failure
	d := newDriven(t, func(_ string, h skill.Host) (any, error) {
		told = append(told, h.Failed)
		if len(told) < 3 {
			return "much too long", nil
		}
		return "fine", nil
	}, short)
	rec := d.must(t, nil)
	if rec.Status != run.OK || string(rec.Output) != `"fine"` || len(rec.Attempts) != 3 {
		t.Fatalf("%s %s after %d attempts: %s", rec.Status, rec.Output, len(rec.Attempts), rec.Why)
	}
	if told[0] != nil || told[1] == nil || told[1].Gates[0] != "short" || string(told[1].Output) != `"much too long"` || !strings.Contains(told[1].Message, "short") {
		t.Errorf("the code was told %+v", told[1])
	}
	if told[2] != nil {
		t.Error("a first try on higher tiers begins anew")
	}
	if rec.End["draft"] != "ladder.desk.medium" || rec.End["review"] != "ladder.desk.large" {
		t.Errorf("it ended on %v", rec.End)
	}
}

// What is not granted is refused with the line to add, and says nothing about
// quality: no retry, no escalation.
func TestDenied(t *testing.T) {
	calls := map[string]func(h skill.Host) error{
		`steps = ["draft", "review"]`: func(h skill.Host) error { _, err := h.Generate("review", skill.User("x")); return err },
		`kv = "1MiB"`:                 func(h skill.Host) error { _, err := h.Get("k", new(any)); return err },
		`kv = "1MiB" `:                func(h skill.Host) error { return h.Put("k", 1) },
		`tools = ["a", "mail.rm"]`:    func(h skill.Host) error { return h.Tool("mail.rm", nil, nil) },
	}
	for line, call := range calls {
		d := newDriven(t, func(_ string, h skill.Host) (any, error) { return nil, call(h) })
		d.plan.Grant = &config.Grant{Steps: []string{"draft"}, Tools: []string{"a"}, Calls: 9}
		rec := d.must(t, nil)
		if rec.Status != run.Missing || len(rec.Attempts) != 1 || !strings.Contains(rec.Why, strings.TrimSpace(line)) {
			t.Errorf("%s: %s after %d attempts: %s", line, rec.Status, len(rec.Attempts), rec.Why)
		}
		if rec.Attempts[0].Host[0].Code != abi.CodeCapability {
			t.Errorf("%s: %+v", line, rec.Attempts[0].Host)
		}
		d.plan.Grant = nil
		if rec := d.must(t, nil); rec.Status != run.Missing || !strings.Contains(rec.Why, "skill \"digest\" {\n  grant {\n    ") {
			t.Errorf("%s without a grant: %s: %s", line, rec.Status, rec.Why)
		}
		if len(d.models.asked) > 0 {
			t.Errorf("%s: a model was asked", line)
		}
	}
	d := newDriven(t, func(_ string, h skill.Host) (any, error) {
		return code(h.Put("k", 1)), nil // it can do without
	})
	d.plan.Grant = nil
	if rec := d.must(t, nil); rec.Status != run.OK || string(rec.Output) != `"capability"` {
		t.Errorf("a skill that can do without: %s %s", rec.Status, rec.Output)
	}
}

func TestKeysAreWrittenWhenTheAttemptPasses(t *testing.T) {
	attempts := 0
	d := newDriven(t, func(_ string, h skill.Host) (any, error) {
		attempts++
		var before int
		if _, err := h.Get("n", &before); err != nil {
			return nil, err
		}
		if err := errors.Join(h.Put("n", before+1), h.Put("gone", nil), h.Put(fmt.Sprint("a", attempts), attempts)); err != nil {
			return nil, err
		}
		var now int
		if found, err := h.Get("n", &now); err != nil || !found || now != before+1 {
			t.Errorf("a run sees its own writes: %v %d %v", found, now, err)
		}
		if found, err := h.Get("gone", new(any)); found || err != nil {
			t.Errorf("a deleted key is not there: %v %v", found, err)
		}
		if attempts == 1 {
			return "much too long", nil
		}
		return "fine", nil
	}, short)
	d.keys = stored{"n": json.RawMessage("41"), "gone": json.RawMessage(`"x"`)}
	rec := d.must(t, nil)
	if rec.Status != run.OK || attempts != 2 {
		t.Fatalf("%s after %d: %s", rec.Status, attempts, rec.Why)
	}
	if len(rec.Writes) != 3 || string(rec.Writes["n"]) != "42" || rec.Writes["gone"] != nil || string(rec.Writes["a2"]) != "2" {
		t.Errorf("a failed attempt's writes are dropped: %s", rec.Writes)
	}
	if string(d.keys["n"]) != "41" {
		t.Error("the run wrote by itself")
	}
	attempts = 1
	if rec := d.must(t, trial); rec.Status != run.OK || rec.Writes != nil || attempts != 2 {
		t.Errorf("a trial writes nothing: %s %v", rec.Status, rec.Writes)
	}
	attempts = -9
	d.plan.Retries = 0
	if rec := d.must(t, nil); rec.Status != run.OK {
		t.Fatal(rec.Why)
	}
}

func TestTrialsBeginWithNoKeys(t *testing.T) {
	d := newDriven(t, func(_ string, h skill.Host) (any, error) {
		found, err := h.Get("n", new(any))
		return found, err
	})
	d.keys = stored{"n": json.RawMessage("41")}
	if rec := d.must(t, nil); string(rec.Output) != "true" {
		t.Fatal(rec.Why)
	}
	if rec := d.must(t, trial); string(rec.Output) != "false" {
		t.Error("a trial saw what production stored")
	}
}

// Whatever is put, the sum of what is visible never exceeds the quota, and what
// was refused changed nothing.
func TestQuotaProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		below := stored{}
		for _, k := range rapid.SliceOfDistinct(rapid.StringMatching("[a-d]"), func(s string) string { return s }).Draw(rt, "stored") {
			below[k] = json.RawMessage(`"1234"`)
		}
		type put struct {
			key  string
			size int // -1 deletes
		}
		puts := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) put {
			return put{rapid.StringMatching("[a-f]").Draw(t, "key"), rapid.IntRange(-1, 40).Draw(t, "size")}
		}), 0, 12).Draw(rt, "puts")
		want := maps.Clone(below)
		sum := func() int64 { n, _ := want.Size(""); return n }
		d := newDriven(t, func(_ string, h skill.Host) (any, error) {
			for _, p := range puts {
				var v any
				raw := json.RawMessage(`"` + strings.Repeat("x", max(p.size, 0)) + `"`)
				if p.size >= 0 {
					v = raw
				}
				old, had := want[p.key]
				if p.size < 0 {
					delete(want, p.key)
				} else {
					want[p.key] = raw
				}
				fits := p.size < 0 || sum() <= 64
				if !fits {
					delete(want, p.key)
					if had {
						want[p.key] = old
					}
				}
				if err := h.Put(p.key, v); (err == nil) != fits || !fits && code(err) != abi.CodeQuota {
					rt.Fatalf("put %+v: %v, fits %v", p, err, fits)
				}
				var got json.RawMessage
				found, err := h.Get(p.key, &got)
				if w, ok := want[p.key]; err != nil || found != ok || ok && string(got) != string(w) {
					rt.Fatalf("after %+v the key is %s %v %v, want %s", p, got, found, err, w)
				}
			}
			return "done", nil
		})
		d.plan.Grant.Calls, d.keys = 100, below
		rec := d.must(t, nil)
		if rec.Status != run.OK {
			rt.Fatal(rec.Why)
		}
		after := maps.Clone(below)
		for k, v := range rec.Writes {
			delete(after, k)
			if v != nil {
				after[k] = v
			}
		}
		if !maps.EqualFunc(after, want, func(a, b json.RawMessage) bool { return string(a) == string(b) }) {
			rt.Fatalf("it would store %s, want %s", after, want)
		}
	})
}

func TestTools(t *testing.T) {
	for _, c := range []struct {
		name, want string
		trial      bool
		tools      run.Tools
		announced  int
	}{
		{"mail.send", `["a"]`, false, &desk{}, 1},
		{"mail.search", `["a"]`, false, &desk{}, 0},
		{"mail.search", `["a"]`, true, &desk{}, 0},
		{"mail.send", "unmeasurable", true, &desk{}, 0},
		{"mail.search", "unmeasurable", true, nil, 0},
		{"mail.search", "unavailable", false, nil, 0},
		{"mail.break", "tool_failed", false, &desk{}, 1},
		{"mail.nonsense", "tool_failed", false, &desk{}, 1},
		{"mail.refuse", "no_such_box", false, &desk{}, 1},
		{"mail.rm", "capability", false, &desk{}, 0},
	} {
		got := ""
		d := newDriven(t, func(_ string, h skill.Host) (any, error) {
			var out json.RawMessage
			if err := h.Tool(c.name, map[string]int{"n": 1}, &out); err != nil {
				got = code(err)
				return "went on", nil
			}
			got = string(out)
			return "went on", nil
		})
		d.tools = c.tools
		rec := d.must(t, func(r *run.Request) { r.Trial = c.trial })
		if got != c.want || len(d.announced) != c.announced {
			t.Errorf("%s, trial %v: %s, announced %v", c.name, c.trial, got, d.announced)
		}
		want := run.OK
		if c.want == "unmeasurable" {
			want = run.Missing // although the code lived with it
		}
		if rec.Status != want || rec.Unmeasurable != (want == run.Missing) || rec.Unmeasurable && !strings.HasPrefix(rec.Why, "unmeasurable: ") {
			t.Errorf("%s: the run is %s: %s", c.name, rec.Status, rec.Why)
		}
		if x, ok := c.tools.(*desk); ok && c.want == "unmeasurable" && len(x.called) > 0 {
			t.Errorf("%s: a trial called %v", c.name, x.called)
		}
	}
}

// What acted cannot be taken back, so it is not tried again: no second mail
// because the first one's receipt failed a gate.
func TestWhatActedIsNotTriedAgain(t *testing.T) {
	for tool, want := range map[string]int{"mail.send": 1, "mail.search": 6} {
		d := newDriven(t, func(_ string, h skill.Host) (any, error) {
			return "much too long", h.Tool(tool, nil, nil)
		}, short)
		tools := &desk{}
		d.tools = tools
		rec := d.must(t, nil)
		if rec.Status != run.Failed || len(rec.Attempts) != want || len(tools.called) != want {
			t.Errorf("%s: %s after %d attempts, %d calls", tool, rec.Status, len(rec.Attempts), len(tools.called))
		}
	}
}

// A tool that may act is not called when that cannot be written down.
func TestWhatIsNotAuditedDoesNotHappen(t *testing.T) {
	d := newDriven(t, func(_ string, h skill.Host) (any, error) { return nil, h.Tool("mail.send", nil, nil) })
	tools := &desk{}
	d.tools, d.deny = tools, errors.New("the disk is full")
	if _, err := d.do(t, nil); err == nil || !strings.Contains(err.Error(), "disk is full") {
		t.Errorf("got %v", err)
	}
	if len(tools.called) > 0 {
		t.Error("the tool was called")
	}
}

func TestRecordedAnswersServeTrials(t *testing.T) {
	send := func(_ string, h skill.Host) (any, error) {
		var out any
		err := h.Tool("mail.send", nil, &out)
		return out, err
	}
	d := newDriven(t, send)
	tools := &desk{}
	d.tools = tools
	first := d.must(t, nil).Attempts[0].Host[0]
	answer, _ := d.blobs.kept.Load(first.Answer)
	d.recorded = map[string]string{first.Payload: answer.(string)}
	rec := d.must(t, trial)
	if rec.Status != run.OK || string(rec.Output) != `["a"]` || len(tools.called) != 1 || !rec.Attempts[0].Host[0].Recorded {
		t.Errorf("%s %s, tools called %v", rec.Status, rec.Why, tools.called)
	}
}

// Where the world gave no answer, the attempt is not held against the skill.
func TestModelsThatDoNotAnswer(t *testing.T) {
	for _, c := range []struct {
		err  error
		code string
		want run.Status
		runs int
	}{
		{&run.CallError{Code: "overloaded", Retryable: true}, "unavailable", run.Missing, 1},
		{&run.CallError{Code: "auth"}, "unavailable", run.Missing, 1},
		{&run.CallError{Code: "content_policy"}, "refused", run.Refused, 3},
		{&run.CallError{Code: "context_length"}, "bad_input", run.Failed, 6},
	} {
		got := ""
		d := newDriven(t, func(_ string, h skill.Host) (any, error) {
			_, err := h.Generate("", skill.User("x"))
			got = code(err)
			return nil, err
		})
		d.models.answer = func(int, string, message.Request) (string, error) { return "", c.err }
		rec := d.must(t, nil)
		if rec.Status != c.want || got != c.code || len(rec.Attempts) != c.runs {
			t.Errorf("%v: %s %s after %d attempts", c.err, got, rec.Status, len(rec.Attempts))
		}
	}
	d := newDriven(t, func(_ string, h skill.Host) (any, error) {
		_, err := h.Generate("draft", skill.User("x"))
		return nil, err
	})
	d.models.answer = func(int, string, message.Request) (string, error) { return "REFUSE", nil }
	if rec := d.must(t, nil); rec.Status != run.Refused {
		t.Errorf("a refusal: %s", rec.Status)
	}
	d.plan.Allow = map[string]bool{"b-small": true}
	if _, err := d.do(t, nil); err == nil || !strings.Contains(err.Error(), "allow list") {
		t.Errorf("the data class: %v", err)
	}
}

func TestBadHostCalls(t *testing.T) {
	d := newDriven(t, func(string, skill.Host) (any, error) { return "x", nil })
	var got []string
	d.plan.Code = raw(func(ctx context.Context, host run.HostFunc) ([]byte, error) {
		for _, c := range []struct {
			op      abi.HostOp
			payload string
		}{
			{abi.HostGenerate, `{"step":"draft"}`}, {abi.HostGenerate, `[`}, {abi.HostGenerate, `{"messages":[{"role":"tool"}]}`},
			{abi.HostGenerate, `{"step":"x","messages":[{"role":"user","content":"a"}]}`},
			{abi.HostGet, `{}`}, {abi.HostGet, `{"key":"` + strings.Repeat("k", 257) + `"}`}, {abi.HostPut, `{"key":"a"}`},
			{abi.HostTool, `{}`}, {abi.HostTool, `{"tool":"mail.send","arguments":[]}`},
			{abi.HostPut, "{\"key\":\"a\xff\",\"value\":1}"}, {abi.HostPut, strings.Repeat(" ", abi.MaxPayload+1)},
			{7, `{}`}, {-1, `{}`}, {0, `{}`},
		} {
			_, err := host(ctx, c.op, []byte(c.payload))
			got = append(got, code(err))
		}
		return []byte(`{"output":1}`), nil
	})
	if rec := d.must(t, nil); rec.Status != run.OK {
		t.Fatal(rec.Why)
	}
	for i, c := range got {
		if c != abi.CodeInput {
			t.Errorf("call %d: %s", i, c)
		}
	}
	if len(got) != 14 {
		t.Errorf("%d calls", len(got))
	}
}

// raw is code that speaks to the host by itself.
type raw func(ctx context.Context, host run.HostFunc) ([]byte, error)

func (raw) Has(op abi.Op) bool { return op == abi.OpRun }

func (raw) Clock() time.Time { return time.Time{} }

func (raw) Call(context.Context, abi.Op, []byte) ([]byte, error) { return nil, errors.New("no") }

func (f raw) Drive(ctx context.Context, _ []byte, host run.HostFunc) ([]byte, int64, error) {
	out, err := f(ctx, host)
	return out, 0, err
}

// The number of host calls is bounded for the whole run, and code that does not
// listen is ended: the record does not grow with it.
func TestHostCallsAreBounded(t *testing.T) {
	d := newDriven(t, func(_ string, h skill.Host) (any, error) {
		for {
			if _, err := h.Get("k", new(any)); err != nil {
				return nil, err
			}
		}
	})
	d.plan.Grant.Calls = 7
	rec := d.must(t, trial)
	n := 0
	for _, a := range rec.Attempts {
		n += len(a.Host)
	}
	if rec.Status != run.Failed || n > 9 || !strings.Contains(rec.Attempts[0].Why, "calls = 14") {
		t.Errorf("%s after %d calls: %s", rec.Status, n, rec.Attempts[0].Why)
	}
	calls := 0
	d.plan.Code = raw(func(ctx context.Context, host run.HostFunc) ([]byte, error) {
		for calls = range 1000 {
			var f *abi.Failure
			if _, err := host(ctx, abi.HostGet, []byte(`{"key":"k"}`)); err != nil && !errors.As(err, &f) {
				return nil, err
			}
		}
		return []byte(`{"output":1}`), nil
	})
	if rec := d.must(t, trial); rec.Status != run.Failed || calls > 9 || !strings.Contains(rec.Why, "went on calling") {
		t.Errorf("%s after %d calls: %s", rec.Status, calls, rec.Why)
	}
}

func TestWrongAnswersOfRun(t *testing.T) {
	for answer, want := range map[string]string{`{}`: "output is missing", `{"output":{"a":1e999}}`: "cannot be read", `nonsense`: "not its output"} {
		d := newDriven(t, nil)
		d.plan.Code = raw(func(context.Context, run.HostFunc) ([]byte, error) { return []byte(answer), nil })
		if rec := d.must(t, trial); rec.Status != run.Failed || !strings.Contains(rec.Why, want) {
			t.Errorf("%s: %s: %s", answer, rec.Status, rec.Why)
		}
	}
}

func TestReplay(t *testing.T) {
	twist := ""
	d := newDriven(t, func(in string, h skill.Host) (any, error) {
		text, err := h.Generate("draft", skill.User(strings.TrimSuffix(in+twist, "more")))
		if err != nil {
			return nil, err
		}
		tool := code(h.Tool("mail.refuse", nil, nil))
		if twist == "more" {
			_, _ = h.Get("k", new(any))
		}
		return text + tool, nil
	})
	d.tools = &desk{}
	a := d.must(t, nil).Attempts[0]
	blob := func(digest string) ([]byte, error) {
		v, ok := d.blobs.kept.Load(digest)
		if !ok {
			return nil, errors.New("gone")
		}
		return []byte(v.(string)), nil
	}
	asked := len(d.models.asked)
	driver := d.plan.Code.(run.Driver)
	if err := run.Replay(t.Context(), driver, a, blob); err != nil || len(d.models.asked) != asked {
		t.Errorf("replay: %v, models asked %d times", err, len(d.models.asked)-asked)
	}
	for _, twist = range []string{"other", "more"} {
		if err := run.Replay(t.Context(), driver, a, blob); err == nil {
			t.Errorf("%s: the replay did not see another way", twist)
		}
	}
	twist = ""
	for name, change := range map[string]func(*run.Attempt){
		"fuel": func(a *run.Attempt) { a.Fuel++ }, "answer": func(a *run.Attempt) { a.Answer = a.Asked },
		"fewer": func(a *run.Attempt) { a.Host = a.Host[:1] }, "blob": func(a *run.Attempt) { a.Asked = "sha256:0" },
	} {
		b := a
		change(&b)
		if err := run.Replay(t.Context(), driver, b, blob); err == nil {
			t.Errorf("%s: the replay did not see it", name)
		}
	}
}
