package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/evolve"
	"github.com/plimsoll-dev/plimsoll/core/report"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/trial"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// pending is a production run that was chosen and not compared yet. Line is set
// once it was, until it stands in the evidence.
type pending struct {
	Watch string           `json:"watch"`
	Run   string           `json:"run"`
	Share int64            `json:"share"`
	Line  *evidence.Shadow `json:"line,omitempty"`
	key   []byte
}

// waiting lists the chosen runs of a watch, oldest first. Those of an earlier
// watch are over: they come back as changes that forget them.
func (e *Engine) waiting(w *watching) (now []pending, over []store.Put, err error) {
	err = e.store.Scan(store.Key(store.TableShadow, scope, w.Skill, w.Step), func(key, value []byte) error {
		p := pending{key: slices.Clone(key)}
		if err := unseal(value, &p); err != nil {
			return err
		}
		if p.Watch != w.ID() {
			over = append(over, store.Put{Key: p.key, Delete: true})
			return nil
		}
		now = append(now, p)
		return nil
	})
	return now, over, err
}

// shadows compares what waits, batch by batch, as far as tonight's budget goes,
// and acts on what the watch says.
func (e *Engine) shadows(ctx context.Context, w *watching, spent map[string]int64) (report.Watched, error) {
	row := w.row()
	queue, over, err := e.waiting(w)
	if err != nil {
		return row, err
	}
	if len(over) > 0 {
		if _, err := e.store.Commit(ctx, store.Batch{Puts: over}); err != nil {
			return row, fmt.Errorf("forgetting what an earlier watch of %s chose: %w", w.Skill, err)
		}
	}
	setup, err := e.setup(w)
	if err != nil {
		return row, err
	}
	row.Share, row.Canary = setup.Share, setup.Canary
	if setup.Delay.OK {
		row.Delay = setup.Delay.P90
	}
	state, err := w.Drift(w.log.Shadows)
	if err != nil {
		return row, err
	}
	var subject *evolve.Subject
	for len(queue) > 0 && !state.Alarm {
		left := w.left(spent[w.policy.Name], row.Tonight, row.Spent)
		if e.draining() {
			break // what waits is compared another night
		}
		batch := queue[:min(len(queue), w.together(), left)]
		if len(batch) == 0 {
			break
		}
		if subject == nil {
			if subject, err = e.shadowSubject(ctx, w); err != nil {
				return row, err
			}
		}
		queue = queue[len(batch):]
		done, err := e.compare(ctx, w, subject, batch, setup.Canary)
		row.Spent, row.Priced = row.Spent+done.spent, row.Priced && done.priced
		spent[w.policy.Name] += done.spent
		if err != nil {
			return row, err
		}
		row.Tonight += len(done.lines)
		row.Waiting += done.again
		if done.never != "" {
			row.Reason = done.never
		}
		w.log.Shadows = append(w.log.Shadows, done.lines...)
		evidence.SortShadows(w.log.Shadows)
		if state, err = w.Drift(w.log.Shadows); err != nil {
			return row, err
		}
	}
	row.Waiting += len(queue)
	row.M, row.Need, row.Pairs, row.Gap = state.M, state.Need, state.Pairs, state.MeanD
	if state.Alarm {
		return e.alarm(ctx, w, state, row)
	}
	return row, nil
}

// left is how many comparisons the night's budget pays for, at what they cost so
// far; while nothing is known, one tells.
func (w *watching) left(spent int64, tonight int, cost int64) int {
	budget := w.policy.Budget
	switch {
	case budget < 0:
		return parallel
	case spent >= budget:
		return 0
	case tonight == 0:
		return 1
	case cost <= 0:
		return parallel
	}
	return int(min(int64(parallel), (budget-spent)/max(1, cost/int64(tonight))))
}

// shadowSubject is the comparison of the two tiers as the policy's own nights
// make it: the former tier is the current one, the present the candidate.
func (e *Engine) shadowSubject(ctx context.Context, w *watching) (*evolve.Subject, error) {
	n, err := e.nightStep(w.skill, w.step)
	if err != nil {
		return nil, err
	}
	n.Current = w.former
	s, err := e.Subject(ctx, n, w.place.Tier)
	return &s, err
}

// compared is what came of a batch.
type compared struct {
	lines  []evidence.Shadow
	spent  int64
	priced bool
	again  int    // have to wait
	never  string // why some can never be compared
}

