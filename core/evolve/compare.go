package evolve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/judge"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/trial"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// compared is what a judge that compares said of an item's two outputs, as it is
// kept: asked once, whatever happens afterwards.
type compared struct {
	Current      map[string]int64 `json:"current"`
	Candidate    map[string]int64 `json:"candidate"`
	Contradicted int              `json:"contradicted,omitempty"` // dimensions on which the order of the two decided
	Calls        []run.Call       `json:"calls,omitempty"`
	Nights       int              `json:"nights,omitempty"` // without an answer
	Night        string           `json:"night,omitempty"`
	Why          string           `json:"why,omitempty"`

	known  bool
	silent bool // the judge was not heard
}

// again tells whether it should wait for another night.
func (c *compared) again() bool { return c.Current == nil && c.Nights < patience }

// side is one of the two outputs of a comparison.
type side struct {
	result evidence.Result
	output json.RawMessage
}

// compareAll settles the items that a judge compares, each once both of its
// outputs are there. stop is why a place has to wait, "" where it has not.
func (m *measurement) compareAll(ctx context.Context, places []int, all [][2]*tried) (pairs [][2]evidence.Result, contradicted []int, stop []string, err error) {
	pairs, contradicted, stop = make([][2]evidence.Result, len(all)), make([]int, len(all)), make([]string, len(all))
	errs := make([]error, len(all))
	said := make([]*compared, len(all))
	var wg sync.WaitGroup
	for i, t := range all {
		pairs[i] = [2]evidence.Result{t[0].Result, t[1].Result}
		if it := m.order[places[i]]; m.compares(it) && m.stops(t[0], t[1]) == "" {
			wg.Go(func() { pairs[i], said[i], stop[i], errs[i] = m.settle(ctx, it, t[0], t[1]) })
		}
	}
	wg.Wait()
	for i, c := range said {
		if c != nil {
			contradicted[i] = c.Contradicted
			m.charge(c)
		}
	}
	return pairs, contradicted, stop, errors.Join(errs...)
}

// compares tells whether a judge compares the outputs of an item.
func (m *measurement) compares(it trial.Item) bool {
	return m.subject.Jury.Pairwise && m.subject.Measure.NeedsJudge(it)
}

// settle makes two trials of an item one comparison. stop is why it has to wait
// for another night; the comparison is nil where there are no two outputs.
func (m *measurement) settle(ctx context.Context, it trial.Item, current, candidate *tried) (out [2]evidence.Result, c *compared, stop string, err error) {
	var sides [2]side
	for i, t := range []*tried{current, candidate} {
		sides[i].result = t.Result
		if t.Result.Status != string(run.OK) || t.Result.Score == nil {
			continue
		}
		if sides[i].output, err = m.bench.Store.GetBlob(t.Output); err != nil {
			return out, nil, "", fmt.Errorf("reading an output of %s: %w", m.subject.Skill, err)
		}
	}
	digest, err := canonjson.Digest([]string{m.subject.Skill, m.subject.Step, m.epoch.ID(), m.epoch.Hash, m.subject.Current.Ref(), m.subject.Candidate.Ref(), it.Digest, "compared"})
	if err != nil {
		return out, nil, "", fmt.Errorf("naming a comparison of %s: %w", m.subject.Skill, err)
	}
	if c, err = m.compareOnce(ctx, it, digest, sides); err != nil {
		return out, nil, "", err
	}
	if c != nil && c.again() {
		return out, c, "no answer: " + c.Why, nil
	}
	return m.scored(sides, c), c, "", nil
}

// scored puts a comparison into the two results. Where an output did not pass its
// gates nothing was compared: the other one is better by all there is.
func (m *measurement) scored(sides [2]side, c *compared) [2]evidence.Result {
	out := [2]evidence.Result{sides[0].result, sides[1].result}
	for i := range out {
		if out[i].Status != string(run.OK) || out[i].Score == nil {
			continue
		}
		scores := map[string]int64{}
		switch {
		case c == nil: // the other side has no output to compare with
			for _, d := range m.subject.Measure.Dimensions {
				scores[d.Name] = verdict.Million
			}
		case i == 0:
			scores = c.Current
		default:
			scores = c.Candidate
		}
		out[i].Score, out[i].Dims = trial.Weigh(m.subject.Measure.Dimensions, scores), scores
	}
	if c == nil {
		return out
	}
	for _, call := range c.Calls {
		out[1].Judge += call.Micro
		out[1].Cost += call.Micro
		out[1].Priced = out[1].Priced && call.Priced
	}
	out[1].JudgeModel = reportedBy(c.Calls)
	return out
}

// charge counts what a comparison cost tonight.
func (m *measurement) charge(c *compared) {
	if c.known {
		return
	}
	for _, call := range c.Calls {
		m.res.Spent += call.Micro
		m.res.Priced = m.res.Priced && call.Priced
	}
}

