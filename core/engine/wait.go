package engine

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/judge"
	"github.com/plimsoll-dev/plimsoll/core/nightly"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/tier"
	"github.com/plimsoll-dev/plimsoll/core/trial"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// Wait is what a step's items can prove, and what is missing. All of it follows
// from the policy's own numbers before anything is tried: money and nights are
// estimates, items are not.
type Wait struct {
	Skill     string `json:"skill"`
	Step      string `json:"step"`
	Current   string `json:"current"`
	Candidate string `json:"candidate"`
	Source    string `json:"source"` // of its items: authored, imported or traffic
	Margin    int64  `json:"margin"` // millionths
	Items     int    `json:"items"`  // that there are: to prove with, or for a sample runs that no evidence has seen
	Start     int    `json:"start"`  // that a proof takes at least; 0: no number in sight
	Ties      int    `json:"ties"`   // tried, of a candidate that differs on none
	Finest    int64  `json:"finest"` // the smallest loss that Items could exclude, millionths; 0 none
	More      int    `json:"more"`   // that are missing; 0: nothing waits for items
	AtLeast   bool   `json:"at_least,omitempty"`

	Days      *int   `json:"days"`   // until the traffic has brought More; null: not from traffic, or no runs are known
	Cost      *int64 `json:"cost"`   // of trying Start items on both tiers, micro-dollars; null: not known
	Nights    *int   `json:"nights"` // that takes at the policy's budget; null: not known, or never
	SaveMonth *int64 `json:"saving_month"`
	SavePer1k *int64 `json:"saving_per_1000"`
	Assumed   string `json:"assumed,omitempty"` // what the estimates take a run to be, where nothing is known of its size
	Only      string `json:"only,omitempty"`    // why it would only hold all the same: what a judge's labels lack
	Next      string `json:"next"`              // what gets there sooner: a command, or a line of config

	worth float64
}

// Waits says of every step that may move, or of one skill's, what its items can
// prove. Those that wait for items come first, by what an item brings.
func (e *Engine) Waits(ctx context.Context, only string) ([]Wait, error) {
	steps, err := e.Steps(ctx)
	if err != nil {
		return nil, err
	}
	able := map[string]verdict.Able{} // many skills share a policy
	out := []Wait{}
	for _, n := range steps {
		if only != "" && n.Skill != only || n.Policy == nil || n.Broken || n.Reverted != "" {
			continue
		}
		if ok, _ := tier.MayMoveDown(n.Effective, e.asOf); !ok || n.Current.Index == 0 {
			continue
		}
		w, err := e.wait(n, able)
		if err != nil {
			return nil, fmt.Errorf("looking at what the items of %s can prove: %w", n.Skill, err)
		}
		if w != nil {
			out = append(out, *w)
		}
	}
	slices.SortStableFunc(out, func(a, b Wait) int {
		return cmp.Or(cmp.Compare(min(b.More, 1), min(a.More, 1)), cmp.Compare(b.worth, a.worth))
	})
	return out, ctx.Err()
}

// wait is a step's, nil where something else than items is missing.
func (e *Engine) wait(n nightly.Step, known map[string]verdict.Able) (*Wait, error) {
	s, err := e.Project.Skill(n.Skill)
	if err != nil {
		return nil, err
	}
	pool, err := e.provePool(s)
	if err != nil {
		return nil, err
	}
	byItems := n.Blocked == "" || n.Blocked == pool.Lacks || len(pool.Prove) == 0 && n.Blocked == nothingMeasures(s, pool)
	if !byItems {
		return nil, nil
	}
	candidate := n.Ladder.Tiers[n.Current.Index-1]
	w := &Wait{Skill: n.Skill, Step: n.Step, Current: n.Current.Name, Candidate: candidate.Name, Source: pool.Source, Margin: micro(n.Policy.Margin), AtLeast: n.Policy.Fleet}
	if w.Source == "" {
		w.Source = "authored"
	}
	if w.Items = len(pool.Prove); sampling(s) > 0 && pool.Lacks != "" {
		found, err := e.sampled(s, sampling(s))
		if err != nil {
			return nil, err
		}
		w.Items = len(found.sample.Runs)
	}
	spec, why, err := e.specOf(n, s, pool, w.Source)
	if err != nil {
		return nil, err
	}
	w.Only = why
	key := fmt.Sprintf("%+v %+v %d", spec.Params, spec.Terms, w.Items)
	able, ok := known[key]
	if !ok {
		able = verdict.AbleWith(spec, w.Items)
		known[key] = able
	}
	w.Start, w.Ties, w.Finest = able.Start, able.Ties, able.Finest
	needs := w.Start
	if n := sampling(s); n > 0 {
		needs = max(needs, n) // nothing is tried before the draw is whole
	}
	w.More = max(0, needs-w.Items)
	e.price(w, n, needs)
	w.Next, err = e.sooner(s, *w)
	return w, err
}

