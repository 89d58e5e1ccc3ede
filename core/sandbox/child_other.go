//go:build !unix

package sandbox

import "os/exec"

// restrain has nothing to call here; watchMemory bounds the process.
func restrain(uint64) {}

// restrainTime has nothing to call here; the parent's clock bounds the process.
func restrainTime(uint64) {}

// own leaves the command as it is: ending its one process ends it.
func own(*exec.Cmd) {}
