package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/rivo/uniseg"
)

// TerminalOptions say what the terminal is like.
type TerminalOptions struct {
	Width int  // columns; 0 is unknown and taken as 100, under 40 as 40
	Color bool // the caller has asked the terminal and NO_COLOR
}

const (
	widthUnknown = 100
	widthLeast   = 40
	errandsMost  = 8
)

// Terminal writes what a person sees after a night: moves first, then what is
// not decided, then what holds. Everything means the same without color. What a
// narrow screen cuts ends in "…" and stands in full in the other reports.
func Terminal(w io.Writer, n Night, o TerminalOptions) {
	if o.Width <= 0 {
		o.Width = widthUnknown
	}
	t := &terminal{w: w, width: max(o.Width, widthLeast), color: o.Color}
	t.heading(n)
	t.watched(n)
	if n.crowded() {
		t.crowd(n)
	} else {
		moves, open, holds := n.groups()
		t.measure(n.Rows)
		t.group(n.movesTitle(), green, moves)
		t.group("Not decided yet", yellow, open)
		t.group("Holds", "", holds)
	}
	t.levers(n)
	t.totals(n)
	t.errands(n.errands())
}

// The few colors, as parameters of SGR.
const (
	bold   = "1"
	dim    = "2"
	green  = "32"
	yellow = "33"
)

type terminal struct {
	w     io.Writer
	width int
	color bool
	cols  [4]int // skill, tiers, decision, items
}

func (t *terminal) paint(sgr, s string) string {
	if !t.color || sgr == "" || s == "" {
		return s
	}
	return "\x1b[" + sgr + "m" + s + "\x1b[0m"
}

func (t *terminal) line(s string) { fmt.Fprintln(t.w, s) }

func (t *terminal) heading(n Night) {
	title := "Plimsoll night"
	if n.Project != "" {
		title += "  " + plain(n.Project)
	}
	title = clip(title, t.width)
	out := t.paint(bold, title)
	left := t.width - uniseg.StringWidth(title)
	add := func(sgr, s string) {
		if need := uniseg.StringWidth(s) + 2; need <= left {
			out += "  " + t.paint(sgr, s)
			left -= need
			return
		}
		t.line(out)
		out, left = t.paint(sgr, s), t.width-uniseg.StringWidth(s)
	}
	add(dim, "as of "+stamp(n.AsOf))
	if n.Simulated {
		add(yellow, "SIMULATED MODELS")
	}
	t.line(out)
	if len(n.Rows) == 0 {
		for _, l := range wrap(n.sentence(), t.width, 0) {
			t.line(l)
		}
	}
}

// tiers is where a row stands and where it might.
func tiers(r Row) string {
	current := plain(r.Current)
	if current == "" {
		current = "no tier"
	}
	if r.Candidate == "" {
		return current
	}
	return current + " → " + plain(r.Candidate)
}

// measure fits the columns: their natural width, and where that is too much the
// names give way first, down to sixteen columns each, then the decision, which
// the group says too.
func (t *terminal) measure(rows []Row) {
	saving := 0
	for _, r := range rows {
		for i, s := range t.cells(r) {
			t.cols[i] = max(t.cols[i], uniseg.StringWidth(s))
		}
		saving = max(saving, uniseg.StringWidth(r.worth()))
	}
	t.cols[3] = min(t.cols[3], 15)
	over := 4 + t.cols[0] + 2 + t.cols[1] + 2 + t.cols[2] + 2 + t.cols[3] + 2 + saving - t.width
	over = t.give(over, 16)
	if over > 0 {
		over -= t.cols[2] + 2
		t.cols[2] = 0
		t.give(over-saving-2, 8) // a saving without room is left out
	}
}

// give takes over columns from both names, down to least each, and says how many
// are still missing.
func (t *terminal) give(over, least int) int {
	for i := range 2 {
		if over > 0 {
			n := max(0, min(over, t.cols[i]-least))
			t.cols[i] -= n
			over -= n
		}
	}
	return over
}

