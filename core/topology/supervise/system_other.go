//go:build !unix

package supervise

import (
	"errors"
	"os"
	"os/exec"
)

// Supported says that topologies can be supervised on this system.
const Supported = false

func detach(*exec.Cmd) {}

func killGroup(int) {}

func terminate(int) {}

func kill(int) {}

func lock(string) (*os.File, error) {
	return nil, errors.New("topologies are launched on Linux and macOS only: start the server yourself and set attach in the topology block")
}
