//go:build unix

package plugin

import (
	"os"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

func TestHealthIsLeftForOthers(t *testing.T) {
	m := newManager(t)
	read := func() Status {
		t.Helper()
		h, err := ReadHealth(m.cfg.StateDir)
		if err != nil || h.Host != os.Getpid() || h.At.IsZero() || len(h.Backends) != 1 {
			t.Fatalf("%+v, %v", h, err)
		}
		return h.Backends[0]
	}
	if h, err := ReadHealth(m.cfg.StateDir); err != nil || len(h.Backends) > 0 {
		t.Errorf("before anything ran: %+v, %v", h, err)
	}
	c := client(t, m, Spec{Env: []string{"API_KEY"}})
	told(t, c, "echo x")
	if s := read(); s.State != Running || s.PID == 0 || s.Launches != 1 || s.Version != "1.2.3" {
		t.Errorf("while it runs: %+v", s)
	}
	_, _ = backend.Collect(t.Context(), c, say("panic value-of-API_KEY"))
	told(t, c, "echo x")
	if s := read(); s.State != Running || s.Launches != 2 || s.Failures != 0 || !strings.Contains(s.LastErr, "exit status 2") {
		t.Errorf("after a restart: %+v", s)
	}
	_, _ = backend.Collect(t.Context(), c, say("panic value-of-API_KEY"))
	if s := c.status(); !strings.Contains(s.Printed, "panic: the boiler is empty: [API_KEY]") {
		t.Errorf("its last lines: %+v", s)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	s := read()
	if s.State == Running || s.PID != 0 || !strings.Contains(s.Printed, "[API_KEY]") || strings.Contains(s.Printed, "value-of") {
		t.Errorf("after Close: %+v", s)
	}
	// A host that calls nothing leaves that as it is.
	idle := newManager(t, func(c *Config) { c.StateDir = m.cfg.StateDir })
	client(t, idle, Spec{})
	if err := idle.Close(); err != nil {
		t.Error(err)
	}
	if again := read(); again != s {
		t.Errorf("an idle host wrote %+v", again)
	}
}

func TestHealthOfAKilledHost(t *testing.T) {
	m := newManager(t)
	told(t, client(t, m, Spec{}), "echo x")
	path := healthFile(m.cfg.StateDir)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// A process id beyond what any system gives away.
	other := strings.Replace(string(raw), `"host": `, `"host": 99999999`, 1)
	if err := os.WriteFile(path, []byte(other), 0o600); err != nil {
		t.Fatal(err)
	}
	h, err := ReadHealth(m.cfg.StateDir)
	if err != nil || h.Backends[0].State != Idle || h.Backends[0].PID != 0 {
		t.Errorf("%+v, %v", h, err)
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadHealth(m.cfg.StateDir); err == nil || !strings.Contains(err.Error(), "can be deleted") {
		t.Errorf("a damaged file: %v", err)
	}
}
