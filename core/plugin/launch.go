package plugin

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// process is a running, configured plugin.
type process struct {
	child   *child // nil when attached or remote
	client  *goplugin.Client
	remote  *backend.Remote
	desc    backend.Description
	tail    *tail
	exited  <-chan struct{} // nil when attached
	conn    io.Closer       // when attached or remote
	address string          // when remote
	link    *grpc.ClientConn
	// calls is held for reading by every call. A remote server that is being
	// stopped lets them end: retire closes the connection behind the last one.
	calls   sync.RWMutex
	retired sync.Once
}

// launch starts the plugin of a spec, as one more process, and configures it.
func (m *Manager) launch(ctx context.Context, spec Spec) (*process, error) {
	if spec.Attach != "" {
		return m.attach(ctx, spec)
	}
	if spec.Address != "" {
		p, err := m.connect(ctx, spec)
		if err != nil {
			m.refused(spec, err)
		}
		return p, err
	}
	src, err := m.source(spec)
	if err != nil {
		return nil, err
	}
	if src.digest != "" {
		if src.path, err = m.verified(spec.Plugin, src); err != nil {
			m.refused(spec, err)
			return nil, err
		}
	}
	p, err := m.start(ctx, spec, src)
	if err != nil {
		m.refused(spec, err)
		return nil, err
	}
	if err := m.introduce(ctx, p, spec); err != nil {
		why := p.failure(spec.Plugin, err)
		p.stop()
		return nil, why
	}
	m.cfg.Audit(Event{Kind: "launch", Backend: spec.Backend, Plugin: spec.Plugin, Digest: src.digest, PID: p.pid()})
	return p, nil
}

func (m *Manager) refused(spec Spec, err error) {
	var r *RefusedError
	if errors.As(err, &r) {
		m.cfg.Audit(Event{Kind: "refused", Backend: spec.Backend, Plugin: spec.Plugin, Detail: r.Why})
	}
}

// start runs the file and connects to it.
func (m *Manager) start(ctx context.Context, spec Spec, src source) (*process, error) {
	env, err := m.environment(spec)
	if err != nil {
		return nil, err
	}
	sockets, err := m.socketDir()
	if err != nil {
		return nil, err
	}
	p := &process{tail: &tail{name: spec.Plugin, also: m.cfg.Stderr, secrets: map[string]string{}}}
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		if len(value) >= 6 { // hiding "1" or "true" would only garble the text
			p.tail.secrets[name] = value
		}
	}
	if p.child, err = newChild(src.path, src.args, m.cfg.Root); err != nil {
		return nil, err
	}
	p.exited = p.child.exited
	// A client object and its checksum work once: go-plugin's Start on a client
	// that crashed returns no error. So every launch makes new ones.
	p.client = goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig:  backend.Handshake(),
		VersionedPlugins: backend.HostPlugins(),
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		AutoMTLS:         true,
		SkipHostEnv:      true,
		GRPCDialOptions:  backend.DialOptions(),
		UnixSocketConfig: &goplugin.UnixSocketConfig{TempDir: sockets},
		StartTimeout:     m.cfg.StartTimeout,
		Stderr:           p.tail,
		SyncStdout:       p.tail,
		SyncStderr:       p.tail,
		Logger:           hclog.NewNullLogger(),
		RunnerFunc: func(_ hclog.Logger, cmd *exec.Cmd, _ string) (runner.Runner, error) {
			p.child.cmd.Env = append(env, cmd.Env...)
			return p.child, check(spec.Plugin, src)
		},
	})
	stopWatching := context.AfterFunc(ctx, func() { _ = p.child.Kill(ctx) })
	defer stopWatching()
	rpc, err := p.client.Client()
	if err == nil {
		var raw any
		if raw, err = rpc.Dispense(backend.PluginName); err == nil {
			p.remote = raw.(*backend.Remote)
		}
	}
	if err != nil {
		if strings.Contains(err.Error(), "ncompatible API version") { // go-plugin has no type for it
			err = &RefusedError{Plugin: spec.Plugin, Why: fmt.Sprintf(
				"it does not speak version %d of the plugin protocol, the only one that this plimsoll does (%v); update whichever is older", backend.ProtocolVersion, err)}
		}
		why := p.failure(spec.Plugin, err)
		p.stop()
		return nil, why
	}
	return p, nil
}

