//go:build !wasip1

package skill

import (
	"fmt"
	"os"
)

// hostCall is nil: outside of WASM there is no host but a test's.
var hostCall HostFunc

// install does nothing outside of WASM: several skills can be tested in one
// process.
func install(*Program, ...any) {}

// Logf writes a line for the person who develops the skill: to stderr in tests,
// to the run's capped log in the sandbox. Nothing decides by it.
func Logf(format string, args ...any) { fmt.Fprintf(os.Stderr, "skill: "+format+"\n", args...) }
