//go:build unix

package wire

import (
	"os/exec"
	"syscall"
)

// group is a server and what it started.
type group struct{ pid int }

// startGroup starts a process that leads a group of its own: the terminal's
// Ctrl-C does not reach it, and kill reaches its children.
func startGroup(cmd *exec.Cmd) (*group, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &group{pid: cmd.Process.Pid}, nil
}

func (g *group) kill() { _ = syscall.Kill(-g.pid, syscall.SIGKILL) }

func terminate(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }

func killTree(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
