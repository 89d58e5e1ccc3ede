package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/evolve"
	"github.com/plimsoll-dev/plimsoll/core/report"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/tier"
	"github.com/plimsoll-dev/plimsoll/core/trial"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/core/watch"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// WatchOptions say which skills are looked after.
type WatchOptions struct {
	Only string // one skill; "" is all
}

// Watched is what came of it. Spent is by policy, of the night's budget.
type Watched struct {
	Rows  []report.Watched
	Spent map[string]int64
}

// Watch tries the production runs that were chosen since the last time on the
// tiers that their skills stood on before, and moves a step back up at once when
// it got worse. A night begins with it; a server may call it as often as it
// likes, since what counts is the day of a pair and not how often it is looked
// at.
func (e *Engine) Watch(ctx context.Context, o WatchOptions) (*Watched, error) {
	out := &Watched{Spent: map[string]int64{}}
	for _, s := range e.Project.Skills {
		if o.Only != "" && s.Name != o.Only {
			continue
		}
		for _, step := range s.Steps() {
			w, err := e.standingWatch(s, step)
			if err != nil {
				// One skill that cannot be watched must not leave the others alone.
				out.Rows = append(out.Rows, report.Watched{Skill: s.Name, Step: step.Name, Reason: err.Error(), Priced: true})
				continue
			}
			if w == nil {
				continue
			}
			row, err := e.shadows(ctx, w, out.Spent)
			if ctx.Err() != nil {
				return nil, fmt.Errorf("watching was stopped at %s: %w", s.Name, ctx.Err())
			}
			if err != nil {
				row.Reason = err.Error()
			}
			out.Rows = append(out.Rows, row)
		}
	}
	return out, nil
}

// watching is a watch with what it is about.
type watching struct {
	watch.Watch
	skill  *skill.Skill
	step   *config.Step
	policy *config.Policy
	place  Place
	former *config.Tier
	log    *evidence.Log
}

func (w *watching) row() report.Watched {
	return report.Watched{
		Skill: w.Skill, Step: w.Step, Present: w.place.Tier.Name, Former: shortTier(w.Former), Priced: true,
		Simulated: run.Simulated(w.place.Tier),
	}
}

// standingWatch is the watch over a step, nil where there is none: the machine
// did not move it down last, a person placed or pinned it, or its policy says
// that nothing is to be watched.
func (e *Engine) standingWatch(s *skill.Skill, step *config.Step) (*watching, error) {
	p := s.Binding.Policy
	if p == nil || p.Shadow == 0 || s.Binding.Runner != nil {
		return nil, nil
	}
	if a, _ := e.Project.Policy.Get(s.Name, step.Name); a.From.Tier == "" {
		return nil, nil // nothing ever moved it, and its evidence need not be read to know
	}
	place, err := e.Place(s, step)
	if err != nil {
		return nil, err
	}
	if place.Effective.Voice != tier.VoicePolicy {
		return nil, nil
	}
	log, err := e.evidenceOf(s.Name)
	if err != nil {
		return nil, err
	}
	of, ok := watch.Of(log.Events, s.Name, step.Name, place.Tier.Ref(), micro(p.Margin), micro(p.Alpha))
	if !ok {
		return nil, nil
	}
	w := &watching{Watch: of, skill: s, step: step, policy: p, place: place, log: log, former: place.Ladder.Tier(shortTier(of.Former))}
	if w.former == nil || w.former.Ref() != of.Former {
		return nil, nil // the ladder was written anew: there is nothing to compare with
	}
	return w, nil
}

// leansAt is the M from which pairs lean to worse. While the tier is no worse than
// the margin allows, M is ever there with a chance of at most 1/3 (Ville). Anything
// above 1 was refused as the bar: M is a coin flip after a handful of pairs, and
// steps stood still for weeks by noise.
const leansAt = 3 * verdict.Million

// leans says why a step that moved down goes no further for now, or "": a cheaper
// tier looks good beside one that got worse, so a step whose last move is in
// doubt would follow a falling model down the ladder, one honest proof at a time.
func (e *Engine) leans(s *skill.Skill, step *config.Step) (string, error) {
	w, err := e.standingWatch(s, step)
	if err != nil || w == nil {
		return "", err
	}
	state, err := w.Drift(w.log.Shadows)
	if err != nil {
		return "", err
	}
	return leaning(state), nil
}

func leaning(state verdict.DriftState) string {
	if state.M < leansAt {
		return ""
	}
	return fmt.Sprintf("the pairs since its last move lean to worse (e %.1f of %.0f, mean gap %+.1f points over %d): it goes no further down while they do",
		float64(state.M)/1e6, float64(state.Need)/1e6, float64(state.MeanD)/1e4, state.Pairs)
}

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
		batch := queue[:min(len(queue), parallel, left)]
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

// alarm moves a step back up, at once.
func (e *Engine) alarm(ctx context.Context, w *watching, state verdict.DriftState, row report.Watched) (report.Watched, error) {
	row.Alarm = true
	row.Reason = fmt.Sprintf("drift: worse than %s by more than %g points, over %d shadow pairs in %d nights since the move (mean gap %+.1f points, e %.1f >= %.0f)",
		shortTier(w.Former), float64(w.Margin)/1e4, state.Pairs, state.Nights, float64(state.MeanD)/1e4, float64(state.M)/1e6, float64(state.Need)/1e6)
	_, ok, err := e.escalateFrom(ctx, w.skill, w.step, w.Present, row.Reason)
	row.Escalated = ok
	return row, err
}

