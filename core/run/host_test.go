package run_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
	"github.com/plimsoll-dev/plimsoll/sdk/skill"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

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
