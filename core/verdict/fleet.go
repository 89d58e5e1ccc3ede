package verdict

import (
	"fmt"
	"math"
)

// The false-discovery rule bounds the share of wrong moves over all skills of a
// policy, beside each skill's own chance of ever being moved wrongly.
//
// Every test that a policy ever opens has a weight, fixed when it is opened, and
// all weights that will ever be given sum to at most 1. With R moves made so far,
// tonight the largest set S is accepted such that every test in it has
//
//	E >= 1/(weight * alpha * (R+|S|))
//
// E is the test's wealth now, not its highest, and stays as it was when it was
// accepted. Then the expected share of wrong moves is at most alpha on any
// night, whatever depends on what: a wrong move adds at most 1/(R+|S|) to the
// share, which is at most alpha*weight*E, and the mean of E is at most 1 under
// its null at any stopping time. (e-BH: Wang & Ramdas, "False discovery rate
// control with e-values", JRSS B 2022; here with weights, and online.)
//
// That needs R_t >= R+|S| on every later night t, so only what really moves may
// count, in R and in S. Hence:
//   - R counts acceptances that a move followed. One without a move counts for
//     nothing; it has to clear the bar of the night that would make its move,
//     with the wealth that it was accepted with.
//   - Whoever asks hands over only tests whose move nothing else stands against,
//     and a set is moved whole or not at all.
//   - Where a person chooses what is applied, as of a patch, nobody knows the set
//     beforehand. Then only tests are proposed that clear the bar of a set of one:
//     whatever part is applied, and when, each one adds at most 1/(R+1).
//
// A move that is taken back counts on: the bound is about moves made.

// Whole is the weight 1 of the false-discovery rule, in units of 1e-15: exact in
// JSON, and fine enough for a million skills.
const Whole int64 = 1_000_000_000_000_000

// Fleet is what a policy's tests have come to so far.
type Fleet struct {
	Accepted int // R: accepted moves that were made; they count for ever
	// Given is the sum of all weights ever given, closed and reset tests
	// included. It is over Whole only where two checkouts gave the same places
	// away and were merged; then every bar rises by what is over.
	Given int64
}

// Entrant is a test that may be accepted tonight: nothing but the bar stands
// against its move. A disproved test is none; one that ran out of items may be,
// with the wealth that it ended with.
type Entrant struct {
	Params Params
	E      int64 // millionths: the wealth now
}

// FleetWeight is the weight of a skill's j-th epoch, in units of 1e-15: its
// skill's share of the whole times gamma_j of AlphaEff. Place counts the skills
// of the policy from 1 in the order in which they opened their first test, first
// is how many skills the policy had on the night of its very first test. 0 for
// places and epochs that do not exist.
//
// The first skills have half of the whole, in equal parts; the i-th later one
// has first/(2 i (i-1)). The later ones telescope to the other half, so that
// newcomers can come for ever, and one that comes when the policy has doubled
// has a quarter of a founder's share. A weight by 1/(k log^2 k) alone would
// leave the last of a thousand founders fifty times less than the first.
func FleetWeight(place, first, epoch int) int64 {
	if place < 1 || first < 1 || epoch < 1 {
		return 0
	}
	share := 1 / float64(2*float64(first))
	if place > first {
		i := float64(place)
		share = float64(first) / float64(2*float64(i*(i-1)))
	}
	j := float64(epoch)
	return int64(math.Floor(mul(mul(float64(Whole), share), float64(basel/float64(j*j)))))
}

// Bar is the wealth in millionths that a test of these parameters needs in a set
// of so many that are accepted together: never less than the skill's own
// 1/alpha_eff. A test without a weight has the skill's own bar alone.
func (f Fleet) Bar(p Params, together int) int64 {
	own := need(p.own())
	if p.Weight == 0 {
		return own
	}
	level := p.fleet(f.Accepted + together)
	if f.Given > Whole {
		level = float64(level / float64(float64(f.Given)/float64(Whole)))
	}
	return max(own, need(level))
}

// Accept is the largest set that may be accepted tonight, as ascending places in
// tests. It depends on no order: there is one largest set.
func (f Fleet) Accept(tests []Entrant) []int {
	// counts[k] is how many tests clear their bar in a set of k, but not of k-1.
	counts := make([]int, len(tests)+1)
	least := make([]int, len(tests))
	for i, t := range tests {
		least[i] = f.least(t, len(tests))
		if least[i] > 0 {
			counts[least[i]]++
		}
	}
	size, clear := 0, 0
	for k := 1; k <= len(tests); k++ {
		clear += counts[k]
		if clear >= k {
			size = k
		}
	}
	var out []int
	for i, k := range least {
		if k > 0 && k <= size {
			out = append(out, i)
		}
	}
	return out
}

// Alone are the tests of which any part may be moved, as ascending places in
// tests: each clears the bar of a set of one.
func (f Fleet) Alone(tests []Entrant) []int {
	var out []int
	for i, t := range tests {
		if f.least(t, 1) > 0 {
			out = append(out, i)
		}
	}
	return out
}

// least is the size of the smallest set in which t clears its bar, 0 when none
// of up to n does. A bar only falls as sets grow.
func (f Fleet) least(t Entrant, n int) int {
	if t.Params.Validate() != nil || f.Bar(t.Params, n) > t.E {
		return 0
	}
	low, high := 1, n
	for low < high {
		mid := (low + high) / 2
		if f.Bar(t.Params, mid) <= t.E {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return low
}

// fleet is the level at which the false-discovery rule tests, with so many
// accepted.
func (p Params) fleet(accepted int) float64 {
	weight := float64(float64(p.Weight) / float64(Whole))
	return mul(mul(float64(p.Alpha)/float64(Million), weight), float64(accepted))
}

// frozen tells whether the test was accepted in a set after t items, and its
// wealth says so. An acceptance that the items do not bear out is none.
func (p Params) frozen(t int, up process) bool {
	return p.FrozenAt > 0 && t == p.FrozenAt && up.e() >= p.FrozenBar
}

// validateFleet says what is wrong with the fleet's part of p, or nil.
func (p Params) validateFleet() error {
	switch {
	case p.Weight < 0 || p.Weight > Whole:
		return fmt.Errorf("a weight of %d is outside 0..%d", p.Weight, Whole)
	case p.Accepted < 0 || p.Accepted > maxN:
		return fmt.Errorf("%d accepted moves are outside 0..%d", p.Accepted, maxN)
	case p.FrozenAt < 0 || p.FrozenBar < 0 || (p.FrozenAt == 0) != (p.FrozenBar == 0):
		return fmt.Errorf("a test is frozen at an item and a bar: item %d and bar %d do not fit", p.FrozenAt, p.FrozenBar)
	case p.Weight == 0 && (p.Accepted > 0 || p.FrozenAt > 0):
		return fmt.Errorf("a test without a weight is not under the false-discovery rule, so nothing can have been accepted by it")
	case p.FrozenAt > 0 && p.FrozenBar < need(p.own()):
		return fmt.Errorf("a test frozen at a bar of %d millionths is under the skill's own of %d", p.FrozenBar, need(p.own()))
	}
	return nil
}
