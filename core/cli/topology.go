package cli

import "github.com/spf13/cobra"

// topologyCommand is how a model is laid on the GPUs that there are: which layout
// should win, how it is launched, and whether it did win.
func (c *command) topologyCommand() *cobra.Command {
	return group("topology", "How to lay a model on the GPUs you have",
		c.topologyDetectCommand(), c.topologyPlanCommand(), c.topologyDecideCommand(), c.topologyWatchCommand(),
		c.topologyBenchCommand(),
		c.topologyUpCommand(), c.topologyStatusCommand(), c.topologyDownCommand(),
	)
}
