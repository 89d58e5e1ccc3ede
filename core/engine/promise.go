package engine

import (
	"context"

	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/core/watch"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

// Promise is how a step that moved down is watched, and what that is worth.
type Promise struct {
	Step    string             `json:"step"`
	Watch   watch.Watch        `json:"watch"`
	Setup   watch.Setup        `json:"setup"`
	State   verdict.DriftState `json:"state"`
	Waiting int                `json:"waiting"` // chosen runs that are not compared yet
}

// Promise tells how a step is watched, nil where it is not.
func (e *Engine) Promise(ctx context.Context, s *skill.Skill, step *config.Step) (*Promise, error) {
	w, err := e.standingWatch(s, step)
	if err != nil || w == nil {
		return nil, err
	}
	p := &Promise{Step: step.Name, Watch: w.Watch}
	if p.Setup, err = e.setup(w); err != nil {
		return nil, err
	}
	if p.State, err = w.Drift(w.log.Shadows); err != nil {
		return nil, err
	}
	now, _, err := e.waiting(w)
	p.Waiting = len(now)
	return p, err
}
