package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/store"
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
	return e.RunIn(ctx, name, input, format, "")
}

// RunIn is Run for an input that comes with a folder, of which the agent of a
// skill's runner gets a copy in place of the runner's fixture; "" is none.
func (e *Engine) RunIn(ctx context.Context, name string, input json.RawMessage, format, folder string) (*Ran, error) {
	s, err := e.Project.Skill(name)
	if err != nil {
		return nil, err
	}
	given, err := givenTo(s, folder)
	if err != nil {
		return nil, err
	}
	plan, err := e.Plan(ctx, s)
	if err != nil {
		return nil, err
	}
	if err := e.noteGrant(ctx, s, plan); err != nil {
		return nil, err
	}
	tiers, ladders, places := map[string]*config.Tier{}, map[string]*config.Ladder{}, map[string]Place{}
	for _, step := range s.Steps() {
		place, err := e.Place(s, step)
		if err != nil {
			return nil, err
		}
		places[step.Name] = place
		tiers[step.Name] = place.Tier
		if err := e.reachable(s, place.Tier); err != nil {
			return nil, err
		}
		if !place.Effective.Pinned() {
			ladders[step.Name] = place.Ladder
		}
	}
	id, err := ulid.New(ulid.Timestamp(clock()), ulid.DefaultEntropy())
	if err != nil {
		return nil, fmt.Errorf("making a run id: %w", err)
	}
	var shadows map[string]pending
	if given == "" { // nobody keeps the folder, so nobody could try it again
		if shadows, err = e.choose(s, places, id.String()); err != nil {
			return nil, err
		}
	}
	rec, err := e.do(ctx, plan, run.Request{ID: id.String(), Input: input, Tiers: tiers, Ladders: ladders, Truth: e.knownTruth(s, input), Fixture: folder})
	if err != nil {
		return nil, errors.Join(err, e.noteRefusal(ctx, s, err))
	}
	if e.dated {
		rec.Started = e.asOf
	}
	rec.Given = given
	if sampling(s) > 0 && given == "" {
		if rec.Arm, err = e.armOf(s, plan, tiers); err != nil {
			return nil, err
		}
	}
	watched, err := chosen(s.Name, shadows, rec.Started)
	if err != nil {
		return nil, err
	}
	if err := e.recordRun(ctx, s, rec, watched...); err != nil {
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

// noteRefusal writes down that inputs were kept from a backend: whoever wants to
// know that a rule about data holds looks for these.
func (e *Engine) noteRefusal(ctx context.Context, s *skill.Skill, refused error) error {
	var data *run.DataError
	if !errors.As(refused, &data) {
		return nil
	}
	note := map[string]any{"backend": data.Backend}
	if d := s.Binding.Data; d != nil {
		note["class"] = d.Class
	}
	raw, err := json.Marshal(note)
	if err != nil {
		return err
	}
	_, err = e.store.Commit(ctx, store.Batch{Entries: []store.Entry{{Time: e.asOf, Kind: "data.refused", Scope: scope, Skill: s.Name, Data: raw}}})
	return err
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
	ID     string            `json:"id"`
	At     time.Time         `json:"at"`
	Status run.Status        `json:"status"`
	Micro  int64             `json:"cost"`
	Unsure int64             `json:"unsure,omitempty"`
	Priced bool              `json:"priced"`
	Stayed bool              `json:"stayed"` // it passed on the tiers it began on
	Start  map[string]string `json:"start"`  // tier by step
}

// recordRun keeps a run, its place in the index, what it wrote to the skill's
// keys, what else belongs to it and its audit entry in one commit.
func (e *Engine) recordRun(ctx context.Context, s *skill.Skill, rec *run.Record, beside ...store.Put) error {
	if len(rec.Writes) > 0 {
		// One at a time: two runs that fit the quota each need not fit it together.
		e.state.writing.Lock()
		defer e.state.writing.Unlock()
	}
	writes, err := e.writes(s, rec)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	note, err := json.Marshal(noteOf(rec))
	if err != nil {
		return err
	}
	_, err = e.store.Commit(ctx, store.Batch{
		Puts: append([]store.Put{
			{Key: store.Key(store.TableRun, scope, rec.ID), Value: store.Seal(1, raw)},
			{Key: store.Key(store.TableRunBySkill, scope, s.Name, store.At(rec.Started), rec.ID), Value: store.Seal(1, note)},
		}, append(writes, beside...)...),
		Entries: []store.Entry{{Time: rec.Started, Kind: "run", Scope: scope, Skill: s.Name, Run: rec.ID, Data: raw}},
	})
	if err != nil {
		return fmt.Errorf("recording run %s: %w", rec.ID, err)
	}
	e.measureRun(s.Name, rec)
	return nil
}

func noteOf(rec *run.Record) runNote {
	return runNote{
		ID: rec.ID, At: rec.Started, Status: rec.Status, Micro: rec.Micro, Unsure: rec.Unsure, Priced: rec.Priced,
		Stayed: rec.Status == run.OK && maps.Equal(rec.Start, rec.End), Start: rec.Start,
	}
}

// skillRuns lists the runs of a skill since a time, oldest first.
func (e *Engine) skillRuns(name string, since time.Time) ([]runNote, error) {
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
	return out, err
}

// ownRuns are those that ran here: of an imported one neither prompt nor output
// need be known.
func ownRuns(notes []runNote) []runNote {
	return slices.DeleteFunc(notes, func(n runNote) bool { return n.Status == run.Imported })
}
