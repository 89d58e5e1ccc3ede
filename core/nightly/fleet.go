package nightly

import (
	"context"
	"fmt"
	"slices"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/evolve"
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
			return err
		}
	}
	return nil
}

// acceptFor finds the largest set of a policy that the rule accepts and that
// nothing else stands against. Whoever turns out to be held by something else,
// as damage that is not seen, leaves and the set is sought anew: what is
// accepted is what moves, or the bound on the share of wrong ones would not hold.
func (n *night) acceptFor(ctx context.Context, policy string, all []entrant) error {
	fleet, err := n.house.Fleet(ctx, policy)
	if err != nil {
		return err
	}
	taken := map[string]bool{} // skills that move: one step of each a night
	var standing []entrant
	var tests []verdict.Entrant
	for _, e := range all {
		if n.rows[e.entry.rank].Decision == "downgrade" && e.c.Accepted() {
			// Accepted on an earlier night, and not moved yet: a patch that nobody
			// has applied, or a policy file that was being edited.
			if !taken[e.entry.Skill] {
				taken[e.entry.Skill] = true
				n.move(e, e.res)
			}
			continue
		}
		if t, ok := e.c.Entrant(); ok {
			standing, tests = append(standing, e), append(tests, t)
		} else if n.rows[e.entry.rank].Decision == "downgrade" {
			n.holdFleet(e, policy, fleet, "it cannot be accepted")
		}
	}
	set, err := n.largest(ctx, fleet, taken, standing, tests)
	if err != nil {
		return err
	}
	in := map[int]bool{}
	for _, e := range set {
		in[e.entry.rank] = true
		a := e.c.Acceptance(fleet, len(set))
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
		row.Reason += fmt.Sprintf("; accepted with %d others after %d moves of %s", a.Together-1, a.Before, policy)
		n.keep(e.entry, row)
		n.move(e, res)
	}
	for _, e := range standing {
		if n.rows[e.entry.rank].Decision == "downgrade" && !in[e.entry.rank] {
			why := "it waits for the bar to fall or its wealth to grow"
			if taken[e.entry.Skill] || slices.ContainsFunc(set, func(o entrant) bool { return o.entry.Skill == e.entry.Skill }) {
				why = "another step of this skill moves tonight, and the two were never measured together"
			}
			n.holdFleet(e, policy, fleet, why)
		}
	}
	return nil
}

// largest is the set that is accepted. Each member has been looked at as if it
// were: planted damage seen, and no rule or gate against it.
func (n *night) largest(ctx context.Context, fleet verdict.Fleet, taken map[string]bool, standing []entrant, tests []verdict.Entrant) ([]entrant, error) {
	out := make([]bool, len(standing))
	for {
		var at []int
		var asked []verdict.Entrant
		skills := map[string]bool{}
		// One step of a skill: the one that clears its bar alone with most to spare
		// would be chosen by its wealth; the ranking is fixed, so it chooses.
		for i, t := range tests {
			if skill := standing[i].entry.Skill; !out[i] && !taken[skill] && !skills[skill] && t.E >= fleet.Bar(t.Params, len(tests)) {
				at, asked, skills[skill] = append(at, i), append(asked, t), true
			}
		}
		chosen := fleet.Accept(asked)
		again := false
		for _, k := range chosen {
			e := standing[at[k]]
			ok, err := n.stands(ctx, e, e.c.Acceptance(fleet, len(chosen)))
			if err != nil {
				return nil, err
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
// arm is made here when the test would be proved by it. Nothing else is written.
func (n *night) stands(ctx context.Context, e entrant, a *evidence.Acceptance) (bool, error) {
	e.c.Freeze(a)
	for e.c.Due() {
		b := e.c.Next(0)
		if b == nil {
			break
		}
		for _, t := range b.Trials() {
			t.Do(ctx)
			t.Save(ctx)
		}
		before := e.c.Spent()
		if err := e.c.Keep(ctx, b); err != nil {
			return false, err
		}
		n.purse(e.entry).spent += e.c.Spent() - before
	}
	ok := e.c.Freeze(a) == verdict.Downgrade
	e.c.Freeze(nil)
	return ok, nil
}

// move takes an accepted comparison into the policy file.
func (n *night) move(e entrant, res *evolve.Result) {
	row := n.rows[e.entry.rank]
	n.moves = append(n.moves, ranked{e.entry.rank, e.entry.Down(n.options.AsOf, row.Reason, res.Record.Evidence)})
}

// holdFleet says of a comparison that is proved for itself why it stays.
func (n *night) holdFleet(e entrant, policy string, fleet verdict.Fleet, why string) {
	row := n.rows[e.entry.rank]
	row.Decision = "hold"
	row.Reason = fmt.Sprintf("proved for itself, and not accepted by the false-discovery rule of %s after %d moves: %s (the evidence is kept: %s)", policy, fleet.Accepted, why, row.Reason)
	n.keep(e.entry, row)
}
