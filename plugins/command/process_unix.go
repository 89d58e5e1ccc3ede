//go:build unix

package command

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// watchdog is what /bin/sh does before it becomes the agent: it leaves somebody
// in the agent's group who waits for the end of descriptor 3, and then kills the
// group. Only the host's side holds the other end, so that a host or a plugin
// that is killed takes its agents with it; asking the kernel for that
// (PR_SET_PDEATHSIG) ends the first process alone, and on Linux only. The two
// brackets make it nobody's child, so that an agent that waits for all its
// children does not wait for it. The agent's own words are "$@", which the shell
// hands on as they are and never reads.
const watchdog = `( ( read -r _ <&3; kill -9 0 ) </dev/null >/dev/null 2>&1 & ); exec "$@" 3<&-`

// lifeline is the pipe whose end ends the agent.
type lifeline struct{ read, write *os.File }

// guard puts the agent into a group of its own that ends with this process.
func guard(cmd *exec.Cmd) (lifeline, error) {
	var l lifeline
	var err error
	if l.read, l.write, err = os.Pipe(); err != nil {
		return l, fmt.Errorf("making the agent's life line: %w", err)
	}
	cmd.Args = append([]string{"sh", "-c", watchdog, "plimsoll-agent", cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
	cmd.ExtraFiles = []*os.File{l.read} // descriptor 3
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return l, nil
}

// begun is called once the agent has its end of the line.
func (l lifeline) begun() { _ = l.read.Close() }

// end closes the line; it may be called for one that never began.
func (l lifeline) end() {
	if l.write != nil {
		_, _ = l.write.Close(), l.read.Close()
	}
}

func killGroup(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGKILL) }
