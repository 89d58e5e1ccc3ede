package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/plimsoll-dev/plimsoll/core/topology"
	"github.com/plimsoll-dev/plimsoll/core/topology/arch"
	"github.com/plimsoll-dev/plimsoll/core/topology/hardware"
	"github.com/plimsoll-dev/plimsoll/core/topology/plan"
	"github.com/plimsoll-dev/plimsoll/core/topology/supervise"
	"github.com/plimsoll-dev/plimsoll/plugins/vllm"
	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// topologyCommands are those of scripts that start servers.
func topologyCommands(out map[string]func(*testscript.TestScript, bool, []string)) {
	out["freeport"] = freePort     // freeport ENV PROJECT: a port that nobody has; what is up in PROJECT ends with the script
	out["killengine"] = killEngine // killengine PROJECT TOPOLOGY: kill -9 of its first process
	out["awaits"] = awaits         // awaits CODE PROGRAM ARGS...: again and again, until it ends with CODE
}

func unusedPort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return "", err
	}
	return port, l.Close()
}

func freePort(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: freeport ENV PROJECT")
	}
	port, err := unusedPort()
	ts.Check(err)
	ts.Setenv(args[0], port)
	dir := ts.MkAbs(args[1])
	ts.Defer(func() {
		if all, err := supervise.List(filepath.Join(dir, ".plimsoll")); err == nil {
			for _, i := range all {
				if i.Alive() {
					_ = syscall.Kill(i.PID, syscall.SIGKILL) // and its servers with it
				}
			}
		}
	})
}

func killEngine(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: killengine PROJECT TOPOLOGY")
	}
	i, err := supervise.Read(supervise.Dir(filepath.Join(ts.MkAbs(args[0]), ".plimsoll"), args[1]))
	ts.Check(err)
	if len(i.Processes) == 0 || i.Processes[0].PID == 0 {
		ts.Fatalf("no process of %s runs: %+v", args[1], i)
	}
	ts.Check(syscall.Kill(i.Processes[0].PID, syscall.SIGKILL))
}

func awaits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: awaits CODE PROGRAM ARGS...")
	}
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		err := ts.Exec(args[1], args[2:]...)
		if fmt.Sprint(code(err)) == args[0] {
			return
		}
	}
	ts.Fatalf("it does not end with %s", args[0])
}

// code is the exit code of a program that was run.
func code(err error) int {
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return exit.ExitCode()
	}
	if err != nil {
		return -1
	}
	return 0
}

// runs tells whether a process is there and has not ended: one that was not waited
// for yet has.
func runs(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	end := bytes.LastIndexByte(stat, ')')
	return err == nil && end >= 0 && !bytes.HasPrefix(stat[end:], []byte(") Z")) && !bytes.HasPrefix(stat[end:], []byte(") X"))
}

// What a supervisor hands to the backend is what the backend hands to engines.
func TestSameEnvironment(t *testing.T) {
	a, b := supervise.Inherited(), vllm.Inherited()
	slices.Sort(a)
	slices.Sort(b)
	if !slices.Equal(a, b) {
		t.Errorf("the supervisor hands on %v, the backend %v", a, b)
	}
}

// small is a model that fits anywhere.
func small(t *testing.T) topology.Model {
	t.Helper()
	a, err := arch.Read([]byte(`{"architectures":["LlamaForCausalLM"],"model_type":"llama","hidden_size":2048,"intermediate_size":8192,"num_hidden_layers":16,"num_attention_heads":32,"num_key_value_heads":8,"head_dim":64,"vocab_size":128256,"torch_dtype":"bfloat16","max_position_embeddings":131072,"tie_word_embeddings":true}`))
	if err != nil {
		t.Fatal(err)
	}
	return topology.Model{Name: "small", Arch: a}
}

