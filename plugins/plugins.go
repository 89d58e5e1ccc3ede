// Package plugins lists the backends that travel inside the one binary. The
// binary re-executes itself to serve one of them, so that each runs in a process
// of its own like any other plugin. Only core/cmd/plimsoll imports it.
//
//	names := plugins.Names()    // for plugin.Config.Bundled
//	err := plugins.Main("sim")  // in the re-executed process; returns when the host is done
package plugins

import (
	"fmt"
	"strings"

	"github.com/plimsoll-dev/plimsoll/plugins/replay"
	"github.com/plimsoll-dev/plimsoll/plugins/sim"
	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

type bundled struct {
	name    string
	factory backend.Factory
}

func all() []bundled {
	return []bundled{{"replay", replay.New}, {"sim", sim.New}}
}

// Names are the bundled backends, sorted.
func Names() []string {
	var out []string
	for _, b := range all() {
		out = append(out, b.name)
	}
	return out
}

// Main serves a bundled backend until the host is done with it. It is the whole
// work of a re-executed process and must be its first: it takes stdin, stdout
// and stderr over.
func Main(name string) error {
	for _, b := range all() {
		if b.name == name {
			backend.Serve(b.name, b.factory)
			return nil
		}
	}
	return fmt.Errorf("there is no bundled backend %q; there are %s", name, strings.Join(Names(), ", "))
}
