package policytest

import (
	"slices"

	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

// state sets what a test states outright.
func (m measure) state(a *verdict.Assessment) {
	if len(a.Problems) > 0 {
		return
	}
	e := m.given.Evidence
	t := &a.Test
	if e.E != nil {
		t.E = micro(*e.E)
		if e.Proved == nil {
			settle(t, verdict.Proved, t.E >= t.Need)
		}
	}
	if e.EWorse != nil {
		t.EWorse = micro(*e.EWorse)
		if e.Disproved == nil {
			settle(t, verdict.Disproved, t.EWorse >= t.NeedWorse)
		}
	}
	if e.Proved != nil {
		settle(t, verdict.Proved, *e.Proved)
	}
	if e.Disproved != nil {
		settle(t, verdict.Disproved, *e.Disproved)
	}
	if e.Mean != nil {
		t.MeanD, t.MeanWorse = micro(*e.Mean), micro(*e.Mean)
	}
	if e.Bound != nil {
		a.Bound, a.BoundOK = micro(*e.Bound), true
	}
	if e.Needed != nil {
		a.Wants = *e.Needed
		a.Needed = verdict.Needed{Mean: a.Items + *e.Needed, P90: a.Items + *e.Needed, OK: true}
	}
	if e.Recent != nil && a.Recency.OK != *e.Recent {
		a.Recency.OK, a.Recency.EWorse = *e.Recent, verdict.Million
	}
	m.guards(a)
}

// settle makes an outcome true or untrue.
func settle(t *verdict.State, o verdict.Outcome, holds bool) {
	switch {
	case holds && t.Outcome != o:
		t.Outcome, t.ClosedAt = o, t.N
		if o == verdict.Proved {
			t.E = max(t.E, t.Need)
		} else {
			t.EWorse = max(t.EWorse, t.NeedWorse)
		}
	case !holds && t.Outcome == o:
		t.Outcome, t.ClosedAt, t.Certain = verdict.Open, 0, false
		t.E, t.EWorse = min(t.E, t.Need-1), min(t.EWorse, t.NeedWorse-1)
	}
}

// guards sets what a test states of gates and dimensions.
func (m measure) guards(a *verdict.Assessment) {
	set := func(g *verdict.Guard, worse *bool, gaps *[]string) {
		if worse == nil || *worse == (g.Outcome == verdict.Disproved) {
			return
		}
		g.Outcome = verdict.Open
		*gaps = slices.DeleteFunc(slices.Clone(*gaps), func(n string) bool { return n == g.Name })
		if *worse {
			g.Outcome = verdict.Disproved
			*gaps = append(*gaps, g.Name)
			slices.Sort(*gaps)
		}
	}
	for _, x := range m.given.Gates {
		for i := range a.Gates {
			if a.Gates[i].Name == x.Name {
				set(&a.Gates[i], x.Worse, &a.GatesWorse)
			}
		}
	}
	for _, x := range m.given.Dims {
		for i := range a.Dims {
			gaps := &a.ReasoningGaps
			if a.Dims[i].Kind == verdict.KindFormat {
				gaps = &a.FormatGaps
			}
			if a.Dims[i].Name == x.Name {
				set(&a.Dims[i], x.Worse, gaps)
			}
		}
	}
}
