package run_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/gate"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// models answers by a function and keeps what it was asked.
type models struct {
	mu     sync.Mutex
	asked  []message.Request
	names  []string
	answer func(n int, backend string, req message.Request) (string, error)
}

func (m *models) Generate(_ context.Context, backend string, req message.Request) (message.Response, bool, error) {
	m.mu.Lock()
	n := len(m.asked)
	m.asked, m.names = append(m.asked, req), append(m.names, backend)
	m.mu.Unlock()
	text, err := m.answer(n, backend, req)
	if err != nil {
		return message.Response{}, false, err
	}
	finish := message.FinishStop
	if text == "REFUSE" {
		finish = message.FinishRefusal
	}
	return message.Response{Message: message.Text(message.Assistant, text), Finish: finish, Model: req.Model + "-v1", Usage: message.Usage{Input: 1000, Output: 100}}, false, nil
}

type blobs struct{ kept sync.Map }

func (b *blobs) PutBlob(data []byte) (string, error) {
	d := store.Digest(data)
	b.kept.Store(d, string(data))
	return d, nil
}

func ladder() *config.Ladder {
	l := &config.Ladder{Name: "desk"}
	for i, name := range []string{"small", "medium", "large"} {
		l.Tiers = append(l.Tiers, &config.Tier{
			Ladder: "desk", Name: name, Index: i, Model: "m-" + name, Backend: &config.Backend{Name: "b-" + name, Plugin: "openai"},
			Price: config.Price{Known: true, TokenPrice: config.TokenPrice{Input: 1_000_000, Output: 5_000_000}},
		})
	}
	return l
}

