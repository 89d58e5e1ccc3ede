package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/judge"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/spf13/cobra"
)

func (c *command) judgeReportCommand() *cobra.Command {
	return &cobra.Command{
		Use: "report [JUDGE]", Short: "What each judge's labels allow today, and why not more",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := c.open(cmd.Context(), "")
			if err != nil {
				return err
			}
			defer e.Close()
			judges := e.Project.Config.Judges
			if name := oneName(args); name != "" || len(judges) == 0 {
				j, err := e.Project.Judge(name)
				if err != nil {
					return err
				}
				judges = append(judges[:0:0], j)
			}
			reports := []*engine.JudgeReport{}
			for _, j := range judges {
				r, err := e.ReportJudge(j)
				if err != nil {
					return err
				}
				reports = append(reports, r)
			}
			if c.json {
				return c.document(map[string]any{"judges": reports})
			}
			for i, r := range reports {
				if i > 0 {
					c.say("")
				}
				c.showJudge(r)
			}
			c.next("plimsoll judge calibrate JUDGE --labels FILE adds labels.")
			return nil
		},
	}
}

func (c *command) showJudge(r *engine.JudgeReport) {
	c.say("%s: %s", c.bold("Judge "+r.Judge), r.Pin)
	switch {
	case r.Labels == 0 && r.Outdated > 0:
		c.say("No labels: the %d in %s are of %s, which is another judge.", r.Outdated, r.File, r.Was)
	case r.Labels == 0:
		c.say("No labels. It may hold skills, and prove nothing.")
	default:
		age := "made today"
		if r.Days > 0 {
			age = "the latest " + plural(r.Days, "day", "days") + " old"
		}
		text := fmt.Sprintf("%s, %s", plural(r.Labels, "label", "labels"), age)
		if r.Outdated > 0 {
			text += fmt.Sprintf("; %d older ones are of %s and do not count", r.Outdated, r.Was)
		}
		if len(r.Reported) > 0 {
			text += "; it answered as " + strings.Join(r.Reported, " and as ")
		}
		if r.Simulated {
			text += ". Some are simulated: they say nothing about a real tier"
		}
		c.say("%s.", text)
	}
	c.abilities(r.Abilities)
	if len(r.Agreements) > 0 {
		c.say("\nThe panel agrees (both at a half or more, or both below):")
		rows := [][]string{}
		for _, a := range r.Agreements {
			rows = append(rows, []string{"  " + a.A, a.B, fmt.Sprintf("%d of %d", a.Same, a.N)})
		}
		columns(c.Out, rows)
	}
	c.allows(r.Allows)
}

func (c *command) abilities(all []judge.Ability) {
	if len(all) == 0 {
		return
	}
	c.say("\nWhat it sees, with exact one-sided 99 %% bounds:")
	rows := [][]string{{"  family", "dimension", "arm", "labels", "sensitivity", "specificity", "J at least", "A/A", "length"}}
	for _, a := range all {
		row := []string{"  " + a.Family, a.Dimension, a.Arm, fmt.Sprint(a.Labels), rateText(a.Sensitivity), rateText(a.Specificity), "-", "-", "-"}
		if a.Sensitivity.Of > 0 && a.Specificity.Of > 0 {
			row[6] = points(a.JLow) + " points"
		}
		if a.Again.N > 0 {
			row[7] = fmt.Sprintf("%s over %d", signed(a.Again.Gap), a.Again.N)
			if a.Again.Worse {
				row[7] += ", does not repeat itself"
			}
		}
		if a.Length.N > 0 {
			row[8] = signed(a.Length.Gap)
			if a.Length.Sways {
				row[8] += ", sways it"
			}
		}
		rows = append(rows, row)
	}
	columns(c.Out, rows)
}

func rateText(r judge.Rate) string {
	if r.Of == 0 {
		return "-"
	}
	return fmt.Sprintf("%d of %d, %s..%s", r.Yes, r.Of, points(r.Low), points(r.High))
}

func signed(millionths int64) string { return fmt.Sprintf("%+.1f", float64(millionths)/1e4) }

func (c *command) allows(all []engine.Allow) {
	if len(all) == 0 {
		c.say("\nIt judges no skill that could move down.")
		return
	}
	c.say("\nWhat it allows:")
	for _, a := range all {
		head := fmt.Sprintf("%s, %s -> %s", label(a.Skill, a.Step), a.Current, a.Candidate)
		k := a.Calibration
		if !a.Proves {
			c.say("  %s: only holds: %s.", head, a.Why)
			continue
		}
		how := "inputs labelled on both arms"
		n := k.Paired
		if k.Kind == verdict.Rates {
			how, n = "labels of each class and arm", k.Least
		}
		c.say("  %s: may prove. A margin of %s points gives the judged part %s; %d %s make that %s of the judge's points (J %s, B %s points), and its floor %d items.",
			head, points(a.Margin), points(a.JudgeMargin), n, how, points(k.Margin), factor(k.JLow), points(k.Bias), a.Floor)
	}
}

func factor(millionths int64) string { return fmt.Sprintf("%.2f", float64(millionths)/1e6) }

func joinSilent(err error) error { return errors.Join(err, errSilent) }
