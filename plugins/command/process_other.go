//go:build !unix

package command

import "os/exec"

// group is nothing here: groups of processes are a matter of Unix, and the README
// says what is missing without them.
type group struct{}

func guard(*exec.Cmd) (*group, error) { return &group{}, nil }

func (*group) kill(cmd *exec.Cmd) {
	if cmd.Process != nil {
		_ = cmd.Process.Kill()
	}
}

func (g *group) end(cmd *exec.Cmd) { g.kill(cmd) }
