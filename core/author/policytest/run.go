package policytest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/rule"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// Run runs one test: its moments one after the other, with a night in each that
// expects something.
func Run(t *config.PolicyTest, house House, o Options) Result {
	x := &runner{Result: Result{Test: t}, house: house, options: o}
	life, err := house.Rehearse(t)
	if err != nil {
		x.failed(t.Range, err)
		return x.Result
	}
	x.Policy = life.Policy()
	checks := x.compile(t, life.Policy())
	if !x.Passed() {
		return x.Result // a word that nothing is called would fail in every moment
	}
	for i, m := range t.Moments {
		if !x.moment(life, m, checks[i]) {
			return x.Result // what comes later would follow from what did not happen
		}
	}
	return x.Result
}

type runner struct {
	Result
	house   House
	options Options
}

func (x *runner) problem(at diag.Range, code, summary, format string, args ...any) *Problem {
	x.Problems = append(x.Problems, Problem{Diagnostic: diag.Errorf(at, code, summary, format, args...)})
	return &x.Problems[len(x.Problems)-1]
}

// failed says why a test cannot run.
func (x *runner) failed(at diag.Range, err error) {
	var m misfit
	if errors.As(err, &m) {
		x.Problems = append(x.Problems, Problem{Diagnostic: m.Diagnostic})
		return
	}
	x.problem(at, "test-run", "Test cannot be run", "%s.", strings.TrimSuffix(err.Error(), "."))
}

// compile reads the words and rules of all moments before the first night, by
// moment.
func (x *runner) compile(t *config.PolicyTest, p *config.Policy) [][]*rule.Program {
	var holds []string
	for _, h := range p.Holds {
		holds = append(holds, h.Name)
	}
	known := append(slices.Clone(holds), codes()...)
	out := make([][]*rule.Program, len(t.Moments))
	for i, m := range t.Moments {
		if m.Expect == nil {
			continue
		}
		for _, w := range m.Expect.Because {
			if slices.Contains(known, w.Text) {
				continue
			}
			p := x.problem(w.Range, "test-because", "Unknown reason", "No hold of %s is called %q, and no reason of the engine's.%s It has the holds %s; docs/policies.md lists the others.", p.Name, w.Text, diag.DidYouMean(w.Text, known), list(holds))
			if c := diag.Closest(w.Text, known); c != "" {
				p.Diagnostic.Suggest = fmt.Sprintf("%q", c)
			}
		}
		for _, c := range m.Expect.Checks {
			program, err := rule.CompileCheck(c.Source, schema())
			if err != nil {
				x.misruled(c, err, "Rule cannot be used")
				continue
			}
			out[i] = append(out[i], program)
		}
	}
	return out
}

func (x *runner) misruled(c *config.Expr, err error, summary string) *Problem {
	at, text := placed(c, err)
	return x.problem(at, "test-check", summary, "%s.", text)
}

// placed is where in a rule an error stands, and what it says.
func placed(c *config.Expr, err error) (diag.Range, string) {
	var re *rule.Error
	switch {
	case !errors.As(err, &re):
		return c.Range, err.Error()
	case re.Hint == "":
		return c.At(re.Line, re.Column), re.Message
	}
	return c.At(re.Line, re.Column), re.Message + " (" + re.Hint + ")"
}

// source is a rule of the policy, nil when there is none of this name.
func source(p *config.Policy, hold string) *config.Expr {
	if hold == "" {
		return p.Downgrade
	}
	for _, h := range p.Holds {
		if h.Name == hold {
			return h.When
		}
	}
	return nil
}

// moment lets a moment happen and looks at its night. False ends the test.
func (x *runner) moment(life Life, m *config.PolicyMoment, checks []*rule.Program) bool {
	if err := life.Happen(m); err != nil {
		x.failed(m.Range, err)
		return false
	}
	if m.Expect == nil {
		return true
	}
	measure := measure{test: x.Test, given: m.Given, house: x.house, options: x.options}
	night, err := life.Night(m.At, measure.run)
	if err != nil {
		x.failed(m.Range, err)
		return false
	}
	x.Nights = append(x.Nights, night)
	x.compare(m.Expect, night)
	x.check(m.Expect, night, checks)
	return true
}