// servers puts the fake engine on the PATH as vllm, and beside it programs that run
// and do nothing.
func servers(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	build(t, nil, "-o", filepath.Join(dir, "vllm"), "./conformance/cmd/fake-engine")
	for _, name := range []string{"vllm-router", "podman", "docker"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\ncase $1 in run|--host) exec sleep 1000;; esac\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
}

// The plans that core/topology makes are plans that plugins/vllm launches: both have
// a struct of their own for the document.
func TestPlansAgree(t *testing.T) {
	servers(t)
	gpu, ok := hardware.Lookup("H100")
	if !ok {
		t.Fatal("there is no H100")
	}
	lab := topology.Hardware{Name: "lab", GPU: gpu, Count: 2}
	for name, c := range map[string]struct {
		topology topology.Topology
		running  int
	}{
		"one":       {topology.Topology{Name: "t", Engine: "vllm", Version: "0.24", Pool: topology.Pool{DataParallel: 2}}, 1},
		"replicas":  {topology.Topology{Name: "t", Engine: "vllm", Version: "0.24", Pool: topology.Pool{Replicas: 2}}, 2},
		"split":     {topology.Topology{Name: "t", Engine: "vllm", Version: "0.24", Prefill: &topology.Pool{GPUs: []int{0}}, Decode: &topology.Pool{GPUs: []int{1}}, Transfer: &topology.Transfer{}}, 3},
		"container": {topology.Topology{Name: "t", Engine: "vllm", Version: "0.24", Runtime: "podman", Image: "vllm/vllm-openai@sha256:" + strings.Repeat("0", 64)}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			port, err := unusedPort()
			if err != nil {
				t.Fatal(err)
			}
			var n int
			if _, err := fmt.Sscan(port, &n); err != nil {
				t.Fatal(err)
			}
			made, err := plan.Make(plan.Spec{Topology: c.topology, Hardware: lab, Model: small(t), Port: n, Context: 4096})
			if err != nil {
				t.Fatal(err)
			}
			raw, err := json.Marshal(made)
			if err != nil {
				t.Fatal(err)
			}
			h := backend.NewHarness(t, vllm.New, map[string]any{"run_dir": t.TempDir()})
			i, err := h.Launch(t.Context(), backend.Plan{ID: "t", Model: made.Model, Document: raw})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(i.Endpoints, made.Endpoints) {
				t.Errorf("it answers at %v, and the plan says %v", i.Endpoints, made.Endpoints)
			}
			s, err := h.Status(t.Context(), "t")
			if err != nil || len(s.Processes) != c.running || len(s.Processes) != len(made.Processes) {
				t.Errorf("the status is %+v, %v", s, err)
			}
			for n, p := range s.Processes {
				if !slices.Equal(p.Command, made.Processes[n].Command) {
					t.Errorf("process %d runs %v", n, p.Command)
				}
			}
			if err := h.Stop(t.Context(), "t", 0); err != nil {
				t.Error(err)
			}
		})
	}
}

// declares makes a project with one topology, and the programs that it needs.
func declares(t *testing.T) string {
	t.Helper()
	servers(t)
	dir := t.TempDir()
	port, err := unusedPort()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"config.json": `{"architectures":["LlamaForCausalLM"],"model_type":"llama","hidden_size":2048,"intermediate_size":8192,"num_hidden_layers":16,"num_attention_heads":32,"num_key_value_heads":8,"head_dim":64,"vocab_size":128256,"torch_dtype":"bfloat16","max_position_embeddings":131072,"tie_word_embeddings":true}`,
		"t.hcl": "hardware \"lab\" {\n  gpu   = \"H100\"\n  count = 1\n}\n\nmodel \"small\" {\n  config = \"config.json\"\n}\n\n" +
			"topology \"one\" {\n  engine  = \"vllm\"\n  version = \"0.24\"\n  gpus    = [0]\n  port    = " + port + "\n}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if i := instance(t, dir); i.Alive() {
			_ = syscall.Kill(i.PID, syscall.SIGKILL)
		}
	})
	return dir
}

