//go:build unix

package vllm

import (
	"errors"
	"os/exec"
	"syscall"
)

// launches says that processes can be started here so that nothing of them is left.
const launches = true

// ownGroup makes a process the leader of a group: the terminal's Ctrl-C does not
// reach it, and a signal reaches what it started.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func terminate(pid int) { _ = syscall.Kill(-pid, syscall.SIGTERM) }

func kill(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }

// gone tells whether nothing of a group runs any more. To the kernel a process that
// has ended and that nobody has waited for is there still: what an engine left to
// an init that waits for nobody, as in a container, holds nothing up.
func gone(pid int) bool {
	return errors.Is(syscall.Kill(-pid, 0), syscall.ESRCH) || onlyDead(pid)
}

// runs tells whether a process is there and has not ended.
func runs(pid int) bool { return syscall.Kill(pid, 0) == nil && !dead(pid) }
