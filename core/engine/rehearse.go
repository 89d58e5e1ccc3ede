package engine

import (
	"fmt"
	"slices"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/author/policytest"
	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/nightly"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/tier"
	"github.com/plimsoll-dev/plimsoll/core/trial"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/plimsoll-dev/plimsoll/hcl/policyfile"
)

// Rehearsals is the house of policy tests: it decides as a night decides, and
// keeps what a night writes in memory. It reads the files of the project and
// changes nothing.
type Rehearsals struct{ project *Project }

var _ policytest.House = Rehearsals{}

// Rehearsals of a project. Rules that cannot be compiled are reported.
func (p *Project) Rehearsals() (Rehearsals, diag.List) {
	var diags diag.List
	for _, policy := range p.Config.Policies {
		_, more := compilePolicy(policy)
		diags = append(diags, more...)
	}
	return Rehearsals{p}, diags
}

// Recorded is what the evidence file of a skill holds.
func (r Rehearsals) Recorded(name string) (*evidence.Log, error) {
	if _, err := r.project.Skill(name); err != nil {
		return nil, err
	}
	return evidenceFiles{dir: r.project.Dir, parsed: &parsed{}}.Read(name)
}

// Rehearse starts the life of one step.
func (r Rehearsals) Rehearse(t *config.PolicyTest) (policytest.Life, error) {
	s, err := r.subject(t)
	if err != nil {
		return nil, err
	}
	step, err := Step(s, t.Step)
	if err != nil {
		return nil, err
	}
	ladder := Ladder(s)
	if t.Tier != nil {
		ladder = r.project.ladder(t.Tier.Ladder)
	}
	if ladder == nil || len(ladder.Tiers) == 0 {
		return nil, fmt.Errorf("%s has no ladder to move on: say with tier where it stands", s.Name)
	}
	at := ladder.Tiers[len(ladder.Tiers)-1]
	if t.Tier != nil {
		at = t.Tier
	}
	rules, diags := compilePolicy(s.Binding.Policy)
	if err := diags.Err(); err != nil {
		return nil, err
	}
	out := &rehearsal{
		project: &Project{Dir: r.project.Dir, Config: r.project.Config}, skill: s, step: step, rules: rules,
		source: sourceOf(t, s), epochs: map[epochKey]int{}, first: 1,
	}
	first := t.Moments[0]
	if n := first.Given.Evidence.Epoch; n != nil {
		out.first = *n
	}
	out.events = happened(s.Name, step.Name, at.Ref(), first.Given.History, first.At)
	out.assign(policyfile.Assignment{
		Skill: s.Name, Step: step.Name, Tier: tierRef(at), Pin: t.Pinned, CooldownUntil: t.CooldownUntil,
		Reason: "where the test begins",
	})
	return out, nil
}

// subject is the skill of a test: the project's, with what the test says of it,
// or one that is made up.
func (r Rehearsals) subject(t *config.PolicyTest) (*skill.Skill, error) {
	s := &skill.Skill{Name: "example", Contract: &config.Contract{}}
	if t.Skill != "" {
		found, err := r.project.Skill(t.Skill)
		if err != nil {
			return nil, err
		}
		twin := *found
		s = &twin
	}
	if t.Policy != nil {
		s.Binding.Policy = t.Policy
	}
	if s.Binding.Policy == nil {
		return nil, fmt.Errorf("skill %s has no tier_policy: say with policy which one is tested", s.Name)
	}
	if t.Tags != nil {
		s.Binding.Tags = t.Tags
	}
	if t.Class != "" {
		data := config.Data{Class: t.Class}
		if s.Binding.Data != nil {
			data.Allow = s.Binding.Data.Allow
		}
		s.Binding.Data = &data
	}
	return s, nil
}

func sourceOf(t *config.PolicyTest, s *skill.Skill) string {
	switch {
	case t.Source != "":
		return t.Source
	case s.Contract.Items != nil:
		return s.Contract.Items.Source
	}
	return "authored"
}

