package engine

import (
	"slices"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

// Noise is what repeats would do for a step's next epoch.
type Noise struct {
	Repeats int                // as the newest measured epoch had them
	Limit   int                // the items that epoch may buy
	Noise   verdict.Noise      // of that epoch
	Best    verdict.Repeated   // the cheapest that fits, or the one that takes the fewest items
	All     []verdict.Repeated // from 1 on
	OK      bool               // some number fits
}

// Noise splits the spread of a step's newest evidence into what items differ
// and what runs of the same item do. Nil where it was not measured: only an
// epoch with repeats tells, and it takes ten items.
func (e *Engine) Noise(skillName, step string) (*Noise, error) {
	log, err := e.evidenceOf(skillName)
	if err != nil {
		return nil, err
	}
	for _, o := range slices.Backward(log.Epochs) {
		if o.Step != step || o.Repeats < 2 || len(o.Tried) == 0 {
			continue
		}
		return noiseOf(o), nil
	}
	return nil, nil
}

func noiseOf(o *evidence.Opened) *Noise {
	var ds, runs []int64
	var cost int64
	for _, p := range o.Tried {
		cost += p.Current.Cost + p.Candidate.Cost
		if p.D == nil || p.Current.Noise == nil || p.Candidate.Noise == nil {
			continue
		}
		ds, runs = append(ds, *p.D), append(runs, *p.Current.Noise+*p.Candidate.Noise)
	}
	n := &Noise{Repeats: o.Repeats, Limit: o.N}
	var ok bool
	if n.Noise, ok = verdict.MeasureNoise(ds, runs, o.Repeats); !ok {
		return nil
	}
	// A next epoch is one step stricter. Its runs cost what these did.
	p := o.Params()
	p.Epoch++
	p.FrozenAt, p.FrozenBar = 0, 0
	n.Best, n.All, n.OK = verdict.Repeats(p, n.Noise, 0, cost/int64(len(o.Tried)*o.Repeats))
	return n
}
