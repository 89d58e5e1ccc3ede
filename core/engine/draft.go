package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"
	casebook "github.com/plimsoll-dev/plimsoll/core/adopt/items"
	"github.com/plimsoll-dev/plimsoll/core/price"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/trial"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// DraftOrder asks for made-up inputs of a skill.
type DraftOrder struct {
	Skill     *skill.Skill
	Tier      *config.Tier // whose model makes them up
	Reference *config.Tier // whose answers become references; nil is none
	N         int
	Budget    int64 // micro-dollars; < 0 is no limit but that of the policy
}

// Drafted is what came of it. Nothing is written yet.
type Drafted struct {
	Items      []trial.Item
	Known      int // inputs that were items, or drafts, already
	Skipped    []casebook.Skip
	Notes      []casebook.Skip // items whose reference was left out
	Asked      int             // calls that were made, for either
	Spent      int64           // micro-dollars
	Priced     bool
	Stopped    string // why it ended before N, "" where it did not
	Unanswered string // what was wrong with the last answer that held nothing
}

// Tier finds a tier by LADDER.TIER; its name in HCL does as well.
func (p *Project) Tier(ref string) (*config.Tier, error) {
	var names []string
	for _, l := range p.Config.Ladders {
		for _, t := range l.Tiers {
			name := t.Ladder + "." + t.Name
			if ref == name || ref == t.Ref() {
				return t, nil
			}
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, errors.New("this project has no ladder, so it has no tier that could be asked")
	}
	return nil, fmt.Errorf("there is no tier %q.%s There are %s", ref, diag.DidYouMean(strings.TrimPrefix(ref, "ladder."), names), strings.Join(names, ", "))
}

// drafting is an order under way.
type drafting struct {
	e     *Engine
	o     DraftOrder
	plan  *DraftPlan
	run   *run.Plan
	brief casebook.Brief
	check func(any) string
	known map[string]bool // canonical inputs of either pool, and of drafts
	id    string          // of its calls
	runs  run.Executor
	calls []run.Call
	out   Drafted
}

func (e *Engine) drafting(ctx context.Context, o DraftOrder) (*drafting, error) {
	s := o.Skill
	p, err := e.Plan(ctx, s)
	if err != nil {
		return nil, err
	}
	id, err := ulid.New(ulid.Timestamp(clock()), ulid.DefaultEntropy())
	if err != nil {
		return nil, fmt.Errorf("making an id for the calls: %w", err)
	}
	runs := e.runs
	runs.Sparing = true
	d := &drafting{e: e, o: o, run: p, runs: runs, id: "draft-" + id.String(), known: map[string]bool{}, out: Drafted{Priced: true}}
	for _, t := range []*config.Tier{o.Tier, o.Reference} {
		if t == nil {
			continue
		}
		if run.Simulated(t) {
			return nil, fmt.Errorf("%s is simulated: such a model only ever answers from the reference of an item, so it cannot make up an input. Name a tier of a real model", t.Ref())
		}
		if err := p.MaySee(t.Backend.Name); err != nil {
			return nil, errors.Join(err, e.noteRefusal(ctx, s, err))
		}
		if err := e.callable(t); err != nil {
			return nil, err
		}
	}
	if err := e.mayRefer(s, o.Reference); err != nil {
		return nil, err
	}
	// A pattern that no file can be written by is found before the model is paid.
	probe, err := e.Project.AddItems(s, Tune, []trial.Item{{ID: "draft", Input: json.RawMessage(`"` + e.asOf.String() + `"`), Drafted: o.Tier.Ref()}}, true)
	if err != nil {
		return nil, err
	}
	pool, diags := trial.Load(s.Dir, s.Contract.Items)
	if err := diags.Err(); err != nil {
		return nil, fmt.Errorf("the items that %s has: %w", s.Name, err)
	}
	d.plan = &DraftPlan{Shown: []string{}, Files: probe.Files, Priced: true}
	d.brief = casebook.Brief{Name: s.Name, Description: s.Description, Body: s.Body, Schema: s.InputSchema}
	for _, it := range pool.Tune {
		if it.Drafted == "" && it.Fixture == "" && len(it.Input) <= casebook.MaxExample && len(d.plan.Shown) < casebook.DraftShown {
			d.plan.Shown = append(d.plan.Shown, it.ID)
			d.brief.Examples = append(d.brief.Examples, it.Input)
		}
		if it.Drafted != "" {
			d.brief.Earlier = append(d.brief.Earlier, it.Input)
		}
	}
	for _, it := range slices.Concat(pool.Prove, pool.Tune) {
		d.known[string(canonical(it.Input))] = true
	}
	if d.check, err = casebook.CheckInput(s.InputSchema, d.brief.Examples); err != nil {
		return nil, err
	}
	return d, d.bound()
}

// Draft asks. The calls are in the audit log whatever came of them; the items are
// the caller's to write, with AddItems. An error means that there are none.
func (e *Engine) Draft(ctx context.Context, o DraftOrder) (*Drafted, error) {
	d, err := e.drafting(ctx, o)
	if err != nil {
		return nil, err
	}
	err = d.inputs(ctx)
	if err == nil && o.Reference != nil {
		err = d.references(ctx)
	}
	for _, c := range d.calls {
		d.out.Priced = d.out.Priced && c.Priced
	}
	d.out.Asked = len(d.calls)
	if err := errors.Join(err, d.record(ctx), e.noteRefusal(ctx, o.Skill, err)); err != nil {
		return nil, err
	}
	return &d.out, nil
}

// affords tells whether a call may be made; it says so when not.
func (d *drafting) affords(t *config.Tier, promptBytes int64) bool {
	if !d.plan.Priced || d.out.Spent+most(t, promptBytes).Micro <= d.plan.Limit {
		return true
	}
	d.out.Stopped = "the next call could have cost more than what is left of " + price.Format(d.plan.Limit)
	return false
}

// took counts calls. A backend may play a simulated model's answers back.
func (d *drafting) took(calls []run.Call) error {
	d.calls = append(d.calls, calls...)
	for _, c := range calls {
		d.out.Spent += c.Micro
		if c.Simulated {
			return fmt.Errorf("the answer of %s is simulated, and what a simulated model says is no input: nothing was written. Name a tier of a real model", c.Tier)
		}
	}
	return nil
}

func (d *drafting) inputs(ctx context.Context) error {
	t, o := d.o.Tier, d.o
	for n := 0; n < d.plan.Calls && len(d.out.Items) < o.N; n++ {
		d.brief.N = min(casebook.DraftBatch, o.N-len(d.out.Items))
		req := d.brief.Request(t.Model)
		req.Idempotency = fmt.Sprintf("%s/%d", d.id, n+1)
		raw, err := canonjson.Marshal(req.Messages)
		if err != nil {
			return fmt.Errorf("making a prompt canonical: %w", err)
		}
		if !d.affords(t, int64(len(raw))) {
			break
		}
		answer, calls, err := d.runs.Ask(ctx, d.run, t, req)
		if err := errors.Join(d.took(calls), ctx.Err()); err != nil {
			return err
		}
		if err != nil {
			var failed *run.CallError
			if !errors.As(err, &failed) {
				return err
			}
			d.out.Stopped = t.Ref() + " gave no answer: " + err.Error()
			break
		}
		got, err := casebook.ReadDrafts(answer, d.check, d.known)
		switch finish := calls[len(calls)-1].Finish; {
		case finish == message.FinishRefusal:
			err = errors.New("the model refused")
		case finish == message.FinishLength && err != nil:
			err = fmt.Errorf("the answer was cut off at %d tokens, before an input was whole", casebook.DraftOutput)
		}
		if err != nil {
			d.out.Unanswered = err.Error()
			d.out.Skipped = append(d.out.Skipped, casebook.Skip{Where: fmt.Sprintf("answer %d", n+1), Why: err.Error()})
			continue
		}
		if err := d.keep(got, n); err != nil {
			return err
		}
	}
	if len(d.out.Items) > 0 {
		return nil
	}
	return fmt.Errorf("%s made up no input that can be taken: %s. Nothing was written; it cost %s", t.Ref(), d.nothing(), price.Format(d.out.Spent))
}

// nothing says why there are no drafts.
func (d *drafting) nothing() string {
	switch {
	case d.out.Stopped != "":
		return d.out.Stopped
	case d.out.Unanswered != "":
		return d.out.Unanswered
	case len(d.out.Skipped) > 0:
		return d.out.Skipped[0].Why
	case d.out.Known > 0:
		return "every input was an item already"
	}
	return "its answers had none in them"
}

// keep makes items of what an answer held, N at most.
func (d *drafting) keep(got casebook.Drafts, n int) error {
	d.out.Known += got.Known
	for _, s := range got.Skipped {
		d.out.Skipped = append(d.out.Skipped, casebook.Skip{Where: fmt.Sprintf("answer %d, %s", n+1, s.Where), Why: s.Why})
	}
	if got.Cut {
		d.out.Skipped = append(d.out.Skipped, casebook.Skip{Where: fmt.Sprintf("answer %d", n+1), Why: "it ends in the middle; what was whole was taken"})
	}
	for _, input := range got.Inputs[:min(len(got.Inputs), d.o.N-len(d.out.Items))] {
		digest, err := canonjson.Digest([]string{d.o.Skill.Name, string(canonical(input))})
		if err != nil {
			return fmt.Errorf("naming a draft: %w", err)
		}
		d.out.Items = append(d.out.Items, trial.Item{ID: "draft-" + strings.TrimPrefix(digest, "sha256:")[:12], Input: input, Drafted: d.o.Tier.Ref()})
		d.brief.Earlier = append(d.brief.Earlier, input)
	}
	return nil
}

// references runs the skill on every draft, once, as a trial: an output that fails
// its gates is no reference.
func (d *drafting) references(ctx context.Context) error {
	t, p := d.o.Reference, *d.run
	p.Retries, p.Sampling.MaxOutput = 0, casebook.DraftOutput
	step := d.o.Skill.Steps()[0].Name
	for i := range d.out.Items {
		it := &d.out.Items[i]
		note := func(why string) {
			d.out.Notes = append(d.out.Notes, casebook.Skip{Where: it.ID, Why: why})
		}
		if !d.affords(t, int64(512+2*len(d.o.Skill.Body)+2*len(it.Input))) {
			note(d.out.Stopped)
			continue
		}
		rec, err := d.runs.Do(ctx, &p, run.Request{ID: d.id + "/" + it.ID, Input: it.Input, Tiers: map[string]*config.Tier{step: t}, Trial: true})
		if err != nil {
			return err
		}
		for _, a := range rec.Attempts {
			if err := d.took(a.Calls); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if rec.Status != run.OK {
			note(fmt.Sprintf("the run on %s ended as %s: %s", t.Ref(), rec.Status, rec.Why))
			continue
		}
		it.Reference, it.Compare = rec.Output, trial.Exact
		if rec.Output[0] == '{' || rec.Output[0] == '[' {
			it.Compare = trial.JSON
		}
	}
	return nil
}

// record writes what was asked into the log, by digest, also when the asking was
// stopped: it was paid.
func (d *drafting) record(ctx context.Context) error {
	if len(d.calls) == 0 {
		return nil
	}
	note := map[string]any{"tier": d.o.Tier.Ref(), "asked": d.o.N, "drafted": len(d.out.Items), "cost": d.out.Spent, "calls": d.calls}
	if d.o.Reference != nil {
		note["reference"] = d.o.Reference.Ref()
	}
	raw, err := json.Marshal(note)
	if err != nil {
		return err
	}
	entry := store.Entry{Time: d.e.asOf, Kind: "items.draft", Scope: scope, Skill: d.o.Skill.Name, Data: raw}
	if _, err := d.e.store.Commit(context.WithoutCancel(ctx), store.Batch{Entries: []store.Entry{entry}}); err != nil {
		return fmt.Errorf("recording the calls of a draft: %w", err)
	}
	return nil
}
