package engine

import (
	"time"

	"github.com/plimsoll-dev/plimsoll/core/judge"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

// JudgeReport is what is known of a judge today.
type JudgeReport struct {
	Judge      string            `json:"judge"`
	Pin        string            `json:"pin"`
	File       string            `json:"file"`
	Labels     int               `json:"labels"`   // of the judge as it is now
	Outdated   int               `json:"outdated"` // of the judge as it was: they do not count
	Was        string            `json:"was,omitempty"`
	Reported   []string          `json:"reported"` // ids that it answered under
	Latest     *time.Time        `json:"latest"`   // when the latest label was made
	Days       int               `json:"days"`     // since then
	Simulated  bool              `json:"simulated"`
	Abilities  []judge.Ability   `json:"abilities"`
	Agreements []judge.Agreement `json:"agreements"`
	Allows     []Allow           `json:"allows"`
}

// Allow is what the labels let a judge do for one comparison.
type Allow struct {
	Skill       string              `json:"skill"`
	Step        string              `json:"step"`
	Family      string              `json:"family"`
	Current     string              `json:"current"`
	Candidate   string              `json:"candidate"`
	Proves      bool                `json:"proves"`
	Why         string              `json:"why"`          // why it does not, ""
	Margin      int64               `json:"margin"`       // of the whole score, millionths
	JudgeMargin int64               `json:"judge_margin"` // the judged part's share of it
	Floor       int                 `json:"floor"`        // items before anything may prove, 0: nothing may
	Calibration verdict.Calibration `json:"calibration"`
}

// ReportJudge says what a judge's labels allow, for every judged skill that it
// is the judge of.
func (e *Engine) ReportJudge(j *config.Judge) (*JudgeReport, error) {
	labels, err := e.Project.Labels(j.Name)
	if err != nil {
		return nil, err
	}
	r := &JudgeReport{Judge: j.Name, Pin: judge.Pin(j.Members(), j.Pairwise), File: LabelsFile(j.Name), Reported: []string{}, Abilities: []judge.Ability{}, Agreements: []judge.Agreement{}, Allows: []Allow{}}
	now := labels.Where(func(l judge.Label) bool { return l.Pin == r.Pin })
	r.Labels, r.Outdated = len(now), len(labels)-len(now)
	seen := map[string]bool{}
	for _, l := range labels {
		if l.Pin != r.Pin {
			r.Was = l.Pin
			continue
		}
		if l.Reported != "" && !seen[l.Reported] {
			seen[l.Reported] = true
			r.Reported = append(r.Reported, l.Reported)
		}
		if r.Latest == nil || l.At.After(*r.Latest) {
			r.Latest = &l.At
		}
		r.Simulated = r.Simulated || l.Simulated
	}
	if r.Latest != nil {
		r.Days = int(e.asOf.Sub(*r.Latest).Hours() / 24)
	}
	r.Abilities = append(r.Abilities, judge.Abilities(now, defaultJudgeMargin, defaultLabelAlpha)...)
	r.Agreements = append(r.Agreements, judge.Agreements(now)...)
	return r, e.allows(j, labels, r)
}

// Where a figure is of no policy, it is at half of 5 points and at a fifth of 5 %.
const (
	defaultJudgeMargin = 25_000
	defaultLabelAlpha  = 10_000
)

func (e *Engine) allows(j *config.Judge, labels judge.Labels, r *JudgeReport) error {
	for _, s := range e.Project.Skills {
		p, ladder := s.Binding.Policy, Ladder(s)
		if e.Project.judgeOf(s) != j || len(s.Contract.Dimensions) == 0 || p == nil || ladder == nil {
			continue
		}
		for _, step := range s.Steps() {
			place, err := e.Place(s, step)
			if err != nil {
				return err
			}
			for _, candidate := range ladder.Tiers {
				if candidate.Index >= place.Tier.Index {
					continue
				}
				ask := AskOf(j, s, p, place.Tier, candidate)
				g, err := judge.Grant(labels, ask)
				if err != nil {
					return err
				}
				a := Allow{
					Skill: s.Name, Step: step.Name, Family: ask.Family, Current: place.Tier.Name, Candidate: candidate.Name,
					Proves: g.Terms != nil, Why: g.Why, Margin: ask.Margin, JudgeMargin: ask.JudgeMarginOr(), Calibration: g.Calibration,
				}
				for _, t := range j.Members() {
					if why := judge.Unfit(t, place.Tier, candidate); why != "" && a.Proves {
						a.Proves, a.Why = false, why
					}
				}
				if a.Proves {
					_, test := verdict.ShareAlpha(ask.Alpha)
					a.Floor = verdict.Floor(g.Terms.Margin, float64(test)/float64(verdict.Million))
				}
				r.Allows = append(r.Allows, a)
			}
		}
	}
	return nil
}
