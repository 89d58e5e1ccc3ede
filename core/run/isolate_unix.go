//go:build unix

package run

import (
	"os/exec"
	"syscall"
)

// isolate puts the command into a process group of its own, so that its
// children end with it.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
