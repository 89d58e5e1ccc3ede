package verdict

import "fmt"

// Observation is one item's difference in millionths of [-1, 1] as each null
// sees it. The two differ only when a score is missing: see Pair.
type Observation struct{ NotWorse, Worse int64 }

// Same is the observation of an item that misses no score.
func Same(d int64) Observation { return Observation{NotWorse: d, Worse: d} }

// Test is one epoch's sequential test. It may be looked at after every item,
// for ever: the chance that it ever says Proved while the candidate is worse
// by the margin is at most AlphaEff, the chance that it ever says Disproved
// while it is not is at most Alpha.
type Test struct {
	p        Params
	up, down process
	need     int64 // 1/alpha_eff, millionths
	needDown int64 // 1/alpha, millionths
	t        int
	sum      int64 // of NotWorse
	sumDown  int64 // of Worse
	outcome  Outcome
}

// NewTest opens a test; the error is that of Validate.
func NewTest(p Params) (*Test, error) {
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("opening a test: %w", err)
	}
	return open(p), nil
}

// open is NewTest for checked parameters, and for the margins outside (0, 1)
// that inverting the test has to try.
func open(p Params) *Test {
	t := &Test{p: p, need: need(p.AlphaEff()), needDown: need(float64(p.Alpha) / float64(Million))}
	t.down = &gridWorse{m: newMixture(), margin: p.Margin}
	switch p.Method {
	case Star1:
		t.up = &star{margin: p.Margin, n: p.N, goal: ln(float64(t.need) / float64(Million))}
	case Pool1:
		t.up, t.down = newPool(p, 1), newPool(p, -1)
	case Star2:
		t.up, t.down = newStar2(p, 1, t.need), newStar2(p, -1, t.needDown)
	case Pool2:
		t.up, t.down = newPool2(p, 1, t.need), newPool2(p, -1, t.needDown)
	default:
		t.up = &gridNotWorse{m: newMixture(), margin: p.Margin}
	}
	return t
}

// Add counts one item and says what the test has come to. After closing it
// changes nothing. A difference outside [-1, 1] is impossible and is taken as
// the bad end for either side, which no valid caller can see.
func (t *Test) Add(o Observation) Outcome {
	if t.outcome != Open {
		return t.outcome
	}
	up, down := o.NotWorse, o.Worse
	if up < -Million || up > Million {
		up = -Million
	}
	if down < -Million || down > Million {
		down = Million
	}
	t.up.add(up)
	t.down.add(down)
	t.sum += up
	t.sumDown += down
	t.t++
	switch {
	case t.down.reaches(t.needDown): // first, so that a tie of the two holds
		t.outcome = Disproved
	case t.up.reaches(t.need):
		t.outcome = Proved
	case t.p.frozen(t.t, t.up):
		t.outcome, t.need = Proved, t.p.FrozenBar // accepted in a set, at its bar there
	case t.t >= t.p.N:
		t.outcome = Inconclusive
	}
	return t.outcome
}

// State is where a test stands. Logarithms are rounded to 1e-6 for people; the
// decision is E >= Need, in integers.
type State struct {
	N         int     // items counted
	LnE       float64 // ln of the wealth against "worse by the margin"
	LnEWorse  float64 // ln of the wealth against "not worse by the margin"
	Threshold float64 // ln(1/alpha_eff)
	E         int64   // millionths, rounded down; EMax is a billion or certainty
	EWorse    int64   // millionths, rounded down
	Need      int64   // 1/alpha_eff in millionths, rounded up: proved at E >= Need
	NeedWorse int64   // 1/alpha in millionths, rounded up: disproved at EWorse >= NeedWorse
	Certain   bool    // closed by counting the pool, not by wealth
	Outcome   Outcome
	ClosedAt  int   // the item, from 1, at which the test closed; 0 while open
	MeanD     int64 // millionths, as the not-worse null sees D
	MeanWorse int64 // millionths, as the worse null sees D
}

// State reports where the test stands.
func (t *Test) State() State {
	s := State{
		N: t.t, LnE: round6(t.up.ln()), LnEWorse: round6(t.down.ln()),
		Threshold: round6(ln(1 / t.p.AlphaEff())),
		E:         t.up.e(), EWorse: t.down.e(), Need: t.need, NeedWorse: t.needDown,
		Certain: t.up.certain() || t.down.certain(), Outcome: t.outcome,
		MeanD: mean(t.sum, t.t), MeanWorse: mean(t.sumDown, t.t),
	}
	if t.outcome != Open {
		s.ClosedAt = t.t
	}
	return s
}
