//go:build unix

package plugin

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || !strings.Contains(string(stat), ") Z ") // a zombie only waits for its parent
}

func gone(t *testing.T, pid int, within time.Duration) {
	t.Helper()
	for deadline := time.Now().Add(within); alive(pid); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			t.Fatalf("process %d is still there after %s", pid, within)
		}
	}
}

func pidOf(t *testing.T, c *Client) int {
	t.Helper()
	pid, err := strconv.Atoi(told(t, c, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// freeze stops a process, and waits for it: the signal takes its time.
func freeze(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for range 500 {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if strings.Contains(string(stat), ") T ") {
			return
		}
		time.Sleep(10 * time.Millisecond)
		if err != nil { // no /proc on this system
			time.Sleep(300 * time.Millisecond)
			return
		}
	}
	t.Fatalf("process %d does not stop", pid)
}

func wantLost(t *testing.T, err error, code backend.ErrorCode, parts ...string) {
	t.Helper()
	var lost *backend.LostError
	if !errors.As(err, &lost) || backend.AsError(err).Code != code {
		t.Fatalf("want a lost call with code %s, got %v", code, err)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("the error lacks %q: %v", p, err)
		}
	}
}

func TestKilledInTheMiddle(t *testing.T) {
	c := client(t, newManager(t), Spec{})
	pid := pidOf(t, c)
	sink := &onText{f: func() { _ = syscall.Kill(pid, syscall.SIGKILL) }}
	err := c.Generate(t.Context(), say("wait"), sink)
	wantLost(t, err, backend.Unavailable, `plugin "player" ended by itself (signal: killed)`)
	if !backend.AsError(err).Retryable {
		t.Error("a crash is not called retryable")
	}
	if again := pidOf(t, c); again == pid {
		t.Error("the dead process answers")
	}
	if s := c.status(); s.Launches != 2 || s.Failures != 0 || s.State != Running {
		t.Errorf("after the restart: %+v", s)
	}
}

func TestPanicIsShown(t *testing.T) {
	c := client(t, newManager(t), Spec{Env: []string{"API_KEY"}})
	_, err := backend.Collect(t.Context(), c, say("panic value-of-API_KEY"))
	wantLost(t, err, backend.Unavailable, `plugin "player"`, "exit status 2", "panic: the boiler is empty: [API_KEY]", "goroutine")
	if lines := strings.Count(err.Error(), "\n"); lines > tailLines {
		t.Errorf("the error has %d lines", lines)
	}
}

func TestDeadlineOfADeafPlugin(t *testing.T) {
	c := client(t, newManager(t), Spec{})
	pid := pidOf(t, c)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	err := c.Generate(ctx, say("deaf"), &backend.Collector{})
	wantLost(t, err, backend.Cancelled, "did not answer")
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("a deadline of 200 ms took %s", took)
	}
	if pidOf(t, c) != pid {
		t.Error("a plugin that still answers others was replaced")
	}
}

// A process that is stopped cannot answer anything; waiting for it again and
// again would make every call of the night a timeout.
func TestStuckPluginIsReplaced(t *testing.T) {
	c := client(t, newManager(t), Spec{})
	pid := pidOf(t, c)
	freeze(t, pid)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	wantLost(t, c.Generate(ctx, say("echo x"), &backend.Collector{}), backend.Cancelled)
	gone(t, pid, 10*time.Second)
	if again := pidOf(t, c); again == pid {
		t.Error("the stuck process answers")
	}
}

func TestCloseEndsAStuckPlugin(t *testing.T) {
	m := newManager(t)
	pid := pidOf(t, client(t, m, Spec{}))
	freeze(t, pid)
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	gone(t, pid, time.Second)
}

func TestFloodIsCutOff(t *testing.T) {
	c := client(t, newManager(t), Spec{})
	_, err := backend.Collect(t.Context(), c, say("flood"))
	if e := backend.AsError(err); e == nil || !strings.Contains(e.Message, "floods") {
		t.Errorf("a flood ends with %v", err)
	}
	if got := told(t, c, "echo still here"); got != "still here" {
		t.Errorf("after the flood: %q", got)
	}
	if got := told(t, c, "babble"); got != "quiet" {
		t.Errorf("after the babble: %q", got)
	}
	printed := c.proc.tail
	printed.mu.Lock()
	defer printed.mu.Unlock()
	if n := len(printed.buf); n > tailBytes || n == 0 {
		t.Errorf("the tail holds %d bytes", n)
	}
}

// go-plugin waits for the output of a plugin to end, which its children can
// prevent for ever.
func TestGrandchildrenEndWithTheirParent(t *testing.T) {
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Skip("no sleep on this machine")
	}
	c := client(t, newManager(t), Spec{})
	grandchild, err := strconv.Atoi(told(t, c, "bear "+sleep))
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	err = c.Generate(t.Context(), say("exit"), &backend.Collector{})
	wantLost(t, err, backend.Unavailable, "exit status 7")
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("noticing the end took %s", took)
	}
	gone(t, grandchild, 2*time.Second)
	if got := told(t, c, "echo x"); got != "x" {
		t.Errorf("after it: %q", got)
	}
}

