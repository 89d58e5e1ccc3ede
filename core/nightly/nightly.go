// Package nightly is the whole loop of a night: discover what may move, measure
// where it is worth it, decide, apply, report.
//
// Many skills are carried on side by side, in rounds: see rounds. Validity: which
// (skill, candidate) goes on may depend on results, which item it tries may not,
// that is its epoch's order. A test's own promise, the chance of ever proving
// wrongly, survives any rule of going on, since it bounds the highest wealth of
// all time. The false-discovery rule asks for the wealth at the end, so under it
// a test that shares items with another one (steps of a skill, skills with an
// item in common) goes on by its own results alone: its place in the order is its
// estimate of before the night, and it has a slice of the budget of its own.
//
// It knows neither files nor stores. A House, made by core/engine, tells it
// which steps there are, makes the subjects that core/evolve compares, and moves
// a step when a verdict allows it.
//
//	night, err := nightly.Run(ctx, house, bench, nightly.Options{AsOf: asOf})
//	fmt.Print(string(report.Markdown(*night)))
package nightly

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/evolve"
	"github.com/plimsoll-dev/plimsoll/core/report"
	"github.com/plimsoll-dev/plimsoll/core/tier"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// Step is one step of one skill as the night finds it.
type Step struct {
	Skill     string
	Step      string
	Ladder    *config.Ladder
	Current   *config.Tier
	Effective tier.Effective
	Policy    *config.Policy
	Items     int    // in the prove pool
	Shared    bool   // some of its items are another step's, too
	Blocked   string // why nothing can be measured, or ""
	Broken    bool   // Blocked is a fault that a person has to mend, not a state of things
	Reverted  string // a person took back a move of the machine: why it stays, or ""
	Override  string // digest of the runtime escalation in force; "" for none
	Runs      int64  // per month; 0: not known
	RunCost   int64  // micro-dollars of a run as logged; 0: not known
	// Size is what a run is expected to use, from its prompts and items; nothing: not known.
	Size message.Usage
}

// Move is a change of the policy file.
type Move struct {
	Skill, Step   string
	From, To      *config.Tier
	Up            bool // an escalation, written down
	Since         time.Time
	CooldownUntil time.Time
	Reason        string
	Evidence      string
	Set           string // moves of one set are made together or not at all; "" is of none
	Override      string // digest of the runtime escalation that was in force when this was measured, or that it writes down; "" for none
}

// Down is the move to the candidate's tier: a downgrade starts a cooldown too, so
// that a step rests on each rung.
func (c Candidate) Down(at time.Time, reason, evidence string) Move {
	return Move{
		Skill: c.Skill, Step: c.Step.Step, From: c.Current, To: c.Tier,
		Since: at, CooldownUntil: at.Add(c.Policy.Cooldown), Reason: reason, Evidence: evidence, Override: c.Override,
	}
}

// House is what a night needs of the engine.
type House interface {
	// Steps lists all steps, by skill and step.
	Steps(ctx context.Context) ([]Step, error)
	// Subject makes the comparison of a step with a candidate.
	Subject(ctx context.Context, s Step, candidate *config.Tier) (evolve.Subject, error)
	PolicyFile
	// Fleet is what a policy's false-discovery rule has accepted so far, from the
	// evidence of all its skills.
	Fleet(ctx context.Context, policy string) (verdict.Fleet, error)
	// Checkpoint is the audit log's signed state.
	Checkpoint() (string, error)
}

// PolicyFile is where moves are made.
type PolicyFile interface {
	// Refused tells of each move that the policy file would not take as it is now
	// why, by "skill/step".
	Refused(ctx context.Context, moves []Move) (map[string]string, error)
	// Apply writes moves to the policy file. It returns the unified diff of the
	// file and, for each move that could not be made, why, by "skill/step".
	Apply(ctx context.Context, moves []Move) (diff string, refused map[string]string, err error)
}

// Options of a night.
type Options struct {
	Project string
	AsOf    time.Time
	Only    string // one skill; "" is all
	Patch   bool   // the house proposes moves, and makes none
	DryRun  bool   // measure nothing, move nothing: show what evidence there is
	Watch   func(done, of int, what string)
	Places  func(backend string) int // calls that it takes at a time; nil is 16 for all
	Drain   <-chan struct{}          // once closed, what is under way is kept and nothing more is begun
	Spent   map[string]int64         // by policy, of tonight's budget: on watching steps that moved before
}

// ErrStopped is the end of a night that was told to stop through Options.Drain:
// everything that was paid for is written down, and the next night goes on.
var ErrStopped = errors.New("the night was told to stop: what was measured is written down")

// Run is one night.
func Run(ctx context.Context, h House, b *evolve.Bench, o Options) (*report.Night, error) {
	steps, err := h.Steps(ctx)
	if err != nil {
		return nil, err
	}
	if o.Only != "" {
		steps = slices.DeleteFunc(steps, func(s Step) bool { return s.Skill != o.Only })
	}
	n := newNight(h, b, o)
	candidates, held := Discover(steps, o.AsOf)
	for _, s := range steps {
		if s.Broken {
			n.problem(s.Skill, s.Blocked)
		}
	}
	n.lanes, n.candidates = lanes(candidates), len(candidates)
	n.cut(candidates)
	if err := n.rounds(ctx); err != nil {
		return nil, fmt.Errorf("the night was stopped: %w", err)
	}
	if o.Watch != nil {
		o.Watch(len(candidates), len(candidates), "")
	}
	if err := n.accept(ctx); err != nil {
		return nil, err
	}
	n.gather(candidates, held)
	if err := n.apply(ctx); err != nil {
		return nil, err
	}
	n.total(steps)
	n.out.Checkpoint, err = h.Checkpoint()
	return &n.out, err
}

