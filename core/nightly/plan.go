package nightly

import (
	"cmp"
	"slices"

	"github.com/plimsoll-dev/plimsoll/core/report"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

// plan foretells the night from what was looked at: what each comparison still
// needs, in the order of what an item of it is worth, as far as money goes. A
// night asks the same question again after every batch, with what it has seen.
func (n *night) plan() *report.Plan {
	type forecast struct {
		looked
		Prospect
	}
	var all []forecast
	for _, l := range n.looked {
		all = append(all, forecast{l, l.entry.prospect(l.res.Assessment)})
	}
	slices.SortStableFunc(all, func(a, b forecast) int {
		return cmp.Or(cmp.Compare(b.Worth, a.Worth), a.entry.rank-b.entry.rank)
	})
	p := &report.Plan{Rows: []report.Planned{}, Priced: true}
	for _, f := range all {
		e, a := f.entry, f.res.Assessment
		row := report.Planned{Skill: e.Skill, Step: e.Step.Step, Current: e.Current.Name, Candidate: e.Tier.Name, Chance: f.Chance, Priced: e.Priced}
		price := int64(0)
		if e.ToBuy > 0 {
			price = e.Cost / int64(e.ToBuy)
		}
		if f.res.Money.Known && a.Items > 0 {
			price, row.Priced = f.res.Money.Spent/int64(a.Items), true
		}
		switch {
		case f.res.Veto != "":
			row.Why, row.Chance = f.res.Veto, 0
		case f.res.Record.Decision == verdict.Downgrade:
			row.Why = "proved: the night would move it"
		case a.Wants == 0:
			row.Why, row.Chance = f.res.Record.Reason, 0
		default:
			row.Needed = f.Items
			row.Items = f.Items
			if left := n.left(e); left >= 0 && price > 0 {
				row.Items = int(min(int64(row.Items), left/price))
			} else if left == 0 {
				row.Items = 0
			}
			if row.Items == 0 {
				row.Why = "the budget goes to others first"
			}
		}
		row.Cost = int64(row.Items) * price
		n.purse(e).reserved += row.Cost
		row.SaveMonth, row.PaybackRuns = worthOf(e.Candidate, f.res.Money, f.res.Money.Spent+int64(row.Needed)*price)
		p.Items, p.Cost = p.Items+row.Items, p.Cost+row.Cost
		p.Priced = p.Priced && (row.Items == 0 || row.Priced)
		if row.Chance > 0 && row.Items >= row.Needed {
			p.Moves += row.Chance
			if row.SaveMonth != nil {
				if p.SavingMonth == nil {
					p.SavingMonth = new(int64)
				}
				*p.SavingMonth += int64(float64(*row.SaveMonth) * float64(row.Chance) / float64(verdict.Million))
			}
		}
		p.Rows = append(p.Rows, row)
	}
	return p
}

// worthOf is what a move saves a month, and the runs until a verification that
// costs so much has paid: as measured where something was, else as estimated.
func worthOf(c Candidate, m verdict.Money, cost int64) (month, payback *int64) {
	if !m.Known {
		m.Known, m.CurrentPerRun, m.CandidatePerRun = c.Priced, c.SavePer1k/1000, 0
	}
	m.Spent, m.RunsPerMonth = cost, c.Runs
	if month, payback = m.Worth(); c.Runs == 0 {
		month = nil // the traffic is not known
	}
	return month, payback
}
