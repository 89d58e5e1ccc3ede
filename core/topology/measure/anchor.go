package main

import (
	"fmt"
	"io"

	"github.com/plimsoll-dev/plimsoll/core/bench/figure"
	"github.com/plimsoll-dev/plimsoll/core/topology"
)

// anchored gives the model one measured row of each group: its two factors make
// all predictions of the group agree with it, and the row itself counts as
// measured. The target is held against the anchor that somebody would measure
// first: the smallest layout at the middle of its loads, a rule that looks at no
// result. The mean over every row as the anchor, which is lower, stands beside it.
func anchored(dir string, w io.Writer) ([]figure.Figure, error) {
	rows, err := measured(dir, &library{dir: dir})
	if err != nil {
		return nil, err
	}
	gs := groups(rows, textbook)
	every, few := newTally(), newTally()
	for _, g := range gs {
		for _, slo := range slos {
			var sum score
			n := 0.0
			for _, o := range g.options {
				for i := range o.rows {
					if s, ok := g.anchor(o, i, slo); ok {
						sum.sum(s)
						n++
					}
				}
			}
			if n > 0 {
				every.add(slo, g.family, score{sum.n / n, sum.right / n, sum.kept / n})
			}
			if o, i := g.smallest(); o != nil {
				if s, ok := g.anchor(o, i, slo); ok {
					few.add(slo, g.family, s)
				}
			}
		}
	}
	every.print(w, "one anchor, mean over every row")
	few.print(w, "one anchor, smallest layout")
	out := few.targets("one anchor a group, the smallest layout", .75, .92)
	return append(out, figure.Show("picked / kept, one anchor, mean over every row as the anchor", fmt.Sprintf("%.1f %% / %.1f %% of %.0f", 100*every.all.right/every.all.n, 100*every.all.kept/every.all.n, every.all.n))), nil
}

// smallest is what somebody would measure first: the layout with the fewest
// GPUs at the middle of its loads.
func (g group) smallest() (*option, int) {
	var best *option
	for _, o := range g.options {
		if o.knows && (best == nil || o.gpus < best.gpus) {
			best = o
		}
	}
	if best == nil {
		return nil, 0
	}
	at := 0
	for i := range best.rows {
		below := 0
		for _, r := range best.rows {
			if r.load.Concurrency < best.rows[i].load.Concurrency {
				below++
			}
		}
		if below == len(best.rows)/2 {
			at = i
		}
	}
	return best, at
}

// anchor decides with row i of o measured.
func (g group) anchor(o *option, i int, slo float64) (score, bool) {
	if !o.knows {
		return score{}, false
	}
	r := o.rows[i]
	tpot, ttft := r.tpot/o.guess[i].TPOT, r.ttft/o.guess[i].TTFT
	return g.decide(slo, func(x *option) float64 {
		if x != o {
			return x.hope(slo, tpot, ttft)
		}
		y := *x
		y.guess = append([]topology.Point(nil), x.guess...)
		y.guess[i].TPOT, y.guess[i].TTFT = r.tpot/tpot, r.ttft/ttft // hope multiplies them back
		return y.hope(slo, tpot, ttft)
	})
}
