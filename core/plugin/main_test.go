package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// The test binary plays every part: the test itself, the plugins (re-executed
// with "plugin-serve NAME", as the real binary does) and a host to be killed.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) == 3 && os.Args[1] == "plugin-serve":
		serveTestPlugin(os.Args[2])
	case len(os.Args) == 3 && os.Args[1] == "host":
		playHost(os.Args[2])
	case len(os.Args) == 4 && os.Args[1] == "remote":
		playRemote(os.Args[2], os.Args[3])
	case len(os.Args) == 4 && os.Args[1] == "remote-host":
		playRemoteHost(os.Args[2], os.Args[3])
	case strings.HasSuffix(os.Args[0], "/external"):
		// An external plugin is a copy of this binary under another name.
		backend.Serve("external", factory("external"))
	default:
		os.Exit(m.Run())
	}
}

func serveTestPlugin(name string) {
	switch name {
	case "dead":
		fmt.Fprintln(os.Stderr, "cannot find the model server")
		os.Exit(3)
	case "mute":
		_, _ = io.Copy(io.Discard, os.Stdin) // never completes the handshake
	case "both":
		serveVersions(1, 2)
	case "later":
		serveVersions(2)
	default:
		backend.Serve(name, factory(name))
	}
}

// serveVersions is a plugin that was built with an SDK of the future, which
// serves these versions of the protocol.
func serveVersions(versions ...int) {
	sets := map[int]goplugin.PluginSet{}
	for _, v := range versions {
		sets[v] = goplugin.PluginSet{backend.PluginName: anyVersion{}}
	}
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig: backend.Handshake(), VersionedPlugins: sets, Logger: hclog.NewNullLogger(), GRPCServer: goplugin.DefaultGRPCServer,
	})
}

type anyVersion struct {
	goplugin.NetRPCUnsupportedPlugin
}

func (anyVersion) GRPCServer(_ *goplugin.GRPCBroker, s *grpc.Server) error {
	backend.Register(s, "both", factory("both"))
	return nil
}

func (anyVersion) GRPCClient(context.Context, *goplugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("a plugin is no host")
}

func factory(name string) backend.Factory {
	return func(config map[string]any) (backend.Model, error) {
		if config["refuse"] != nil {
			return nil, backend.Errorf(backend.InvalidRequest, "refuse is not a word for a backend")
		}
		if name == "worker" {
			return &worker{player: player{name, config}}, nil
		}
		return player{name, config}, nil
	}
}

// player does what the user message says.
type player struct {
	name   string
	config map[string]any
}

func (p player) Describe(context.Context) (backend.Description, error) {
	return backend.Description{Name: p.name, Version: "1.2.3", ConfigSchema: []backend.ConfigField{{Name: "greeting", Type: backend.TypeString}}}, nil
}

func (p player) Generate(ctx context.Context, req message.Request, out backend.Sink) error {
	done := func(text string) error {
		if err := out.Text(text); err != nil {
			return err
		}
		return out.Done(message.Usage{Input: 1, Output: 1}, message.FinishStop, req.Model)
	}
	verb, arg, _ := strings.Cut(req.Messages[0].String(), " ")
	switch verb {
	case "echo":
		return done(arg)
	case "greet":
		return done(fmt.Sprint(p.config["greeting"]))
	case "pid":
		return done(fmt.Sprint(os.Getpid()))
	case "env":
		return done(strings.Join(os.Environ(), "\n"))
	case "exe":
		exe, err := os.Executable()
		if err != nil {
			return err
		}
		return done(exe)
	case "stdin":
		if os.Stdin != nil {
			return done("open")
		}
		link, err := os.Readlink("/proc/self/fd/0")
		return done(fmt.Sprint(link, err))
	case "panic":
		_ = out.Text("half an ans")
		time.Sleep(50 * time.Millisecond)
		go func() { panic("the boiler is empty: " + arg) }()
		select {}
	case "wait":
		if err := out.Text("started"); err != nil {
			return err
		}
		<-ctx.Done()
		return ctx.Err()
	case "linger":
		if err := out.Text("started"); err != nil {
			return err
		}
		time.Sleep(300 * time.Millisecond)
		return done("")
	case "note":
		// Leaves a file once the call is given up.
		if err := out.Text("started"); err != nil {
			return err
		}
		<-ctx.Done()
		return os.WriteFile(arg, nil, 0o600)
	case "deaf":
		_ = out.Text("started")
		select {} // not even the context is heard
	case "flood":
		for {
			if err := out.Text(strings.Repeat("flood ", 1<<17)); err != nil {
				return err
			}
		}
	case "babble":
		for range 200_000 {
			fmt.Fprintln(os.Stderr, "babble babble babble babble babble babble babble babble")
		}
		return done("quiet")
	case "size":
		return done(fmt.Sprint(len(arg)))
	case "bear":
		// A child that holds stdout and stderr open and never ends.
		child := exec.Command(arg, "600")
		child.Stderr = os.NewFile(2, "stderr")
		if err := child.Start(); err != nil {
			return err
		}
		return done(fmt.Sprint(child.Process.Pid))
	case "exit":
		os.Exit(7)
	case "rate":
		return &backend.Error{Code: backend.RateLimited, Message: "slow down", RetryAfter: 3 * time.Second, Retryable: true}
	}
	return backend.Errorf(backend.InvalidRequest, "unknown verb %q", verb)
}

