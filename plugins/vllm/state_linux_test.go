package vllm

import (
	"os/exec"
	"testing"
)

// What has ended and was not waited for does not run, and a group of such is gone.
func TestDeadAreGone(t *testing.T) {
	cmd := exec.Command("sleep", "1000")
	ownGroup(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	if gone(pid) || !runs(pid) {
		t.Error("a process that runs is taken for one that has ended")
	}
	kill(pid)
	await(t, "gone, although nobody waited for it", func() bool { return gone(pid) && !runs(pid) })
	_ = cmd.Wait()
	if !gone(pid) || runs(pid) {
		t.Error("a process that was waited for is there")
	}
}

// Whatever a program calls itself, its state is read.
func TestState(t *testing.T) {
	for text, want := range map[string]byte{"7 (a) b) Z) Z 1 7 7": 'Z', "7 (x) S 1 7 7": 'S', "": 0, "7 (x": 0, "7 (x) S 1 y": 0} {
		if got, group := state([]byte(text)); got != want || want != 0 && group != 7 {
			t.Errorf("of %q it reads %q in group %d", text, got, group)
		}
	}
}
