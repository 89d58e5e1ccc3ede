package engine

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/plimsoll-dev/plimsoll/core/nightly"
	"github.com/plimsoll-dev/plimsoll/core/report"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/tier"
)

// Nightly is one night: fold what escalated by day into the policy file, then
// measure, decide, move and report.
func (e *Engine) Nightly(ctx context.Context, o NightOptions) (*report.Night, error) {
	var folded string
	if !o.DryRun {
		diff, err := e.fold(ctx)
		if err != nil {
			return nil, err
		}
		folded = diff
	}
	night, err := nightly.Run(ctx, e, e.Bench(o.Items), nightly.Options{
		Project: e.Project.name(), AsOf: e.asOf, Only: o.Only, DryRun: o.DryRun, Watch: o.Watch,
	})
	if err != nil {
		return nil, err
	}
	if folded != "" {
		night.Policy = folded + night.Policy
		night.Notes = append(night.Notes, "escalations of the day were written to the policy file")
	}
	if o.DryRun {
		return night, nil
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
	if n.Totals.Trials == 0 && n.Totals.Moved == 0 {
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

// fold writes runtime overrides into the policy file: what an escalation made
// necessary by day becomes the desired state. An override that the file has
// overtaken, or that a pin silences, is dropped.
func (e *Engine) fold(ctx context.Context) (string, error) {
	var moves []nightly.Move
	var spent []store.Put
	for _, s := range e.Project.Skills {
		for _, step := range s.Steps() {
			o, err := e.override(s.Name, step.Name)
			if err != nil {
				return "", err
			}
			if o == nil {
				continue
			}
			place, err := e.Place(s, step)
			if err != nil {
				return "", err
			}
			if place.Effective.Voice != tier.VoiceOverride {
				spent = append(spent, store.Put{Key: store.Key(store.TableOverride, scope, s.Name, step.Name), Delete: true})
				continue
			}
			from, err := e.Project.place(s, step, nil)
			if err != nil {
				return "", err
			}
			moves = append(moves, nightly.Move{
				Skill: s.Name, Step: step.Name, From: from.Tier, To: place.Tier, Since: o.Since, CooldownUntil: o.CooldownUntil, Reason: o.Reason,
			})
		}
	}
	if len(spent) > 0 {
		if _, err := e.store.Commit(ctx, store.Batch{Puts: spent}); err != nil {
			return "", fmt.Errorf("dropping overrides that the policy file has overtaken: %w", err)
		}
	}
	if len(moves) == 0 {
		return "", nil
	}
	diff, _, err := e.Apply(ctx, moves)
	if err != nil {
		return "", err
	}
	_, file, err := e.freshPolicy()
	if err != nil {
		return "", err
	}
	e.Project.Policy = desiredOf(file.Assignments())
	return diff, nil
}
