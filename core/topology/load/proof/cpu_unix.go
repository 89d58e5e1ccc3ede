//go:build unix

package main

import (
	"syscall"
	"time"
)

// processor is the time that this process has used, in user and kernel mode.
func processor() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
