package config

import (
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// ParsePolicyTests reads a file of policy tests. Policies, tiers, variables and
// locals are those of the project p, which Load has read; what is wrong with
// them was reported there. The tests are those that could be understood.
func ParsePolicyTests(name string, src []byte, p *Project) ([]*PolicyTest, diag.List) {
	return parseTests(name, src, p, "A file of policy tests", policyTestDoc(), (*body).policyTest)
}

func (b *body) policyTest(name label) *PolicyTest {
	t := &PolicyTest{
		Name: name.text, File: name.rng.File, Policy: b.policy("policy"), Skill: b.str("skill"), SkillRange: b.rng("skill"),
		Step: b.str("step"), Tier: b.tier("tier"), Pinned: b.boolean("pinned"), CooldownUntil: b.time("cooldown_until"),
		Tags: b.strs("tags"), Class: b.str("class"), Source: b.str("source"), Range: b.header,
	}
	b.who(t)
	sound := PolicyGiven{
		Cost:    GivenCost{Current: 20_000, Candidate: 4_000, RunsPerMonth: 1000, Known: true},
		Latency: GivenLatency{Ratio: 1, Known: true},
		History: GivenHistory{DaysMove: 365, DaysEscalation: 365},
	}
	given := b.given(sound)
	lasts := false
	b.each("at", func(n *body, at label) {
		lasts = true
		m := n.moment(at, given)
		if last := len(t.Moments) - 1; last >= 0 && !m.At.IsZero() && !m.At.After(t.Moments[last].At) {
			b.d.add(badTest.at(at.rng, "Time passes: %s is not after %s. Write the moments in their order.", at.text, t.Moments[last].At.Format(time.RFC3339)))
		}
		t.Moments = append(t.Moments, m)
	})
	if lasts {
		b.lasting(t)
		return t
	}
	m := &PolicyMoment{At: b.time("now"), Given: given, Range: b.header}
	b.each("expect", func(n *body, _ label) { m.Expect = n.expect() })
	switch {
	case !b.has("now"):
		b.d.add(missingAttribute.at(b.header, "%s needs now: when the night is.", b.title).WithSuggestion(b.doc.Attribute("now").line()))
	case m.Expect == nil:
		b.d.add(missingBlock.at(b.header, "%s expects nothing, so it cannot fail.", b.title).WithSuggestion(b.doc.Block("expect").Example))
	}
	t.Moments = []*PolicyMoment{m}
	return t
}

// who checks that a test says what it is about.
func (b *body) who(t *PolicyTest) {
	misspelt := slices.ContainsFunc(b.attributes(), func(a *hclsyntax.Attribute) bool {
		meant := diag.Closest(a.Name, b.doc.names(false))
		return b.doc.Attribute(a.Name) == nil && (meant == "policy" || meant == "skill")
	})
	switch {
	case misspelt: // said already
	case !b.has("policy") && !b.has("skill"):
		b.d.add(missingAttribute.at(b.header, "%s needs a policy, or a skill whose policy is tested.", b.title).WithSuggestion(b.doc.Attribute("policy").line()))
	case b.has("step") && !b.has("skill"):
		b.d.add(badTest.at(b.rng("step"), "step is a step of a skill, and this test names none."))
	case t.Policy != nil && t.Policy.Ladder == nil && !b.has("tier") && !b.has("skill"):
		b.d.add(missingAttribute.at(b.header, "%s has no ladder of its own: say with tier where the step stands.", t.Policy.Name).WithSuggestion(b.doc.Attribute("tier").line()))
	}
}

// lasting checks a test that has moments.
func (b *body) lasting(t *PolicyTest) {
	if b.has("now") {
		b.d.add(badTest.at(b.rng("now"), "A test with at blocks has its times there. Remove now."))
	}
	b.each("expect", func(n *body, _ label) {
		b.d.add(badTest.at(n.header, "In a test with at blocks each of them says what it expects. Move this into one of them."))
	})
	for _, m := range t.Moments {
		if m.Expect != nil {
			return
		}
	}
	b.d.add(missingBlock.at(b.header, "%s expects nothing, so it cannot fail.", b.title).WithSuggestion(b.doc.Block("expect").Example))
}

func (b *body) moment(at label, given PolicyGiven) *PolicyMoment {
	m := &PolicyMoment{
		At: b.d.timeOf(at.text, at.rng, `at "2026-07-02T02:00:00Z" {`), Escalate: b.str("escalate"), Tier: b.tier("tier"), Edited: b.boolean("edited"),
		Given: b.given(given), Range: b.header,
	}
	m.Pinned = b.flag("pinned", nil)
	b.each("expect", func(n *body, _ label) { m.Expect = n.expect() })
	b.each("evidence", func(n *body, _ label) {
		if n.has("epoch") {
			b.d.add(badTest.at(n.rng("epoch"), "epoch is the number of the first night's epoch, and stands in the test. Later ones count on from it."))
		}
	})
	b.each("history", func(n *body, _ label) {
		b.d.add(badTest.at(n.header, "history is what happened before the first moment, and stands in the test. What happens in between, the moments say."))
	})
	return m
}

func (b *body) expect() *PolicyExpect {
	x := &PolicyExpect{
		Decision: b.str("decision"), Reason: b.str("reason"), Tier: b.tier("tier"), Epoch: b.integer("epoch"),
		CooldownUntil: b.time("cooldown_until"), Checks: b.rules("check"), Ranges: map[string]diag.Range{}, Range: b.header,
	}
	for _, a := range b.attributes() {
		x.Ranges[a.Name] = convert(a.Expr.Range())
	}
	for i, word := range b.strs("because") {
		at := x.Ranges["because"]
		if t, ok := b.attr("because").Expr.(*hclsyntax.TupleConsExpr); ok && i < len(t.Exprs) {
			at = convert(t.Exprs[i].Range())
		}
		x.Because = append(x.Because, Said{Text: word, Range: at})
	}
	if len(b.attributes()) == 0 {
		b.d.add(badTest.at(b.header, "This expects nothing, so the test cannot fail.").WithSuggestion(b.doc.Example))
	}
	return x
}

// given reads what was measured over what was said before.
func (b *body) given(base PolicyGiven) PolicyGiven {
	g := base
	b.each("evidence", func(n *body, _ label) { n.evidence(&g.Evidence) })
	b.each("gap", func(n *body, _ label) {
		g.Evidence.Mean, g.Evidence.Bound = n.real("mean", g.Evidence.Mean), n.real("bound", g.Evidence.Bound)
	})
	b.instead(&g)
	g.Gates = append([]GivenGate(nil), base.Gates...)
	b.each("gate", func(n *body, name label) {
		x := GivenGate{Name: name.text, Failures: n.integerOr("failures", 0), Worse: n.flag("worse", nil), Never: n.flag("never", nil), Range: n.header}
		g.Gates = replaced(g.Gates, x, func(o GivenGate) bool { return o.Name == x.Name })
	})
	g.Dims = append([]GivenDimension(nil), base.Dims...)
	b.each("dimension", func(n *body, name label) {
		x := GivenDimension{Name: name.text, Kind: n.str("kind"), Loss: n.number("loss", 0), Worse: n.flag("worse", nil), Range: n.header}
		g.Dims = replaced(g.Dims, x, func(o GivenDimension) bool { return o.Name == x.Name })
	})
	b.each("cost", func(n *body, _ label) {
		c := &g.Cost
		c.Current, c.Candidate, c.Spent = n.money("current", c.Current), n.money("candidate", c.Candidate), n.money("spent", c.Spent)
		c.RunsPerMonth, c.Known = int64(n.integerOr("runs_per_month", int(c.RunsPerMonth))), *n.flag("known", &c.Known)
	})
	b.each("latency", func(n *body, _ label) {
		l := &g.Latency
		l.Ratio, l.Timeouts, l.Known = n.number("ratio", l.Ratio), n.integerOr("timeouts", l.Timeouts), *n.flag("known", &l.Known)
	})
	b.each("history", func(n *body, _ label) {
		h := &g.History
		h.Moves, h.Escalations = n.integerOr("moves", h.Moves), n.integerOr("escalations", h.Escalations)
		h.DaysMove, h.DaysEscalation = n.number("days_since_move", h.DaysMove), n.number("days_since_escalation", h.DaysEscalation)
		if n.has("days_since_move") && h.Moves == 0 {
			h.Moves = 1
		}
		if n.has("days_since_escalation") && h.Escalations == 0 {
			h.Escalations = 1
		}
	})
	return g
}

func (b *body) evidence(e *GivenEvidence) {
	e.Proved, e.Disproved = b.flag("proved", e.Proved), b.flag("disproved", e.Disproved)
	e.Planted, e.Recent = b.flag("planted", e.Planted), b.flag("recent", e.Recent)
	e.E, e.EWorse = b.real("e", e.E), b.real("e_worse", e.EWorse)
	for name, into := range map[string]**int{"n": &e.N, "needed": &e.Needed, "epoch": &e.Epoch} {
		if n := b.integer(name); n != nil {
			*into = n
		}
	}
	if c := b.str("content"); c != "" {
		e.Content = c
	}
	e.Judged = *b.flag("judged", &e.Judged)
	if e.Proved != nil && *e.Proved && e.Disproved != nil && *e.Disproved {
		b.d.add(badTest.at(b.header, "A candidate cannot be proved not worse and proved worse at once."))
	}
}

// instead reads the three blocks that stand in place of numbers. In a moment one
// of them replaces what the test has.
func (b *body) instead(g *PolicyGiven) {
	var stands []string
	b.each("pairs", func(n *body, _ label) {
		stands = append(stands, "pairs")
		p := &GivenPairs{Ties: n.integerOr("ties", 0), Wins: n.integerOr("wins", 0), Losses: n.integerOr("losses", 0), Missing: n.integerOr("missing", 0)}
		g.Pairs, g.Scores, g.Recorded = p, nil, nil
		if len(n.attributes()) == 0 {
			b.d.add(badTest.at(n.header, "These pairs are none: say how many ties, wins and losses there are.").WithSuggestion(n.doc.Example))
		}
	})
	b.each("scores", func(n *body, _ label) {
		stands = append(stands, "scores")
		g.Pairs, g.Recorded = nil, nil
		g.Scores = &GivenScores{File: n.str("file"), Current: n.str("current"), Candidate: n.str("candidate"), Skill: n.str("skill"), Seed: n.str("seed"), Range: n.header}
	})
	b.each("recorded", func(n *body, _ label) {
		stands = append(stands, "recorded")
		g.Pairs, g.Scores = nil, nil
		g.Recorded = &GivenRecorded{Skill: n.str("skill"), Epoch: n.str("epoch"), Range: n.header}
	})
	for _, own := range []string{"gate", "dimension", "latency"} {
		b.each(own, func(n *body, _ label) {
			if g.Recorded != nil {
				b.d.add(badTest.at(n.header, "Recorded items have gates, dimensions and times of their own. Remove this block, or the recorded items."))
			}
		})
	}
	if len(stands) > 1 {
		b.d.add(badTest.at(b.header, "%s has %s and %s. The items come from one place: keep one of them.", b.title, stands[0], stands[1]))
	}
	e := g.Evidence
	measured := g.Pairs != nil || g.Scores != nil || g.Recorded != nil
	if measured && (e.Proved != nil || e.Disproved != nil || e.N != nil || e.Needed != nil || e.E != nil || e.EWorse != nil || e.Mean != nil || e.Bound != nil) {
		b.d.add(badTest.at(b.header, "%s gives items and also what they prove. Items are measured by the test itself: remove the numbers of evidence and gap, or the items.", b.title))
	}
}

func replaced[T any](list []T, x T, same func(T) bool) []T {
	for i := range list {
		if same(list[i]) {
			list[i] = x
			return list
		}
	}
	return append(list, x)
}

// flag reads a bool that may be absent.
func (b *body) flag(name string, fallback *bool) *bool {
	if !b.has(name) {
		return fallback
	}
	v := b.boolean(name)
	return &v
}

// real reads a number that may be absent.
func (b *body) real(name string, fallback *float64) *float64 {
	if f, _, ok := b.float(name); ok {
		x, _ := f.Float64()
		return &x
	}
	return fallback
}

// time reads a time after RFC 3339, in UTC; zero when absent.
func (b *body) time(name string) time.Time {
	s := b.str(name)
	if s == "" {
		return time.Time{}
	}
	return b.d.timeOf(s, convert(b.attr(name).Expr.Range()), fmt.Sprintf("%s = %q", name, "2026-07-02T02:00:00Z"))
}

func (d *decoder) timeOf(s string, rng diag.Range, suggest string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.IsZero() {
		d.add(badTime.at(rng, "%q is not a time. Write date, time and zone after RFC 3339, such as \"2026-07-02T02:00:00Z\".", s).WithSuggestion(suggest))
		return time.Time{}
	}
	return t.UTC()
}

// rules reads a rule or a list of them.
func (b *body) rules(name string) []*Expr {
	a := b.attr(name)
	if a == nil {
		return nil
	}
	exprs := []hclsyntax.Expression{a.Expr}
	if t, ok := a.Expr.(*hclsyntax.TupleConsExpr); ok {
		exprs = t.Exprs
		if len(exprs) == 0 {
			b.d.add(emptyValue.at(convert(a.Expr.Range()), "%s is an empty list. Write a rule, such as %s, or remove the line.", name, b.doc.Attribute(name).line()))
		}
	}
	var out []*Expr
	for _, e := range exprs {
		if x := b.ruleOf(name, e); x != nil {
			out = append(out, x)
		}
	}
	return out
}
