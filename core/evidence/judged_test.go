package evidence_test

import (
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

// What only the candidate brought through its gates was scored by nobody, so it
// cannot pay for what the candidate lost; nor is it called a loss.
func TestGatesPassedAloneAreNoGain(t *testing.T) {
	const n = 200
	for _, c := range []struct {
		name         string
		alone, lost  int // of ten items: passed by the candidate alone, by the current tier alone
		want         verdict.Decision
		worse        bool
		meanD, meanW int64 // of the code part
	}{
		{"nothing changes hands", 0, 0, verdict.Downgrade, false, 0, 0},
		{"gains alone", 2, 0, verdict.Downgrade, false, 0, 200_000},
		{"gains for losses", 1, 1, verdict.Undecided, false, -100_000, 0},
		{"losses alone", 0, 2, verdict.Hold, true, -200_000, -200_000},
	} {
		e := epoch(1, n)
		e.Content, e.Judged, e.Margin = verdict.ContentDimension, true, 100_000
		e.JudgeTerms = &evidence.JudgeTerms{CodeMargin: 50_000, JudgeMargin: 50_000, Margin: 40_000, JLow: 900_000, Bias: 5_000, LabelAlpha: 10_000, TestAlpha: 40_000}
		e.Gates = nil
		ps := pairs(e, n, full)
		if c.want == verdict.Undecided {
			ps = ps[:60] // under way
		}
		for i := range ps {
			ps[i].Source = evidence.Pointwise
			failed := evidence.Result{Score: ptr(0), Status: "failed", Priced: true}
			switch k := i % 10; {
			case k < c.alone:
				ps[i].Current = failed
			case k < c.alone+c.lost:
				ps[i].Candidate = failed
			}
			ps[i].D = evidence.Difference(ps[i].Current, ps[i].Candidate)
		}
		// The planted arm is another matter: damage that is seen.
		planted := pairs(e, 30, func(int) (*int64, *int64) { return ptr(1_000_000), ptr(0) })
		for i := range planted {
			planted[i].Kind, planted[i].Source = evidence.KindPlanted, evidence.Pointwise
		}
		log, diags := evidence.Parse("evidence/digest.jsonl", file(t, e, append(ps, planted...)))
		if err := diags.Err(); err != nil {
			t.Fatal(err)
		}
		o := log.Epochs[0]
		a := o.Assess()
		r := o.Recompute()
		if a.Parts == nil {
			t.Fatalf("%s: no parts: %v", c.name, a.Problems)
		}
		if r.Decision != c.want || (a.Parts.Code.Outcome == verdict.Disproved) != c.worse {
			t.Errorf("%s: %s (code part %q): %s", c.name, r.Decision, a.Parts.Code.Outcome, r.Reason)
		}
		near := func(got, want int64) bool { return max(got-want, want-got) < 30_000 }
		if got := a.Parts.Code; !near(got.MeanD, c.meanD) || !near(got.MeanWorse, c.meanW) {
			t.Errorf("%s: the code part has gaps of %d and %d, want about %d and %d", c.name, got.MeanD, got.MeanWorse, c.meanD, c.meanW)
		}
	}
}
