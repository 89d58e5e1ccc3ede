package report

import (
	"fmt"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/price"
)

// Watched is a step that was moved down before and is watched since.
type Watched struct {
	Skill     string `json:"skill"`
	Step      string `json:"step"`
	Present   string `json:"present"` // tier
	Former    string `json:"former"`
	Alarm     bool   `json:"alarm"`               // the present tier got worse by more than the margin
	Escalated bool   `json:"escalated"`           // and the step was moved back up
	Reason    string `json:"reason,omitempty"`    // of the alarm, or why nothing can be watched
	M         int64  `json:"m"`                   // millionths: the evidence that it got worse
	Need      int64  `json:"need"`                // millionths: an alarm at m >= need
	Gap       int64  `json:"gap"`                 // millionths: mean of present - former
	Pairs     int    `json:"pairs"`               // since the move
	Tonight   int    `json:"tonight"`             // of them
	Waiting   int    `json:"waiting"`             // chosen runs that are not compared yet
	Canary    bool   `json:"canary,omitempty"`    // items stand in for runs, whose content nothing measures
	Share     int64  `json:"share"`               // of runs, millionths
	Delay     int    `json:"delay_p90,omitempty"` // days in which a fall of 15 points is noticed nine times in ten; 0 is out of reach
	Spent     int64  `json:"spent"`
	Priced    bool   `json:"priced"`
	Simulated bool   `json:"simulated,omitempty"`
}

func (w Watched) name() string { return Row{Skill: w.Skill, Step: w.Step}.name() }

// alarms are the watches that found a fall.
func (n Night) alarms() []Watched {
	var out []Watched
	for _, w := range n.Watched {
		if w.Alarm {
			out = append(out, w)
		}
	}
	return out
}

// sentence is the night in one: what fell comes before everything else.
func (n Night) sentence() string {
	up, left := 0, 0
	for _, w := range n.alarms() {
		if w.Escalated {
			up++
		} else {
			left++
		}
	}
	s := n.outcome()
	if left > 0 {
		s = plural(left, "step got worse and could not be moved back up. ", "steps got worse and could not be moved back up. ") + s
	}
	if up > 0 {
		s = plural(up, "step got worse and was moved back up. ", "steps got worse and were moved back up. ") + s
	}
	return s
}

// found is an alarm in words.
func (w Watched) found() string {
	s := fmt.Sprintf("%s → %s: %s", w.Present, w.Former, w.Reason)
	if !w.Escalated {
		s = fmt.Sprintf("still on %s: %s", w.Present, w.Reason)
	}
	return s
}

// watching sums up what is watched without an alarm, "" for nothing.
func (n Night) watching() string {
	steps, pairs, waiting, blind := 0, 0, 0, 0
	var spent int64
	priced := true
	for _, w := range n.Watched {
		pairs, waiting, spent, priced = pairs+w.Tonight, waiting+w.Waiting, spent+w.Spent, priced && w.Priced
		switch {
		case !w.Alarm && w.Reason != "":
			blind++
		default:
			steps++
		}
	}
	if steps+blind+pairs == 0 {
		return ""
	}
	s := fmt.Sprintf("Watching %s that moved down before: %s tonight, %s", plural(steps, "step", "steps"), plural(pairs, "shadow pair", "shadow pairs"), atLeastMoney(spent, priced))
	if waiting > 0 {
		s += fmt.Sprintf(", %s still to compare", plural(waiting, "run", "runs"))
	}
	if blind > 0 {
		s += fmt.Sprintf(". %s cannot be watched", plural(blind, "step", "steps"))
	}
	return s + "."
}

func atLeastMoney(micro int64, priced bool) string {
	if priced {
		return price.Format(micro)
	}
	return money(micro, false)
}

func (t *terminal) watched(n Night) {
	for _, w := range n.alarms() {
		head := "Got worse: "
		if w.Escalated {
			head = "Back up: "
		}
		for i, l := range wrap(plain(head+w.name()+"  "+w.found()), t.width, 0) {
			if i == 0 {
				l = t.paint(yellow, l)
			}
			t.line(l)
		}
	}
	if s := n.watching(); s != "" {
		for _, l := range wrap(s, t.width, 0) {
			t.line(t.paint(dim, l))
		}
	}
}

func watchMarkdown(b *strings.Builder, n Night) {
	if alarms := n.alarms(); len(alarms) > 0 {
		b.WriteString("\n## Got worse\n\n| skill | from | to | since the move | why |\n| --- | --- | --- | --- | --- |\n")
		for _, w := range alarms {
			to := w.Former
			if !w.Escalated {
				to = "not moved"
			}
			fmt.Fprintf(b, "| %s | %s | %s | %s, %s | %s |\n", escape(w.name()), escape(w.Present), escape(to), plural(w.Pairs, "pair", "pairs"), points(w.Gap), escape(w.Reason))
		}
	}
	if s := n.watching(); s != "" {
		fmt.Fprintf(b, "\n%s\n", escape(s))
	}
	for _, w := range n.Watched {
		if !w.Alarm && w.Reason != "" {
			fmt.Fprintf(b, "\n> %s is not watched: %s\n", escape(w.name()), escape(w.Reason))
		}
	}
}

// watchText is the page's part about watches.
const watchText = `{{define "watch"}}{{if .Alarms}}
<section aria-labelledby="worse">
<h2 id="worse">Got worse</h2>{{range .Alarms}}
<p class="note"><strong>{{.Name}}</strong> {{.Found}}</p>{{end}}
</section>{{end}}{{end}}`

// watchPage is what the template shows of watches.
type watchPage struct {
	Alarms []watchAlarm
	Says   string
}

type watchAlarm struct{ Name, Found string }

func newWatchPage(n Night) watchPage {
	p := watchPage{Says: n.watching()}
	for _, w := range n.alarms() {
		p.Alarms = append(p.Alarms, watchAlarm{plain(w.name()), plain(w.found())})
	}
	return p
}
