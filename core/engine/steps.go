package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/lever"
	"github.com/plimsoll-dev/plimsoll/core/nightly"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/tier"
	"github.com/plimsoll-dev/plimsoll/core/trial"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// Place is where a step stands: its effective tier and who says so.
type Place struct {
	Ladder    *config.Ladder
	Tier      *config.Tier
	Effective tier.Effective
	Assigned  bool // the policy file has an assignment
}

// Place resolves the effective tier of a step: pin, else the higher of the
// policy file and a runtime override, else where new skills start.
func (e *Engine) Place(s *skill.Skill, step *config.Step) (Place, error) {
	override, err := e.override(s.Name, step.Name)
	if err != nil {
		return Place{}, err
	}
	return e.Project.place(s, step, override)
}

func (p *Project) place(s *skill.Skill, step *config.Step, override *tier.Override) (Place, error) {
	ladder := Ladder(s)
	pin := step.Pin
	a, assigned := p.Policy.Get(s.Name, step.Name)
	if assigned {
		if l := p.ladder(a.Tier.Ladder); l != nil {
			ladder = l
		}
	}
	if ladder == nil {
		return Place{}, fmt.Errorf("skill %s has no ladder: write ladder = ladder.NAME in its block, its skills block or its tier_policy", s.Name)
	}
	start := ladder.Tiers[len(ladder.Tiers)-1] // never assume that cheap is good enough
	if s.Binding.Policy != nil && s.Binding.Policy.New != nil && s.Binding.Policy.New.Ladder == ladder.Name {
		start = s.Binding.Policy.New
	}
	desired := tier.Desired{Rung: rung(start), Reason: "no assignment yet: new skills start here"}
	if assigned {
		t := ladder.Tier(a.Tier.Tier)
		if t == nil {
			return Place{}, fmt.Errorf("the policy file assigns %s to %s, which is not a tier of its ladder", s.Name, a.Tier)
		}
		desired = tier.Desired{Rung: rung(t), Since: a.Since, CooldownUntil: a.CooldownUntil, Pinned: a.Pin, Reason: a.Reason}
	}
	var pinned *tier.Rung
	if pin != nil {
		r := rung(pin)
		pinned = &r
	}
	eff := tier.Resolve(desired, override, pinned)
	l := p.ladder(eff.Rung.Ladder)
	if l == nil || l.Tier(eff.Rung.Name) == nil {
		return Place{}, fmt.Errorf("skill %s stands on %s, which is not declared any more", s.Name, eff.Rung)
	}
	return Place{Ladder: l, Tier: l.Tier(eff.Rung.Name), Effective: eff, Assigned: assigned}, nil
}

func rung(t *config.Tier) tier.Rung {
	return tier.Rung{Ladder: t.Ladder, Name: t.Name, Index: t.Index}
}

// override is the runtime escalation of a step, nil without one.
func (e *Engine) override(skillName, step string) (*tier.Override, error) {
	raw, err := e.overrideRecord(skillName, step)
	if raw == nil {
		return nil, err
	}
	var o tier.Override
	return &o, unseal(raw, &o)
}

func overrideKey(skillName, step string) []byte {
	return store.Key(store.TableOverride, scope, skillName, step)
}

// overrideRecord is a step's override as the store has it, nil without one.
func (e *Engine) overrideRecord(skillName, step string) ([]byte, error) {
	raw, err := e.store.Get(overrideKey(skillName, step))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for an override of %s: %w", skillName, err)
	}
	return raw, nil
}

// overrideDigest tells one override of a step from another, "" without one.
func (e *Engine) overrideDigest(skillName, step string) (string, error) {
	raw, err := e.overrideRecord(skillName, step)
	if raw == nil {
		return "", err
	}
	return digestOf(raw), nil
}

// Steps lists every step of every skill as a night finds it.
func (e *Engine) Steps(ctx context.Context) ([]nightly.Step, error) {
	var out []nightly.Step
	for _, s := range e.Project.Skills {
		for _, step := range s.Steps() {
			n, err := e.nightStep(s, step)
			if err != nil {
				return nil, err
			}
			out = append(out, n)
		}
	}
	if err := e.share(out); err != nil {
		return nil, err
	}
	return out, ctx.Err()
}

