package backend

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/plugin"
	sdk "github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/backend/cassette"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// model plays one function per call, the last one for ever, and keeps the requests.
type model struct {
	mu        sync.Mutex
	seen      []message.Request
	plays     []func(ctx context.Context, out sdk.Sink) error
	simulated bool
	launch    error
}

func (m *model) Describe(context.Context) (sdk.Description, error) {
	return sdk.Description{Name: "model", Version: "1.0.0", Simulated: m.simulated}, m.launch
}

func (m *model) Generate(ctx context.Context, req message.Request, out sdk.Sink) error {
	m.mu.Lock()
	play := m.plays[min(len(m.seen), len(m.plays)-1)]
	m.seen = append(m.seen, req)
	m.mu.Unlock()
	return play(ctx, out)
}

func answer(_ context.Context, out sdk.Sink) error {
	return errors.Join(out.Text("aye"), out.Done(message.Usage{Input: 2, Output: 1}, message.FinishStop, "m-1"))
}

func die(context.Context, sdk.Sink) error {
	return &sdk.LostError{Err: sdk.Errorf(sdk.Unavailable, `plugin "x" ended by itself (signal: killed)`)}
}

type source map[string]*model

func (s source) Model(spec plugin.Spec) (sdk.Model, error) {
	m, ok := s[spec.Plugin]
	if !ok {
		return nil, &plugin.RefusedError{Plugin: spec.Plugin, Why: "it is not in the lock file"}
	}
	return m, nil
}

func ticking() func() time.Time {
	var n atomic.Int64
	return func() time.Time { return time.Unix(0, 0).Add(time.Duration(n.Add(1)) * time.Second) }
}

func newClient(t *testing.T, m *model, change ...func(*Declared)) *Client {
	t.Helper()
	d := Declared{Name: "lab", Plugin: "x"}
	for _, f := range change {
		f(&d)
	}
	c, err := New(Config{Source: source{"x": m, "sim": m}, Backends: []Declared{d}, Clock: ticking(), AsOf: time.Date(2026, 7, 2, 2, 0, 0, 0, time.UTC),
		LookupEnv: func(n string) (string, bool) { return "secret-" + n, true }})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func ask() message.Request {
	return message.Request{
		Model: "m", Messages: []message.Message{message.Text(message.User, "ready?")}, Idempotency: "run/c1",
		Metadata: map[string]string{"plimsoll.truth": "T", "plimsoll.judge": "J", "team": "deck"},
	}
}

func TestGenerate(t *testing.T) {
	deadline := func(ctx context.Context, _ sdk.Sink) error {
		<-ctx.Done()
		return &sdk.LostError{Err: sdk.Errorf(sdk.Cancelled, "gave up")}
	}
	limited := func(context.Context, sdk.Sink) error {
		return &sdk.Error{Code: sdk.RateLimited, Message: "slow", RetryAfter: time.Second, Retryable: true}
	}
	for _, c := range []struct {
		name     string
		plays    []func(context.Context, sdk.Sink) error
		launch   error
		code     sdk.ErrorCode
		attempts int
		lost     bool
	}{
		{"an answer", []func(context.Context, sdk.Sink) error{answer}, nil, "", 1, false},
		{"lost once", []func(context.Context, sdk.Sink) error{die, answer}, nil, "", 2, true},
		{"lost twice", []func(context.Context, sdk.Sink) error{die, die, answer}, nil, sdk.Unavailable, 2, true},
		{"lost, then refused", []func(context.Context, sdk.Sink) error{die, limited}, nil, sdk.RateLimited, 2, true},
		{"typed errors are the caller's", []func(context.Context, sdk.Sink) error{limited, answer}, nil, sdk.RateLimited, 1, false},
		{"out of time", []func(context.Context, sdk.Sink) error{deadline, answer}, nil, sdk.Cancelled, 1, true},
		{"not launched", nil, sdk.Errorf(sdk.Unavailable, "no"), sdk.Unavailable, 0, false},
		{"refused", nil, &plugin.RefusedError{Plugin: "x", Why: "changed"}, sdk.InvalidRequest, 0, false},
		{"no end", []func(context.Context, sdk.Sink) error{func(_ context.Context, out sdk.Sink) error { return out.Text("x") }}, nil, sdk.Unavailable, 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := &model{plays: c.plays, launch: c.launch}
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			resp, meta, err := newClient(t, m).Generate(ctx, "lab", ask())
			if meta.Attempts != c.attempts || meta.Lost != c.lost || meta.Elapsed <= 0 {
				t.Errorf("meta %+v", meta)
			}
			var typed *sdk.Error
			switch {
			case c.code == "":
				if err != nil || resp.Message.String() != "aye" || resp.Usage.Output != 1 || resp.Model != "m-1" {
					t.Errorf("%+v, %v", resp, err)
				}
			case !errors.As(err, &typed) || typed.Code != c.code:
				t.Errorf("got %v", err)
			}
			for _, r := range m.seen {
				if r.Idempotency != "run/c1" {
					t.Errorf("an attempt has key %q", r.Idempotency)
				}
			}
		})
	}
}

