package evidence

import (
	"slices"

	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

// Params are the epoch's test. Its level follows from Index, the epoch's place
// among all epochs of the skill.
func (o *Opened) Params() verdict.Params {
	p := verdict.Params{Method: verdict.Method(o.Method), Margin: o.Margin, Alpha: o.Alpha, Epoch: o.Index, N: o.N}
	if o.Fleet != nil {
		p.Weight, p.Accepted = o.Fleet.Weight, o.Fleet.Accepted
		if o.Acceptance != nil {
			p.FrozenAt, p.FrozenBar = o.Acceptance.Items, o.Acceptance.Bar
		}
	}
	return p
}

// Spec is what the epoch fixed, as the statistics want it.
func (o *Opened) Spec() verdict.Spec {
	s := verdict.Spec{
		Skill: o.Skill, Step: o.Step, Current: o.Current.Tier, Candidate: o.Candidate.Tier,
		Params: o.Params(), Content: o.Content, Judged: o.Judged, Terms: o.JudgeTerms.verdict(),
	}
	for _, g := range o.Gates {
		s.Gates = append(s.Gates, verdict.GateSpec{Name: g.Name, Never: g.Never, Margin: g.Margin})
	}
	for _, d := range o.Dims {
		s.Dims = append(s.Dims, verdict.DimSpec{Name: d.Name, Kind: d.Kind, Weight: d.Weight, Margin: d.Margin})
	}
	return s
}

// Assess measures all that the epoch's lines say.
func (o *Opened) Assess() verdict.Assessment {
	return verdict.Assess(o.Spec(), o.convert(o.Pairs), o.convert(o.Planted))
}

// Recompute draws the verdict that follows from the lines alone: without the
// policy's rules, which may only narrow it, and without prices.
func (o *Opened) Recompute() verdict.Record {
	r := verdict.Decide(o.Assess(), verdict.Rules{}, verdict.Money{})
	r.Evidence = o.ID()
	return r
}

func (o *Opened) convert(pairs []Pair) []verdict.Pair {
	out := make([]verdict.Pair, 0, len(pairs))
	for _, p := range pairs {
		v := verdict.Pair{
			Order: p.Order, Item: p.Item, Cur: p.Current.Score, Cand: p.Candidate.Score, Source: p.Source,
			Synthetic: p.Drafted,
			CurMS:     p.Current.MS, CandMS: p.Candidate.MS, CurTimeout: p.Current.Timeout, CandTimeout: p.Candidate.Timeout,
			Gates: map[string]verdict.GateResult{}, Dims: map[string]verdict.DimResult{},
		}
		if p.Current.Sim || p.Candidate.Sim {
			// A simulated model takes the machine's time, not a model's: under load
			// it would say that one of two equal tiers is slow.
			v.CurMS, v.CandMS = 0, 0
		}
		if o.JudgeTerms != nil {
			v.Code, v.Judged = p.parts()
		}
		for _, g := range o.Gates {
			v.Gates[g.Name] = verdict.GateResult{Cur: p.Current.passed(g), Cand: p.Candidate.passed(g)}
		}
		for _, d := range o.Dims {
			v.Dims[d.Name] = verdict.DimResult{Cur: p.Current.dim(d.Name), Cand: p.Candidate.dim(d.Name)}
		}
		out = append(out, v)
	}
	return out
}

// Unreadable is the status of a run whose answers made no output that gates
// could have looked at.
const Unreadable = "unreadable"

// passed is what a gate said of this arm, nil where nobody knows. Where a model
// refused, ran out of time or wrote something unreadable, no output left the
// house: an ordinary gate was not passed, and one with zero tolerance was not
// broken either. The item's score is 0 in any case.
func (r Result) passed(g GateDef) *bool {
	ok := !slices.Contains(r.Failed, g.Name)
	switch r.Status {
	case "missing":
		return nil
	case "refused", "timeout", Unreadable:
		ok = g.Never
	}
	return &ok
}

func (r Result) dim(name string) *int64 {
	s, ok := r.Dims[name]
	if !ok {
		return nil
	}
	return &s
}

// Series is the state of the test after each item of the completed prefix, up to
// its close.
func (o *Opened) Series() []verdict.State { return verdict.Trace(o.Spec(), o.convert(o.Pairs)) }
