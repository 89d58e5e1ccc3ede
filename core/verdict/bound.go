package verdict

import (
	"math"
	"slices"
)

// Bound is the anytime bound on the loss: the largest margin d, in millionths
// of (-1, 1), that p's test has not proved on these observations, found by
// inverting the test to 1e-6. The candidate loses at most this much; a negative
// bound says that it wins at least that much. It holds at every look, with
// chance 1-AlphaEff, and agrees with the test: p is proved exactly when the
// bound is below its margin. ok is false when nothing is excluded yet (the
// bound is then a whole score) or p is invalid.
func Bound(p Params, obs []Observation) (d int64, ok bool) {
	if p.Validate() != nil {
		return Million, false
	}
	// From the policy's own margin outwards, so that a bound on the other side
	// of it than the verdict is impossible even where star1's bets, which look
	// at the margin, make proof not quite monotone in it.
	low, high := p.Margin, Million-1
	if proves(p, obs, p.Margin) {
		low, high = 1-Million, p.Margin
		if proves(p, obs, low) {
			return low, true
		}
	} else if !proves(p, obs, high) {
		return Million, false
	}
	for high-low > 1 { // low not proved, high proved
		if mid := low + (high-low)/2; proves(p, obs, mid) {
			high = mid
		} else {
			low = mid
		}
	}
	return low, true
}

// proves asks the not-worse side alone: whether p was ever disproved has
// nothing to do with the size of the loss.
func proves(p Params, obs []Observation, margin int64) bool {
	p.Margin = margin
	t := open(p)
	for i, o := range obs {
		if i >= p.N {
			break
		}
		t.up.add(o.NotWorse)
		if t.up.reaches(t.need) || p.frozen(i+1, t.up) {
			return true
		}
	}
	return false
}

// z95 is the one-sided 95 % point of the normal distribution.
const z95 = 1.6448536269514722

// BonettPrice is the one-look 95 % lower bound on the mean difference, in
// millionths: the adjusted Wald interval of Bonett & Price (2012) for paired
// proportions, one win and one loss added, with sums of D and D^2 in place of
// the counts of wins and losses, which is the same for pass/fail and defined
// for graded scores. It is honest for one look at a fixed n and for nothing
// else: show it labelled, never decide on it. Like every one-look figure it
// sees missing scores as the not-worse null does. -1 with no observation.
func BonettPrice(obs []Observation) int64 {
	if len(obs) == 0 {
		return -Million
	}
	var sum, square int64
	for _, o := range obs {
		sum += o.NotWorse
		square += o.NotWorse * o.NotWorse
	}
	n := float64(len(obs) + 2)
	m := float64(sum) / float64(Million) / n
	second := (float64(square)/1e12 + 2) / n
	return millionths(m - mul(z95, math.Sqrt(math.Max(0, second-mul(m, m))/n)))
}

// growthSlack and z90 are the two constants of the design's formula: two nats
// beyond the threshold for the price of learning the bet, and the normal 90 %
// point for the slow nights.
const (
	growthSlack = 2
	z90         = 1.2815515655446004
)

// ItemsNeeded estimates how many items, counted from the first, a proof takes
// if the differences go on as observed: (ln(1/alpha_eff) + 2) over the best
// growth max_l E ln(1 + l(D+d)), never under the reach, with a p90 from the
// first-passage time of a walk with that growth and variance. Nothing observed
// counts as ties. For a pool both are at most the pool. ok is false when no bet
// grows, so that no number of such items would do.
func ItemsNeeded(p Params, obs []Observation) (mean, p90 int, ok bool) {
	if p.Validate() != nil {
		return 0, 0, false
	}
	if len(obs) == 0 {
		obs = []Observation{{}}
	}
	if len(obs) > p.N {
		obs = obs[:p.N]
	}
	least, _ := Reach(p)
	if (p.Method == Star2 || p.Method == Pool2) && !slices.ContainsFunc(obs, func(o Observation) bool { return o.NotWorse != 0 }) {
		// A clone so far. These methods learn nothing more from ties, so the reach
		// is what they take to the item; the older ones keep the formula.
		return least, least, true
	}
	growth, variance := bestGrowth(p.Margin, obs)
	if growth <= 1e-9 {
		return 0, 0, false
	}
	goal := ln(1/p.AlphaEff()) + growthSlack
	m := goal / growth
	spread := math.Sqrt(mul(goal, variance) / mul(growth, mul(growth, growth)))
	mean = max(whole(m), least)
	p90 = max(whole(m+mul(z90, spread)), mean)
	if p.Method.Pool() {
		mean, p90 = min(mean, p.N), min(p90, p.N)
	}
	return mean, p90, true
}

// whole rounds up, to at most what fits every platform's int.
func whole(x float64) int { return int(math.Min(math.Ceil(x), 1e9)) }

// bestGrowth is max over l in [0, .95/(1-d)] of the mean of ln(1 + l(D+d)),
// which is concave in l, and the variance of that logarithm at the best l.
func bestGrowth(margin int64, obs []Observation) (growth, variance float64) {
	counts := make(map[int64]int, len(obs))
	values := make([]int64, 0, len(obs)) // in order of first sight: sums must not depend on map order
	for _, o := range obs {
		if counts[o.NotWorse] == 0 {
			values = append(values, o.NotWorse)
		}
		counts[o.NotWorse]++
	}
	at := func(l float64) (m, second float64) {
		for _, d := range values {
			share := float64(counts[d]) / float64(len(obs))
			g := ln1p(mul(l, float64(d+margin)/float64(Million)))
			m += mul(share, g)
			second += mul(share, mul(g, g))
		}
		return m, second
	}
	low, high := 0.0, starCap/(1-float64(margin)/float64(Million))
	for range 60 { // (2/3)^60 of the range
		a, b := low+(high-low)/3, high-(high-low)/3
		ga, _ := at(a)
		gb, _ := at(b)
		if ga < gb {
			low = a
		} else {
			high = b
		}
	}
	growth, second := at((low + high) / 2)
	return growth, math.Max(0, second-mul(growth, growth))
}
