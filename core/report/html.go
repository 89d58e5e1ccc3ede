package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/price"
)

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle string

// HTML is the night as one self-contained page: it loads nothing, runs nothing,
// reads well without its styles, on a phone and on paper. The same night gives
// the same bytes.
func HTML(n Night) ([]byte, error) {
	t, err := template.New("page").Parse(pageText + watchText + leverText)
	if err != nil {
		return nil, fmt.Errorf("reading the page's template: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, newPage(n)); err != nil {
		return nil, fmt.Errorf("writing the page: %w", err)
	}
	return b.Bytes(), nil
}

// page is what the template shows: texts ready to read, lengths ready to draw.
type page struct {
	Style      template.CSS
	Project    string
	Title      string
	Date       string
	Sentence   string
	Simulated  bool
	Watch      watchPage
	Levers     leverPage
	Figures    []fact
	Notes      []string
	Waterlines []waterline
	Rest       []string
	Rows       []line
	Sections   []section
	Money      []fact
	Errands    []errandLine
	Diff       []diffLine
	Checkpoint string
	Crowd      bool     // many steps: what is long is folded, and the browser's search opens it
	Whys       []string // of a crowd: how many hold for which reason
}

// fact is a number with what it counts.
type fact struct{ Value, Label string }

type errandLine struct{ What, Who string }

// line is a row of the table.
type line struct {
	Name, Link, Class, Status string
	From, To, Items, Saves    string
	Spent, Reason, Takes      string
}

// section is a row that was compared, with its charts.
type section struct {
	ID, Name, Class, Status string
	From, To, Lever         string
	Reason, Takes           string
	Simulated               bool
	Facts                   []fact
	Causes                  []string
	Evidence                *evidenceChart
	Gap                     *gapChart
	Gates, Dims, Screen     []bar
	Bare                    bool // no measures: the charts have the width to themselves
}

type diffLine struct{ Class, Text string }

func newPage(n Night) page {
	p := page{
		Style: template.CSS(pageStyle), Project: plain(n.Project), Title: "Plimsoll night", Date: stamp(n.AsOf),
		Sentence: n.sentence(), Simulated: n.Simulated, Figures: figures(n), Money: spending(n),
		Watch: newWatchPage(n), Levers: newLeverPage(n), Diff: diff(n.Policy), Checkpoint: strings.TrimRight(harmless(n.Checkpoint), "\n"),
	}
	if p.Project != "" {
		p.Title += ": " + p.Project
	}
	for _, note := range n.Notes {
		p.Notes = append(p.Notes, plain(note))
	}
	for _, ph := range n.Phases {
		p.Notes = append(p.Notes, ph.String()+".")
	}
	moves, open, holds := n.groups()
	if p.Crowd = n.crowded(); p.Crowd {
		for _, w := range whys(holds) {
			p.Whys = append(p.Whys, fmt.Sprintf("%s hold: %s (%s)", count(len(w.rows)), w.what, among(w.rows)))
		}
	}
	rows := append(append(append([]Row{}, moves...), open...), holds...)
	links := map[[2]string]string{}
	for _, r := range rows {
		l := newLine(r)
		if r.compared() {
			s := newSection(r, fmt.Sprintf("s%d", len(p.Sections)+1))
			l.Link = "#" + s.ID
			links[[2]string{r.Skill, r.Step}] = l.Link
			p.Sections = append(p.Sections, s)
		}
		p.Rows = append(p.Rows, l)
	}
	p.Waterlines, p.Rest = waterlines(rows, func(r Row) string { return links[[2]string{r.Skill, r.Step}] })
	for _, e := range n.errands() {
		who := e.rows
		if len(who) > 6 {
			who = append(append([]string{}, who[:5]...), count(len(e.rows)-5)+" more")
		}
		p.Errands = append(p.Errands, errandLine{What: e.what, Who: list(who)})
	}
	return p
}

func figures(n Night) []fact {
	t := n.Totals
	out := []fact{
		{count(t.Moved), n.movedWord() + " down"},
		{count(t.Inconclusive), "not decided yet"},
		{count(t.Held), "held"},
		{count(t.Trials), "trials bought"},
		{price.Format(t.Spent), atLeast("spent tonight", t.Priced)},
	}
	label := ""
	if t.Unpriced > 0 {
		label = ", without " + plural(t.Unpriced, "move", "moves") + " not priced"
	}
	switch {
	case amount(t.SavingMonth) != 0:
		out = append(out, fact{price.Format(*t.SavingMonth), atLeast("saved a month", !t.atLeast()) + label})
	case amount(t.SavingPer1k) != 0:
		out = append(out, fact{price.Format(*t.SavingPer1k), atLeast("saved per 1,000 runs of each", !t.atLeast()) + label})
	case t.Unpriced > 0 && t.SavingPer1k == nil:
		out = append(out, fact{notPriced, "saved"})
	}
	return out
}

// atLeast is the label of a sum of which some part may not be known.
func atLeast(label string, known bool) string {
	if known {
		return label
	}
	return label + ", at least"
}

func spending(n Night) []fact {
	t := n.Totals
	out := []fact{{money(t.Spent, t.Priced), "spent on " + plural(t.Trials, "trial", "trials") + " tonight"}}
	if amount(t.SavingMonth) != 0 {
		label := atLeast("saved a month by tonight's moves", !t.AtLeast)
		if !t.Traffic {
			label += "; skills whose traffic is not known are left out"
		}
		out = append(out, fact{money(*t.SavingMonth, true), label})
	}
	if amount(t.SavingPer1k) != 0 {
		out = append(out, fact{money(*t.SavingPer1k, true), atLeast("saved per 1,000 runs of each skill that moved, summed", !t.AtLeast)})
	}
	if t.Unpriced > 0 {
		out = append(out, fact{notPriced, "no saving is claimed for " + plural(t.Unpriced, "move", "moves") + ": a price is not known"})
	}
	if !t.Priced {
		out = append(out, fact{"lower bound", "the cost of some trials is not known, so what was spent is at least this"})
	}
	return out
}

func newLine(r Row) line {
	l := line{
		Name: r.name(), Class: class(r), Status: r.status(), From: plain(r.Current), To: plain(r.Candidate),
		Items: r.progress(), Saves: r.saving(true), Reason: plain(r.Reason), Takes: r.takes(),
	}
	if r.Spent != 0 || r.Bought > 0 {
		l.Spent = money(r.Spent, r.Priced)
	}
	return l
}

// class is the color of a row's answer.
func class(r Row) string {
	switch {
	case r.kind() == downgrade:
		return "moved"
	case r.kind() == inconclusive:
		return "open"
	case r.Record != nil && r.Record.Outcome == "disproved":
		return "worse"
	}
	return "holds"
}

func newSection(r Row, id string) section {
	s := section{
		ID: id, Name: r.name(), Class: class(r), Status: r.status(), From: plain(r.Current), To: plain(r.Candidate),
		Lever: plain(r.Lever), Reason: plain(r.Reason), Takes: r.takes(), Simulated: r.Simulated,
		Evidence: newEvidenceChart(id+"-evidence", r), Gap: newGapChart(id+"-gap", r),
		Gates: newBars(r.Gates), Dims: newBars(r.Dims), Screen: newBars(r.Screen),
	}
	s.Bare = len(s.Gates)+len(s.Dims)+len(s.Screen) == 0
	v := r.Record
	for _, c := range v.Causes {
		if text := plain(c.Reason); !strings.Contains(s.Reason, text) {
			s.Causes = append(s.Causes, text)
		}
	}
	add := func(value, label string) {
		if value != "" {
			s.Facts = append(s.Facts, fact{value, label})
		}
	}
	add(plain(r.Claim), "the claim is about")
	add(r.progress(), "items counted")
	if v.N > 0 {
		add(figure(v.EValue)+" of "+figure(v.Threshold), "e-value, of what proves")
	}
	if r.Needed > 0 {
		about := plural(r.Needed, "item", "items")
		if v.NightsNeeded != nil && *v.NightsNeeded > 0 {
			about += ", " + plural(*v.NightsNeeded, "night", "nights")
		}
		add(about, "still needed, about")
	}
	add(r.saving(false), map[bool]string{true: "saved", false: "would be saved"}[r.Applied])
	add(plain(r.Unpriced), "why no saving is claimed")
	if r.Spent != 0 || r.Bought > 0 {
		add(cost(r), "spent tonight")
	}
	if v.PaybackRuns != nil {
		add("after "+plural(*v.PaybackRuns, "run", "runs"), "the measuring has paid for itself")
	}
	if v.CacheRegret > 0 {
		add(money(v.CacheRegret, true), "lost once with the warm cache of "+plain(r.Current)+", in the payback")
	}
	add(fmt.Sprintf("%s at %s, alpha %s", plain(string(v.Method)), points(v.Margin), percent(v.Alpha)), "method")
	add(plain(r.Epoch), "epoch")
	if v.N > 1 {
		add(signed(v.OneLook), "95 % bound on the gap, were this the only look")
	}
	return s
}

// cost is what a row's trials cost tonight.
func cost(r Row) string {
	trials := plural(r.Bought, "trial", "trials")
	if !r.Priced && r.Spent == 0 {
		return trials + " of unknown cost"
	}
	return money(r.Spent, r.Priced) + " on " + trials
}

// diff is a unified diff by lines, each with what it does.
func diff(text string) []diffLine {
	text = strings.TrimRight(harmless(text), "\n")
	if text == "" {
		return nil
	}
	var out []diffLine
	for l := range strings.SplitSeq(text, "\n") {
		d := diffLine{Class: "same", Text: l}
		switch {
		case strings.HasPrefix(l, "+++"), strings.HasPrefix(l, "---"):
			d.Class = "file"
		case strings.HasPrefix(l, "@@"):
			d.Class = "hunk"
		case strings.HasPrefix(l, "+"):
			d.Class = "add"
		case strings.HasPrefix(l, "-"):
			d.Class = "del"
		}
		out = append(out, d)
	}
	return out
}
