package connector

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/telemetry"
)

// listener is a recorder that remembers.
type listener struct {
	telemetry.Recorder
	mu     sync.Mutex
	calls  []telemetry.Labels
	errors map[string][]string // by method
	counts map[telemetry.Counter]int64
}

func newListener() *listener {
	return &listener{Recorder: telemetry.Nothing(), errors: map[string][]string{}, counts: map[telemetry.Counter]int64{}}
}

func (l *listener) Call(ctx context.Context, labels telemetry.Labels) (context.Context, func(telemetry.Result)) {
	return ctx, func(r telemetry.Result) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.calls = append(l.calls, labels)
		l.errors[labels.Method] = append(l.errors[labels.Method], r.Error)
	}
}

func (l *listener) Add(m telemetry.Counter, n int64, _ ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts[m] += n
}

// Every request has a class, and a start after the first is a restart.
func TestRequestsAreMeasured(t *testing.T) {
	for mode, want := range map[string]string{
		"plain": "", "dies-midway": "unreachable", "hangs": "timeout", "invalid": "protocol", "wrong-shape": "protocol", "leaks": "-32000",
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			config := fake(mode)
			config.Timeout, config.Start = 30*time.Second, 30*time.Second
			if mode == "hangs" {
				config.Timeout = 500 * time.Millisecond
			}
			l := newListener()
			c, _ := open(t, Host{Recorder: l}, config).Get("fake")
			_, err := c.Call(t.Context(), "go", nil, Options{})
			if (err == nil) != (want == "") {
				t.Fatal(err)
			}
			l.mu.Lock()
			last := l.calls[len(l.calls)-1]
			if got := l.errors["tools/call"]; !slices.Equal(got, []string{want}) || len(l.errors["tools/list"]) == 0 || l.counts[telemetry.Restarts] != 0 {
				t.Errorf("%v %v", l.errors, l.counts)
			}
			if last.Op != telemetry.Request || last.Connector != "fake" || last.Tool != PublicName(config.Prefix, "go") || last.Transport != telemetry.Stdio || last.Protocol == "" {
				t.Errorf("%+v", last)
			}
			l.mu.Unlock()
			if mode != "plain" {
				return
			}
			if err := c.Stop(); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Call(t.Context(), "go", nil, Options{}); err != nil {
				t.Fatal(err)
			}
			l.mu.Lock()
			defer l.mu.Unlock()
			if l.counts[telemetry.Restarts] != 1 {
				t.Errorf("%d restarts", l.counts[telemetry.Restarts])
			}
		})
	}
}

func TestPlace(t *testing.T) {
	for raw, want := range map[string]struct {
		host string
		port int
	}{
		"": {}, "https://mcp.example.com/mcp": {"mcp.example.com", 443}, "http://[::1]/mcp": {"::1", 80}, "http://127.0.0.1:8080": {"127.0.0.1", 8080}, "%": {},
	} {
		if host, port := place(raw); host != want.host || port != want.port {
			t.Errorf("%s: %s %d", raw, host, port)
		}
	}
}
