package vllm

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// fake is the folder of a program `vllm` that is conformance's fake engine: what it
// answers is simulated, its command line and its failures are vLLM's.
var fake = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "fake-vllm-")
	if err != nil {
		return "", err
	}
	cmd := exec.Command("go", "build", "-o", filepath.Join(dir, "vllm"), "./conformance/cmd/fake-engine")
	cmd.Dir = filepath.Join("..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the fake engine: %w\n%s", err, out)
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := fake(); err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// engineOnPath puts the fake engine on the PATH.
func engineOnPath(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil || !launches {
		t.Skip("the fake engine cannot be built or started here")
	}
	dir, err := fake()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// server is a process of a plan as core/topology/plan writes one.
func server(t *testing.T, name string, flags ...string) process {
	port := freePort(t)
	return process{
		Name: name, Role: "engine", Port: port, Seconds: 20, Ready: fmt.Sprintf("http://127.0.0.1:%d/health", port),
		Command: append([]string{"vllm", "serve", "some/model", "--served-model-name", "some-model", "--port", fmt.Sprint(port)}, flags...),
		Env:     map[string]string{"VLLM_LOGGING_LEVEL": "INFO"},
	}
}

func planOf(t *testing.T, all ...process) backend.Plan {
	t.Helper()
	d := document{Format: 1, Name: "p", Runtime: "process", Model: "some-model", Processes: all}
	for _, x := range all {
		d.Endpoints = append(d.Endpoints, strings.TrimSuffix(x.Ready, "/health"))
	}
	raw, err := json.Marshal(map[string]any{"format": d.Format, "name": d.Name, "runtime": d.Runtime, "model": d.Model, "endpoints": d.Endpoints, "processes": processesJSON(all)})
	if err != nil {
		t.Fatal(err)
	}
	return backend.Plan{ID: "p", Model: "some-model", Document: raw}
}

func processesJSON(all []process) []map[string]any {
	var out []map[string]any
	for _, x := range all {
		out = append(out, map[string]any{"name": x.Name, "role": x.Role, "command": x.Command, "env": x.Env, "stop": x.Stop, "port": x.Port, "ready": x.Ready, "ready_seconds": x.Seconds, "after": x.After})
	}
	return out
}

func newBackend(t *testing.T, config map[string]any) *backend.Harness {
	t.Helper()
	if config == nil {
		config = map[string]any{}
	}
	if config["run_dir"] == nil {
		config["run_dir"] = t.TempDir()
	}
	return backend.NewHarness(t, New, config)
}

// until waits for a phase.
func until(t *testing.T, h *backend.Harness, want backend.Phase) backend.Status {
	t.Helper()
	var s backend.Status
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		var err error
		if s, err = h.Status(t.Context(), "p"); err != nil {
			t.Fatal(err)
		}
		if s.Phase == want {
			return s
		}
	}
	t.Fatalf("it is not %s but %s: %s\n%s", want, s.Phase, s.Message, strings.Join(s.Log, "\n"))
	return s
}

