package cli

import (
	"github.com/spf13/cobra"
)

func (c *command) judgeCommand() *cobra.Command {
	return group("judge", "Calibrate judges against labels, and see what they may prove", c.judgeCalibrateCommand(), c.judgeLabelCommand(), c.judgeReportCommand())
}

// oneName is the optional name that a command takes.
func oneName(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}
