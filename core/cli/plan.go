package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/price"
	"github.com/plimsoll-dev/plimsoll/core/report"
	"github.com/rivo/uniseg"
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
			waits, err := e.Waits(cmd.Context(), "")
			if err != nil {
				return err
			}
			traffic, err := e.Traffic(cmd.Context())
			if err != nil {
				return err
			}
			if c.json {
				return c.document(map[string]any{"plan": night, "waits": waits, "traffic": traffic})
			}
			c.plan(night, all)
			c.showTraffic(traffic)
			most := waitsShown
			if all {
				most = len(waits)
			}
			c.showWaits(waits, most)
			if night.Plan != nil && len(night.Plan.Rows) > 0 {
				c.next("plimsoll nightly")
			}
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
	shown := p.Rows
	if !all && len(p.Rows) > planned+1 {
		shown = p.Rows[:planned]
	}
	buys := [][]string{{"step", "tiers", "measured", "to buy", "cost", "chance", "pays after"}}
	var rest []report.Planned
	for _, r := range shown {
		if r.Items == 0 {
			rest = append(rest, r)
			continue
		}
		m := measured[[2]string{r.Skill, r.Step}]
		buys = append(buys, []string{label(r.Skill, r.Step), r.Current + " -> " + r.Candidate, fmt.Sprintf("%d of %d", m.Items, m.Of), toBuy(r), plannedCost(r), fmt.Sprintf("%d %%", (r.Chance+5000)/10_000), paysBack(r)})
	}
	if len(buys) > 1 {
		columns(c.Out, buys)
	}
	if len(rest) > 0 {
		if len(buys) > 1 {
			c.say("")
		}
		c.say("Nothing is bought for:")
		for _, r := range rest {
			why := r.Why
			switch {
			case r.PaybackRuns == nil || r.Chance == 0:
			case *r.PaybackRuns > 0:
				why += "; the measurement pays after " + paysBack(r)
			default:
				why += "; the measurement has paid"
			}
			c.hanging("  "+label(r.Skill, r.Step)+"  "+r.Current+" -> "+r.Candidate+"  ", why, "    ")
		}
	}
	if left := len(p.Rows) - len(shown); left > 0 {
		c.say("and %d more: plimsoll plan -all", left)
	}
	c.say("")
	sum := "The night would buy nothing"
	if p.Items > 0 {
		sum = fmt.Sprintf("The night would buy about %s", plural(p.Items, "item", "items"))
		if p.Priced {
			sum += " for about " + price.Format(p.Cost)
		}
	}
	if p.Moves > 0 {
		sum += fmt.Sprintf(", and move about %.1f of %s", float64(p.Moves)/1e6, plural(len(p.Rows), "step", "steps"))
	} else {
		sum += ", and move nothing"
	}
	if p.SavingMonth != nil {
		sum += ": about " + price.Format(*p.SavingMonth) + " a month"
	}
	if n.Simulated {
		sum += ", on simulated models"
	}
	c.hanging("", sum+".", "")
	for _, t := range n.Phases {
		c.say("%s.", t)
	}
}

// showTraffic says what the savings of a month are reckoned with.
func (c *command) showTraffic(t engine.Traffic) {
	if t.Runs == 0 {
		return
	}
	text := fmt.Sprintf("%s of %s", plural(int(t.Runs), "run", "runs"), plural(int(t.Skills), "skill", "skills"))
	switch t.Imported {
	case 0:
	case t.Runs:
		text += ", imported"
	default:
		text += fmt.Sprintf(", %d of them imported", t.Imported)
	}
	if t.Unpriced < t.Runs || t.Micro > 0 {
		cost := price.Format(t.Micro)
		if t.Unsure > 0 {
			cost = "at most " + cost
		}
		text += ", " + cost
		if t.Unpriced > 0 {
			text += " and what is not known of " + plural(int(t.Unpriced), "run", "runs")
		}
	} else {
		text += ", at a cost that is not known"
	}
	c.hanging("", "Traffic of the last 30 days: "+text+".", "")
}

// toBuy says how many items, and of how many where the budget ends before.
func toBuy(r report.Planned) string {
	if r.Items < r.Needed {
		return fmt.Sprintf("%d of %d", r.Items, r.Needed)
	}
	return strconv.Itoa(r.Items)
}

func plannedCost(r report.Planned) string {
	if !r.Priced {
		return "not known"
	}
	return price.Format(r.Cost)
}

// paysBack says after how many runs a verification has paid, "" when that is not
// known.
func paysBack(r report.Planned) string {
	switch {
	case r.PaybackRuns == nil:
		return ""
	case *r.PaybackRuns <= 0:
		return "paid"
	}
	return plural(int(*r.PaybackRuns), "run", "runs")
}

// hanging prints a head and a text behind it, which breaks at blanks where the
// terminal ends, the lines after the first one indented. Where the width is not
// known it is one line.
func (c *command) hanging(head, text, indent string) {
	line, used := head, uniseg.StringWidth(head)
	for i, w := range strings.Fields(text) {
		width := uniseg.StringWidth(w)
		switch {
		case c.Width > 0 && i > 0 && used+1+width > c.Width:
			c.say("%s", line)
			line, used = indent+w, uniseg.StringWidth(indent)+width
		case i > 0:
			line, used = line+" "+w, used+1+width
		default:
			line, used = line+w, used+width
		}
	}
	c.say("%s", line)
}
