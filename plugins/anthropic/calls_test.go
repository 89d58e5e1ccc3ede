package anthropic

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/plugins/anthropic/fakeapi"
	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// serveHere makes the backend without gRPC between, with short waits.
func serveHere(t *testing.T, s *fakeapi.Server, config map[string]any) *model {
	t.Helper()
	t.Setenv("PLIMSOLL_TEST_KEY", secret)
	all := map[string]any{"base_url": s.URL, "api_key_env": "PLIMSOLL_TEST_KEY"}
	for k, v := range config {
		all[k] = v
	}
	made, err := New(all)
	if err != nil {
		t.Fatal(err)
	}
	m := made.(*model)
	m.caller.Base = 5 * time.Millisecond
	return m
}

func TestRetries(t *testing.T) {
	overloaded := fakeapi.Failure(529, "overloaded_error", "Overloaded", nil)
	wait := func(v string) fakeapi.Reply {
		return fakeapi.Failure(429, "rate_limit_error", "slow down", map[string]string{"Retry-After": v})
	}
	began := fakeapi.Events(full)
	text := slices.IndexFunc(began, func(e string) bool { return strings.Contains(e, "text_delta") })
	// A date has whole seconds. It is said now, and the tries before it take their time.
	until := time.Now().Add(10 * time.Second).Truncate(time.Second)
	for _, c := range []struct {
		name    string
		replies []fakeapi.Reply
		tries   int
		ok      bool
		least   time.Duration
	}{
		{"it works in the end", []fakeapi.Reply{overloaded, overloaded, aye()}, 3, true, 0},
		{"it never works", []fakeapi.Reply{overloaded}, 4, false, 0},
		{"seconds to wait", []fakeapi.Reply{wait("1"), aye()}, 2, true, time.Second},
		{"a date to wait for", []fakeapi.Reply{wait(until.UTC().Format(http.TimeFormat)), aye()}, 2, true, 0},
		{"longer than anybody waits", []fakeapi.Reply{wait("600"), aye()}, 1, false, 0},
		{"an error that stays", []fakeapi.Reply{fakeapi.Failure(401, "authentication_error", "invalid x-api-key", nil), aye()}, 1, false, 0},
		{"an error before anything is said", []fakeapi.Reply{{Events: append(began[:1:1], fakeapi.Error("overloaded_error", "Overloaded"))}, aye()}, 2, true, 0},
		{"an error after text was passed on", []fakeapi.Reply{{Events: append(slices.Clone(began[:text+1]), fakeapi.Error("overloaded_error", "Overloaded"))}, aye()}, 1, false, 0},
		{"lost before anything is said", []fakeapi.Reply{{Drop: true}, aye()}, 2, true, 0},
		{"lost again and again: once, as the cost is unknown", []fakeapi.Reply{{Drop: true}}, 2, false, 0},
		{"cut after text was passed on", []fakeapi.Reply{{Events: began[:text+1], Cut: true}, aye()}, 1, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := fakeapi.New(t, c.replies...)
			m := serveHere(t, server, map[string]any{"retries": 3, "retry_max_seconds": 30})
			start := time.Now()
			got, err := backend.Collect(t.Context(), m, ask("hello"))
			if (err == nil) != c.ok || len(server.Requests()) != c.tries || time.Since(start) < c.least {
				t.Errorf("%d requests in %v: %v", len(server.Requests()), time.Since(start), err)
			}
			if c.name == "a date to wait for" && time.Now().Before(until) {
				t.Errorf("it was over before %v", until)
			}
			if c.ok && got.Message.String() != "aye" {
				t.Errorf("the answer is %q", got.Message.String())
			}
		})
	}
}

// One key means one call to the API, in every try of it.
func TestEveryTryHasTheSameIdempotencyKey(t *testing.T) {
	server := fakeapi.New(t, fakeapi.Failure(500, "api_error", "x", nil), aye())
	req := ask("hello")
	req.Idempotency = "k1"
	if _, err := backend.Collect(t.Context(), serveHere(t, server, nil), req); err != nil {
		t.Fatal(err)
	}
	for _, r := range server.Requests() {
		if r.Header.Get("Idempotency-Key") != "k1" || r.Header.Get("X-Stainless-Retry-Count") != "0" {
			t.Errorf("%v", r.Header)
		}
	}
}