type night struct {
	house   House
	bench   *evolve.Bench
	options Options
	out     report.Night

	lanes      []*lane
	candidates int
	opened     int
	purses     map[string]*purse // by policy
	slices     map[int]*purse    // by rank
	desks      map[string]chan struct{}
	free       map[string]chan struct{} // places, under seating
	seating    sync.Mutex
	loaded     map[string]string // model by hardware
	switches   map[string]int

	// By the rank of a candidate, so that the report has one order whatever the
	// night's was.
	rows     map[int]report.Row
	problems map[int]string
	notes    map[int]string
	moves    []ranked
	entrants []entrant
	looked   []looked
}

// ranked is a move with the rank of its candidate.
type ranked struct {
	rank int
	Move
}

// looked is a comparison that a plan looked at.
type looked struct {
	entry entry
	res   *evolve.Result
}

func newNight(h House, b *evolve.Bench, o Options) *night {
	bench := *b
	n := &night{
		house: h, bench: &bench, options: o,
		purses: map[string]*purse{}, slices: map[int]*purse{}, desks: map[string]chan struct{}{}, free: map[string]chan struct{}{},
		loaded: map[string]string{}, switches: map[string]int{},
		rows: map[int]report.Row{}, problems: map[int]string{}, notes: map[int]string{},
	}
	bench.Runs.Place = n.seat
	n.out.Version, n.out.Project, n.out.AsOf = report.Version, o.Project, o.AsOf
	n.out.Totals.Priced, n.out.Totals.Traffic = true, true
	return n
}

// gather takes what the comparisons came to into the report, by their ranking.
func (n *night) gather(candidates []Candidate, held []report.Row) {
	n.out.Rows = held
	for rank, c := range candidates {
		if r, ok := n.rows[rank]; ok {
			n.out.Rows = append(n.out.Rows, r)
		}
		if note := n.notes[rank]; note != "" {
			n.out.Notes = append(n.out.Notes, note)
		}
		if why := n.problems[rank]; why != "" {
			n.problem(c.Skill, why)
		}
	}
	slices.SortStableFunc(n.moves, func(a, b ranked) int { return a.rank - b.rank })
	n.phases()
	if n.options.DryRun {
		n.out.Plan, n.out.Phases = n.plan(), Turns(candidates)
	}
}

// problem is a fault that the night went on without.
func (n *night) problem(skill, why string) {
	text := fmt.Sprintf("%s could not be measured: %s", skill, why)
	n.out.Problems = append(n.out.Problems, text)
	n.out.Notes = append(n.out.Notes, text)
}

// remark notes what a reader has to know of how a skill was measured.
func (n *night) remark(e entry, res *evolve.Result) {
	skill := e.Skill
	switch {
	case res.Epoch.Content == verdict.ContentGates:
		n.notes[e.rank] = skill + ` is measured by its gates alone, as its author asked (quality = "gates"): nothing looks at what its outputs say`
	case res.Epoch.Judged:
		n.notes[e.rank] = judgedNote(skill, res)
	}
}

// apply makes all moves in one write of the policy file.
func (n *night) apply(ctx context.Context) error {
	if len(n.moves) == 0 && !n.options.Patch {
		return nil
	}
	moves := make([]Move, 0, len(n.moves))
	for _, m := range n.moves {
		moves = append(moves, m.Move)
	}
	diff, refused, err := n.house.Apply(ctx, moves)
	if err != nil {
		return err
	}
	n.out.Policy = diff
	for i := range n.out.Rows {
		r := &n.out.Rows[i]
		if r.Decision != "downgrade" {
			continue
		}
		if why, no := refused[r.Skill+"/"+r.Step]; no {
			*r = refuse(*r, why)
			continue
		}
		r.Applied = !n.options.Patch
	}
	return nil
}

// refuse makes of a move one that the policy file does not take.
func refuse(r report.Row, why string) report.Row {
	r.Decision, r.Next = "hold", "run the night again once that is settled"
	r.Reason = why + " (the evidence is kept: " + r.Reason + ")"
	return r
}

// total counts and sorts: what moved first, then what is still open, then what
// holds.
func (n *night) total(steps []Step) {
	t := &n.out.Totals
	skills := map[string]bool{}
	for _, s := range steps {
		skills[s.Skill] = true
	}
	t.Skills = len(skills)
	for _, r := range n.out.Rows {
		switch r.Decision {
		case "downgrade":
			t.Moved++
			t.Claim(r)
		case "inconclusive":
			t.Inconclusive++
		default:
			t.Held++
		}
		t.Trials += r.Bought
		t.Spent += r.Spent
		t.Priced = t.Priced && r.Priced
		n.out.Simulated = n.out.Simulated || r.Simulated
	}
	if t.Moved == 0 {
		t.SavingMonth, t.SavingPer1k = new(int64), new(int64) // nothing moved, and that saves nothing
	}
	rank := map[string]int{"downgrade": 0, "inconclusive": 1, "hold": 2}
	slices.SortStableFunc(n.out.Rows, func(a, b report.Row) int {
		if d := rank[a.Decision] - rank[b.Decision]; d != 0 {
			return d
		}
		return strings.Compare(a.Skill+"\x00"+a.Step, b.Skill+"\x00"+b.Step)
	})
}
