package verdict

import "math"

// Pool says that the method draws without replacement from a pool of N and
// claims that pool only.
func (m Method) Pool() bool { return m == Pool1 || m == Pool2 }

// pool2 is one side of the method pool2: all that decides is the integers of
// pool1, whose letters are used here. With y = s D, t items seen, r = N-t left
// and a = -s N d - sum of y, the next y has a mean of at most m = a/r under the
// null, because the order is random; y >= -1. The wealth is multiplied by
// 1 + l (y - m), and l looks at the items before this one only:
//
//	v = max((0.6 + sum y^2)/(t+6) - m^2, .02)
//	aimed   = .9 sqrt(2 ln(G/W) / (r/4 v))
//	learned and clone as in star2, with y - m in place of x and of the m of today
//	l = min(.95, max(aimed, learned, clone) (1+m)) / (1+m)
//
// It aims at a quarter of what is left, always: the end of the pool decides by
// counting, so it is no goal, and an item not measured is money saved.
// a < -r proves; a = -r: the factor is 1 when y = -1, otherwise it is proved.
type pool2 struct {
	account
	sign   int64
	margin int64
	a      int64 // millionths
	r      int64 // items
	sure   bool
}

// poolAim is the share of what is left within which a proof is aimed at.
const poolAim = .25

func newPool2(p Params, sign, need int64) *pool2 {
	return &pool2{
		account: account{prove: sign > 0, goal: ln(float64(need) / float64(Million))},
		sign:    sign, margin: p.Margin, a: -sign * int64(p.N) * p.Margin, r: int64(p.N),
	}
}

func (p *pool2) add(d int64) {
	y := p.sign * d
	gain := 0.0
	if room := p.r*Million + p.a; room > 0 && !p.sure {
		rest := float64(p.r)
		m := float64(p.a) / mul(rest, float64(Million))
		share := mul(math.Max(p.aimed(mul(poolAim, rest), m), p.learned(m)), float64(room)/mul(rest, float64(Million)))
		if p.clone(p.margin) {
			share = math.Max(share, aimClone)
		}
		share = math.Min(share, aimMost)
		gain = mul(math.Max(share, 0), float64(y*p.r-p.a)/float64(room))
	}
	p.note(y, gain)
	p.a -= y
	p.r--
	p.sure = p.sure || p.a < -p.r*Million
}

func (p *pool2) e() int64 {
	if p.sure {
		return EMax
	}
	return p.account.e()
}
func (p *pool2) reaches(need int64) bool { return p.sure || p.account.reaches(need) }
func (p *pool2) ln() float64 {
	if p.sure {
		return lnCertain
	}
	return p.account.ln()
}
func (p *pool2) certain() bool { return p.sure }
