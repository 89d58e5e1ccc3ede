package engine

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/plimsoll-dev/plimsoll/core/adopt"
	"github.com/plimsoll-dev/plimsoll/core/adopt/transcript"
	"github.com/plimsoll-dev/plimsoll/core/price"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

// ImportOptions say which logs become runs.
type ImportOptions struct {
	Paths   []string
	Mapping string // file; "" is none
	Content bool   // keep what was asked and answered, redacted
	DryRun  bool
}

// Imported is what an import came to. Every call of the log is in exactly one of
// the spends: those of runs, and Apart.
type Imported struct {
	Lines   transcript.Lines
	Logs    LogFiles
	New     int         // runs that were not there
	Grown   int         // runs that gained calls
	Known   int         // runs that were there
	Spend   adopt.Spend // of calls that are in runs
	Apart   adopt.Spend // of calls that are in none: no skill, no time, or a skill that the project does not have
	Inputs  int         // runs whose input is kept
	AsOf    string      // day of the price list
	Written bool
}

// importBatch is how many runs one commit takes.
const importBatch = 200

// ImportRuns makes runs out of logs. Done twice, it changes nothing: a run is
// named by the first of its calls.
func (e *Engine) ImportRuns(ctx context.Context, o ImportOptions) (*Imported, error) {
	prices, asOf, err := e.importPrices()
	if err != nil {
		return nil, err
	}
	x := &importing{e: e, o: o, spend: adopt.NewLedger(prices), apart: adopt.NewLedger(prices), skills: map[string]*skill.Skill{}}
	opts := transcript.Options{Skills: &transcript.Index{}, Content: o.Content, Now: clock()}
	for _, s := range e.Project.Skills {
		opts.Skills.Add(s.Name, s.Body)
		x.skills[s.Name] = s
	}
	if opts.Mapping, err = readMapping(o.Mapping); err != nil {
		return nil, err
	}
	r := transcript.New(opts)
	turns := &adopt.Turns{Give: func(t *adopt.Turn) error { return x.take(ctx, t) }}
	x.out.Logs, err = readLogs(ctx, o.Paths, r, func(c transcript.Call) error {
		if x.skills[c.Skill] == nil || c.At.IsZero() {
			x.apart.Add(c)
			return nil
		}
		x.spend.Add(c)
		return turns.Add(c)
	})
	if err = errors.Join(err, turns.Flush()); err == nil {
		err = x.commit(ctx)
	}
	x.out.Lines, x.out.Spend, x.out.Apart, x.out.AsOf, x.out.Written = r.Lines(), x.spend.Spend(), x.apart.Spend(), asOf, !o.DryRun
	return &x.out, err
}

// importPrices are those of the project's tiers, else of the list.
func (e *Engine) importPrices() (adopt.Prices, string, error) {
	list, asOf, err := listPrices(e.Project.Dir)
	if err != nil {
		return nil, "", err
	}
	tiers := map[string]price.Rates{}
	for _, l := range e.Project.Config.Ladders {
		for _, t := range l.Tiers {
			if t.Price.Known && t.Price.GPUHour == 0 {
				tiers[t.Model] = run.Rates(t.Price)
			}
		}
	}
	return func(model string) (price.Rates, string, bool) {
		if r, ok := tiers[model]; ok {
			return r, model, true
		}
		return list(model)
	}, asOf, nil
}

// importing is an import on its way.
type importing struct {
	e            *Engine
	o            ImportOptions
	out          Imported
	spend, apart *adopt.Ledger
	skills       map[string]*skill.Skill
	batch        store.Batch
	ids          []string
}

// take makes a run of a turn, unless it is there.
func (x *importing) take(ctx context.Context, t *adopt.Turn) error {
	rec, err := x.record(t)
	if err != nil {
		return err
	}
	before, err := x.e.store.Get(store.Key(store.TableRun, scope, rec.ID))
	switch {
	case errors.Is(err, store.ErrNotFound):
		x.out.New++
	case err != nil:
		return fmt.Errorf("looking for run %s: %w", rec.ID, err)
	default:
		var old run.Record
		if err := unseal(before, &old); err != nil {
			return err
		}
		if callsIn(&old) >= callsIn(rec) && (rec.Input == "" || old.Input != "") {
			x.out.Known++
			return nil
		}
		x.out.Grown++
	}
	if rec.Input != "" {
		x.out.Inputs++
	}
	if x.o.DryRun {
		return nil
	}
	raw, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	note, err := json.Marshal(noteOf(rec))
	if err != nil {
		return err
	}
	x.batch.Puts = append(x.batch.Puts,
		store.Put{Key: store.Key(store.TableRun, scope, rec.ID), Value: store.Seal(1, raw)},
		store.Put{Key: store.Key(store.TableRunBySkill, scope, rec.Skill, store.At(rec.Started), rec.ID), Value: store.Seal(1, note)})
	if x.ids = append(x.ids, rec.ID); len(x.ids) >= importBatch {
		return x.commit(ctx)
	}
	return nil
}

