package nightly

import (
	"context"
	"fmt"
	"slices"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/evolve"
	"github.com/plimsoll-dev/plimsoll/core/report"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

// entrant is a comparison of tonight whose policy bounds the share of wrong moves.
type entrant struct {
	lane  *lane
	entry entry
	c     *evolve.Comparison
	res   *evolve.Result
}

// accept asks the false-discovery rule, policy by policy, once everything that
// could be bought tonight has been. What it accepts is written down, and moves.
func (n *night) accept(ctx context.Context) error {
	byPolicy := map[string][]entrant{}
	var policies []string
	for _, e := range n.entrants {
		name := e.entry.Policy.Name
		if byPolicy[name] == nil {
			policies = append(policies, name)
		}
		byPolicy[name] = append(byPolicy[name], e)
	}
	slices.Sort(policies)
	for _, name := range policies {
		all := byPolicy[name]
		slices.SortFunc(all, func(a, b entrant) int { return a.entry.rank - b.entry.rank })
		if err := n.acceptFor(ctx, name, all); err != nil {
			if ctx.Err() != nil {
				return err
			}
			n.holdPolicy(name, all, err)
		}
	}
	return nil
}

// holdPolicy holds all moves of a policy for a fault: those of them that would
// still be made are a smaller set than the one that was accepted.
func (n *night) holdPolicy(policy string, all []entrant, why error) {
	n.moves = slices.DeleteFunc(n.moves, func(m ranked) bool { return m.Set == policy })
	for _, e := range all {
		if row := n.rows[e.entry.rank]; row.Decision == "downgrade" {
			n.keep(e.entry, faulty(row, why))
		}
	}
	text := fmt.Sprintf("policy %s accepted nothing tonight: %v", policy, why)
	n.out.Problems, n.out.Notes = append(n.out.Problems, text), append(n.out.Notes, text)
}

// faulty makes of a move one that a fault keeps from being made.
func faulty(r report.Row, why error) report.Row {
	r.Decision, r.Next = "hold", "the next night takes it up again"
	r.Reason = why.Error() + " (the evidence is kept: " + r.Reason + ")"
	return r
}

// acceptFor finds the largest set of a policy that the rule accepts and that
// nothing else stands against. Whoever turns out to be held by something else,
// as damage that is not seen or a policy file that is being edited, leaves and
// the set is sought anew: what is accepted is what moves, or the bound on the
// share of wrong ones would not hold. What was accepted on an earlier night and
// has not moved since, as a patch that nobody applied, is sought with the others.
func (n *night) acceptFor(ctx context.Context, policy string, all []entrant) error {
	fleet, err := n.house.Fleet(ctx, policy)
	if err != nil {
		return err
	}
	refused, err := n.refused(ctx, all)
	if err != nil {
		return err
	}
	var standing []entrant
	var tests []verdict.Entrant
	for _, e := range all {
		if why := refused[e.entry.Skill+"/"+e.entry.Step.Step]; why != "" {
			if row := n.rows[e.entry.rank]; row.Decision == "downgrade" {
				n.keep(e.entry, refuse(row, why))
			}
		} else if t, ok := e.c.Entrant(); ok {
			standing, tests = append(standing, e), append(tests, t)
		} else if n.rows[e.entry.rank].Decision == "downgrade" {
			n.holdFleet(e, policy, fleet, "it cannot be accepted")
		}
	}
	set, err := n.largest(ctx, fleet, standing, tests)
	if err != nil {
		return err
	}
	in := map[int]bool{}
	for _, e := range set {
		in[e.entry.rank] = true
		if e.c.Accepted() {
			n.move(e, policy, e.res)
			continue
		}
		a := e.c.Acceptance(fleet, n.together(len(set)))
		if err := e.c.Accept(ctx, a); err != nil {
			return err
		}
		res, err := e.c.Conclude(ctx)
		if err != nil {
			return err
		}
		row := n.row(e.entry.Candidate, res)
		old := n.rows[e.entry.rank]
		row.Screen, row.Bought, row.Spent = old.Screen, max(row.Bought, old.Bought), max(row.Spent, old.Spent)
		row.Reason += fmt.Sprintf("; accepted with %d more (moves of %s before: %d)", a.Together-1, policy, a.Before)
		n.keep(e.entry, row)
		n.move(e, policy, res)
	}
	for _, e := range standing {
		if n.rows[e.entry.rank].Decision == "downgrade" && !in[e.entry.rank] {
			why := "it waits for the bar to fall or its wealth to grow"
			if slices.ContainsFunc(set, func(o entrant) bool { return o.entry.Skill == e.entry.Skill }) {
				why = "another step of this skill moves tonight, and the two were never measured together"
			}
			n.holdFleet(e, policy, fleet, why)
		}
	}
	return nil
}

// together is the size of the set whose bar counts: of a proposal any part may be
// applied, so each member stands alone.
func (n *night) together(size int) int {
	if n.options.Patch {
		return min(size, 1)
	}
	return size
}

// refused tells which moves the policy file would not take now. It is asked
// before anything is accepted: a member that cannot move thins its set.
func (n *night) refused(ctx context.Context, all []entrant) (map[string]string, error) {
	moves := make([]Move, 0, len(all))
	for _, e := range all {
		moves = append(moves, e.entry.Down(n.options.AsOf, "", ""))
	}
	return n.house.Refused(ctx, moves)
}

// largest is the set that is accepted. Each member has been looked at as if it
// were: planted damage seen, and no rule or gate against it.
func (n *night) largest(ctx context.Context, fleet verdict.Fleet, standing []entrant, tests []verdict.Entrant) ([]entrant, error) {
	out := make([]bool, len(standing))
	for {
		var at []int
		var asked []verdict.Entrant
		skills := map[string]bool{}
		// One step of a skill: the one that clears its bar alone with most to spare
		// would be chosen by its wealth; the ranking is fixed, so it chooses.
		for i, t := range tests {
			if skill := standing[i].entry.Skill; !out[i] && !skills[skill] && t.E >= fleet.Bar(t.Params, n.together(len(tests))) {
				at, asked, skills[skill] = append(at, i), append(asked, t), true
			}
		}
		choose := fleet.Accept
		if n.options.Patch {
			choose = fleet.Alone
		}
		chosen := choose(asked)
		again := false
		for _, k := range chosen {
			e := standing[at[k]]
			ok, err := n.stands(ctx, e, e.c.Acceptance(fleet, n.together(len(chosen))))
			if ctx.Err() != nil && err != nil {
				return nil, err
			}
			if err != nil { // it leaves, as whoever else turns out to be held
				n.keep(e.entry, faulty(n.rows[e.entry.rank], err))
				n.problems[e.entry.rank] = err.Error()
			}
			if !ok {
				out[at[k]], again = true, true
			}
		}
		if again {
			continue
		}
		var set []entrant
		for _, k := range chosen {
			set = append(set, standing[at[k]])
		}
		return set, nil
	}
}

// stands tells whether a comparison would move if it were accepted. The planted
// arm is made here when the test would be proved by it and the night's money pays
// for it. Nothing else is written.
func (n *night) stands(ctx context.Context, e entrant, a *evidence.Acceptance) (bool, error) {
	if e.c.Accepted() {
		return n.rows[e.entry.rank].Decision == "downgrade", nil
	}
	e.c.Freeze(a)
	for e.c.Due() {
		if !n.paysPlanted(e.entry, e.c) {
			e.c.Forgo(unpaid)
			row := n.rows[e.entry.rank]
			row.Reason += " (" + unpaid + ")"
			n.keep(e.entry, row)
			break
		}
		b := e.c.Next(0)
		if b == nil {
			break
		}
		for _, t := range b.Trials() {
			t.Do(ctx)
			t.Save(ctx)
		}
		before := e.c.Spent()
		err := e.c.Keep(ctx, b)
		n.purse(e.entry).spent += e.c.Spent() - before
		row := n.rows[e.entry.rank] // it was concluded before this was spent
		row.Spent += e.c.Spent() - before
		n.keep(e.entry, row)
		if err != nil {
			e.c.Freeze(nil)
			return false, err
		}
	}
	ok := e.c.Freeze(a) == verdict.Downgrade
	e.c.Freeze(nil)
	return ok, nil
}

// move takes an accepted comparison into the policy file, together with all of
// its set or not at all.
func (n *night) move(e entrant, policy string, res *evolve.Result) {
	m := e.entry.Down(n.options.AsOf, n.rows[e.entry.rank].Reason, res.Record.Evidence)
	m.Set = policy
	n.moves = append(n.moves, ranked{e.entry.rank, m})
}

// unpaid is why a planted arm waits for another night.
const unpaid = "the budget is used up before planted damage could be tried"

// paysPlanted tells whether the night's money pays for a planted arm. One that
// costs nothing needs none.
func (n *night) paysPlanted(e entry, c *evolve.Comparison) bool {
	left := n.left(e)
	return left < 0 || c.PlantCost() <= left
}

// holdFleet says of a comparison that is proved for itself why it stays.
func (n *night) holdFleet(e entrant, policy string, fleet verdict.Fleet, why string) {
	row := n.rows[e.entry.rank]
	row.Decision = "hold"
	row.Reason = fmt.Sprintf("proved for itself, and not accepted by the false-discovery rule of %s after %d moves: %s (the evidence is kept: %s)", policy, fleet.Accepted, why, row.Reason)
	n.keep(e.entry, row)
}
