//go:build linux || darwin

package supervise

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/topology/plan"
	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

func somePlan() plan.Plan {
	return plan.Plan{
		Format: 1, Name: "t", Engine: "vllm", Version: "0.24", Runtime: "process", Model: "m", Endpoints: []string{"http://127.0.0.1:8000"}, Seconds: 600,
		Processes: []plan.Process{
			{Name: "t-engine", Role: plan.Engine, Command: []string{"vllm", "serve", "m", "--port", "8001"}, Env: map[string]string{"A": "1"}, Port: 8001, Seconds: 600},
			{Name: "t-proxy", Role: plan.Front, Command: []string{"vllm-router", "--worker-startup-timeout-secs", "600", "--port", "8000"}, Port: 8000, Seconds: 60},
		},
	}
}

// The same topology is the same plan, however long its start may take this time;
// whatever else changes makes it another.
func TestDigest(t *testing.T) {
	of := func(change func(*plan.Plan)) string {
		p := somePlan()
		change(&p)
		d, err := Digest(p)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	first := of(func(*plan.Plan) {})
	for name, change := range map[string]func(*plan.Plan){
		"patience": func(p *plan.Plan) {
			p.Seconds, p.Processes[0].Seconds = 1800, 1800
			p.Processes[0].Env["VLLM_ENGINE_READY_TIMEOUT_S"] = "1800"
			p.Processes[1].Command[2] = "1800"
		},
		"notes": func(p *plan.Plan) { p.Notes = []string{"the cache is warm"} },
	} {
		if of(change) != first {
			t.Errorf("%s makes it another plan", name)
		}
	}
	for name, change := range map[string]func(*plan.Plan){
		"command":  func(p *plan.Plan) { p.Processes[0].Command[4] = "8002" },
		"env":      func(p *plan.Plan) { p.Processes[0].Env["A"] = "2" },
		"model":    func(p *plan.Plan) { p.Model = "n" },
		"endpoint": func(p *plan.Plan) { p.Endpoints[0] = "http://127.0.0.1:9000" },
		"less":     func(p *plan.Plan) { p.Processes = p.Processes[:1] },
	} {
		if of(change) == first {
			t.Errorf("another %s is the same plan", name)
		}
	}
}

// A process is told by its id and its birth: the id alone may be another's by now.
func TestBorn(t *testing.T) {
	own := born(os.Getpid())
	if own == "" || own != born(os.Getpid()) || own == born(os.Getppid()) {
		t.Fatalf("born %q, its parent %q", own, born(os.Getppid()))
	}
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	i := Instance{PID: cmd.Process.Pid, Born: born(cmd.Process.Pid)}
	if !i.Alive() {
		t.Error("a process that runs is not alive")
	}
	other := i
	other.Born = own
	if other.Alive() {
		t.Error("another birth under the same id is believed")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); i.Alive() && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
	}
	if i.Alive() {
		t.Error("a zombie is alive")
	}
	_ = cmd.Wait()
	if i.Alive() || born(0) != "" || born(-1) != "" {
		t.Error("a process that has ended is alive")
	}
}

// What a dead supervisor left is taken away: its files, and processes that are
// really its own.
func TestClear(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "one")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sleep", "1000")
	detach(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = cmd.Wait() }()
	i := Instance{
		Format: format, Name: "one", PID: os.Getpid(), Born: "another", Phase: backend.Ready,
		Processes: []Process{{Name: "left", PID: cmd.Process.Pid, Born: born(cmd.Process.Pid)}, {Name: "reused", PID: os.Getpid(), Born: "another"}},
	}
	if err := i.write(dir); err != nil {
		t.Fatal(err)
	}
	read, err := Read(dir)
	if err != nil || len(read.Left()) != 1 {
		t.Fatalf("it left %+v, %v", read.Left(), err)
	}
	if err := Clear(dir, read); err != nil {
		t.Fatal(err)
	}
	if len(read.Left()) != 0 {
		t.Error("it is still there")
	}
	if _, err := Read(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("its file: %v", err)
	}
	alive := Instance{Name: "one", PID: os.Getpid(), Born: born(os.Getpid())}
	if err := Clear(dir, alive); err == nil {
		t.Error("a live instance is cleared away")
	}
}

