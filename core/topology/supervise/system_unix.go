//go:build unix

package supervise

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// Supported says that topologies can be supervised on this system.
const Supported = true

// detach makes a process the leader of a session of its own: it outlives the
// terminal, and no Ctrl-C reaches it.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }

// terminate tells one process to end; one that somebody stopped goes on, so that it
// can.
func terminate(pid int) {
	_ = syscall.Kill(pid, syscall.SIGTERM)
	_ = syscall.Kill(pid, syscall.SIGCONT)
}

func kill(pid int) { _ = syscall.Kill(pid, syscall.SIGKILL) }

// lock takes a file for this process; the kernel releases it, however the process
// ends. It is held as long as the file is.
func lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lock of the topology: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, ErrTaken
		}
		return nil, fmt.Errorf("taking the lock of the topology: %w", err)
	}
	return f, nil
}
