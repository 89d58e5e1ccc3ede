package backend_test

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/conformance/backend"
	"github.com/plimsoll-dev/plimsoll/conformance/report"
	"github.com/plimsoll-dev/plimsoll/core/plugin"
	sdk "github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/backend/authority"
	"github.com/plimsoll-dev/plimsoll/sdk/backend/cassette"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// build makes a program of this repository, as its users would.
func build(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("building programs takes a while")
	}
	out := filepath.Join(t.TempDir(), name)
	if runtime.GOOS == "windows" {
		out += ".exe"
	}
	cmd := exec.Command("go", append([]string{"build", "-o", out}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOPROXY=off", "GOWORK=off")
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", name, err, said)
	}
	return out
}

// conforms runs the whole kit. mayBeSkipped are the cases that a backend cannot
// be asked, with the reason where that is not plain.
func conforms(t *testing.T, o backend.Options, mayBeSkipped map[string]string) {
	t.Helper()
	o.Timeout, o.Slack = 20*time.Second, 300*time.Millisecond
	r := backend.Test(t, o)
	if !r.Conformant() {
		t.Errorf("%s: %v", r.Result, r.Counts)
	}
	for _, c := range r.Cases {
		if _, ok := mayBeSkipped[c.ID]; c.Status == report.Skip && !ok && runtime.GOOS == "linux" {
			t.Errorf("%s is skipped: %s", c.ID, c.Saw)
		}
	}
}

const (
	noCount    = "backend.ability.count"
	noEmbed    = "backend.ability.embed"
	noRequired = "backend.configure.required"
)

// TestHelloBackend: the example that authors copy.
func TestHelloBackend(t *testing.T) {
	file := build(t, filepath.Join("..", "..", "examples", "hello-backend"), "hello", ".")
	conforms(t, backend.Options{Target: backend.Target{Command: []string{file}}, Config: map[string]any{"greeting": "Ahoy"}},
		map[string]string{noCount: "", noEmbed: "", noRequired: "it has no required key"})
}

// TestAddress: what somebody else runs, behind certificates and in the clear.
func TestAddress(t *testing.T) {
	ca, err := authority.New()
	if err != nil {
		t.Fatal(err)
	}
	server, err1 := ca.Issue("127.0.0.1")
	host, err2 := ca.Issue("plimsoll")
	l, err3 := net.Listen("tcp", "127.0.0.1:0")
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() {
		served <- sdk.ServeTLSOn(ctx, l, server, "parrot", func(map[string]any) (sdk.Model, error) { return parrot{}, nil })
	}()
	defer func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()
	o := backend.Options{Target: backend.Target{Address: l.Addr().String(), TLS: &host}, Timeout: 20 * time.Second, Slack: 300 * time.Millisecond}
	r := backend.Test(t, o)
	if !r.Conformant() || r.Subject.Digest != "" || r.Counts[report.Pass] < 25 {
		t.Errorf("%s: %v", r.Result, r.Counts)
	}
	// Without certificates nothing is passed, and the report says why.
	o.Target.TLS, o.Timeout = nil, 2*time.Second
	if r = run(t, o); r.Conformant() || caseOf(r, "configure.accepted").Status != report.Fail {
		t.Errorf("without certificates: %v", r.Counts)
	}
}

// parrot is a backend of the SDK, in this process.
type parrot struct{}

func (parrot) Describe(context.Context) (sdk.Description, error) {
	return sdk.Description{Version: "1.0.0", Simulated: true, Models: []sdk.ModelInfo{{ID: "grey"}}}, nil
}

func (parrot) Generate(_ context.Context, req message.Request, out sdk.Sink) error {
	if req.Model != "grey" || len(req.Messages) == 0 {
		return sdk.Errorf(sdk.InvalidRequest, "only the grey one talks, and only when it is talked to")
	}
	words := req.Messages[len(req.Messages)-1].String()
	for i := range 8 {
		if err := out.Text(words[len(words)*i/8 : len(words)*(i+1)/8]); err != nil {
			return err
		}
	}
	return errors.Join(out.Text("!"), out.Done(message.Usage{Input: int64(len(words)) + 1, Output: int64(len(words)) + 1}, message.FinishStop, "grey"))
}

var simulated = map[string]any{"seed": 7, "models": map[string]any{"sim-a": map[string]any{}, "sim-slow": map[string]any{"latency_ms": 20000}}}

