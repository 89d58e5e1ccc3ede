//go:build !unix

package backend

import (
	"errors"
	"os"
	"os/exec"
)

func alone(*exec.Cmd) {}

// end kills the backend. That it has ended already is no error.
func end(cmd *exec.Cmd) { _ = cmd.Process.Kill() }

func orphans(*exec.Cmd) bool { return false }

const canDump = false

func dump(*exec.Cmd) error { return errors.ErrUnsupported }

// systemEnv is what a process needs of the environment to run at all.
func systemEnv() []string {
	var out []string
	for _, name := range []string{"SystemRoot", "SystemDrive", "TEMP", "TMP"} {
		if value, ok := os.LookupEnv(name); ok {
			out = append(out, name+"="+value)
		}
	}
	return out
}
