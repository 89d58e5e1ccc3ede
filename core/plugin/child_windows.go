//go:build windows

package plugin

import (
	"os"
	"os/exec"
	"syscall"
)

// ownGroup keeps Ctrl-C from reaching a plugin in the middle of a call.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// killGroup does nothing: Windows has no signal for a group. A plugin's own
// children end by their life pipes or not at all.
func killGroup(int) {}

func busy(error) bool { return false }

// systemEnv is what a process needs from the host's environment on this system
// to run at all: without it Windows opens no socket.
func systemEnv() []string { return []string{"SystemRoot"} }

const shortTemp = ""

// processAlive tells whether there is a process of this id.
func processAlive(pid int) bool {
	p, err := os.FindProcess(pid) // opens it, on this system
	if err != nil {
		return false
	}
	_ = p.Release()
	return true
}
