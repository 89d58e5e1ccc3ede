package verdict

import "math"

// FuseRates is what a fuse's length follows from.
type FuseRates struct {
	Runs, Failed int   // runs on this tier before, and those whose gates failed
	RunsPerYear  int64 // production runs to come
	Alpha        int64 // millionths: the chance of a false trip in a year
	Length       int   // set by the policy; 0 computes it
}

// Fuse is a row of gate failures that escalates at once.
type Fuse struct {
	Length    int   // failures in a row; 0 when there is no fuse
	Rate      int64 // millionths: upper 95 % bound of the failure rate before
	FalseTrip int64 // millionths: at most this chance of tripping in a year at that rate
	Explicit  bool  // the policy set the length
	OK        bool  // false: no length does, because gates fail too often or nothing is known
}

// FuseLimit is the longest computed fuse. A tier whose gates fail so often that
// a longer row is ordinary is not protected by counting rows.
const FuseLimit = 100

// Fuse is the smallest k with n p^k <= alpha: n runs in a year, p the upper
// one-sided 95 % Clopper-Pearson bound of the failure rate before. n p^k bounds
// the chance that a row of k begins at any of n runs (union bound), so at
// unchanged quality the fuse trips in a year with at most that chance. An
// explicit length is taken as it is, and its chance is stated.
func (r FuseRates) Fuse() Fuse {
	f := Fuse{Rate: UpperRate(r.Failed, r.Runs), Length: r.Length, Explicit: r.Length > 0, OK: r.Length > 0}
	if f.Explicit {
		f.FalseTrip = falseTrip(f.Rate, r.RunsPerYear, f.Length)
		return f
	}
	if r.Alpha <= 0 {
		return f
	}
	for k := 1; k <= FuseLimit; k++ {
		if p := falseTrip(f.Rate, r.RunsPerYear, k); p <= r.Alpha {
			f.Length, f.FalseTrip, f.OK = k, p, true
			break
		}
	}
	return f
}

// falseTrip is n p^k in millionths, rounded up, at most 1. Traffic that is not
// known counts as one run.
func falseTrip(rate, runs int64, k int) int64 {
	x := float64(max(runs, 1))
	p := float64(rate) / float64(Million)
	for range k {
		x = mul(x, p)
		if x < 1e-9 {
			break // under a thousandth of the unit
		}
	}
	return int64(math.Min(math.Ceil(mul(x, float64(Million))), float64(Million)))
}

// UpperRate is the exact upper one-sided 95 % bound (Clopper & Pearson 1934) on
// a rate of which `failed` in `runs` were seen, in millionths, rounded up: the
// p at which so few failures have a chance of 5 %. 1 without any run.
func UpperRate(failed, runs int) int64 {
	if runs <= 0 || failed >= runs {
		return Million
	}
	if failed < 0 {
		failed = 0
	}
	low, high := int64(0), Million
	for high-low > 1 { // P(at most failed) falls from 1 to 0 as p grows
		mid := low + (high-low)/2
		if atMost(failed, runs, float64(mid)/float64(Million)) > .05 {
			low = mid
		} else {
			high = mid
		}
	}
	return high
}

// atMost is the chance of at most x successes in n trials of chance p in (0, 1).
func atMost(x, n int, p float64) float64 {
	odds := (1 - p) / p
	// From the term of x downwards: ln C(n,x) + x ln p + (n-x) ln(1-p).
	top := mul(float64(x), ln(p)) + mul(float64(n-x), ln1p(-p))
	for i := 1; i <= x; i++ {
		top += ln(float64(n-x+i) / float64(i))
	}
	if top < -700 && mul(float64(n), p) < float64(x) {
		return 1 // far below x: the terms of the middle are all beneath it
	}
	term := exp(math.Min(top, 0))
	sum := 0.0
	for i := x; i >= 0; i-- {
		sum += term
		term = mul(term, mul(odds, float64(i)/float64(n-i+1)))
		if i < int(mul(float64(n), p)) && term < 1e-12 {
			break
		}
	}
	return math.Min(sum, 1)
}
