package report

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/plimsoll-dev/plimsoll/core/price"
)

// The three answers of a row. What is none of them is shown among the holds: no
// reader may take an unknown word for a move.
const (
	downgrade    = "downgrade"
	inconclusive = "inconclusive"
	hold         = "hold"
)

// kind is the row's answer, one of the three.
func (r Row) kind() string {
	switch r.Decision {
	case downgrade, inconclusive:
		return r.Decision
	}
	return hold
}

// status is the answer as a reader sees it: a downgrade that was not applied is
// a permission, not a move.
func (r Row) status() string {
	switch {
	case r.kind() == downgrade && r.Applied:
		return "moved"
	case r.kind() == downgrade:
		return "may move"
	case r.kind() == inconclusive:
		return "open"
	}
	return "holds"
}

// name is the skill, with the step where it has more than the one.
func (r Row) name() string {
	if r.Step == "" || r.Step == "main" {
		return plain(r.Skill)
	}
	return plain(r.Skill) + "/" + plain(r.Step)
}

// stands is the tier after the night.
func (r Row) stands() string {
	if r.kind() == downgrade && r.Applied {
		return r.Candidate
	}
	return r.Current
}

// compared tells whether there is a verdict to show.
func (r Row) compared() bool { return r.Record != nil }

// progress is how many items count, of how many.
func (r Row) progress() string {
	switch {
	case !r.compared() && r.Items == 0:
		return "" // nothing was counted, and the size of a pool is no progress
	case r.Of > 0:
		return count(r.Items) + "/" + count(r.Of)
	case r.Items > 0:
		return count(r.Items)
	}
	return ""
}

// saving is what the move brings, or would; short is for columns.
func (r Row) saving(short bool) string {
	month, runs := " a month", " per 1,000 runs"
	if short {
		month, runs = "/month", "/1,000 runs"
	}
	switch {
	case r.SaveMonth != 0:
		return price.Format(r.SaveMonth) + month
	case r.SavePer1k != 0:
		return price.Format(r.SavePer1k) + runs
	case r.Candidate == "":
		return ""
	case !r.Priced:
		return "not priced"
	}
	return "nothing"
}

// worth is saving with its verb, for columns: a move saves, the rest would.
func (r Row) worth() string {
	s := r.saving(true)
	switch {
	case s == "" || s == "not priced":
		return s
	case r.Applied && r.kind() == downgrade:
		return "saves " + s
	}
	return "would save " + s
}

// takes is what it would take to decide: the number of items, the date, the
// person.
func (r Row) takes() string {
	var parts []string
	if r.kind() == inconclusive && r.Needed > 0 && !strings.Contains(r.Recommend, "measure") {
		parts = append(parts, "about "+plural(r.Needed, "item", "items")+" more")
	}
	if r.Cooling != nil && !strings.Contains(r.Reason, strings.TrimSuffix(stamp(*r.Cooling), " UTC")) {
		parts = append(parts, "cooldown until "+stamp(*r.Cooling))
	}
	if r.Recommend != "" && r.kind() != downgrade {
		parts = append(parts, plain(r.Recommend))
	}
	if r.Next != "" {
		parts = append(parts, plain(r.Next))
	}
	return strings.Join(slices.Compact(parts), "; ")
}

// sentence is the night in one.
func (n Night) sentence() string {
	applied, may := 0, 0
	for _, r := range n.Rows {
		switch r.status() {
		case "moved":
			applied++
		case "may move":
			may++
		}
	}
	_, open, holds := n.groups()
	switch {
	case len(n.Rows) == 0:
		return "There was nothing to look at: no skill has a step on a ladder."
	case len(holds) == len(n.Rows):
		return "Everything holds."
	}
	var moved []string
	if applied > 0 {
		moved = append(moved, plural(applied, "step moved down", "steps moved down"))
	}
	if may > 0 {
		moved = append(moved, plural(may, "step may move down", "steps may move down"))
	}
	s := "Nothing moved"
	if len(moved) > 0 {
		s = list(moved)
		if saved := n.saved(); saved != "" && may == 0 {
			s += ", which saves " + saved
		} else if saved != "" {
			s += ", which would save " + saved
		}
	}
	var rest []string
	if len(open) > 0 {
		rest = append(rest, plural(len(open), "is", "are")+" not decided yet")
	}
	if len(holds) > 0 {
		rest = append(rest, plural(len(holds), "holds", "hold"))
	}
	if len(rest) > 0 {
		s += "; " + list(rest)
	}
	return s + "."
}

// saved is what tonight's moves save, or "".
func (n Night) saved() string {
	t := n.Totals
	switch {
	case t.SavingMonth != 0 && t.Traffic:
		return price.Format(t.SavingMonth) + " a month"
	case t.SavingMonth != 0:
		return "at least " + price.Format(t.SavingMonth) + " a month"
	case t.SavingPer1k != 0:
		return price.Format(t.SavingPer1k) + " per 1,000 runs of each"
	}
	return ""
}

// groups are the rows by answer, in the order in which a reader wants them; the
// order inside a group is the night's.
func (n Night) groups() (moves, open, holds []Row) {
	for _, r := range n.Rows {
		switch r.kind() {
		case downgrade:
			moves = append(moves, r)
		case inconclusive:
			open = append(open, r)
		default:
			holds = append(holds, r)
		}
	}
	return moves, open, holds
}

// errand is one thing to do, and for how many rows.
type errand struct {
	what string
	rows []string
}

// errands are the things to do next, each once, the most wanted first.
func (n Night) errands() []errand {
	var out []errand
	for _, r := range n.Rows {
		if r.Next == "" {
			continue
		}
		what := plain(r.Next)
		i := slices.IndexFunc(out, func(e errand) bool { return e.what == what })
		if i < 0 {
			out = append(out, errand{what: what})
			i = len(out) - 1
		}
		out[i].rows = append(out[i].rows, r.name())
	}
	slices.SortStableFunc(out, func(a, b errand) int { return cmp.Compare(len(b.rows), len(a.rows)) })
	return out
}

// list joins with commas and an "and".
func list(parts []string) string {
	switch len(parts) {
	case 0:
		return ""
	case 1:
		return parts[0]
	}
	return strings.Join(parts[:len(parts)-1], ", ") + " and " + parts[len(parts)-1]
}

// stamp is a time for people, in UTC.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// plain is a text from outside on one line: no control characters, no marks
// that turn the direction of what follows, nothing that is not UTF-8.
func plain(s string) string {
	return strings.Join(strings.Fields(harmless(s)), " ")
}

// harmless keeps lines and tabs and takes the same things out of them.
func harmless(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r':
			return ' '
		case r == unicode.ReplacementChar, unicode.IsControl(r), r == 0xFFFE, r == 0xFFFF, turns(r):
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(s, string(unicode.ReplacementChar)))
}

// turns tells the bidirectional controls, which make a reader see another order
// than the one that is there, and the separators that end a line.
func turns(r rune) bool {
	return r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069 || r == 0x200E || r == 0x200F || r == 0x061C || r == 0x2028 || r == 0x2029
}
