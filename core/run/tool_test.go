package run_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/sdk/skill"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

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
