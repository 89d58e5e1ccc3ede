package cli

import (
	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/spf13/cobra"
	"strings"
)

func (c *command) validateCommand() *cobra.Command {
	return &cobra.Command{
		Use: "validate", Short: "Check all files of the project; every error at once",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := c.loadOptions()
			if err != nil {
				return err
			}
			p, diags := engine.LoadProject(o)
			if !diags.HasErrors() {
				diags = append(diags, p.Check(cmd.Context())...)
			}
			if c.json {
				if err := diag.WriteJSON(c.Out, diags); err != nil {
					return err
				}
			} else {
				c.validated(p, diags)
			}
			if diags.HasErrors() {
				return errSilent
			}
			return nil
		},
	}
}

func (c *command) validated(p *engine.Project, diags diag.List) {
	diag.WriteText(c.Err, diags, p.Sources, diag.TextOptions{Color: c.Color, Base: p.Dir})
	switch {
	case diags.HasErrors():
		c.note("\n%s.", diag.Summary(diags))
	case p.Empty():
		c.say("No .hcl files here.")
		c.next("plimsoll init")
	default:
		what := []string{plural(len(p.Skills), "skill", "skills"), plural(len(p.Config.Ladders), "ladder", "ladders"), plural(len(p.Config.Backends), "backend", "backends")}
		if n := len(p.Config.Connectors); n > 0 {
			what = append(what, plural(n, "connector", "connectors"))
		}
		for _, x := range []struct {
			n         int
			one, many string
		}{{len(p.Config.Models), "model", "models"}, {len(p.Config.Topologies), "topology", "topologies"}, {len(p.Config.Decisions), "decision", "decisions"}} {
			if x.n > 0 {
				what = append(what, plural(x.n, x.one, x.many))
			}
		}
		c.say("Valid: %s.", strings.Join(what, ", "))
		if len(diags) > 0 {
			c.say("%s.", diag.Summary(diags))
		}
		if len(p.Skills) == 0 && len(p.Config.Connectors) > 0 {
			c.next("plimsoll connector diff %s shows what a server offers; plimsoll connector approve pins it.", p.Config.Connectors[0].Name)
			return
		}
		if len(p.Skills) == 0 && len(p.Config.Models) > 0 {
			c.next("plimsoll topology decide says which layout should win, and why.")
			return
		}
		c.next("plimsoll plan shows what a night would measure; plimsoll nightly does it.")
	}
}
