package cli

import (
	"github.com/plimsoll-dev/plimsoll/core/nightly"
	"github.com/plimsoll-dev/plimsoll/core/price"
	"github.com/plimsoll-dev/plimsoll/core/report"
	"github.com/spf13/cobra"
)

func (c *command) candidatesCommand() *cobra.Command {
	return &cobra.Command{
		Use: "candidates", Short: "What may move down, ranked by saving for each item to buy",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			e, err := c.open(cmd.Context(), "")
			if err != nil {
				return err
			}
			defer e.Close()
			candidates, held, err := e.Candidates(cmd.Context())
			if err != nil {
				return err
			}
			found, err := e.Levers(cmd.Context(), "")
			if err != nil {
				return err
			}
			if c.json {
				return c.document(map[string]any{"candidates": listed(candidates), "held": held, "levers": append([]report.Lever{}, found.Rows()...)})
			}
			c.listCandidates(candidates, held, found.Rows())
			return nil
		},
	}
}

// listed is a candidate as JSON shows it.
func listed(cs []nightly.Candidate) []map[string]any {
	out := []map[string]any{}
	for _, x := range cs {
		var per1k, month, cost any // null: not known
		if x.Priced {
			per1k, cost = x.SavePer1k, x.Cost
			if x.Runs > 0 {
				month = x.SaveMonth
			}
		}
		out = append(out, map[string]any{
			"skill": x.Skill, "step": x.Step.Step, "lever": x.Lever, "current": x.Current.Ref(), "candidate": x.Tier.Ref(),
			"saving_per_1000": per1k, "saving_month": month, "priced": x.Priced, "items": x.ToBuy, "cost": cost,
		})
	}
	return out
}

func (c *command) listCandidates(candidates []nightly.Candidate, held []report.Row, beside []report.Lever) {
	rows := [][]string{}
	for _, x := range candidates {
		rows = append(rows, []string{label(x.Skill, x.Step.Step), x.Current.Name + " -> " + x.Tier.Name, x.Lever, saving(x), "at most " + plural(x.ToBuy, "item", "items")})
	}
	if len(rows) == 0 {
		c.say("Nothing may move down tonight.")
	}
	columns(c.Out, rows)
	if len(held) > 0 {
		c.say("\nHeld before anything is measured:")
		rows = rows[:0]
		for _, h := range held {
			rows = append(rows, []string{label(h.Skill, h.Step), h.Current, h.Reason})
		}
		columns(c.Out, rows)
	}
	if len(beside) > 0 {
		c.say("\nBeside the model, proposed and not proved:")
		c.leverRows(beside)
	}
	c.next("plimsoll plan shows what the evidence says so far; plimsoll nightly measures.")
}

// label names a step; main goes without saying.
func label(skill, step string) string {
	if step == "main" || step == "" {
		return skill
	}
	return skill + "/" + step
}

func saving(x nightly.Candidate) string {
	switch {
	case !x.Priced:
		return "not priced"
	case x.SaveMonth != 0:
		return "about " + price.Format(x.SaveMonth) + " a month"
	}
	return "about " + price.Format(x.SavePer1k) + " per 1,000 runs"
}