var bundledForTests = []string{"player", "dead", "mute", "both", "later", "worker"}

func newManager(t testing.TB, change ...func(*Config)) *Manager {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		Self: self, SelfArgs: func(name string) []string { return []string{"plugin-serve", name} },
		Bundled: slices.Clone(bundledForTests), StateDir: t.TempDir(), Clock: time.Now,
		LookupEnv: func(name string) (string, bool) { return "value-of-" + name, name != "UNSET" },
		Restart:   Restart{Min: 10 * time.Millisecond, Max: time.Minute, Trips: 3},
	}
	for _, f := range change {
		f(&cfg)
	}
	m, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

func client(t testing.TB, m *Manager, spec Spec) *Client {
	t.Helper()
	if spec.Backend == "" {
		spec.Backend = "b"
	}
	if spec.Plugin == "" {
		spec.Plugin = "player"
	}
	c, err := m.Client(spec)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func say(text string) message.Request {
	return message.Request{Model: "m", Messages: []message.Message{message.Text(message.User, text)}}
}

func told(t testing.TB, c *Client, text string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	resp, err := backend.Collect(ctx, c, say(text))
	if err != nil {
		t.Fatal(err)
	}
	return resp.Message.String()
}

// playHost launches a plugin, prints its pid and waits to be killed.
func playHost(dir string) {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	m, err := New(Config{Self: self, SelfArgs: func(n string) []string { return []string{"plugin-serve", n} },
		Bundled: bundledForTests, StateDir: dir, Clock: time.Now})
	if err != nil {
		panic(err)
	}
	c, err := m.Client(Spec{Backend: "b", Plugin: "player"})
	if err != nil {
		panic(err)
	}
	resp, err := backend.Collect(context.Background(), c, say("pid"))
	if err != nil {
		panic(err)
	}
	child := ""
	if sleep, err := exec.LookPath("sleep"); err == nil {
		bore, err := backend.Collect(context.Background(), c, say("bear "+sleep))
		if err != nil {
			panic(err)
		}
		child = bore.Message.String()
	}
	fmt.Println(resp.Message.String(), m.sockets, child)
	time.Sleep(time.Hour)
}

// onText runs f when the first text of an answer arrives.
type onText struct {
	backend.Collector
	f func()
}

func (s *onText) Text(delta string) error {
	if s.f != nil {
		s.f()
		s.f = nil
	}
	return s.Collector.Text(delta)
}

var _ backend.Sink = (*onText)(nil)

// playRemote is the process of a site: an address and a file of certificates.
func playRemote(addr, file string) {
	var certs backend.TLS
	raw, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(raw, &certs)
	}
	if err != nil {
		panic(err)
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr())
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // ends when the test says so
		stop()
	}()
	if err := backend.ServeTLSOn(ctx, l, certs, "player", factory("player")); err != nil {
		panic(err)
	}
}

// playRemoteHost begins a call, says so and waits to be killed in the middle.
func playRemoteHost(raw, note string) {
	var spec Spec
	if err := json.Unmarshal([]byte(raw), &spec); err != nil {
		panic(err)
	}
	m, err := New(Config{StateDir: filepath.Dir(note), Clock: time.Now})
	if err != nil {
		panic(err)
	}
	c, err := m.Client(spec)
	if err != nil {
		panic(err)
	}
	_ = c.Generate(context.Background(), say("note "+note), &onText{f: func() { fmt.Println("it began") }})
}

func appendTo(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("x"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
