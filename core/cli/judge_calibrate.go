package cli

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/judge"
	"github.com/plimsoll-dev/plimsoll/core/price"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/spf13/cobra"
)

// calibrateFlags of judge calibrate.
type calibrateFlags struct {
	labels, skill string
	random        bool
	again         int
	budget        float64
}

// maxLabels bounds a file of labels: inputs and outputs of some thousand texts.
const maxLabels = 256 << 20

func (c *command) judgeCalibrateCommand() *cobra.Command {
	var f calibrateFlags
	cmd := &cobra.Command{
		Use: "calibrate [JUDGE] --labels FILE", Short: "Set a judge against what people said of outputs",
		Long: "Reads labels from CSV (with a header) or JSON lines (.jsonl) and appends them to\n" +
			"judges/JUDGE.jsonl, without inputs and outputs. Columns: item (a name for the input, the\n" +
			"same on both tiers), arm (a tier or a model), gold (what a person says it is worth, 0 to 1),\n" +
			"and where one is needed skill and dimension. Then either score (what the judge said), or\n" +
			"input and output, and the judge is asked now. The labels have to be made by somebody who\n" +
			"does not know what the judge said, on inputs that are not among the items to prove with.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case f.labels == "":
				return usage("plimsoll judge calibrate needs --labels FILE")
			case f.again < 0:
				return usage("--again %d is no number of outputs", f.again)
			case cmd.Flags().Changed("budget") && !(f.budget >= 0 && f.budget <= 1e6):
				return usage("--budget %g is no amount in USD", f.budget)
			}
			return c.calibrate(cmd.Context(), oneName(args), f)
		},
	}
	cmd.Flags().StringVar(&f.labels, "labels", "", "file of labels: .csv or .jsonl")
	cmd.Flags().StringVar(&f.skill, "skill", "", "skill of lines that name none")
	cmd.Flags().BoolVar(&f.random, "random", false, "the inputs were drawn at random from the skill's, not picked by quality")
	cmd.Flags().IntVar(&f.again, "again", 30, "outputs that the judge scores a second time, for the A/A run")
	cmd.Flags().Float64Var(&f.budget, "budget", -1, "USD that asking the judge may cost (default and at most: a night's budget of the skills' policies)")
	return cmd
}

func (c *command) calibrate(ctx context.Context, name string, f calibrateFlags) error {
	src, err := readLabels(c.at(f.labels))
	if err != nil {
		return err
	}
	rows, diags := judge.ReadSheet(filepath.Base(f.labels), src)
	if diags.HasErrors() {
		return c.refuseLabels(f.labels, src, diags)
	}
	rows, twice, alike := judge.Steady(rows)
	if len(rows) == 0 {
		return fmt.Errorf("%s has second looks alone, and they are no labels", f.labels)
	}
	e, err := c.open(ctx, "")
	if err != nil {
		return err
	}
	defer e.Close()
	j, err := e.Project.Judge(name)
	if err != nil {
		return err
	}
	if f.skill != "" {
		if _, err := e.Project.Skill(f.skill); err != nil {
			return err
		}
	}
	order := engine.Calibration{Judge: j, Rows: rows, Skill: f.skill, Random: f.random, Again: f.again, Budget: -1}
	if f.budget >= 0 {
		order.Budget = int64(math.Round(f.budget * 1e6))
	}
	got, diags, err := e.Label(ctx, order)
	if diags.HasErrors() {
		return c.refuseLabels(f.labels, src, diags)
	}
	if err != nil {
		return err
	}
	added, err := e.Calibrate(ctx, j, got.Labels)
	if err != nil {
		return err
	}
	report, err := e.ReportJudge(j)
	if err != nil {
		return err
	}
	if c.json {
		return c.document(map[string]any{
			"added": added, "known": len(got.Labels) - added, "asked": got.Asked, "left": got.Left, "silent": got.Silent,
			"changed": got.Changed, "spent": got.Spent, "priced": got.Priced, "policy": got.Policy, "burnt": got.Burnt, "twice": twice, "alike": alike, "report": report,
		})
	}
	c.say("%s added to %s, which has %d of this judge now%s.", plural(added, "label", "labels"), report.File, report.Labels, known(len(got.Labels)-added))
	if got.Asked > 0 {
		cost := price.Format(got.Spent)
		if !got.Priced {
			cost = "an amount that is not known, since some tier has no price"
		}
		c.say("The judge was asked about %s, for %s.", plural(got.Asked, "output", "outputs"), cost)
	}
	if got.Silent > 0 {
		c.say("It gave no scores for %d of them; these have no labels.", got.Silent)
	}
	if got.Changed > 0 {
		c.say("%s changed with the order of the two, and count as no difference.", plural(got.Changed, "comparison", "comparisons"))
	}
	if twice > 0 {
		c.say("Of %s that a person marked a second time, in the other order, %d had the same mark.", plural(twice, "output", "outputs"), alike)
	}
	if got.Left > 0 {
		whose := "The budget"
		if got.Policy != "" {
			whose = "The nightly budget of policy " + got.Policy
		}
		c.say("%s did not reach %s: run the same command again for the rest.", whose, plural(got.Left, "output", "outputs"))
	}
	for _, b := range got.Burnt {
		c.say("%s %s.", c.bold("Warning:"), b.Warning())
	}
	c.say("")
	c.showJudge(report)
	if added > 0 && report.Labels > added {
		c.say("\nAn epoch under way keeps the terms that it was opened with; these labels count from the next one on.")
	}
	c.next("plimsoll nightly measures with what the labels allow; commit %s.", report.File)
	return nil
}

func known(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("; %d were there already", n)
}

func readLabels(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading labels: %w", err)
	}
	defer f.Close()
	src, err := io.ReadAll(io.LimitReader(f, maxLabels+1))
	if err != nil {
		return nil, fmt.Errorf("reading labels: %w", err)
	}
	if len(src) > maxLabels {
		return nil, fmt.Errorf("%s has more than %d MiB: split it, labels of several files count together", path, maxLabels>>20)
	}
	return src, nil
}

func (c *command) refuseLabels(path string, src []byte, diags diag.List) error {
	if c.json {
		return joinSilent(diag.WriteJSON(c.Out, diags))
	}
	diag.WriteText(c.Err, diags, map[string][]byte{filepath.Base(path): src}, diag.TextOptions{Color: c.Color})
	c.note("\n%s. Nothing was written.", diag.Summary(diags))
	return errSilent
}
