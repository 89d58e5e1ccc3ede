package cli

import (
	"fmt"

	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/spf13/cobra"
)

func (c *command) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use: "schema [BLOCK]", Short: "Every block and attribute of the config language", Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			doc := config.Schema()
			if c.json {
				return c.document(map[string]any{"schema": doc})
			}
			block := ""
			if len(args) > 0 {
				block = args[0]
			}
			text, err := doc.Text(block)
			if err != nil {
				return usage("%w", err)
			}
			fmt.Fprint(c.Out, text)
			return nil
		},
	}
}
