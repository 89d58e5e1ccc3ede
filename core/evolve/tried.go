package evolve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/judge"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/trial"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

// patience is how often a trial that got no answer is tried, on different
// nights, before it counts as missing. Without an end a model that crashes on
// hard items would be asked until it happens to answer; without a second try an
// outage of an hour would decide an epoch.
const patience = 3

// tried is one arm of one item, as it is kept.
type tried struct {
	Result   evidence.Result `json:"result"`
	Output   string          `json:"output"` // digest of the output
	Runs     []string        `json:"runs"`
	Judges   []run.Call      `json:"judges,omitempty"`
	Attempts int             `json:"attempts"` // how often it was tried
	Nights   int             `json:"nights"`   // that it got no answer on while others did
	Night    string          `json:"night,omitempty"`
	Why      string          `json:"why,omitempty"`
	// Unmeasurable: it needed what a trial may not do, and always will. It is never
	// counted as missing, which would look like a result.
	Unmeasurable bool `json:"unmeasurable,omitempty"`

	key   []byte
	known bool // found in the store: paid for earlier

	puts    []store.Put // to be kept with it
	entries []store.Entry
}

// judged is what the audit log has of a judge's calls: what was asked and answered
// stands there by digest.
type judged struct {
	Run   string     `json:"run"`
	Item  string     `json:"item"`
	Calls []run.Call `json:"calls"`
}

// again tells whether the trial should wait for another night.
func (t *tried) again() bool {
	return t.Result.Score == nil && (t.Unmeasurable || t.Nights < patience)
}

// arm tries one item on one tier, or finds that it was tried before, and keeps it.
func (m *measurement) arm(ctx context.Context, it trial.Item, t *config.Tier) (*tried, error) {
	out, err := m.try(ctx, it, t)
	if err != nil {
		return nil, err
	}
	return out, m.settled(ctx, out)
}

// settled keeps a trial that was made tonight, when its turn has come.
func (m *measurement) settled(ctx context.Context, t *tried) error {
	if t.known {
		return nil
	}
	if err := m.await(ctx); err != nil {
		return err
	}
	puts, entries := t.puts, t.entries
	t.puts, t.entries = nil, nil
	return m.save(ctx, t, puts, entries)
}

// try makes the calls of a trial, and writes nothing but blobs.
func (m *measurement) try(ctx context.Context, it trial.Item, t *config.Tier) (*tried, error) {
	key, id, err := m.key(it, t)
	if err != nil {
		return nil, err
	}
	old, err := m.recall(key)
	if err != nil {
		return nil, err
	}
	if old != nil && !old.again() {
		old.known = true
		return old, nil
	}
	if logged, err := m.fromLog(ctx, it, t); err != nil || logged != nil {
		return logged, err
	}
	fresh := &tried{Attempts: 1, key: key}
	if old != nil {
		fresh.Attempts, fresh.Nights, fresh.Night = old.Attempts+1, old.Nights, old.Night
	}
	var results []evidence.Result
	var entries []store.Entry
	var puts []store.Put
	for n := range m.subject.Pool.Repeats {
		runID := fmt.Sprintf("%s-%d.%d", id, fresh.Attempts, n+1)
		rec, err := m.bench.Runs.Do(ctx, m.subject.Plan, run.Request{
			ID: runID, Input: it.Input, Tiers: m.with(t), Trial: true, Truth: m.truth(it), Repeat: n, Fixture: it.Folder,
		})
		if err != nil {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("measuring %s was stopped: %w", m.subject.Skill, ctx.Err())
		}
		rec.Item, rec.Started = it.Digest, m.bench.AsOf
		fresh.Unmeasurable = fresh.Unmeasurable || rec.Unmeasurable
		res, calls, why, err := m.score(ctx, it, rec)
		if err != nil {
			return nil, err
		}
		if len(calls) > 0 {
			entry, err := m.entry("judge", judged{Run: runID, Item: it.Digest, Calls: calls})
			if err != nil {
				return nil, err
			}
			entry.Run = runID
			entries = append(entries, entry)
		}
		fresh.Judges = append(fresh.Judges, calls...)
		results, fresh.Runs, fresh.Output, fresh.Why = append(results, res), append(fresh.Runs, runID), rec.Result, why
		put, entry, err := m.record(rec)
		if err != nil {
			return nil, err
		}
		puts, entries = append(puts, put), append(entries, entry)
	}
	fresh.Result = trial.Mean(results)
	fresh.puts, fresh.entries = puts, entries
	return fresh, nil
}

// save keeps a trial, with the runs that it came from.
func (m *measurement) save(ctx context.Context, t *tried, puts []store.Put, entries []store.Entry) error {
	raw, err := json.Marshal(t)
	if err != nil {
		return err
	}
	puts = append(puts, store.Put{Key: t.key, Value: store.Seal(1, raw)})
	if _, err := m.bench.Store.Commit(ctx, store.Batch{Puts: puts, Entries: entries}); err != nil {
		return fmt.Errorf("recording a trial of %s: %w", m.subject.Skill, err)
	}
	return nil
}

