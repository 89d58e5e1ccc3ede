package plugin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

func TestLaunchAndCall(t *testing.T) {
	m := newManager(t)
	c := client(t, m, Spec{Config: map[string]any{"greeting": "ahoy"}})
	if s := m.Status()[0]; s.State != Idle || s.PID != 0 {
		t.Errorf("before the first call: %+v", s)
	}
	if got := told(t, c, "greet"); got != "ahoy" {
		t.Errorf("got %q", got)
	}
	s := m.Status()[0]
	if s.State != Running || s.PID == 0 || s.Version != "1.2.3" || s.Launches != 1 {
		t.Errorf("while it runs: %+v", s)
	}
	_, err := backend.Collect(t.Context(), c, say("rate"))
	if e := backend.AsError(err); e.Code != backend.RateLimited || e.RetryAfter != 3*time.Second || !e.Retryable {
		t.Errorf("a typed error arrives as %+v", e)
	}
	if same := client(t, m, Spec{Config: map[string]any{"greeting": "ahoy"}}); same != c {
		t.Error("the same spec gives another client")
	}
	if _, err := m.Client(Spec{Backend: "b", Plugin: "player"}); err == nil {
		t.Error("one name with two configs is accepted")
	}
}

func TestManyCallsAtATime(t *testing.T) {
	c := client(t, newManager(t), Spec{})
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			want := fmt.Sprint("call ", i)
			resp, err := backend.Collect(t.Context(), c, say("echo "+want))
			if err != nil || resp.Message.String() != want {
				t.Errorf("%q, %v; want %q", resp.Message.String(), err, want)
			}
		})
	}
	wg.Wait()
	if n := c.status().Launches; n != 1 {
		t.Errorf("%d launches for 60 calls", n)
	}
}

func TestEnvironmentIsWhatWasNamed(t *testing.T) {
	t.Setenv("HOST_SECRET", "must not be seen")
	c := client(t, newManager(t), Spec{Env: []string{"API_KEY"}})
	for line := range strings.SplitSeq(told(t, c, "env"), "\n") {
		name, value, _ := strings.Cut(line, "=")
		switch {
		case strings.HasPrefix(name, "PLUGIN_"), name == "PLIMSOLL_BACKEND", strings.HasPrefix(line, "-----"), !strings.Contains(line, "="):
			// the plugin protocol; its certificate has several lines
		case name == "API_KEY":
			if value != "value-of-API_KEY" {
				t.Errorf("API_KEY is %q", value)
			}
		case strings.HasSuffix(name, "SystemRoot"):
		default:
			if strings.Contains(line, "must not be seen") || !base64Line(line) {
				t.Errorf("the plugin sees %s", line)
			}
		}
	}
}

func base64Line(s string) bool { return len(s) > 20 && !strings.ContainsAny(s, " _.:") }

func TestEnvironmentIsChecked(t *testing.T) {
	m := newManager(t)
	for _, name := range []string{"UNSET", "PLUGIN_CLIENT_CERT", "PLIMSOLL_BACKEND", "A=B", ""} {
		if _, err := m.Client(Spec{Backend: "x" + name, Plugin: "player", Env: []string{name}}); err == nil {
			t.Errorf("variable %q is accepted", name)
		}
	}
}

func TestStdinIsNotInherited(t *testing.T) {
	got := told(t, client(t, newManager(t), Spec{}), "stdin")
	if !strings.HasPrefix(got, "pipe:") && !strings.Contains(got, "no such file") {
		t.Errorf("the plugin's stdin is %s", got)
	}
}

func TestSocketsArePrivateAndShort(t *testing.T) {
	m := newManager(t)
	c := client(t, m, Spec{})
	told(t, c, "echo x")
	dir := m.sockets
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o700 {
		t.Errorf("the sockets' folder has mode %v", info.Mode())
	}
	if len(dir) > maxSocketDir {
		t.Errorf("%s has %d bytes", dir, len(dir))
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after Close the sockets are still there: %v", err)
	}
	if _, err := backend.Collect(t.Context(), c, say("echo x")); !errors.Is(err, ErrClosed) {
		t.Errorf("a call after Close: %v", err)
	}
}

