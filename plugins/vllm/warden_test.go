package vllm

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// orphan launches a plan with a backend of its own, and then has the backend be
// gone, as the kernel would after kill -9: its pipe to the warden ends.
func orphan(t *testing.T, p backend.Plan) (*fleet, *instance) {
	t.Helper()
	f := newFleet(t.TempDir(), 0)
	if _, err := f.Launch(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	i := f.find("p")
	await(t, "ready", func() bool { return i.status().Phase == backend.Ready })
	f.warden.mu.Lock()
	defer f.warden.mu.Unlock()
	if err := f.warden.in.Close(); err != nil {
		t.Fatal(err)
	}
	return f, i
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it is not %s", what)
		}
	}
}

// When the backend is gone its warden kills every engine and what they started, deaf
// ones too.
func TestNothingIsLeft(t *testing.T) {
	engineOnPath(t)
	deaf := server(t, "deaf", "--fake-deaf")
	deaf.Command = []string{"sh", "-c", "trap '' TERM INT HUP; sleep 1000 & vllm " + strings.Join(deaf.Command[1:], " ") + "; sleep 1000"}
	f, i := orphan(t, planOf(t, server(t, "a"), deaf))
	await(t, "over", func() bool { return i.status().Processes[0].PID == 0 && i.status().Processes[1].PID == 0 })
	if s := i.status(); s.Phase != backend.Failed {
		t.Errorf("it is %s", s.Phase)
	}
	if err := f.Stop(t.Context(), "p", 0); err != nil {
		t.Error(err)
	}
}

// A warden that somebody kills is followed by another, which knows the engines that
// run.
func TestWardenKilled(t *testing.T) {
	engineOnPath(t)
	f := newFleet(t.TempDir(), 0)
	if _, err := f.Launch(t.Context(), planOf(t, server(t, "a"))); err != nil {
		t.Fatal(err)
	}
	i := f.find("p")
	await(t, "ready", func() bool { return i.status().Phase == backend.Ready })
	pid := func() int {
		f.warden.mu.Lock()
		defer f.warden.mu.Unlock()
		if f.warden.cmd == nil {
			return 0
		}
		return f.warden.cmd.Process.Pid
	}
	first := pid()
	kill(first)
	await(t, "followed by another warden", func() bool { return pid() != first && pid() != 0 })
	if s := i.status(); s.Phase != backend.Ready {
		t.Errorf("the engine is %s", s.Phase)
	}
	f.warden.mu.Lock()
	err := f.warden.in.Close() // as when the backend is gone
	f.warden.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	await(t, "over", func() bool { return i.status().Processes[0].PID == 0 })
	if err := f.Stop(t.Context(), "p", 0); err != nil {
		t.Error(err)
	}
}

// podman is a program that acts as the two commands of a plan: what it runs does not
// end when its client does.
const podman = `#!/bin/sh
case $1 in
run)
  while [ "$1" != --name ]; do shift; done
  name=$2
  while [ "$1" != --entrypoint ]; do shift; done
  program=$2; shift 3
  if [ -e "$HOME/$name" ]; then echo "Error: the container name \"$name\" is already in use" >&2; exit 125; fi
  setsid "$program" "$@" &
  echo $! > "$HOME/$name"
  wait ;;
stop)
  echo "$@" >> "$HOME/stops"
  for name; do :; done
  [ -e "$HOME/$name" ] || exit 1
  kill "$(cat "$HOME/$name")"; rm -f "$HOME/$name" ;;
esac
`

func container(t *testing.T, name string) (process, string) {
	t.Helper()
	engineOnPath(t)
	if _, ok := find("setsid", environment(nil)); !ok {
		t.Skip("there is no setsid here")
	}
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, "podman"), []byte(podman), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", home)
	t.Setenv("PATH", home+":"+os.Getenv("PATH"))
	x := server(t, name)
	x.Command = append([]string{"podman", "run", "--rm", "--name", name, "--env", "A=it's \"here\" $x", "--entrypoint", "vllm", "image@sha256:0"}, x.Command[1:]...)
	x.Stop = []string{"podman", "stop", "--time", "30", name}
	return x, home
}