func TestNoOrphanAfterTheHostIsKilled(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	host := exec.Command(self, "host", t.TempDir())
	host.Stderr = os.Stderr
	out, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	number, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	sockets, child, born := strings.Cut(rest, " ")
	pid, err := strconv.Atoi(number)
	if err != nil || !alive(pid) {
		t.Fatalf("no plugin to watch: %q, %v", line, err)
	}
	if err := host.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = host.Wait()
	gone(t, pid, 5*time.Second)
	if grandchild, err := strconv.Atoi(child); born && (err != nil || grandchild < 2) {
		t.Errorf("no child of the plugin to watch: %q", line)
	} else if born {
		gone(t, grandchild, 5*time.Second)
	}
	if _, err := os.Stat(sockets); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the sockets' folder %s is left behind: %v", sockets, err)
	}
}

func TestCircuitOpensAndSaysWhy(t *testing.T) {
	m := newManager(t)
	c := client(t, m, Spec{Plugin: "dead"})
	var err error
	for range 3 {
		_, err = backend.Collect(t.Context(), c, say("echo x"))
		var lost *backend.LostError
		if e := backend.AsError(err); e.Code != backend.Unavailable || errors.As(err, &lost) {
			t.Fatalf("a launch that fails is %v", err)
		}
		if !strings.Contains(err.Error(), "cannot find the model server") || !strings.Contains(err.Error(), "exit status 3") {
			t.Fatalf("the error does not say why: %v", err)
		}
	}
	if s := c.status(); s.State != Open || s.Failures != 3 {
		t.Errorf("after three failures: %+v", s)
	}
	start := time.Now()
	_, err = backend.Collect(t.Context(), c, say("echo x"))
	e := backend.AsError(err)
	if e.Code != backend.Unavailable || e.RetryAfter <= 0 || !strings.Contains(e.Message, "3 times in a row") || time.Since(start) > time.Second {
		t.Errorf("while the circuit is open: %+v", e)
	}
}

func TestSilentPluginDoesNotHangTheLaunch(t *testing.T) {
	m := newManager(t, func(c *Config) { c.StartTimeout = 300 * time.Millisecond })
	c := client(t, m, Spec{Plugin: "mute"})
	start := time.Now()
	if _, err := backend.Collect(t.Context(), c, say("echo x")); err == nil {
		t.Error("it answered")
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("giving up took %s", took)
	}
}

func TestCallerCanGiveUpDuringLaunch(t *testing.T) {
	c := client(t, newManager(t), Spec{Plugin: "mute"})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := backend.Collect(ctx, c, message.Request{})
	if backend.AsError(err).Code != backend.Cancelled || time.Since(start) > 5*time.Second {
		t.Errorf("%v after %s", err, time.Since(start))
	}
	if c.status().Failures != 0 {
		t.Error("giving up counts as a crash of the plugin")
	}
}

// A plugin that dies in every call is not launched again at full speed.
func TestCrashLoopIsSlowedDown(t *testing.T) {
	m := newManager(t, func(c *Config) { c.Restart = Restart{Min: 150 * time.Millisecond, Max: time.Minute, Trips: 3} })
	c := client(t, m, Spec{})
	start := time.Now()
	for range 3 {
		wantLost(t, c.Generate(t.Context(), say("exit"), &backend.Collector{}), backend.Unavailable, "exit status 7")
	}
	if took := time.Since(start); took < 450*time.Millisecond {
		t.Errorf("three crashes with waits of 150 and 300 ms between them took %s", took)
	}
	_, err := backend.Collect(t.Context(), c, say("echo x"))
	if !strings.Contains(err.Error(), "3 times in a row") {
		t.Errorf("after three crashes: %v", err)
	}
}

// Close during a launch waits for nothing and leaves nothing.
func TestCloseDuringALaunch(t *testing.T) {
	m := newManager(t)
	c := client(t, m, Spec{Plugin: "mute"})
	failed := make(chan error, 1)
	go func() {
		_, err := backend.Collect(context.Background(), c, say("echo x"))
		failed <- err
	}()
	for c.m.socketsMade() == "" {
		time.Sleep(time.Millisecond)
	}
	start := time.Now()
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if err := <-failed; !errors.Is(err, ErrClosed) {
		t.Errorf("the call ended with %v", err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("Close took %s", took)
	}
}

func (m *Manager) socketsMade() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sockets
}
