package engine

import (
	"context"
	"fmt"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/tier"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/policyfile"
)

// Pin holds a step on its effective tier until a person lifts it. The diff of
// the policy file comes back.
func (e *Engine) Pin(ctx context.Context, s *skill.Skill, step *config.Step, reason string) (string, error) {
	place, err := e.Place(s, step)
	if err != nil {
		return "", err
	}
	return e.edit(ctx, s, step, note{Kind: "policy.pin"}, func(a *policyfile.Assignment) {
		*a = pinned(*a, place)
		if reason != "" {
			a.Reason = reason
		}
	})
}

// pinned is an assignment that holds a step where it stands. A pin silences a
// runtime escalation, so one that no night has written down yet is written with
// it: a pin must not move a step down.
func pinned(a policyfile.Assignment, place Place) policyfile.Assignment {
	a.Pin = true
	if place.Effective.Voice == tier.VoiceOverride {
		a.From, a.Tier = a.Tier, tierRef(place.Tier)
		a.Since, a.Reason, a.CooldownUntil = place.Effective.Since, place.Effective.Reason, place.Effective.CooldownUntil
	}
	return a
}

// Unpin lifts a pin in the policy file, and with it the hold on a step whose
// move a person took back.
func (e *Engine) Unpin(ctx context.Context, s *skill.Skill, step *config.Step) (string, error) {
	if step.Pin != nil {
		return "", fmt.Errorf("%s is pinned in the project's config; remove pin from its block at %s", s.Name, s.Range)
	}
	diff, err := e.edit(ctx, s, step, note{Kind: "policy.unpin"}, func(a *policyfile.Assignment) { a.Pin = false })
	if err != nil {
		return "", err
	}
	place, err := e.Place(s, step)
	if err != nil {
		return "", err
	}
	why, err := e.reverted(s.Name, step.Name, place)
	if err != nil || why == "" {
		return diff, err
	}
	lifted := note{Kind: "policy.unpin", Event: evidence.Event{
		V: evidence.Version, Kind: evidence.KindEvent, Skill: s.Name, Step: step.Name, Event: evidence.Lifted, At: e.asOf,
	}}
	e.state.policy.Lock()
	defer e.state.policy.Unlock()
	return diff, e.record(ctx, []note{lifted})
}

// edit changes one assignment, made at the effective tier where there is none,
// and records that a person did it.
func (e *Engine) edit(ctx context.Context, s *skill.Skill, step *config.Step, n note, change func(*policyfile.Assignment)) (string, error) {
	e.state.policy.Lock()
	defer e.state.policy.Unlock()
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
	n.Event.Skill, n.Event.Step, n.Event.At = s.Name, step.Name, e.asOf
	if err := e.writePolicy(ctx, before, after, []note{n}); err != nil {
		return "", err
	}
	_, file, err = e.freshPolicy()
	if err != nil {
		return "", err
	}
	e.Project.Policy = desiredOf(file.Assignments())
	return policyfile.Diff(before, after, PolicyFile), nil
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
	return nil, fmt.Errorf("skill %s has no step %q; it has %s", s.Name, name, strings.Join(names, ", "))
}
