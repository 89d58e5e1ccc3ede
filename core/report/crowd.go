package report

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// crowd is how many rows make a night that nobody reads line by line: then a
// terminal shows what moved, what is nearest to moving and counts of the rest,
// and the page folds what is long. The other forms have every row.
const crowd = 60

// What a terminal lists of a crowd.
const (
	crowdMoves = 20
	crowdOpen  = 10
	crowdWhy   = 12
)

func (n Night) crowded() bool { return len(n.Rows) > crowd }

// crowd writes a night of many steps.
func (t *terminal) crowd(n Night) {
	moves, open, holds := n.groups()
	moves, open = slices.Clone(moves), slices.Clone(open)
	slices.SortStableFunc(moves, func(a, b Row) int { return cmp.Compare(b.saves(), a.saves()) })
	slices.SortStableFunc(open, func(a, b Row) int {
		return cmp.Or(cmp.Compare(b.saves()/float64(max(b.Needed, 1)), a.saves()/float64(max(a.Needed, 1))), cmp.Compare(a.name(), b.name()))
	})
	t.measure(slices.Concat(moves[:min(len(moves), crowdMoves)], open[:min(len(open), crowdOpen)]))
	t.some(n.movesTitle(), green, moves, crowdMoves, "by what they save")
	t.some("Not decided yet", yellow, open, crowdOpen, "by what an item of them is worth")
	t.counts("Holds", holds)
}

// some lists the first rows of a group, and says how many there are.
func (t *terminal) some(title, sgr string, rows []Row, most int, order string) {
	if len(rows) <= most {
		t.group(title, sgr, rows)
		return
	}
	t.group(fmt.Sprintf("%s: %d of %s, %s", title, most, count(len(rows)), order), sgr, rows[:most])
	t.line("  " + t.paint(dim, "and "+count(len(rows)-most)+" more in the reports"))
}

// counts says of the rest how many hold for which reason.
func (t *terminal) counts(title string, rows []Row) {
	if len(rows) == 0 {
		return
	}
	t.line("")
	t.line(t.paint(bold, title) + t.paint(dim, fmt.Sprintf(" (%s)", count(len(rows)))))
	why := whys(rows)
	for i, w := range why {
		if i == crowdWhy {
			t.line("  " + t.paint(dim, plural(len(why)-i, "more reason", "more reasons")+" in the reports"))
			return
		}
		for j, l := range wrap(fmt.Sprintf("%s %s (%s)", count(len(w.rows)), w.what, among(w.rows)), t.width-2, 9) {
			if j > 0 {
				l = "       " + l
			}
			t.line("  " + l)
		}
	}
}

// among names one of some steps.
func among(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	return names[0] + " and others"
}

// whys gathers rows by the kind of their reason, most first.
func whys(rows []Row) []errand {
	at := map[string]int{}
	var out []errand
	for _, r := range rows {
		what := r.why()
		i, ok := at[what]
		if !ok {
			i = len(out)
			at[what] = i
			out = append(out, errand{what: what})
		}
		out[i].rows = append(out[i].rows, r.name())
	}
	slices.SortStableFunc(out, func(a, b errand) int { return cmp.Or(len(b.rows)-len(a.rows), strings.Compare(a.what, b.what)) })
	return out
}

// numerals in a reason make every row's its own.
var numerals = regexp.MustCompile(`[-+]?[0-9][0-9.,:%-]*`)

// why is a reason without what is one row's own: the code of what decided, in
// words, or the first part of the sentence without its figures.
func (r Row) why() string {
	if r.Record != nil {
		if what, ok := decided[r.Record.Rule]; ok {
			return what
		}
	}
	what, _, _ := strings.Cut(plain(r.Reason), ": ")
	return strings.Join(strings.Fields(numerals.ReplaceAllString(what, "")), " ")
}

// decided says in words what verdict.Record.Rule says in one.
var decided = map[string]string{
	"disproved": "the candidate is worse", "part": "a part of the score is worse", "dimension": "a dimension got worse", "format": "the form got worse, and code could own it",
	"gate": "a gate is passed less often", "never": "a gate that tolerates nothing", "hold": "a rule of the policy", "rule": "a rule that cannot be evaluated",
	"judge": "a judge that was not calibrated", "content": "nothing measures content", "latency": "the candidate is too slow", "planted": "damage on purpose was not seen",
	"recency": "the last items lean to worse", "open": "not proved", "reach": "out of reach", "floor": "too few items", "downgrade_when": "the policy's downgrade_when", "evidence": "evidence that cannot be read",
}

// saves is a row's saving for an order: a month's, or that of a thousand runs.
func (r Row) saves() float64 {
	switch {
	case r.SaveMonth != nil:
		return float64(*r.SaveMonth)
	case r.SavePer1k != nil:
		return float64(*r.SavePer1k)
	}
	return 0
}
