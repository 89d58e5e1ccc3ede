package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// python is the program that plays agents here.
func python(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil || runtime.GOOS == "windows" {
		t.Skip("there is no python3 here, which plays the agents of these tests")
	}
	return path
}

// agent is a runner, over real gRPC, of testdata/agent.py with some arguments.
func agent(t *testing.T, more map[string]any, args ...string) *backend.Harness {
	t.Helper()
	script, err := filepath.Abs(filepath.Join("testdata", "agent.py"))
	if err != nil {
		t.Fatal(err)
	}
	command := []any{python(t), script}
	for _, a := range args {
		command = append(command, a)
	}
	values := map[string]any{"command": command}
	for k, v := range more {
		values[k] = v
	}
	return backend.NewHarness(t, New, values)
}

func task(t *testing.T, prompt string) backend.Task {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"prompt": prompt, "input": map[string]any{"n": 1}})
	if err != nil {
		t.Fatal(err)
	}
	return backend.Task{Input: raw, Model: "small-1", Env: map[string]string{"PATH": os.Getenv("PATH"), "GIVEN": "yes"}}
}

func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// noTask fails when a task's folder was left behind.
func noTask(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Cleanup(func() {
		if left := tasks(t, dir); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
}

type echoed struct {
	Args  []string          `json:"args"`
	Stdin string            `json:"stdin"`
	Cwd   string            `json:"cwd"`
	Env   map[string]string `json:"env"`
	Files []string          `json:"files"`
	Skill []string          `json:"skill"`
}

func TestWhatAnAgentIsGiven(t *testing.T) {
	noTask(t)
	t.Setenv("DECLARED_KEY", "k")
	t.Setenv("OTHER_SECRET", "s")
	h := agent(t, map[string]any{"env": []any{"DECLARED_KEY"}},
		"echo", "-p", "{prompt}", "--model={model}", "{input_file}", "{prompt_file}", "{dir}", "{project}", "{input}", "{skill_dir}", `{"a": 1}`)
	tk := task(t, "do it; $(rm -rf /) `x` \"q\"\nnow")
	tk.Fixture = folder(t, map[string]string{"a.txt": "a", "deep/b.txt": "b"})
	skill := folder(t, map[string]string{"scripts/x.py": "print(1)", "items/a.json": "the answer"})
	var w map[string]any
	if err := json.Unmarshal(tk.Input, &w); err != nil {
		t.Fatal(err)
	}
	w["skill_dir"], w["skill_files"] = skill, []string{"scripts/x.py"}
	tk.Input, _ = json.Marshal(w)
	got, err := h.Execute(t.Context(), tk)
	if err != nil || got.ExitCode != 0 {
		t.Fatalf("%+v, %v", got, err)
	}
	var e echoed
	if err := json.Unmarshal([]byte(got.Text), &e); err != nil {
		t.Fatal(err)
	}
	project, _ := os.Getwd()
	if len(e.Args) != 10 || e.Args[1] != "do it; $(rm -rf /) `x` \"q\"\nnow" || e.Args[2] != "--model=small-1" || e.Args[6] != project || e.Args[7] != `{"n":1}` || e.Args[9] != `{"a": 1}` {
		t.Errorf("arguments: %q", e.Args)
	}
	if e.Stdin != "" {
		t.Errorf("standard input: %q", e.Stdin)
	}
	if real, _ := filepath.EvalSymlinks(tk.Fixture); e.Cwd == real || filepath.Base(e.Cwd) != "work" {
		t.Errorf("it works in %s", e.Cwd)
	}
	if !slices.Equal(e.Skill, []string{"scripts/x.py"}) {
		t.Errorf("of the skill it has %v", e.Skill)
	}
	if e.Args[8] == skill || !strings.HasSuffix(e.Args[8], "skill") {
		t.Errorf("the skill lies in %s", e.Args[8])
	}
	if !slices.Equal(e.Files, []string{"a.txt", "deep/b.txt"}) {
		t.Errorf("files: %v", e.Files)
	}
	if e.Env["DECLARED_KEY"] != "k" || e.Env["GIVEN"] != "yes" || e.Env["OTHER_SECRET"] != "" || e.Env["PLIMSOLL_BACKEND"] != "" {
		t.Errorf("environment: %v", e.Env)
	}
	if got.UsageKnown || got.CostKnown || got.Model != "" {
		t.Errorf("what it did not say is known: %+v", got)
	}
}

// Without a place for the prompt it is on standard input, whatever its size.
func TestPromptOnStandardInput(t *testing.T) {
	long := strings.Repeat("long ", 100_000)
	got, err := agent(t, nil, "echo", "{model}").Execute(t.Context(), task(t, long))
	var e echoed
	if err != nil || json.Unmarshal([]byte(got.Text), &e) != nil || e.Stdin != long {
		t.Errorf("%d bytes, %v", len(e.Stdin), err)
	}
	_, err = agent(t, nil, "echo", "{prompt}").Execute(t.Context(), task(t, long))
	if e := backend.AsError(err); e == nil || e.Code != backend.InvalidRequest || !strings.Contains(e.Message, "{prompt_file}") {
		t.Errorf("%v", err)
	}
}

func TestChangedFiles(t *testing.T) {
	noTask(t)
	tk := task(t, "x")
	tk.Fixture = folder(t, map[string]string{"keep.txt": "k\n", "gone.txt": "g", "same.txt": "s"})
	got, err := agent(t, nil, "edit").Execute(t.Context(), tk)
	if err != nil || got.Text != "edited" {
		t.Fatalf("%+v, %v", got, err)
	}
	var all []string
	for _, f := range got.Files {
		all = append(all, fmt.Sprintf("%s %s %d %q", f.Kind, f.Path, f.Size, f.Data))
	}
	want := []string{`removed gone.txt 0 ""`, `changed keep.txt 7 "k\nmore\n"`, `added new/deep/file.bin 3 "\x00\x01\xff"`}
	if !slices.Equal(all, want) {
		t.Errorf("%q", all)
	}
	if len(got.Log) != 1 || !strings.Contains(got.Log[0], "link is no regular file") {
		t.Errorf("the log says %q", got.Log)
	}
	if left, _ := os.ReadFile(filepath.Join(tk.Fixture, "keep.txt")); string(left) != "k\n" {
		t.Errorf("the fixture became %q", left)
	}
	if got, err := agent(t, nil, "readonly").Execute(t.Context(), task(t, "x")); err != nil || got.Text != "locked" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := agent(t, nil, "litter").Execute(t.Context(), task(t, "x")); err == nil || !strings.Contains(err.Error(), "10000 files") {
		t.Errorf("%v", err)
	}
}

// running tells whether a process is there and no zombie.
func running(pid int) bool {
	out, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && !strings.HasPrefix(strings.TrimSpace(string(out)), "Z")
}

func hasEnded(t *testing.T, file string) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(string(raw))
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if !running(pid) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("process %d still runs", pid)
}

func TestEnds(t *testing.T) {
	noTask(t)
	pid := filepath.Join(t.TempDir(), "pid")
	t.Run("hang", func(t *testing.T) {
		tk := task(t, "x")
		// Long, and a shell, so that it is up before the time is over on a busy machine.
		tk.Timeout = 10 * time.Second
		sleeper := map[string]any{"command": []any{"/bin/sh", "-c", "printf $$ >" + pid + "; sleep 600"}}
		got, err := agent(t, sleeper).Execute(t.Context(), tk)
		if err != nil || !got.TimedOut || got.ExitCode != -1 || got.UsageKnown {
			t.Errorf("%+v, %v", got, err)
		}
		hasEnded(t, pid)
	})
	t.Run("cancelled", func(t *testing.T) {
		_ = os.Remove(pid)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			for range 3000 {
				if raw, _ := os.ReadFile(pid); len(raw) > 0 {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			cancel()
		}()
		if _, err := agent(t, nil, "hang", pid).Execute(ctx, task(t, "x")); err == nil {
			t.Error("a cancelled task has a result")
		}
		hasEnded(t, pid)
	})
	t.Run("fork", func(t *testing.T) {
		_ = os.Remove(pid)
		got, err := agent(t, nil, "fork", pid).Execute(t.Context(), task(t, "x"))
		if err != nil || got.Text != "forked" {
			t.Errorf("%+v, %v", got, err)
		}
		hasEnded(t, pid)
	})
	t.Run("flood", func(t *testing.T) {
		if _, err := agent(t, nil, "flood").Execute(t.Context(), task(t, "x")); err == nil || !strings.Contains(err.Error(), "printed more than 32 MiB") {
			t.Errorf("%v", err)
		}
	})
	t.Run("waits for children", func(t *testing.T) {
		tk := task(t, "x")
		tk.Timeout = 20 * time.Second
		if got, err := agent(t, nil, "wait").Execute(t.Context(), tk); err != nil || got.Text != "alone" {
			t.Errorf("%+v, %v", got, err)
		}
	})
	t.Run("fail", func(t *testing.T) {
		got, err := agent(t, nil, "fail").Execute(t.Context(), task(t, "x"))
		if err != nil || got.ExitCode != 3 || !slices.Equal(got.Log, []string{"first", "last word"}) {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// TestHostIsKilled kills a process that executes a task, in the way that nobody
// can answer. The agent ends all the same, and the next start takes its folder
// away.
func TestHostIsKilled(t *testing.T) {
	python(t)
	pid := filepath.Join(t.TempDir(), "pid")
	if at := os.Getenv("PLIMSOLL_TEST_HOST"); at != "" {
		_, _ = agent(t, nil, "hang", at).Execute(t.Context(), task(t, "x"))
		return
	}
	host := exec.Command(os.Args[0], "-test.run=^TestHostIsKilled$")
	tmp := t.TempDir()
	host.Env = append(os.Environ(), "PLIMSOLL_TEST_HOST="+pid, "TMPDIR="+tmp)
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		if raw, _ := os.ReadFile(pid); len(raw) > 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Setenv("TMPDIR", tmp)
	if err := sweep(time.Now().Add(2 * stale)); err != nil || len(tasks(t, tmp)) != 1 {
		t.Errorf("of a task that runs %v is there, %v", tasks(t, tmp), err)
	}
	_ = host.Process.Kill()
	_ = host.Wait()
	hasEnded(t, pid)
	if err := sweep(time.Now()); err != nil || len(tasks(t, tmp)) != 1 {
		t.Fatalf("of a task that may have just begun %v is there, %v", tasks(t, tmp), err)
	}
	old := time.Now().Add(-2 * stale)
	if err := os.Chtimes(tasks(t, tmp)[0], old, old); err != nil {
		t.Fatal(err)
	}
	// Not a folder of ours, whatever its name says.
	file, link := filepath.Join(tmp, "plimsoll-task-file"), filepath.Join(tmp, "plimsoll-task-link")
	if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Chtimes(file, old, old), os.Symlink(t.TempDir(), link)); err != nil {
		t.Fatal(err)
	}
	if got, err := agent(t, nil, "echo").Execute(t.Context(), task(t, "x")); err != nil || got.ExitCode != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	if left := tasks(t, tmp); !slices.Equal(left, []string{file, link}) {
		t.Errorf("the next start left %v", left)
	}
}

func tasks(t *testing.T, tmp string) []string {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(tmp, "plimsoll-task-*"))
	if err != nil {
		t.Fatal(err)
	}
	return left
}

func TestProgramsThatAreNotThere(t *testing.T) {
	dir := folder(t, map[string]string{"plain.txt": "no program"})
	for name, want := range map[string]string{
		"no-such-agent":                   "no program \"no-such-agent\" on PATH",
		"./no-such-agent":                 "is not there",
		filepath.Join(dir, "plain.txt"):   "may not be executed",
		filepath.Join(dir, "absent", "x"): "is not there",
	} {
		h := backend.NewHarness(t, New, map[string]any{"command": []any{name, "{model}"}})
		_, err := h.Execute(t.Context(), task(t, "x"))
		if e := backend.AsError(err); e == nil || e.Code != backend.InvalidRequest || !strings.Contains(e.Message, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	h := agent(t, map[string]any{"env": []any{"SURELY_NOT_SET_HERE"}}, "echo")
	if _, err := h.Execute(t.Context(), task(t, "x")); err == nil || !strings.Contains(err.Error(), "SURELY_NOT_SET_HERE") {
		t.Errorf("%v", err)
	}
	tk := task(t, "x")
	tk.Fixture = filepath.Join(dir, "absent")
	if _, err := agent(t, nil, "echo").Execute(t.Context(), tk); err == nil || !strings.Contains(err.Error(), "fixture cannot be copied") {
		t.Errorf("%v", err)
	}
}

func TestGenerateIsRefused(t *testing.T) {
	_, err := backend.Collect(t.Context(), agent(t, nil, "echo"), message.Request{Model: "m", Messages: []message.Message{message.Text(message.User, "x")}})
	if e := backend.AsError(err); e == nil || e.Code != backend.InvalidRequest || !strings.Contains(e.Message, "runner block") {
		t.Errorf("%v", err)
	}
}
