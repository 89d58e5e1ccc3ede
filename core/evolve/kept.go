package evolve

import (
	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/trial"
)

// Kept is what a screen left in the store of one tune item: what the candidate
// made of it, by the digest of its output.
type Kept struct {
	Item   trial.Item
	Result evidence.Result
	Output string // digest; of the last repeat
}

// Kept lists what the store has of the candidate's tune items in the epoch that
// this comparison is in. It buys nothing and looks at no item of the prove pool:
// what a lever looks at can never be evidence.
func (b *Bench) Kept(s Subject) ([]Kept, error) {
	m := &measurement{bench: b, subject: s, res: &Result{Priced: true}, look: true}
	if err := m.open(); err != nil {
		return nil, err
	}
	var out []Kept
	for _, it := range s.Pool.Tune {
		key, _, err := m.key(it, s.Candidate)
		if err != nil {
			return nil, err
		}
		t, err := m.recall(key)
		if err != nil {
			return nil, err
		}
		if t != nil && t.Result.Score != nil {
			out = append(out, Kept{Item: it, Result: t.Result, Output: t.Output})
		}
	}
	return out, nil
}