// score is the record's score, with a judge's help where dimensions need it. An
// item whose rule cannot be evaluated has no score, and says why.
func (m *measurement) score(ctx context.Context, it trial.Item, rec *run.Record) (evidence.Result, []run.Call, string, error) {
	dims, calls, err := m.dimensions(ctx, it, rec)
	why := rec.Why
	var broken *judgeError
	if errors.As(err, &broken) {
		why = broken.Error()
	} else if err != nil {
		return evidence.Result{}, nil, "", err
	}
	res, why, err := m.total(it, rec, dims, calls, why)
	return res, calls, why, err
}

// dimensions is what a judge says of an output that needs one; a judgeError where it
// gave no scores.
func (m *measurement) dimensions(ctx context.Context, it trial.Item, rec *run.Record) (map[string]int64, []run.Call, error) {
	switch {
	case rec.Status != run.OK || !m.subject.Measure.NeedsJudge(it):
		return nil, nil, nil
	case m.compares(it):
		return m.blank(), nil, nil // until both outputs are there
	}
	return m.askAll(ctx, it, rec)
}

// total is the score, with what its judge cost.
func (m *measurement) total(it trial.Item, rec *run.Record, dims map[string]int64, calls []run.Call, why string) (evidence.Result, string, error) {
	res, err := m.subject.Measure.Score(it, rec, dims)
	if err != nil {
		res.Score, why = nil, err.Error()
	}
	for _, c := range calls {
		res.Judge += c.Micro
		res.Cost += c.Micro
		res.Priced = res.Priced && c.Priced
	}
	res.JudgeModel = reportedBy(calls)
	return res, why, nil
}

// judgeError is a judge that gave no scores: the item is missing, the night
// goes on.
type judgeError struct{ err error }

func (e *judgeError) Error() string { return e.err.Error() }
func (e *judgeError) Unwrap() error { return e.err }

// silent tells whether a judge was not heard at all, which another night may cure. A
// filter that refuses an output, or one too long to be read, is the judge's last
// word on it.
func silent(err error) bool {
	var unanswered *run.CallError
	var unseen *run.DataError
	if errors.As(err, &unanswered) {
		return unanswered.Code != "content_policy" && unanswered.Code != "context_length"
	}
	return errors.As(err, &unseen)
}

// ask has member n of the panel score an output.
func (m *measurement) ask(ctx context.Context, it trial.Item, rec *run.Record, t *config.Tier, n int) (map[string]int64, []run.Call, error) {
	req := judge.Request(t.Model, m.subject.Measure.Dimensions, judge.Case{
		Input: it.Input, Output: rec.Output, Names: judge.NamesOf(m.subject.Current, m.subject.Candidate),
	})
	req.Idempotency = rec.ID + "/judge"
	if n > 0 {
		req.Idempotency += fmt.Sprintf("/%d", n+1)
	}
	if run.Simulated(t) {
		truth, err := judge.Truth(m.subject.Measure.Dimensions, rec.Output, it.Reference)
		if err != nil {
			return nil, nil, err
		}
		req.Metadata = map[string]string{judge.MetadataKey: truth}
	}
	answer, calls, err := m.bench.Runs.Ask(ctx, m.subject.Plan, t, req)
	var unanswered *run.CallError
	var unseen *run.DataError
	switch {
	case errors.As(err, &unanswered), errors.As(err, &unseen):
		return nil, calls, &judgeError{fmt.Errorf("the judge gave no answer: %w", err)}
	case err != nil:
		return nil, calls, err
	}
	answered := calls[len(calls)-1]
	if err := judge.Ended(answered.Finish); err != nil {
		return nil, calls, &judgeError{err}
	}
	if answered.Simulated && !rec.Simulated {
		return nil, calls, &judgeError{errors.New("the judge is simulated: it can never be the evidence for a real tier")}
	}
	scores, err := judge.Read(answer, m.subject.Measure.Dimensions)
	if err != nil {
		return nil, calls, &judgeError{err}
	}
	return scores, calls, nil
}

// key names a trial of this comparison, see trialKey.
func (m *measurement) key(it trial.Item, t *config.Tier) (key []byte, id string, err error) {
	e := m.epoch.Epoch
	e.Skill, e.Step = m.subject.Skill, m.subject.Step // a shadow's epoch has a hash alone
	return trialKey(m.bench.Scope, e, t.Ref(), it.Digest)
}

func (m *measurement) recall(key []byte) (*tried, error) {
	raw, err := m.bench.Store.Get(key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for an earlier trial: %w", err)
	}
	_, body, err := store.Unseal(raw)
	if err != nil {
		return nil, fmt.Errorf("an earlier trial cannot be read: %w", err)
	}
	t := tried{key: key}
	if err := json.Unmarshal(body, &t); err != nil {
		return nil, fmt.Errorf("an earlier trial cannot be read: %w", err)
	}
	return &t, nil
}

func (m *measurement) record(rec *run.Record) (store.Put, store.Entry, error) {
	raw, err := json.Marshal(rec)
	if err != nil {
		return store.Put{}, store.Entry{}, err
	}
	entry := store.Entry{Time: m.bench.AsOf, Kind: "trial", Scope: m.bench.Scope, Skill: rec.Skill, Step: m.subject.Step, Run: rec.ID, Data: raw}
	return store.Put{Key: store.Key(store.TableRun, m.bench.Scope, rec.ID), Value: store.Seal(1, raw)}, entry, nil
}
