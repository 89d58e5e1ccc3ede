package engine

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/plimsoll-dev/plimsoll/core/nightly"
	"github.com/plimsoll-dev/plimsoll/core/report"
	"github.com/plimsoll-dev/plimsoll/core/store"
)

// night is one night: fold what escalated by day into the policy file, then
// measure, decide, move and report.
func (e *Engine) night(ctx context.Context, o NightOptions) (*report.Night, error) {
	var folded string
	var notes, problems []string
	watched := &Watched{}
	var house nightly.House = e
	if !o.DryRun {
		var err error
		// What got worse goes up before anything else is looked at, and is written
		// into the policy file with the other escalations of the day.
		if watched, err = e.Watch(ctx, WatchOptions{Only: o.Only}); err != nil {
			return nil, err
		}
		if problems, err = e.adopt(ctx); err != nil {
			return nil, err
		}
		var more []string
		if o.Patch {
			house, more, err = e.proposal(ctx)
		} else {
			folded, notes, more, err = e.fold(ctx)
		}
		if err != nil {
			return nil, err
		}
		problems = append(problems, more...)
		house = drawing{house, e}
	}
	night, err := nightly.Run(ctx, house, e.Bench(o.Items), nightly.Options{
		Patch: o.Patch, Drain: e.state.turn.drain,
		Project: e.Project.name(), AsOf: e.asOf, Only: o.Only, DryRun: o.DryRun, Watch: o.Watch, Spent: watched.Spent,
	})
	if err != nil {
		return nil, err
	}
	night.Watched = watched.Rows
	for _, w := range watched.Rows {
		night.Totals.Spent += w.Spent
		night.Totals.Priced = night.Totals.Priced && w.Priced
		night.Simulated = night.Simulated || w.Simulated
	}
	night.Notes = append(append(notes, night.Notes...), e.judgeNotes()...)
	night.Notes = append(night.Notes, e.runnerNotes(night.Rows)...)
	if folded != "" {
		night.Policy = folded + night.Policy
		night.Notes = append(night.Notes, "escalations of the day were written to the policy file")
	}
	if o.DryRun {
		return night, nil
	}
	more, err := e.settle(ctx, o.Only)
	if err != nil {
		return nil, err
	}
	problems = append(problems, more...)
	night.Problems, night.Notes = append(night.Problems, problems...), append(night.Notes, problems...)
	e.nightLevers(ctx, night)
	if err := e.tellNight(ctx, night); err != nil {
		return nil, err
	}
	if err := e.recordNight(ctx, night); err != nil {
		return nil, err
	}
	night.Checkpoint, err = e.Checkpoint()
	return night, err
}

// recordNight writes down what the night came to, unless it came to nothing: a
// night that bought and moved nothing leaves the log as it was.
func (e *Engine) recordNight(ctx context.Context, n *report.Night) error {
	if n.Totals.Trials == 0 && n.Totals.Moved == 0 && n.Totals.Spent == 0 {
		return nil
	}
	raw, err := json.Marshal(n.Totals)
	if err != nil {
		return err
	}
	_, err = e.store.Commit(ctx, store.Batch{Entries: []store.Entry{{Time: e.asOf, Kind: "night", Scope: scope, Data: raw}}})
	if err != nil {
		return fmt.Errorf("recording the night: %w", err)
	}
	return nil
}
