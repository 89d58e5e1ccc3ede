package verdict

import "math"

// Mark is one output that somebody independent of the judge marked, and what
// the judge gave it: both in millionths of 0..1. Item names the input.
type Mark struct {
	Item        string
	Gold, Score int64
}

// Gold is what is known of a judge on the two arms of a comparison, each in the
// order in which the labels came. Random says that the inputs are a random
// sample of the skill's, not picked by class.
type Gold struct {
	Current, Candidate []Mark
	Random             bool
}

// Kinds of calibration.
const (
	Pairs = "pairs" // inputs marked on both arms: prediction-powered
	Rates = "rates" // pass/fail outputs by class and arm: error rates
)

// LeastLabels is how many labels each class of each arm needs (rates), or how
// many inputs have to be marked on both arms (pairs).
const LeastLabels = 100

// Calibration is what labels allow a judge's test. The gold difference is lost
// by less than the margin asked for wherever the judged difference is lost by
// less than Margin, with a chance of at most the level that the labels are
// wrong, however often labels are added.
type Calibration struct {
	Kind   string `json:"kind"`   // Pairs, Rates, or "" when there are too few labels
	Margin int64  `json:"margin"` // of the judged test, millionths; <= 0 only holds
	Best   int64  `json:"best"`   // what Margin would be with endless labels like these
	JLow   int64  `json:"j_low"`  // what a whole point of quality is at least worth in the judge's points
	Bias   int64  `json:"bias"`   // B: JLow * margin - Bias = Margin
	Paired int    `json:"paired"` // inputs marked on both arms
	Least  int    `json:"least"`  // labels of the smallest class of an arm
	Needed int    `json:"needed"` // labels (of Paired or Least) that would make half of Best; 0: no number of labels like these
}

// shares are the weights that a judge's difference may get beside the gold one,
// in quarters. All are bounded at once, so that the best may be taken.
var shares = [...]int64{1, 2, 4}

// Calibrate turns labels into the margin of the judged test. alpha is the
// labels' share of the level, margin what may be lost in gold; millionths.
//
// Two separate intervals for each error rate would leave nothing: at 400 labels
// per class and arm the sum of their widths is over ten points. Two ways that
// are exact at every number of labels, by betting (the function Bound), are
// sharper:
//
//   - Pairs, where the inputs are a random sample marked on both arms: for a
//     weight l, E[gold D] = l E[judged D] + E[gold D - l judged D], and the last
//     term is bounded from the labels (prediction-powered inference: Angelopoulos
//     et al., Science 2023). Nothing is assumed about the judge. Graded gold is fine.
//   - Rates, where gold is 0 or 1: the judged difference under "worse by d" is
//     linear in the unknown qualities, so its maximum is at a corner, and each
//     corner is one mean of the error rates of both arms. The margin is the least
//     of their bounds. It needs no share of the level for each (an
//     intersection-union test), nor for J and B apart.
//
// D counts as 0 where an arm fails its gates; corners and the cap at 0 allow for
// any share of that.
func Calibrate(g Gold, margin, alpha int64) Calibration {
	c := Calibration{Paired: len(both(g.Current, g.Candidate))}
	cur, ok := classes(g.Current)
	cand, also := classes(g.Candidate)
	if ok && also {
		c.Least = min(len(cur[0]), len(cur[1]), len(cand[0]), len(cand[1]))
	}
	if margin <= 0 || margin >= Million {
		return c
	}
	switch {
	case g.Random && c.Paired >= LeastLabels:
		c.pairs(both(g.Current, g.Candidate), margin, alpha)
	case ok && also && c.Least >= LeastLabels:
		c.rates(cur, cand, margin, alpha)
	}
	return c
}

// both are the inputs that have a mark on either arm, in the order of the later
// one; of several marks of one input the first counts.
func both(current, candidate []Mark) [][2]Mark {
	first := make(map[string]Mark, len(current))
	for _, m := range current {
		if _, ok := first[m.Item]; !ok {
			first[m.Item] = m
		}
	}
	var out [][2]Mark
	for _, m := range candidate {
		if c, ok := first[m.Item]; ok {
			out = append(out, [2]Mark{c, m})
			delete(first, m.Item)
		}
	}
	return out
}

// classes are the judge's scores of outputs whose gold is 0, and 1; ok is false
// for graded gold.
func classes(marks []Mark) (out [2][]int64, ok bool) {
	for _, m := range marks {
		switch m.Gold {
		case 0:
			out[0] = append(out[0], m.Score)
		case Million:
			out[1] = append(out[1], m.Score)
		default:
			return out, false
		}
	}
	return out, true
}

func (c *Calibration) pairs(labels [][2]Mark, margin, alpha int64) {
	c.Kind, c.Margin, c.Best = Pairs, -Million, -Million
	for _, l := range shares {
		obs := rests(labels, l)
		if m := restMargin(lower(obs, alpha/int64(len(shares))), l, margin); m > c.Margin {
			c.Margin, c.JLow = m, 4*Million/l
		}
		if best := restMargin(average(obs), l, margin); best > c.Best {
			c.Best = best
		}
	}
	c.close(margin, c.Paired)
}

