// Package nightly is the whole loop of a night: discover what may move, measure
// where it is worth it, decide, apply, report.
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
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/evolve"
	"github.com/plimsoll-dev/plimsoll/core/report"
	"github.com/plimsoll-dev/plimsoll/core/tier"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
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
	Blocked   string // why nothing can be measured, or ""
	Broken    bool   // Blocked is a fault that a person has to mend, not a state of things
	Reverted  string // a person took back a move of the machine: why it stays, or ""
	Runs      int64  // per month; 0: not known
	RunCost   int64  // micro-dollars of a run as logged; 0: not known
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
}

// Down is the move to the candidate's tier: a downgrade starts a cooldown too, so
// that a step rests on each rung.
func (c Candidate) Down(at time.Time, reason, evidence string) Move {
	return Move{
		Skill: c.Skill, Step: c.Step.Step, From: c.Current, To: c.Tier,
		Since: at, CooldownUntil: at.Add(c.Policy.Cooldown), Reason: reason, Evidence: evidence,
	}
}

// House is what a night needs of the engine.
type House interface {
	// Steps lists all steps, by skill and step.
	Steps(ctx context.Context) ([]Step, error)
	// Subject makes the comparison of a step with a candidate.
	Subject(ctx context.Context, s Step, candidate *config.Tier) (evolve.Subject, error)
	// Apply writes moves to the policy file. It returns the unified diff of the
	// file and, for each move that could not be made, why, by "skill/step".
	Apply(ctx context.Context, moves []Move) (diff string, refused map[string]string, err error)
	// Checkpoint is the audit log's signed state.
	Checkpoint() (string, error)
}

// Options of a night.
type Options struct {
	Project string
	AsOf    time.Time
	Only    string // one skill; "" is all
	DryRun  bool   // measure nothing, move nothing: show what evidence there is
	Watch   func(done, of int, what string)
	Spent   map[string]int64 // by policy, of tonight's budget: on watching steps that moved before
}

// Run is one night.
func Run(ctx context.Context, h House, b *evolve.Bench, o Options) (*report.Night, error) {
	steps, err := h.Steps(ctx)
	if err != nil {
		return nil, err
	}
	if o.Only != "" {
		steps = slices.DeleteFunc(steps, func(s Step) bool { return s.Skill != o.Only })
	}
	n := &night{house: h, bench: b, options: o, spent: map[string]int64{}}
	maps.Copy(n.spent, o.Spent)
	n.out.Version, n.out.Project, n.out.AsOf = report.Version, o.Project, o.AsOf
	n.out.Totals.Priced, n.out.Totals.Traffic = true, true
	candidates, held := Discover(steps, o.AsOf)
	n.out.Rows = held
	for _, s := range steps {
		if s.Broken {
			n.problem(s.Skill, s.Blocked)
		}
	}
	for i, c := range candidates {
		if o.Watch != nil {
			o.Watch(i, len(candidates), c.Skill)
		}
		err := n.candidate(ctx, c)
		if ctx.Err() != nil {
			return nil, fmt.Errorf("the night was stopped at %s: %w", c.Skill, ctx.Err())
		}
		if err != nil {
			// One skill that cannot be measured must not keep the others from
			// moving: it holds, and says why.
			n.out.Rows = append(n.out.Rows, heldRow(c.Step, err.Error(), ""))
			n.problem(c.Skill, err.Error())
		}
	}
	if o.Watch != nil {
		o.Watch(len(candidates), len(candidates), "")
	}
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
	moves   []Move
	spent   map[string]int64 // tonight, by policy
}

// candidate measures one comparison and keeps what it came to.
func (n *night) candidate(ctx context.Context, c Candidate) error {
	if slices.ContainsFunc(n.moves, func(m Move) bool { return m.Skill == c.Skill }) {
		n.out.Rows = append(n.out.Rows, heldRow(c.Step, "another step of this skill moves tonight, and the two were never measured together", "the next night measures it beside the moved step"))
		return nil
	}
	subject, err := n.house.Subject(ctx, c.Step, c.Tier)
	if err != nil {
		return err
	}
	budget := evolve.Budget{Left: -1}
	if limit := c.Policy.Budget; limit >= 0 {
		budget.Left = max(0, limit-n.spent[c.Policy.Name])
	}
	var res *evolve.Result
	if n.options.DryRun {
		res, err = n.bench.Look(ctx, subject)
	} else {
		res, err = n.bench.Measure(ctx, subject, budget)
	}
	if err != nil {
		return err
	}
	n.spent[c.Policy.Name] += res.Spent
	row := n.row(c, res)
	n.remark(c.Skill, res)
	if row.Decision == "downgrade" && !n.options.DryRun {
		n.moves = append(n.moves, c.Down(n.options.AsOf, row.Reason, res.Record.Evidence))
	}
	if worthScreening(row) && res.Veto == "" && !n.options.DryRun {
		if budget.Left >= 0 {
			budget.Left = max(0, budget.Left-res.Spent)
		}
		screen, err := n.bench.Screen(ctx, subject, budget)
		if err != nil {
			return err
		}
		n.spent[c.Policy.Name] += screen.Spent
		row.Spent += screen.Spent
		row.Bought += screen.Bought
		codify(&row, screen)
	}
	n.out.Rows = append(n.out.Rows, row)
	return nil
}

// problem is a fault that the night went on without.
func (n *night) problem(skill, why string) {
	text := fmt.Sprintf("%s could not be measured: %s", skill, why)
	n.out.Problems = append(n.out.Problems, text)
	n.out.Notes = append(n.out.Notes, text)
}

// remark notes what a reader has to know of how a skill was measured.
func (n *night) remark(skill string, res *evolve.Result) {
	switch {
	case res.Epoch.Content == verdict.ContentGates:
		n.out.Notes = append(n.out.Notes, skill+` is measured by its gates alone, as its author asked (quality = "gates"): nothing looks at what its outputs say`)
	case res.Epoch.Judged:
		n.out.Notes = append(n.out.Notes, skill+" is scored by a judge that was not calibrated against labels: it can only hold")
	}
}

// apply makes all moves in one write of the policy file.
func (n *night) apply(ctx context.Context) error {
	if len(n.moves) == 0 {
		return nil
	}
	diff, refused, err := n.house.Apply(ctx, n.moves)
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
			r.Decision, r.Next = "hold", "run the night again once the policy file is as you want it"
			r.Reason = why + " (the evidence is kept: " + r.Reason + ")"
			continue
		}
		r.Applied = true
	}
	return nil
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