func launch(t *testing.T, h *backend.Harness, p backend.Plan) backend.Instance {
	t.Helper()
	i, err := h.Launch(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Stop(t.Context(), "p", 0); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	return i
}

func alive(pid int64) bool { return runs(int(pid)) }

// One server from its launch to its end: it starts, answers, counts, is asked the
// same again, is refused another plan, and leaves nothing.
func TestLife(t *testing.T) {
	engineOnPath(t)
	x := server(t, "p-engine-0", "--fake-slow-start", "3s", "--fake-ttft", "5ms", "--fake-tpot", "1ms")
	plan := planOf(t, x)
	dir := t.TempDir()
	h := newBackend(t, map[string]any{"run_dir": dir, "base_url": strings.TrimSuffix(x.Ready, "/health") + "/v1"})
	i := launch(t, h, plan)
	if i.ID != "p" || len(i.Endpoints) != 1 || i.Started.IsZero() {
		t.Errorf("the instance is %+v", i)
	}
	if s, err := h.Status(t.Context(), "p"); err != nil || s.Phase != backend.Starting || !strings.Contains(s.Message, "p-engine-0 is starting") {
		t.Errorf("at the start: %+v %v", s, err)
	}
	s := until(t, h, backend.Ready)
	if len(s.Processes) != 1 || !alive(s.Processes[0].PID) || s.Processes[0].Command[0] != "vllm" || s.Message != "" {
		t.Errorf("ready: %+v", s)
	}
	if again, err := h.Launch(t.Context(), plan); err != nil || !again.Started.Equal(i.Started) {
		t.Errorf("launched again: %+v %v", again, err)
	}
	other := plan
	other.Document = json.RawMessage(strings.Replace(string(plan.Document), "INFO", "DEBUG", 1))
	if _, err := h.Launch(t.Context(), other); err == nil || backend.AsError(err).Code != backend.InvalidRequest {
		t.Errorf("another plan under the same id: %v", err)
	}
	r, err := h.Ask(t.Context(), message.Request{Model: "some-model", Messages: []message.Message{message.Text(message.User, "ahoy")}, Sampling: message.Sampling{MaxOutput: 8}})
	if err != nil || r.Usage.Output == 0 {
		t.Errorf("the answer is %+v, %v", r, err)
	}
	m, err := h.Metrics(t.Context(), "p")
	if err != nil || m.Counters["vllm:generation_tokens_total"] == 0 || m.Gauges == nil {
		t.Errorf("it counts %v, %v", m.Counters, err)
	}
	if _, err := h.Metrics(t.Context(), "nobody"); err == nil || backend.AsError(err).Code != backend.InvalidRequest {
		t.Errorf("metrics of nobody: %v", err)
	}
	if err := h.Stop(t.Context(), "p", 5*time.Second); err != nil {
		t.Fatal(err)
	}
	if alive(s.Processes[0].PID) {
		t.Error("the engine lives on")
	}
	if s, err := h.Status(t.Context(), "p"); err != nil || s.Phase != backend.Stopped {
		t.Errorf("stopped: %+v %v", s, err)
	}
	log, err := os.ReadFile(filepath.Join(dir, "p-engine-0.log"))
	if err != nil || !strings.Contains(string(log), "Shutting down") {
		t.Errorf("it was not told to end, its log: %v\n%s", err, log)
	}
	if err := h.Stop(t.Context(), "p", 0); err != nil {
		t.Errorf("stopped again: %v", err)
	}
}

// An engine sees the variables of its plan and what is inherited by name, and
// nothing else of the host's.
func TestEnvironment(t *testing.T) {
	engineOnPath(t)
	t.Setenv("HF_TOKEN", "hf_not_for_engines")
	t.Setenv("PLUGIN_UNIX_SOCKET_DIR", "/tmp/x")
	t.Setenv("HF_HOME", "/weights")
	x := server(t, "p-engine-0")
	x.Command = []string{"sh", "-c", "env; exec vllm " + strings.Join(x.Command[1:], " ")}
	x.Env["MY_KEY"] = "topsecret"
	h := newBackend(t, nil)
	launch(t, h, planOf(t, x))
	s := until(t, h, backend.Ready)
	log := strings.Join(s.Log, "\n")
	for _, want := range []string{"HF_HOME=/weights", "VLLM_LOGGING_LEVEL=INFO", "PATH=", "MY_KEY=(set)"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %s:\n%s", want, log)
		}
	}
	for _, bad := range []string{"hf_not_for_engines", "PLUGIN_", "topsecret"} {
		if strings.Contains(log, bad) {
			t.Errorf("the log has %s:\n%s", bad, log)
		}
	}
}

// What waits for others starts after they are ready, and what ends first is what
// started last.
func TestOrder(t *testing.T) {
	engineOnPath(t)
	a, b, c := server(t, "prefill", "--fake-slow-start", "3s"), server(t, "decode"), server(t, "proxy")
	c.Role, c.After = "proxy", []string{"prefill", "decode"}
	h := newBackend(t, nil)
	launch(t, h, planOf(t, a, b, c))
	if s := until(t, h, backend.Starting); !strings.Contains(s.Message, "proxy waits for prefill, decode") {
		t.Errorf("it says %q", s.Message)
	}
	s := until(t, h, backend.Ready)
	first := func(log []string, who, what string) int {
		return slices.IndexFunc(log, func(l string) bool { return strings.HasPrefix(l, who+" | ") && strings.Contains(l, what) })
	}
	if up, began := first(s.Log, "prefill", "startup complete"), first(s.Log, "proxy", "API server version"); up < 0 || began < up {
		t.Errorf("the proxy began before what it needs was there:\n%s", strings.Join(s.Log, "\n"))
	}
	m, err := h.Metrics(t.Context(), "p")
	if err != nil || len(m.Gauges) == 0 {
		t.Fatalf("metrics: %v %v", m, err)
	}
	for name := range m.Gauges {
		if !strings.Contains(name, `process="prefill"`) && !strings.Contains(name, `process="decode"`) {
			t.Errorf("whose is %s?", name)
		}
	}
}

