package report

import (
	"fmt"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/price"
)

// Markdown is the night for a merge request, in GitHub's dialect. Everything
// that comes from outside is escaped: it cannot break a table, open a tag, run
// out of its fence, call a person or link to anything.
func Markdown(n Night) []byte {
	var b strings.Builder
	title := "Plimsoll night"
	if n.Project != "" {
		title += ": " + escape(n.Project)
	}
	fmt.Fprintf(&b, "# %s\n\n**%s**\n\nAs of %s.\n", title, escape(n.sentence()), stamp(n.AsOf))
	if n.Simulated {
		b.WriteString("\n> **Simulated models.** Some model of this night was simulated: nothing here speaks of real ones.\n")
	}
	for _, note := range n.Notes {
		fmt.Fprintf(&b, "\n> %s\n", escape(note))
	}
	watchMarkdown(&b, n)
	moves, open, holds := n.groups()
	table(&b, "Moves", []string{"skill", "from", "to", "items", "saves", "why"}, moves, func(r Row) []string {
		name := r.name()
		if !r.Applied {
			name += " (not applied)"
		}
		return []string{name, r.Current, r.Candidate, r.progress(), r.saving(false), r.Reason}
	})
	table(&b, "Not decided yet", []string{"skill", "on", "against", "items", "would save", "why", "what it takes"}, open, func(r Row) []string {
		return []string{r.name(), r.Current, r.Candidate, r.progress(), r.saving(false), r.Reason, r.takes()}
	})
	long := len(holds) > foldAfter
	if long {
		fmt.Fprintf(&b, "\n<details>\n<summary>%s</summary>\n", plural(len(holds), "step holds", "steps hold"))
	}
	table(&b, "Holds", []string{"skill", "on", "against", "items", "why", "what it would take"}, holds, func(r Row) []string {
		return []string{r.name(), r.Current, r.Candidate, r.progress(), r.Reason, r.takes()}
	})
	if long {
		b.WriteString("\n</details>\n")
	}
	levers(&b, n)
	spend(&b, n)
	if n.Policy != "" {
		b.WriteString("\n## Policy\n\n")
		fence(&b, "diff", n.Policy)
	}
	verify(&b, n)
	return []byte(b.String())
}

// foldAfter is how many holds a reviewer scrolls past without minding.
const foldAfter = 25

func table(b *strings.Builder, title string, head []string, rows []Row, cells func(Row) []string) {
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## %s\n\n| %s |\n|%s\n", title, strings.Join(head, " | "), strings.Repeat(" --- |", len(head)))
	for _, r := range rows {
		b.WriteString("|")
		for _, c := range cells(r) {
			b.WriteString(" " + escape(c) + " |")
		}
		b.WriteString("\n")
	}
}

func spend(b *strings.Builder, n Night) {
	t := n.Totals
	b.WriteString("\n## Money\n\n")
	fmt.Fprintf(b, "- spent tonight: %s on %s\n", money(t.Spent, t.Priced), plural(t.Trials, "trial", "trials"))
	if saved := n.saved(); saved != "" {
		fmt.Fprintf(b, "- saved by tonight's moves: %s\n", saved)
	}
	if amount(t.SavingMonth) != 0 && amount(t.SavingPer1k) != 0 {
		fmt.Fprintf(b, "- the same per 1,000 runs of each skill that moved, summed: %s\n", price.Format(*t.SavingPer1k))
	}
	if t.Unpriced > 0 {
		fmt.Fprintf(b, "- no saving is claimed for %s: a price is not known\n", plural(t.Unpriced, "move", "moves"))
	}
	if t.AtLeast {
		b.WriteString("- calls were lost, and nobody knows whether they were charged: what was saved is at least this\n")
	}
	if amount(t.SavingMonth) != 0 && !t.Traffic {
		b.WriteString("- a month leaves out the skills whose traffic is not known\n")
	}
	if !t.Priced {
		b.WriteString("- some costs are not known, so the sum is a lower bound\n")
	}
}

func verify(b *strings.Builder, n Night) {
	b.WriteString("\n## Verify\n\nEvery verdict recomputes from the evidence files, and the audit log shows what was done:\n\n")
	fence(b, "sh", "plimsoll evidence verify\nplimsoll audit verify")
	if n.Checkpoint != "" {
		b.WriteString("\nThe audit log's checkpoint after this night:\n\n")
		fence(b, "text", n.Checkpoint)
	}
}

// fence writes text between backticks, more of them than the text has in a row.
func fence(b *strings.Builder, language, text string) {
	text = harmless(text)
	longest, run := 0, 0
	for _, r := range text {
		if r != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	ticks := strings.Repeat("`", max(3, longest+1))
	fmt.Fprintf(b, "%s%s\n%s\n%s\n", ticks, language, strings.TrimRight(text, "\n"), ticks)
}

// special are the characters that mean something in a line of Markdown.
const special = "\\`*_{}[]<|~&!$"

// escape makes one line of text that shows as it is. Backslashes do for
// Markdown itself; an empty comment parts what a forge would turn into a link
// or a call of its own: @name, #12, http://, www.
func escape(s string) string {
	s = plain(s)
	var b strings.Builder
	for i, r := range s {
		switch {
		case strings.ContainsRune(special, r):
			b.WriteByte('\\')
			b.WriteRune(r)
			continue
		case i == 0 && strings.ContainsRune("#+-=>", r):
			b.WriteByte('\\')
		}
		b.WriteRune(r)
		if r == '@' || r == '#' || r == ':' && strings.HasPrefix(s[i+1:], "//") {
			b.WriteString("<!-- -->")
		}
	}
	return strings.ReplaceAll(b.String(), "www.", "www<!-- -->.")
}
