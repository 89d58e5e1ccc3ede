package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/tier"
	"github.com/plimsoll-dev/plimsoll/core/trial"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

// Ran is one production run.
type Ran struct {
	Record    *run.Record
	Rendered  string
	Escalated []string // steps that a fuse moved up, for all later runs
}

// Run runs a skill once, on its effective tiers.
func (e *Engine) Run(ctx context.Context, name string, input json.RawMessage, format string) (*Ran, error) {
	s, err := e.Project.Skill(name)
	if err != nil {
		return nil, err
	}
	if r := s.Binding.Runner; r != nil {
		return nil, fmt.Errorf("skill %s runs through runner %q, and this version of plimsoll runs skills itself only.\nTake runner out of its block at %s to have the engine run it: SKILL.md as the prompt, the input as the message", name, r.Name, s.Range)
	}
	plan, err := e.Plan(ctx, s)
	if err != nil {
		return nil, err
	}
	tiers := map[string]*config.Tier{}
	var ladder *config.Ladder
	for _, step := range s.Steps() {
		place, err := e.Place(s, step)
		if err != nil {
			return nil, err
		}
		tiers[step.Name], ladder = place.Tier, place.Ladder
	}
	id, err := ulid.New(ulid.Timestamp(clock()), ulid.DefaultEntropy())
	if err != nil {
		return nil, fmt.Errorf("making a run id: %w", err)
	}
	rec, err := e.runs.Do(ctx, plan, run.Request{ID: id.String(), Input: input, Tiers: tiers, Ladder: ladder, Truth: e.knownTruth(s, input)})
	if err != nil {
		return nil, err
	}
	if err := e.recordRun(ctx, s, rec); err != nil {
		return nil, err
	}
	ran := &Ran{Record: rec}
	if ran.Escalated, err = e.fuse(ctx, s, rec); err != nil {
		return ran, err
	}
	if format != "" && rec.Status == run.OK {
		ran.Rendered, err = e.Render(ctx, s, format, input, rec.Output)
	}
	return ran, err
}

// knownTruth lets a simulated model answer an input that is one of the skill's
// items. core/run hands it to no other backend.
func (e *Engine) knownTruth(s *skill.Skill, input json.RawMessage) *run.Truth {
	pool, err := e.pool(s)
	if err != nil {
		return nil
	}
	want := string(canonical(input))
	for _, it := range slices.Concat(pool.Prove, pool.Tune) {
		if string(canonical(it.Input)) == want {
			return truthOf(s, it)
		}
	}
	return nil
}

func truthOf(s *skill.Skill, it trial.Item) *run.Truth {
	t := &run.Truth{Item: it.ID, Skill: s.Name, Reference: it.Reference}
	for _, d := range s.Contract.Dimensions {
		t.Dimensions = append(t.Dimensions, run.TruthDim{Name: d.Name, Kind: d.Kind})
	}
	return t
}

// runNote is what the index of runs keeps: enough to count and to find.
type runNote struct {
	ID     string     `json:"id"`
	At     time.Time  `json:"at"`
	Status run.Status `json:"status"`
	Micro  int64      `json:"cost"`
	Priced bool       `json:"priced"`
	First  bool       `json:"first"` // the first attempt passed, on the tier it began on
}

// recordRun keeps a run, its place in the index and its audit entry in one
// commit.
func (e *Engine) recordRun(ctx context.Context, s *skill.Skill, rec *run.Record) error {
	raw, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	note, err := json.Marshal(noteOf(rec))
	if err != nil {
		return err
	}
	_, err = e.store.Commit(ctx, store.Batch{
		Puts: []store.Put{
			{Key: store.Key(store.TableRun, scope, rec.ID), Value: store.Seal(1, raw)},
			{Key: store.Key(store.TableRunBySkill, scope, s.Name, store.At(rec.Started), rec.ID), Value: store.Seal(1, note)},
		},
		Entries: []store.Entry{{Time: rec.Started, Kind: "run", Scope: scope, Skill: s.Name, Run: rec.ID, Data: raw}},
	})
	if err != nil {
		return fmt.Errorf("recording run %s: %w", rec.ID, err)
	}
	return nil
}

