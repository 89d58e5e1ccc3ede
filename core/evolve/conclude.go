package evolve

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

// closed is why nothing moves on an epoch in which two models answered as one.
const closed = "a model answered under another id: the epoch is closed, and the next night opens a new one"

// conclude asks for the verdict and writes it down.
func (m *measurement) conclude(ctx context.Context) error {
	rec, a, money := m.decide()
	m.res.Assessment, m.res.Record, m.res.Money, m.res.Series = a, rec, money, m.epoch.Series()
	if m.look || m.fresh || m.res.Veto != "" {
		return nil
	}
	raw, err := json.Marshal(rec)
	if err != nil {
		return fmt.Errorf("recording the verdict on %s: %w", m.subject.Skill, err)
	}
	key := store.Key(store.TableDecision, m.bench.Scope, m.subject.Skill, m.subject.Step, m.epoch.ID())
	entry, err := m.entry("verdict", rec)
	if err != nil {
		return err
	}
	// A verdict that says nothing new is not written again: running twice leaves
	// the log as it was.
	if old, err := m.bench.Store.Get(key); err == nil && string(old) == string(store.Seal(1, raw)) {
		return nil
	}
	if _, err := m.bench.Store.Commit(ctx, store.Batch{Puts: []store.Put{{Key: key, Value: store.Seal(1, raw)}}, Entries: []store.Entry{entry}}); err != nil {
		return fmt.Errorf("recording the verdict on %s: %w", m.subject.Skill, err)
	}
	return nil
}

// decide draws the verdict.
func (m *measurement) decide() (verdict.Record, verdict.Assessment, verdict.Money) {
	a := m.epoch.Assess()
	money := m.money()
	rules := verdict.Rules{}
	if m.subject.Rules != nil {
		rules = m.subject.Rules(a, money)
	}
	if m.res.Veto != "" {
		rules.Holds = append(rules.Holds, m.res.Veto)
	}
	if m.epoch.Closed != "" { // by the batch that was just kept
		rules.Holds = append(rules.Holds, closed)
	}
	m.grounds(&a, &rules)
	rec := verdict.Decide(a, rules, money)
	rec.Evidence = fmt.Sprintf("%s#%s", m.bench.Files.Name(m.subject.Skill), m.epoch.ID())
	return rec, a, money
}

// money is what the trials cost, a run at a time, beside what is known about
// traffic.
func (m *measurement) money() verdict.Money {
	var current, candidate, currentGPU, candidateGPU, spent, n int64
	priced, atLeast := true, false
	for _, p := range m.epoch.Tried {
		spent += p.Current.Paid() + p.Candidate.Paid()
		priced = priced && p.Current.Priced && p.Candidate.Priced
		if p.Current.Score == nil || p.Candidate.Score == nil {
			continue // a run without an answer costs nothing, and is no saving
		}
		// A judge costs the measurement, not the run that it would be in production.
		// What may not have been charged is left out on the current side alone: the
		// saving is then the least that it can be.
		current += p.Current.Cost - p.Current.Judge - p.Current.Unsure
		candidate += p.Candidate.Cost - p.Candidate.Judge
		currentGPU, candidateGPU = currentGPU+p.Current.GPU, candidateGPU+p.Candidate.GPU
		atLeast = atLeast || p.Current.Unsure > 0 || p.Candidate.Unsure > 0
		n++
	}
	for _, p := range m.epoch.Planted {
		spent += p.Candidate.Cost // the judge's; the run was bought before
		priced = priced && p.Candidate.Priced
	}
	out := verdict.Money{Spent: spent, RunsPerMonth: m.subject.Runs, CacheRegret: m.subject.Regret, Known: priced && n > 0, AtLeast: atLeast}
	if n > 0 {
		runs := n * int64(max(m.epoch.Repeats, 1))
		out.CurrentPerRun, out.CandidatePerRun = current/runs, candidate/runs
		out.CurrentGPU, out.CandidateGPU = currentGPU/runs, candidateGPU/runs
	}
	if tried := int64(len(m.epoch.Tried)); tried > 0 && m.left >= 0 {
		if each := spent / tried; each > 0 {
			out.ItemsPerNight = int(m.left / each)
		}
	}
	return out
}