// TestBundled: the backends that travel in the binary, served by it.
func TestBundled(t *testing.T) {
	plimsoll := build(t, filepath.Join("..", ".."), "plimsoll", "./core/cmd/plimsoll")
	target := func(t *testing.T, name string) backend.Target {
		t.Helper()
		target, err := backend.ParseTarget(name, plimsoll)
		if err != nil {
			t.Fatal(err)
		}
		return target
	}
	key := func(name string) (string, bool) { return fakeKey, name == "FAKE_API_KEY" }
	t.Run("sim", func(t *testing.T) {
		conforms(t, backend.Options{Target: target(t, "sim"), Config: simulated, Slow: "sim-slow"},
			map[string]string{noCount: "", noEmbed: ""})
	})
	t.Run("openai", func(t *testing.T) {
		conforms(t, backend.Options{
			Target: target(t, "openai"), Model: "m1", Slow: "slow", Embedding: "m1", Env: []string{"FAKE_API_KEY"}, LookupEnv: key,
			Config: map[string]any{"base_url": chatAPI(t) + "/v1", "api_key_env": "FAKE_API_KEY", "dialect": "vllm"},
		}, map[string]string{noRequired: "it has no required key"})
	})
	// What it generates; engines are launched in core/cmd/plimsoll's tests, against
	// the fake engine.
	t.Run("vllm", func(t *testing.T) {
		conforms(t, backend.Options{
			Target: target(t, "vllm"), Model: "m1", Slow: "slow", Embedding: "m1", Env: []string{"FAKE_API_KEY"}, LookupEnv: key,
			Config: map[string]any{"base_urls": []any{chatAPI(t) + "/v1", chatAPI(t) + "/v1"}, "api_key_env": "FAKE_API_KEY"},
		}, map[string]string{noRequired: "it has no required key"})
	})
	t.Run("anthropic", func(t *testing.T) {
		conforms(t, backend.Options{
			Target: target(t, "anthropic"), Model: "m1", Slow: "slow", Env: []string{"FAKE_API_KEY"}, LookupEnv: key,
			Config: map[string]any{"base_url": messagesAPI(t), "api_key_env": "FAKE_API_KEY"},
		}, map[string]string{noEmbed: "the API has none", noRequired: "it has no required key"})
	})
	t.Run("replay", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "tape")
		recorded(t, target(t, "sim"), dir)
		conforms(t, backend.Options{Target: target(t, "replay"), Model: "sim-a", Config: map[string]any{"dir": dir}}, map[string]string{
			noCount: "", noEmbed: "", "backend.stream.backpressure": "long answers were not recorded",
			"backend.cancel.stops": "a recording is over at once", "backend.cancel.deadline": "a recording is over at once",
		})
	})
}

// recorded tests a simulation at an address, mutual TLS included, and records
// every call on the way: the kit's requests are the same in every run.
func recorded(t *testing.T, sim backend.Target, dir string) {
	t.Helper()
	m, err := plugin.New(plugin.Config{
		Self: sim.Command[0], SelfArgs: func(string) []string { return sim.Command[1:] }, Bundled: []string{"sim"},
		StateDir: t.TempDir(), Clock: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	c, err := m.Client(plugin.Spec{Backend: "lab", Plugin: "sim", Config: map[string]any{"seed": 7, "models": map[string]any{"sim-a": map[string]any{}}}})
	if err != nil {
		t.Fatal(err)
	}
	tape, err := cassette.Record(c, dir, func(path string, data []byte) error { return os.WriteFile(path, data, 0o600) }, nil)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := authority.New()
	if err != nil {
		t.Fatal(err)
	}
	server, err1 := ca.Issue("127.0.0.1")
	host, err2 := ca.Issue("plimsoll")
	l, err3 := net.Listen("tcp", "127.0.0.1:0")
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() {
		served <- sdk.ServeTLSOn(ctx, l, server, "sim", func(map[string]any) (sdk.Model, error) { return unseeded{tape}, nil })
	}()
	defer func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()
	r := backend.Test(t, backend.Options{
		Target: backend.Target{Address: l.Addr().String(), TLS: &host}, Model: "sim-a",
		// A recording is written once the answer is over, which takes seconds for
		// the 200,000 events of these.
		Skip:    []string{"generate.large", "stream.backpressure", "cancel.next"},
		Timeout: 20 * time.Second, Slack: 300 * time.Millisecond,
	})
	if r.Counts[report.Fail]+r.Counts[report.Error] > 0 || r.Subject.Digest != "" {
		t.Errorf("%s: %v", r.Result, r.Counts)
	}
}

// unseeded keeps seeds to itself, as a recording does: the kit would ask with
// one, and without one later.
type unseeded struct{ sdk.Model }

func (u unseeded) Describe(ctx context.Context) (sdk.Description, error) {
	d, err := u.Model.Describe(ctx)
	d.Capabilities.Seeds = false
	return d, err
}
