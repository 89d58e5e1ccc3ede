package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/plimsoll-dev/plimsoll/core/judge"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// Calibration is a file of labels on its way to a judge.
type Calibration struct {
	Judge  *config.Judge
	Rows   []judge.Row
	Skill  string // of rows that name none
	Random bool   // the inputs were drawn at random
	Again  int    // outputs that are judged a second time, for the A/A run
	Budget int64  // micro-dollars for the judge; < 0 is no limit but that of the policies
}

// Calibrated is what came of it.
type Calibrated struct {
	Labels  judge.Labels
	Asked   int // outputs that the judge was asked about
	Left    int // outputs that the budget did not reach
	Silent  int // outputs that it gave no scores for
	Spent   int64
	Priced  bool
	Changed int     // comparisons that changed with the order
	Policy  string  // whose budget stopped it, "" where none did
	Burnt   []Burnt // labelled inputs that evidence is still to come from
}

// work is one output with its rows.
type work struct {
	skill *skill.Skill
	tier  *config.Tier
	rows  []judge.Row
	cases []judge.Case // one, or for a comparison two
	other []judge.Row  // of the second output of a comparison
	arm   *config.Tier // its tier
}

// Label turns rows into labels: it finds skills, dimensions and tiers, and has
// the judge score outputs that have no score yet.
func (e *Engine) Label(ctx context.Context, c Calibration) (*Calibrated, diag.List, error) {
	out := &Calibrated{Priced: true}
	var diags diag.List
	rows := make([]resolved, 0, len(c.Rows))
	for _, r := range c.Rows {
		x, d := e.resolve(c, r)
		diags = append(diags, d...)
		rows = append(rows, x)
	}
	if len(diags) > 0 {
		return nil, diags, nil
	}
	var err error
	if out.Burnt, err = e.burnt(rows); err != nil {
		return nil, nil, err
	}
	if c.Rows[0].Score != nil {
		for _, r := range rows {
			l, err := e.labelOf(c, r, *r.Score, "")
			if err != nil {
				return nil, nil, err
			}
			out.Labels = append(out.Labels, l)
		}
		return out, nil, nil
	}
	err = e.judgeRows(ctx, c, rows, out)
	return out, nil, err
}

// resolved is a row with what its names mean.
type resolved struct {
	judge.Row
	skill *skill.Skill
	tier  *config.Tier
}

func (e *Engine) resolve(c Calibration, r judge.Row) (resolved, diag.List) {
	out := resolved{Row: r}
	fail := func(format string, args ...any) (resolved, diag.List) {
		text := fmt.Sprintf(format, args...)
		return out, diag.List{diag.Errorf(r.At, "label", "Label cannot be used", "Line %d: %s", r.At.Start.Line, text)}
	}
	name := r.Skill
	if name == "" {
		name = c.Skill
	}
	if name == "" {
		return fail("it names no skill. Add a column skill, or --skill NAME for all lines")
	}
	s, err := e.Project.Skill(name)
	if err != nil {
		return fail("%v", err)
	}
	if j := e.Project.judgeOf(s); j != c.Judge {
		return fail("skill %s is not judged by %s; its block or its policy names another judge, or none", name, c.Judge.Name)
	}
	out.skill, out.Row.Skill = s, name
	var dims []string
	for _, d := range s.Contract.Dimensions {
		dims = append(dims, d.Name)
	}
	switch {
	case len(dims) == 0:
		return fail("skill %s declares no dimension, so there is nothing to judge", name)
	case r.Dimension == "" && len(dims) == 1:
		out.Row.Dimension = dims[0]
	case r.Dimension == "":
		return fail("it names no dimension, and skill %s has %s. Add a column dimension", name, strings.Join(dims, ", "))
	case !slices.Contains(dims, r.Dimension):
		return fail("skill %s has no dimension %q.%s It has %s", name, r.Dimension, diag.DidYouMean(r.Dimension, dims), strings.Join(dims, ", "))
	}
	ladder := Ladder(s)
	if ladder == nil {
		return fail("skill %s has no ladder, so its tiers are not known", name)
	}
	var known []string
	for _, t := range ladder.Tiers {
		known = append(known, t.Name)
		if slices.Contains([]string{t.Name, t.Ref(), t.Ladder + "." + t.Name, t.Model}, r.Arm) {
			out.tier = t
			return out, nil
		}
	}
	return fail("ladder %s has no tier %q.%s Its tiers are %s; the model's name does as well", ladder.Name, r.Arm, diag.DidYouMean(r.Arm, known), strings.Join(known, ", "))
}