// Files that no supervisor wrote are refused with what to do, and hide no others.
func TestReadRefuses(t *testing.T) {
	state := t.TempDir()
	for name, text := range map[string]string{"bad": "{", "empty": "{}", "newer": `{"format":2,"name":"newer"}`, "good": `{"format":1,"name":"good"}`} {
		dir := Dir(state, name)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, recordName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(state, Folder, ".DS_Store"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := List(state)
	if err != nil && strings.Contains(err.Error(), "DS_Store") {
		t.Errorf("a file is taken for an instance: %v", err)
	}
	if len(all) != 1 || all[0].Name != "good" || err == nil || !strings.Contains(err.Error(), "remove it") || !strings.Contains(err.Error(), "with the version that started it") {
		t.Errorf("listed %+v, %v", all, err)
	}
	if all, err := List(filepath.Join(state, "none")); len(all) != 0 || err != nil {
		t.Errorf("of nothing: %v %v", all, err)
	}
}

// The socket is this user's alone, takes one question a connection, and a path that
// is too long for one is no obstacle.
func TestSocket(t *testing.T) {
	for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), strings.Repeat("long", 30))} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		l, err := listen(dir)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go serve(c, func(r request) answer {
					if r.Op != "status" {
						return answer{Error: "no"}
					}
					return answer{Report: &Report{Instance: Instance{Name: "one"}}}
				})
			}
		}()
		i := Instance{Socket: l.Addr().String()}
		info, err := os.Stat(i.Socket)
		if err != nil || info.Mode().Perm() != 0o600 || len(i.Socket) > maxPath {
			t.Errorf("%s is %v, %v", i.Socket, info.Mode(), err)
		}
		if r, err := Status(t.Context(), i); err != nil || r.Name != "one" {
			t.Errorf("status: %+v %v", r, err)
		}
		if _, err := Metrics(t.Context(), i); err == nil || err.Error() != "no" {
			t.Errorf("a refusal: %v", err)
		}
		_ = l.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		if _, err := Status(ctx, i); !errors.Is(err, ErrGone) {
			t.Errorf("nobody: %v", err)
		}
		cancel()
		elsewhere(i.Socket)
	}
}

// speaking is a folder of an instance that this test is the supervisor of.
func speaking(t *testing.T, reply func(request) answer) (string, Instance) {
	t.Helper()
	dir := t.TempDir()
	l, err := listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c, reply)
		}
	}()
	return dir, Instance{Format: format, Name: "one", PID: os.Getpid(), Born: born(os.Getpid()), Socket: l.Addr().String(), Phase: backend.Ready}
}

// Who comes a moment too late waits for the instance of whoever was earlier, also
// when that is written down only after the own supervisor has ended.
func TestStartTaken(t *testing.T) {
	dir, i := speaking(t, func(request) answer { return answer{Report: &Report{}} })
	go func() {
		time.Sleep(500 * time.Millisecond)
		if err := i.write(dir); err != nil {
			t.Error(err)
		}
	}()
	got, err := Start(t.Context(), Spawn{Self: "/bin/sh", Args: []string{"-c", "exit 75"}, Dir: dir, Order: Order{Name: "one"}})
	if err != nil || got.PID != i.PID {
		t.Errorf("it got %+v, %v", got, err)
	}
}

// A question to a supervisor that has ended is none to the next one at its place.
func TestPlaceTaken(t *testing.T) {
	s := &supervisor{stop: make(chan time.Duration, 1), ended: make(chan struct{})}
	_, i := speaking(t, s.reply)
	if _, err := Status(t.Context(), i); err != nil {
		t.Errorf("it does not know itself: %v", err)
	}
	cmd := exec.Command("true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	i.PID, i.Born = cmd.Process.Pid, "long ago"
	if _, err := Status(t.Context(), i); !errors.Is(err, ErrGone) {
		t.Errorf("another one answers for it: %v", err)
	}
	if err := Stop(t.Context(), i, 0); err != nil {
		t.Errorf("one that has ended is not stopped: %v", err)
	}
	if len(s.stop) > 0 {
		t.Error("the next one was stopped")
	}
}

// A supervisor does not go before everybody has their answer.
func TestHangUp(t *testing.T) {
	s := &supervisor{stop: make(chan time.Duration, 1), ended: make(chan struct{}), instance: Instance{Name: "one"}}
	l, err := listen(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	go s.answer(l)
	i := Instance{PID: os.Getpid(), Born: "long ago", Socket: l.Addr().String()}
	asked := make(chan error, 1)
	go func() {
		_, err := ask(t.Context(), i, request{Op: "stop"})
		asked <- err
	}()
	<-s.stop
	close(s.ended)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	s.hangUp()
	if s.replies.Wait(); <-asked != nil {
		t.Error("it went without an answer")
	}
}

// A supervisor that is there and mute is ended all the same: one that takes a signal,
// one that somebody stopped, and one that is deaf.
func TestForce(t *testing.T) {
	for name, c := range map[string]struct {
		script string
		do     func(pid int)
	}{
		"obedient": {"echo up; exec sleep 1000", func(int) {}},
		"stopped":  {"echo up; exec sleep 1000", func(pid int) { _ = syscall.Kill(pid, syscall.SIGSTOP) }},
		"deaf":     {"trap '' TERM; echo up; sleep 1000 & while :; do wait; sleep 0.1; done", func(int) {}},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command("/bin/sh", "-c", c.script)
			detach(cmd)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(out, make([]byte, 3)); err != nil {
				t.Fatal(err)
			}
			go func() { _ = cmd.Wait() }()
			t.Cleanup(func() { killGroup(cmd.Process.Pid) })
			dir := t.TempDir()
			i := Instance{Format: format, Name: "one", PID: cmd.Process.Pid, Born: born(cmd.Process.Pid), Phase: backend.Ready, Socket: filepath.Join(dir, "none")}
			if err := i.write(dir); err != nil {
				t.Fatal(err)
			}
			c.do(i.PID)
			patience := time.Minute
			if name == "deaf" {
				patience = 300 * time.Millisecond
			}
			if err := Force(t.Context(), dir, i, patience); err != nil || i.Alive() {
				t.Errorf("it is alive: %v, %v", i.Alive(), err)
			}
			if _, err := Read(dir); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("its file: %v", err)
			}
			if err := Force(t.Context(), dir, i, patience); err == nil {
				t.Error("one that has ended is forced")
			}
		})
	}
}