// happened is a history as the evidence file would tell it: all moves of a kind
// at the time of the last one, and none that a person took back.
func happened(skillName, step, where string, h config.GivenHistory, now time.Time) []evidence.Event {
	var out []evidence.Event
	add := func(n int, what string, days float64) {
		at := now.Add(-time.Duration(days * float64(24*time.Hour)))
		for range n {
			out = append(out, evidence.Event{V: evidence.Version, Kind: evidence.KindEvent, Skill: skillName, Step: step, Event: what, At: at, From: where, To: where})
		}
	}
	add(h.Moves, evidence.Moved, h.DaysMove)
	add(h.Escalations, evidence.Escalated, h.DaysEscalation)
	slices.SortStableFunc(out, func(a, b evidence.Event) int { return a.At.Compare(b.At) })
	return out
}

// rehearsal is a step whose policy file, override and evidence file lie in
// memory.
type rehearsal struct {
	project  *Project
	skill    *skill.Skill
	step     *config.Step
	rules    policyRules
	source   string
	override *tier.Override
	events   []evidence.Event
	epochs   map[epochKey]int
	first    int // number of the first epoch
	edits    int
	closings int // how often all open epochs were closed
}

// epochKey is what a test can change of an epoch.
type epochKey struct {
	current, candidate string
	edits, closings    int
}

var _ policytest.Life = (*rehearsal)(nil)

// Policy is the one that governs the step.
func (r *rehearsal) Policy() *config.Policy { return r.skill.Binding.Policy }

func (r *rehearsal) assign(a policyfile.Assignment) {
	r.project.Policy = desiredOf([]policyfile.Assignment{a})
}

func (r *rehearsal) assigned() policyfile.Assignment {
	a, _ := r.project.Policy.Get(r.skill.Name, r.step.Name)
	return a
}

func (r *rehearsal) place() (Place, error) { return r.project.place(r.skill, r.step, r.override) }

// Happen does what a moment says that happens before its night.
func (r *rehearsal) Happen(m *config.PolicyMoment) error {
	if m.Edited {
		r.edits++
	}
	if m.Tier != nil {
		a := r.assigned()
		a.Tier, a.Since = tierRef(m.Tier), m.At
		r.assign(a)
	}
	if m.Pinned != nil {
		if err := r.pin(*m.Pinned, m.At); err != nil {
			return err
		}
	}
	if m.Escalate != "" {
		return r.escalate(m.Escalate, m.At)
	}
	return nil
}

// pin is Engine.Pin and Engine.Unpin.
func (r *rehearsal) pin(hold bool, at time.Time) error {
	place, err := r.place()
	if err != nil {
		return err
	}
	a := r.assigned()
	if hold {
		r.assign(pinned(a, place))
		return nil
	}
	a.Pin = false
	r.assign(a)
	if place, err = r.place(); err != nil || takenBack(r.events, place) == "" {
		return err
	}
	r.events = append(r.events, evidence.Event{V: evidence.Version, Kind: evidence.KindEvent, Skill: r.skill.Name, Step: r.step.Name, Event: evidence.Lifted, At: at})
	return nil
}

// escalate is Engine.Escalate.
func (r *rehearsal) escalate(reason string, at time.Time) error {
	place, err := r.place()
	if err != nil {
		return err
	}
	plan := &run.Plan{Skill: r.skill.Name, Allow: allowed(r.skill)}
	next := plan.NextUp(place.Ladder, place.Tier)
	if next == nil {
		return fmt.Errorf("the step cannot be escalated from %s: no higher tier of its ladder may see its inputs", place.Tier.Name)
	}
	o, ok := tier.Escalate(place.Effective, rung(next), at, r.Policy().Cooldown, reason)
	if !ok {
		return fmt.Errorf("the step cannot be escalated from %s: %s holds it there", place.Tier.Name, place.Effective.Voice)
	}
	r.override = &o
	return nil
}

// fold is Engine.fold.
func (r *rehearsal) fold() error {
	if r.override == nil {
		return nil
	}
	place, err := r.place()
	if err != nil {
		return err
	}
	from, err := r.project.place(r.skill, r.step, nil)
	if err != nil {
		return err
	}
	r.move(*foldedMove(r.skill.Name, r.step.Name, *r.override, from, place))
	r.override = nil
	return nil
}

