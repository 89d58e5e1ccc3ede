package cli

import (
	"fmt"

	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/price"
	"github.com/plimsoll-dev/plimsoll/core/report"
	"github.com/spf13/cobra"
)

func (c *command) planCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "plan", Short: "What the next night would buy and move, from the evidence there is; nothing is bought",
		Long: "The next night before it costs anything: what it would measure, in the order in which\nit would go about it, what that costs, what is likely to move, and after how many runs\nthe verification has paid. A forecast: the night looks again after every batch.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			e, err := c.open(cmd.Context(), "")
			if err != nil {
				return err
			}
			defer e.Close()
			night, err := e.Nightly(cmd.Context(), engine.NightOptions{DryRun: true})
			if err != nil {
				return err
			}
			if c.json {
				return c.document(map[string]any{"plan": night})
			}
			c.plan(night, all)
			return nil
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "list every comparison, however many there are")
	return cmd
}

// planned is how many comparisons a plan lists: what a person reads before going
// on. The JSON form and -all have every one.
const planned = 20

func (c *command) plan(n *report.Night, all bool) {
	p := n.Plan
	if p == nil || len(p.Rows) == 0 {
		c.say("Nothing would be measured. plimsoll candidates says why.")
		return
	}
	measured := map[[2]string]report.Row{}
	for _, r := range n.Rows {
		measured[[2]string{r.Skill, r.Step}] = r
	}
	rows := [][]string{}
	for i, r := range p.Rows {
		if i == planned && !all && len(p.Rows) > planned+1 {
			break
		}
		m := measured[[2]string{r.Skill, r.Step}]
		state, cost, chance := r.Why, "", ""
		if r.Items > 0 {
			state = fmt.Sprintf("%d of %d items, about %d more", m.Items, m.Of, r.Items)
			if r.Items < r.Needed {
				state += fmt.Sprintf(" of %d", r.Needed)
			}
			cost = "for about " + price.Format(r.Cost)
			if !r.Priced {
				cost = "price not known"
			}
			chance = fmt.Sprintf("chance %d %%", (r.Chance+5000)/10_000)
		}
		if r.PaybackRuns != nil && (r.Items > 0 || r.Chance > 0) {
			if chance != "" {
				chance += ", "
			}
			chance += paysBack(*r.PaybackRuns)
		}
		rows = append(rows, []string{label(r.Skill, r.Step), r.Current + " -> " + r.Candidate, state, cost, chance})
	}
	columns(c.Out, rows)
	if left := len(p.Rows) - len(rows); left > 0 {
		c.say("and %d more: plimsoll plan -all", left)
	}
	c.say("")
	sum := fmt.Sprintf("The night would buy about %s", plural(p.Items, "item", "items"))
	if p.Priced {
		sum += " for about " + price.Format(p.Cost)
	}
	sum += fmt.Sprintf(", and move about %.1f of %s", float64(p.Moves)/1e6, plural(len(p.Rows), "step", "steps"))
	if p.SavingMonth != nil {
		sum += ": about " + price.Format(*p.SavingMonth) + " a month"
	}
	if n.Simulated {
		sum += ", on simulated models"
	}
	c.say("%s.", sum)
	for _, t := range n.Phases {
		c.say("%s.", t)
	}
	c.next("plimsoll nightly")
}

// paysBack says after how many runs a verification has paid.
func paysBack(runs int64) string {
	if runs <= 0 {
		return "paid already"
	}
	return fmt.Sprintf("pays after %s", plural(int(runs), "run", "runs"))
}
