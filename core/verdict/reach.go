package verdict

import "math"

// Floor is the least number of items at which any test of this level could
// prove "not worse by margin" (millionths) while no win is observed, D in
// {-1, 0}: ceil(ln(1/alpha) / -ln(1-d)). A candidate that loses exactly a share
// d of its items shows no loss on fewer with a chance above alpha.
// 0 for a margin or level that Validate refuses.
func Floor(margin int64, alphaEff float64) int {
	if margin <= 0 || margin >= Million || !(alphaEff > 0 && alphaEff < 1) {
		return 0
	}
	d := float64(margin) / float64(Million)
	return int(math.Ceil(ln(1/alphaEff) / -ln1p(-d)))
}

// reachCap ends the search for a reach. At 0.1 points and 5 % grid8 needs
// under 5,000 ties; what needs more than this needs another margin.
const reachCap = 200_000

// Reach is the number of items that the method needs when every item is a tie,
// as an identical model's are. ok is false when the deadline comes first: n is
// then what the method would need with time (for Star1 and Star2, which aim at
// their deadline, the same as Deadline), or 0 when that is out of sight.
func Reach(p Params) (n int, ok bool) {
	if p.Validate() != nil {
		return 0, false
	}
	if n, ok = ties(p, p.N); ok {
		return n, true
	}
	if p.Method == Star1 || p.Method == Star2 {
		return Deadline(p), false
	}
	far := p
	far.N = reachCap
	n, _ = ties(far, reachCap)
	return n, false
}

// Deadline is the smallest N at which p's method proves all ties in time: what
// max_items would have to be. 0 when none in sight does. A pool always proves
// ties, by counting; for one this is the smallest pool that may move anything.
func Deadline(p Params) int {
	if p.Validate() != nil {
		return 0
	}
	low := max(1, p.Least()) // nothing else proves ties under the floor
	if p.Method.Pool() {
		return low
	}
	for n := low; n <= reachCap && n <= 8*low; n++ {
		p.N = n
		if _, ok := ties(p, n); ok {
			return n
		}
		if p.Method == Grid8 { // does not look at N: ask once
			p.N = reachCap
			n, _ = ties(p, reachCap)
			return n
		}
	}
	return 0
}

func ties(p Params, limit int) (int, bool) {
	p.N = max(p.N, limit)
	t := open(p)
	for range limit {
		switch t.Add(Observation{}) {
		case Proved:
			return t.t, true
		case Disproved, Inconclusive:
			return 0, false
		}
	}
	return 0, false
}
