package main

import "github.com/plimsoll-dev/plimsoll/core/verdict"

// decision is what a rule came to and how many items it looked at.
type decision struct {
	moved bool
	spent int
}

// sampledMethods are those whose claim is about future runs, pooledMethods
// those whose claim is about one pool. A new method joins by being listed.
func sampledMethods() []verdict.Method { return methodsBy("future runs") }
func pooledMethods() []verdict.Method  { return methodsBy("this pool of 10 items") }

func methodsBy(claim string) []verdict.Method {
	var out []verdict.Method
	for _, m := range verdict.Methods() {
		if params(m, 10).Claim() == claim {
			out = append(out, m)
		}
	}
	return out
}

// sequential looks after every item, as a night does: it moves on a proof that
// is not under the floor and whose last reach-many items do not lean to worse.
// scratch is room for reach observations.
func sequential(p verdict.Params, obs []verdict.Observation, reach int, scratch []verdict.Observation) decision {
	t, err := verdict.NewTest(p)
	if err != nil {
		return decision{}
	}
	for i, o := range obs {
		switch t.Add(o) {
		case verdict.Open:
			continue
		case verdict.Proved:
		default:
			return decision{spent: i + 1}
		}
		n := max(i+1, p.Least())
		if n > len(obs) {
			return decision{spent: len(obs)}
		}
		last := obs[:n]
		if reach > 0 && n > reach {
			last = obs[n-reach : n]
		}
		scratch = scratch[:0]
		for _, o := range last {
			scratch = append(scratch, verdict.Same(o.NotWorse))
		}
		return decision{moved: verdict.EWorse(p.Margin, scratch) < million, spent: n}
	}
	return decision{spent: len(obs)}
}
