//go:build unix

package plugin

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/backend/authority"
)

// site is a remote backend in a process of its own, on another machine as far
// as its host can tell.
type site struct {
	addr string
	host backend.TLS
	file string // its own certificates, for playRemote
	cmd  *exec.Cmd
}

func newSite(t *testing.T) *site {
	t.Helper()
	ca, err := authority.New()
	if err != nil {
		t.Fatal(err)
	}
	own, err := ca.Issue("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	s := &site{addr: "127.0.0.1:0", file: filepath.Join(t.TempDir(), "certs.json")}
	if s.host, err = ca.Issue("host"); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(own)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	s.start(t)
	return s
}

// start starts it, the second time at the address of the first.
func (s *site) start(t *testing.T) (stop func()) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s.cmd = exec.Command(self, "remote", s.addr, s.file)
	s.cmd.Stderr = os.Stderr
	in, err := s.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	cmd := s.cmd
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	s.addr = strings.TrimSpace(line)
	return func() { _ = in.Close() }
}

func (s *site) kill(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = s.cmd.Wait()
}

func (s *site) spec() Spec {
	return Spec{Backend: "b", Plugin: "player", Address: s.addr, TLS: &s.host, Config: map[string]any{"greeting": "from afar"}}
}

func TestRemoteIsAnEqual(t *testing.T) {
	s := newSite(t)
	var events []Event
	var mu sync.Mutex
	m := newManager(t, func(c *Config) {
		c.Bundled = nil // it needs neither to be bundled nor locked
		c.Audit = func(e Event) { mu.Lock(); events = append(events, e); mu.Unlock() }
	})
	c := client(t, m, s.spec())
	if got := told(t, c, "greet"); got != "from afar" {
		t.Errorf("got %q", got)
	}
	if st := c.status(); st.State != Running || st.Address != s.addr || st.PID != 0 || st.Version != "1.2.3" {
		t.Errorf("%+v", st)
	}
	big := strings.Repeat("x", 12<<20)
	if got := told(t, c, "echo "+big); got != big {
		t.Errorf("12 MiB come back as %d bytes", len(got))
	}
	_, err := backend.Collect(t.Context(), c, say("rate"))
	if e := backend.AsError(err); e.Code != backend.RateLimited || e.RetryAfter != 3*time.Second {
		t.Errorf("a typed error arrives as %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	wantLost(t, c.Generate(ctx, say("deaf"), &backend.Collector{}), backend.Cancelled, "did not answer")
	if _, err := c.CountTokens(t.Context(), say("x")); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("counting: %v", err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(events) != 1 || events[0].Kind != "connect" || events[0].Detail != s.addr {
		t.Errorf("audited: %+v", events)
	}
}

// A server that is killed in the middle of a stream: the call is lost, the next
// one goes to the server that came back, with the config.
func TestRemoteKilledInTheMiddle(t *testing.T) {
	s := newSite(t)
	c := client(t, newManager(t), s.spec())
	pid := told(t, c, "pid")
	err := c.Generate(t.Context(), say("wait"), &onText{f: func() { s.kill(t) }})
	wantLost(t, err, backend.Unavailable, `plugin "player" at `+s.addr)
	if !backend.AsError(err).Retryable {
		t.Error("a lost connection is not called retryable")
	}
	s.start(t)
	if got := told(t, c, "greet"); got != "from afar" {
		t.Errorf("after it came back: %q", got)
	}
	if again := told(t, c, "pid"); again == pid {
		t.Error("the dead process answers")
	}
	if st := c.status(); st.Launches != 2 || st.Failures != 0 {
		t.Errorf("after the new connection: %+v", st)
	}
}

// Nobody there: a wait between tries, then an open circuit that says why.
func TestRemoteThatStaysAway(t *testing.T) {
	s := newSite(t)
	c := client(t, newManager(t), s.spec())
	told(t, c, "echo x")
	s.kill(t)
	var err error
	for tries := 0; c.status().State != Open; tries++ {
		if tries > 10 {
			t.Fatalf("the circuit does not open: %+v, %v", c.status(), err)
		}
		_, err = backend.Collect(t.Context(), c, say("echo x"))
		if err == nil || backend.AsError(err).Code != backend.Unavailable {
			t.Fatalf("nobody is there, and: %v", err)
		}
	}
	_, err = backend.Collect(t.Context(), c, say("echo x"))
	if st := c.status(); st.State != Open || !strings.Contains(err.Error(), "times in a row") || backend.AsError(err).RetryAfter <= 0 {
		t.Errorf("%+v, %v", st, err)
	}
}

// Between calls too: the new server knows no config, and the host does not
// believe that it does.
func TestRemoteStartedAnewBetweenCalls(t *testing.T) {
	s := newSite(t)
	c := client(t, newManager(t), s.spec())
	for range 3 {
		if got := told(t, c, "greet"); got != "from afar" {
			t.Errorf("got %q", got)
		}
		s.kill(t)
		s.start(t)
	}
}

// A server that is stopped in order lets the calls end that it has.
func TestRemoteStoppedInOrder(t *testing.T) {
	s := newSite(t)
	s.kill(t)
	stop := s.start(t)
	c := client(t, newManager(t), s.spec())
	err := c.Generate(t.Context(), say("linger"), &onText{f: stop})
	if err != nil {
		t.Errorf("a call under way: %v", err)
	}
	_ = s.cmd.Wait()
	s.start(t)
	if got := told(t, c, "echo x"); got != "x" {
		t.Errorf("after it: %q", got)
	}
}

// A server that hangs is given up like a process that hangs.
func TestRemoteThatHangs(t *testing.T) {
	s := newSite(t)
	c := client(t, newManager(t, func(c *Config) { c.StartTimeout = 300 * time.Millisecond }), s.spec())
	told(t, c, "echo x")
	freeze(t, s.cmd.Process.Pid)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	wantLost(t, c.Generate(ctx, say("echo x"), &backend.Collector{}), backend.Cancelled)
	for end := time.Now().Add(10 * time.Second); c.status().State == Running; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the connection to a server that hangs stays in use")
		}
	}
	if _, err := backend.Collect(t.Context(), c, say("echo x")); err == nil {
		t.Error("it answered")
	}
	if err := s.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if got := told(t, c, "echo back"); got != "back" {
		t.Errorf("after it woke up: %q", got)
	}
}

// The server hears of a host that was killed: it may stop what nobody pays for.
func TestRemoteHearsOfAKilledHost(t *testing.T) {
	s := newSite(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	note := filepath.Join(t.TempDir(), "heard")
	raw, err := json.Marshal(s.spec())
	if err != nil {
		t.Fatal(err)
	}
	host := exec.Command(self, "remote-host", string(raw), note)
	host.Stderr = os.Stderr
	out, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if err := host.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = host.Wait()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(note); err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the server goes on for a host that is dead")
		}
	}
}