// rests are what a judge's differences, weighed l quarters, leave of the gold
// ones, scaled into [-1, 1].
func rests(labels [][2]Mark, l int64) []Observation {
	out := make([]Observation, len(labels))
	for i, m := range labels {
		gold, judged := m[1].Gold-m[0].Gold, m[1].Score-m[0].Score
		out[i] = Same(floorDiv(4*gold-l*judged, 4+l))
	}
	return out
}

// restMargin is the judged test's margin where the rests have a mean of x.
func restMargin(x, l, margin int64) int64 {
	return floorDiv(4*(margin+min(0, floorDiv(x*(4+l), 4))), l)
}

func (c *Calibration) rates(cur, cand [2][]int64, margin, alpha int64) {
	c.Kind = Rates
	n, d := c.Least, margin
	keep := Million - d
	corner := func(of func(fc, tc, fk, tk int64) int64) []Observation {
		obs := make([]Observation, n)
		for i := range obs {
			// A product of two numbers of 0..1 is divided once, downwards.
			obs[i] = Same(floorDiv(of(cur[0][i], cur[1][i], cand[0][i], cand[1][i]), Million))
		}
		return obs
	}
	// Where nothing is good on the candidate, where all is good on the current
	// one, and where all that both pass is what the candidate loses.
	none := corner(func(fc, tc, fk, _ int64) int64 { return d*tc + keep*fc - Million*fk })
	all := corner(func(_, tc, fk, tk int64) int64 { return Million*tc - keep*tk - d*fk })
	few := corner(func(_, tc, fk, _ int64) int64 { return Million * (tc - fk) })
	c.Margin = min(lower(none, alpha), lower(all, alpha), floorDiv(d*lower(few, alpha), Million))
	c.Best = min(average(none), average(all), floorDiv(d*average(few), Million))
	c.JLow = min(
		lower(corner(func(fc, tc, _, _ int64) int64 { return Million * (tc - fc) }), alpha),
		lower(corner(func(_, _, fk, tk int64) int64 { return Million * (tk - fk) }), alpha))
	c.close(margin, c.Least)
}

// close fills in what follows from the margin. Widths shrink with the root of
// the number of labels.
func (c *Calibration) close(margin int64, n int) {
	c.Margin = min(c.Margin, Million/2)
	c.Bias = floorDiv(c.JLow*margin, Million) - c.Margin
	if half := c.Best / 2; half > 0 {
		times := float64(c.Best-c.Margin) / float64(half)
		c.Needed = max(LeastLabels, int(math.Ceil(mul(float64(n), mul(times, times)))))
	}
}

// lower is an anytime lower bound of a mean in [-1, 1], at level alpha.
func lower(obs []Observation, alpha int64) int64 {
	loss, _ := Bound(Params{Method: Grid8, Margin: Million / 20, Alpha: alpha, N: max(len(obs), 1)}, obs)
	return -loss
}

func average(obs []Observation) int64 {
	var sum int64
	for _, o := range obs {
		sum += o.NotWorse
	}
	return floorDiv(sum, int64(max(len(obs), 1)))
}

// floorDiv is a/b rounded down, b > 0.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// ClopperPearson are the exact one-sided bounds of a share of k in n, each at
// level alpha: 0 and 1 where nothing is excluded. Millionths; alpha too.
func ClopperPearson(k, n int, alpha int64) (low, high int64) {
	if n <= 0 || k < 0 || k > n || alpha <= 0 || alpha >= Million {
		return 0, Million
	}
	a := float64(alpha) / float64(Million)
	high = Million
	if k < n { // the share at which k or fewer has a chance of alpha
		high = bisect(func(p float64) bool { return atMost(k, n, p) > a }) + 1
	}
	if k > 0 { // mirrored
		low = Million - (bisect(func(p float64) bool { return atMost(n-k, n, p) > a }) + 1)
	}
	return max(low, 0), min(high, Million)
}

// bisect is the last millionth at which yes holds; it holds from 0 on.
func bisect(yes func(p float64) bool) int64 {
	low, high := int64(0), Million
	for high-low > 1 {
		if mid := low + (high-low)/2; yes(float64(mid) / float64(Million)) {
			low = mid
		} else {
			high = mid
		}
	}
	return low
}

// Allows tells whether Calibrate leaves a margin above nothing, at a twentieth of
// its cost: for whoever asks about many sets of labels.
func Allows(g Gold, margin, alpha int64) bool {
	labels := both(g.Current, g.Candidate)
	if margin <= 0 || margin >= Million || !g.Random || len(labels) < LeastLabels {
		return Calibrate(g, margin, alpha).Margin > 0
	}
	for _, l := range shares {
		// The least bound that leaves a millionth; one below it leaves nothing.
		low, high := -Million, int64(0)
		for high-low > 1 {
			if mid := low + (high-low)/2; restMargin(mid, l, margin) > 0 {
				high = mid
			} else {
				low = mid
			}
		}
		p := Params{Method: Grid8, Margin: Million / 20, Alpha: alpha / int64(len(shares)), N: len(labels)}
		if p.Validate() == nil && proves(p, rests(labels, l), 1-high) {
			return true
		}
	}
	return false
}