func (t *terminal) cells(r Row) [4]string {
	return [4]string{r.name(), tiers(r), r.kind(), r.progress()}
}

func (t *terminal) group(title, sgr string, rows []Row) {
	if len(rows) == 0 {
		return
	}
	t.line("")
	t.line(t.paint(bold, title) + t.paint(dim, fmt.Sprintf(" (%s)", count(len(rows)))))
	for _, r := range rows {
		t.row(r, sgr)
	}
}

// row is a line of columns and, for what was compared, the reason under it; a
// step that was not compared has its reason on the line.
func (t *terminal) row(r Row, sgr string) {
	c := t.cells(r)
	head := "  " + t.paint(sgr, mark(r)) + " " + t.paint(bold, pad(c[0], t.cols[0])) + "  " + pad(c[1], t.cols[1]) + "  "
	used := 4 + t.cols[0] + 2 + t.cols[1] + 2
	if r.Candidate == "" {
		if left := t.width - used; left >= 24 {
			t.line(head + t.paint(dim, clip(plain(r.Reason), left)))
			return
		}
		t.line(strings.TrimRight(head, " "))
	} else {
		rest := ""
		if t.cols[2] > 0 {
			rest = t.paint(sgr, pad(c[2], t.cols[2])) + "  "
			used += t.cols[2] + 2
		}
		rest += left(c[3], t.cols[3])
		used += t.cols[3]
		// An amount is whole or absent: a number without its end is another one.
		for _, saving := range []string{r.worth(), r.saving(true)} {
			if saving != "" && uniseg.StringWidth(saving) <= t.width-used-2 {
				rest += "  " + saving
				break
			}
		}
		t.line(strings.TrimRight(head+rest, " "))
	}
	lines := wrap(plain(r.Reason), t.width-6, 2)
	for _, l := range lines {
		t.line("      " + t.paint(dim, l))
	}
}

// mark begins a row, so that the groups differ without color.
func mark(r Row) string {
	switch r.kind() {
	case downgrade:
		return "↓"
	case inconclusive:
		return "~"
	}
	return "-"
}

func (t *terminal) totals(n Night) {
	x := n.Totals
	t.line("")
	parts := []string{plural(x.Skills, "skill", "skills"), count(x.Moved) + " " + n.movedWord(), count(x.Inconclusive) + " not decided", plural(x.Held, "holds", "hold")}
	if x.Trials > 0 || x.Spent > 0 {
		parts = append(parts, plural(x.Trials, "trial", "trials")+" for "+money(x.Spent, x.Priced))
	}
	if saved := n.saved(); saved == notPriced {
		parts = append(parts, "saving not priced")
	} else if saved != "" {
		parts = append(parts, n.savesWord()+" "+saved)
	}
	for _, l := range wrap(strings.Join(parts, " · "), t.width, 0) {
		t.line(l)
	}
	for _, p := range n.Phases {
		t.line(t.paint(dim, p.String()))
	}
	notes := n.Notes
	if n.crowded() && len(notes) > errandsMost {
		notes = append(slices.Clone(notes[:errandsMost]), plural(len(notes)-errandsMost, "more note", "more notes")+" in the reports")
	}
	for _, note := range notes {
		for i, l := range wrap("Note: "+plain(note), t.width-2, 0) {
			if i > 0 {
				l = "  " + l
			}
			t.line(t.paint(yellow, l))
		}
	}
}

func (t *terminal) errands(es []errand) {
	if len(es) == 0 {
		return
	}
	t.line("")
	t.line(t.paint(bold, "What to do"))
	for i, e := range es {
		if i == errandsMost {
			t.line("  " + t.paint(dim, plural(len(es)-i, "more thing", "more things")+" to do in the reports"))
			return
		}
		who := e.rows[0]
		if more := len(e.rows) - 1; more > 0 {
			who += " and " + count(more) + " more"
		}
		for j, l := range wrap(e.what+" ("+who+")", t.width-4, 3) {
			if j == 0 {
				t.line("  - " + l)
			} else {
				t.line("    " + l)
			}
		}
	}
}
