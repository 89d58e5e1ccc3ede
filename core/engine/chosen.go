package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/tier"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/core/watch"
)

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

// settle sets up the watches after a night's moves, for the runs of the day. The
// moves are made by then: whatever keeps a watch from being set up comes back in
// words, and the night has its report.
func (e *Engine) settle(ctx context.Context, only string) (problems []string, err error) {
	_, file, err := e.freshPolicy()
	if err != nil {
		return []string{fmt.Sprintf("no watch was set up: %v", err)}, nil
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
				problems = append(problems, fmt.Sprintf("the watch over %s/%s was not set up: %v", s.Name, step.Name, err))
				continue
			}
			raw, err := json.Marshal(standing{Watch: w.Watch, Setup: setup})
			if err != nil {
				return problems, err
			}
			value := store.Seal(1, raw)
			if old, err := e.store.Get(watchKey(s.Name, step.Name)); err == nil && string(old) == string(value) {
				continue
			}
			if _, err := e.store.Commit(ctx, store.Batch{Puts: []store.Put{{Key: watchKey(s.Name, step.Name), Value: value}}}); err != nil {
				return problems, fmt.Errorf("setting up the watch over %s: %w", s.Name, err)
			}
		}
	}
	return problems, nil
}
