package evolve

import (
	"context"
	"errors"
	"fmt"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// Comparison is a measurement in steps, for a scheduler that carries many on
// side by side: it asks what is due, makes the trials of a batch in any order
// and at any time, and then has the batch kept. A batch is finished before the
// test is asked, so that what is bought next never depends on which call came
// back first.
//
//	c, err := bench.Open(subject, evolve.Budget{Left: -1})
//	for b := c.Next(8); b != nil; b = c.Next(8) {
//		for _, t := range b.Trials() { t.Do(ctx); t.Save(ctx) }
//		err = c.Keep(ctx, b)
//	}
//	res, err := c.Conclude(ctx)
//
// One goroutine at a time may use a Comparison; the trials of a batch may run at
// once, and beside those of other comparisons.
type Comparison struct {
	m        *measurement
	assessed *verdict.Assessment
	planted  bool // tried tonight
	over     bool
}

// Trial is one run of a batch, for whoever shares out places at backends: Do
// makes its calls, Save then keeps what came of them. Save may wait, see Await:
// nobody may hold a place meanwhile. Tier is nil where calls are few and made one
// after the other; then Do waits, too.
type Trial struct {
	Tier *config.Tier
	Do   func(context.Context)
	Save func(context.Context)
}

// Batch is what one turn of a comparison makes.
type Batch struct {
	places  []int
	all     [][2]*tried
	errs    []error
	planted *planted // what came of the planted arm, where this batch makes it
	trials  []Trial
}

// Items of the batch: 0 for the planted arm, which mostly costs nothing.
func (b *Batch) Items() int { return len(b.places) }

// Trials of the batch. Those of the planted arm are one.
func (b *Batch) Trials() []Trial { return b.trials }

// Open opens or continues the epoch of a comparison. Its budget only says what a
// night allows, for the forecast: whoever takes the next batch keeps to it.
func (b *Bench) Open(s Subject, budget Budget) (*Comparison, error) {
	m := &measurement{bench: b, subject: s, left: budget.Left, res: &Result{Priced: true}}
	if err := m.open(); err != nil {
		return nil, err
	}
	c := &Comparison{m: m}
	if m.res.Veto = m.cannot(); m.res.Veto != "" {
		c.Stop(m.res.Veto)
	}
	return c, nil
}

// Wants is how many items may still be bought: 0 when the test has closed, the
// items are used up or something stopped it.
func (c *Comparison) Wants() int {
	if c.over || c.assess().Wants == 0 {
		return 0
	}
	return len(c.m.todo())
}

// Due tells whether a batch is due: of items, or the planted arm.
func (c *Comparison) Due() bool { return c.Wants() > 0 || c.plants() }

// plants: the test has proved, and nobody has tried yet whether it sees damage, or
// lines of that were lost. What a closed epoch proved moves nothing, so nothing is
// spent on it.
func (c *Comparison) plants() bool {
	if c.planted || c.m.res.Veto != "" || c.m.epoch.Closed != "" {
		return false
	}
	a := c.assess()
	return a.Wants == 0 && a.Test.Outcome == verdict.Proved && !a.Planted.Seen && len(c.m.epoch.Planted) < c.m.plantable()
}

// Price of a pair: the dearest of tonight, and before the first one the
// cheapest that the epoch knows. 0 while nothing is known, and for tiers that cost
// nothing.
func (c *Comparison) Price() int64 { return c.m.dear }

// Spent tonight, in micro-dollars.
func (c *Comparison) Spent() int64 { return c.m.res.Spent }

// Affordable is how many of n pairs so much money surely pays for; below 0 it is
// no bound. While no price is known it is one pair, which tells.
func (c *Comparison) Affordable(n int, left int64) int {
	return affordable(n, left, c.m.dear, c.m.told)
}

// Assessment is what the evidence says so far.
func (c *Comparison) Assessment() verdict.Assessment { return c.assess() }

func (c *Comparison) assess() verdict.Assessment {
	if c.assessed == nil {
		a := c.m.epoch.Assess()
		c.assessed = &a
	}
	return *c.assessed
}

// Stop ends the buying for tonight, and says why.
func (c *Comparison) Stop(why string) {
	if !c.over {
		c.over, c.m.res.Stopped = true, why
	}
}

// Await holds what is written until done is closed: a scheduler that has a batch
// run while the last one is still being written keeps the order of the log by
// it. Nil waits for nothing.
func (c *Comparison) Await(done <-chan struct{}) { c.m.turn = done }

// Next is the batch of the next n items at most, in the epoch's order, or the
// planted arm when that is due; nil when nothing is. A hole that a lost line
// left is filled before anything after it.
func (c *Comparison) Next(n int) *Batch {
	if c.plants() {
		c.planted = true
		b := &Batch{planted: &planted{}, errs: make([]error, 1)}
		b.trials = []Trial{{Do: func(ctx context.Context) { b.errs[0] = c.m.plant(ctx, b.planted) }, Save: func(context.Context) {}}}
		return b
	}
	if c.Wants() == 0 {
		if !c.over && c.assess().Wants > 0 {
			c.Stop("the items are used up")
		}
		return nil
	}
	todo := c.m.todo()
	todo = todo[:max(0, min(n, len(todo)))]
	if len(todo) == 0 {
		return nil
	}
	b := &Batch{places: todo, all: make([][2]*tried, len(todo)), errs: make([]error, 2*len(todo))}
	for side, t := range []*config.Tier{c.m.subject.Current, c.m.subject.Candidate} {
		for i, place := range todo {
			b.trials = append(b.trials, Trial{Tier: t, Do: func(ctx context.Context) {
				b.all[i][side], b.errs[2*i+side] = c.m.try(ctx, c.m.order[place], t)
			}, Save: func(ctx context.Context) {
				if b.errs[2*i+side] == nil {
					b.errs[2*i+side] = c.m.settled(ctx, b.all[i][side])
				}
			}})
		}
	}
	return b
}

// Keep writes down what a batch found, evidence before anything is concluded
// from it, once every trial of it is over. What was bought is counted first: it was
// paid for, whatever fails after that.
func (c *Comparison) Keep(ctx context.Context, b *Batch) error {
	c.assessed = nil
	for _, t := range b.all {
		c.m.pay(t[0], t[1])
	}
	if b.planted != nil {
		c.m.payPlanted(b.planted)
	}
	if err := errors.Join(b.errs...); err != nil {
		return err
	}
	if b.planted != nil {
		if err := c.m.keepPlanted(ctx, b.planted.pairs); err != nil {
			return err
		}
		if b.planted.why != "" {
			c.Forgo(b.planted.why)
		}
		if c.m.epoch.Closed != "" {
			c.Stop(closed)
		}
		return nil
	}
	stop, err := c.m.keep(ctx, b.places, b.all)
	if err != nil {
		return err
	}
	c.m.progress()
	if stop != "" {
		c.Stop(stop)
	}
	if c.m.epoch.Closed != "" {
		c.Stop(closed)
	}
	return nil
}

// Conclude gives the verdict on all evidence of the epoch, old and new, and
// writes it down.
func (c *Comparison) Conclude(ctx context.Context) (*Result, error) {
	if !c.over && c.assess().Wants > 0 && len(c.m.todo()) == 0 {
		c.Stop("the items are used up")
	}
	return c.m.res, c.m.conclude(ctx)
}

// Entrant is the comparison before the false-discovery rule. One that was accepted
// on an earlier night and has not moved is one, with the wealth of then. ok is
// false when it is under no such rule or cannot be accepted: disproved, stopped
// for a reason that no evidence cures, or judged at split margins and not closed
// at its own bar, since two wealths are no one wealth.
func (c *Comparison) Entrant() (e verdict.Entrant, ok bool) {
	o, a := c.m.epoch, c.assess()
	switch {
	case o.Fleet == nil, o.Closed != "", c.m.fresh, c.m.res.Veto != "", len(a.Problems) > 0, a.Test.Outcome == verdict.Disproved:
		return e, false
	case o.JudgeTerms != nil && a.Test.Outcome != verdict.Proved:
		return e, false
	}
	p := o.Params()
	p.FrozenAt, p.FrozenBar = 0, 0 // the bar is tonight's
	return verdict.Entrant{Params: p, E: a.Test.E}, true
}

// Accepted tells whether the false-discovery rule accepted it, tonight or before.
func (c *Comparison) Accepted() bool { return c.m.epoch.Acceptance != nil }

// Freeze looks at the comparison as if the false-discovery rule had accepted it
// at a bar, and tells what else stands against its move: nothing when the record
// says downgrade. Nil takes that back. Nothing is written.
func (c *Comparison) Freeze(a *evidence.Acceptance) verdict.Decision {
	c.assessed, c.m.epoch.Acceptance = nil, a
	rec, _, _ := c.m.decide()
	return rec.Decision
}

// Acceptance is the test as it stands, accepted in such a set.
func (c *Comparison) Acceptance(f verdict.Fleet, together int) *evidence.Acceptance {
	o, a := c.m.epoch, c.assess()
	p := o.Params()
	p.FrozenAt, p.FrozenBar = 0, 0
	return &evidence.Acceptance{
		Fleet: o.Fleet.Policy, Epoch: o.ID(), Items: a.Test.N, Bar: f.Bar(p, together), Before: f.Accepted, Together: together,
	}
}

// Accept writes an acceptance down: into the log, then into the evidence.
func (c *Comparison) Accept(ctx context.Context, a *evidence.Acceptance) error {
	s := c.m.subject
	ev := evidence.Event{
		V: evidence.Version, Kind: evidence.KindEvent, Skill: s.Skill, Step: s.Step, Event: evidence.Accepted, At: c.m.bench.AsOf,
		From: s.Current.Ref(), To: s.Candidate.Ref(), Acceptance: a,
		Reason: fmt.Sprintf("accepted with %d more (moves of %s before: %d)", a.Together-1, a.Fleet, a.Before),
	}
	line, err := canonjson.Marshal(ev)
	if err != nil {
		return err
	}
	if err := c.m.commit(ctx, "accepted", ev); err != nil {
		return err
	}
	if err := c.m.bench.Files.Append(s.Skill, append(line, '\n')); err != nil {
		return fmt.Errorf("appending to %s: %w", c.m.bench.Files.Name(s.Skill), err)
	}
	c.assessed, c.m.epoch.Acceptance = nil, a
	return nil
}