// compare tries a batch of runs and writes down what it gave: into the log, then
// beside the run as a line that has its index in the log, then into the evidence;
// then it forgets the run. Killed in between, the next night goes on where it
// stood. Killed between the first two it makes the pair again: the log has it
// twice, the evidence once.
func (e *Engine) compare(ctx context.Context, w *watching, s *evolve.Subject, batch []pending, canary bool) (compared, error) {
	out := compared{priced: true}
	results := make([]*evolve.Shadowed, len(batch))
	items := make([]trial.Item, len(batch))
	errs := make([]error, len(batch))
	bench := e.Bench(nil)
	var wg sync.WaitGroup
	for i, p := range batch {
		if p.Line != nil {
			continue
		}
		wg.Go(func() {
			var shadow evolve.Shadowing
			if shadow, errs[i] = e.shadowing(w, s, p, canary); errs[i] == nil {
				items[i] = shadow.Item
				results[i], errs[i] = bench.Shadow(ctx, *s, shadow)
			}
		})
	}
	wg.Wait()
	var records, forget []store.Put
	var entries []store.Entry
	var fresh []int
	for i := range batch {
		p, r := &batch[i], results[i]
		if p.Line != nil {
			continue // recorded, and maybe not in the evidence yet
		}
		if r == nil {
			continue
		}
		out.spent, out.priced = out.spent+r.Spent, out.priced && r.Priced
		switch {
		case r.Never != "":
			out.never = r.Never
			forget = append(forget, store.Put{Key: p.key, Delete: true})
			continue
		case r.Again != "":
			out.again++
			continue
		}
		p.Line = w.line(e.asOf, *p, items[i], r, canary)
		raw, err := json.Marshal(p.Line)
		if err != nil {
			return out, err
		}
		entries = append(entries, store.Entry{Time: e.asOf, Kind: evidence.KindShadow, Scope: scope, Skill: w.Skill, Step: w.Step, Run: p.Run, Data: raw})
		fresh = append(fresh, i)
	}
	// The log gives the index that a line carries; the line is kept with its run
	// until it is in the evidence.
	if len(entries) > 0 {
		receipt, err := e.store.Commit(ctx, store.Batch{Entries: entries})
		if err != nil {
			return out, fmt.Errorf("recording shadow pairs of %s: %w", w.Skill, err)
		}
		for n, i := range fresh {
			batch[i].Line.Audit = evidence.AuditRef{Origin: e.log.Origin(), Index: receipt.First + int64(n)}
			raw, err := json.Marshal(batch[i])
			if err != nil {
				return out, err
			}
			records = append(records, store.Put{Key: batch[i].key, Value: store.Seal(1, raw)})
		}
		if _, err := e.store.Commit(ctx, store.Batch{Puts: records}); err != nil {
			return out, fmt.Errorf("recording shadow pairs of %s: %w", w.Skill, err)
		}
	}
	lines, err := w.unwritten(batch, &out)
	if err != nil {
		return out, err
	}
	if len(lines) > 0 {
		if err := e.files().Append(w.Skill, lines); err != nil {
			return out, fmt.Errorf("appending to %s: %w", e.files().Name(w.Skill), err)
		}
	}
	for _, p := range batch {
		if p.Line != nil {
			forget = append(forget, store.Put{Key: p.key, Delete: true})
		}
	}
	if len(forget) > 0 {
		if _, err := e.store.Commit(ctx, store.Batch{Puts: forget}); err != nil {
			return out, fmt.Errorf("recording shadow pairs of %s: %w", w.Skill, err)
		}
	}
	return out, errors.Join(errs...)
}

// shadowing is what a chosen run is compared as: itself, or an item that stands
// in for it.
func (e *Engine) shadowing(w *watching, s *evolve.Subject, p pending, canary bool) (evolve.Shadowing, error) {
	out := evolve.Shadowing{Watch: p.Watch, Run: p.Run}
	if canary {
		out.Item = s.Pool.Prove[w.Canary(p.Run, len(s.Pool.Prove))]
		return out, nil
	}
	rec, err := e.Record(p.Run)
	if err != nil {
		return out, err
	}
	input, err := e.store.GetBlob(rec.Input)
	if err != nil {
		return out, fmt.Errorf("reading the input of run %s: %w", p.Run, err)
	}
	out.Done = rec
	known, ok := itemOf(s.Pool, input)
	if ok && known.Run == "" {
		out.Item = known
		return out, nil
	}
	// One that evidence has drawn stands for its own run, and not for this one.
	out.Item, err = evolve.InputItem(input)
	out.Item.Known = known.Known
	return out, err
}

// itemOf finds the item that has this input.
func itemOf(pool *trial.Pool, input json.RawMessage) (trial.Item, bool) {
	want := string(canonical(input))
	for _, it := range slices.Concat(pool.Prove, pool.Tune) {
		if string(canonical(it.Input)) == want {
			return it, true
		}
	}
	return trial.Item{}, false
}

func (w *watching) line(asOf time.Time, p pending, it trial.Item, r *evolve.Shadowed, canary bool) *evidence.Shadow {
	return &evidence.Shadow{
		V: evidence.Version, Kind: evidence.KindShadow, Skill: w.Skill, Step: w.Step, Watch: p.Watch,
		Night: asOf.UTC().Format(time.DateOnly), Run: p.Run, Canary: canary, Item: it.Digest,
		Margin: w.Margin, Alpha: w.Alpha, Share: p.Share, Source: r.Source,
		Current: r.Former, Candidate: r.Present, D: evidence.Difference(r.Former, r.Present),
	}
}

// unwritten are the lines of a batch that the evidence does not have yet.
func (w *watching) unwritten(batch []pending, done *compared) ([]byte, error) {
	known := map[string]bool{}
	for _, l := range w.Lines(w.log.Shadows) {
		known[l.Run] = true
	}
	var out []byte
	for _, p := range batch {
		if p.Line == nil || known[p.Run] {
			continue
		}
		raw, err := canonjson.Marshal(p.Line)
		if err != nil {
			return nil, err
		}
		out = append(append(out, raw...), '\n')
		done.lines = append(done.lines, *p.Line)
	}
	return out, nil
}