func plan(t *testing.T, gates ...gate.Spec) *run.Plan {
	t.Helper()
	set, problems := gate.Compile(gates, nil, gate.Options{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return &run.Plan{Skill: "digest", Hash: "sha256:x", Scope: "default", Steps: []run.Step{{Name: "main", Prompt: "Be short."}}, Gates: set, Retries: 1, Timeout: time.Minute}
}

var short = gate.Spec{Name: "short", Kind: "max_chars", Int: 5}

func do(t *testing.T, m *models, p *run.Plan, r run.Request) *run.Record {
	t.Helper()
	at := time.Date(2026, 7, 2, 2, 0, 0, 0, time.UTC)
	var mu sync.Mutex
	x := run.Executor{Models: m, Blobs: &blobs{}, Sleep: func(context.Context, time.Duration) {}, Now: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		at = at.Add(time.Millisecond)
		return at
	}}
	rec, err := x.Do(t.Context(), p, r)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func request(l *config.Ladder, i int) run.Request {
	return run.Request{ID: "r1", Input: json.RawMessage(`"hello"`), Tiers: map[string]*config.Tier{"main": l.Tiers[i]}, Ladders: map[string]*config.Ladder{"main": l}}
}

func TestRetryKeepsTheFailureInContext(t *testing.T) {
	m := &models{answer: func(n int, _ string, _ message.Request) (string, error) {
		return []string{"much too long", "fine"}[n], nil
	}}
	l := ladder()
	rec := do(t, m, plan(t, short), request(l, 0))
	if rec.Status != run.OK || string(rec.Output) != `"fine"` || len(rec.Attempts) != 2 {
		t.Fatalf("got %s %s after %d attempts", rec.Status, rec.Output, len(rec.Attempts))
	}
	second := m.asked[1].Messages
	if len(second) != 4 || second[2].String() != "much too long" || !strings.Contains(second[3].String(), "short") {
		t.Fatalf("the second call does not see the failure: %v", second)
	}
	if rec.Micro != 2*(1000+500) || !rec.Priced {
		t.Fatalf("cost is %d, want 3000 micro-dollars", rec.Micro)
	}
	if rec.Attempts[0].Calls[0].ID != "r1/a1/c1" || rec.Attempts[1].ID != "r1/a2" {
		t.Fatalf("ids: %+v", rec.Attempts)
	}
}

func TestEscalatesInProductionOnly(t *testing.T) {
	answer := func(_ int, backend string, _ message.Request) (string, error) {
		if backend == "b-large" {
			return "ok", nil
		}
		return "far too long", nil
	}
	l := ladder()
	m := &models{answer: answer}
	rec := do(t, m, plan(t, short), request(l, 0))
	if rec.Status != run.OK || rec.End["main"] != "ladder.desk.large" || rec.Start["main"] != "ladder.desk.small" {
		t.Fatalf("got %s, from %v to %v", rec.Status, rec.Start, rec.End)
	}
	if len(m.asked) != 5 {
		t.Fatalf("%d calls, want two on each lower tier and one on the highest", len(m.asked))
	}
	trial := request(l, 0)
	trial.Trial = true
	m = &models{answer: answer}
	if rec := do(t, m, plan(t, short), trial); rec.Status != run.Failed || rec.End["main"] != "ladder.desk.small" {
		t.Fatalf("a trial stays on its tier: got %s on %v", rec.Status, rec.End)
	}
	pinned := request(l, 0)
	pinned.Ladders = nil
	if rec := do(t, &models{answer: answer}, plan(t, short), pinned); rec.Status != run.Failed {
		t.Fatalf("a pinned step was escalated: %v", rec.End)
	}
}

func TestCallErrors(t *testing.T) {
	l := ladder()
	for _, c := range []struct {
		name  string
		errs  []error
		want  run.Status
		calls int
	}{
		{"overloaded, then fine", []error{&run.CallError{Code: "overloaded", Retryable: true}}, run.OK, 2},
		{"overloaded for ever", []error{&run.CallError{Code: "overloaded", Retryable: true}, &run.CallError{Code: "overloaded", Retryable: true}, &run.CallError{Code: "overloaded", Retryable: true}}, run.Missing, 3},
		{"no key", []error{&run.CallError{Code: "auth"}}, run.Missing, 1},
		{"content policy", []error{&run.CallError{Code: "content_policy"}, &run.CallError{Code: "content_policy"}, &run.CallError{Code: "content_policy"}}, run.Refused, 3},
		{"anything else", []error{errors.New("broken pipe")}, run.Missing, 1},
	} {
		m := &models{answer: func(n int, _ string, _ message.Request) (string, error) {
			if n < len(c.errs) {
				return "", c.errs[n]
			}
			return "fine", nil
		}}
		r := request(l, 0)
		rec := do(t, m, plan(t), r)
		if rec.Status != c.want || len(m.asked) != c.calls {
			t.Errorf("%s: %s after %d calls, want %s after %d", c.name, rec.Status, len(m.asked), c.want, c.calls)
		}
	}
}

func TestDeadlineIsTheModels(t *testing.T) {
	p := plan(t)
	p.Timeout = time.Nanosecond
	m := &models{answer: func(int, string, message.Request) (string, error) {
		time.Sleep(time.Millisecond)
		return "", context.DeadlineExceeded
	}}
	rec := do(t, m, p, request(ladder(), 0))
	if rec.Status != run.Timeout {
		t.Fatalf("got %s", rec.Status)
	}
	if c := rec.Attempts[0].Calls[0]; !c.Upper || c.Micro == 0 {
		t.Fatalf("nobody knows what a call that timed out cost, so it is charged at its bound: %+v", c)
	}
}

// Only the simulated backend is ever told what is true.
func TestTruthNeverLeavesTheHouse(t *testing.T) {
	const secret = "the-reference-9f3a"
	l := ladder()
	l.Tiers[0].Backend.Plugin = "sim"
	for i, wantSecret := range []bool{true, false, false} {
		m := &models{answer: func(int, string, message.Request) (string, error) { return "fine", nil }}
		r := request(l, i)
		r.Trial = true
		r.Truth = &run.Truth{Item: "item-77", Skill: "digest", Reference: json.RawMessage(fmt.Sprintf("%q", secret))}
		do(t, m, plan(t), r)
		raw, err := json.Marshal(m.asked)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(raw), secret) || strings.Contains(string(raw), "item-77"); got != wantSecret {
			t.Errorf("tier %s: the request holds the reference: %v, want %v", l.Tiers[i].Name, got, wantSecret)
		}
	}
}

func TestDataClassIsCheckedBeforeAnyCall(t *testing.T) {
	p := plan(t, short)
	p.Allow = map[string]bool{"b-small": true}
	m := &models{answer: func(int, string, message.Request) (string, error) { return "too long for the gate", nil }}
	l := ladder()
	x := run.Executor{Models: m, Blobs: &blobs{}, Now: time.Now}
	if _, err := x.Do(t.Context(), p, request(l, 1)); err == nil || !strings.Contains(err.Error(), "allow list") {
		t.Fatalf("got %v", err)
	}
	if len(m.asked) > 0 {
		t.Fatal("a backend that is not allowed saw the input")
	}
	if rec := do(t, m, p, request(l, 0)); rec.Status != run.Failed {
		t.Fatalf("got %s", rec.Status)
	}
	for _, name := range m.names {
		if name != "b-small" {
			t.Fatalf("escalation reached %s, which may not see the data", name)
		}
	}
}

func TestStepsMakeOneDocument(t *testing.T) {
	p := plan(t)
	p.JSON = true
	p.Steps = []run.Step{{Name: "main", Output: "brief", JSON: true, Prompt: "one"}, {Name: "copy", Output: "copy", Prompt: "two"}}
	l := ladder()
	m := &models{answer: func(n int, _ string, _ message.Request) (string, error) {
		return []string{"```json\n{\"b\":1}\n```", "Dear {customer}"}[n], nil
	}}
	r := request(l, 0)
	r.Tiers["copy"] = l.Tiers[2]
	rec := do(t, m, p, r)
	if rec.Status != run.OK || string(rec.Output) != `{"brief":{"b":1},"copy":"Dear {customer}"}` {
		t.Fatalf("got %s %s: %s", rec.Status, rec.Output, rec.Why)
	}
	if m.names[0] != "b-small" || m.names[1] != "b-large" {
		t.Fatalf("steps ran on %v", m.names)
	}
	if !strings.Contains(m.asked[1].Messages[1].String(), `{"b":1}`) {
		t.Fatal("the second step does not see what the first made")
	}
	if len(rec.Attempts[0].Fixes) != 1 {
		t.Fatalf("the fence is a fix: %v", rec.Attempts[0].Fixes)
	}
}
