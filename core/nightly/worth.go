package nightly

import (
	"math"

	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

// Prospect is what buying more of a comparison may come to. It decides the order
// of work, never a verdict.
type Prospect struct {
	Chance int64 // of a proof within the epoch, in millionths
	Items  int   // expected until then, at least 1
	Worth  int64 // expected saving a month for each item, in micro-dollars; see Candidate
}

// prior is how many ties a comparison counts as having seen, so that one lucky
// item decides nothing. It is star1's.
const prior = 6

// hopeless is what is left of a chance when no number of items like those seen
// would prove anything: the items seen may still have been bad luck.
const hopeless = .1

// prospect forecasts from what the evidence says so far, and from nothing else:
// a comparison that is likely to be proved soon and saves much comes first. The
// chance is that of a mean above the margin's loss, normal, from the mean and the
// one-look bound of the assessment, drawn towards a tie by the prior.
func (c Candidate) prospect(a verdict.Assessment) Prospect {
	switch a.Test.Outcome {
	case verdict.Proved:
		return Prospect{Chance: verdict.Million, Items: 1, Worth: c.monthly()}
	case verdict.Disproved, verdict.Inconclusive:
		return Prospect{Items: 1}
	}
	n := float64(a.Test.N)
	mean := float64(a.Test.MeanD) / float64(verdict.Million) * n / (n + prior)
	margin := float64(a.Spec.Params.Margin) / float64(verdict.Million)
	spread := math.Sqrt(.6 / prior)
	if a.Test.N > 0 {
		const z95 = 1.6449
		spread = math.Max(.005, float64(a.Test.MeanD-a.OneLook)/float64(verdict.Million)/z95*n/(n+prior))
	}
	chance := .5 * math.Erfc(-(mean+margin)/spread/math.Sqrt2)
	left := max(1, a.Spec.Params.N-a.Items)
	items := left
	if a.Needed.OK {
		items = max(1, a.Needed.Mean-a.Items)
		if items > left {
			chance *= float64(left) / float64(items)
			items = left
		}
	} else {
		chance *= hopeless
	}
	if a.Spec.Params.N < a.Floor {
		chance = 0 // a pool too small to move anything, whatever it holds
	}
	// Rounded, so that two processors agree on the order.
	p := Prospect{Chance: int64(math.Round(chance * 1e4)), Items: items}
	p.Worth = int64(math.Round(float64(c.monthly()) * float64(p.Chance) / 1e4 / float64(items)))
	p.Chance *= 100
	return p
}

// monthly is the saving a month; without known traffic every skill counts as a
// thousand runs.
func (c Candidate) monthly() int64 {
	if c.SaveMonth > 0 {
		return c.SaveMonth
	}
	return c.SavePer1k
}
