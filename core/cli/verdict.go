package cli

import (
	"fmt"
	"math"
	"os"

	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/core/verdict/table"
	"github.com/spf13/cobra"
)

func (c *command) verdictCommand() *cobra.Command {
	var current, candidate, method, seed string
	var margin, alpha float64
	var items int
	cmd := &cobra.Command{
		Use: "verdict FILE.csv", Short: "One verdict per skill from a table of scores",
		Long: "Reads scores of 0..1 with the columns item,skill,MODEL... or item,skill,tier,score and\ndraws one verdict per skill: may the candidate take the current model's place? An empty\ncell is a missing score, which is never good news.",
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if current == "" || candidate == "" {
				return usage("plimsoll verdict needs --current MODEL and --candidate MODEL")
			}
			if err := within(margin, alpha, items); err != nil {
				return err
			}
			o := table.Options{Margin: millionths(margin), Alpha: millionths(alpha), MaxItems: items, Method: verdict.Method(method), Seed: seed}
			return c.verdicts(args[0], current, candidate, o)
		},
	}
	cmd.Flags().StringVar(&current, "current", "", "column of the model in use")
	cmd.Flags().StringVar(&candidate, "candidate", "", "column of the cheaper model")
	cmd.Flags().Float64Var(&margin, "margin", 0.05, "the loss of quality that does not matter, 0..1")
	cmd.Flags().Float64Var(&alpha, "alpha", 0.05, "the chance of ever being wrong about a skill")
	cmd.Flags().StringVar(&method, "method", "", "pool2, star2, pool1, star1 or grid8 (default pool2: the claim is about these rows)")
	cmd.Flags().IntVar(&items, "max-items", 0, "items per skill (default: all rows)")
	cmd.Flags().StringVar(&seed, "seed", "", "seed of the order in which rows are taken")
	return cmd
}

// within refuses numbers that are none of a test's. Zero is refused as well: the
// table would take it for "not given".
func within(margin, alpha float64, items int) error {
	switch {
	case !(margin >= 1e-6 && margin < 1):
		return usage("--margin %g is no loss between 0 and 1: 0.05 is five points", margin)
	case !(alpha >= 1e-6 && alpha <= 0.5):
		return usage("--alpha %g is no chance between 0 and 0.5: 0.05 is one in twenty", alpha)
	case items < 0:
		return usage("--max-items %d is no number of items", items)
	}
	return nil
}

func millionths(x float64) int64 { return int64(math.Round(x * 1e6)) }

func (c *command) verdicts(file, current, candidate string, o table.Options) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("reading scores: %w", err)
	}
	defer f.Close()
	t, err := table.Read(file, f)
	if err != nil {
		return err
	}
	records, sum, err := t.Verdicts(current, candidate, o)
	if err != nil {
		return err
	}
	if c.json {
		return c.document(map[string]any{"verdicts": records, "summary": sum})
	}
	rows := [][]string{}
	for _, r := range records {
		rows = append(rows, []string{r.Skill, string(r.Decision), fmt.Sprintf("%d items", r.N), points(r.HeadlineGap) + " points", r.Reason})
	}
	columns(c.Out, rows)
	c.say("\n%s: %d may move down, %d hold, %d are not decided. %s, %d with a missing score; mean gap %s points.",
		plural(sum.Skills, "skill", "skills"), sum.Downgrade, sum.Hold, sum.Inconclusive, plural(sum.Items, "item", "items"), sum.Missing, points(sum.Gap))
	return nil
}
