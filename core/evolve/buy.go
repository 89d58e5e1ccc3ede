package evolve

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/trial"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// todo lists the places whose items have no pair yet, in order: a hole that a
// lost line left is filled before anything after it.
func (m *measurement) todo() []int {
	have := map[int]bool{}
	for _, p := range m.epoch.Tried {
		have[p.Order] = true
	}
	var out []int
	for i := range m.order {
		if !have[i] {
			out = append(out, i)
		}
	}
	return out
}

// affordable is how many of n pairs so much money surely pays for. A price of 0 that
// is known is that of tiers that cost nothing.
func affordable(n int, left, dear int64, known bool) int {
	switch {
	case left < 0:
		return n
	case left == 0:
		return 0 // a batch may cost more than it promised, and a lost call its bound
	case !known:
		return min(n, 1) // nothing is known of the price yet: one pair tells
	case dear == 0:
		return n
	}
	return int(min(int64(n), left/dear))
}

// keep writes down the items at some places, those before the first one that
// got no answer: only the completed prefix counts. What stops the night for this
// subject comes back in words.
func (m *measurement) keep(ctx context.Context, places []int, all [][2]*tried) (stop string, err error) {
	for side := range 2 {
		if err := m.wait(ctx, all, side); err != nil {
			return "", err
		}
	}
	results, contradicted, waits, err := m.compareAll(ctx, places, all)
	if err != nil {
		return "", err
	}
	var pairs []evidence.Pair
	for i, t := range all {
		if stop == "" {
			stop = cmp.Or(m.stops(t[0], t[1]), waits[i])
		}
		if stop == "" {
			p := m.pair(evidence.KindPair, places[i], m.order[places[i]], results[i][0], results[i][1])
			p.Contradicted = contradicted[i]
			pairs = append(pairs, p)
		}
	}
	if err := m.write(ctx, pairs); err != nil {
		return "", err
	}
	return stop, m.changed(results)
}

// progress tells whoever watches.
func (m *measurement) progress() {
	if m.bench.Watch != nil {
		m.bench.Watch(Progress{Skill: m.subject.Skill, Step: m.subject.Step, Candidate: m.subject.Candidate.Name, Items: len(m.epoch.Tried), Of: m.epoch.N, Spent: m.res.Spent})
	}
}

// await waits until what was made before is written down.
func (m *measurement) await(ctx context.Context) error {
	if m.turn == nil {
		return nil
	}
	select {
	case <-m.turn:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("measuring %s was stopped: %w", m.subject.Skill, ctx.Err())
	}
}

// wait counts a night for every trial of one arm that got no answer while
// others did. Where nobody answers it is an outage: it says nothing about any
// item, however many nights it lasts.
func (m *measurement) wait(ctx context.Context, all [][2]*tried, side int) error {
	answered := len(all) == 1 && len(m.epoch.Tried) > 0
	for _, t := range all {
		answered = answered || t[side].Result.Score != nil
	}
	if !answered {
		return nil
	}
	night := m.bench.AsOf.Format("2006-01-02")
	for _, t := range all {
		if !t[side].again() || t[side].Night == night {
			continue
		}
		t[side].Nights++
		t[side].Night = night
		if err := m.save(ctx, t[side], nil, nil); err != nil {
			return err
		}
	}
	return nil
}

// stops says why a pair cannot be written, or "".
func (m *measurement) stops(current, candidate *tried) string {
	for _, t := range []*tried{current, candidate} {
		switch {
		case t.Unmeasurable:
			return t.Why
		case t.again():
			return "no answer: " + t.Why
		}
	}
	if current.Result.Sim != candidate.Result.Sim {
		return "a simulated model can never be the evidence for a real tier"
	}
	return ""
}

// changed closes the epoch when somebody answered under another id than it began
// with: what was measured before spoke of another model.
func (m *measurement) changed(pairs [][2]evidence.Result) error {
	if m.fresh {
		return nil
	}
	if who, was, is := m.other(pairs); who != "" {
		return m.replaced(who, was, is)
	}
	return nil
}

// other is who answered under another id than in the epoch's first line, or of the
// judge at first; "" is nobody.
func (m *measurement) other(pairs [][2]evidence.Result) (who, was, is string) {
	judge := m.judgeID()
	for _, results := range pairs {
		for side, arm := range []evidence.Arm{m.epoch.Current, m.epoch.Candidate} {
			res := results[side]
			if res.Model != "" && arm.Reported != "" && res.Model != arm.Reported {
				return arm.Tier, arm.Reported, res.Model
			}
			if id := judgedAs(res); id != "" && judge != "" && id != judge {
				return "the judge " + m.subject.Judge.Ref(), judge, id
			}
		}
	}
	return "", "", ""
}

// mixed is other over all that the epoch has: a night that was killed before it
// wrote down that a model changed has left both models' pairs, and so has a merge of
// two checkouts that met different ones.
func (m *measurement) mixed() (who, was, is string) {
	var pairs [][2]evidence.Result
	for _, p := range slices.Concat(m.epoch.Tried, m.epoch.Planted) {
		pairs = append(pairs, [2]evidence.Result{p.Current, p.Candidate})
	}
	return m.other(pairs)
}

// judgeID is the id that the epoch's judge reported first. Another one later is
// another judge, as it is for an arm.
func (m *measurement) judgeID() string {
	for _, p := range m.epoch.Tried {
		if id := cmp.Or(judgedAs(p.Current), judgedAs(p.Candidate)); id != "" {
			return id
		}
	}
	return ""
}

// judgedAs is the id that a judge gave with a score. Without a score it may be
// that of a part of the panel alone.
func judgedAs(r evidence.Result) string {
	if r.Score == nil {
		return ""
	}
	return r.JudgeModel
}

// replaced closes the epoch, as somebody answered under another id.
func (m *measurement) replaced(who, was, is string) error {
	line, err := canonjson.Marshal(evidence.Event{
		V: evidence.Version, Kind: evidence.KindEvent, Skill: m.subject.Skill, Step: m.subject.Step, Event: evidence.ModelChanged,
		At: m.bench.AsOf, From: was, To: is, Closes: []string{m.epoch.ID()},
		Reason: fmt.Sprintf("%s answered as %s, and the epoch began with %s", who, is, was),
	})
	if err != nil {
		return err
	}
	m.epoch.Closed = evidence.ModelChanged
	return m.bench.Files.Append(m.subject.Skill, append(line, '\n'))
}

// pay counts what was really bought tonight. A trial that failed before it was one
// is nil.
func (m *measurement) pay(sides ...*tried) {
	var sum int64
	answered := len(sides) == 2
	for _, t := range sides {
		if t == nil {
			answered = false
			continue
		}
		answered = answered && t.Result.Score != nil // what was not answered is not charged, and tells no price
		sum += t.Result.Paid()
		if !t.known {
			if !t.Result.Logged {
				m.res.Bought++
			}
			m.res.Spent += t.Result.Paid()
			m.res.Priced = m.res.Priced && t.Result.Priced
		}
	}
	m.dear = max(m.dear, sum)
	m.told = m.told || answered || sum > 0
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
	if len(t.Reference) == 0 {
		t.Reference = it.Known
	}
	for _, d := range m.subject.Measure.Dimensions {
		t.Dimensions = append(t.Dimensions, run.TruthDim{Name: d.Name, Kind: d.Kind})
	}
	return t
}
