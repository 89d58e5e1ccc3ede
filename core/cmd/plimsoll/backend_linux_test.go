package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// children are the processes that a process started, as Linux tells them.
func children(pid int) []int {
	var out []int
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			continue // the thread has ended meanwhile
		}
		for _, field := range strings.Fields(string(data)) {
			if n, err := strconv.Atoi(field); err == nil {
				out = append(out, n)
			}
		}
	}
	return out
}

// disturbed starts a night and sends its backends a signal once it has measured
// something.
func disturbed(t *testing.T, dir string, signal syscall.Signal) (*exec.Cmd, *bytes.Buffer, []int) {
	t.Helper()
	cmd, out := command(t, dir, "nightly"), &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the first evidence", func() bool {
		_, err := os.Stat(filepath.Join(dir, "evidence", "greet.jsonl"))
		return err == nil
	})
	backends := children(cmd.Process.Pid)
	if len(backends) == 0 {
		t.Fatal("no backend runs")
	}
	for _, pid := range backends {
		if err := syscall.Kill(pid, signal); err != nil {
			t.Fatalf("sending %v to the backend: %v", signal, err)
		}
	}
	return cmd, out, backends
}

// A backend that is killed in the middle of a night is started again; what it
// was asked is asked again, and the night comes to what it would have come to.
func TestKilledBackend(t *testing.T) {
	calm, dir := tempProject(t, usual, "greet", "salute"), tempProject(t, usual, "greet", "salute")
	for _, d := range []string{calm, dir} {
		// A lost call costs its bound, more than the budget of this night.
		edit(t, filepath.Join(d, "plimsoll.hcl"), "  budget   = 5\n", "  budget   = 1000\n")
	}
	night(t, calm, "nightly")
	cmd, out, _ := disturbed(t, dir, syscall.SIGKILL)
	if err := cmd.Wait(); err != nil {
		t.Fatalf("the night: %v\n%s", err, out.String())
	}
	night(t, dir, "nightly") // picks up what an outage may have left open
	sameFiles(t, calm, dir, "cost", "unsure")
	boughtOnce(t, calm, dir)
	night(t, dir, "audit", "verify")
}

// A lost call costs its bound, which can be more than the night may spend: the
// night ends in order, and the next one goes on at the usual price.
func TestKilledBackendOverspends(t *testing.T) {
	dir := tempProject(t, 6*usual, "greet") // calls so long that the signal meets some
	edit(t, filepath.Join(dir, "plimsoll.hcl"), "  budget   = 5\n", "  budget   = 0.5\n")
	cmd, out, _ := disturbed(t, dir, syscall.SIGKILL)
	if err := cmd.Wait(); err != nil {
		t.Fatalf("the night: %v\n%s", err, out.String())
	}
	if !strings.Contains(out.String(), "the budget is used up") {
		t.Fatalf("no call was lost: the test proves nothing\n%s", out.String())
	}
	if got := decisions(t, night(t, dir, "nightly", "-json"))["greet/main"]; got.Decision != "downgrade" {
		t.Errorf("the next night: %s: %s", got.Decision, got.Reason)
	}
}

// A backend that hangs holds nobody up who wants to stop: the night ends when it
// is interrupted, says so, takes the backend along, and the next one goes on.
func TestHangingBackend(t *testing.T) {
	calm, dir := tempProject(t, usual, "greet"), tempProject(t, usual, "greet")
	night(t, calm, "nightly")
	cmd, out, backends := disturbed(t, dir, syscall.SIGSTOP)
	time.Sleep(50 * time.Millisecond)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case <-done:
	case <-time.After(15 * time.Second):
		_ = cmd.Process.Kill()
		t.Fatal("the night does not end when it is interrupted")
	}
	if code := cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(out.String(), "stopped") {
		t.Errorf("interrupted, the night ends with %d:\n%s", code, out.String())
	}
	for _, pid := range backends {
		waitFor(t, "the end of the hanging backend", func() bool { return syscall.Kill(pid, 0) != nil })
	}
	night(t, dir, "audit", "verify")
	night(t, dir, "nightly")
	sameFiles(t, calm, dir)
	boughtOnce(t, calm, dir)
}
