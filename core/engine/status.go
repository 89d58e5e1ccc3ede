package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/nightly"
	"github.com/plimsoll-dev/plimsoll/core/report"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// Standing is one step as status and explain show it.
type Standing struct {
	nightly.Step
	Last  *verdict.Record // of the newest epoch, nil without one
	Moves []evidence.Event
}

// Standings of every step, or of one skill's.
func (e *Engine) Standings(ctx context.Context, only string) ([]Standing, error) {
	steps, err := e.Steps(ctx)
	if err != nil {
		return nil, err
	}
	var out []Standing
	for _, s := range steps {
		if only != "" && s.Skill != only {
			continue
		}
		st := Standing{Step: s}
		if st.Moves, err = e.moves(s.Skill, s.Step); err != nil {
			return nil, err
		}
		if st.Last, err = e.lastVerdict(s.Skill, s.Step); err != nil {
			return nil, err
		}
		out = append(out, st)
	}
	return out, nil
}

// lastVerdict is the record of the newest epoch.
func (e *Engine) lastVerdict(skillName, step string) (*verdict.Record, error) {
	var last *verdict.Record
	epoch := -1
	err := e.store.Scan(store.Key(store.TableDecision, scope, skillName, step), func(_, value []byte) error {
		var r verdict.Record
		if err := unseal(value, &r); err != nil {
			return err
		}
		if r.Epoch > epoch {
			epoch, last = r.Epoch, &r
		}
		return nil
	})
	return last, err
}

// Candidates are the comparisons of the next night, ranked; held says of all
// other steps why they hold.
func (e *Engine) Candidates(ctx context.Context) ([]nightly.Candidate, []report.Row, error) {
	steps, err := e.Steps(ctx)
	if err != nil {
		return nil, nil, err
	}
	candidates, held := nightly.Discover(steps, e.asOf)
	return candidates, held, nil
}

// Record finds a run.
func (e *Engine) Record(id string) (*run.Record, error) {
	raw, err := e.store.Get(store.Key(store.TableRun, scope, id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("there is no run %q in this project's state", id)
	}
	if err != nil {
		return nil, err
	}
	var r run.Record
	return &r, unseal(raw, &r)
}

// Blob is content by digest: a prompt, a completion, an output.
func (e *Engine) Blob(digest string) ([]byte, error) { return e.store.GetBlob(digest) }

func canonical(raw json.RawMessage) []byte {
	out, err := canonjson.Transform(raw)
	if err != nil {
		return raw
	}
	return out
}