// check compares the content of the file that runs next with the lock file once
// more: the copy was checked when it was made, which may be months ago.
func check(name string, src source) error {
	if src.digest == "" {
		return nil
	}
	sum, err := rawDigest(src.digest)
	if err != nil {
		return &RefusedError{Plugin: name, Why: err.Error()}
	}
	ok, err := (&goplugin.SecureConfig{Checksum: sum, Hash: sha256.New()}).Check(src.path)
	if err != nil {
		return fmt.Errorf("checking plugin %q before it runs: %w", name, err)
	}
	if !ok {
		return &RefusedError{Plugin: name, Why: src.path + " is not the file that was locked"}
	}
	return nil
}

// environment is what the plugin sees: the declared variables and what the
// system needs, never the rest of the host's.
func (m *Manager) environment(spec Spec) ([]string, error) {
	var env []string
	for _, name := range systemEnv() {
		if value, ok := m.cfg.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	for _, name := range spec.Env {
		if strings.HasPrefix(name, "PLUGIN_") || name == backend.Handshake().MagicCookieKey || strings.ContainsAny(name, "=\x00") || name == "" {
			return nil, fmt.Errorf("backend %q: variable %q cannot be handed to a plugin; it belongs to the plugin protocol or is no name", spec.Backend, name)
		}
		value, ok := m.cfg.LookupEnv(name)
		if !ok {
			return nil, fmt.Errorf("backend %q needs the environment variable %s, which is not set; set it, or take it out of env", spec.Backend, name)
		}
		env = append(env, name+"="+value)
	}
	return env, nil
}

// maxSocketDir leaves room for the two names that go-plugin adds below it: a
// unix socket's path has at most 103 bytes on darwin.
const maxSocketDir = 60

func (m *Manager) socketDir() (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return "", ErrClosed
	}
	if m.sockets != "" {
		return m.sockets, nil
	}
	base := ""
	if len(os.TempDir()) > maxSocketDir-len("/"+backend.SocketDirPrefix+"0000000000") {
		base = shortTemp
	}
	dir, err := os.MkdirTemp(base, backend.SocketDirPrefix) // 0700
	if err != nil {
		return "", fmt.Errorf("making a private folder for the plugins' sockets: %w", err)
	}
	m.sockets = dir
	return dir, nil
}

// failure turns an error of a launch or call into one that names the plugin and
// shows what it printed last.
func (p *process) failure(name string, err error) error {
	var r *RefusedError
	if errors.As(err, &r) {
		return err
	}
	if p.child == nil {
		return fmt.Errorf("plugin %q at %s: %w", name, p.address, err)
	}
	if ended := p.end(lingering); ended != "" {
		return fmt.Errorf("plugin %q ended by itself (%s): %w%s", name, ended, err, p.said())
	}
	return fmt.Errorf("plugin %q: %w", name, err)
}

// gone tells whether the process has ended, or its connection is broken.
func (p *process) gone() bool {
	select {
	case <-p.exited:
		return true
	default:
		return p.link != nil && p.link.GetState() != connectivity.Ready
	}
}

// state is how it ended; valid once exited is closed.
func (p *process) state() string {
	if p.child == nil {
		return "the connection to " + p.address + " was lost"
	}
	return p.child.state
}

func (p *process) said() string {
	if p.child == nil {
		return ""
	}
	if last := p.tail.last(); last != "" {
		return "; it printed last:" + last
	}
	return "; it printed nothing"
}

// end is how the process ended, waiting up to d for it; empty while it lives.
func (p *process) end(d time.Duration) string {
	if p.exited == nil {
		return ""
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-p.exited:
		if p.child != nil {
			time.Sleep(lingering / 10) // its last lines are still on their way through the pipe
		}
		return p.state()
	case <-timer.C:
		return ""
	}
}

// retire stops what is no longer in use: a process that has ended at once, a
// connection when its last call has.
func (p *process) retire() {
	p.retired.Do(func() {
		if p.child == nil {
			p.calls.Lock() // for good: nobody begins a call on it again
		}
		p.stop()
	})
}

// stop ends the process, kindly for two seconds, then by force.
func (p *process) stop() {
	if p.conn != nil {
		_ = p.conn.Close() // the process belongs to whoever started it
		return
	}
	force := time.AfterFunc(2*time.Second, func() { _ = p.child.Kill(context.Background()) })
	defer force.Stop()
	p.client.Kill()
	_ = p.child.Kill(context.Background()) // one that was never started has its pipes closed
}

func (p *process) pid() int {
	if p.child == nil {
		return 0
	}
	return p.child.pid()
}
