// Package evolve compares two tiers for one step of one skill: it opens or
// continues an epoch, buys items in the epoch's order, writes pairs down and
// asks core/verdict what they prove.
//
// It decides nothing itself and moves nothing: the result goes to whoever asked,
// core/nightly for a night or the command line for one skill. It buys no item
// twice: every trial is kept in the store under a key made of all that could
// change it, so that a night that was killed continues where it stood.
//
//	b := evolve.Bench{Runs: executor, Store: db, Files: files, ...}
//	res, err := b.Measure(ctx, subject, evolve.Budget{Left: 5_000_000})
//	fmt.Println(res.Record.Decision, res.Record.Reason)
package evolve

import (
	"context"
	"sync"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/trial"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

// Subject is what is compared: a candidate tier against the current one, for
// one step, everything else as in production.
type Subject struct {
	Skill     string
	Step      string
	Plan      *run.Plan
	Measure   trial.Measure
	Pool      *trial.Pool
	Tiers     map[string]*config.Tier // the effective tier of every step
	Current   *config.Tier            // Tiers[Step]
	Candidate *config.Tier
	Judge     *config.Tier // nil without one
	Jury      Jury         // who judges beside it, and what labels allow
	Terms     Terms
	Parts     map[string]string // digests of everything else that makes an epoch, by name
	Runs      int64             // a month; 0: not known
	Logged    Logged            // runs that stand for trials of the current tier; nil without any
	Regret    int64             // micro-dollars lost once by the move, of the current tier's warm cache
	Rules     func(verdict.Assessment, verdict.Money) verdict.Rules
	// Fleet is its place under the policy's false-discovery rule, without the
	// weight, which follows from the epoch's own count; nil without that rule.
	Fleet *evidence.Fleet
}

// Terms are the policy's, fixed in the epoch before its first item.
// Margins and levels are in millionths.
type Terms struct {
	Method      verdict.Method
	Margin      int64
	Alpha       int64
	MaxItems    int
	GateMargin  int64
	Gates       []evidence.GateDef
	Dims        []evidence.DimDef
	PlantedSize int // items of the planted-bad arm
}

// Budget bounds what a measurement may spend, in micro-dollars; Left < 0 is no
// bound. It is asked before each batch with the dearest pair of this night, and
// before the first one with the cheapest that the epoch knows: a night can
// overshoot by the surprise of one batch, never by more.
type Budget struct {
	Left int64
}

// Files reads and appends evidence.
type Files interface {
	Read(skill string) (*evidence.Log, error)
	Append(skill string, lines []byte) error
	Name(skill string) string // relative to the project, for the record
}

// Bench is where trials happen.
type Bench struct {
	Runs     run.Executor
	Store    store.Store
	Files    Files
	Scope    string
	Origin   string    // of the audit log, for the evidence's references
	AsOf     time.Time // the night's time: the only one that enters a record
	Parallel int       // trials at once, and the size of a batch
	Watch    func(Progress)
}

// Progress is told after every batch.
type Progress struct {
	Skill, Step, Candidate string
	Items, Of              int
	Spent                  int64
}

// Result is what a measurement came to.
type Result struct {
	Epoch      evidence.Epoch
	EpochIndex int
	Assessment verdict.Assessment
	Record     verdict.Record
	Bought     int   // trials paid for tonight
	Spent      int64 // micro-dollars tonight
	Priced     bool
	Stopped    string // why no further item was bought: "" when the test closed
	Veto       string // why nothing may move whatever the evidence says, ""
	Money      verdict.Money
	Series     []verdict.State // the evidence after each item, for a chart

	// Compared counts items that a judge compared, Contradicted those on which its
	// word changed with the order.
	Compared, Contradicted int
}

// Measure carries the comparison as far as the test, the pool or the budget
// allow and returns the verdict on all evidence of the epoch, old and new.
func (b *Bench) Measure(ctx context.Context, s Subject, budget Budget) (*Result, error) {
	c, err := b.Open(s, budget)
	if err != nil {
		return nil, err
	}
	for c.Due() {
		n := b.Parallel
		if c.Wants() > 0 {
			left := int64(-1)
			if budget.Left >= 0 {
				left = max(0, budget.Left-c.Spent())
			}
			if n = c.Affordable(min(n, c.Wants()), left); n == 0 {
				c.Stop("the budget is used up")
				break
			}
		}
		batch := c.Next(n)
		var wg sync.WaitGroup
		for _, t := range batch.Trials() {
			wg.Go(func() {
				t.Do(ctx)
				t.Save(ctx)
			})
		}
		wg.Wait()
		if err := c.Keep(ctx, batch); err != nil {
			return nil, err
		}
	}
	return c.Conclude(ctx)
}

// Look gives the verdict on what evidence there is, without buying anything.
func (b *Bench) Look(ctx context.Context, s Subject) (*Result, error) {
	m := &measurement{bench: b, subject: s, res: &Result{Priced: true}, look: true}
	if err := m.open(); err != nil {
		return nil, err
	}
	m.res.Veto, m.res.Stopped = m.cannot(), "nothing was measured: this only looked"
	return m.res, m.conclude(ctx)
}

// measurement is one Measure in progress.
type measurement struct {
	bench   *Bench
	subject Subject
	res     *Result
	look    bool

	log   *evidence.Log
	epoch *evidence.Opened
	fresh bool // the epoch's line is not in the file yet
	order []trial.Item
	left  int64
	dear  int64 // the dearest pair so far
	told  bool  // dear is known, be it 0
	turn  <-chan struct{}
}
