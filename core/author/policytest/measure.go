package policytest

import (
	"math"
	"slices"

	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// plantedItems is the planted-bad arm of a made-up comparison, as large as the
// engine buys it.
const plantedItems = 30

// baseLatency is p95 of the current tier in a made-up comparison, in
// milliseconds: long enough for a ratio to be felt.
const baseLatency = 10_000

// misfit is an error that has its place in the file of tests.
type misfit struct{ diag.Diagnostic }

func (m misfit) Error() string { return m.Detail }

func unfit(at diag.Range, format string, args ...any) error {
	return misfit{diag.Errorf(at, "test-misfit", "Test does not fit the project", format, args...)}
}

// measure makes what was measured out of what a test gives. Everything that the
// statistics can compute they do compute, over items that are made to fit;
// what a test states outright is set afterwards.
type measure struct {
	test    *config.PolicyTest
	given   config.PolicyGiven
	house   House
	options Options
}

func (m measure) run(spec verdict.Spec) (verdict.Assessment, verdict.Money, error) {
	c := m.given.Cost
	money := verdict.Money{Spent: c.Spent, CurrentPerRun: c.Current, CandidatePerRun: c.Candidate, RunsPerMonth: c.RunsPerMonth, Known: c.Known}
	e := m.given.Evidence
	switch e.Content {
	case "":
	case "none":
		spec.Content = verdict.ContentNone
	default:
		spec.Content = e.Content
	}
	spec.Judged = spec.Judged || e.Judged
	var a verdict.Assessment
	var err error
	if m.given.Recorded != nil {
		a, err = m.recorded(spec)
	} else {
		a, err = m.made(spec)
	}
	if err != nil {
		return a, money, err
	}
	m.state(&a)
	return a, money, nil
}

// made assesses made-up items, or those of a table.
func (m measure) made(spec verdict.Spec) (verdict.Assessment, error) {
	spec, err := m.guarded(spec)
	if err != nil {
		return verdict.Assessment{}, err
	}
	var pairs []verdict.Pair
	switch {
	case m.given.Scores != nil:
		pairs, err = m.scores()
		spec.NoPlanted = m.given.Evidence.Planted == nil // a table has no such arm
	case m.given.Pairs != nil:
		pairs = spread(*m.given.Pairs)
	default:
		pairs, err = m.plain(spec)
	}
	if err != nil {
		return verdict.Assessment{}, err
	}
	if (m.given.Scores != nil || m.given.Pairs != nil) && spec.Params.Method.Pool() {
		spec.Params.N = max(1, len(pairs)) // the claim is about these items
	}
	// Gates fail and times run out on items that count, and what is behind the
	// close of the test does not.
	counted := verdict.Assess(spec, pairs, nil).Items
	if err := m.decorate(spec, pairs[:min(counted, len(pairs))]); err != nil {
		return verdict.Assessment{}, err
	}
	m.sound(spec, pairs[min(counted, len(pairs)):])
	return verdict.Assess(spec, pairs, m.planted()), nil
}

// guarded gives the spec the gates and dimensions that the test names.
func (m measure) guarded(spec verdict.Spec) (verdict.Spec, error) {
	spec.Gates, spec.Dims = slices.Clone(spec.Gates), slices.Clone(spec.Dims)
	var names []string
	for _, g := range spec.Gates {
		names = append(names, g.Name)
	}
	for _, g := range m.given.Gates {
		i := slices.Index(names, g.Name)
		if i < 0 {
			if m.test.Skill != "" {
				return spec, unfit(g.Range, "Skill %s has no gate %q.%s It has %s.", m.test.Skill, g.Name, diag.DidYouMean(g.Name, names), list(names))
			}
			i, names = len(spec.Gates), append(names, g.Name)
			spec.Gates = append(spec.Gates, verdict.GateSpec{Name: g.Name})
		}
		if g.Never != nil {
			spec.Gates[i].Never = *g.Never
		}
	}
	names = nil
	for _, d := range spec.Dims {
		names = append(names, d.Name)
	}
	for _, d := range m.given.Dims {
		i := slices.Index(names, d.Name)
		if i < 0 {
			if m.test.Skill != "" {
				return spec, unfit(d.Range, "Skill %s has no dimension %q.%s It has %s.", m.test.Skill, d.Name, diag.DidYouMean(d.Name, names), list(names))
			}
			i, names = len(spec.Dims), append(names, d.Name)
			spec.Dims = append(spec.Dims, verdict.DimSpec{Name: d.Name, Kind: verdict.KindReasoning, Weight: verdict.Million})
		}
		if d.Kind != "" {
			spec.Dims[i].Kind = d.Kind
		}
	}
	return spec, nil
}

// sound says that everything but the score went well on these items.
func (m measure) sound(spec verdict.Spec, pairs []verdict.Pair) {
	yes, full := true, verdict.Million
	for i := range pairs {
		p := &pairs[i]
		p.Gates, p.Dims = map[string]verdict.GateResult{}, map[string]verdict.DimResult{}
		for _, g := range spec.Gates {
			p.Gates[g.Name] = verdict.GateResult{Cur: &yes, Cand: &yes}
		}
		for _, d := range spec.Dims {
			p.Dims[d.Name] = verdict.DimResult{Cur: &full, Cand: &full}
		}
		if m.given.Latency.Known {
			p.CurMS, p.CandMS = baseLatency, int64(math.Round(baseLatency*m.given.Latency.Ratio))
		}
	}
}

// decorate gives items their gates, dimensions and times.
func (m measure) decorate(spec verdict.Spec, pairs []verdict.Pair) error {
	m.sound(spec, pairs)
	no := false
	for _, g := range m.given.Gates {
		failures := g.Failures
		if failures == 0 && is(g.Worse) {
			failures = len(pairs)
		}
		if failures > len(pairs) {
			return unfit(g.Range, "Gate %s fails on %d items, and %d count.", g.Name, failures, len(pairs))
		}
		for _, i := range chosen(failures, len(pairs)) {
			r := pairs[i].Gates[g.Name]
			r.Cand = &no
			pairs[i].Gates[g.Name] = r
		}
	}
	for _, d := range m.given.Dims {
		loss := d.Loss
		if loss == 0 && is(d.Worse) {
			loss = 1
		}
		cur, cand := verdict.Million, verdict.Million-micro(loss)
		if loss < 0 { // a gain: the current side is the lower one
			cur, cand = verdict.Million+micro(loss), verdict.Million
		}
		for i := range pairs {
			pairs[i].Dims[d.Name] = verdict.DimResult{Cur: &cur, Cand: &cand}
		}
	}
	timeouts := m.given.Latency.Timeouts
	if timeouts > len(pairs) {
		return unfit(m.test.Range, "The candidate runs out of time on %d items, and %d count.", timeouts, len(pairs))
	}
	for _, i := range chosen(timeouts, len(pairs)) {
		pairs[i].CandTimeout = true
	}
	return nil
}

// chosen are k places of n, spread evenly.
func chosen(k, n int) []int {
	out := make([]int, k)
	for i := range out {
		out[i] = (2*i + 1) * n / (2 * k)
	}
	return out
}

func micro(x float64) int64 { return int64(math.Round(x * 1e6)) }
