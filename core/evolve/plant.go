package evolve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/trial"
)

// planted is what came of a planted arm.
type planted struct {
	pairs  []evidence.Pair
	bought []*tried // outputs that lay in another checkout's store
	spent  int64    // by a judge
	priced bool
	why    string // the judge was not heard, and nothing came of it; "" when it was
}

// plant damages outputs of the current tier on purpose and scores them as if a
// model had written them: a test that cannot see damage proves nothing. It is
// done once the test has proved, before anything moves.
//
// The damage keeps the form and breaks the content: an item gets the answer to
// another one. Where only gates measure, the answer is emptied instead.
func (m *measurement) plant(ctx context.Context, p *planted) error {
	p.priced = true
	n := m.plantable()
	real := make([]*tried, 0, n)
	outputs := make([]json.RawMessage, 0, n)
	for _, it := range m.order[:n] {
		t, out, err := m.output(ctx, it, p)
		if err != nil {
			return err
		}
		real, outputs = append(real, t), append(outputs, out)
	}
	have := m.planted()
	place := 0
	for i, it := range m.order[:n] {
		damaged, ok := m.damage(outputs, i)
		if !ok {
			continue
		}
		order := place
		place++
		if have[it.Digest] {
			continue
		}
		res, why, err := m.judgeDamaged(ctx, it, damaged, real[i].Result.Sim)
		if err != nil {
			return err
		}
		was := real[i].Result
		if m.compares(it) {
			var both [2]evidence.Result
			if both, why, err = m.damagedPair(ctx, it, side{was, outputs[i]}, side{res, damaged}); err != nil {
				return err
			}
			was, res = both[0], both[1]
		}
		p.spent += res.Cost
		p.priced = p.priced && res.Priced
		if why != "" {
			// A judge that was not heard has not overlooked anything: written down, its
			// silence would count as damage that nobody saw, for as long as the epoch is open.
			p.pairs, p.why = nil, "planted damage could not be scored: "+why
			return nil
		}
		p.pairs = append(p.pairs, m.pair(evidence.KindPlanted, order, it, was, res))
	}
	return nil
}

// planted are the items that the planted arm has, by digest.
func (m *measurement) planted() map[string]bool {
	have := map[string]bool{}
	for _, p := range m.epoch.Planted {
		have[p.Item] = true
	}
	return have
}

// plantable is how many items the planted arm may have.
func (m *measurement) plantable() int { return min(m.subject.Terms.PlantedSize, len(m.epoch.Tried)) }

// payPlanted counts what the planted arm cost.
func (m *measurement) payPlanted(p *planted) {
	m.pay(p.bought...)
	m.res.Spent += p.spent
	m.res.Priced = m.res.Priced && p.priced
}

// keepPlanted writes the planted arm down.
func (m *measurement) keepPlanted(ctx context.Context, pairs []evidence.Pair) error {
	if err := m.write(ctx, pairs); err != nil {
		return err
	}
	var scored [][2]evidence.Result
	for _, p := range pairs {
		scored = append(scored, [2]evidence.Result{p.Current, p.Candidate})
	}
	return m.changed(scored)
}

// output finds what the current tier answered.
func (m *measurement) output(ctx context.Context, it trial.Item, p *planted) (*tried, json.RawMessage, error) {
	key, _, err := m.key(it, m.subject.Current)
	if err != nil {
		return nil, nil, err
	}
	t, err := m.recall(key)
	if err != nil {
		return nil, nil, err
	}
	if t == nil {
		// Another checkout bought this pair; its output lies in its store.
		if t, err = m.arm(ctx, it, m.subject.Current); err != nil {
			return nil, nil, err
		}
		p.bought = append(p.bought, t)
	}
	out, err := m.bench.Store.GetBlob(t.Output)
	if errors.Is(err, store.ErrNotFound) {
		return t, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("reading an output of %s: %w", m.subject.Skill, err)
	}
	return t, out, nil
}

// damage gives item i another item's answer, or an emptied one. ok is false
// when no answer differs: a skill that always answers the same cannot be
// damaged this way, and the planted arm then stays unseen, which holds.
func (m *measurement) damage(outputs []json.RawMessage, i int) (json.RawMessage, bool) {
	if len(outputs[i]) == 0 {
		return nil, false
	}
	if m.epoch.Content == "gates" {
		empty := emptied(outputs[i])
		return empty, !bytes.Equal(empty, outputs[i])
	}
	for step := 1; step < len(outputs); step++ {
		other := outputs[(i+step)%len(outputs)]
		if len(other) > 0 && !bytes.Equal(other, outputs[i]) {
			return other, true
		}
	}
	return nil, false
}

// emptied keeps an output's type and takes everything out of it.
func emptied(out json.RawMessage) json.RawMessage {
	switch trimmed := bytes.TrimSpace(out); {
	case len(trimmed) == 0 || trimmed[0] == '{':
		return json.RawMessage(`{}`)
	case trimmed[0] == '[':
		return json.RawMessage(`[]`)
	default:
		return json.RawMessage(`""`)
	}
}

// judgeDamaged scores a damaged output alone. why is that the judge was not heard, ""
// where it was.
func (m *measurement) judgeDamaged(ctx context.Context, it trial.Item, damaged json.RawMessage, simulated bool) (res evidence.Result, why string, err error) {
	judged, err := m.subject.Plan.On(it.Folder).Judge(ctx, it.Input, damaged)
	if err != nil {
		return res, "", err
	}
	rec := &run.Record{ID: "planted-" + it.ID, Skill: m.subject.Skill, Status: run.OK, Output: judged.Output, Checked: judged.Result, Priced: true, Simulated: simulated}
	if len(judged.Result.Failed) > 0 {
		rec.Status, rec.Why = run.Failed, judged.Result.Feedback()
	}
	dims, calls, err := m.dimensions(ctx, it, rec)
	var broken *judgeError
	if err != nil && !errors.As(err, &broken) {
		return res, "", err
	}
	if silent(err) {
		why = err.Error()
	}
	res, _, err = m.total(it, rec, dims, calls, "")
	return res, why, err
}

// PlantCost is what the planted arm will cost about, in micro-dollars: damaged
// outputs are scored as dearly as the dearest of the epoch, and what the current
// tier answered has to be bought again where it lies in another checkout's store.
// 0 where no judge scores, and where prices are not known.
func (c *Comparison) PlantCost() int64 {
	m := c.m
	var judge, pair, cost int64
	for _, p := range m.epoch.Tried {
		each := max(p.Current.Judge, p.Candidate.Judge)
		if p.Source == evidence.Pairwise {
			each = p.Current.Judge + p.Candidate.Judge
		}
		judge, pair = max(judge, each), max(pair, p.Current.Paid())
	}
	have := m.planted()
	for _, it := range m.order[:m.plantable()] {
		if !have[it.Digest] {
			cost += judge
		}
		key, _, err := m.key(it, m.subject.Current)
		if err != nil {
			continue // making the arm says so
		}
		if t, err := m.recall(key); err == nil && t == nil {
			cost += pair
		}
	}
	return cost
}

// Forgo leaves the planted arm to another night, and says why.
func (c *Comparison) Forgo(why string) { c.planted, c.over, c.m.res.Stopped = true, true, why }
