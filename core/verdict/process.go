package verdict

import "math"

// process is one side of a test: a wealth that its null keeps from growing.
type process interface {
	// add bets on one difference, in millionths of [-1, 1].
	add(d int64)
	// e is the wealth in millionths, rounded down; EMax also when certain.
	e() int64
	// reaches is e() >= need, without the exponential where it is far off.
	reaches(need int64) bool
	// ln is the logarithm of the wealth, bounded by +-lnMax.
	ln() float64
	// certain says that the null is refuted by arithmetic, not by wealth.
	certain() bool
}

// lnMax bounds reported logarithms: JSON has no infinity.
const lnMax = 1e6

func bounded(x float64) float64 { return math.Max(-lnMax, math.Min(lnMax, x)) }

// gridNotWorse is grid8 against the null E[D | past] <= -d: factors
// 1 + f/(1-d) (D+d). Waudby-Smith & Ramdas, "Estimating means of bounded random
// variables by betting", JRSS B 2024; Ville's inequality for the level.
type gridNotWorse struct {
	m      mixture
	margin int64
}

func (g *gridNotWorse) add(d int64) {
	g.m.bet(float64(d+g.margin) / float64(Million-g.margin))
}
func (g *gridNotWorse) e() int64                { return g.m.e() }
func (g *gridNotWorse) reaches(need int64) bool { return g.m.e() >= need }
func (g *gridNotWorse) ln() float64             { return bounded(g.m.ln()) }
func (g *gridNotWorse) certain() bool           { return false }

// gridWorse is grid8 against the null E[D | past] >= -d: factors
// 1 - f/(1+d) (D+d). It is E' wherever the design names it.
type gridWorse struct {
	m      mixture
	margin int64
}

func (g *gridWorse) add(d int64) {
	g.m.bet(-float64(d+g.margin) / float64(Million+g.margin))
}
func (g *gridWorse) e() int64                { return g.m.e() }
func (g *gridWorse) reaches(need int64) bool { return g.m.e() >= need }
func (g *gridWorse) ln() float64             { return bounded(g.m.ln()) }
func (g *gridWorse) certain() bool           { return false }

// star is star1's not-worse side: one wealth, bet so that it would reach G at
// the deadline if the differences kept their variance.
type star struct {
	margin int64
	n      int
	goal   float64 // ln G
	t      int
	square int64   // sum of D^2, in units of 1e-12
	wealth float64 // ln W
}

const (
	starCap      = .95
	starPrior    = .6 // six items' worth of D^2 = .1
	starWeight   = 6
	starVariance = .02
	// starLeft keeps the bet above nothing in the last 1e-9 before G, where the
	// wealth could otherwise stand still one rounding short of proof.
	starLeft = 1e-9
	// starNear is far more than ln, exp and rounding to 1e-6 can be off by.
	starNear = 1e-3
)

func (s *star) add(d int64) {
	margin := float64(s.margin) / float64(Million)
	v := (starPrior+float64(s.square)/1e12)/float64(s.t+starWeight) - mul(margin, margin)
	v = math.Max(v, starVariance)
	left := math.Max(s.goal-s.wealth, starLeft)
	bet := math.Sqrt(float64(2*left) / mul(float64(s.n-s.t), v))
	bet = math.Min(bet, starCap/(1-margin))
	s.wealth += ln1p(mul(bet, float64(d+s.margin)/float64(Million)))
	s.square += d * d
	s.t++
}
func (s *star) e() int64 {
	if s.wealth > 25 { // e^25 is past EMax
		return EMax
	}
	return eMillionths(exp(s.wealth))
}
func (s *star) reaches(need int64) bool { return s.wealth > s.goal-starNear && s.e() >= need }
func (s *star) ln() float64             { return bounded(s.wealth) }
func (s *star) certain() bool           { return false }

// pool is pool1: D drawn without replacement from a pool of n. Sign +1 is the
// null sum of D <= -n d, -1 its mirror image, the null sum of D >= -n d, both
// written for sign*D. All that decides is integers of 1e-6:
//
//	a = what the rest may still sum to at most under the null
//	r = how many are left; the rest sums to at least -r
//
// a < -r refutes the null; a = -r allows it only if all the rest is -1;
// otherwise the next has a mean of at most m = a/r and the wealths are
// multiplied by 1 + f/(1+m) (D-m).
type pool struct {
	m    mixture
	sign int64
	a    int64 // millionths
	r    int64 // items
	sure bool
}

func newPool(p Params, sign int64) *pool {
	return &pool{m: newMixture(), sign: sign, a: -sign * int64(p.N) * p.Margin, r: int64(p.N)}
}

func (p *pool) add(d int64) {
	d *= p.sign
	if room := p.r*Million + p.a; room > 0 && !p.sure {
		p.m.bet(float64(d*p.r-p.a) / float64(room))
	}
	p.a -= d
	p.r--
	p.sure = p.sure || p.a < -p.r*Million
}
func (p *pool) e() int64 {
	if p.sure {
		return EMax
	}
	return p.m.e()
}
func (p *pool) reaches(need int64) bool { return p.e() >= need }
func (p *pool) ln() float64 {
	if p.sure {
		return lnCertain
	}
	return bounded(p.m.ln())
}
func (p *pool) certain() bool { return p.sure }

// lnCertain is ln EMax: what a certain side reports.
var lnCertain = ln(float64(EMax / Million))