// Only a simulated model may see what the right answer is.
func TestReferenceReachesOnlySim(t *testing.T) {
	away := &model{plays: []func(context.Context, sdk.Sink) error{answer}}
	_, _, err := newClient(t, away, func(d *Declared) { d.Plugin, d.Address = "sim", "elsewhere:1" }).Generate(t.Context(), "lab", ask())
	if got := away.seen[0].Metadata; err != nil || len(got) != 1 {
		t.Errorf("what calls itself sim at an address was sent %v, %v", got, err)
	}
	for name, want := range map[string]int{"x": 1, "sim": 4} {
		m := &model{plays: []func(context.Context, sdk.Sink) error{answer}, simulated: name == "sim"}
		req := ask()
		resp, _, err := newClient(t, m, func(d *Declared) { d.Plugin = name }).Generate(t.Context(), "lab", req)
		if err != nil {
			t.Fatal(err)
		}
		got := m.seen[0].Metadata
		if len(got) != want || got["team"] != "deck" {
			t.Errorf("plugin %s was sent %v", name, got)
		}
		if at := got["plimsoll.as_of"]; (at == "2026-07-02T02:00:00Z") != (name == "sim") {
			t.Errorf("plugin %s was told the time %q", name, at)
		}
		if resp.Simulated != (name == "sim") {
			t.Errorf("plugin %s: simulated is %v", name, resp.Simulated)
		}
		if len(req.Metadata) != 3 {
			t.Error("the caller's request was changed")
		}
	}
}

func TestCallsAtATime(t *testing.T) {
	var now, most atomic.Int64
	release := make(chan struct{})
	m := &model{plays: []func(context.Context, sdk.Sink) error{func(ctx context.Context, out sdk.Sink) error {
		n := now.Add(1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		<-release
		now.Add(-1)
		return answer(ctx, out)
	}}}
	c := newClient(t, m, func(d *Declared) { d.Concurrency = 3 })
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			if _, _, err := c.Generate(t.Context(), "lab", ask()); err != nil {
				t.Error(err)
			}
		})
	}
	for now.Load() < 3 {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, meta, err := c.Generate(ctx, "lab", ask()); sdk.AsError(err).Code != sdk.Cancelled || meta.Attempts != 0 || meta.Lost {
		t.Errorf("waiting in vain: %v %+v", err, meta)
	}
	close(release)
	wg.Wait()
	if most.Load() != 3 {
		t.Errorf("%d calls at a time", most.Load())
	}
}

func TestRecordAndReplay(t *testing.T) {
	dir := t.TempDir()
	m := &model{simulated: true, plays: []func(context.Context, sdk.Sink) error{answer}}
	c := newClient(t, m, func(d *Declared) { d.Record = dir; d.Env = []string{"KEY"} })
	first, _, err := c.Generate(t.Context(), "lab", ask())
	if err != nil {
		t.Fatal(err)
	}
	req := ask()
	req.Messages[0] = message.Text(message.User, "my key is secret-KEY")
	if _, _, err := c.Generate(t.Context(), "lab", req); sdk.AsError(err).Code != sdk.InvalidRequest || len(m.seen) != 1 {
		t.Errorf("a secret in the prompt: %v", err)
	}
	tape, err := cassette.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := sdk.Collect(t.Context(), tape, ask())
	if err != nil || again.Message.String() != first.Message.String() || again.Usage != first.Usage {
		t.Errorf("%+v, %v", again, err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Errorf("%v %v", files, err)
	}
}

func TestUnknownNames(t *testing.T) {
	c := newClient(t, &model{})
	if _, _, err := c.Generate(t.Context(), "labb", ask()); err == nil || !strings.Contains(err.Error(), `did you mean "lab"?`) {
		t.Errorf("%v", err)
	}
}

// One backend that is not to be had stops its own calls, and no others.
func TestOneThatCannotBeHad(t *testing.T) {
	c, err := New(Config{Source: source{"x": &model{plays: []func(context.Context, sdk.Sink) error{answer}}}, Clock: time.Now, Backends: []Declared{{Name: "a", Plugin: "x"}, {Name: "b", Plugin: "q"}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Generate(t.Context(), "a", ask()); err != nil || c.Check("a") != nil {
		t.Errorf("the other one: %v, %v", err, c.Check("a"))
	}
	_, meta, err := c.Generate(t.Context(), "b", ask())
	if e := sdk.AsError(err); e == nil || e.Code != sdk.InvalidRequest || e.Retryable || meta.Attempts != 0 || !strings.Contains(err.Error(), `backend "b"`) {
		t.Errorf("a call of it: %+v, %v", meta, err)
	}
	if _, err := c.Describe(t.Context(), "b"); err == nil || c.Check("b") == nil || c.Check("none") == nil {
		t.Errorf("asked about: %v, %v, %v", err, c.Check("b"), c.Check("none"))
	}
}
