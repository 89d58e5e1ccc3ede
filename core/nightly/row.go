package nightly

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/evolve"
	"github.com/plimsoll-dev/plimsoll/core/report"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

// row tells one comparison.
func (n *night) row(c Candidate, res *evolve.Result) report.Row {
	a, rec := res.Assessment, res.Record
	r := report.Row{
		Skill: c.Skill, Step: c.Step.Step, Lever: c.Lever, Current: c.Current.Name, Candidate: c.Tier.Name,
		Decision: string(rec.Decision), Reason: rec.Reason, Recommend: rec.Recommend,
		Items: a.Items, Of: a.Spec.Params.N, Needed: a.Wants, Bought: res.Bought, Spent: res.Spent, Priced: res.Priced,
		Simulated: res.Epoch.Candidate.Simulated || res.Epoch.Current.Simulated,
		Record:    &rec, Epoch: res.Epoch.ID(), Claim: a.Claim, Margin: a.Spec.Params.Margin,
		Ladder: rungs(c.Ladder), Series: points(res.Series), Target: a.Test.Threshold, Traffic: c.Runs,
	}
	if res.Stopped != "" && rec.Decision != verdict.Downgrade && a.Items == 0 {
		// Nothing was measured, so the statistics have nothing to say: the
		// reason is why nothing was.
		r.Decision, r.Reason = "hold", res.Stopped
	} else if res.Stopped != "" && (rec.Decision == verdict.Undecided || rec.Rule == "planted") || res.Stopped == unpaid {
		r.Reason += " (" + res.Stopped + ")"
	}
	saves(&r, c, res.Money, a.Items)
	for _, g := range a.Gates {
		r.Gates = append(r.Gates, measure(g, ""))
	}
	for _, d := range a.Dims {
		r.Dims = append(r.Dims, measure(d, d.Kind))
	}
	return r
}

// saves fills in what the candidate saves: as measured, or as estimated while
// nothing is. A price that is not known leaves it open, and says whose it is.
func saves(r *report.Row, c Candidate, m verdict.Money, items int) {
	switch {
	case m.Known:
		r.SavePer1k = new((m.CurrentPerRun - m.CandidatePerRun) * 1000)
		if m.RunsPerMonth > 0 {
			r.SaveMonth = new((m.CurrentPerRun - m.CandidatePerRun) * m.RunsPerMonth)
		}
		r.AtLeast = m.AtLeast
		r.CurrentGPU, r.CandidateGPU = m.CurrentGPU*1000, m.CandidateGPU*1000
	case !c.Priced:
		r.Unpriced = c.unpriced()
	case items > 0:
		r.Unpriced = "the cost of some trial is not known: that of a judge without a price, or one from before the tier had a price"
	default:
		r.SavePer1k = new(c.SavePer1k)
		if c.Runs > 0 {
			r.SaveMonth = new(c.SaveMonth)
		}
	}
}

// points of a chart. Wealth can be certainty, which has no place on a scale: it
// is drawn at the scale's end.
func points(states []verdict.State) []report.Point {
	out := make([]report.Point, 0, len(states))
	for _, s := range states {
		out = append(out, report.Point{N: s.N, NotWorse: s.LnE, Worse: s.LnEWorse})
	}
	return out
}

// rungs names a ladder's tiers, cheapest first.
func rungs(l *config.Ladder) []string {
	var out []string
	for _, t := range l.Tiers {
		out = append(out, t.Name)
	}
	return out
}

func measure(g verdict.Guard, kind string) report.Measure {
	answer := "unknown"
	switch g.Outcome {
	case verdict.Proved:
		answer = "proved"
	case verdict.Disproved:
		answer = "worse"
	}
	return report.Measure{Name: g.Name, Kind: kind, Current: g.Current, Candidate: g.Candidate, Answer: answer}
}

// worthScreening tells whether the candidate's form, not its content, may be
// what holds it: then its tune items are looked at, to say what code could own.
func worthScreening(r report.Row) bool {
	if r.Record == nil || r.Decision == "downgrade" || r.Items == 0 {
		return false
	}
	weaker := func(m report.Measure) bool { return m.Candidate < m.Current }
	return slices.ContainsFunc(r.Gates, weaker) || slices.ContainsFunc(r.Dims, func(m report.Measure) bool { return m.Kind == verdict.KindFormat && weaker(m) })
}

// codify says what of the candidate's form failed that code could own: gates on
// its tune items, and format dimensions that scored lower there. Which fix would
// reach them is the lever's to say, which looks at the outputs. Only tune items
// are looked at: evidence stays unseen.
func codify(r *report.Row, s *evolve.Screened) {
	if s.Items == 0 {
		return
	}
	var failing []string
	for _, g := range s.Gates {
		r.Screen = append(r.Screen, report.Measure{Name: g.Gate, Candidate: int64(s.Items-g.Failed) * verdict.Million / int64(s.Items), Answer: "unknown"})
		if g.Failed > 0 {
			failing = append(failing, fmt.Sprintf("%s (%d of %d tune items)", g.Gate, g.Failed, s.Items))
		}
	}
	for _, d := range s.Form {
		failing = append(failing, fmt.Sprintf("%s (%.1f points lower on %d tune items)", d.Dimension, float64(d.Current-d.Candidate)/1e4, s.Items))
	}
	if len(failing) == 0 {
		return
	}
	advice := Codify + ": let code own " + strings.Join(failing, ", ")
	if r.Recommend != "" {
		advice = r.Recommend + "; " + advice
	}
	r.Recommend = advice
}
