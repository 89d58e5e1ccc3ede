package verdict

import "math"

// Noise is what measured items with repeats tell of a comparison: how far the
// items differ from each other, and how far the same item differs from itself.
type Noise struct {
	Items   int
	Mean    int64 // of D, millionths
	Between int64 // variance of an item's true D over items, millionths of 1
	Within  int64 // variance of D between runs of the same item, one run an arm
}

// MeasureNoise splits the variance of D. ds are the items' differences, each the
// mean of so many repeats an arm; runs are, by item, the variances of the scores
// between the repeats of both arms added up; all in millionths. ok is false with
// fewer than ten items or without repeats, which say nothing of a run's noise.
//
// The variance of means of r is between + within/r (analysis of variance); what
// is taken off may exceed what is there by chance, and then between is 0.
func MeasureNoise(ds, runs []int64, repeats int) (n Noise, ok bool) {
	if len(ds) < 10 || len(ds) != len(runs) || repeats < 2 {
		return Noise{Items: len(ds)}, false
	}
	count := float64(len(ds))
	sum, within := 0.0, 0.0
	for i, d := range ds {
		sum += float64(d) / float64(Million)
		within += float64(runs[i]) / float64(Million)
	}
	mean, within := sum/count, within/count
	square := 0.0
	for _, d := range ds {
		off := float64(d)/float64(Million) - mean
		square += mul(off, off)
	}
	between := math.Max(0, square/(count-1)-within/float64(repeats))
	return Noise{Items: len(ds), Mean: millionths(mean), Between: millionths(between), Within: millionths(within)}, true
}

// MaxRepeats is the most that Repeats considers.
const MaxRepeats = 5

// Repeated is what one number of repeats would take.
type Repeated struct {
	Repeats int
	Items   int   // expected to a proof, counted from the first; 0 when no number would do
	Cost    int64 // of those, micro-dollars
	Fits    bool  // within the deadline
}

// Repeats says how many runs of each item are the cheapest way to a proof, from
// 1 to MaxRepeats, to be fixed before the first item of a next epoch. An item
// costs item once and run for each repeat of both arms, in micro-dollars.
//
// Items are what tells items apart and runs are what tells nothing new, so where
// both cost the same, one run an item is always cheapest: r (between + within/r)
// only grows. Repeats pay where an item itself costs something, or where there
// are not enough of them: then it is the least number that fits into N. With
// nothing that fits, ok is false and best is the one that takes the fewest items.
func Repeats(p Params, n Noise, item, run int64) (best Repeated, all []Repeated, ok bool) {
	if p.Validate() != nil || n.Between < 0 || n.Within < 0 || item < 0 || run < 0 {
		return Repeated{}, nil, false
	}
	goal := ln(1/p.AlphaEff()) + growthSlack
	reach, _ := Reach(p)
	for r := 1; r <= MaxRepeats; r++ {
		spread := math.Sqrt((float64(n.Between) + float64(n.Within)/float64(r)) / float64(Million))
		// Two items, a spread to either side of the mean, stand for all.
		two := []Observation{Same(inside(n.Mean + millionths(spread))), Same(inside(n.Mean - millionths(spread)))}
		x := Repeated{Repeats: r}
		if growth, _ := bestGrowth(p.Margin, two); growth > 1e-9 {
			x.Items = max(whole(goal/growth), reach)
			x.Fits = x.Items <= p.N
			x.Cost = int64(math.Min(mul(float64(x.Items), float64(item)+mul(float64(r), float64(run))), float64(EMax)))
		}
		all = append(all, x)
	}
	for _, x := range all {
		switch {
		case x.Items == 0:
		case best.Items == 0,
			x.Fits && (!best.Fits || x.Cost < best.Cost),
			!x.Fits && !best.Fits && x.Items < best.Items:
			best = x
		}
	}
	return best, all, best.Fits
}

func inside(d int64) int64 { return min(max(d, -Million), Million) }