func noteOf(rec *run.Record) runNote {
	return runNote{
		ID: rec.ID, At: rec.Started, Status: rec.Status, Micro: rec.Micro, Priced: rec.Priced,
		First: rec.Status == run.OK && sameTiers(rec.Start, rec.End),
	}
}

func sameTiers(a, b map[string]string) bool {
	for k, v := range a {
		if b[k] != v {
			return false
		}
	}
	return len(a) == len(b)
}

// runs of a skill since a time, oldest first; the last n of them when n > 0.
func (e *Engine) skillRuns(name string, since time.Time, n int) ([]runNote, error) {
	var out []runNote
	err := e.store.Scan(store.Key(store.TableRunBySkill, scope, name), func(_, value []byte) error {
		var note runNote
		if err := unseal(value, &note); err != nil {
			return err
		}
		if !note.At.Before(since) {
			out = append(out, note)
		}
		return nil
	})
	if n > 0 && len(out) > n {
		out = out[len(out)-n:]
	}
	return out, err
}

// fuse escalates a skill's free steps once so many runs in a row have failed on
// the tier that they began on. It acts only where the policy names the number.
func (e *Engine) fuse(ctx context.Context, s *skill.Skill, rec *run.Record) ([]string, error) {
	if s.Binding.Policy == nil || s.Binding.Policy.FuseAfter == 0 || noteOf(rec).First || rec.Status == run.Missing {
		return nil, nil
	}
	k := s.Binding.Policy.FuseAfter
	last, err := e.skillRuns(s.Name, time.Time{}, k)
	if err != nil || len(last) < k {
		return nil, err
	}
	for _, n := range last {
		if n.First || n.Status == run.Missing {
			return nil, nil
		}
	}
	var moved []string
	for _, step := range s.Steps() {
		_, ok, err := e.Escalate(ctx, s, step, fmt.Sprintf("fuse: %d runs in a row failed their gates", k), last[0].At)
		if err != nil {
			return moved, err
		}
		if ok {
			moved = append(moved, step.Name)
		}
	}
	return moved, nil
}

// Escalate moves a step up by one tier, at once, as a runtime override. since
// guards against counting the same failures twice: a step that moved after it
// stays. ok is false where nothing moves.
func (e *Engine) Escalate(ctx context.Context, s *skill.Skill, step *config.Step, reason string, since time.Time) (Place, bool, error) {
	place, err := e.Place(s, step)
	if err != nil || place.Effective.Pinned() || place.Effective.Since.After(since) {
		return place, false, err
	}
	tiers := place.Ladder.Tiers
	if place.Tier.Index+1 >= len(tiers) {
		return place, false, nil
	}
	var cooldown time.Duration
	if p := s.Binding.Policy; p != nil {
		cooldown = p.Cooldown
	}
	o, ok := tier.Escalate(place.Effective, rung(tiers[place.Tier.Index+1]), len(tiers), e.asOf, cooldown, reason)
	if !ok {
		return place, false, nil
	}
	raw, err := json.Marshal(o)
	if err != nil {
		return place, false, err
	}
	_, err = e.store.Commit(ctx, store.Batch{
		Puts:    []store.Put{{Key: store.Key(store.TableOverride, scope, s.Name, step.Name), Value: store.Seal(1, raw)}},
		Entries: []store.Entry{{Time: e.asOf, Kind: "policy.escalate", Scope: scope, Skill: s.Name, Step: step.Name, Data: raw}},
	})
	if err != nil {
		return place, false, fmt.Errorf("recording the escalation of %s: %w", s.Name, err)
	}
	place, err = e.Place(s, step)
	return place, true, err
}
