// Package plugin launches backends as subprocesses, keeps them alive and speaks
// to them. Nothing a plugin does, dying included, may take the host down or
// hang it, and a plugin gets nothing that was not named: no environment beyond
// the declared variables, no stdin, no file that was not locked by digest. It
// reads no config files and decides nothing about models; core/backend does
// calls, core/engine converts config and lock file.
//
//	m, err := plugin.New(plugin.Config{Self: exe, SelfArgs: args, Bundled: []string{"sim"}, StateDir: ".plimsoll", Clock: time.Now})
//	defer m.Close()
//	c, err := m.Client(plugin.Spec{Backend: "lab", Plugin: "sim", Config: values})
//	resp, err := backend.Collect(ctx, c, req) // launches on first use, again after a crash
//	m.Status()                                // one line per backend, for `plugin list`
package plugin

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// Config says how plugins are found and run.
type Config struct {
	// Self is the path of the running binary and SelfArgs the arguments with
	// which it serves a bundled backend. Bundled are the names it can serve;
	// they win over the lock file, so that no file can pose as one of them.
	Self     string
	SelfArgs func(name string) []string
	Bundled  []string
	// Lock are the external plugins that may run. Root resolves their relative
	// sources, and is the folder that every plugin runs in.
	Lock []Locked
	Root string
	// StateDir is where verified copies are kept (StateDir/plugins).
	StateDir string
	// Dev allows Spec.Attach.
	Dev bool
	// Stderr, when set, also gets every line that a plugin prints, under its name.
	Stderr io.Writer
	// Clock is required.
	Clock func() time.Time
	// LookupEnv reads the host's environment; nil is os.LookupEnv.
	LookupEnv func(string) (string, bool)
	// Audit, when set, is told of launches, ends and refusals. It must be quick
	// and safe for concurrent use.
	Audit func(Event)
	// StartTimeout bounds a launch until the plugin answers; 0 is 30 s.
	StartTimeout time.Duration
	// Restart is the backoff between launches after failures; the zero value is
	// 1 s doubling to 2 min, and an open circuit after 5 failures in a row.
	Restart Restart
}

// Locked is an external plugin of the lock file. Digests are over file content,
// "sha256:HEX" by "GOOS/GOARCH". Source is "dir:PATH" or, for an OCI image layout,
// "oci:PATH".
type Locked struct {
	Name         string
	Version      string
	Source       string
	Digests      map[string]string
	ConfigSchema []backend.ConfigField
}

// Spec is one backend block: which plugin, with what.
type Spec struct {
	Backend string         // the block's name; one process each
	Plugin  string         // a bundled name or one of the lock file
	Env     []string       // names of variables whose values are handed over
	Config  map[string]any // JSON values, already checked against the schema
	Attach  string         // debugging: the address of a backend started by hand; needs Config.Dev
	// Address is "host:port" or "unix:///PATH" of a backend that somebody else
	// runs: nothing is launched, and what answers there has to call itself Plugin.
	// TLS is required, but for an address of this machine.
	Address string
	TLS     *backend.TLS
}

// Event is something worth an audit record.
type Event struct {
	Kind    string // "launch", "connect", "exit", "refused", "circuit-open", "attach"
	Backend string
	Plugin  string
	Digest  string // of an external plugin
	PID     int
	Detail  string
}

// RefusedError is a plugin that the host will not run: not locked, changed,
// wrongly configured. Waiting does not help.
type RefusedError struct {
	Plugin string
	Why    string // a sentence with the way out
}

// Error names the plugin and says why.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("plugin %q is refused: %s", e.Plugin, e.Why)
}

// ErrClosed is returned after Close.
var ErrClosed = errors.New("the plugin manager is closed")

// Manager owns all plugin processes of a host.
type Manager struct {
	cfg      Config
	closing  <-chan struct{} // closed by Close, which ends launches that are under way
	announce func()

	mu      sync.Mutex
	clients map[string]*Client
	sockets string // private folder of the sockets, made on first launch
	closed  bool

	health sync.Mutex // taken before mu
	noted  book
}

