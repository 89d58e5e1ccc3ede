package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// intent announces a write of the policy file, so that a start after a crash can
// tell whether it happened.
type intent struct {
	At     time.Time `json:"at"`
	Before string    `json:"before"` // digest of the file
	After  string    `json:"after"`
	Notes  []note    `json:"notes"`
}

// errEdited is a policy file that a person saved in the moment of its change:
// theirs stays.
var errEdited = errors.New("the policy file was changed by hand in this moment, and nothing was written; do it again")

// writePolicy is intent, atomic rename, record. The file is read again just before
// it is replaced: what a person saved since it was read is not lost.
func (e *Engine) writePolicy(ctx context.Context, before, after []byte, notes []note) error {
	in := intent{At: e.asOf, Before: digestOf(before), After: digestOf(after), Notes: notes}
	raw, err := json.Marshal(in)
	if err != nil {
		return err
	}
	if _, err := e.store.Commit(ctx, store.Batch{Puts: []store.Put{{Key: intentKey(), Value: store.Seal(1, raw)}}}); err != nil {
		return fmt.Errorf("announcing the policy change: %w", err)
	}
	now, err := os.ReadFile(e.policyPath())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading the policy file: %w", err)
	}
	if !bytes.Equal(now, before) {
		if _, err := e.store.Commit(ctx, store.Batch{Puts: []store.Put{{Key: intentKey(), Delete: true}}}); err != nil {
			return fmt.Errorf("taking back the policy change: %w", err)
		}
		return errEdited
	}
	if err := atomicfile.Write(e.policyPath(), after, 0o644); err != nil {
		return fmt.Errorf("writing the policy file: %w", err)
	}
	return e.record(ctx, in.Notes)
}

func intentKey() []byte { return store.Key(store.TableIntent, scope, "policy") }

// record writes down that announced changes happened: into the evidence, then
// into the log. Done twice, it says the same thing twice, which counts once. An
// override that came after the one that a note folded stays, for the next night.
func (e *Engine) record(ctx context.Context, notes []note) error {
	batch := store.Batch{Puts: []store.Put{{Key: intentKey(), Delete: true}}}
	for _, n := range notes {
		ev := n.Event
		if ev.Event != "" {
			line, err := canonjson.Marshal(ev)
			if err != nil {
				return err
			}
			known, err := e.knows(ev)
			if err != nil {
				return err
			}
			files := e.files()
			if !known {
				err = files.Append(ev.Skill, append(line, '\n'))
			}
			if err != nil {
				return fmt.Errorf("appending to %s: %w", files.Name(ev.Skill), err)
			}
		}
		n.Folded = "" // in the log it would name a record that is gone
		raw, err := json.Marshal(n)
		if err != nil {
			return err
		}
		posts, err := e.postNote(n)
		if err != nil {
			return err
		}
		batch.Puts = append(batch.Puts, posts...)
		batch.Entries = append(batch.Entries, store.Entry{Time: ev.At, Kind: n.Kind, Scope: scope, Skill: ev.Skill, Step: ev.Step, Data: raw})
	}
	for {
		folded, err := e.foldedAway(notes)
		if err != nil {
			return err
		}
		whole := batch
		whole.Checks, whole.Puts = folded.Checks, slices.Concat(batch.Puts, folded.Puts)
		_, err = e.store.Commit(ctx, whole)
		if errors.Is(err, store.ErrConflict) {
			continue // a step went up in this moment: its override is another one now, and stays
		}
		if err != nil {
			return fmt.Errorf("recording the policy change: %w", err)
		}
		return nil
	}
}

// foldedAway forgets the overrides that the policy file says now, provided that
// they are still the ones that were written there.
func (e *Engine) foldedAway(notes []note) (store.Batch, error) {
	var out store.Batch
	for _, n := range notes {
		if n.Folded == "" {
			continue
		}
		raw, err := e.overrideRecord(n.Event.Skill, n.Event.Step)
		if err != nil {
			return out, err
		}
		if raw == nil || digestOf(raw) != n.Folded {
			continue
		}
		key := overrideKey(n.Event.Skill, n.Event.Step)
		out.Checks = append(out.Checks, store.Check{Key: key, Want: raw})
		out.Puts = append(out.Puts, store.Put{Key: key, Delete: true})
	}
	return out, nil
}

// knows tells whether an event stands in the evidence: a crash between that line
// and its record is no reason to write it twice.
func (e *Engine) knows(ev evidence.Event) (bool, error) {
	log, err := e.evidenceOf(ev.Skill)
	if err != nil {
		return false, err
	}
	return tells(log, ev), nil
}

func tells(log *evidence.Log, ev evidence.Event) bool {
	return slices.ContainsFunc(log.Events, func(x evidence.Event) bool {
		return x.Step == ev.Step && x.Event == ev.Event && x.At.Equal(ev.At) && x.From == ev.From && x.To == ev.To
	})
}

// reconcile finishes or forgets a policy change that was announced before a
// crash: the file tells which.
func (e *Engine) reconcile(ctx context.Context) error {
	// Under the lock an intent is one that a crash left, not a neighbour's.
	e.state.policy.Lock()
	defer e.state.policy.Unlock()
	raw, err := e.store.Get(intentKey())
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking for an unfinished policy change: %w", err)
	}
	var in intent
	if err := unseal(raw, &in); err != nil {
		return err
	}
	src, file, err := e.freshPolicy()
	if err != nil {
		return err
	}
	var done []note
	for _, n := range in.Notes {
		a, ok := file.Get(n.Event.Skill, n.Event.Step)
		happened := ok && a.Tier.String() == n.Event.To && a.Since.Equal(n.Event.At)
		if happened || digestOf(src) == in.After {
			done = append(done, n)
		}
	}
	return e.record(ctx, done)
}
