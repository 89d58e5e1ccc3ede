package engine

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

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
	NoInput int         // with content: runs that have none of their own, or one that the skill's schema refuses
	AsOf    string      // day of the price list
	Written bool
}

// How many runs one commit takes at most, and about how many calls.
const (
	importBatch = 200
	importCalls = 4000
)

// ImportRuns makes runs out of logs. Done twice, it changes nothing: a run is
// named by the first of its calls.
func (e *Engine) ImportRuns(ctx context.Context, o ImportOptions) (*Imported, error) {
	prices, _, asOf, err := listPrices(e.Project.Dir)
	if err != nil {
		return nil, err
	}
	x := &importing{e: e, o: o, spend: adopt.NewLedger(prices), apart: adopt.NewLedger(prices), skills: map[string]*skill.Skill{}}
	x.spend.Of, x.spend.Now, x.apart.Now = e.skillPrices(prices), clock().UTC(), clock().UTC()
	x.begin()
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
	file := int64(0)
	x.out.Logs, err = readLogs(ctx, o.Paths, r, func(c transcript.Call) error {
		// A turn ends with its file: another one may count its turns alike.
		if now := r.Lines().Files; now != file {
			file = now
			if err := turns.Flush(); err != nil {
				return err
			}
		}
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

// skillPrices are, for each skill, those of its own ladder's tiers, else those that
// all other ladders agree on, else the list's.
func (e *Engine) skillPrices(list adopt.Prices) func(string) adopt.Prices {
	ladders := map[*config.Ladder]map[string]price.Rates{}
	all, argued := map[string]price.Rates{}, map[string]bool{}
	for _, l := range e.Project.Config.Ladders {
		ladders[l] = map[string]price.Rates{}
		for _, t := range l.Tiers {
			if !t.Price.Known || t.Price.GPUHour > 0 {
				continue
			}
			r := run.Rates(t.Price)
			if was, ok := all[t.Model]; ok && was != r {
				argued[t.Model] = true
			}
			ladders[l][t.Model], all[t.Model] = r, r
		}
	}
	own := map[string]*config.Ladder{}
	for _, s := range e.Project.Skills {
		own[s.Name] = Ladder(s)
	}
	return func(skill string) adopt.Prices {
		return func(model string) (price.Rates, string, bool) {
			r, ok := ladders[own[skill]][model]
			if !ok {
				r, ok = all[model]
				ok = ok && !argued[model]
			}
			if ok {
				return r, model, true
			}
			return list(model)
		}
	}
}

// importing is an import on its way.
type importing struct {
	e            *Engine
	o            ImportOptions
	out          Imported
	spend, apart *adopt.Ledger
	skills       map[string]*skill.Skill

	// Of the commit to come.
	runs   map[string]*run.Record
	ids    []string          // of runs, in order
	owners map[string]string // run by call
}

func (x *importing) begin() {
	x.runs, x.ids, x.owners = map[string]*run.Record{}, nil, map[string]string{}
}

// callKey is where it stands which run has an imported call: a log is read again
// with other files in it, and a call that moved to another turn counts once.
func callKey(call string) []byte { return store.Key(store.TableMeta, scope, "imported", call) }

// owner is the id of the run that has a call, "" for none.
func (x *importing) owner(call string) (id string, err error) {
	if id = x.owners[call]; id != "" {
		return id, nil
	}
	raw, err := x.e.store.Get(callKey(call))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("looking for an imported call: %w", err)
	}
	err = unseal(raw, &id)
	return id, err
}

// find gives a run, nil where it is gone.
func (x *importing) find(id string) (*run.Record, error) {
	if rec := x.runs[id]; rec != nil || id == "" {
		return rec, nil
	}
	raw, err := x.e.store.Get(store.Key(store.TableRun, scope, id))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("looking for run %s: %w", id, err)
	}
	var rec run.Record
	return &rec, unseal(raw, &rec)
}

// take makes a run of a turn, or adds it to the run that has its first known call.
// Calls that other runs have stay there.
func (x *importing) take(ctx context.Context, t *adopt.Turn) error {
	var rec *run.Record
	var mine []transcript.Call
	seen := map[string]*run.Record{}
	for _, c := range t.Calls {
		id, err := x.owner(c.Key)
		if err != nil {
			return err
		}
		has, ok := seen[id]
		if !ok {
			if has, err = x.find(id); err != nil {
				return err
			}
			seen[id] = has
		}
		if has != nil && rec == nil && has.Skill == t.Skill {
			rec = has
		}
		if has == nil || rec != nil && has.ID == rec.ID {
			mine = append(mine, c)
		}
	}
	if len(mine) == 0 {
		x.out.Known++
		return nil
	}
	t.Calls = mine
	isNew := rec == nil
	if isNew {
		var err error
		t.Started = mine[0].At
		if rec, err = newRun(t); err != nil {
			return err
		}
	}
	grown, err := x.extend(rec, t)
	switch {
	case err != nil:
		return err
	case isNew:
		x.out.New++
	case grown:
		x.out.Grown++
	default:
		x.out.Known++
		return nil
	}
	if x.runs[rec.ID] == nil {
		x.runs[rec.ID] = rec
		x.ids = append(x.ids, rec.ID)
	}
	for _, c := range mine {
		x.owners[c.Key] = rec.ID
	}
	if len(x.ids) >= importBatch || len(x.owners) >= importCalls {
		return x.commit(ctx)
	}
	return nil
}

// commit writes runs with one entry of the audit log for all of them: their
// records say the rest, and the entry holds their digest.
func (x *importing) commit(ctx context.Context) error {
	defer x.begin()
	if len(x.ids) == 0 || x.o.DryRun {
		return nil
	}
	var batch store.Batch
	sum := sha256.New()
	put := func(key []byte, v any) error {
		raw, err := json.Marshal(v)
		if err != nil {
			return err
		}
		sealed := store.Seal(1, raw)
		sum.Write(sealed)
		batch.Puts = append(batch.Puts, store.Put{Key: key, Value: sealed})
		return nil
	}
	for _, id := range x.ids {
		rec := x.runs[id]
		if err := errors.Join(
			put(store.Key(store.TableRun, scope, id), rec),
			put(store.Key(store.TableRunBySkill, scope, rec.Skill, store.At(rec.Started), id), noteOf(rec))); err != nil {
			return err
		}
	}
	for _, call := range slices.Sorted(maps.Keys(x.owners)) {
		if err := put(callKey(call), x.owners[call]); err != nil {
			return err
		}
	}
	raw, err := json.Marshal(map[string]any{"runs": len(x.ids), "ids": x.ids, "sha256": fmt.Sprintf("%x", sum.Sum(nil))})
	if err != nil {
		return err
	}
	batch.Entries = []store.Entry{{Time: x.e.asOf, Kind: "runs.imported", Scope: scope, Data: raw}}
	if _, err := x.e.store.Commit(ctx, batch); err != nil {
		return fmt.Errorf("keeping imported runs: %w", err)
	}
	return nil
}