// A mute supervisor does not hold up whoever ends it.
func TestEndOfMute(t *testing.T) {
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = cmd.Wait() }()
	dir := t.TempDir()
	i := Instance{Format: format, Name: "one", PID: cmd.Process.Pid, Born: born(cmd.Process.Pid), Phase: backend.Ready, Socket: filepath.Join(dir, "deleted")}
	if forced, err := End(t.Context(), dir, i, 0); err != nil || !forced || i.Alive() {
		t.Errorf("forced %v, alive %v, %v", forced, i.Alive(), err)
	}
}

// A port is an instance's as long as something of it runs.
func TestHolds(t *testing.T) {
	i := Instance{PID: os.Getpid(), Born: born(os.Getpid()), Phase: backend.Starting, Ports: []int{8000, 8001}}
	failed, rest, dead := i, i, i
	failed.Phase = backend.Failed
	rest.Phase, rest.Processes = backend.Failed, []Process{{PID: os.Getpid(), Born: born(os.Getpid())}}
	dead.Born = "long ago"
	if !i.Holds(8001) || i.Holds(8002) || failed.Holds(8000) || !rest.Holds(8000) || dead.Holds(8000) {
		t.Error("it has a port that it does not have, or the other way round")
	}
}

// Pauses grow, and end at half a minute.
func TestPauses(t *testing.T) {
	for deaths, want := range []time.Duration{0, 0, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 30 * time.Second, 30 * time.Second} {
		if got := pauseAfter(deaths); got != want {
			t.Errorf("after %d deaths it waits %s, not %s", deaths, got, want)
		}
	}
	if pauseAfter(1000) != longestPause {
		t.Error("it waits longer")
	}
}

// Processes of a backend that died have no ids any more; one that runs on keeps its.
func TestWithout(t *testing.T) {
	all := []Process{{Name: "a", PID: 1 << 30, Born: "x", Phase: backend.Ready}, {Name: "b", PID: os.Getpid(), Born: born(os.Getpid()), Phase: backend.Ready}}
	got := without(all, backend.Starting)
	if got[0].PID != 0 || got[0].Phase != backend.Starting || got[1].PID != os.Getpid() || all[0].PID == 0 {
		t.Errorf("it leaves %+v of %+v", got, all)
	}
}

func TestReadOrder(t *testing.T) {
	for _, bad := range []string{"", "{", `{"name":""}`, `{"name":"../x"}`, `{"name":".."}`} {
		if _, err := ReadOrder(strings.NewReader(bad)); err == nil {
			t.Errorf("%q is taken for an order", bad)
		}
	}
	if o, err := ReadOrder(strings.NewReader(`{"name":"one","restarts":2}`)); err != nil || o.Name != "one" || o.Restarts != 2 {
		t.Errorf("read %+v, %v", o, err)
	}
}

// FuzzRead: whatever stands in the file, it is read or refused.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"format":1,"name":"one","pid":1,"born":"x","processes":[{"pid":-1}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, recordName), text, 0o600); err != nil {
			t.Fatal(err)
		}
		if i, err := Read(dir); err == nil && (i.Name == "" || i.Alive() && i.PID != os.Getpid()) {
			t.Errorf("it reads %+v", i)
		}
	})
}
