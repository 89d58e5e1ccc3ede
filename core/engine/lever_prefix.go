package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/lever"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// Prefixes is what the stored prompts of a step have in common.
type Prefixes struct {
	Skill     string `json:"skill"`
	Step      string `json:"step"`
	Simulated bool   `json:"simulated,omitempty"`
	Marked    bool   `json:"marked"`                 // its calls end the step's prompt with a cache breakpoint
	Gone      int    `json:"prompts_gone,omitempty"` // prompts that are in no blob any more
	lever.Prefix
	Why string `json:"why,omitempty"` // nothing can be said
}

// promptsMost bounds how many runs of a skill are looked at, the newest first:
// where prompts begin to differ shows in a few.
const promptsMost = 40

// Prefix looks at the prompts of a step's runs in the last 30 days.
func (e *Engine) Prefix(s *skill.Skill, step *config.Step) (*Prefixes, error) {
	out := &Prefixes{Skill: s.Name, Step: step.Name}
	calls, span, err := e.callsOf(s.Name, s.Hash, step.Name)
	if err != nil {
		return nil, err
	}
	if len(calls) == 0 {
		out.Why = "it has no runs in the last 30 days, as it is now"
		return out, nil
	}
	plan, diags := e.Project.planOf(s)
	if err := diags.Err(); err != nil {
		return nil, err
	}
	var prompts []lever.Prompt
	for _, c := range calls {
		p := lever.Prompt{At: c.at, Tier: c.Tier, Usage: c.Usage}
		if t := e.tierOf(c.Tier); t != nil {
			p.Rates = run.Rates(t.Price)
			out.Marked = out.Marked || len(plan.Caching(step.Name, t)) > 0
		}
		raw, err := e.store.GetBlob(c.Prompt)
		if errors.Is(err, store.ErrNotFound) {
			out.Gone++
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading a prompt of %s: %w", s.Name, err)
		}
		if err := json.Unmarshal(raw, &p.Messages); err != nil {
			return nil, fmt.Errorf("reading a prompt of %s: %w", s.Name, err)
		}
		out.Simulated = out.Simulated || c.Simulated
		prompts = append(prompts, p)
	}
	out.Prefix = lever.Stabilise(prompts, lever.Window{Span: span})
	switch {
	case len(prompts) == 0:
		out.Why = "none of its prompts is kept any more"
	case out.Distinct < 2:
		out.Why = "all of its runs had one input: where prompts differ cannot be seen"
	}
	return out, nil
}

// logged is a model call with when it was made.
type logged struct {
	run.Call
	at time.Time
}

// callsOf lists the first call of a step in the newest runs of the last 30 days,
// oldest first, and the time that they span. With a hash only runs of that skill as
// it was then count: a changed prompt differs by right.
func (e *Engine) callsOf(skillName, hash, step string) ([]logged, time.Duration, error) {
	notes, err := e.skillRuns(skillName, e.asOf.Add(-month))
	if err != nil {
		return nil, 0, err
	}
	notes = ownRuns(notes)
	// The time of decisions has whole seconds: a run of this second counts.
	notes = slices.DeleteFunc(notes, func(n runNote) bool { return n.At.After(e.asOf.Add(time.Second)) })
	span := month
	if len(notes) > promptsMost {
		notes = notes[len(notes)-promptsMost:]
		span = e.asOf.Sub(notes[0].At)
	}
	var out []logged
	for _, n := range notes {
		rec, err := e.Record(n.ID)
		if err != nil {
			return nil, 0, err
		}
		if len(rec.Attempts) == 0 || hash != "" && rec.Hash != hash {
			continue
		}
		// A later attempt carries the failure of the one before: it differs by right.
		for _, c := range rec.Attempts[0].Calls {
			if c.Step == step && c.Prompt != "" && c.Error == "" {
				out = append(out, logged{c, rec.Started})
				break
			}
		}
	}
	return out, span, nil
}

// tierOf finds a tier by its reference, "ladder.NAME.TIER".
func (e *Engine) tierOf(ref string) *config.Tier {
	for _, l := range e.Project.Config.Ladders {
		for _, t := range l.Tiers {
			if t.Ref() == ref {
				return t
			}
		}
	}
	return nil
}

// cacheRegret is what a move loses once of the warm cache, as the runs of the last
// 30 days on the current tier used it; 0 where that is not known.
func (e *Engine) cacheRegret(skillName, step string, current, candidate *config.Tier) (int64, error) {
	calls, _, err := e.callsOf(skillName, "", step)
	if err != nil {
		return 0, err
	}
	var uses []message.Usage
	for _, c := range calls {
		if c.Tier == current.Ref() {
			uses = append(uses, c.Usage)
		}
	}
	micro, _ := lever.Regret(uses, run.Rates(candidate.Price))
	return micro, nil
}
