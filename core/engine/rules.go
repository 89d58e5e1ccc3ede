package engine

import (
	"errors"
	"math"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/rule"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// policyRules are a policy's rules, compiled.
type policyRules struct {
	downgrade *rule.Program // nil: always
	holds     []heldBy
}

type heldBy struct {
	when   *rule.Program
	name   string
	reason string
}

func compilePolicy(p *config.Policy) (policyRules, diag.List) {
	var out policyRules
	var diags diag.List
	compile := func(x *config.Expr, what string) *rule.Program {
		program, err := rule.CompilePolicy(x.Source)
		if err != nil {
			diags = append(diags, ruleDiag(x, "rule", what, err))
		}
		return program
	}
	if p.Downgrade != nil {
		out.downgrade = compile(p.Downgrade, "downgrade_when of tier_policy "+p.Name)
	}
	for _, h := range p.Holds {
		if h.When != nil {
			out.holds = append(out.holds, heldBy{compile(h.When, "hold "+h.Name+" of tier_policy "+p.Name), h.Name, h.Reason})
		}
	}
	return out, diags
}

// ruleDiag maps a rule's error to its place in the file.
func ruleDiag(x *config.Expr, code, what string, err error) diag.Diagnostic {
	at, detail, hint := x.Range, err.Error(), ""
	var re *rule.Error
	if errors.As(err, &re) {
		at, detail, hint = x.At(re.Line, re.Column), re.Message, re.Hint
	}
	d := diag.Errorf(at, code, "Rule cannot be used", "The %s: %s.", what, detail)
	if hint != "" {
		d = d.WithSuggestion(hint)
	}
	return d
}

// history is what happened to a step before, for rules.
type history struct {
	moves, escalations       int
	lastMove, lastEscalation time.Time
}

// evaluate asks the rules about what was measured.
func (r policyRules) evaluate(s *skill.Skill, step string, h history, now time.Time) func(verdict.Assessment, verdict.Money) verdict.Rules {
	return func(a verdict.Assessment, m verdict.Money) verdict.Rules {
		out, _ := r.ask(environment(s, step, h, now, a, m))
		return out
	}
}

// asked is what one rule said. An error is neither true nor false.
type asked struct {
	hold string // its name; "" is downgrade_when
	said bool
	err  error
}

// ask puts the rules to what they may see. A rule that cannot be evaluated never
// lets anything move: its error is the verdict's.
func (r policyRules) ask(env *rule.Policy) (verdict.Rules, []asked) {
	var out verdict.Rules
	var each []asked
	if r.downgrade != nil {
		ok, err := r.downgrade.Bool(env)
		if err != nil {
			out.Err = "downgrade_when: " + err.Error()
		}
		ok = ok && err == nil
		out.DowngradeWhen = &ok
		each = append(each, asked{said: ok, err: err})
	}
	for _, hold := range r.holds {
		ok, err := hold.when.Bool(env)
		switch {
		case err != nil:
			out.Err = "hold " + hold.name + ": " + err.Error()
		case ok:
			out.Holds = append(out.Holds, orWord(hold.reason, "rule "+hold.name))
		}
		each = append(each, asked{hold: hold.name, said: ok, err: err})
	}
	return out, each
}

func environment(s *skill.Skill, step string, h history, now time.Time, a verdict.Assessment, m verdict.Money) *rule.Policy {
	env := &rule.Policy{
		Evidence: rule.Evidence{
			Proved: a.Test.Outcome == verdict.Proved, Disproved: a.Test.Outcome == verdict.Disproved, N: a.Items, Needed: a.Wants,
			E: fraction(a.Test.E), EWorse: fraction(a.Test.EWorse), Threshold: fraction(a.Test.Need), Claim: a.Claim, Epoch: a.Spec.Params.Epoch,
		},
		Gap:     rule.Gap{Mean: fraction(a.Test.MeanD), Bound: math.NaN()},
		Skill:   rule.Skill{Name: s.Name, Step: step, Tags: s.Binding.Tags},
		Latency: rule.Latency{Ratio: math.NaN(), TimeoutRate: rate(a.Latency.CandidateTimeouts, a.Items)},
		Cost:    rule.Cost{Current: math.NaN(), Candidate: math.NaN(), SavingMonth: math.NaN()},
		History: rule.History{Moves: h.moves, Escalations: h.escalations, DaysSinceMove: days(h.lastMove, now), DaysSinceEscalation: days(h.lastEscalation, now)},
		Now:     now.UTC(),
	}
	if a.BoundOK {
		env.Gap.Bound = fraction(a.Bound)
	}
	if a.Latency.Ratio > 0 {
		env.Latency.Ratio = fraction(a.Latency.Ratio)
	}
	if s.Binding.Policy != nil {
		env.Skill.Policy = s.Binding.Policy.Name
	}
	if s.Binding.Data != nil {
		env.Skill.Class = s.Binding.Data.Class
	}
	if m.Known {
		env.Cost = rule.Cost{Known: true, Current: fraction(m.CurrentPerRun), Candidate: fraction(m.CandidatePerRun), SavingMonth: fraction((m.CurrentPerRun - m.CandidatePerRun) * m.RunsPerMonth)}
	}
	env.Dims = rule.Dims{ReasoningGaps: a.ReasoningGaps, FormatGaps: a.FormatGaps}
	for _, d := range a.Dims {
		env.Dims.Names = append(env.Dims.Names, d.Name)
	}
	env.Gates = rule.Gates{Worse: a.GatesWorse, PassRate: 1}
	for _, g := range a.Gates {
		env.Gates.PassRate = min(env.Gates.PassRate, fraction(g.Candidate))
		if g.Candidate < verdict.Million {
			env.Gates.Failing = append(env.Gates.Failing, g.Name)
		}
	}
	return env
}

// fraction takes millionths to a number: scores to 0..1, micro-dollars to USD.
func fraction(millionths int64) float64 { return float64(millionths) / 1e6 }

func rate(n, of int) float64 {
	if of == 0 {
		return math.NaN()
	}
	return float64(n) / float64(of)
}

// days since a time; very many when it never happened, so that a rule like
// "history.days_since_escalation > 30" reads as it is meant.
func days(since, now time.Time) float64 {
	if since.IsZero() {
		return 36500
	}
	return now.Sub(since).Hours() / 24
}