// New checks the config. Nothing is launched before it is needed.
func New(cfg Config) (*Manager, error) {
	switch {
	case cfg.Clock == nil:
		return nil, errors.New("plugin manager: no clock")
	case len(cfg.Bundled) > 0 && (cfg.Self == "" || cfg.SelfArgs == nil):
		return nil, errors.New("plugin manager: bundled plugins need the path and arguments of the own binary")
	case cfg.StateDir == "":
		return nil, errors.New("plugin manager: no state folder for verified copies")
	}
	if cfg.LookupEnv == nil {
		cfg.LookupEnv = os.LookupEnv
	}
	if cfg.StartTimeout == 0 {
		cfg.StartTimeout = 30 * time.Second
	}
	if cfg.Audit == nil {
		cfg.Audit = func(Event) {}
	}
	cfg.Restart = cfg.Restart.orDefault()
	closing := make(chan struct{})
	return &Manager{
		cfg: cfg, clients: map[string]*Client{},
		closing: closing, announce: sync.OnceFunc(func() { close(closing) }),
	}, nil
}

// Client returns the supervised model of a backend, the same one for the same
// spec. It launches nothing; that the plugin exists and its environment is
// complete is checked now, so that a mistake shows before a run begins.
func (m *Manager) Client(spec Spec) (*Client, error) {
	if err := m.check(spec); err != nil {
		return nil, err
	}
	if _, err := m.environment(spec); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, ErrClosed
	}
	if c, ok := m.clients[spec.Backend]; ok {
		if !reflect.DeepEqual(c.spec, spec) {
			return nil, fmt.Errorf("backend %q is already running with another config", spec.Backend)
		}
		return c, nil
	}
	c := newClient(m, spec)
	m.clients[spec.Backend] = c
	return c, nil
}

func (m *Manager) check(spec Spec) error {
	if spec.Address != "" && spec.Attach == "" {
		err := checkRemote(spec)
		m.refused(spec, err)
		return err
	}
	_, err := m.source(spec)
	return err
}

// Close ends every plugin and removes the sockets. Calls that are running end
// as lost.
func (m *Manager) Close() error {
	m.mu.Lock()
	m.closed = true
	clients := make([]*Client, 0, len(m.clients))
	for _, c := range m.clients {
		clients = append(clients, c)
	}
	sockets := m.sockets
	m.mu.Unlock()
	m.announce()
	var wg sync.WaitGroup
	for _, c := range clients {
		wg.Go(c.stop)
	}
	wg.Wait()
	err := m.lastNote()
	if sockets == "" {
		return err
	}
	if gone := os.RemoveAll(sockets); gone != nil {
		err = errors.Join(err, fmt.Errorf("removing the plugins' sockets: %w", gone))
	}
	return err
}

// State of a backend's process.
type State string

// The states.
const (
	Idle    State = "idle"    // not launched yet, or stopped
	Running State = "running" // alive
	Backoff State = "backoff" // failed; the next call launches it again after a wait
	Open    State = "open"    // failed too often; calls fail at once until Until
)

// Status describes a backend for `plugin list`.
type Status struct {
	Backend  string    `json:"backend"`
	Plugin   string    `json:"plugin"`
	Address  string    `json:"address,omitempty"` // of a remote one
	Version  string    `json:"version,omitempty"` // as it described itself; empty before the first launch
	State    State     `json:"state"`
	PID      int       `json:"pid,omitempty"`
	Launches int       `json:"launches"`           // the first one and restarts; of a remote one, connections
	Failures int       `json:"failures,omitempty"` // in a row
	Until    time.Time `json:"until,omitzero"`     // of Backoff and Open
	LastErr  string    `json:"last_error,omitempty"`
	Printed  string    `json:"printed,omitempty"` // the last lines on its stderr, without secrets
}

// Status lists all backends that were asked for, by name.
func (m *Manager) Status() []Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []Status
	for _, c := range m.clients {
		out = append(out, c.status())
	}
	slices.SortFunc(out, func(a, b Status) int { return strings.Compare(a.Backend, b.Backend) })
	return out
}
