package access

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/rule"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// Policy is a compiled access block. It is safe for use by many goroutines. A nil
// Policy denies everything.
type Policy struct {
	unmatched string
	rules     []compiled // deny, then ask, then allow; each by name
	index     index
	limits    []config.AccessLimit // by name
	metered   index                // of the limits
}

// maxCalls is the largest limit: windows count in 32 bits.
const maxCalls = 1_000_000_000

// compiled is a rule that can be asked.
type compiled struct {
	name      string
	effect    Effect
	match     config.Match
	when      *rule.Program // nil is true
	readsArgs bool
	reason    string
	line      string
	valid     time.Duration
	approvers []string
	at        diag.Range
	source    *config.Expr
}

// Compile makes a Policy of an access block, nil being one without anything in it.
// All mistakes are reported; the Policy is nil when there are errors, since half a
// policy lets through what the other half should have stopped.
func Compile(a *config.Access) (*Policy, diag.List) {
	if a == nil {
		a = &config.Access{Unmatched: "careful"}
	}
	p := &Policy{unmatched: a.Unmatched}
	var diags diag.List
	if !slices.Contains([]string{"careful", "deny", "allow"}, a.Unmatched) {
		diags = append(diags, diag.Errorf(a.Range, "access-unmatched", "Unknown default",
			"unmatched is %q; it is \"careful\", \"deny\" or \"allow\".", a.Unmatched))
	}
	names := map[string]diag.Range{}
	once := func(kind, name string, at diag.Range) {
		if first, twice := names[kind+"\x00"+name]; twice {
			diags = append(diags, diag.Errorf(at, "access-name", "Duplicate name", "There is a %s %q at %s already, and a decision is named after its %s. Give this one another name.", kind, name, first, kind))
		}
		names[kind+"\x00"+name] = at
	}
	for _, r := range a.Rules {
		once("rule", r.Name, r.Range)
		c, more := compileRule(r)
		diags = append(diags, more...)
		p.rules = append(p.rules, c)
	}
	for _, l := range a.Limits {
		once("limit", l.Name, l.Range)
		diags = append(diags, checkMatch("limit", l.Name, l.Match, l.Range)...)
		if l.Calls < 1 || l.Calls > maxCalls || l.Within <= 0 || !slices.Contains([]string{"principal", "session", "connector"}, l.Per) {
			diags = append(diags, diag.Errorf(l.Range, "access-limit", "Limit cannot be used",
				"limit %q allows %d calls within %s per %q; it needs 1 to 1,000,000,000 calls, a time, and per = \"principal\", \"session\" or \"connector\".", l.Name, l.Calls, l.Within, l.Per))
		}
		p.limits = append(p.limits, *l)
	}
	if diags.HasErrors() {
		return nil, diags
	}
	slices.SortFunc(p.limits, func(a, b config.AccessLimit) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(p.rules, func(a, b compiled) int {
		return cmp.Or(cmp.Compare(rank(a.effect), rank(b.effect)), cmp.Compare(a.name, b.name))
	})
	var rules, limits []config.Match
	for _, c := range p.rules {
		rules = append(rules, c.match)
	}
	for _, l := range p.limits {
		limits = append(limits, l.Match)
	}
	p.index, p.metered = newIndex(rules), newIndex(limits)
	return p, diags
}

// rank orders effects: what comes first beats what comes later.
func rank(e Effect) int { return slices.Index([]Effect{Deny, Ask, Allow}, e) }

func compileRule(r *config.AccessRule) (compiled, diag.List) {
	diags := checkMatch("rule", r.Name, r.Match, r.Range)
	c := compiled{name: r.Name, effect: Effect(r.Effect), match: r.Match, reason: r.Reason, valid: r.Valid, approvers: slices.Clone(r.Approvers), at: r.Range, source: r.When}
	if rank(c.effect) < 0 {
		diags = append(diags, diag.Errorf(r.Range, "access-effect", "Unknown effect", "The effect of rule %q is %q; it is \"allow\", \"deny\" or \"ask\".", r.Name, r.Effect))
	}
	if c.effect == Ask {
		c.valid = cmp.Or(c.valid, config.DefaultValid)
		if c.valid < 0 {
			diags = append(diags, diag.Errorf(r.Range, "access-valid", "Approval that never holds", "An approval of rule %q holds for %s. Give a time above 0.", r.Name, r.Valid))
		}
		if c.approvers != nil && len(c.approvers) == 0 {
			diags = append(diags, diag.Errorf(r.Range, "access-approvers", "Nobody can approve", "approvers of rule %q is an empty list, so nobody may approve. Name a role, or write effect = \"deny\".", r.Name))
		}
		slices.Sort(c.approvers)
		c.approvers = slices.Compact(c.approvers)
	}
	if r.When != nil {
		program, err := rule.CompileAccess(r.When.Source)
		if err != nil {
			diags = append(diags, ruleDiag(r, err))
		} else {
			c.when, c.readsArgs = program, program.Reads("args")
			if program.Reads("annotations") && r.Tools == nil && r.Connectors == nil && aboutSkills(r.Match) && c.effect != Allow {
				diags = append(diags, diag.Warnf(r.When.Range, "access-annotations", "Rule is about skills, too",
					"Rule %q reads annotations, and is about skills, which have none: it cannot be evaluated for a skill, and then denies it. Say tools = [\"*\"] where tools are meant.", r.Name).WithSuggestion(`tools = ["*"]`))
			}
		}
	}
	c.line = fmt.Sprintf("%s: rule %q, effect = %q", r.Range, r.Name, r.Effect)
	return c, diags
}

// ruleDiag maps a rule's error to its place in the file.
func ruleDiag(r *config.AccessRule, err error) diag.Diagnostic {
	at, detail, hint := r.When.Range, err.Error(), ""
	var re *rule.Error
	if errors.As(err, &re) {
		at, detail, hint = r.When.At(re.Line, re.Column), re.Message, re.Hint
	}
	d := diag.Errorf(at, "rule", "Rule cannot be used", "The rule %q of access: %s.", r.Name, detail)
	if hint != "" {
		d = d.WithSuggestion(hint)
	}
	return d
}

// checkMatch finds patterns that could never match, which in a deny rule would be
// a hole.
func checkMatch(kind, name string, m config.Match, at diag.Range) diag.List {
	var diags diag.List
	for _, list := range [][]string{m.Tools, m.Skills, m.Connectors, m.Roles} {
		for _, pattern := range list {
			if pattern == "" || strings.ContainsAny(pattern, "?[]{}\\ \t\r\n") {
				diags = append(diags, diag.Errorf(at, "access-pattern", "Pattern that never matches",
					"%s %q has the pattern %q. A pattern is a name in which * stands for any characters; nothing else is special, and no name has spaces.", kind, name, pattern))
			}
		}
	}
	if m.Skills != nil && m.Connectors != nil && m.Tools == nil {
		diags = append(diags, diag.Errorf(at, "access-match", "Skills have no connector",
			"%s %q names skills and connectors. Connectors narrow tools, and there are none in it: add tools = [\"*\"], or make two of it.", kind, name))
	}
	return diags
}

// aboutSkills tells whether a match can match a skill.
func aboutSkills(m config.Match) bool {
	return m.Skills != nil || m.Tools == nil && m.Connectors == nil
}

// aboutTools tells whether a match can match a tool.
func aboutTools(m config.Match) bool { return m.Tools != nil || m.Skills == nil }

// matches tells whether a rule or a limit is about this request. Any pattern of a
// list is enough. Tools and skills together are either; connectors narrow tools. A
// list that is there and empty matches nothing.
func matches(m *config.Match, r *Request) bool {
	switch {
	case r.Tool != "":
		if !aboutTools(*m) || m.Tools != nil && !anyMatches(m.Tools, r.Tool) || m.Connectors != nil && !anyMatches(m.Connectors, r.Connector) {
			return false
		}
	case !aboutSkills(*m) || m.Skills != nil && !anyMatches(m.Skills, r.Skill):
		return false
	}
	return m.Roles == nil || slices.ContainsFunc(r.Principal.Roles, func(role string) bool { return anyMatches(m.Roles, role) })
}

func anyMatches(patterns []string, name string) bool {
	for _, p := range patterns {
		if p == name || config.MatchName(p, name) {
			return true
		}
	}
	return false
}
