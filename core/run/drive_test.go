package run_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/gate"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
	"github.com/plimsoll-dev/plimsoll/sdk/skill"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
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
