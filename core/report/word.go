package report

import (
	"cmp"
	"slices"
	"strconv"
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

// notPriced stands where a saving would, and a price is not known.
const notPriced = "not priced"

// saving is what the move brings, or would; short is for columns, the long form
// has hardware time too. A saving that is not known is never nothing.
func (r Row) saving(short bool) string {
	month, runs := " a month", " per 1,000 runs"
	if short {
		month, runs = "/month", "/1,000 runs"
	}
	s := "nothing"
	switch {
	case r.Candidate == "":
		return ""
	case r.SavePer1k == nil:
		return notPriced
	case r.SaveMonth != nil && *r.SaveMonth != 0:
		s = price.Format(*r.SaveMonth) + month
	case *r.SavePer1k != 0:
		s = price.Format(*r.SavePer1k) + runs
	}
	switch {
	case r.AtLeast && s == "nothing":
		s = "nothing for sure"
	case r.AtLeast:
		s = "at least " + s
	}
	if gpu := r.gpu(); gpu != "" && !short {
		s += "; " + gpu
	}
	return s
}

// gpu is what the move does to hardware, "" where no tier is priced by it.
func (r Row) gpu() string {
	const runs = " per 1,000 runs"
	switch {
	case r.CurrentGPU > 0 && r.CandidateGPU > 0:
		return gpuHours(r.CandidateGPU) + " GPU hours instead of " + gpuHours(r.CurrentGPU) + runs
	case r.CandidateGPU > 0:
		return "takes " + gpuHours(r.CandidateGPU) + " GPU hours" + runs
	case r.CurrentGPU > 0:
		return "frees " + gpuHours(r.CurrentGPU) + " GPU hours" + runs
	}
	return ""
}

// gpuHours is hardware time with three figures or so.
func gpuHours(ms int64) string {
	hours, decimals := float64(ms)/3_600_000, 2
	switch {
	case hours >= 100:
		decimals = 0
	case hours < 0.1:
		decimals = 4
	}
	return strconv.FormatFloat(hours, 'f', decimals, 64)
}

// worth is saving with its verb, for columns: a move saves, the rest would.
func (r Row) worth() string {
	s := r.saving(true)
	switch {
	case s == "" || s == notPriced:
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

// outcome is what the night decided, in a sentence.
func (n Night) outcome() string {
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
		if saved := n.saved(); saved == notPriced {
			s += ", with a saving that is not known: not priced"
		} else if saved != "" && may == 0 {
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

// saved is what tonight's moves save, or "". Moves whose saving is not known are
// counted beside it.
func (n Night) saved() string {
	t := n.Totals
	s := ""
	switch {
	case amount(t.SavingMonth) != 0:
		s = price.Format(*t.SavingMonth) + " a month"
	case amount(t.SavingPer1k) != 0:
		s = price.Format(*t.SavingPer1k) + " per 1,000 runs of each"
	case t.Unpriced > 0 && t.SavingPer1k == nil:
		return notPriced
	}
	if s != "" && t.atLeast() {
		s = "at least " + s
	}
	if t.Unpriced > 0 && s != "" {
		s += " (and " + plural(t.Unpriced, "move", "moves") + " not priced)"
	}
	return s
}

// atLeast tells whether the saving that is shown is a bound from below.
func (t Totals) atLeast() bool {
	return t.AtLeast || amount(t.SavingMonth) != 0 && !t.Traffic
}

// amount is a sum to compare, 0 when it is not known.
func amount(micro *int64) int64 {
	if micro == nil {
		return 0
	}
	return *micro
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
