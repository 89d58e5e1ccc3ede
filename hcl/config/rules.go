package config

import (
	"fmt"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

const maxWithin = 744 * time.Hour // a month: counters are kept so long

func (l *loader) fillAccess(b *body, out *Access) {
	*out = Access{Unmatched: b.str("unmatched"), Redact: b.distinct("redact"), Range: b.header}
	if out.Unmatched == "" {
		out.Unmatched = defaultUnmatched
	}
	for _, p := range out.Redact {
		if why := badMember(p); why != "" {
			l.add(badGlob.at(b.rng("redact"), "%q names no member of arguments: %s.", p, why).WithSuggestion(b.doc.Attribute("redact").line()))
		}
	}
	seen := map[string]diag.Range{}
	wrong := map[*AccessRule]bool{} // nothing follows from what is not understood
	b.each("rule", func(n *body, title label) {
		before := len(l.diags)
		r := &AccessRule{
			Name: title.text, Match: l.match(n), When: n.rule("when"), Effect: n.str("effect"), Reason: n.str("reason"),
			Valid: n.duration("valid", 0), Approvers: l.roles(n, "approvers"), Range: n.header,
		}
		if r.Effect == "ask" && !n.has("valid") {
			r.Valid = DefaultValid
		}
		if n.has("valid") && r.Valid < time.Second {
			l.add(outOfRange.at(n.rng("valid"), "valid must be at least 1s: an approval that has ended when it is given is none."))
		}
		for _, name := range []string{"valid", "approvers"} {
			if n.has(name) && r.Effect != "ask" && r.Effect != "" {
				l.add(noEffect.at(n.rng(name), "%s is about approvals, and the effect of this rule is %s: nothing is asked. Remove %s, or say effect = \"ask\".", name, r.Effect, name))
			}
		}
		wrong[r] = l.diags[before:].HasErrors()
		if l.once(seen, title, "rule") {
			out.Rules = append(out.Rules, r)
		}
	})
	limits := map[string]diag.Range{}
	b.each("limit", func(n *body, title label) {
		x := &AccessLimit{
			Name: title.text, Match: l.match(n), Per: n.str("per"), Calls: n.integerOr("calls", 1),
			Within: n.duration("within", time.Hour), Range: n.header,
		}
		if x.Per == "" {
			x.Per = "principal"
		}
		if x.Within < time.Second || x.Within > maxWithin {
			l.add(outOfRange.at(n.rng("within"), "within must be from 1s to 744h.").WithSuggestion(n.doc.Attribute("within").line()))
		}
		if l.once(limits, title, "limit") {
			out.Limits = append(out.Limits, x)
		}
	})
	l.checkRules(out, wrong)
}

// badMember says why a path of redact names nothing, or "".
func badMember(path string) string {
	for part := range strings.SplitSeq(path, ".") {
		switch {
		case part == "":
			return "a part between dots is empty"
		case part != "*" && strings.Contains(part, "*"):
			return "* stands for a whole member, not for a part of its name"
		case strings.ContainsAny(part, "[]$"):
			return "it is a path of names with dots between, and * for elements of lists"
		}
	}
	return ""
}

// match reads what a rule or a limit is about.
func (l *loader) match(b *body) Match {
	m := Match{Tools: b.nonEmpty("tools"), Skills: b.nonEmpty("skills"), Connectors: b.nonEmpty("connectors"), Roles: l.roles(b, "roles")}
	if b.has("roles") && len(m.Roles) == 0 {
		l.add(emptyValue.at(b.rng("roles"), "roles is an empty list, which nobody is in. Name a role, or remove the line to mean everybody.").WithSuggestion(b.doc.Attribute("roles").line()))
	}
	l.patterns(b, "tools", m.Tools)
	l.patterns(b, "skills", m.Skills)
	l.patterns(b, "connectors", m.Connectors)
	if m.Connectors != nil && m.Skills != nil && m.Tools == nil {
		l.add(noEffect.warn(b.rng("skills"), "Skills belong to no connector, so this matches nothing. Make two of it, one for the skills and one for the connectors."))
	}
	if l.table.incomplete {
		return m
	}
	for _, p := range m.Connectors {
		if l.anyConnector(p) {
			continue
		}
		x := matchesNothing.warn(b.rng("connectors"), "No connector is called %q.%s %s", p, diag.DidYouMean(p, l.table.connectors.order), known("There are", l.table.connectors.order))
		if c := diag.Closest(p, l.table.connectors.order); c != "" {
			x = x.WithSuggestion(fmt.Sprintf("connectors = [%q]", c))
		}
		l.add(x)
	}
	for _, p := range m.Tools {
		if namePattern(p) && !l.anyTool(p) {
			l.add(l.noTool(b, p))
		}
	}
	return m
}

func (l *loader) anyConnector(pattern string) bool {
	for _, name := range l.table.connectors.order {
		if MatchName(pattern, name) {
			return true
		}
	}
	return false
}

// offered are patterns over the prefixed names that a connector can have.
func (c *Connector) offered() []string {
	if c.Tools == nil {
		return []string{c.Prefixed("*")}
	}
	var out []string
	for _, t := range c.Tools {
		out = append(out, c.Prefixed(t))
	}
	return out
}

func (l *loader) anyTool(pattern string) bool {
	for _, c := range l.project.Connectors {
		for _, o := range c.offered() {
			if meet(pattern, o) {
				return true
			}
		}
	}
	return false
}

// noTool explains a pattern that no tool of any connector can match: most often
// the prefix is missing or misspelt.
func (l *loader) noTool(b *body, pattern string) diag.Diagnostic {
	var heads []string
	with := ""
	for _, c := range l.project.Connectors {
		if c.Prefix == "" {
			continue
		}
		heads = append(heads, c.Prefix)
		if strings.HasPrefix(pattern, c.Prefix+"_") {
			return matchesNothing.warn(b.rng("tools"), "Connector %q offers no tool %q: its tools are %s. Add it there, or remove it here.", c.Name, pattern, quoted(c.Tools))
		}
		if p := c.Prefixed(pattern); c.Tools != nil && meet(p, c.offered()[0]) || len(l.project.Connectors) == 1 {
			with = p
		}
	}
	head, rest, _ := strings.Cut(pattern, "_")
	x := matchesNothing.warn(b.rng("tools"), "No tool can be called %q: rules take names with the prefix of their connector.%s", pattern, diag.DidYouMean(head, heads))
	switch c := diag.Closest(head, heads); {
	case len(l.project.Connectors) == 0:
		x.Detail += " No connector is declared in this project."
	case c != "":
		x = x.WithSuggestion(fmt.Sprintf("tools = [%q]", c+"_"+rest))
	case with != "":
		x = x.WithSuggestion(fmt.Sprintf("tools = [%q]", with))
	}
	return x
}

// namePattern tells whether a pattern can match a name at all.
func namePattern(p string) bool {
	bare := strings.ReplaceAll(p, "*", "")
	return len(p) <= MaxToolName && (bare == "" || toolName(bare))
}

// patterns checks that patterns can match a name at all.
func (l *loader) patterns(b *body, name string, list []string) {
	for _, p := range list {
		if namePattern(p) {
			continue
		}
		x := badGlob.at(b.rng(name), "%q matches no name: names have letters, digits, - _ . and /, at most %d of them, and in a pattern * stands for any characters.", p, MaxToolName)
		if fixed := strings.NewReplacer(".*", "*", "^", "", "$", "", "?", "*", " ", "").Replace(p); fixed != p && (toolName(strings.ReplaceAll(fixed, "*", "")) || fixed == "*") {
			x = x.WithSuggestion(fmt.Sprintf("%s = [%q]", name, fixed))
		}
		l.add(x)
	}
}

// checkRules finds rules that never decide anything, and roles that nobody has.
func (l *loader) checkRules(a *Access, wrong map[*AccessRule]bool) {
	strength := map[string]int{"allow": 1, "ask": 2, "deny": 3}
	for _, r := range a.Rules {
		if wrong[r] {
			continue
		}
		if r.Effect == "allow" && a.Unmatched == "allow" {
			l.add(noEffect.warn(r.Range, "What no rule matches is allowed already, and deny and ask beat allow: this rule never decides anything. Remove it, or unmatched = \"allow\"."))
			continue
		}
		if r.When != nil && strings.TrimSpace(r.When.Source) == "false" {
			l.add(noEffect.warn(r.When.Range, "This rule never matches. Remove it."))
			continue
		}
		for _, s := range a.Rules {
			if !wrong[s] && s.When == nil && strength[s.Effect] > strength[r.Effect] && s.Match.covers(r.Match) {
				l.add(noEffect.warn(r.Range, "Everything that this rule is about is covered by rule %q at %s, and %s beats %s: it never decides anything. Narrow that rule, or remove this one.", s.Name, s.Range, s.Effect, r.Effect))
				break
			}
		}
	}
	roles, open := l.project.Roles()
	if open || l.table.incomplete {
		return
	}
	check := func(at diag.Range, list []string) {
		for _, r := range list {
			if !contains(roles, r) {
				l.add(unknownRole.warn(at, "No principal has the role %q, and no oauth block could bring it.%s %s", r, diag.DidYouMean(r, roles), known("Principals have the roles", roles)))
			}
		}
	}
	for _, r := range a.Rules {
		check(r.Range, r.Roles)
		check(r.Range, r.Approvers)
	}
	for _, x := range a.Limits {
		check(x.Range, x.Roles)
	}
}

// covers tells whether all that o is about is in m. It never says so wrongly.
func (m Match) covers(o Match) bool {
	if m.Everything() {
		return true
	}
	within := func(wide, narrow []string) bool {
		for _, n := range narrow {
			ok := false
			for _, w := range wide {
				ok = ok || covers(w, n)
			}
			if !ok {
				return false
			}
		}
		return narrow != nil
	}
	if m.Roles != nil && !within(m.Roles, o.Roles) || m.Connectors != nil && !within(m.Connectors, o.Connectors) {
		return false
	}
	if m.Tools == nil && m.Skills == nil {
		return true
	}
	// What o says of neither is about both.
	tools := o.Tools == nil && o.Skills != nil || within(m.Tools, o.Tools)
	skills := o.Skills == nil && o.Tools != nil || within(m.Skills, o.Skills)
	return tools && skills
}

// CheckSkillPatterns finds patterns of access rules that no skill has the name
// of. Which skills there are is known once their folders are read.
func (p *Project) CheckSkillPatterns(skills []string) diag.List {
	if p.Access == nil {
		return nil
	}
	var out diag.List
	check := func(at diag.Range, patterns []string) {
		for _, pattern := range patterns {
			found := false
			for _, s := range skills {
				found = found || MatchName(pattern, s)
			}
			if !found {
				out = append(out, matchesNothing.warn(at, "No skill is called %q.%s", pattern, diag.DidYouMean(pattern, skills)))
			}
		}
	}
	for _, r := range p.Access.Rules {
		check(r.Range, r.Skills)
	}
	for _, x := range p.Access.Limits {
		check(x.Range, x.Skills)
	}
	return out
}
