package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/telemetry"
	"github.com/plimsoll-dev/plimsoll/core/tier"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

// fuse moves steps up once so many runs in a row have failed on the tiers that
// they began on. Where the policy names the number, every free step of the skill
// has that fuse; otherwise a step has one after a move down, as long as its night
// has computed. The rows are counted from the recorded runs themselves, so that
// nothing is forgotten by a kill and processes that share the state agree.
func (e *Engine) fuse(ctx context.Context, s *skill.Skill, rec *run.Record) ([]string, error) {
	if s.Binding.Policy == nil || noteOf(rec).Stayed || rec.Status == run.Missing {
		return nil, nil
	}
	var moved []string
	for _, step := range s.Steps() {
		k, since, err := e.fuseLength(s, step)
		if err != nil {
			return moved, err
		}
		if k == 0 {
			continue
		}
		failed, err := e.row(rec, since, k)
		if err != nil {
			return moved, err
		}
		if failed < k {
			continue
		}
		_, ok, err := e.escalateFrom(ctx, s, step, rec.Start[step.Name], fmt.Sprintf("fuse: %d runs in a row failed their gates", k))
		if err != nil {
			return moved, err
		}
		if ok {
			moved = append(moved, step.Name)
		}
	}
	return moved, nil
}

// fuseLength is how many failures in a row move a step up, 0 for none, and since
// when they count.
func (e *Engine) fuseLength(s *skill.Skill, step *config.Step) (int, time.Time, error) {
	if k := s.Binding.Policy.FuseAfter; k > 0 {
		return k, time.Time{}, nil
	}
	place, err := e.Place(s, step)
	if err != nil {
		return 0, time.Time{}, err
	}
	kept, err := e.keptWatch(s.Name, step.Name, place)
	if err != nil || kept == nil || !kept.Setup.Fuse.OK {
		return 0, time.Time{}, err
	}
	return kept.Setup.Fuse.Length, kept.Watch.Since, nil
}

// row counts the failures up to now, no further than k. Runs without an answer
// say nothing, nor do imported ones; one that passed, or that began on other tiers or before the move,
// ends the row. A run that was escalated on its way failed on the tier that it
// began on.
func (e *Engine) row(rec *run.Record, since time.Time, k int) (failed int, err error) {
	err = e.lastRuns(rec.Skill, rec.Started, since, func(n runNote) bool {
		if n.Status == run.Missing || n.Status == run.Imported {
			return true
		}
		if n.Stayed || !maps.Equal(n.Start, rec.Start) || n.At.Before(since) {
			return false
		}
		failed++
		return failed < k
	})
	return failed, err
}

// The index of runs is read backwards window by window, since a store scans
// forwards only: a row is nearly always over within the newest one, and a skill
// has far more runs than that.
const (
	fineWindow   = 6 // bytes of the time in a key: 18 hours
	fineWindows  = 16
	roughWindow  = 5 // 194 days, for skills that run seldom
	roughWindows = 3
)

// lastRuns gives fn a skill's runs, newest first, until fn says that it has seen
// enough. It begins up to two fine windows after a moment, for runs that began
// later and are done already, and ends at since or after a year at the least.
func (e *Engine) lastRuns(skillName string, at, since time.Time, fn func(runNote) bool) error {
	index := store.Key(store.TableRunBySkill, scope, skillName)
	upTo := at.Add(1 << 16 * time.Second)
	more := true
	for _, w := range []struct{ width, count int }{{fineWindow, fineWindows}, {roughWindow, roughWindows}} {
		size := int64(1) << (8 * (8 - w.width)) // seconds
		first := upTo.Unix() / size
		if upTo.Unix()%size == 0 && w.width == roughWindow {
			first-- // the fine ones ended where it begins
		}
		for n := range w.count {
			begin := time.Unix((first-int64(n))*size, 0).UTC()
			if end := begin.Add(time.Duration(size) * time.Second); !more || end.Before(since) {
				return nil
			}
			notes, err := e.runsWithin(index, begin, w.width)
			if err != nil {
				return err
			}
			for _, note := range slices.Backward(notes) {
				if w.width == roughWindow && !note.At.Before(upTo) {
					continue // seen in a fine one
				}
				if more = fn(note); !more {
					return nil
				}
			}
			if w.width == fineWindow {
				upTo = begin
			}
		}
	}
	return nil
}

// runsWithin lists the runs of one window, oldest first. Its key is the key of
// the window's first moment, cut off where the moments within it begin to differ.
func (e *Engine) runsWithin(index []byte, begin time.Time, width int) ([]runNote, error) {
	const partEnd = 2 // bytes that end a part of a key
	part := store.Key(store.TableRunBySkill, scope, store.At(begin)[:width])
	prefix := append(slices.Clone(index), part[len(store.Key(store.TableRunBySkill, scope)):len(part)-partEnd]...)
	var out []runNote
	err := e.store.Scan(prefix, func(_, value []byte) error {
		var note runNote
		if err := unseal(value, &note); err != nil {
			return err
		}
		out = append(out, note)
		return nil
	})
	return out, err
}

// Escalate moves a step up to the next tier that may see its inputs, at once, as
// a runtime override. ok is false where nothing moves.
func (e *Engine) Escalate(ctx context.Context, s *skill.Skill, step *config.Step, reason string) (Place, bool, error) {
	return e.escalateFrom(ctx, s, step, "", reason)
}

// escalateFrom is Escalate for a step that still stands on a tier, "" for any:
// two runs that blow one fuse at once move the step one rung, not two.
func (e *Engine) escalateFrom(ctx context.Context, s *skill.Skill, step *config.Step, from, reason string) (Place, bool, error) {
	key := overrideKey(s.Name, step.Name)
	before, err := e.store.Get(key)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return Place{}, false, fmt.Errorf("looking for an override of %s: %w", s.Name, err)
	}
	place, err := e.Place(s, step)
	if err != nil {
		return place, false, err
	}
	if from != "" && place.Tier.Ref() != from {
		return place, false, nil
	}
	plan, err := e.Plan(ctx, s)
	if err != nil {
		return place, false, err
	}
	next := plan.NextUp(place.Ladder, place.Tier)
	if next == nil {
		return place, false, nil
	}
	var cooldown time.Duration
	if p := s.Binding.Policy; p != nil {
		cooldown = p.Cooldown
	}
	o, ok := tier.Escalate(place.Effective, rung(next), e.asOf, cooldown, reason)
	if !ok {
		return place, false, nil
	}
	raw, err := json.Marshal(o)
	if err != nil {
		return place, false, err
	}
	posts, err := e.postEscalation(s.Name, step.Name, place.Tier, next, reason)
	if err != nil {
		return place, false, err
	}
	_, err = e.store.Commit(ctx, store.Batch{
		Checks:  []store.Check{{Key: key, Want: bytes.Clone(before)}},
		Puts:    append(posts, store.Put{Key: key, Value: store.Seal(1, raw)}),
		Entries: []store.Entry{{Time: e.asOf, Kind: "policy.escalate", Scope: scope, Skill: s.Name, Step: step.Name, Data: raw}},
	})
	if errors.Is(err, store.ErrConflict) {
		place, err = e.Place(s, step)
		return place, false, err // somebody else moved it in this moment
	}
	if err != nil {
		return place, false, fmt.Errorf("recording the escalation of %s: %w", s.Name, err)
	}
	if from != "" { // a person who moves it has seen what production has not
		e.options.Recorder.Add(telemetry.Escalations, 1, s.Name, step.Name, next.Ref())
	}
	e.state.announce()
	place, err = e.Place(s, step)
	return place, true, err
}