// standing is a watch as a run finds it in the store, made by a night.
type standing struct {
	Watch watch.Watch `json:"watch"`
	Setup watch.Setup `json:"setup"`
}

func watchKey(skillName, step string) []byte {
	return store.Key(store.TableWatch, scope, skillName, step)
}

// keptWatch is what a night set up for a step, nil where it speaks of another
// place than the step stands on now.
func (e *Engine) keptWatch(skillName, step string, place Place) (*standing, error) {
	raw, err := e.store.Get(watchKey(skillName, step))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for the watch over %s: %w", skillName, err)
	}
	var k standing
	if err := unseal(raw, &k); err != nil {
		return nil, err
	}
	if place.Effective.Voice != tier.VoicePolicy || k.Watch.Present != place.Tier.Ref() || !k.Watch.Since.Truncate(time.Second).Equal(place.Effective.Since.Truncate(time.Second)) {
		return nil, nil
	}
	return &k, nil
}

// choose says, before a run begins, for which of its steps it will be tried on
// the former tier too.
func (e *Engine) choose(s *skill.Skill, places map[string]Place, runID string) (map[string]pending, error) {
	var out map[string]pending
	if p := s.Binding.Policy; p == nil || p.Shadow == 0 {
		return nil, nil
	}
	for step, place := range places {
		k, err := e.keptWatch(s.Name, step, place)
		if err != nil {
			return nil, err
		}
		if k == nil || !k.Watch.Chosen(runID, k.Setup.Share) {
			continue
		}
		if out == nil {
			out = map[string]pending{}
		}
		out[step] = pending{Watch: k.Watch.ID(), Run: runID, Share: k.Setup.Share}
	}
	return out, nil
}

// chosen are the records of a run's choice, to be committed with it.
func chosen(skillName string, steps map[string]pending, at time.Time) ([]store.Put, error) {
	var out []store.Put
	for _, step := range slices.Sorted(maps.Keys(steps)) {
		raw, err := json.Marshal(steps[step])
		if err != nil {
			return nil, err
		}
		key := store.Key(store.TableShadow, scope, skillName, step, store.At(at), steps[step].Run)
		out = append(out, store.Put{Key: key, Value: store.Seal(1, raw)})
	}
	return out, nil
}

// known is what there is to go by when a watch is set up.
func (e *Engine) known(w *watching) (watch.Known, error) {
	k := watch.Known{
		Lines: w.Lines(w.log.Shadows), Within: w.policy.DriftWithin, FuseLength: w.policy.FuseAfter, Share: -1,
	}
	if w.policy.Shadow > 0 {
		k.Share = micro(w.policy.Shadow)
	}
	for _, ep := range w.log.Epochs {
		if ep.Step == w.Step && ep.Candidate.Tier == w.Present && ep.Current.Tier == w.Former && !ep.Epoch.Opened.After(w.Since) {
			k.Proof = ep
		}
	}
	var err error
	if k.RunsPerMonth, _, err = e.traffic(w.Skill); err != nil {
		return k, err
	}
	pool, err := e.provePool(w.skill)
	if err != nil {
		return k, err
	}
	// A run's own input has no reference: where only references measure content,
	// items of the pool stand in for the runs.
	k.Canary = measureOf(w.skill).Content(pool.Prove) == verdict.ContentReference
	return k, nil
}

// setup is how a watch stands, computed anew only where what is kept speaks of
// another state of things.
func (e *Engine) setup(w *watching) (watch.Setup, error) {
	k, err := e.known(w)
	if err != nil {
		return watch.Setup{}, err
	}
	kept, err := e.keptWatch(w.Skill, w.Step, w.place)
	if err != nil {
		return watch.Setup{}, err
	}
	if kept != nil && !kept.Setup.Stale(w.Watch, k) {
		return kept.Setup, nil
	}
	return w.Set(k), nil
}

// settle sets up the watches after a night's moves, for the runs of the day.
func (e *Engine) settle(ctx context.Context, only string) error {
	_, file, err := e.freshPolicy()
	if err != nil {
		return err
	}
	e.Project.Policy = desiredOf(file.Assignments())
	for _, s := range e.Project.Skills {
		if only != "" && s.Name != only {
			continue
		}
		for _, step := range s.Steps() {
			w, err := e.standingWatch(s, step)
			if err != nil || w == nil {
				continue // what is wrong with it, the night has said
			}
			setup, err := e.setup(w)
			if err != nil {
				return err
			}
			raw, err := json.Marshal(standing{Watch: w.Watch, Setup: setup})
			if err != nil {
				return err
			}
			value := store.Seal(1, raw)
			if old, err := e.store.Get(watchKey(s.Name, step.Name)); err == nil && string(old) == string(value) {
				continue
			}
			if _, err := e.store.Commit(ctx, store.Batch{Puts: []store.Put{{Key: watchKey(s.Name, step.Name), Value: value}}}); err != nil {
				return fmt.Errorf("setting up the watch over %s: %w", s.Name, err)
			}
		}
	}
	return nil
}
