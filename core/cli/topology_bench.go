package cli

import "github.com/spf13/cobra"

// topologyBenchCommand measures a server under load.
func (c *command) topologyBenchCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "bench", Short: "Measure a server under load, and compare what was measured"}
	return cmd
}