func callsIn(r *run.Record) int {
	n := 0
	for _, a := range r.Attempts {
		n += len(a.Calls)
	}
	return n
}

// commit writes runs with one entry of the audit log for all of them: their
// records say the rest, and the entry holds their digest.
func (x *importing) commit(ctx context.Context) error {
	if len(x.ids) == 0 {
		return nil
	}
	sum := sha256.New()
	for _, p := range x.batch.Puts {
		sum.Write(p.Value)
	}
	raw, err := json.Marshal(map[string]any{"runs": len(x.ids), "ids": x.ids, "sha256": fmt.Sprintf("%x", sum.Sum(nil))})
	if err != nil {
		return err
	}
	x.batch.Entries = []store.Entry{{Time: x.e.asOf, Kind: "runs.imported", Scope: scope, Data: raw}}
	if _, err := x.e.store.Commit(ctx, x.batch); err != nil {
		return fmt.Errorf("keeping imported runs: %w", err)
	}
	x.batch, x.ids = store.Batch{}, nil
	return nil
}

// record writes a turn as a run. Which version of the skill ran is not known, so
// it has no hash; no gate looked at it, so it has no check.
func (x *importing) record(t *adopt.Turn) (*run.Record, error) {
	s := x.skills[t.Skill]
	id, err := importID(t)
	if err != nil {
		return nil, err
	}
	step := s.Steps()[0].Name
	rec := &run.Record{
		ID: id, Scope: scope, Skill: t.Skill, Started: t.Started, MS: t.Ended.Sub(t.Started).Milliseconds(), Status: run.Imported, Imported: t.Shape,
		Why: "imported from a log: no gate looked at it", Start: map[string]string{}, End: map[string]string{},
	}
	var costs []price.Cost
	var calls []run.Call
	for i, c := range t.Calls {
		cost := x.spend.Cost(c)
		costs = append(costs, cost)
		call := run.Call{
			ID: fmt.Sprintf("%s/c%d", id, i+1), Step: step, Model: c.Model, Reported: c.Model, Usage: c.Usage,
			Micro: cost.Micro, Priced: cost.Known, Upper: cost.Upper, Unsure: cost.Unsure,
		}
		if tier := tierOfModel(s, x.e.Project, c.Model); tier != nil {
			call.Tier = tier.Ref()
			if rec.Start[step] == "" {
				rec.Start[step] = tier.Ref()
			}
			rec.End[step] = tier.Ref()
		}
		calls = append(calls, call)
	}
	total := price.Sum(costs...)
	rec.Micro, rec.Unsure, rec.Priced = total.Micro, total.Unsure, total.Known
	rec.Attempts = []run.Attempt{{ID: id + "/a1", Tiers: rec.Start, Calls: calls, Status: run.Imported}}
	if x.o.Content && !x.o.DryRun {
		if rec.Input, err = x.keep(t.Input()); err == nil {
			rec.Result, err = x.keep(t.Output())
		}
	} else if x.o.Content && t.Input() != "" {
		rec.Input = "would be kept"
	}
	return rec, err
}

// keep stores a text as JSON: itself where it is JSON, else as a string.
func (x *importing) keep(text string) (string, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return "", nil
	}
	raw := []byte(text)
	if (text[0] != '{' && text[0] != '[') || !json.Valid(raw) {
		var err error
		if raw, err = json.Marshal(text); err != nil {
			return "", err
		}
	}
	return x.e.store.PutBlob(raw)
}

// importID names a run by its time and its first call.
func importID(t *adopt.Turn) (string, error) {
	var id ulid.ULID
	if err := id.SetTime(ulid.Timestamp(t.Started)); err != nil {
		return "", fmt.Errorf("naming an imported run: %w", err)
	}
	sum := sha256.Sum256([]byte("imported\x00" + t.Skill + "\x00" + t.Key()))
	if err := id.SetEntropy(sum[:10]); err != nil {
		return "", fmt.Errorf("naming an imported run: %w", err)
	}
	return id.String(), nil
}

// tierOfModel finds the tier that has a model: on the skill's own ladder, else the
// only one in the project; nil where none or several have it.
func tierOfModel(s *skill.Skill, p *Project, model string) *config.Tier {
	var found []*config.Tier
	for _, l := range p.Config.Ladders {
		for _, t := range l.Tiers {
			if t.Model != model {
				continue
			}
			if l == Ladder(s) {
				return t
			}
			found = append(found, t)
		}
	}
	if len(found) == 1 {
		return found[0]
	}
	return nil
}
