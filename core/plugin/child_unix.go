//go:build unix

package plugin

import (
	"errors"
	"os/exec"
	"syscall"
)

// ownGroup keeps the terminal's Ctrl-C from reaching a plugin in the middle of a
// call, and lets killGroup reach what the plugin starts.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// killGroup ends all processes of the group that the plugin leads. That there
// is none left is the usual case.
func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }

func busy(err error) bool { return errors.Is(err, syscall.ETXTBSY) }

// systemEnv is what a process needs from the host's environment on this system
// to run at all.
func systemEnv() []string { return nil }

// shortTemp is a folder for sockets on systems whose own temporary folder has a
// name that is too long for them.
const shortTemp = "/tmp"

// processAlive tells whether there is a process of this id, a zombie included.
func processAlive(pid int) bool {
	return pid > 0 && !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}
