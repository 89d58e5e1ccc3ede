package lint

import (
	"fmt"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// From these on an anti-pattern is one.
const (
	slow        = time.Minute // a call longer than that needs a handle
	longSession = 24 * time.Hour
	vagueShare  = 3 // one of so many tools
)

// Patterns holds a connector, and the tools that its server has, against the
// pattern that it is of. tools are all of them, also those that are not offered,
// by their own names; nil where the catalogue is not known. Findings that the
// connector's block alone shows come first.
func Patterns(c *config.Connector, tools []Text) []Finding {
	out := declared(c)
	if tools == nil {
		return out
	}
	p := &pattern{c: c}
	have := map[string]bool{}
	for i := range tools {
		have[tools[i].Name] = true
		if c.Offers(tools[i].Name) && tools[i].Name != c.Rollback {
			p.tools = append(p.tools, &tools[i])
		}
	}
	p.missing(have)
	p.readOnly()
	p.exposure()
	p.giant()
	p.vague()
	p.outside()
	p.calls()
	return append(out, p.found...)
}

// Project is what the connectors of a project show without their catalogues, as
// warnings for validate.
func Project(p *config.Project) diag.List {
	var out diag.List
	for _, c := range p.Connectors {
		for _, f := range declared(c) {
			at := c.Range
			if f.Rule == "pattern-session" && c.Session != nil {
				at = c.Session.Range
			}
			out = append(out, diag.Warnf(at, f.Rule, f.Title(), "%s %s", f.Message, f.Fix))
		}
	}
	return out
}

func found(c *config.Connector, id, format string, args ...any) Finding {
	r := rules[id]
	return Finding{Rule: id, Severity: r.Severity, Kind: Tool, Connector: c.Name, Field: "connector", Message: fmt.Sprintf(format, args...), Fix: r.Fix}
}

// declared is what a connector's block shows by itself.
func declared(c *config.Connector) []Finding {
	var out []Finding
	add := func(id, format string, args ...any) { out = append(out, found(c, id, format, args...)) }
	if c.Timeout > slow && c.Job == "" {
		add("pattern-slow", "A call of connector %q may take %s, and there is no tool to ask how it goes.", c.Name, short(c.Timeout))
	}
	if s := c.Session; s != nil {
		switch {
		case s.Lifetime == 0:
			add("pattern-session", "Sessions of connector %q never end by themselves.", c.Name)
		case s.Lifetime > longSession:
			add("pattern-session", "Sessions of connector %q may last %s, which is longer than a day.", c.Name, short(s.Lifetime))
		}
	}
	if c.Kind.Rollback && c.Rollback == "" {
		add("pattern-rollback", "Connector %q does several steps behind one call, and names no tool that undoes them.", c.Name)
	}
	if c.Kind.Sanitise && !c.Sanitise {
		add("pattern-outside", "Connector %q is a %s, whose results others wrote, and passes them on as they are.", c.Name, c.Kind.Name)
	}
	return out
}

// short is a duration without parts that are zero: 10m, not 10m0s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

type pattern struct {
	c     *config.Connector
	tools []*Text // that are offered
	found []Finding
}

func (p *pattern) add(id, format string, args ...any) {
	p.found = append(p.found, found(p.c, id, format, args...))
}

// missing finds names in the block that no tool has.
func (p *pattern) missing(have map[string]bool) {
	for _, own := range []struct{ attr, name string }{{"job", p.c.Job}, {"rollback", p.c.Rollback}} {
		if own.name != "" && !have[own.name] {
			p.add("pattern-missing", "%s names %q, which the server does not have.", own.attr, own.name)
		}
	}
	for _, t := range p.c.Tools {
		any := false
		for name := range have {
			if any = config.MatchName(t, name); any {
				break
			}
		}
		if !any {
			p.add("pattern-missing", "tools names %q, and no tool of the server is called so.", t)
		}
	}
}

func (p *pattern) readOnly() {
	if !p.c.ReadOnly {
		return
	}
	silent := []string{}
	for _, t := range p.tools {
		if t.Hints.ReadOnly == nil || !*t.Hints.ReadOnly {
			silent = append(silent, t.Name)
		}
	}
	if len(silent) > 0 {
		p.add("pattern-read-only", "%d of %d tools do not say that they only read, and are not offered: %s.", len(silent), len(p.tools), some(silent))
	}
}

func (p *pattern) exposure() {
	if n := len(p.tools); p.c.MaxTools > 0 && n > p.c.MaxTools {
		p.add("pattern-exposure", "Connector %q offers %d tools; as a %s it should offer %d at most.", p.c.Name, n, p.c.Kind.Name, p.c.MaxTools)
	}
}

// giant finds a tool that does everything, with little beside it.
func (p *pattern) giant() {
	for _, t := range p.tools {
		name, n := choices(t)
		if n >= manyActions && len(p.tools) <= 3 {
			p.add("pattern-giant", "Tool %s does %d things by its argument %s, and is one of %d.", visible(t.Name), n, visible(name), len(p.tools))
		}
	}
}

func (p *pattern) vague() {
	names := []string{}
	for _, t := range p.tools {
		if strings.TrimSpace(t.Description) == "" || vague(t.Name, t.Description) {
			names = append(names, t.Name)
		}
	}
	if n := len(p.tools); len(names) > 0 && len(names)*vagueShare > n {
		p.add("pattern-vague", "%d of %d tools say nothing beside their name: %s.", len(names), n, some(names))
	}
}

// outside finds tools whose results strangers write.
func (p *pattern) outside() {
	if p.c.Sanitise || p.c.Kind.Sanitise { // the second is said by declared
		return
	}
	names := []string{}
	for _, t := range p.tools {
		if t.Hints.OpenWorld != nil && *t.Hints.OpenWorld || fetches(t.Name) {
			names = append(names, t.Name)
		}
	}
	if len(names) > 0 {
		p.add("pattern-outside", "Connector %q passes on what others wrote as it is: %s.", p.c.Name, some(names))
	}
}

var outsideWords = set("fetch scrape crawl browse navigate webpage url web website inbox email emails mail messages issue issues comment comments ticket tickets tweet tweets feed rss")

func fetches(name string) bool {
	for _, w := range parts(name) {
		if outsideWords[strings.ToLower(w)] {
			return true
		}
	}
	return false
}

var (
	lasting = set("minutes hours asynchronously asynchronous background long-running")
	opening = set("open start begin create new launch connect acquire")
	lived   = set("session sessions browser shell terminal transaction tab context page sandbox")
)

// calls finds calls that are slow, or open what stays open, in a connector that
// does not say so.
func (p *pattern) calls() {
	tardy, open := []string{}, []string{}
	for _, t := range p.tools {
		for _, w := range words(t.Description) {
			if lasting[w.text] {
				tardy = append(tardy, t.Name)
				break
			}
		}
		if all := parts(strings.ToLower(t.Name)); len(all) > 1 {
			verb, thing := false, false
			for _, w := range all {
				verb, thing = verb || opening[w], thing || lived[w]
			}
			if verb && thing {
				open = append(open, t.Name)
			}
		}
	}
	if len(tardy) > 0 && p.c.Job == "" && p.c.Timeout <= slow { // longer ones are said by declared
		p.add("pattern-slow", "By their descriptions these take long, and there is no tool to ask how they go: %s.", some(tardy))
	}
	if len(open) > 0 && p.c.Session == nil {
		p.add("pattern-session", "By their names these open what stays open, and connector %q has no session: %s.", p.c.Name, some(open))
	}
}

// some are the first of a list of names.
func some(names []string) string {
	const few = 5
	shown := names
	if len(shown) > few {
		shown = shown[:few]
	}
	out := visible(strings.Join(shown, ", "))
	if len(names) > few {
		out += fmt.Sprintf(" and %d more", len(names)-few)
	}
	return out
}
