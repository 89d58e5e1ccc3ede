package engine

import (
	"context"
	"fmt"

	casebook "github.com/plimsoll-dev/plimsoll/core/adopt/items"
	"github.com/plimsoll-dev/plimsoll/core/price"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// DraftPlan is what an order comes to, before anything is asked.
type DraftPlan struct {
	Calls      int      `json:"calls"`      // at most, for inputs; what fails and costs nothing is repeated beside
	References int      `json:"references"` // calls at most, for references
	Shown      []string `json:"shown"`      // ids of tune items that the model is shown
	Max        int64    `json:"max_cost"`   // micro-dollars that all this costs at the very most
	Priced     bool     `json:"priced"`     // false: some tier has no price, and Max is not the whole
	Limit      int64    `json:"limit"`      // nothing is asked that could cost more than this; Max, or a budget below it
	Policy     string   `json:"policy"`     // whose nightly budget the limit is, "" where it is not
	Files      []string `json:"files"`      // that would be written
	First      int64    `json:"first_call"` // what one call for inputs costs at most
}

// PlanDraft says what an order would ask, and what it costs at most. What may not
// be asked at all is refused here, before a cent is spent.
func (e *Engine) PlanDraft(ctx context.Context, o DraftOrder) (*DraftPlan, error) {
	d, err := e.drafting(ctx, o)
	if err != nil {
		return nil, err
	}
	return d.plan, nil
}

// mayRefer says why a tier's answers cannot be references of a skill. A candidate
// that is compared with its own answers would win; and where a run is more than one
// call, no call's answer is what is right for it.
func (e *Engine) mayRefer(s *skill.Skill, t *config.Tier) error {
	if t == nil {
		return nil
	}
	switch {
	case s.Contract.Code != "" || s.Binding.Runner != nil:
		return fmt.Errorf("skill %s is more than a model call: its code or its runner makes what a run gives, and that cannot be drafted. Leave out --reference", s.Name)
	case len(s.Steps()) != 1:
		return fmt.Errorf("skill %s has %d steps, and the answer of one call is no reference for them. Leave out --reference", s.Name, len(s.Steps()))
	case Ladder(s) == nil:
		return nil
	}
	place, err := e.Place(s, s.Steps()[0])
	if err != nil {
		return err
	}
	for _, candidate := range place.Ladder.Tiers[:place.Tier.Index] {
		if candidate == t || candidate.Model == t.Model {
			return fmt.Errorf("%s has the model of %s, which is a candidate for %s: compared with its own answers it would look right. Name a tier that %s cannot move down to", t.Ref(), candidate.Ref(), s.Name, s.Name)
		}
	}
	return nil
}

// bound works out what all calls cost at most, where a byte is a token.
func (d *drafting) bound() error {
	p, o := d.plan, d.o
	p.Calls = (o.N+casebook.DraftBatch-1)/casebook.DraftBatch + 1 // one more for what the others left open
	brief := d.brief
	brief.N, brief.Earlier = casebook.DraftBatch, nil
	raw, err := canonjson.Marshal(brief.Request(o.Tier.Model).Messages)
	if err != nil {
		return fmt.Errorf("making a prompt canonical: %w", err)
	}
	p.First = d.add(o.Tier, int64(len(raw)+512+2*casebook.MaxEarlier), p.Calls)
	if o.Reference != nil {
		p.References = o.N
		d.add(o.Reference, int64(512+2*len(o.Skill.Body)+2*casebook.MaxDraft), p.References)
	}
	p.Limit = p.Max
	if o.Budget >= 0 && o.Budget < p.Limit {
		p.Limit = o.Budget
	}
	if policy := o.Skill.Binding.Policy; policy != nil && policy.Budget >= 0 && policy.Budget < p.Limit {
		p.Limit, p.Policy = policy.Budget, policy.Name
	}
	if !p.Priced && o.Budget >= 0 {
		return fmt.Errorf("--budget needs prices, and a tier that would be asked has none: give it one (plimsoll prices), or leave out --budget")
	}
	return nil
}

// Short says that the limit does not reach a single call, nil where it does.
func (p *DraftPlan) Short() error {
	if !p.Priced || p.First <= p.Limit {
		return nil
	}
	whose := "the budget"
	if p.Policy != "" {
		whose = "the nightly budget of policy " + p.Policy
	}
	return fmt.Errorf("one call costs %s at most, and %s is %s: nothing can be asked", price.Format(p.First), whose, price.Format(p.Limit))
}

// add counts calls into the plan; what one of them costs at most comes back.
func (d *drafting) add(t *config.Tier, promptBytes int64, calls int) int64 {
	one := most(t, promptBytes)
	d.plan.Priced = d.plan.Priced && one.Known
	all := make([]price.Cost, calls)
	for i := range all {
		all[i] = one
	}
	d.plan.Max = price.Sum(append(all, price.Cost{Micro: d.plan.Max, Known: true})...).Micro
	return one.Micro
}

// most is what a call costs at most: a backend that dies in the middle is asked once
// more by its client, and then nobody repeats a call that may have been charged.
func most(t *config.Tier, promptBytes int64) price.Cost {
	once := price.Upper(Rates(t), promptBytes, casebook.DraftOutput, callTimeout)
	return price.Sum(once, once)
}
