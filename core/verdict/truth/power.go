package main

import (
	"math"
	"slices"

	"github.com/plimsoll-dev/plimsoll/core/bench/figure"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

// yardstick says how much a better bet could still find: for every safe cell the
// largest chance of reaching G within the deadline over all strategies that know
// the cell's own distribution, which nobody does. A strategy of a sampled method
// is a bet from the items left and the wealth, so the chance follows from
// dynamic programming backwards from the deadline.
//
// The second line starts with the wealth that is left when an identical model is
// to be proved in 80 items, by a strategy that treats all ties alike: on them
// wealth grows by 1/(1-d) at most, each unit kept for a first loss at item t
// costs (1-d)^t d of the end's, and the sum has to leave 1/alpha.
func yardstick(cells []cell) []figure.Figure {
	var out []figure.Figure
	for _, start := range []struct {
		what   string
		wealth float64
	}{
		{"as many items as it likes on ties", 1},
		{"ties proved in 80, a first loss insured alike whenever it comes", insured(80)},
	} {
		best := make([]float64, len(cells))
		each(len(cells), func(i int) {
			if !cells[i].unsafe() {
				values, chances := distribution(cells[i].obs)
				best[i] = oracle(values, chances, deadline, start.wealth)
			}
		})
		var safe, notWorse []float64
		for i, c := range cells {
			if !c.unsafe() {
				safe = append(safe, best[i])
			}
			if c.notWorse() {
				notWorse = append(notWorse, best[i])
			}
		}
		mean, ci := average(safe)
		out = append(out, figure.Figure{What: "yardstick: safe cells found by who knows them, sampled, " + start.what, Measured: percent(mean, ci), Shown: true})
		mean, ci = average(notWorse)
		out = append(out, figure.Figure{What: "yardstick: not-worse cells found by who knows them, sampled, " + start.what, Measured: percent(mean, ci), Shown: true})
	}
	return out
}

// insured is the wealth that can be kept for after a first loss, the same at
// every item, when so many ties have to prove.
func insured(ties int) float64 {
	const d, level = float64(margin) / 1e6, float64(alpha) / 1e6
	end := math.Pow(1-d, float64(ties))
	return (1 - end/level) / (1 - end)
}

// distribution of the not-worse observations, graded ones in 18ths: the public
// grades are ninths, and pass/fail is exact.
func distribution(obs []verdict.Observation) (values, chances []float64) {
	count := map[int64]int{}
	var keys []int64
	for _, o := range obs {
		k := int64(math.Round(float64(o.NotWorse) * 18 / 1e6))
		if count[k] == 0 {
			keys = append(keys, k)
		}
		count[k]++
	}
	slices.Sort(keys)
	for _, k := range keys {
		values = append(values, float64(k)/18)
		chances = append(chances, float64(count[k])/float64(len(obs)))
	}
	return values, chances
}

// oracle is the largest chance that the wealth reaches G within n items. The
// logarithm of the wealth lies on a grid with values between its points
// interpolated, and 40 bets are tried: about half a point too kind or unkind.
func oracle(values, chances []float64, n int, wealth float64) float64 {
	const (
		d    = float64(margin) / 1e6
		grid = 400
		low  = -4.0 // who has lost 98 % does not come back often enough to matter
		bets = 40
	)
	high := math.Log(1e6 / float64(alpha))
	step := (high - low) / grid
	type move struct {
		down  int
		share float64 // of the point above
	}
	moves := make([][]move, bets)
	for b := range moves {
		bet := .9999 / (1 - d) * math.Pow(.005, float64(b)/(bets-1))
		for _, x := range values {
			by := math.Log1p(bet*(x+d)) / step
			moves[b] = append(moves[b], move{int(math.Floor(by)), by - math.Floor(by)})
		}
	}
	now, next := make([]float64, grid+1), make([]float64, grid+1)
	now[grid] = 1
	at := func(i int) float64 {
		switch {
		case i < 0:
			return 0
		case i >= grid:
			return 1
		}
		return now[i]
	}
	for range n {
		for i := range grid {
			best := now[i]
			for _, m := range moves {
				sum := 0.0
				for k, p := range chances {
					sum += p * (at(i+m[k].down)*(1-m[k].share) + at(i+m[k].down+1)*m[k].share)
				}
				best = max(best, sum)
			}
			next[i] = best
		}
		next[grid] = 1
		now, next = next, now
	}
	x := (math.Log(wealth) - low) / step
	i := int(x)
	return at(i)*(1-(x-float64(i))) + at(i+1)*(x-float64(i))
}