func TestLongTempFolder(t *testing.T) {
	long := filepath.Join(t.TempDir(), strings.Repeat("long", 25))
	if err := os.MkdirAll(long, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", long)
	if got := told(t, client(t, newManager(t), Spec{}), "echo x"); got != "x" {
		t.Errorf("got %q", got)
	}
}

// Whoever finds the socket still needs the key that only the host has.
func TestOthersCannotConnect(t *testing.T) {
	c := client(t, newManager(t), Spec{})
	told(t, c, "echo x")
	addr := c.proc.client.ReattachConfig().Addr
	conn, err := grpc.NewClient(addr.Network()+":"+addr.String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if d, err := backend.NewRemote(conn).Describe(ctx); err == nil {
		t.Errorf("a stranger was answered: %+v", d)
	}
}

func TestMessageSizes(t *testing.T) {
	c := client(t, newManager(t), Spec{})
	big := strings.Repeat("x", 12<<20)
	if got := told(t, c, "size "+big); got != fmt.Sprint(len(big)) {
		t.Errorf("12 MiB arrive as %s", got)
	}
	if got := told(t, c, "echo "+big); got != big {
		t.Errorf("12 MiB come back as %d bytes", len(got))
	}
	_, err := backend.Collect(t.Context(), c, say("size "+strings.Repeat("x", 17<<20)))
	if e := backend.AsError(err); e == nil || e.Code != backend.InvalidRequest {
		t.Errorf("17 MiB: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	var events []Event
	var mu sync.Mutex
	m := newManager(t, func(c *Config) {
		c.Audit = func(e Event) { mu.Lock(); events = append(events, e); mu.Unlock() }
	})
	for name, spec := range map[string]Spec{
		"not locked":     {Plugin: "stranger"},
		"attach, no dev": {Plugin: "player", Attach: "unix:///tmp/nowhere"},
	} {
		spec.Backend = name
		_, err := m.Client(spec)
		var refused *RefusedError
		if !errors.As(err, &refused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(events) != 2 || events[0].Kind != "refused" {
		t.Errorf("audited: %+v", events)
	}
	c := client(t, m, Spec{Backend: "config", Config: map[string]any{"refuse": true}})
	_, err := backend.Collect(t.Context(), c, say("echo x"))
	if e := backend.AsError(err); e.Code != backend.InvalidRequest || !strings.Contains(err.Error(), "not a word") {
		t.Errorf("a refused config: %v", err)
	}
	if c.status().Failures != 0 {
		t.Error("a refused config counts as a crash")
	}
}

func TestAttachInDev(t *testing.T) {
	var kinds []string
	m := newManager(t, func(c *Config) {
		c.Dev = true
		c.Audit = func(e Event) { kinds = append(kinds, e.Kind) }
	})
	dir, err := os.MkdirTemp("", "att")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	listener := listenUnix(t, filepath.Join(dir, "s"))
	srv := grpc.NewServer(backend.ServerOptions()...)
	backend.Register(srv, "player", factory("player"))
	go func() { _ = srv.Serve(listener) }()
	t.Cleanup(srv.Stop)
	c := client(t, m, Spec{Attach: "unix://" + filepath.Join(dir, "s"), Config: map[string]any{"greeting": "hand"}})
	if got := told(t, c, "greet"); got != "hand" {
		t.Errorf("got %q", got)
	}
	if len(kinds) != 1 || kinds[0] != "attach" {
		t.Errorf("audited: %v", kinds)
	}
}

func TestOutputIsShownUnderItsName(t *testing.T) {
	var out safeBuffer
	m := newManager(t, func(c *Config) { c.Stderr = &out })
	c := client(t, m, Spec{Env: []string{"API_KEY"}})
	_, _ = backend.Collect(t.Context(), c, say("panic value-of-API_KEY"))
	deadline := time.Now().Add(5 * time.Second)
	for !strings.Contains(out.String(), "boiler") && time.Now().Before(deadline) {
		time.Sleep(10 * time.Millisecond)
	}
	if !strings.Contains(out.String(), "player: panic: the boiler is empty: [API_KEY]") {
		t.Errorf("shown: %s", out.String())
	}
	if strings.Contains(out.String(), "value-of-API_KEY") {
		t.Error("the key is shown")
	}
}

func listenUnix(t *testing.T, path string) net.Listener {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// A plugin of a later SDK runs as long as it still serves a version that we
// speak; if not, it is told apart from one that is broken.
func TestProtocolVersions(t *testing.T) {
	m := newManager(t)
	if got := told(t, client(t, m, Spec{Backend: "both", Plugin: "both"}), "echo x"); got != "x" {
		t.Errorf("got %q", got)
	}
	c := client(t, m, Spec{Backend: "later", Plugin: "later"})
	_, err := backend.Collect(t.Context(), c, say("echo x"))
	var refused *RefusedError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "update whichever is older") || c.status().Failures != 0 {
		t.Errorf("a plugin of version 2 only: %v", err)
	}
}

// The write end of the life pipe is nobody's variable: collected, it would be
// closed, and the plugin would take that for the end of its host.
func TestLifePipeIsNotCollected(t *testing.T) {
	c := client(t, newManager(t), Spec{})
	pid := told(t, c, "pid")
	for range 3 {
		runtime.GC()
		time.Sleep(20 * time.Millisecond)
	}
	if again := told(t, c, "pid"); again != pid {
		t.Error("the plugin ended when garbage was collected")
	}
}

// No file can pose as a backend that is built in.
func TestBundledNamesWin(t *testing.T) {
	m := newManager(t, func(c *Config) {
		c.Lock = []Locked{{Name: "player", Version: "9", Source: "dir:" + t.TempDir(), Digests: map[string]string{platform(): contentDigest([]byte("x"))}}}
	})
	if got := told(t, client(t, m, Spec{}), "echo built in"); got != "built in" {
		t.Errorf("got %q", got)
	}
}
