package evolve

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// Made is what the tiers of an epoch made of one item, by digest of content in
// the store.
type Made struct {
	Input              string
	Current, Candidate string // outputs; of the last repeat
}

// Made finds the trials of an item in an epoch, given by its digest. It is for
// people who label outputs: an item that one tier has no passing output for has
// nothing to compare, and ok is false. It buys nothing.
func (b *Bench) Made(e evidence.Epoch, item string) (made Made, ok bool, err error) {
	for i, tier := range []string{e.Current.Tier, e.Candidate.Tier} {
		key, _, err := trialKey(b.Scope, e, tier, item)
		if err != nil {
			return Made{}, false, err
		}
		m := &measurement{bench: b}
		t, err := m.recall(key)
		if err != nil || t == nil || t.Output == "" || len(t.Runs) == 0 || t.Result.Status != string(run.OK) {
			return Made{}, false, err
		}
		raw, err := b.Store.Get(store.Key(store.TableRun, b.Scope, t.Runs[len(t.Runs)-1]))
		if errors.Is(err, store.ErrNotFound) {
			return Made{}, false, nil
		}
		if err != nil {
			return Made{}, false, fmt.Errorf("looking for a trial's run: %w", err)
		}
		_, body, err := store.Unseal(raw)
		if err != nil {
			return Made{}, false, fmt.Errorf("a trial's run cannot be read: %w", err)
		}
		var rec run.Record
		if err := json.Unmarshal(body, &rec); err != nil {
			return Made{}, false, fmt.Errorf("a trial's run cannot be read: %w", err)
		}
		made.Input = rec.Input
		if i == 0 {
			made.Current = t.Output
		} else {
			made.Candidate = t.Output
		}
	}
	return made, true, nil
}

// trialKey names a trial by its epoch, whose hash is over everything that could
// change the outcome, its tier and its item: what one epoch has seen is never
// evidence in another. id is short and goes into run ids.
func trialKey(scope string, e evidence.Epoch, tier, item string) (key []byte, id string, err error) {
	digest, err := canonjson.Digest([]string{e.Skill, e.Step, e.ID(), e.Hash, tier, item})
	if err != nil {
		return nil, "", fmt.Errorf("naming a trial of %s: %w", e.Skill, err)
	}
	short := digest[len("sha256:"):][:20]
	return store.Key(store.TableTrial, scope, digest), "t" + short, nil
}
