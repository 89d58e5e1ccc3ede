package evolve

import (
	"context"
	"slices"

	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

// screenSize is how many tune items a screen looks at: enough to name the gates
// that fail often, too few to prove anything, which a screen never does.
const screenSize = 10

// Screened is what the candidate did on tune items.
type Screened struct {
	Items  int
	Gates  []GateFailures // by how often they failed, then by name
	Form   []FormLoss     // format dimensions on which the candidate scored lower
	Bought int
	Spent  int64
}

// FormLoss is a format dimension with its mean on both arms, in millionths.
type FormLoss struct {
	Dimension          string
	Current, Candidate int64
}

// GateFailures counts the tune items on which a gate failed after its fixes.
type GateFailures struct {
	Gate   string
	Failed int
}

// Screen tries both arms on tune items, which people may look at: it counts which
// gates the candidate fails and on which format dimensions it scores lower. It
// buys no evidence and promotes nothing.
func (c *Comparison) Screen(ctx context.Context, budget Budget) (*Screened, error) {
	own := *c.m
	own.res = &Result{Priced: true}
	m, s := &own, own.subject
	out := &Screened{}
	failed, current, candidate := map[string]int{}, map[string]int64{}, map[string]int64{}
	for _, it := range s.Pool.Tune[:min(len(s.Pool.Tune), screenSize)] {
		left := budget.Left
		if left >= 0 {
			left = max(0, left-m.res.Spent)
		}
		if affordable(1, left, m.dear, m.told) == 0 {
			break
		}
		was, err := m.arm(ctx, it, s.Current)
		if err != nil {
			return nil, err
		}
		is, err := m.arm(ctx, it, s.Candidate)
		if err != nil {
			return nil, err
		}
		m.pay(was, is)
		if was.Result.Score == nil || is.Result.Score == nil {
			continue
		}
		out.Items++
		for _, g := range is.Result.Failed {
			failed[g]++
		}
		for _, d := range s.Measure.Dimensions {
			current[d.Name] += was.Result.Dims[d.Name]
			candidate[d.Name] += is.Result.Dims[d.Name]
		}
	}
	for _, d := range s.Measure.Dimensions {
		if d.Kind == verdict.KindFormat && candidate[d.Name] < current[d.Name] {
			n := int64(out.Items)
			out.Form = append(out.Form, FormLoss{Dimension: d.Name, Current: current[d.Name] / n, Candidate: candidate[d.Name] / n})
		}
	}
	for _, g := range s.Terms.Gates {
		out.Gates = append(out.Gates, GateFailures{Gate: g.Name, Failed: failed[g.Name]})
	}
	slices.SortStableFunc(out.Gates, func(a, b GateFailures) int { return b.Failed - a.Failed })
	out.Bought, out.Spent = m.res.Bought, m.res.Spent
	return out, nil
}
