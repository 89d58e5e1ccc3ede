// Package verdict answers one question: may a skill's step move down to a
// cheaper tier? Given pairs of scores it returns numbers; given numbers and
// what the policy's rules said it returns a record with a decision.
//
// It is pure: no I/O, no clock, no randomness, and the same pairs in any order
// give the same bytes on every processor. It must not choose items, buy
// measurements, read files or know what a tier is. It never guesses: whatever
// is missing, contradictory or not measured holds.
//
//	p := verdict.Params{Method: verdict.Star2, Margin: 50_000, Alpha: 50_000, Epoch: 1, N: 400}
//	a := verdict.Assess(verdict.Spec{Params: p, Content: verdict.ContentReference}, pairs, planted)
//	r := verdict.Decide(a, verdict.Rules{}, verdict.Money{})
//	fmt.Println(r.Decision, r.Reason)
//
// Units: scores, D, margins, alphas, gaps and e-values are int64 in millionths
// (1.0 = 1_000_000), money is int64 in micro-dollars, times are milliseconds.
// D is candidate minus current, positive when the candidate is better.
package verdict

import (
	"fmt"
	"math"
	"slices"
)

// Million is 1.0 in the unit of scores, differences, margins and e-values.
const Million int64 = 1_000_000

// EMax is where e-values saturate: an E of a billion, or certainty. It is
// below 2^53, so a reader of JSON that knows only float64 loses nothing.
const EMax int64 = 1_000_000_000 * Million

// Method names a test and its version. A method never changes: a better one
// gets a new name, because the method is part of an epoch's hash.
type Method string

// The methods. Each has a golden table in testdata.
const (
	Grid8 Method = "grid8" // mixture of eight fixed bets: the reference
	Star1 Method = "star1" // bets aimed at the deadline: claims future runs
	Pool1 Method = "pool1" // without replacement: claims this pool only
	Star2 Method = "star2" // star1 that learns, and sees a clone sooner: the default for traffic
	Pool2 Method = "pool2" // pool1 that aims and learns: the default for authored items
)

// Methods lists the methods in the order in which pages show them.
func Methods() []Method { return []Method{Grid8, Star1, Pool1, Star2, Pool2} }

// Outcome is what a test has come to. Once it is not Open it never changes.
type Outcome string

// The outcomes of a test.
const (
	Open         Outcome = ""
	Proved       Outcome = "proved"       // not worse by the margin
	Disproved    Outcome = "disproved"    // worse by more than the margin
	Inconclusive Outcome = "inconclusive" // the deadline came first; holds
)

// Params fix a test before its first item.
type Params struct {
	Method Method
	Margin int64 // millionths, in (0, 1): the loss that does not matter
	Alpha  int64 // millionths, in (0, 0.5]: the policy's level
	Epoch  int   // j >= 1, over all epochs of the skill; 0 takes Alpha as it is
	N      int   // deadline in items; for a pool the size of it

	// The false-discovery rule over a policy, see Fleet. All zero: no such rule.
	Weight    int64 // of Whole: the test's weight, fixed when it was opened
	Accepted  int   // R_open: moves accepted when it was opened
	FrozenAt  int   // the item after which it was accepted in a set; 0: it was not
	FrozenBar int64 // millionths: its bar in that set
}

// maxN keeps sums of squared millionths inside int64.
const maxN = 9_000_000

// basel is 1 over the sum of 1/j^2.
const basel = 6 / (math.Pi * math.Pi)

// AlphaEff is the level at which this test proves: alpha * 6/(pi^2 j^2). Over
// all epochs that can ever be opened the levels sum to alpha (Basel), so changing
// a prompt until it passes buys nothing. Under the false-discovery rule it is at
// most alpha * weight * (R_open+1): whoever reaches that is accepted for sure.
func (p Params) AlphaEff() float64 {
	own := p.own()
	if p.Weight == 0 {
		return own
	}
	return math.Min(own, p.fleet(p.Accepted+1))
}

// own is the level of the skill's own promise, whatever other skills do.
func (p Params) own() float64 {
	a := float64(p.Alpha) / float64(Million)
	if p.Epoch <= 0 {
		return a
	}
	j := float64(p.Epoch)
	return float64(float64(a*basel) / float64(j*j))
}

// Validate says in a sentence what is wrong with p, or nil.
func (p Params) Validate() error {
	switch {
	case !slices.Contains(Methods(), p.Method):
		return fmt.Errorf("method %q is unknown: it is one of grid8, star1, pool1, star2 and pool2", p.Method)
	case p.Margin <= 0 || p.Margin >= Million:
		return fmt.Errorf("a margin of %d millionths is outside 0..1: the loss that does not matter is more than nothing and less than everything", p.Margin)
	case p.Alpha <= 0 || p.Alpha > Million/2:
		return fmt.Errorf("an alpha of %d millionths is outside 0..0.5", p.Alpha)
	case p.Epoch < 0:
		return fmt.Errorf("epoch %d: epochs count from 1, and 0 means that alpha is taken as it is", p.Epoch)
	case p.N < 1 || p.N > maxN:
		return fmt.Errorf("a deadline of %d items is outside 1..%d", p.N, maxN)
	case p.validateFleet() != nil:
		return p.validateFleet()
	case need(p.AlphaEff()) >= EMax:
		return fmt.Errorf("at epoch %d an alpha of %d millionths leaves a level of %.3g, which no test of this package resolves: stop opening epochs for this skill", p.Epoch, p.Alpha, p.AlphaEff())
	}
	return nil
}

// Claim is what a proof by this method is about.
func (p Params) Claim() string {
	if p.Method.Pool() {
		return fmt.Sprintf("this pool of %d items", p.N)
	}
	return "future runs"
}
