//go:build unix

package host

import (
	"os/exec"
	"syscall"
)

// alone gives the adapter a process group, so that what it starts ends with it.
func alone(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// end kills the adapter and its group. That it has ended already is no error.
func end(cmd *exec.Cmd) {
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	_ = cmd.Process.Kill()
}