// move is Engine.Apply for one step.
func (r *rehearsal) move(m nightly.Move) {
	r.assign(assigned(r.assigned(), m))
	r.events = append(r.events, eventOf(m))
	if m.Up {
		r.closings++
	}
}

// Night is nightly.Run for one step, with what was measured given.
func (r *rehearsal) Night(at time.Time, measure policytest.Measure) (policytest.Night, error) {
	out := policytest.Night{At: at}
	if err := r.fold(); err != nil {
		return out, err
	}
	place, err := r.place()
	if err != nil {
		return out, err
	}
	n := nightly.Step{
		Skill: r.skill.Name, Step: r.step.Name, Ladder: place.Ladder, Current: place.Tier, Effective: place.Effective,
		Policy: r.Policy(), Reverted: takenBack(r.events, place),
	}
	out.From = place.Tier.Ref()
	candidates, held := nightly.Discover([]nightly.Step{n}, at)
	if len(candidates) == 0 {
		out.Held = &verdict.Cause{Code: stays(place, n.Reverted, at), Reason: held[0].Reason}
		return r.after(out)
	}
	c := candidates[0]
	out.Candidate = c.Tier.Ref()
	a, money, err := measure(r.spec(c))
	if err != nil {
		return out, err
	}
	out.Saw = environment(r.skill, r.step.Name, historyOf(r.events), at, a, money)
	rules, each := r.rules.ask(out.Saw)
	for _, x := range each {
		out.Asked = append(out.Asked, policytest.Asked{Hold: x.hold, Said: x.said, Err: x.err})
	}
	rec := verdict.Decide(a, rules, money)
	out.Record = &rec
	if rec.Decision == verdict.Downgrade {
		r.move(c.Down(at, rec.Reason, ""))
	}
	return r.after(out)
}

// after is where the step stands when the night is over.
func (r *rehearsal) after(out policytest.Night) (policytest.Night, error) {
	place, err := r.place()
	if err != nil {
		return out, err
	}
	out.To, out.CooldownUntil = place.Tier.Ref(), place.Effective.CooldownUntil
	if len(r.epochs) > 0 {
		out.Epoch = r.first + len(r.epochs) - 1
	}
	return out, nil
}

// stays is the word for why nothing was compared.
func stays(p Place, reverted string, now time.Time) string {
	may, _ := tier.MayMoveDown(p.Effective, now)
	switch {
	case p.Effective.Pinned():
		return "pin"
	case may && reverted != "":
		return "reverted"
	case p.Effective.CooldownUntil.After(now):
		return "cooldown"
	}
	return "cheapest"
}

// spec is what the night's epoch fixes, in the number that it has by now.
func (r *rehearsal) spec(c nightly.Candidate) verdict.Spec {
	terms := termsOf(r.skill, r.Policy(), &trial.Pool{Source: r.source})
	key := epochKey{c.Current.Ref(), c.Tier.Ref(), r.edits, r.closings}
	if _, ok := r.epochs[key]; !ok {
		r.epochs[key] = r.first + len(r.epochs)
	}
	o := evidence.Opened{Index: r.epochs[key], Epoch: evidence.Epoch{
		Skill: r.skill.Name, Step: r.step.Name, Current: evidence.Arm{Tier: c.Current.Ref()}, Candidate: evidence.Arm{Tier: c.Tier.Ref()},
		Method: string(terms.Method), Margin: terms.Margin, Alpha: terms.Alpha, N: terms.MaxItems,
		Content: verdict.ContentReference, Source: r.source, Gates: terms.Gates, Dims: terms.Dims,
	}}
	spec := o.Spec()
	spec.GateMargin = terms.GateMargin
	return spec
}

// allowed are the backends that may see a skill's inputs, nil for all.
func allowed(s *skill.Skill) map[string]bool {
	if s.Binding.Data == nil || len(s.Binding.Data.Allow) == 0 {
		return nil
	}
	out := map[string]bool{}
	for _, b := range s.Binding.Data.Allow {
		out[b.Name] = true
	}
	return out
}