// up starts the topology of such a project and gives its folder.
func up(t *testing.T) string {
	t.Helper()
	dir := declares(t)
	if out, err := command(t, dir, "topology", "up", "one").CombinedOutput(); err != nil {
		t.Fatalf("up: %v\n%s", err, out)
	}
	return dir
}

// engineFile is the program that servers put on the PATH as vllm.
func engineFile(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("vllm")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// A launch that is refused says why, however soon its supervisor has ended.
func TestTopologyRefused(t *testing.T) {
	dir := declares(t)
	if err := os.Remove(engineFile(t)); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		out, err := command(t, dir, "topology", "up", "one").CombinedOutput()
		if code(err) != 1 || !strings.Contains(string(out), `the program "vllm" of one-engine is not to be found`) {
			t.Errorf("up: %v\n%s", err, out)
		}
	}
	cmd := command(t, dir, "topology", "up", "one", "-json")
	out, err := cmd.Output()
	var said struct {
		Ready    *bool
		Instance supervise.Instance
	}
	if bad := json.Unmarshal(out, &said); bad != nil || code(err) != 1 || said.Ready == nil || *said.Ready || said.Instance.Phase != backend.Failed {
		t.Errorf("up -json: %v, %v\n%s", err, bad, out)
	}
}

// Who waits for a topology that somebody else stops is told so.
func TestTopologyStoppedMeanwhile(t *testing.T) {
	dir := declares(t)
	more(t, dir, "  env {\n    FAKE_ENGINE_SCRIPT = \"{\\\"start\\\": {\\\"after\\\": \\\"10m\\\"}}\"\n  }\n")
	cmd := command(t, dir, "topology", "up", "one")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the start of the engine", func() bool { return len(instance(t, dir).Left()) == 1 })
	if out, err := command(t, dir, "topology", "down").CombinedOutput(); err != nil {
		t.Errorf("down: %v\n%s", err, out)
	}
	err := cmd.Wait()
	if code(err) != 1 || !strings.Contains(said.String(), "was stopped meanwhile") {
		t.Errorf("up: %v\n%s", err, said.String())
	}
}

