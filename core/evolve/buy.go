package evolve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/trial"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// buy tries items on both arms, batch by batch, until the test closes, the pool
// ends or the budget does. A batch is finished before the test is asked, so that
// what is bought never depends on which call came back first.
func (m *measurement) buy(ctx context.Context) error {
	for {
		if m.epoch.Assess().Wants == 0 {
			return nil
		}
		next := len(m.epoch.Tried)
		if next >= len(m.order) {
			m.res.Stopped = "the items are used up"
			return nil
		}
		size := m.affordable(min(m.bench.Parallel, len(m.order)-next))
		if size == 0 {
			m.res.Stopped = "the budget is used up"
			return nil
		}
		outage, err := m.batch(ctx, next, m.order[next:next+size])
		if err != nil {
			return err
		}
		if m.bench.Watch != nil {
			m.bench.Watch(Progress{Skill: m.subject.Skill, Step: m.subject.Step, Candidate: m.subject.Candidate.Name, Items: len(m.epoch.Tried), Of: m.epoch.N, Spent: m.res.Spent})
		}
		if outage != "" {
			m.res.Stopped = outage
			return nil
		}
	}
}

// affordable is how many of n pairs the budget surely pays for.
func (m *measurement) affordable(n int) int {
	if m.left < 0 {
		return n
	}
	left := m.left - m.res.Spent
	if m.dear == 0 {
		if left <= 0 {
			return 0
		}
		// Nothing is known of the price yet: one pair tells.
		return 1
	}
	return int(min(int64(n), left/m.dear))
}

// batch tries items and writes down the prefix that is complete. A trial that
// got no answer ends the night for this subject; it is tried again on later
// nights, a bounded number of times, before it counts as missing.
func (m *measurement) batch(ctx context.Context, first int, items []trial.Item) (outage string, err error) {
	arms := [2]*config.Tier{m.subject.Current, m.subject.Candidate}
	all := make([][2]*tried, len(items))
	errs := make([]error, 2*len(items))
	var wg sync.WaitGroup
	for i, it := range items {
		for side, t := range arms {
			wg.Go(func() { all[i][side], errs[2*i+side] = m.arm(ctx, it, t) })
		}
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return "", err
	}
	var pairs []evidence.Pair
	for i, t := range all {
		m.pay(t[0], t[1])
		for _, side := range t {
			if outage == "" && side.again() {
				outage = "no answer: " + side.Why
			}
		}
		if outage == "" {
			pairs = append(pairs, m.pair(evidence.KindPair, first+i, items[i], t[0].Result, t[1].Result))
		}
	}
	return outage, m.write(ctx, pairs)
}

// pay counts what was really bought tonight.
func (m *measurement) pay(sides ...*tried) {
	var sum int64
	for _, t := range sides {
		sum += t.Result.Cost
		if !t.known {
			m.res.Bought++
			m.res.Spent += t.Result.Cost
			m.res.Priced = m.res.Priced && t.Result.Priced
		}
	}
	m.dear = max(m.dear, sum)
}

func (m *measurement) pair(kind string, order int, it trial.Item, current, candidate evidence.Result) evidence.Pair {
	source := "code"
	if m.subject.Measure.NeedsJudge(it) {
		source = "pointwise"
	}
	return evidence.Pair{
		V: evidence.Version, Kind: kind, Skill: m.subject.Skill, Step: m.subject.Step, Epoch: m.epoch.ID(),
		Order: order, Item: it.Digest, Source: source, Current: current, Candidate: candidate,
		D: evidence.Difference(current, candidate),
	}
}

// write commits pairs to the audit log, then appends them to the evidence file.
// Killed in between, the next night finds the trials in the store and writes
// the same pairs again.
func (m *measurement) write(ctx context.Context, pairs []evidence.Pair) error {
	if len(pairs) == 0 {
		return nil
	}
	entries := make([]store.Entry, 0, len(pairs)+1)
	if m.fresh {
		m.epoch.Current.Reported = pairs[0].Current.Model
		m.epoch.Candidate.Reported = pairs[0].Candidate.Model
		entry, err := m.entry("epoch", m.epoch.Epoch)
		if err != nil {
			return err
		}
		entries = append(entries, entry)
	}
	for _, p := range pairs {
		entry, err := m.entry(p.Kind, p)
		if err != nil {
			return err
		}
		entries = append(entries, entry)
	}
	receipt, err := m.bench.Store.Commit(ctx, store.Batch{Entries: entries})
	if err != nil {
		return fmt.Errorf("recording evidence of %s: %w", m.subject.Skill, err)
	}
	index := receipt.First
	var lines []byte
	add := func(v any) error {
		raw, err := canonjson.Marshal(v)
		lines = append(append(lines, raw...), '\n')
		return err
	}
	if m.fresh {
		m.epoch.Audit = evidence.AuditRef{Origin: m.bench.Origin, Index: index}
		index++
		if err := add(m.epoch.Epoch); err != nil {
			return err
		}
	}
	for i := range pairs {
		pairs[i].Audit = evidence.AuditRef{Origin: m.bench.Origin, Index: index}
		index++
		if err := add(pairs[i]); err != nil {
			return err
		}
	}
	if err := m.bench.Files.Append(m.subject.Skill, lines); err != nil {
		return fmt.Errorf("appending to %s: %w", m.bench.Files.Name(m.subject.Skill), err)
	}
	m.fresh = false
	m.res.Epoch = m.epoch.Epoch
	for _, p := range pairs {
		if p.Kind == evidence.KindPlanted {
			m.epoch.Planted = append(m.epoch.Planted, p)
		} else {
			m.epoch.Tried = append(m.epoch.Tried, p)
		}
	}
	return nil
}

func (m *measurement) entry(kind string, data any) (store.Entry, error) {
	raw, err := json.Marshal(data)
	if err != nil {
		return store.Entry{}, fmt.Errorf("recording %s: %w", kind, err)
	}
	return store.Entry{Time: m.bench.AsOf, Kind: kind, Scope: m.bench.Scope, Skill: m.subject.Skill, Step: m.subject.Step, Data: raw}, nil
}

// with is the tiers of all steps, the step under test on t.
func (m *measurement) with(t *config.Tier) map[string]*config.Tier {
	tiers := make(map[string]*config.Tier, len(m.subject.Tiers))
	for step, other := range m.subject.Tiers {
		tiers[step] = other
	}
	tiers[m.subject.Step] = t
	return tiers
}

// truth is what a simulated model is told.
func (m *measurement) truth(it trial.Item) *run.Truth {
	t := &run.Truth{Item: it.ID, Skill: m.subject.Skill, Reference: it.Reference}
	for _, d := range m.subject.Measure.Dimensions {
		t.Dimensions = append(t.Dimensions, run.TruthDim{Name: d.Name, Kind: d.Kind})
	}
	return t
}
