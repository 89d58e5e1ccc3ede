package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/lever"
	"github.com/plimsoll-dev/plimsoll/core/nightly"
	"github.com/plimsoll-dev/plimsoll/core/report"
	"github.com/plimsoll-dev/plimsoll/core/skill"
)

// Levers is what there is to save beside the model. Nothing of it is proved, and
// nothing is changed.
type Levers struct {
	Forms    []*Form
	Prefixes []*Prefixes
	Idle     []lever.Unit // grants that no run used, of skills that ran
}

// Levers looks at one skill, or at all of them when only is "".
func (e *Engine) Levers(ctx context.Context, only string) (*Levers, error) {
	return e.levers(ctx, func(s *skill.Skill, _ string) (form, prefix bool) {
		match := only == "" || s.Name == only
		return match, match
	})
}

// levers looks at the steps that want says, each at what it says.
func (e *Engine) levers(ctx context.Context, want func(s *skill.Skill, step string) (form, prefix bool)) (*Levers, error) {
	out := &Levers{}
	looked := map[string]bool{}
	for _, s := range e.Project.Skills {
		for _, step := range s.Steps() {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			form, prefix := want(s, step.Name)
			looked[s.Name] = looked[s.Name] || form || prefix
			if form {
				f, err := e.Form(ctx, s, step)
				if err != nil {
					// One skill that cannot be looked at must not hide the others.
					f = &Form{Skill: s.Name, Step: step.Name, Why: err.Error()}
				}
				out.Forms = append(out.Forms, f)
			}
			if prefix {
				p, err := e.Prefix(s, step)
				if err != nil {
					return nil, err
				}
				out.Prefixes = append(out.Prefixes, p)
			}
		}
	}
	var err error
	out.Idle, err = e.idleGrants(looked)
	return out, err
}

// idleGrants are the tools that a skill with runs may call and did not in 30 days.
// Of a skill that did not run nothing can be said.
func (e *Engine) idleGrants(skills map[string]bool) ([]lever.Unit, error) {
	since := e.asOf.Add(-month)
	all, err := e.grants(since)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(g lever.Granted) bool { return g.Calls > 0 || g.Runs == 0 || !skills[g.Skill] })
	return lever.Prune(lever.Estate{Grants: all, Window: month}).Units, nil
}

// Rows are the levers as a report tells them: those that have something to say.
func (l *Levers) Rows() []report.Lever {
	var out []report.Lever
	for _, f := range l.Forms {
		if len(f.Proposed) == 0 {
			continue
		}
		out = append(out, report.Lever{
			Lever: lever.FormatDeterminism, Skill: f.Skill, Step: f.Step, Simulated: f.Simulated, Patch: f.Patch,
			Says: f.says(), Next: "plimsoll levers show " + f.Skill + " --patch FILE",
		})
	}
	for _, p := range l.Prefixes {
		row, ok := p.row()
		if ok {
			out = append(out, row)
		}
	}
	bySkill := map[string][]string{}
	var names []string
	for _, u := range l.Idle {
		if bySkill[u.Of] == nil {
			names = append(names, u.Of)
		}
		bySkill[u.Of] = append(bySkill[u.Of], u.Name)
	}
	slices.Sort(names)
	for _, name := range names {
		out = append(out, report.Lever{
			Lever: lever.ToolPrune, Skill: name, Next: "plimsoll levers tools",
			Says: fmt.Sprintf("it may call %s and did not in 30 days: a grant that nobody needs costs no tokens, and is one too many", strings.Join(bySkill[name], ", ")),
		})
	}
	return out
}

// says is a proposal in a sentence: what it would change, and what may be claimed.
func (f *Form) says() string {
	var what []string
	for _, r := range f.Proposed {
		what = append(what, r.Name())
	}
	return fmt.Sprintf("%s on %s: %s", strings.Join(what, ", "), f.Candidate, f.Claim())
}

// worthSaying is the least saving a month that a report mentions, in micro-dollars:
// a cent.
const worthSaying = 10_000

// row tells of a prefix that could be longer, or of a cache that costs more than it
// saves.
func (p *Prefixes) row() (report.Lever, bool) {
	row := report.Lever{Lever: lever.PrefixStabilise, Skill: p.Skill, Step: p.Step, Simulated: p.Simulated, Next: "plimsoll levers show " + p.Skill}
	if p.Priced && (p.Month >= worthSaying || p.Month <= -worthSaying) {
		row.SaveMonth = new(p.Month)
	}
	switch {
	case p.Marked && p.Overpaid():
		row.SaveMonth = nil
		row.Says = fmt.Sprintf("writing to the cache costs more than reading from it saves: only %s of its calls come within %d minutes of the one before. Write cache = \"off\" in its block", percent(p.Warm), int(lever.KeepDefault/time.Minute))
		return row, true
	case len(p.Breaks) == 0 || p.Could < p.Least || p.Priced && p.Month < worthSaying:
		return row, false
	}
	b := p.Breaks[0]
	row.Says = fmt.Sprintf("%s at byte %d of the prompt keeps %d tokens from the cache; %s", b.Kind, b.Offset, p.Could-p.Stable, b.Advice())
	return row, true
}

// percent of millionths.
func percent(share int64) string { return fmt.Sprintf("%.0f %%", float64(share)/1e4) }

// nightLevers are the levers of a night: form where it screened the tune items, and
// prompts where there is traffic. A lever that fails is a note: nothing depends on
// it.
func (e *Engine) nightLevers(ctx context.Context, n *report.Night) {
	screened, busy := map[[2]string]bool{}, map[[2]string]bool{}
	for _, r := range n.Rows {
		at := [2]string{r.Skill, r.Step}
		screened[at], busy[at] = len(r.Screen) > 0, r.Traffic > 0
	}
	found, err := e.levers(ctx, func(s *skill.Skill, step string) (bool, bool) {
		at := [2]string{s.Name, step}
		return screened[at], busy[at]
	})
	if err != nil {
		n.Notes = append(n.Notes, "the levers could not be looked at: "+err.Error())
		return
	}
	n.Levers = found.Rows()
	referToLevers(n)
}

// referToLevers lets what a row says of a candidate's form end in the lever that
// proposes a change for it.
func referToLevers(n *report.Night) {
	for _, l := range n.Levers {
		for i := range n.Rows {
			r := &n.Rows[i]
			if l.Lever == lever.FormatDeterminism && l.Skill == r.Skill && l.Step == r.Step && strings.Contains(r.Recommend, nightly.Codify+": ") {
				r.Recommend += "; plimsoll levers show " + r.Skill + " has the patch"
			}
		}
	}
}