// A backend that died and whose plan cannot be launched any more is given up, with
// the reason, instead of being started for ever.
func TestTopologyGivenUp(t *testing.T) {
	dir := up(t)
	first := instance(t, dir)
	if err := os.Remove(engineFile(t)); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(children(first.PID)[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the end of the supervisor", func() bool { return !first.Alive() })
	i := instance(t, dir)
	if i.Phase != backend.Failed || !strings.Contains(i.Message, "is not to be found") || len(first.Left())+len(i.Left()) > 0 {
		t.Errorf("it is %s: %s, and left %+v", i.Phase, i.Message, i.Left())
	}
	for _, p := range i.Processes {
		if p.PID != 0 {
			t.Errorf("it still names process %d", p.PID)
		}
	}
	out, err := command(t, dir, "topology", "status").CombinedOutput()
	if code(err) != 1 || !strings.Contains(string(out), "is not to be found") || strings.Contains(string(out), "starting") {
		t.Errorf("status: %v\n%s", err, out)
	}
}

// A supervisor that cannot be asked any more is ended all the same.
func TestTopologyMute(t *testing.T) {
	dir := up(t)
	i := instance(t, dir)
	if err := os.Remove(i.Socket); err != nil {
		t.Fatal(err)
	}
	out, err := command(t, dir, "topology", "up", "one").CombinedOutput()
	if code(err) != 1 || !strings.Contains(string(out), "plimsoll topology down one ends it") {
		t.Errorf("up: %v\n%s", err, out)
	}
	out, err = command(t, dir, "topology", "down", "one").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "Nothing of it runs") || i.Alive() || len(i.Left()) > 0 {
		t.Errorf("down: %v\n%s", err, out)
	}
}

// A file that no supervisor wrote hides only itself.
func TestTopologyBesideRubbish(t *testing.T) {
	dir := up(t)
	all := filepath.Join(dir, ".plimsoll", "topology")
	if err := os.WriteFile(filepath.Join(all, ".DS_Store"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := command(t, dir, "topology", "status").CombinedOutput(); err != nil {
		t.Errorf("status beside a file: %v\n%s", err, out)
	}
	if err := os.Mkdir(filepath.Join(all, "zz"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(all, "zz", "instance.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := command(t, dir, "topology", "status", "one").CombinedOutput(); err != nil || !strings.Contains(string(out), "ready") {
		t.Errorf("status one: %v\n%s", err, out)
	}
	out, err := command(t, dir, "topology", "status").CombinedOutput()
	if code(err) != 1 || !strings.Contains(string(out), "one-engine") || !strings.Contains(string(out), "zz/instance.json is not what a supervisor leaves") {
		t.Errorf("status: %v\n%s", err, out)
	}
	out, err = command(t, dir, "topology", "status", "-json").Output()
	if code(err) != 1 || !strings.Contains(string(out), `"unread"`) || !strings.Contains(string(out), "one-engine") {
		t.Errorf("status -json: %v\n%s", err, out)
	}
	out, err = command(t, dir, "topology", "down").CombinedOutput()
	if code(err) != 1 || !strings.Contains(string(out), "plimsoll topology down one") || !instance(t, dir).Alive() {
		t.Errorf("down: %v\n%s", err, out)
	}
	if out, err := command(t, dir, "topology", "down", "one").CombinedOutput(); err != nil {
		t.Errorf("down one: %v\n%s", err, out)
	}
}

// What is asked of a topology that runs is answered without looking at the machine,
// and what cannot be had is said: another number of restarts, or its port.
func TestTopologyRuns(t *testing.T) {
	dir := up(t)
	bin := filepath.Dir(engineFile(t))
	if err := os.WriteFile(filepath.Join(bin, "docker"), []byte("#!/bin/sh\n: > "+filepath.Join(bin, "looked")+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	out, err := command(t, dir, "topology", "up", "one", "--restarts", "3", "--model", "small").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "runs already") || !strings.Contains(string(out), "--restarts 0") {
		t.Errorf("up: %v\n%s", err, out)
	}
	if _, err := os.Stat(filepath.Join(bin, "looked")); err == nil {
		t.Error("it looked at the machine")
	}
	path := filepath.Join(dir, "t.hcl")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	text += strings.Replace(text[strings.Index(text, "topology "):], `"one"`, `"two"`, 1)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err = command(t, dir, "topology", "up", "two").CombinedOutput()
	if code(err) != 1 || !strings.Contains(string(out), "topology one has port") || !strings.Contains(string(out), "plimsoll topology down one") {
		t.Errorf("up two: %v\n%s", err, out)
	}
	if out, err := command(t, dir, "topology", "down", "one").CombinedOutput(); err != nil {
		t.Errorf("down: %v\n%s", err, out)
	}
	// What was named at the start is in what to do next.
	out, err = command(t, dir, "topology", "up", "two", "--model", "small").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "plimsoll topology bench --topology two --model small") {
		t.Errorf("up two: %v\n%s", err, out)
	}
	out, err = command(t, dir, "topology", "down", "two").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "plimsoll topology up two --model small") {
		t.Errorf("down two: %v\n%s", err, out)
	}
}

// more adds lines to the topology block of a project.
func more(t *testing.T, dir, lines string) {
	t.Helper()
	path := filepath.Join(dir, "t.hcl")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text, ok := strings.CutSuffix(string(raw), "}\n")
	if !ok {
		t.Fatalf("it does not end with a block:\n%s", raw)
	}
	if err := os.WriteFile(path, []byte(text+lines+"}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

func instance(t *testing.T, dir string) supervise.Instance {
	t.Helper()
	i, err := supervise.Read(supervise.Dir(filepath.Join(dir, ".plimsoll"), "one"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return i
}

// Whoever is killed with -9, nothing is left of what they started.
func TestTopologyKilled(t *testing.T) {
	dir := up(t)
	first := instance(t, dir)
	backends := children(first.PID)
	if len(backends) != 1 || len(first.Left()) != 1 {
		t.Fatalf("the supervisor has the backends %v and the servers %+v", backends, first.Left())
	}

	// The backend: its engines end, and the supervisor starts both again.
	if err := syscall.Kill(backends[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the end of the engine whose backend was killed", func() bool { return len(first.Left()) == 0 })
	waitFor(t, "a second launch", func() bool {
		i := instance(t, dir)
		return i.Launches == 2 && i.Phase == backend.Ready
	})

	// The supervisor: everything ends.
	second := instance(t, dir)
	if second.PID != first.PID || len(second.Left()) != 1 {
		t.Fatalf("the supervisor was %d and is %d, with %+v", first.PID, second.PID, second.Left())
	}
	backends = children(second.PID)
	if err := syscall.Kill(second.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the end of the backend", func() bool { return !runs(backends[0]) })
	waitFor(t, "the end of the engine", func() bool { return len(second.Left()) == 0 })
	out, err := command(t, dir, "topology", "status").CombinedOutput()
	if code(err) != 1 || !strings.Contains(string(out), "was killed, and its servers with it") {
		t.Errorf("status: %v\n%s", err, out)
	}

	// Another process that has the id of the supervisor by now is not taken for it.
	reused := second
	reused.PID = os.Getpid()
	if reused.Alive() {
		t.Error("this test is taken for a supervisor")
	}

	// What a dead supervisor left does not hold up the next one.
	if out, err := command(t, dir, "topology", "up", "one").CombinedOutput(); err != nil || !strings.Contains(string(out), "was killed") {
		t.Fatalf("up: %v\n%s", err, out)
	}
	third := instance(t, dir)
	if out, err := command(t, dir, "topology", "down").CombinedOutput(); err != nil || third.Alive() || len(third.Left()) > 0 {
		t.Errorf("down: %v\n%s", err, out)
	}
}

// A supervisor that is told to end by the system takes its servers along, in order.
func TestTopologyTerminated(t *testing.T) {
	dir := up(t)
	i := instance(t, dir)
	if err := syscall.Kill(i.PID, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the end of the supervisor", func() bool { return !i.Alive() })
	if left := i.Left(); len(left) > 0 {
		t.Errorf("left over: %+v", left)
	}
	log, err := os.ReadFile(filepath.Join(dir, ".plimsoll", "topology", "one", "one-engine.log"))
	if err != nil || !strings.Contains(string(log), "Shutting down") {
		t.Errorf("the engine was not told to end: %v\n%s", err, log)
	}
	if _, err := os.Stat(filepath.Join(dir, ".plimsoll", "topology", "one", "instance.json")); !os.IsNotExist(err) {
		t.Errorf("its file is still there: %v", err)
	}
}

// Two who start the same topology in the same moment get the same one.
func TestTopologyRace(t *testing.T) {
	dir := up(t)
	if out, err := command(t, dir, "topology", "down").CombinedOutput(); err != nil {
		t.Fatalf("down: %v\n%s", err, out)
	}
	type end struct {
		out []byte
		err error
	}
	ends := make(chan end, 3)
	for range cap(ends) {
		cmd := command(t, dir, "topology", "up", "one")
		go func() {
			out, err := cmd.CombinedOutput()
			ends <- end{out, err}
		}()
	}
	for range cap(ends) {
		if e := <-ends; e.err != nil {
			t.Errorf("up: %v\n%s", e.err, e.out)
		}
	}
	if i := instance(t, dir); i.Launches != 1 || i.Phase != backend.Ready {
		t.Errorf("it was launched %d times and is %s", i.Launches, i.Phase)
	}
}
