//go:build unix

package sandbox

import (
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// restrain bounds this process. It is RLIMIT_DATA and not RLIMIT_AS, because
// Go's runtime reserves addresses that it never uses. Where a limit is not kept
// or not allowed, watchMemory and the parent's clock remain.
func restrain(limit uint64) {
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	_ = unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: limit, Max: limit})
}

// restrainTime has the system end this process after so many seconds of processor
// time.
func restrainTime(seconds uint64) {
	_ = unix.Setrlimit(unix.RLIMIT_CPU, &unix.Rlimit{Cur: seconds, Max: seconds})
}

// own gives the child a process group of its own, which is killed as a whole:
// a signal from the terminal is the parent's to answer.
func own(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