// specOf is the test that the next night would carry on or open, and why a judged
// score would only hold.
func (e *Engine) specOf(n nightly.Step, s *skill.Skill, pool *trial.Pool, source string) (verdict.Spec, string, error) {
	log, err := e.evidenceOf(s.Name)
	if err != nil {
		return verdict.Spec{}, "", err
	}
	candidate := n.Ladder.Tiers[n.Current.Index-1]
	o := evidence.Opened{Index: len(log.Epochs) + 1}
	for _, ep := range log.Epochs {
		if ep.Step == n.Step && ep.Candidate.Tier == candidate.Ref() && ep.Closed == "" {
			o.Index = ep.Index
		}
	}
	o.Method, o.Margin, o.Alpha, o.N = string(methodOf(n.Policy, source)), micro(n.Policy.Margin), micro(n.Policy.Alpha), n.Policy.MaxItems
	content, why := measureOf(s).Content(pool.Prove), ""
	if content == "" && len(s.Contract.Dimensions) > 0 {
		content = verdict.ContentDimension // items that come without references will be judged
	}
	if content == verdict.ContentDimension {
		j := e.Project.judgeOf(s)
		if j == nil {
			return o.Spec(), "its dimensions need a judge, and none is configured", nil
		}
		labels, err := e.Project.Labels(j.Name)
		if err != nil {
			return verdict.Spec{}, "", err
		}
		granted, err := judge.Grant(labels, AskOf(j, s, n.Policy, n.Current, candidate))
		if err != nil {
			return verdict.Spec{}, "", err
		}
		o.JudgeTerms, why = granted.Terms, granted.Why
	}
	return o.Spec(), why, nil
}

// price fills in what the items cost and bring, as far as that is known.
func (e *Engine) price(w *Wait, n nightly.Step, needs int) {
	n.Items = max(needs, 1)
	c := nightly.Estimate(n)
	if c.ToBuy = max(w.More, 1); !c.Priced {
		return
	}
	w.worth = c.Worth()
	if u := nightly.Nominal(); n.Size == (message.Usage{}) && n.RunCost == 0 {
		w.Assumed = fmt.Sprintf("a run of %d tokens in and %d out", u.Input, u.Output)
	}
	w.SavePer1k, w.Cost = &c.SavePer1k, &c.Cost
	if c.Runs > 0 {
		w.SaveMonth = &c.SaveMonth
	}
	if budget := n.Policy.Budget; budget > 0 {
		nights := int((c.Cost + budget - 1) / budget)
		w.Nights = &nights
	} else if budget < 0 {
		one := 1
		w.Nights = &one
	}
	if w.Source == "traffic" && n.Runs > 0 && w.More > 0 {
		days := int(math.Ceil(float64(w.More) * 30 / float64(n.Runs)))
		w.Days = &days
	}
}

// sooner is the one thing to do next.
func (e *Engine) sooner(s *skill.Skill, w Wait) (string, error) {
	if w.Only != "" && w.More == 0 {
		if j := e.Project.judgeOf(s); j != nil {
			return "plimsoll judge label " + j.Name, nil
		}
		return "add a judge block; plimsoll schema judge", nil
	}
	switch {
	case w.Start == 0:
		return fmt.Sprintf("a larger margin in tier_policy %q: no number of items in sight proves %s points", s.Binding.Policy.Name, points(w.Margin)), nil
	case w.More == 0:
		return "plimsoll nightly", nil
	case w.Source == "traffic" && w.Start <= w.Items:
		return fmt.Sprintf("traffic = %d in its items block: so many are enough at %s points", w.Start, points(w.Margin)), nil
	case w.Source == "traffic":
		return "plimsoll runs import --content PATH, where its runs are in logs elsewhere", nil
	}
	fresh, contentless, err := e.loggedInputs(s)
	switch {
	case err != nil:
		return "", err
	case fresh:
		return fmt.Sprintf("plimsoll items from-logs %s", s.Name), nil
	case contentless:
		return "plimsoll runs import --content PATH, with the logs that were imported without", nil
	}
	return fmt.Sprintf("plimsoll items add %s --input FILE --reference FILE", s.Name), nil
}

// looksBack bounds how many runs a screen reads for one word of advice.
const looksBack = 500

// loggedInputs looks at a skill's newest runs, until one has an input that is no
// item yet: items from-logs then brings something. contentless tells, where none
// has, whether some were imported without what was asked.
func (e *Engine) loggedInputs(s *skill.Skill) (fresh, contentless bool, err error) {
	notes, err := e.skillRuns(s.Name, e.asOf.Add(-trafficWindow))
	if err != nil || len(notes) == 0 {
		return false, false, err
	}
	pool, err := e.pool(s)
	if err != nil {
		return false, false, err
	}
	known := map[string]bool{}
	for _, it := range slices.Concat(pool.Prove, pool.Tune) {
		known[string(canonical(it.Input))] = true
	}
	seen := map[string]bool{}
	for _, note := range slices.Backward(notes[max(0, len(notes)-looksBack):]) {
		rec, err := e.Record(note.ID)
		if err != nil {
			return false, false, err
		}
		contentless = contentless || rec.Input == "" && rec.Result == "" && rec.Imported != ""
		if rec.Input == "" || rec.Given != "" || seen[rec.Input] {
			continue
		}
		seen[rec.Input] = true
		input, err := e.store.GetBlob(rec.Input)
		if err != nil {
			return false, false, fmt.Errorf("reading a logged input: %w", err)
		}
		if !known[string(canonical(input))] {
			return true, contentless, nil
		}
	}
	return false, contentless, nil
}

// points writes millionths as points of a hundred.
func points(millionths int64) string { return fmt.Sprintf("%.1f", float64(millionths)/1e4) }