func engineOf(t *testing.T, home, name string) int64 {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(home, name))
	var pid int64
	if err == nil {
		_, err = fmt.Sscan(string(raw), &pid)
	}
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// A container is ended by the plan's own command: when it is told to, when its
// client is gone, and when the backend is gone.
func TestContainers(t *testing.T) {
	t.Run("stop", func(t *testing.T) {
		x, home := container(t, "c")
		h := newBackend(t, nil)
		launch(t, h, planOf(t, x))
		until(t, h, backend.Ready)
		pid := engineOf(t, home, "c")
		if err := h.Stop(t.Context(), "p", 10*time.Second); err != nil {
			t.Fatal(err)
		}
		if stops, err := os.ReadFile(filepath.Join(home, "stops")); err != nil || !strings.HasPrefix(string(stops), "stop --time 30 c\n") {
			t.Errorf("it was stopped by %q: %v", stops, err)
		}
		await(t, "over", func() bool { return !alive(pid) })
	})
	t.Run("client gone", func(t *testing.T) {
		x, home := container(t, "c")
		h := newBackend(t, nil)
		launch(t, h, planOf(t, x))
		s := until(t, h, backend.Ready)
		pid := engineOf(t, home, "c")
		kill(int(s.Processes[0].PID))
		until(t, h, backend.Failed)
		await(t, "over", func() bool { return !alive(pid) })
	})
	t.Run("backend gone", func(t *testing.T) {
		x, home := container(t, "c")
		f, i := orphan(t, planOf(t, x))
		pid := engineOf(t, home, "c")
		await(t, "over", func() bool { return !alive(pid) && i.status().Processes[0].PID == 0 })
		if err := f.Stop(t.Context(), "p", 0); err != nil {
			t.Error(err)
		}
	})
	t.Run("name in use", func(t *testing.T) {
		x, home := container(t, "c")
		if err := os.WriteFile(filepath.Join(home, "c"), []byte("999999999\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		h := newBackend(t, nil)
		launch(t, h, planOf(t, x))
		if s := until(t, h, backend.Failed); !strings.Contains(s.Message, "a container of this name is still there") {
			t.Errorf("it says %q", s.Message)
		}
	})
}

// A program that is not there is refused before anything is started, and so is a
// port that is taken.
func TestBeforeTheStart(t *testing.T) {
	engineOnPath(t)
	h := newBackend(t, nil)
	x := server(t, "a")
	x.Command[0] = "no-such-engine"
	if _, err := h.Launch(t.Context(), planOf(t, x)); err == nil || backend.AsError(err).Code != backend.InvalidRequest || !strings.Contains(err.Error(), `"no-such-engine" of a is not to be found`) {
		t.Errorf("a program that is not there: %v", err)
	}
	first, second := server(t, "a"), server(t, "b")
	second.Port, second.Ready = first.Port, first.Ready
	second.After = []string{"a"}
	launch(t, h, planOf(t, first, second))
	if s := until(t, h, backend.Failed); !strings.Contains(s.Message, "is taken by another program") || !strings.Contains(s.Message, "b was not started") {
		t.Errorf("it says %q", s.Message)
	}
}

// A server that is attached to is asked, and neither started nor stopped.
func TestAttach(t *testing.T) {
	engineOnPath(t)
	h := newBackend(t, nil)
	x := server(t, "theirs")
	launch(t, h, planOf(t, x))
	until(t, h, backend.Ready)
	other := newBackend(t, nil)
	doc := fmt.Sprintf(`{"format":1,"name":"p","runtime":"attach","model":"m","endpoints":[%q]}`, strings.TrimSuffix(x.Ready, "/health"))
	launch(t, other, backend.Plan{ID: "p", Model: "m", Document: []byte(doc)})
	if s := until(t, other, backend.Ready); len(s.Processes) != 0 {
		t.Errorf("it has processes: %+v", s.Processes)
	}
	if m, err := other.Metrics(t.Context(), "p"); err != nil || len(m.Gauges) == 0 {
		t.Errorf("its metrics: %v %v", m, err)
	}
	if err := other.Stop(t.Context(), "p", 0); err != nil {
		t.Error(err)
	}
	if s, err := h.Status(t.Context(), "p"); err != nil || s.Phase != backend.Ready {
		t.Errorf("the server is %s, %v", s.Phase, err)
	}
}