func (e *Engine) nightStep(s *skill.Skill, step *config.Step) (nightly.Step, error) {
	// Before its place: an escalation between the two is one that came later.
	override, err := e.overrideDigest(s.Name, step.Name)
	if err != nil {
		return nightly.Step{}, err
	}
	place, err := e.Place(s, step)
	if err != nil {
		return nightly.Step{}, err
	}
	n := nightly.Step{Skill: s.Name, Step: step.Name, Ladder: place.Ladder, Current: place.Tier, Effective: place.Effective, Policy: s.Binding.Policy, Override: override}
	pool, err := e.provePool(s)
	if err != nil {
		// It holds, and says why; the others go on.
		n.Blocked, n.Broken = err.Error(), true
		return n, nil
	}
	n.Items, n.Size = len(pool.Prove), sizeOf(s, pool)
	if n.Runs, n.RunCost, err = e.traffic(s.Name); err != nil {
		return n, err
	}
	switch {
	case s.Binding.Policy == nil:
		n.Blocked = "no tier_policy: nothing says how much loss would matter"
	case unrunnable(s) != "":
		n.Blocked = unrunnable(s)
	case pool.Lacks != "":
		n.Blocked = pool.Lacks
	case measureOf(s).Content(pool.Prove) == "":
		n.Blocked = nothingMeasures(s, pool)
	}
	if n.Reverted, err = e.reverted(s.Name, step.Name, place); err != nil {
		n.Blocked, n.Broken = err.Error(), true
	}
	if n.Blocked == "" {
		if n.Blocked, err = e.leans(s, step); err != nil {
			n.Blocked, n.Broken = err.Error(), true
		}
	}
	return n, nil
}

// sizeOf estimates what a run uses, for a forecast of what a night costs: the
// prompts of all steps, the mean item, and an answer as long as the mean
// reference, at four bytes a token. A step's answer is part of what the next one
// reads, so a later step has at least the input again. Without items or
// references nothing is known.
func sizeOf(s *skill.Skill, pool *trial.Pool) message.Usage {
	var input, answer, answers int
	for _, it := range pool.Prove {
		input += len(it.Input)
		if len(it.Reference) > 0 {
			answer, answers = answer+len(it.Reference), answers+1
		}
	}
	if answers == 0 {
		return message.Usage{}
	}
	var u message.Usage
	for _, step := range s.Steps() {
		prompt, err := s.Prompt(step)
		if err != nil {
			return message.Usage{}
		}
		u.Input += lever.Estimate(len(prompt) + input/len(pool.Prove))
		u.Output += lever.Estimate(answer / answers)
	}
	return u
}

// nothingMeasures says why a skill cannot be measured, and what would change it.
func nothingMeasures(s *skill.Skill, pool *trial.Pool) string {
	if len(pool.Prove) == 0 {
		return "nothing here measures content: there are no items, no reference and no dimension"
	}
	return "nothing here measures content: give its items a reference, declare a dimension, or say quality = \"gates\""
}

// reverted tells whether a person took back the machine's last move: then the
// step stays until a person says otherwise, whatever the evidence says.
func (e *Engine) reverted(skillName, step string, place Place) (string, error) {
	moves, err := e.moves(skillName, step)
	return takenBack(moves, place), err
}

func takenBack(moves []evidence.Event, place Place) string {
	if len(moves) == 0 {
		return ""
	}
	last := moves[len(moves)-1]
	to := place.Ladder.Tier(shortTier(last.To))
	if last.Event != evidence.Moved || place.Effective.Voice != tier.VoicePolicy || to == nil || place.Tier.Index <= to.Index {
		return ""
	}
	return fmt.Sprintf("the move of %s to %s was taken back by hand; it stays on %s until a person lifts that", last.At.Format("2006-01-02"), shortTier(last.To), place.Tier.Name)
}

func shortTier(ref string) string {
	for i := len(ref) - 1; i >= 0; i-- {
		if ref[i] == '.' {
			return ref[i+1:]
		}
	}
	return ref
}

// pool reads a skill's items, once.
func (e *Engine) pool(s *skill.Skill) (*trial.Pool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if p, ok := e.pools[s.Name]; ok {
		return p, nil
	}
	p, diags := trial.Load(s.Dir, s.Contract.Items)
	if err := diags.Err(); err != nil {
		return nil, fmt.Errorf("the items of %s: %w", s.Name, err)
	}
	e.pools[s.Name] = p
	return p, nil
}

// measureOf says how a skill's outputs are scored.
func measureOf(s *skill.Skill) trial.Measure {
	return trial.Measure{
		JSON: s.OutputSchema != nil || s.Contract.Code != "" || s.Binding.Runner != nil && len(s.Binding.Runner.Files) > 0, Dimensions: s.Contract.Dimensions,
		GatesOnly: s.Contract.Quality == "gates", Rule: itemRule,
	}
}

// month is the window that traffic is counted in.
const month = 30 * 24 * time.Hour

// traffic counts the runs of the last 30 days and gives the mean cost of those
// whose cost is known, 0 for none. Bounds of lost calls are left out: an estimate
// of a saving must not grow with them.
func (e *Engine) traffic(skillName string) (runs, meanCost int64, err error) {
	recs, err := e.skillRuns(skillName, e.asOf.Add(-month))
	if err != nil || len(recs) == 0 {
		return 0, 0, err
	}
	recs = slices.DeleteFunc(recs, func(r runNote) bool { return r.At.After(e.asOf) })
	var sum, priced int64
	for _, r := range recs {
		if r.Priced {
			sum, priced = sum+r.Micro-r.Unsure, priced+1
		}
	}
	if priced == 0 {
		return int64(len(recs)), 0, nil
	}
	return int64(len(recs)), sum / priced, nil
}