// The harness cancels over gRPC, as the host does.
func TestCancellationReachesTheWire(t *testing.T) {
	for name, reply := range map[string]fakeapi.Reply{
		"in the middle of the answer": {Events: fakeapi.Events(full)[:5], Hang: true},
		"before the answer begins":    {Events: []string{": wait\n\n"}, Hang: true},
	} {
		t.Run(name, func(t *testing.T) {
			server := fakeapi.New(t, reply)
			h := serve(t, server, nil)
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { _, err := h.Ask(ctx, ask("hello")); done <- err }()
			for len(server.Requests()) == 0 {
				time.Sleep(time.Millisecond)
			}
			time.Sleep(20 * time.Millisecond)
			start := time.Now()
			cancel()
			select {
			case at := <-server.Gone():
				// The target is 100 ms; a busy machine gets more.
				if took := at.Sub(start); took > 2*time.Second {
					t.Errorf("the connection closed after %v", took)
				} else {
					t.Logf("the connection closed after %v", took)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("the connection stays open")
			}
			if err := <-done; code(err) != backend.Cancelled {
				t.Error(err)
			}
		})
	}
}

func TestDeadlinesAndSilence(t *testing.T) {
	hang := fakeapi.Reply{Events: fakeapi.Events(full)[:1], Hang: true}
	for _, c := range []struct {
		name   string
		config map[string]any
		reply  fakeapi.Reply
		want   backend.ErrorCode
		says   string
	}{
		{"the whole call", map[string]any{"timeout_seconds": 0.2}, hang, backend.Cancelled, ""},
		{"nothing comes", map[string]any{"idle_seconds": 0.1, "retries": 0}, hang, backend.Unavailable, "nothing for 100ms"},
		{"waiting to try again", map[string]any{"timeout_seconds": 5}, fakeapi.Failure(429, "rate_limit_error", "slow down", map[string]string{"Retry-After": "30"}), backend.RateLimited, "slow down"},
	} {
		t.Run(c.name, func(t *testing.T) {
			start := time.Now()
			_, err := backend.Collect(t.Context(), serveHere(t, fakeapi.New(t, c.reply), c.config), ask("hello"))
			if code(err) != c.want || !strings.Contains(err.Error(), c.says) || time.Since(start) > 4*time.Second {
				t.Errorf("%v after %v", err, time.Since(start))
			}
		})
	}
	slow := fakeapi.Reply{Events: fakeapi.Events(full), Pause: 30 * time.Millisecond}
	if _, err := backend.Collect(t.Context(), serveHere(t, fakeapi.New(t, slow), map[string]any{"idle_seconds": 5}), ask("hello")); err != nil {
		t.Errorf("a slow answer: %v", err)
	}
}

// All skills of a backend share its process and so its limits.
func TestTheLimitIsSharedByAllCalls(t *testing.T) {
	slow := aye()
	slow.Pause = 3 * time.Millisecond
	server := fakeapi.New(t, slow)
	h := serve(t, server, map[string]any{"concurrency": 3})
	var all sync.WaitGroup
	errs := make([]error, 20)
	for i := range errs {
		all.Go(func() { _, errs[i] = h.Ask(t.Context(), ask("hello")) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if most := server.Most(); most != 3 {
		t.Errorf("%d calls ran at a time, want 3", most)
	}
}

// A host that has gone is not answered, and no second try is made for it.
func TestTheHostGoes(t *testing.T) {
	server := fakeapi.New(t, fakeapi.Message(full))
	gone := errors.New("the host has gone")
	err := serveHere(t, server, nil).Generate(t.Context(), ask("hello"), deaf{gone})
	if !errors.Is(err, gone) || len(server.Requests()) != 1 {
		t.Errorf("%v after %d requests", err, len(server.Requests()))
	}
}

type deaf struct{ err error }

func (d deaf) Text(string) error                                { return d.err }
func (d deaf) ToolCall(message.ToolCall) error                  { return d.err }
func (d deaf) Done(message.Usage, message.Finish, string) error { return d.err }

// Text is passed on when it comes, not when the answer is over.
func TestTextStreams(t *testing.T) {
	server := fakeapi.New(t, fakeapi.Reply{Events: fakeapi.Events(full)[:9], Hang: true})
	first := make(chan string, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { _ = serve(t, server, nil).Generate(ctx, ask("hello"), &listener{first: first}) }()
	select {
	case got := <-first:
		if got == "" || !strings.HasPrefix(strings.Join(full.Text, ""), got) {
			t.Errorf("%q", got)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("no text comes while the answer is open")
	}
}

type listener struct {
	backend.Collector
	first chan string
}

func (l *listener) Text(t string) error {
	select {
	case l.first <- t:
	default:
	}
	return l.Collector.Text(t)
}

// The connection outlives an answer, also where the host hangs up at its end.
func TestConnectionsAreUsedAgain(t *testing.T) {
	server := fakeapi.New(t, aye())
	h := serve(t, server, nil)
	for range 5 {
		if _, err := h.Ask(t.Context(), ask("hello")); err != nil {
			t.Fatal(err)
		}
	}
	ports := map[string]bool{}
	for _, r := range server.Requests() {
		ports[r.From] = true
	}
	if len(ports) != 1 {
		t.Errorf("%d connections for 5 calls", len(ports))
	}
}