// compareOnce asks the judge, or finds that it was asked; nil where there are no
// two outputs.
func (m *measurement) compareOnce(ctx context.Context, it trial.Item, digest string, sides [2]side) (*compared, error) {
	if sides[0].output == nil || sides[1].output == nil {
		return nil, nil
	}
	key := store.Key(store.TableTrial, m.bench.Scope, digest)
	old := &compared{}
	raw, err := m.bench.Store.Get(key)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return nil, fmt.Errorf("looking for an earlier comparison: %w", err)
	default:
		_, body, err := store.Unseal(raw)
		if err != nil {
			return nil, fmt.Errorf("an earlier comparison cannot be read: %w", err)
		}
		if err := json.Unmarshal(body, old); err != nil {
			return nil, fmt.Errorf("an earlier comparison cannot be read: %w", err)
		}
		if !old.again() {
			old.known = true
			return old, nil
		}
	}
	fresh, err := m.compare(ctx, it, "c"+digest[len("sha256:"):][:20], sides)
	if err != nil {
		return nil, err
	}
	if night := m.bench.AsOf.Format("2006-01-02"); fresh.Current == nil {
		fresh.Nights, fresh.Night = old.Nights, old.Night
		if fresh.Night != night {
			fresh.Nights, fresh.Night = fresh.Nights+1, night
		}
	}
	body, err := json.Marshal(fresh)
	if err != nil {
		return nil, err
	}
	entry, err := m.entry("judge", judged{Run: "c" + digest[len("sha256:"):][:20], Item: it.Digest, Calls: fresh.Calls})
	if err != nil {
		return nil, err
	}
	if _, err := m.bench.Store.Commit(ctx, store.Batch{Puts: []store.Put{{Key: key, Value: store.Seal(1, body)}}, Entries: []store.Entry{entry}}); err != nil {
		return nil, fmt.Errorf("recording a comparison of %s: %w", m.subject.Skill, err)
	}
	return fresh, nil
}

// compare asks every member of the judge about two outputs, in both orders.
func (m *measurement) compare(ctx context.Context, it trial.Item, id string, sides [2]side) (*compared, error) {
	s := m.subject
	names := judge.NamesOf(s.Current, s.Candidate)
	a := judge.Asking{
		Judge:      &config.Judge{Tier: s.Judge, Panel: s.Jury.Panel, Pairwise: true},
		Dimensions: s.Measure.Dimensions, Reference: it.Reference, ID: id + "/judge",
	}
	for _, side := range sides {
		a.Cases = append(a.Cases, judge.Case{Input: it.Input, Output: side.output, Names: names})
	}
	got, err := a.Do(ctx, func(ctx context.Context, t *config.Tier, q judge.Message) (string, []run.Call, error) {
		return m.bench.Runs.Ask(ctx, s.Plan, t, q.Request(t))
	})
	if ctx.Err() != nil {
		return nil, fmt.Errorf("measuring %s was stopped: %w", s.Skill, ctx.Err())
	}
	out := &compared{Calls: got.Calls, Contradicted: got.Changed}
	for _, call := range got.Calls {
		if call.Simulated && !(sides[0].result.Sim && sides[1].result.Sim) {
			err = errors.New("the judge is simulated: it can never be the evidence for a real tier")
		}
	}
	if err != nil {
		out.Why, out.silent = "the judge did not compare: "+err.Error(), silent(err)
		return out, nil
	}
	out.Current, out.Candidate = got.Scores[0], got.Scores[1]
	return out, nil
}

// blank are the scores of an output that is still to be compared.
func (m *measurement) blank() map[string]int64 {
	out := map[string]int64{}
	for _, d := range m.subject.Measure.Dimensions {
		out[d.Name] = verdict.Million / 2
	}
	return out
}

// source of an item's scores.
func (m *measurement) source(it trial.Item) string {
	switch {
	case !m.subject.Measure.NeedsJudge(it):
		return evidence.Code
	case m.subject.Jury.Pairwise:
		return evidence.Pairwise
	}
	return evidence.Pointwise
}

// damagedPair compares a real output with a damaged one, both as they were
// scored alone. It is one of the planted arm, and paid for by it. why is that the
// judge was not heard, "" where it was.
func (m *measurement) damagedPair(ctx context.Context, it trial.Item, real, damaged side) (out [2]evidence.Result, why string, err error) {
	if damaged.result.Status != string(run.OK) {
		damaged.output = nil
	}
	if real.result.Status != string(run.OK) {
		real.output = nil
	}
	sides := [2]side{real, damaged}
	if sides[0].output == nil || sides[1].output == nil {
		return m.scored(sides, nil), "", nil
	}
	c, err := m.compare(ctx, it, "planted-"+it.ID, sides)
	if err != nil {
		return out, "", err
	}
	out = m.scored(sides, c)
	if c.Current == nil {
		out[1].Score, out[1].Dims = nil, nil
	}
	if c.silent {
		why = c.Why
	}
	return out, why, nil
}