func TestRemoteRefusals(t *testing.T) {
	s := newSite(t)
	var kinds []string
	m := newManager(t, func(c *Config) { c.Audit = func(e Event) { kinds = append(kinds, e.Kind) } })
	for name, change := range map[string]func(*Spec){
		"in the clear to another machine": func(s *Spec) { s.Address, s.TLS = "gpu.example.com:9443", nil },
		"no address":                      func(s *Spec) { s.Address = "gpu" },
		"no key":                          func(s *Spec) { s.TLS = &backend.TLS{CA: s.TLS.CA, Cert: s.TLS.Cert} },
	} {
		spec := s.spec()
		spec.Backend = name
		change(&spec)
		_, err := m.Client(spec)
		var refused *RefusedError
		if !errors.As(err, &refused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if strings.Join(kinds, " ") != "refused refused refused" {
		t.Errorf("audited: %v", kinds)
	}
	spec := s.spec()
	spec.Backend, spec.Env = "env", []string{"KEY"}
	if _, err := m.Client(spec); err == nil || !strings.Contains(err.Error(), "take env out") {
		t.Errorf("env: %v", err)
	}
	spec = s.spec()
	spec.Backend, spec.Plugin = "name", "somebody"
	_, err := backend.Collect(t.Context(), client(t, m, spec), say("echo x"))
	var refused *RefusedError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), `calls itself "player"`) {
		t.Errorf("another backend at the address: %v", err)
	}
	spec = s.spec()
	spec.Backend, spec.Config = "config", map[string]any{"refuse": true}
	if _, err := backend.Collect(t.Context(), client(t, m, spec), say("echo x")); backend.AsError(err).Code != backend.InvalidRequest {
		t.Errorf("a refused config: %v", err)
	}
}