func (e *Engine) labelOf(c Calibration, r resolved, score int64, reported string) (judge.Label, error) {
	item, err := canonjson.Digest([]string{r.skill.Name, r.Item})
	if err != nil {
		return judge.Label{}, fmt.Errorf("naming an item of %s: %w", r.skill.Name, err)
	}
	return judge.Label{
		V: judge.LabelVersion, Kind: "label", Judge: c.Judge.Name, Pin: judge.Pin(c.Judge.Members(), c.Judge.Pairwise), Reported: reported,
		Family: c.Judge.FamilyOf(r.skill.Name), Dimension: r.Dimension, Arm: r.tier.Model, Item: item, Gold: r.Gold, Score: score,
		Chars: r.Chars, Random: c.Random, Simulated: run.Simulated(r.tier) || run.Simulated(c.Judge.Tier), At: e.asOf,
	}, nil
}

// silentShare is how many outputs in a hundred may go without scores: more, and
// the labels would be of those outputs that are easy to judge.
const silentShare = 2

func (e *Engine) judgeRows(ctx context.Context, c Calibration, rows []resolved, out *Calibrated) error {
	works, err := worksOf(c, rows)
	if err != nil {
		return err
	}
	for _, t := range c.Judge.Members() {
		if err := e.callable(t); err != nil {
			return err
		}
	}
	budget, policy := c.within(rows)
	for len(works) > 0 {
		if budget >= 0 && out.Spent >= budget {
			out.Left, out.Policy = len(works), policy
			break
		}
		batch := works[:min(parallel, len(works))]
		works = works[len(batch):]
		results := make([]judgedWork, len(batch))
		errs := make([]error, len(batch))
		var wg sync.WaitGroup
		for i, w := range batch {
			twice := out.Asked+i < c.Again
			wg.Go(func() { results[i], errs[i] = e.judgeWork(ctx, c, w, twice) })
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			return err
		}
		for _, r := range results {
			out.Asked++
			out.Spent += r.spent
			out.Priced = out.Priced && r.priced
			out.Changed += r.changed
			if len(r.labels) == 0 {
				out.Silent++
			}
			out.Labels = append(out.Labels, r.labels...)
		}
	}
	if out.Silent*100 > out.Asked*silentShare {
		return fmt.Errorf("the judge gave no scores for %d of %d outputs: labels of the others would be of those that are easy to judge. Nothing was written; mend the judge, and calibrate again", out.Silent, out.Asked)
	}
	return nil
}

// worksOf joins rows of one output; for a judge that compares, the two outputs
// of one input.
func worksOf(c Calibration, rows []resolved) ([]work, error) {
	type key struct{ skill, item, arm string }
	var out []work
	at := map[key]int{}
	for _, r := range rows {
		k := key{skill: r.skill.Name, item: r.Item}
		if !c.Judge.Pairwise {
			k.arm = r.tier.Model
		}
		i, ok := at[k]
		if !ok {
			i, at[k] = len(out), len(out)
			out = append(out, work{skill: r.skill, tier: r.tier})
		}
		w := &out[i]
		this := judge.Case{Input: r.Input, Output: r.Output}
		switch {
		case r.tier == w.tier:
			w.rows = append(w.rows, r.Row)
			if len(w.cases) == 0 {
				w.cases = append(w.cases, this)
			}
		case w.arm == nil || w.arm == r.tier:
			w.arm = r.tier
			w.other = append(w.other, r.Row)
			if len(w.cases) == 1 {
				w.cases = append(w.cases, this)
			}
		default:
			return nil, fmt.Errorf("input %s has outputs of three tiers, and a judge that compares takes two: keep one file for each two tiers", r.Item)
		}
	}
	for _, w := range out {
		if c.Judge.Pairwise && len(w.cases) < 2 {
			return nil, fmt.Errorf("input %s has the output of one tier alone, and judge %s compares two: add the other tier's output", w.rows[0].Item, c.Judge.Name)
		}
		names := judge.NamesOf(w.tier)
		if w.arm != nil {
			names = judge.NamesOf(w.tier, w.arm)
		}
		for i := range w.cases {
			w.cases[i].Names = names
		}
	}
	return out, nil
}

