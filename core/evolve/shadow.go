package evolve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/gate"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/trial"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// Shadowing is one production run to be compared with the former tier. The
// subject's Current is the former tier, its Candidate the present one.
type Shadowing struct {
	Watch string      // of core/watch
	Run   string      // the production run
	Item  trial.Item  // its input, or for a canary an item of the pool
	Done  *run.Record // the production run itself; nil for a canary, whose present side is tried too
}

// Shadowed is what came of it.
type Shadowed struct {
	Former, Present evidence.Result
	Source          string // code or pointwise
	Bought          int    // trials tonight
	Spent           int64
	Priced          bool
	Again           string // why this has to wait for another night, ""
	Never           string // why this can never be compared, ""
}

// Shadow tries one production run on the former tier, as a trial that never
// acts, and scores both sides alike. What it tried is kept under the run's name:
// killed in between, it is not bought twice.
func (b *Bench) Shadow(ctx context.Context, s Subject, w Shadowing) (*Shadowed, error) {
	out := &Shadowed{Source: evidence.Code, Priced: true}
	if out.Never = unwatchable(s, w.Item); out.Never != "" {
		return out, nil
	}
	name, err := canonjson.Digest([]string{"shadow", w.Watch, w.Run})
	if err != nil {
		return nil, fmt.Errorf("naming a shadow of run %s: %w", w.Run, err)
	}
	s.Pool, s.Logged = &trial.Pool{Repeats: 1}, nil
	m := &measurement{bench: b, subject: s, left: -1, res: &Result{Priced: true}, epoch: &evidence.Opened{Epoch: evidence.Epoch{Hash: name}}}
	out.Source = m.source(w.Item)
	present, err := m.side(ctx, w)
	if err != nil {
		return nil, err
	}
	former, err := m.arm(ctx, w.Item, s.Current)
	if err != nil {
		return nil, err
	}
	m.pay(former, present)
	out.Former, out.Present = former.Result, present.Result
	if m.compares(w.Item) && !former.again() && !present.again() {
		both, c, wait, err := m.settle(ctx, w.Item, former, present)
		if err != nil {
			return nil, err
		}
		if c != nil {
			m.charge(c)
		}
		if out.Again = wait; wait == "" {
			out.Former, out.Present = both[0], both[1]
		}
	}
	out.Bought, out.Spent, out.Priced = m.res.Bought, m.res.Spent, m.res.Priced
	switch {
	case former.Unmeasurable:
		out.Never = former.Why
	case out.Again == "" && (former.again() || w.Done == nil && present.again()):
		// Nobody else is asked beside it, so its nights count here.
		out.Again = m.later(ctx, former, present)
	}
	return out, nil
}

// later counts the night of a side without an answer, and says why it waits; ""
// once its patience is over and it counts as missing.
func (m *measurement) later(ctx context.Context, sides ...*tried) string {
	why := ""
	night := m.bench.AsOf.Format("2006-01-02")
	for _, t := range sides {
		if !t.again() {
			continue
		}
		if t.Night != night {
			t.Nights, t.Night = t.Nights+1, night
			if err := m.save(ctx, t, nil, nil); err != nil {
				return err.Error()
			}
		}
		if t.again() {
			why = "no answer: " + t.Why
		}
	}
	return why
}

// side is the present tier's: the production run as it was logged, or for a
// canary a trial.
func (m *measurement) side(ctx context.Context, w Shadowing) (*tried, error) {
	if w.Done == nil {
		return m.arm(ctx, w.Item, m.subject.Candidate)
	}
	t, err := m.logged(ctx, w.Item, m.subject.Candidate, w.Done)
	if err != nil {
		return nil, err
	}
	return t, m.settled(ctx, t)
}

// logged makes a production run one side of a pair. It is scored once: a judge's
// answer is kept like a trial's. A run that was escalated on its way did not
// pass on the tier that it began on: it counts as a failure of that tier.
func (m *measurement) logged(ctx context.Context, it trial.Item, t *config.Tier, done *run.Record) (*tried, error) {
	key, _, err := m.key(it, t)
	if err != nil {
		return nil, err
	}
	old, err := m.recall(key)
	if err != nil || old != nil {
		if old != nil {
			old.known = true
		}
		return old, err
	}
	rec := *done
	rec.Checked = checked(done)
	if rec.Start[m.subject.Step] != rec.End[m.subject.Step] && (rec.Status == run.OK || rec.Status == run.Failed) {
		rec.Status, rec.Why = run.Failed, "it was escalated from "+rec.Start[m.subject.Step]
	}
	if rec.Status == run.OK {
		if rec.Output, err = m.bench.Store.GetBlob(rec.Result); err != nil {
			return nil, fmt.Errorf("reading the output of run %s: %w", rec.ID, err)
		}
	}
	res, calls, why, err := m.score(ctx, it, &rec)
	if err != nil {
		return nil, err
	}
	res.Logged = true
	// What a log has no answer to will have none on another night either.
	fresh := &tried{Result: res, Output: rec.Result, Runs: []string{rec.ID}, Judges: calls, Attempts: 1, Why: why, key: key}
	if rec.Status == run.Missing {
		fresh.Nights = patience
	}
	if len(calls) > 0 {
		entry, err := m.entry("judge", judged{Run: rec.ID, Item: it.Digest, Calls: calls})
		if err != nil {
			return nil, err
		}
		entry.Run = rec.ID
		fresh.entries = append(fresh.entries, entry)
	}
	return fresh, nil
}

// checked is what the gates said last, as far as a record keeps it.
func checked(rec *run.Record) gate.Result {
	if len(rec.Attempts) == 0 {
		return gate.Result{}
	}
	last := rec.Attempts[len(rec.Attempts)-1]
	res := gate.Result{Checks: last.Checks}
	for _, c := range last.Checks {
		res.Total++
		if c.Passed {
			res.Passed++
			continue
		}
		res.Failed = append(res.Failed, c.Gate)
	}
	slices.Sort(res.Failed)
	res.Failed = slices.Compact(res.Failed)
	return res
}

// unwatchable says why a subject's runs cannot be compared, or "".
func unwatchable(s Subject, it trial.Item) string {
	if run.Simulated(s.Candidate) != run.Simulated(s.Current) {
		return "a simulated model can never be the evidence for a real tier"
	}
	if s.Measure.NeedsJudge(it) {
		if why := s.unjudgeable(); why != "" {
			return why
		}
	}
	var unseen *run.DataError
	for _, t := range []*config.Tier{s.Current, s.Candidate} {
		if err := s.Plan.MaySee(t.Backend.Name); errors.As(err, &unseen) {
			return err.Error()
		}
	}
	return ""
}

// InputItem is an input as an item of nobody's pool.
func InputItem(input json.RawMessage) (trial.Item, error) {
	digest, err := canonjson.Digest(map[string]any{"input": input, "reference": nil, "compare": "", "rule": ""})
	if err != nil {
		return trial.Item{}, fmt.Errorf("naming an input: %w", err)
	}
	return trial.Item{ID: "run-" + strings.TrimPrefix(digest, "sha256:")[:12], Input: input, Digest: digest}, nil
}
