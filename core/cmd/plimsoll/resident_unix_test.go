//go:build unix

package main

import (
	"os/exec"
	"runtime"
	"syscall"
)

// maxResident is the most memory that a command held, in bytes.
func maxResident(cmd *exec.Cmd) int64 {
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	switch {
	case !ok:
		return 0
	case runtime.GOOS == "darwin":
		return usage.Maxrss
	}
	return usage.Maxrss << 10
}
