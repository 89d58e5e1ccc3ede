package cli

import (
	"context"
	"fmt"

	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/spf13/cobra"
)

func (c *command) notifyCommand() *cobra.Command {
	test := &cobra.Command{
		Use: "test NAME", Short: "Send a test message to one notify block, at once", Args: cobra.ExactArgs(1),
		Long: "Makes one attempt, with this command's environment. Nothing is written down and nothing is tried again.",
		RunE: func(cmd *cobra.Command, args []string) error { return c.notifyTest(cmd.Context(), args[0]) },
	}
	return group("notify", "Messages to your own URLs: test", test)
}

func (c *command) notifyTest(ctx context.Context, name string) error {
	o, err := c.loadOptions()
	if err != nil {
		return err
	}
	p, diags := engine.ReadConfig(o)
	if diags.HasErrors() {
		return c.refuse(p, diags)
	}
	if err := p.SendTest(ctx, name); err != nil {
		return fmt.Errorf("the test of notify %s did not arrive: %w", name, err)
	}
	if c.json {
		return c.document(map[string]any{"target": name, "sent": true})
	}
	c.say("The test of notify %s arrived.", name)
	return nil
}
