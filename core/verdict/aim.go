package verdict

import "math"

// What star2 and pool2 share: one wealth, bet on with the largest of three
// predictable stakes. Each knows something that the others do not.
//
//   - aimed: what would reach G by the deadline if the differences kept their
//     variance. It is star1's, a tenth smaller: less is lost when the last items
//     go against a wealth that is nearly there.
//   - learned: the mean seen so far over the second moment seen so far, which is
//     the bet that grows fastest when the future is like the past (Kelly 1956;
//     Waudby-Smith & Ramdas call it aGRAPA), with a prior against early luck.
//     It is what a candidate needs that is truly better, or truly much worse:
//     aiming at a deadline would take its time.
//   - clone: near all that may be staked, as long as no two outputs differed and
//     a loss would have been due by then. Only an identical model looks so for
//     long, and for one every cautious bet is wasted.
//
// A mixture of three wealths instead of the largest stake was refused: each part
// costs its share of the wealth for good, and the largest stake costs only what
// it loses itself. Measured in core/verdict/truth/POWER.md.
const (
	aimShare    = .9
	aimPrior    = .6 // six items' worth of D^2 = .1
	aimWeight   = 6
	aimVariance = .02
	// A stake of .95 of the largest survives every loss. The clone's stake is .8:
	// it keeps a fifth at the first loss, and still proves ties in 80 items at 5
	// points and N 400.
	aimMost  = .95
	aimClone = .8
	// The learned stake counts the prior as so many items of square 1. To prove,
	// 1.5 standard errors are taken off; to disprove, none: a wrong "worse" stops
	// a saving, a wrong "not worse" costs quality, and the levels hold anyway.
	learnProve    = 6
	learnDoubt    = 1.5
	learnDisprove = 1
	// aimLeft keeps the aimed stake above nothing in the last 1e-9 before G,
	// where the wealth could otherwise stand still one rounding short of proof.
	aimLeft = 1e-9
	// aimNear is far more than ln, exp and rounding to 1e-6 can be off by.
	aimNear = 1e-3
)

// account is one wealth and what its stakes look at: the items before this one.
type account struct {
	prove  bool    // the side that proves, not the one that disproves
	goal   float64 // ln G
	wealth float64 // ln W
	t      int
	sum    int64 // of D as the side counts it, millionths
	square int64 // of D^2, in units of 1e-12
}

// aimed is the stake per unit of difference for a proof within rest items of
// variance like those seen. The mean under the null is m.
func (a *account) aimed(rest, m float64) float64 {
	v := (aimPrior+float64(a.square)/1e12)/float64(a.t+aimWeight) - mul(m, m)
	left := math.Max(a.goal-a.wealth, aimLeft)
	return mul(aimShare, math.Sqrt(float64(2*left)/mul(rest, math.Max(v, aimVariance))))
}

// learned is the stake per unit of difference that would have done best so far,
// against a null of mean m.
func (a *account) learned(m float64) float64 {
	n, sum := float64(a.t), float64(a.sum)/float64(Million)
	x := sum - mul(n, m)
	q := float64(a.square)/1e12 - mul(float64(2*m), sum) + mul(n, mul(m, m))
	q = math.Max(q, 0)
	if !a.prove {
		return x / (learnDisprove + q)
	}
	return (x - mul(learnDoubt, math.Sqrt(q))) / (learnProve + q)
}

// clone says that nothing differed yet and a loss of this margin was due.
func (a *account) clone(margin int64) bool {
	return a.prove && a.square == 0 && int64(a.t)*margin >= Million
}

// note counts a difference and what the stake made of it: the wealth's factor
// less 1.
func (a *account) note(d int64, gain float64) {
	a.wealth += ln1p(gain)
	a.sum += d
	a.square += d * d
	a.t++
}

func (a *account) e() int64 {
	if a.wealth > 25 { // e^25 is past EMax
		return EMax
	}
	return eMillionths(exp(a.wealth))
}

// reaches asks for G itself, and for whatever else a caller compares with, such
// as the bar of the false-discovery rule.
func (a *account) reaches(need int64) bool {
	return a.wealth > ln(float64(need)/float64(Million))-aimNear && a.e() >= need
}
func (a *account) ln() float64   { return bounded(a.wealth) }
func (a *account) certain() bool { return false }
