//go:build unix

package backend

import (
	"os/exec"
	"syscall"
)

// alone gives the backend a process group, so that what it starts ends with it.
func alone(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// end kills the backend and its group. That it has ended already is no error.
func end(cmd *exec.Cmd) {
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	_ = cmd.Process.Kill()
}

// orphans tells whether processes are left of the group that the backend led.
func orphans(cmd *exec.Cmd) bool { return syscall.Kill(-cmd.Process.Pid, 0) == nil }

// canDump tells whether a process can be asked what it is doing. Programs in Go
// answer SIGQUIT with the stacks of all goroutines, and end.
const canDump = true

func dump(cmd *exec.Cmd) error { return cmd.Process.Signal(syscall.SIGQUIT) }

// systemEnv is what a process needs of the environment to run at all.
func systemEnv() []string { return nil }