type judgedWork struct {
	labels  judge.Labels
	spent   int64
	priced  bool
	changed int
}

// judgeWork asks every member of the judge about an output, or a comparison, and
// records the calls.
func (e *Engine) judgeWork(ctx context.Context, c Calibration, w work, twice bool) (judgedWork, error) {
	out := judgedWork{priced: true}
	plan, err := e.Plan(ctx, w.skill)
	if err != nil {
		return out, err
	}
	looks := 1
	if twice {
		looks = 2
	}
	var scores [2][]map[string]int64 // by look: the first output's, and for a comparison the second's
	var members map[string]int64
	var calls []run.Call
	for look := range looks {
		ask := judge.Asking{Judge: c.Judge, Dimensions: w.skill.Contract.Dimensions, Cases: w.cases, Reference: w.rows[0].Reference, ID: fmt.Sprintf("calibrate-%s-%s-%s-%d", c.Judge.Name, w.rows[0].Item, w.tier.Name, look)}
		got, err := ask.Do(ctx, func(ctx context.Context, t *config.Tier, m judge.Message) (string, []run.Call, error) {
			return e.runs.Ask(ctx, plan, t, m.Request(t))
		})
		calls = append(calls, got.Calls...)
		if ctx.Err() != nil {
			return out, fmt.Errorf("calibrating %s was stopped: %w", c.Judge.Name, ctx.Err())
		}
		if err != nil {
			var unseen *run.DataError
			if errors.As(err, &unseen) {
				return out, err
			}
			break
		}
		scores[look] = got.Scores
		if look == 0 {
			members, out.changed = got.Members, got.Changed
		}
	}
	for _, call := range calls {
		out.spent += call.Micro
		out.priced = out.priced && call.Priced
	}
	if err := e.recordCalls(ctx, w, calls); err != nil {
		return out, err
	}
	if len(scores[0]) == 0 {
		return out, nil
	}
	reported := judge.ReportedBy(calls)
	for side, rows := range [][]judge.Row{w.rows, w.other} {
		tier := w.tier
		if side == 1 {
			tier = w.arm
		}
		for _, r := range rows {
			l, err := e.labelOf(c, resolved{Row: r, skill: w.skill, tier: tier}, scores[0][side][r.Dimension], reported)
			if err != nil {
				return out, err
			}
			if len(scores[1]) > 0 {
				second := scores[1][side][r.Dimension]
				l.Again = &second
			}
			if len(c.Judge.Panel) > 0 && side == 0 && len(w.cases) == 1 {
				l.Members = map[string]int64{}
				for name, score := range members {
					if tier, dim, _ := strings.Cut(name, " "); dim == r.Dimension {
						l.Members[tier] = score
					}
				}
			}
			for _, call := range calls {
				l.Simulated = l.Simulated || call.Simulated
			}
			out.labels = append(out.labels, l)
		}
	}
	return out, nil
}

// recordCalls writes what a judge was asked into the log, by digest.
func (e *Engine) recordCalls(ctx context.Context, w work, calls []run.Call) error {
	if len(calls) == 0 {
		return nil
	}
	raw, err := json.Marshal(map[string]any{"calibrate": w.rows[0].Item, "calls": calls})
	if err != nil {
		return err
	}
	if _, err := e.store.Commit(ctx, store.Batch{Entries: []store.Entry{{Time: e.asOf, Kind: "judge", Scope: scope, Skill: w.skill.Name, Data: raw}}}); err != nil {
		return fmt.Errorf("recording a judge's calls: %w", err)
	}
	return nil
}
