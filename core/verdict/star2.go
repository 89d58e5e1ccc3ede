package verdict

import "math"

// star2 is one side of the method star2: items sampled from traffic, a claim
// about future runs, N the deadline. With s = +1 for the side that proves and -1
// for the side that disproves, x_t = s (D_t + d) has a mean of at most 0 under
// the null, whatever was seen before, and x_t >= -(1 - s d). The wealth is
// multiplied by 1 + l_t x_t, and l_t looks at the t items before this one only:
//
//	v = max((0.6 + sum D^2)/(t+6) - d^2, .02)
//	aimed   = .9 sqrt(2 ln(G/W) / ((N-t) v))
//	learned = (sum x - 1.5 sqrt(sum x^2)) / (6 + sum x^2)   when proving
//	learned = sum x / (1 + sum x^2)                         when disproving
//	clone   = .8/(1-d) when proving, t d >= 1 and every D was 0, else 0
//	l = min(.95/(1 - s d), max(aimed, learned, clone))
//
// So a factor is at least .05 and its mean under the null at most 1: Ville's
// inequality gives the level, as for star1. G is 1/alpha_eff, or 1/alpha for the
// side that disproves.
type star2 struct {
	account
	sign   int64
	margin int64
	n      int
}

func newStar2(p Params, sign, need int64) *star2 {
	return &star2{
		account: account{prove: sign > 0, goal: ln(float64(need) / float64(Million))},
		sign:    sign, margin: p.Margin, n: p.N,
	}
}

func (s *star2) add(d int64) {
	null := -float64(s.sign*s.margin) / float64(Million) // the mean of s D under the null, at most
	most := 1 / (1 + null)
	bet := math.Max(s.aimed(float64(s.n-s.t), null), s.learned(null))
	if s.clone(s.margin) {
		bet = math.Max(bet, mul(aimClone, most))
	}
	bet = math.Min(bet, mul(aimMost, most))
	s.note(s.sign*d, mul(bet, float64(s.sign*(d+s.margin))/float64(Million)))
}
