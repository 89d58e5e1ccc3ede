package nightly

import (
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/report"
	"github.com/plimsoll-dev/plimsoll/core/tier"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

// step stands on the upper of two rungs.
func step(current, below config.Price, runs, runCost int64) Step {
	l := &config.Ladder{Name: "l"}
	for i, p := range []config.Price{below, current} {
		l.Tiers = append(l.Tiers, &config.Tier{Ladder: "l", Name: []string{"small", "large"}[i], Index: i, Price: p, Backend: &config.Backend{Name: "b"}})
	}
	return Step{Skill: "s", Step: "main", Ladder: l, Current: l.Tiers[1], Effective: tier.Effective{Rung: tier.Rung{Ladder: "l", Name: "large", Index: 1}}, Items: 60, Runs: runs, RunCost: runCost}
}

func tokens(in, out int64) config.Price {
	return config.Price{Known: true, TokenPrice: config.TokenPrice{Input: in, Output: out}}
}

// An estimate is made from prices alone, and from logged runs where there are any;
// without both prices there is none, and the step comes last.
func TestEstimates(t *testing.T) {
	unknown, hour := config.Price{}, config.Price{Known: true, GPUHour: 3_600_000}
	// A nominal run has 2,000 tokens in and 500 out, and takes a second of hardware.
	for name, c := range map[string]struct {
		s            Step
		priced       bool
		per1k, month int64
		lever        string
		why          string
	}{
		"both priced":        {step(tokens(10e6, 10e6), tokens(1e6, 1e6), 0, 0), true, 22_500_000, 0, Deescalate, ""},
		"with traffic":       {step(tokens(10e6, 10e6), tokens(1e6, 1e6), 300, 0), true, 22_500_000, 300 * 22_500, Deescalate, ""},
		"with logged runs":   {step(tokens(10e6, 10e6), tokens(1e6, 1e6), 300, 1_000), true, 900_000, 300 * 900, Deescalate, ""},
		"tokens to hardware": {step(tokens(10e6, 10e6), hour, 0, 0), true, 24_000_000, 0, LocalTier, ""},
		"a free tier":        {step(tokens(10e6, 10e6), tokens(0, 0), 0, 0), true, 25_000_000, 0, Deescalate, ""},
		"candidate unpriced": {step(tokens(10e6, 10e6), unknown, 300, 1_000), false, 0, 0, Deescalate, "no price is known of small"},
		"current unpriced":   {step(unknown, tokens(1e6, 1e6), 300, 1_000), false, 0, 0, Deescalate, "no price is known of large"},
		"both unpriced":      {step(unknown, unknown, 0, 0), false, 0, 0, Deescalate, "no price is known of large and small"},
	} {
		got, held := Discover([]Step{c.s, step(tokens(2e6, 2e6), tokens(1e6, 1e6), 0, 0)}, time.Time{})
		if len(got) != 2 {
			t.Fatalf("%s: %d candidates, held %+v", name, len(got), held)
		}
		if got[1].Priced && !c.priced {
			t.Errorf("%s: one without a price does not come last", name)
		}
		x := estimate(c.s, c.s.Ladder.Tiers[0])
		if x.Priced != c.priced || x.SavePer1k != c.per1k || x.SaveMonth != c.month || x.Lever != c.lever {
			t.Errorf("%s: %+v", name, x)
		}
		// With nothing measured the row has the estimate, or says why it has none.
		var r report.Row
		saves(&r, x, verdict.Money{}, 0)
		if r.Unpriced != c.why || (r.SavePer1k != nil) != c.priced || c.priced && *r.SavePer1k != c.per1k {
			t.Errorf("%s: the row has %v, %q", name, r.SavePer1k, r.Unpriced)
		}
		if (r.SaveMonth != nil) != (c.priced && c.s.Runs > 0) {
			t.Errorf("%s: a month of unknown traffic is %v", name, r.SaveMonth)
		}
	}
}

// Once something is measured, an estimate never stands in for what is not known.
func TestMeasuredSavings(t *testing.T) {
	x := estimate(step(tokens(10e6, 10e6), tokens(1e6, 1e6), 10, 0), &config.Tier{Price: tokens(1e6, 1e6)})
	var r report.Row
	saves(&r, x, verdict.Money{Known: false}, 5)
	if r.SavePer1k != nil || r.SaveMonth != nil || r.Unpriced == "" {
		t.Errorf("measured at an unknown cost: %+v", r)
	}
	r = report.Row{}
	saves(&r, x, verdict.Money{Known: true, CurrentPerRun: 500, CandidatePerRun: 200, RunsPerMonth: 10, AtLeast: true, CurrentGPU: 7}, 5)
	if *r.SavePer1k != 300_000 || *r.SaveMonth != 3_000 || !r.AtLeast || r.CurrentGPU != 7_000 || r.Unpriced != "" {
		t.Errorf("measured: %+v", r)
	}
}

// What a plan promises is what the record says later: the estimate only where
// nothing was measured, the warm cache that a move gives up in both.
func TestPlanPaysBackLikeTheRecord(t *testing.T) {
	c := Candidate{Priced: true, SavePer1k: 2_000_000}
	measured := verdict.Money{Known: true, CurrentPerRun: 500, CandidatePerRun: 100, CacheRegret: 1_000}
	for name, x := range map[string]struct {
		runs            int64
		priced          bool
		money           verdict.Money
		month, paysBack int64 // -1 is not known
	}{
		"estimated":             {runs: 10, priced: true, month: 20_000, paysBack: 2},
		"traffic not known":     {priced: true, month: -1, paysBack: 2},
		"no price":              {runs: 10, month: -1, paysBack: -1},
		"measured, with regret": {runs: 10, priced: true, money: measured, month: 4_000, paysBack: 13},
		"saves nothing":         {runs: 10, priced: true, money: verdict.Money{Known: true, CurrentPerRun: 1, CandidatePerRun: 1}, month: 0, paysBack: -1},
	} {
		c.Runs, c.Priced = x.runs, x.priced
		month, payback := worthOf(c, x.money, 4_000)
		if got := [2]int64{known(month), known(payback)}; got != [2]int64{x.month, x.paysBack} {
			t.Errorf("%s: %d a month, pays after %d, want %d and %d", name, got[0], got[1], x.month, x.paysBack)
		}
	}
}

func known(n *int64) int64 {
	if n == nil {
		return -1
	}
	return *n
}
