package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/policyfile"
)

// Pin holds a step on its effective tier until a person lifts it. The diff of
// the policy file comes back.
func (e *Engine) Pin(ctx context.Context, s *skill.Skill, step *config.Step, reason string) (string, error) {
	return e.edit(ctx, s, step, "policy.pin", func(a *policyfile.Assignment) {
		a.Pin = true
		if reason != "" {
			a.Reason = reason
		}
	})
}

// Unpin lifts a pin in the policy file, and with it the hold on a step whose
// move a person took back.
func (e *Engine) Unpin(ctx context.Context, s *skill.Skill, step *config.Step) (string, error) {
	if step.Pin != nil {
		return "", fmt.Errorf("%s is pinned in the project's config; remove pin from its block at %s", s.Name, s.Range)
	}
	diff, err := e.edit(ctx, s, step, "policy.unpin", func(a *policyfile.Assignment) { a.Pin = false })
	if err != nil {
		return "", err
	}
	moves, err := e.moves(s.Name, step.Name)
	if err != nil || len(moves) == 0 {
		return diff, err
	}
	last := moves[len(moves)-1].At.Format(time.RFC3339Nano)
	_, err = e.store.Commit(ctx, store.Batch{Puts: []store.Put{{Key: store.Key(store.TableMeta, scope, "revert-lifted", s.Name, step.Name), Value: []byte(last)}}})
	return diff, err
}

// edit changes one assignment, made at the effective tier where there is none,
// and records that a person did it.
func (e *Engine) edit(ctx context.Context, s *skill.Skill, step *config.Step, kind string, change func(*policyfile.Assignment)) (string, error) {
	place, err := e.Place(s, step)
	if err != nil {
		return "", err
	}
	before, file, err := e.freshPolicy()
	if err != nil {
		return "", err
	}
	a, ok := file.Get(s.Name, step.Name)
	if !ok {
		a = policyfile.Assignment{Skill: s.Name, Step: step.Name, Tier: tierRef(place.Tier), Since: e.asOf, Reason: place.Effective.Reason}
	}
	change(&a)
	after := tidy(before, file.Set(a))
	if string(after) == string(before) {
		return "", nil
	}
	if err := e.writePolicy(ctx, before, after, nil); err != nil {
		return "", err
	}
	_, err = e.store.Commit(ctx, store.Batch{Entries: []store.Entry{{Time: e.asOf, Kind: kind, Scope: scope, Skill: s.Name, Step: step.Name}}})
	return policyfile.Diff(before, after, PolicyFile), err
}

// Step finds a step of a skill; "" is main, or the only one.
func Step(s *skill.Skill, name string) (*config.Step, error) {
	steps := s.Steps()
	if name == "" {
		return steps[0], nil
	}
	var names []string
	for _, st := range steps {
		if st.Name == name {
			return st, nil
		}
		names = append(names, st.Name)
	}
	return nil, fmt.Errorf("skill %s has no step %q; it has %v", s.Name, name, names)
}