func (x *runner) compare(want *config.PolicyExpect, night Night) {
	differs := func(what, format string, args ...any) {
		at, ok := want.Ranges[what]
		if !ok {
			at = want.Range
		}
		x.problem(at, "test-"+strings.ReplaceAll(what, "_", "-"), "Another result", "%s", x.when(night)+fmt.Sprintf(format, args...)).Notes = why(night)
	}
	if want.Decision != "" && want.Decision != string(night.Decision()) {
		differs("decision", "%s was expected; it is %s.", want.Decision, night.Decision())
	}
	decided := want.Decision == "" || want.Decision == string(night.Decision())
	for _, w := range want.Because {
		if decided && !slices.Contains(reasons(night), w.Text) { // else it follows from the decision
			x.problem(w.Range, "test-because", "Another reason", "%s%q does not stand against the move. What does: %s.", x.when(night), w.Text, list(reasons(night))).Notes = why(night)
		}
	}
	if !strings.Contains(night.Reason(), want.Reason) {
		differs("reason", "The reason was expected to have %q in it.", want.Reason)
	}
	if want.Tier != nil && want.Tier.Ref() != night.To {
		differs("tier", "The step was expected on %s after the night; it stands on %s.", want.Tier.Ref(), night.To)
	}
	if want.Epoch != nil && *want.Epoch != night.Epoch {
		differs("epoch", "%s were expected to be open by now; it is %d.", epochs(*want.Epoch), night.Epoch)
	}
	if !want.CooldownUntil.IsZero() && !want.CooldownUntil.Equal(night.CooldownUntil) {
		is := "there is none"
		if !night.CooldownUntil.IsZero() {
			is = "it lasts until " + night.CooldownUntil.Format(time.RFC3339)
		}
		differs("cooldown_until", "A cooldown until %s was expected; %s.", want.CooldownUntil.Format(time.RFC3339), is)
	}
	x.errors(want, night)
}

// errors reports rules that could not be evaluated. They hold, and a test that
// expects a hold would pass for the wrong reason.
func (x *runner) errors(want *config.PolicyExpect, night Night) {
	if slices.ContainsFunc(want.Because, func(w config.Said) bool { return w.Text == "rule" }) {
		return
	}
	for _, a := range night.Asked {
		if a.Err == nil {
			continue
		}
		at, text := want.Range, a.Err.Error()
		if c := source(x.Policy, a.Hold); c != nil {
			at, text = placed(c, a.Err)
		}
		x.problem(want.Range, "test-rule", "Rule of the policy cannot be evaluated", "%s%s of %s (%s): %s. Until it can, it holds everything; expect because = \"rule\" if that is meant.", x.when(night), ruleName(a.Hold), x.Policy.Name, at, text)
	}
}

func (x *runner) check(want *config.PolicyExpect, night Night, checks []*rule.Program) {
	if len(checks) == 0 {
		return
	}
	doc, err := Saw(night)
	if err != nil {
		x.failed(want.Range, err)
		return
	}
	for i, program := range checks {
		ok, err := program.Bool(rule.Env{Input: doc})
		switch {
		case err != nil:
			x.misruled(want.Checks[i], err, "Rule cannot be evaluated").Notes = why(night)
		case !ok:
			x.problem(want.Checks[i].Range, "test-check", "Rule is not true", "%s%s is not true.", x.when(night), program.Source()).Notes = append(named(program, doc), why(night)...)
		}
	}
}

// when says which night is meant, in a test that has several.
func (x *runner) when(n Night) string {
	if len(x.Test.Moments) == 1 {
		return ""
	}
	return "On " + n.At.Format("2006-01-02 15:04") + ": "
}

// reasons are the words that `because` may use of a night.
func reasons(n Night) []string {
	var out []string
	for _, a := range n.Asked {
		if a.Hold != "" && a.Said {
			out = append(out, a.Hold)
		}
	}
	for _, c := range n.Causes() {
		if !slices.Contains(out, c.Code) {
			out = append(out, c.Code)
		}
	}
	return out
}

// why shows what stood against the move, or what allowed it.
func why(n Night) []string {
	if len(n.Causes()) == 0 {
		return []string{n.Reason()}
	}
	var out []string
	for _, c := range n.Causes() {
		out = append(out, c.Code+": "+c.Reason)
	}
	if n.Record != nil && n.Record.Outcome == verdict.Proved {
		out = append(out, "It would move otherwise.")
	}
	return out
}

func ruleName(hold string) string {
	if hold == "" {
		return "downgrade_when"
	}
	return "hold " + hold
}

func epochs(n int) string {
	if n == 1 {
		return "One epoch"
	}
	return fmt.Sprintf("%d epochs", n)
}

func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
