package engine

import (
	"context"
	"fmt"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/nightly"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/hcl/policyfile"
)

// proposal is a night whose moves become a patch for review: evidence is written
// as on any night, the policy file is left as it is. Nothing that happened to a
// step is written before somebody applies the patch; the night after that finds
// it in the policy file and writes it down then, see adopt. Until then the next
// night proposes the same moves again, from the same evidence, and buys nothing.
type proposal struct {
	*Engine
	folded []nightly.Move // escalations of the day, to be written with the moves
}

// Apply is the diff that Engine.Apply would make of the policy file.
func (p *proposal) Apply(_ context.Context, moves []nightly.Move) (string, map[string]string, error) {
	before, file, err := p.freshPolicy()
	if err != nil {
		return "", nil, err
	}
	refused := map[string]string{}
	var changed []policyfile.Assignment
	for _, m := range append(p.folded, moves...) {
		if why := p.against(file, m); why != "" {
			refused[m.Skill+"/"+m.Step] = why
			continue
		}
		now, _ := file.Get(m.Skill, m.Step)
		changed = append(changed, assigned(now, m))
	}
	if len(changed) == 0 {
		return "", refused, nil
	}
	diff := policyfile.Diff(before, tidy(before, file.SetAll(changed)), PolicyFile)
	if before == nil { // git apply makes a file only from nothing
		diff = strings.Replace(diff, "--- a/"+PolicyFile, "--- /dev/null", 1)
	}
	return diff, refused, nil
}

// proposal makes ready a night that writes a patch: escalations of the day that
// the policy file does not say yet go into it. What could not be written down
// comes back in words.
func (e *Engine) proposal(ctx context.Context) (p *proposal, problems []string, err error) {
	p = &proposal{Engine: e}
	var done []note
	for _, s := range e.Project.Skills {
		for _, step := range s.Steps() {
			m, err := e.folded(s, step)
			if err != nil {
				return nil, nil, err
			}
			if m == nil {
				continue
			}
			a, ok := e.Project.Policy.Get(s.Name, step.Name)
			if ok && a.Tier.String() == m.To.Ref() && !a.CooldownUntil.Before(m.CooldownUntil) {
				// Somebody applied it: what is left is to say so.
				n, err := e.noteOf(*m)
				if err != nil {
					problems = append(problems, notFolded(*m, err))
					continue
				}
				done = append(done, n)
				continue
			}
			p.folded = append(p.folded, *m)
		}
	}
	if len(done) == 0 {
		return p, problems, nil
	}
	return p, problems, e.record(ctx, done)
}

// adopt writes down moves that reached the policy file as a patch: their block
// says from where, since when and by which epoch, and no evidence tells of them
// yet. A block whose epoch is not in the evidence, was about another tier, or
// bears no move out, is a person's own and no move of the machine: what counts as
// one is watched, is taken back by name, and counts for the other skills. A skill
// whose evidence cannot be read waits for a night when it can, and comes back in
// words: the others go on.
func (e *Engine) adopt(ctx context.Context) (problems []string, err error) {
	var done []note
	for _, a := range e.Project.Policy.Assignments() {
		_, epoch, ok := strings.Cut(a.Evidence, "#")
		if !ok || a.Since.IsZero() || a.From.Tier == "" {
			continue
		}
		log, err := e.evidenceOf(a.Skill)
		if err != nil {
			problems = append(problems, fmt.Sprintf("the move of %s/%s could not be looked for in its evidence: %v", a.Skill, a.Step, err))
			continue
		}
		for _, o := range log.Epochs {
			if o.ID() != epoch || o.Step != a.Step || o.Candidate.Tier != a.Tier.String() || !proposed(o) {
				continue
			}
			ev := evidence.Event{
				V: evidence.Version, Kind: evidence.KindEvent, Skill: a.Skill, Step: a.Step, Event: evidence.Moved,
				At: a.Since, From: a.From.String(), To: a.Tier.String(), Reason: a.Reason,
			}
			if !tells(log, ev) {
				done = append(done, note{Kind: "policy.move", Evidence: a.Evidence, Event: ev})
			}
		}
	}
	if len(done) == 0 {
		return problems, nil
	}
	return problems, e.record(ctx, done)
}

// proposed tells whether a night can have proposed the move that an epoch is
// about: its lines bear it out, and where the policy bounds the share of wrong
// moves, it was accepted.
func proposed(o *evidence.Opened) bool {
	if o.Fleet != nil && o.Acceptance == nil {
		return false
	}
	return o.Recompute().Decision == verdict.Downgrade
}
