// Package plugins lists the backends that travel inside the one binary. The
// binary re-executes itself to serve one of them, so that each runs in a process
// of its own like any other plugin. Only core/cmd/plimsoll imports it.
//
//	factory := plugins.Bundled()["sim"]
//	backend.Serve("sim", factory) // in the re-executed process; returns when the host is done
package plugins

import (
	"github.com/plimsoll-dev/plimsoll/plugins/anthropic"
	"github.com/plimsoll-dev/plimsoll/plugins/command"
	"github.com/plimsoll-dev/plimsoll/plugins/openai"
	"github.com/plimsoll-dev/plimsoll/plugins/replay"
	"github.com/plimsoll-dev/plimsoll/plugins/sim"
	"github.com/plimsoll-dev/plimsoll/plugins/vllm"
	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// Bundled are the first-party backends by name.
func Bundled() map[string]backend.Factory {
	return map[string]backend.Factory{
		"anthropic": anthropic.New,
		"command":   command.New,
		"openai":    openai.New,
		"replay":    replay.New,
		"sim":       sim.New,
		"vllm":      vllm.New,
	}
}
