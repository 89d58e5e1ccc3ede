package engine

import (
	"context"
	"fmt"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/report"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/tier"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/core/watch"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
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

// together is how many runs are compared at a time: one where both tiers take
// turns on the same hardware.
func (w *watching) together() int {
	if h := w.former.Hardware; h != "" && h == w.place.Tier.Hardware {
		return 1
	}
	return parallel
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
	if p == nil || p.Shadow == 0 {
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

// alarm moves a step back up, at once.
func (e *Engine) alarm(ctx context.Context, w *watching, state verdict.DriftState, row report.Watched) (report.Watched, error) {
	row.Alarm = true
	row.Reason = fmt.Sprintf("drift: worse than %s by more than %g points, over %d shadow pairs in %d nights since the move (mean gap %+.1f points, e %.1f >= %.0f)",
		shortTier(w.Former), float64(w.Margin)/1e4, state.Pairs, state.Nights, float64(state.MeanD)/1e4, float64(state.M)/1e6, float64(state.Need)/1e6)
	_, ok, err := e.escalateFrom(ctx, w.skill, w.step, w.Present, row.Reason)
	row.Escalated = ok
	return row, err
}
