package evolve

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/trial"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

func (m *measurement) pair(kind string, order int, it trial.Item, current, candidate evidence.Result) evidence.Pair {
	return evidence.Pair{
		V: evidence.Version, Kind: kind, Skill: m.subject.Skill, Step: m.subject.Step, Epoch: m.epoch.ID(),
		Order: order, Item: it.Digest, Source: m.source(it), Current: current, Candidate: candidate,
		D: evidence.Difference(current, candidate), Drafted: it.Drafted != "",
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
		m.epoch.Current.Reported, m.epoch.Current.Simulated = pairs[0].Current.Model, pairs[0].Current.Sim
		m.epoch.Candidate.Reported, m.epoch.Candidate.Simulated = pairs[0].Candidate.Model, pairs[0].Candidate.Sim
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
			m.epoch.Tried, m.epoch.Pairs = append(m.epoch.Tried, p), append(m.epoch.Pairs, p)
		}
	}
	return nil
}

// commit writes one fact into the log.
func (m *measurement) commit(ctx context.Context, kind string, data any) error {
	entry, err := m.entry(kind, data)
	if err != nil {
		return err
	}
	if _, err := m.bench.Store.Commit(ctx, store.Batch{Entries: []store.Entry{entry}}); err != nil {
		return fmt.Errorf("recording what happened to %s: %w", m.subject.Skill, err)
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
