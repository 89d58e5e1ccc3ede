package engine

import (
	"time"

	"github.com/plimsoll-dev/plimsoll/core/tier"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

// Assigned is where one step stands today, for other systems.
type Assigned struct {
	Skill, Step   string
	Tier          *config.Tier // in force: pins and runtime escalations included
	By            tier.Voice
	Since         time.Time // zero where nobody wrote it down
	From          string    // tier before the last move; ""
	Reason        string
	Evidence      string // file#epoch of the last move; ""
	CooldownUntil time.Time
	Pinned        bool
}

// Unassigned is a step that stands nowhere, and why.
type Unassigned struct {
	Skill  string `json:"skill"`
	Step   string `json:"step"`
	Reason string `json:"reason"`
}

// Assignments of every step, by skill and step in the order of the project.
func (e *Engine) Assignments() ([]Assigned, []Unassigned) {
	var out []Assigned
	var none []Unassigned
	for _, s := range e.Project.Skills {
		for _, step := range s.Steps() {
			place, err := e.Place(s, step)
			if err != nil {
				none = append(none, Unassigned{s.Name, step.Name, err.Error()})
				continue
			}
			x := Assigned{
				Skill: s.Name, Step: step.Name, Tier: place.Tier, By: place.Effective.Voice, Since: place.Effective.Since,
				Reason: place.Effective.Reason, CooldownUntil: place.Effective.CooldownUntil, Pinned: place.Effective.Pinned(),
			}
			a, ok := e.Project.Policy.Get(s.Name, step.Name)
			switch {
			case !ok:
			case x.By == tier.VoiceOverride: // by day, from where the file still has it
				x.From = a.Tier.String()
			case x.By != tier.VoiceProjectPin:
				x.From, x.Evidence = a.From.String(), a.Evidence
			}
			out = append(out, x)
		}
	}
	return out, none
}
