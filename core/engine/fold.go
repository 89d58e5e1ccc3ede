package engine

import (
	"context"
	"fmt"

	"github.com/plimsoll-dev/plimsoll/core/nightly"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/tier"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

// fold writes runtime overrides into the policy file: what an escalation made
// necessary by day becomes the desired state. It returns the diff of the file
// and what could not be written, in words. A skill whose evidence cannot be read
// is a problem of its own, and stays where its override put it.
func (e *Engine) fold(ctx context.Context) (diff string, notes, problems []string, err error) {
	var moves []nightly.Move
	for _, s := range e.Project.Skills {
		for _, step := range s.Steps() {
			m, err := e.folded(s, step)
			if err != nil {
				return "", nil, nil, err
			}
			if m == nil {
				continue
			}
			if _, err := e.noteOf(*m); err != nil {
				problems = append(problems, notFolded(*m, err))
				continue
			}
			moves = append(moves, *m)
		}
	}
	if len(moves) == 0 {
		return "", nil, problems, nil
	}
	diff, refused, err := e.Apply(ctx, moves)
	if err != nil {
		return "", nil, nil, err
	}
	for what, why := range refused {
		notes = append(notes, fmt.Sprintf("the escalation of %s was not written down: %s; it stays in force", what, why))
	}
	_, file, err := e.freshPolicy()
	if err != nil {
		return "", nil, nil, err
	}
	e.Project.Policy = desiredOf(file.Assignments())
	return diff, notes, problems, nil
}

// notFolded tells why an escalation is in force and not in the policy file.
func notFolded(m nightly.Move, why error) string {
	return fmt.Sprintf("the escalation of %s/%s was not written down: %v; it stays in force", m.Skill, m.Step, why)
}

// folded is the move that writes a step's override down, nil without one. Where
// a person, or a pin, has put the step as high already, its tier stays and only
// the cooldown and the fact are written: the escalation happened all the same.
func (e *Engine) folded(s *skill.Skill, step *config.Step) (*nightly.Move, error) {
	raw, err := e.overrideRecord(s.Name, step.Name)
	if err != nil || raw == nil {
		return nil, err
	}
	var o tier.Override
	if err := unseal(raw, &o); err != nil {
		return nil, err
	}
	// Of what was read, and not of a newer one: only that is forgotten afterwards.
	place, err := e.Project.place(s, step, &o)
	if err != nil {
		return nil, err
	}
	from, err := e.Project.place(s, step, nil)
	if err != nil {
		return nil, err
	}
	m := foldedMove(s.Name, step.Name, o, from, place)
	m.Override = digestOf(raw)
	return m, nil
}

// foldedMove is what an override becomes in the policy file: from is where the
// step stands without it, place where it stands with it.
func foldedMove(skillName, step string, o tier.Override, from, place Place) *nightly.Move {
	m := nightly.Move{
		Skill: skillName, Step: step, From: from.Tier, To: place.Tier, Up: true,
		Since: o.Since, CooldownUntil: place.Effective.CooldownUntil, Reason: o.Reason,
	}
	if o.CooldownUntil.After(m.CooldownUntil) {
		m.CooldownUntil = o.CooldownUntil
	}
	if place.Effective.Voice != tier.VoiceOverride {
		m.Reason = from.Effective.Reason
	}
	return &m
}
