package report

import (
	"fmt"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/price"
)

// Lever is a way to save beside the model: what was seen, what may be said of it,
// and what a person would change. The machine changes nothing by it.
type Lever struct {
	Lever     string `json:"lever"` // format-determinism, tool-prune, prefix-stabilise
	Skill     string `json:"skill,omitempty"`
	Step      string `json:"step,omitempty"`
	Says      string `json:"says"`                   // what was seen and what would come of it
	SaveMonth *int64 `json:"saving_month,omitempty"` // micro-dollars; null is not known or not claimed
	Next      string `json:"next"`                   // the command that shows it in full
	Patch     string `json:"patch,omitempty"`        // unified diff, for a person to apply
	Simulated bool   `json:"simulated,omitempty"`
}

func (l Lever) name() string {
	if l.Skill == "" {
		return "all skills"
	}
	return Row{Skill: l.Skill, Step: l.Step}.name()
}

// saves is what is claimed, "" for nothing.
func (l Lever) saves() string {
	switch {
	case l.SaveMonth == nil || *l.SaveMonth == 0:
		return ""
	case *l.SaveMonth < 0:
		return "costs " + price.Format(-*l.SaveMonth) + " a month"
	}
	return price.Format(*l.SaveMonth) + " a month"
}

// leversTitle is the heading in every form.
const leversTitle = "Savings beside the model"

// leversLead says what they are worth: none of it is proved.
const leversLead = "Proposals, none of them proved and none applied. The next night measures a change as a new epoch."

func (t *terminal) levers(n Night) {
	if len(n.Levers) == 0 {
		return
	}
	t.line("")
	t.line(t.paint(bold, leversTitle))
	for _, l := range n.Levers {
		text := l.Lever + "  " + l.name() + ": " + l.Says
		if s := l.saves(); s != "" {
			text += " (" + s + ")"
		}
		for _, row := range wrap(plain(text), t.width-2, 2) {
			t.line("  " + row)
		}
	}
	t.line("  " + t.paint(dim, clip("plimsoll levers shows them with their patches", t.width-2)))
}

func levers(b *strings.Builder, n Night) {
	if len(n.Levers) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n| lever | skill | what was seen | saves | next |\n| --- | --- | --- | --- | --- |\n", leversTitle, leversLead)
	for _, l := range n.Levers {
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", escape(l.Lever), escape(l.name()), escape(l.Says), escape(l.saves()), escape(l.Next))
	}
	for _, l := range n.Levers {
		if l.Patch == "" {
			continue
		}
		fmt.Fprintf(b, "\n<details>\n<summary>%s: a patch for %s</summary>\n\n", escape(l.Lever), escape(l.name()))
		fence(b, "diff", l.Patch)
		b.WriteString("\n</details>\n")
	}
}

// leverLine is what the page shows of a lever.
type leverLine struct {
	Lever, Name, Says, Saves, Next string
	Simulated                      bool
	Diff                           []diffLine
}

type leverPage struct {
	Title, Lead string
	Lines       []leverLine
}

func newLeverPage(n Night) leverPage {
	p := leverPage{Title: leversTitle, Lead: leversLead}
	for _, l := range n.Levers {
		p.Lines = append(p.Lines, leverLine{
			Lever: plain(l.Lever), Name: plain(l.name()), Says: plain(l.Says), Saves: l.saves(), Next: plain(l.Next), Simulated: l.Simulated, Diff: diff(l.Patch),
		})
	}
	return p
}

// leverText is the page's part about levers.
const leverText = `{{define "levers"}}{{if .Lines}}
<section aria-labelledby="levers">
<h2 id="levers">{{.Title}}</h2>
<p class="lead">{{.Lead}}</p>{{range .Lines}}
<article class="lever">
<h3>{{.Name}} <small>{{.Lever}}</small>{{if .Simulated}} <span class="badge">simulated</span>{{end}}</h3>
<p class="reason">{{.Says}}{{if .Saves}} <strong>{{.Saves}}</strong>{{end}}</p>{{if .Diff}}
<div class="wide" role="region" aria-label="a patch for {{.Name}}" tabindex="0"><pre class="diff">{{range .Diff}}<span class="{{.Class}}">{{.Text}}
</span>{{end}}</pre></div>{{end}}
<p class="takes"><strong>Next:</strong> {{.Next}}</p>
</article>{{end}}
</section>{{end}}{{end}}`