// Every way to fail that the fake engine knows is explained, and nothing of it is
// left.
func TestKnownFailures(t *testing.T) {
	engineOnPath(t)
	says := map[string]string{
		"no-start": "it ends with", "port-in-use": "its port is taken", "oom": "run out of memory", "memory-taken": "another program holds memory",
		"no-kv-memory": "leave no memory", "kv-too-small": "not even one request", "no-nvcc": "no CUDA compiler", "flashinfer": "no CUDA compiler",
		"ready-timeout": "ready = \"30m\"", "attention-env": "ignores VLLM_ATTENTION_BACKEND", "moe-dp": "does not start with data parallel",
		"unknown-model": "neither a folder", "unknown-arch": "cannot load the model's architecture", "unknown-flag": "does not know a flag",
		"nccl": "could not talk to each other", "nixl-port": "over which KV caches are announced", "nixl-missing": "NIXL is not installed",
		"gpu-missing": "sees no GPU", "disk-full": "the disk is full", "silent": "killed from outside", "hang": "was not ready after 1 s",
	}
	for id, want := range says {
		t.Run(id, func(t *testing.T) {
			x := server(t, "p-engine-0", "--fake-fail", id)
			if id == "hang" {
				x.Seconds = 1
			}
			h := newBackend(t, nil)
			launch(t, h, planOf(t, x))
			s := until(t, h, backend.Failed)
			if !strings.Contains(s.Message, want) || !strings.Contains(s.Message, "p-engine-0") || id != "no-start" && id != "silent" && !strings.Contains(s.Message, "To do: ") {
				t.Errorf("it says %q, without %q", s.Message, want)
			}
			if s.Processes[0].PID != 0 {
				t.Errorf("process %d is left", s.Processes[0].PID)
			}
		})
	}
	// The fake engine's list is longer than what a test may import: a way that was
	// added there is found by its refusal of a name that it does not have.
	out, err := exec.Command("vllm", "serve", "m", "--fake-fail", "no-such-way").CombinedOutput()
	if err == nil {
		t.Fatal("the fake engine takes any way to fail")
	}
	for id := range says {
		if !strings.Contains(string(out), id) {
			t.Errorf("the fake engine does not know %s any more: %s", id, out)
		}
	}
}

// An engine that dies while it serves is started again as often as was declared.
func TestRestarts(t *testing.T) {
	engineOnPath(t)
	for _, restarts := range []int64{0, 1} {
		h := newBackend(t, map[string]any{"restarts": restarts})
		launch(t, h, planOf(t, server(t, "p-engine-0", "--fake-slow-start", "3s")))
		for n := range restarts + 1 {
			s := until(t, h, backend.Ready)
			kill(int(s.Processes[0].PID))
			if n == restarts {
				s = until(t, h, backend.Failed)
				if !strings.Contains(s.Message, "while it served") || !strings.Contains(s.Message, "killed") {
					t.Errorf("it says %q", s.Message)
				}
				continue
			}
			if s = until(t, h, backend.Starting); !strings.Contains(s.Message, "started again (1 of 1 times)") {
				t.Errorf("it says %q", s.Message)
			}
		}
		if err := h.Stop(t.Context(), "p", time.Second); err != nil {
			t.Error(err)
		}
	}
}

// A deaf engine is killed after its grace, with what it started.
func TestDeaf(t *testing.T) {
	engineOnPath(t)
	x := server(t, "p-engine-0", "--fake-deaf")
	x.Command = []string{"sh", "-c", "sleep 1000 & echo child $!; trap '' TERM; vllm " + strings.Join(x.Command[1:], " ") + "; sleep 1000"}
	h := newBackend(t, nil)
	launch(t, h, planOf(t, x))
	s := until(t, h, backend.Ready)
	var child int64
	for _, l := range s.Log {
		if _, err := fmt.Sscanf(l, "p-engine-0 | child %d", &child); err == nil {
			break
		}
	}
	if child == 0 || !alive(child) {
		t.Fatalf("it has no child:\n%s", strings.Join(s.Log, "\n"))
	}
	began := time.Now()
	if err := h.Stop(t.Context(), "p", 300*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(began); d < 300*time.Millisecond || d > 20*time.Second {
		t.Errorf("it took %s", d)
	}
	if alive(child) || alive(s.Processes[0].PID) {
		t.Error("something of it lives on")
	}
}

// When one of several fails before anything was served, the others do not keep
// their GPUs.
func TestOthersEnd(t *testing.T) {
	engineOnPath(t)
	h := newBackend(t, nil)
	launch(t, h, planOf(t, server(t, "prefill"), server(t, "decode", "--fake-slow-start", "500ms", "--fake-fail", "oom")))
	s := until(t, h, backend.Failed)
	if !strings.Contains(s.Message, "decode") || !strings.Contains(s.Message, "others") && !strings.Contains(s.Message, "other processes were ended") {
		t.Errorf("it says %q", s.Message)
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		s, err := h.Status(t.Context(), "p")
		if err != nil {
			t.Fatal(err)
		}
		if s.Processes[0].PID == 0 && s.Phase == backend.Failed {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("prefill runs on: %+v", s.Processes)
		}
	}
}
