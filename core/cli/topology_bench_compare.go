package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/topology/load/page"
	"github.com/plimsoll-dev/plimsoll/core/topology/load/result"
	"github.com/spf13/cobra"
)

func (c *command) benchCompareCommand() *cobra.Command {
	var noise float64
	var ttft, tpot, latency time.Duration
	cmd := &cobra.Command{
		Use: "compare A B", Short: "Say which of two measurements is better, in what, and by how much",
		Long: "A and B are result files, or folders of a sweep. Runs at the same pace are set against\neach other. Different loads, and invalid runs, are not compared, and why is said.",
		Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			if !(noise >= 0 && noise < 1) {
				return usage("--noise %g must lie in 0..1", noise)
			}
			var limits []page.Limit
			for _, l := range []struct {
				figure string
				d      time.Duration
			}{{"TTFT", ttft}, {"TPOT", tpot}, {"latency", latency}} {
				if l.d < 0 {
					return usage("a limit of %s is negative", l.d)
				}
				if l.d > 0 {
					limits = append(limits, page.Limit{Figure: l.figure, Seconds: l.d.Seconds()})
				}
			}
			a, err := c.benchRead(args[:1])
			b, more := c.benchRead(args[1:])
			if err := errors.Join(err, more); err != nil {
				return err
			}
			return c.benchCompare(a, b, noise, limits)
		},
	}
	cmd.Flags().Float64Var(&noise, "noise", 0.03, "share below which a difference counts as none")
	cmd.Flags().DurationVar(&ttft, "ttft", 0, "SLO: time to first token at p95, where results have it")
	cmd.Flags().DurationVar(&tpot, "tpot", 0, "SLO: time per output token at p95")
	cmd.Flags().DurationVar(&latency, "latency", 0, "SLO: time of a whole request at p95")
	return cmd
}

func (c *command) benchCompare(a, b []result.Result, noise float64, limits []page.Limit) error {
	v := result.Against(a, b, noise)
	var within []string
	if len(limits) > 0 && len(v.Apart) == 0 {
		within = page.Sentences(append(append([]result.Result{}, a...), b...), page.Options{Limits: limits})
	}
	if c.json {
		if err := c.document(map[string]any{"comparison": v, "within_slo": within}); err != nil {
			return err
		}
		if v.Better == "unknown" {
			return errSilent
		}
		return nil
	}
	c.say("A: %s, %s", v.A, plural(len(a), "run", "runs"))
	c.say("B: %s, %s", v.B, plural(len(b), "run", "runs"))
	if len(v.Apart) == 0 {
		c.say("Load: %s\n", a[0].Sent())
		c.benchPairs(v)
	}
	c.say("")
	for _, n := range v.Notes {
		c.say("note: %s", n)
	}
	c.say("%s", c.bold(v.Says))
	for _, s := range within {
		c.say("%s", s)
	}
	switch {
	case v.Better == "unknown":
		c.next("measure both with the same flags but for the server: plimsoll topology bench --out DIR")
		return errSilent
	case v.Better == "trade" && len(limits) == 0:
		c.next("say what counts: --tpot, --ttft or --latency names the best run within an SLO.")
	default:
		c.next("one run of each says nothing of how much runs vary: measure again into another folder to know.")
	}
	return nil
}

// benchPairs prints one line a figure and pace.
func (c *command) benchPairs(v result.Versus) {
	rows := [][]string{{"pace", "figure", "A", "B", "B against A", "better"}}
	for _, p := range v.Pairs {
		pace := p.Pace
		for _, g := range p.Gaps {
			change, better := "-", map[string]string{"a": "A", "b": "B", "same": "same"}[g.Better]
			if g.Change.Known() {
				change = fmt.Sprintf("%+.1f %%", 100*float64(g.Change))
			}
			if p.Refused != "" {
				better = "not judged"
			}
			rows = append(rows, []string{pace, g.Figure + ", " + g.Unit, result.Figure(float64(g.A)), result.Figure(float64(g.B)), change, better})
			pace = ""
		}
	}
	columns(c.Out, rows)
	for _, p := range v.Pairs {
		if p.Refused != "" {
			c.say("not judged: %s: %s", p.Pace, p.Refused)
		}
	}
}
