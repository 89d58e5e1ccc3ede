//go:build unix

package command

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// watchdog leads the agent's process group and waits for the end of its standard
// input, of which only this process holds the other end. So an agent ends with a
// host or a plugin that is killed, however that comes about. To ask the kernel for
// that (PR_SET_PDEATHSIG) was refused: it ends the first process alone, and on
// Linux only. The agent itself is started without a shell.
const watchdog = "read -r _; kill -9 0"

// group is the process group of one task.
type group struct {
	dog  *exec.Cmd
	life *os.File
}

// guard makes the group that cmd will start in: the watchdog comes first, so that
// there is no moment in which the agent runs and nobody watches.
func guard(cmd *exec.Cmd) (*group, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making the agent's life line: %w", err)
	}
	defer read.Close()
	g := &group{dog: exec.Command("/bin/sh", "-c", watchdog), life: write}
	g.dog.Stdin, g.dog.Env, g.dog.Dir = read, []string{}, "/"
	g.dog.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := g.dog.Start(); err != nil {
		_ = write.Close()
		return nil, fmt.Errorf("starting what ends the agent: %w", err)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: g.dog.Process.Pid}
	return g, nil
}

// kill ends every process of the group.
func (g *group) kill(*exec.Cmd) { _ = syscall.Kill(-g.dog.Process.Pid, syscall.SIGKILL) }

// end kills what is left and waits for the watchdog, whose id is the group's until
// then: nobody else can have it.
func (g *group) end(cmd *exec.Cmd) {
	g.kill(cmd)
	_ = g.dog.Wait()
	_ = g.life.Close()
}
