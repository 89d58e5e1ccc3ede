package evolve

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/judge"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/trial"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

// Jury is who scores dimensions beside the subject's Judge, how, and what gold
// labels allow.
type Jury struct {
	Panel    []*config.Tier // further members
	Pairwise bool
	Terms    *evidence.JudgeTerms // nil: the judge may only hold
	Why      string               // then: why
	Reported string               // the id that the judge gave when it was calibrated
	// Earlier gives the terms that the labels allowed when those of this digest were
	// all there were, or nil.
	Earlier func(labels string) (*evidence.JudgeTerms, error)
}

// members are all tiers that judge.
func (s Subject) members() []*config.Tier {
	if s.Judge == nil {
		return nil
	}
	return append([]*config.Tier{s.Judge}, s.Jury.Panel...)
}

// judgedBy fills in what an epoch says of its judge.
func (s Subject) judgedBy(e *evidence.Epoch) {
	if e.Content != verdict.ContentDimension || s.Judge == nil {
		return
	}
	e.Judged, e.Judge = true, judge.Pin(s.members(), s.Jury.Pairwise)
	if s.Pool.Repeats <= 1 {
		e.JudgeTerms = s.Jury.Terms
	}
}

// keeps tells whether an epoch goes on that differs from the wanted one in no
// more than its labels: some were added since. One that was decided without a
// proof does not: the next epoch takes the new terms.
func (m *measurement) keeps(e *evidence.Opened) (bool, error) {
	j := m.subject.Jury
	if e.JudgeTerms == nil || j.Earlier == nil {
		return false, nil
	}
	terms, err := j.Earlier(e.JudgeTerms.Labels)
	if err != nil || terms == nil {
		return false, err
	}
	was := *m
	was.subject.Jury.Terms = terms
	want, err := was.describe()
	if err != nil || want.Hash != e.Hash {
		return false, err
	}
	outcome := e.Assess().Test.Outcome
	return outcome == verdict.Open || outcome == verdict.Proved, nil
}

// unjudgeable says why its judge may not judge a subject, or "".
func (s Subject) unjudgeable() string {
	if s.Judge == nil {
		return "its dimensions need a judge, and none is configured"
	}
	for _, t := range s.members() {
		if why := judge.Unfit(t, s.Current, s.Candidate); why != "" {
			return why
		}
		if run.Simulated(t) && !(run.Simulated(s.Current) && run.Simulated(s.Candidate)) {
			return "a simulated judge can never be the evidence for a real tier"
		}
		if err := s.Plan.MaySee(t.Backend.Name); err != nil {
			return err.Error()
		}
	}
	return ""
}

// grounds completes an assessment and its rules with what is known of the judge.
func (m *measurement) grounds(a *verdict.Assessment, rules *verdict.Rules) {
	if !m.epoch.Judged {
		return
	}
	j := m.subject.Jury
	m.res.Compared, m.res.Contradicted = 0, 0
	for _, p := range m.epoch.Tried {
		if p.Source == evidence.Pairwise {
			m.res.Compared++
		}
		if p.Contradicted > 0 {
			m.res.Contradicted++
		}
	}
	switch {
	case m.epoch.JudgeTerms == nil && m.subject.Pool.Repeats > 1:
		a.Spec.JudgeWhy = "the score is judged and each item is run several times: the mean of such runs has no labels, so it may only hold"
	case m.epoch.JudgeTerms == nil:
		a.Spec.JudgeWhy = j.Why
	case j.Terms == nil: // labels that came later speak against it
		rules.Holds = append(rules.Holds, j.Why)
	}
	if m.epoch.JudgeTerms == nil || j.Reported == "" {
		return
	}
	if id := m.judgeID(); id != "" && id != j.Reported {
		rules.Holds = append(rules.Holds, fmt.Sprintf("the judge answers as %s, and its labels are of %s: calibrate it again", id, j.Reported))
	}
}

// askAll has every member of the panel score an output on its own, blind to who
// wrote it; the median counts. A member that gives no scores makes the item
// missing: a panel that shrinks where judging is hard is another panel.
func (m *measurement) askAll(ctx context.Context, it trial.Item, rec *run.Record) (map[string]int64, []run.Call, error) {
	var all []map[string]int64
	var calls []run.Call
	for i, t := range m.subject.members() {
		scores, made, err := m.ask(ctx, it, rec, t, i)
		calls = append(calls, made...)
		if err != nil {
			return nil, calls, err
		}
		all = append(all, scores)
	}
	if len(all) == 0 {
		return nil, nil, &judgeError{errors.New("its dimensions need a judge, and none is configured")}
	}
	return judge.Median(all), calls, nil
}

// reportedBy joins the ids that the members reported: of a panel all, in order.
func reportedBy(calls []run.Call) string {
	var ids []string
	for _, c := range calls {
		if c.Reported != "" && !slices.Contains(ids, c.Reported) {
			ids = append(ids, c.Reported)
		}
	}
	return strings.Join(ids, " + ")
}
