package evolve

import (
	"context"
	"slices"
)

// screenSize is how many tune items a screen looks at: enough to name the gates
// that fail often, too few to prove anything, which a screen never does.
const screenSize = 10

// Screened is what the candidate did on tune items.
type Screened struct {
	Items  int
	Gates  []GateFailures // by how often they failed, then by name
	Bought int
	Spent  int64
}

// GateFailures counts the tune items on which a gate failed after its fixes.
type GateFailures struct {
	Gate   string
	Failed int
	Hint   string // what would own it in code
}

// Screen tries the candidate on tune items, which people may look at, and counts
// which gates fail. It buys no evidence and promotes nothing.
func (b *Bench) Screen(ctx context.Context, s Subject) (*Screened, error) {
	m := &measurement{bench: b, subject: s, res: &Result{Priced: true}}
	if err := m.open(); err != nil {
		return nil, err
	}
	out := &Screened{}
	failed := map[string]int{}
	for _, it := range s.Pool.Tune[:min(len(s.Pool.Tune), screenSize)] {
		t, err := m.arm(ctx, it, s.Candidate)
		if err != nil {
			return nil, err
		}
		m.pay(t)
		if t.Result.Score == nil {
			continue
		}
		out.Items++
		for _, g := range t.Result.Failed {
			failed[g]++
		}
	}
	for _, g := range s.Terms.Gates {
		out.Gates = append(out.Gates, GateFailures{Gate: g.Name, Failed: failed[g.Name], Hint: s.Hints[g.Name]})
	}
	slices.SortStableFunc(out.Gates, func(a, b GateFailures) int { return b.Failed - a.Failed })
	out.Bought, out.Spent = m.res.Bought, m.res.Spent
	return out, nil
}
