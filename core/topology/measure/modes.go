package main

import (
	"fmt"
	"io"
	"math"
	"sort"

	"github.com/plimsoll-dev/plimsoll/core/bench/figure"
	"github.com/plimsoll-dev/plimsoll/core/topology"
)

// modes asks one question of each group that has both: with or without a split?
func modes(dir string, w io.Writer) ([]figure.Figure, error) {
	rows, err := measured(dir, &library{dir: dir})
	if err != nil {
		return nil, err
	}
	n, right, splitWins := 0, 0, 0
	for _, g := range groups(rows, textbook) {
		both := map[bool]bool{}
		for _, o := range g.options {
			both[o.split] = true
		}
		if len(both) < 2 {
			continue
		}
		for _, slo := range slos {
			truth, guess := [2]float64{}, [2]float64{math.Inf(-1), math.Inf(-1)}
			for _, o := range g.options {
				k := 0
				if o.split {
					k = 1
				}
				truth[k] = max(truth[k], o.truth(slo))
				guess[k] = max(guess[k], o.hope(slo, 1, 1))
			}
			if truth[0] == truth[1] {
				continue // neither keeps the SLO
			}
			n++
			if truth[1] > truth[0] {
				splitWins++
			}
			if (guess[1] > guess[0]) == (truth[1] > truth[0]) {
				right++
			}
		}
	}
	if n == 0 {
		return nil, fmt.Errorf("no group has both")
	}
	byAlways := max(splitWins, n-splitWins)
	share := float64(right) / float64(n)
	return []figure.Figure{
		{What: "aggregated against disaggregated", Target: ">= 75 %", Measured: fmt.Sprintf("%.1f %% of %d", share*100, n), Holds: share >= .75},
		figure.Show("always the more frequent one", fmt.Sprintf("%.1f %%", 100*float64(byAlways)/float64(n))),
	}, nil
}

// timeErrors is how far single times are off: median and 90th percentile of
// the factor between predicted and measured.
func timeErrors(dir string, w io.Writer) ([]figure.Figure, error) {
	rows, err := measured(dir, &library{dir: dir})
	if err != nil {
		return nil, err
	}
	cal := calibrations(rows, nil)
	many := calibrations(rows, topology.Many())
	var out []figure.Figure
	for _, c := range []struct {
		name string
		cal  map[string]topology.Calibration
	}{{"textbook", cal}, {"eight constants fitted on the other models", many}} {
		var tpot, ttft []float64
		unknown := 0
		for _, r := range rows {
			p, err := topology.Steady(r.hw, r.model, r.load, r.topo, c.cal[r.family])
			if err != nil {
				unknown++
				continue
			}
			tpot = append(tpot, math.Log(p.TPOT/r.tpot))
			ttft = append(ttft, math.Log(p.TTFT/r.ttft))
		}
		out = append(out,
			figure.Show("TPOT error, "+c.name, off(tpot)),
			figure.Show("TTFT error, "+c.name, off(ttft)),
			figure.Show("rows that are not predicted, "+c.name, fmt.Sprintf("%d of %d", unknown, len(rows))))
	}
	return out, nil
}

// off puts log ratios into words.
func off(logs []float64) string {
	abs := make([]float64, len(logs))
	var sum float64
	for i, v := range logs {
		abs[i] = math.Abs(v)
		sum += v
	}
	sort.Float64s(abs)
	return fmt.Sprintf("median factor %.2f, 90 %% within %.2f, mean %+.0f %%", math.Exp(abs[len(abs)/2]), math.Exp(abs[len(abs)*9/10]), 100*(math.Exp(sum/float64(len(logs)))-1))
}
