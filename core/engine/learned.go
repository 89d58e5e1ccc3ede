package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/plimsoll-dev/plimsoll/core/harness"
	"github.com/plimsoll-dev/plimsoll/core/store"
)

// readLearned reads what verified use has taught.
func (s *State) readLearned() (*harness.Learned, error) {
	learned := &harness.Learned{}
	err := s.store.Scan(store.Key(store.TableLearned, scope), func(_, value []byte) error {
		var u harness.Use
		if err := unseal(value, &u); err != nil {
			return err
		}
		return learned.Add(u)
	})
	if err != nil {
		return nil, fmt.Errorf("reading what search has learned: %w", err)
	}
	return learned, nil
}

// learn takes a use, and gives what keeps it. It counts from the next catalogue
// on; that it is lost is no reason to fail the call that it is about.
func (x *Surface) learn(u harness.Use) []store.Put {
	raw, err := json.Marshal(u)
	x.mu.Lock()
	defer x.mu.Unlock()
	if err = errors.Join(err, x.learned.Add(u)); err != nil {
		x.problem("keeping what search has learned: %v", err)
		return nil
	}
	x.taught = true
	return []store.Put{{Key: learnedKey(u), Value: store.Seal(1, raw)}}
}

// foldLearned lets go of what no longer counts, here and in the state.
func (x *Surface) foldLearned() error {
	before := x.learned.Uses()
	x.learned.Fold(nil, clock())
	if x.learned.Len() == len(before) {
		return nil
	}
	left := map[string]bool{}
	for _, u := range x.learned.Uses() {
		left[string(learnedKey(u))] = true
	}
	var batch store.Batch
	for _, u := range before {
		if key := learnedKey(u); !left[string(key)] {
			batch.Puts = append(batch.Puts, store.Put{Key: key, Delete: true})
		}
	}
	if _, err := x.state.store.Commit(context.Background(), batch); err != nil {
		return fmt.Errorf("forgetting uses that no longer count: %w", err)
	}
	return nil
}

func learnedKey(u harness.Use) []byte {
	return store.Key(store.TableLearned, scope, u.Document, u.Run, store.Digest([]byte(u.Query)))
}
