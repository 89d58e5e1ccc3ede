package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/evolve"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/trial"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// trafficWindow is how old a run may be whose input is sampled: older ones say
// less about the runs to come.
const trafficWindow = 90 * 24 * time.Hour

// sample is a draw of logged runs, fixed in the store before the first of them is
// tried. Inputs themselves stay in the blobs.
//
// Runs are drawn, not inputs: an input that is most of the traffic is most of the
// draw, as it will be of the runs to come, which is what a proof on it claims.
// Each run drawn is an item of its own with a trial of its own. To buy a repeated
// input once and count its outcome twice was refused: its second pair would be
// known beforehand, and the bets of a test on future runs must not be placed on
// what is known. Runs that are chosen by their names alone, and tried one by one,
// are as independent as the runs of the log were.
type sample struct {
	Draw  int       `json:"draw"` // from 1, by the evidence: see traces
	Drawn time.Time `json:"drawn"`
	Code  string    `json:"code"` // the skill's hash then
	N     int       `json:"n"`
	Runs  []drawn   `json:"runs"` // a draw of before runs were drawn has none, and is over
}

// drawn is one run, and the item that it makes.
type drawn struct {
	Run   string `json:"run"`
	Input string `json:"input"` // blob
	Item  string `json:"item"`  // digest
}

// runItem is a logged run as an item: the same input in another run is another
// item, with an order and an outcome of its own.
func runItem(runID string, input json.RawMessage) (trial.Item, error) {
	it, err := evolve.InputItem(input)
	if err != nil {
		return it, err
	}
	if it.Digest, err = canonjson.Digest([]string{"run", runID, it.Digest}); err != nil {
		return it, fmt.Errorf("naming run %s as an item: %w", runID, err)
	}
	it.ID, it.Run = "run-"+strings.TrimPrefix(it.Digest, "sha256:")[:12], runID
	return it, nil
}

func sampleKey(skillName string) []byte {
	return store.Key(store.TableItem, scope, skillName, "prove", "traffic")
}

// fixSample writes down a skill's draw where none holds and there are enough runs.
func (e *Engine) fixSample(ctx context.Context, s *skill.Skill) error {
	n := sampling(s)
	if n == 0 {
		return nil
	}
	e.state.sampling.Lock()
	defer e.state.sampling.Unlock()
	found, err := e.sampled(s, n)
	if err != nil || found.fixed || len(found.sample.Runs) < n {
		return err
	}
	raw, err := json.Marshal(found.sample)
	if err != nil {
		return err
	}
	note, err := json.Marshal(map[string]any{"draw": found.sample.Draw, "n": n, "items": items(found.sample.Runs)})
	if err != nil {
		return err
	}
	_, err = e.store.Commit(ctx, store.Batch{
		Checks:  []store.Check{{Key: sampleKey(s.Name), Want: found.before}},
		Puts:    []store.Put{{Key: sampleKey(s.Name), Value: store.Seal(1, raw)}},
		Entries: []store.Entry{{Time: e.asOf, Kind: "items.sampled", Scope: scope, Skill: s.Name, Data: note}},
	})
	return err
}

// found is the draw that holds, or the one that would be made.
type found struct {
	sample sample
	fixed  bool   // it is written down
	before []byte // what is written down, nil for nothing
}

// sampled is the draw that holds now: the one in the store, until the skill's own
// files change or an epoch over it is closed. Else it is the next one, which has
// fewer runs than n where there are not enough.
func (e *Engine) sampled(s *skill.Skill, n int) (found, error) {
	var out found
	log, err := e.evidenceOf(s.Name)
	if err != nil {
		return out, err
	}
	raw, err := e.store.Get(sampleKey(s.Name))
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return out, err
	default:
		out.before = raw
		if err := unseal(raw, &out.sample); err != nil {
			return out, err
		}
		now := out.sample
		if now.N == n && len(now.Runs) == n && now.Code == s.Hash && !now.over(log) {
			out.fixed = true
			return out, nil
		}
	}
	draws, seen := traces(log)
	out.sample = sample{Draw: draws + 1, Drawn: e.asOf, Code: s.Hash, N: n}
	out.sample.Runs, err = e.draw(s.Name, out.sample.Draw, n, seen)
	return out, err
}

func items(all []drawn) []string {
	out := make([]string, 0, len(all))
	for _, d := range all {
		out = append(out, d.Item)
	}
	return out
}

// over tells whether an epoch over this draw is closed: its items are burned.
func (d sample) over(log *evidence.Log) bool {
	pool := make([]trial.Item, 0, len(d.Runs))
	for _, r := range d.Runs {
		pool = append(pool, trial.Item{Digest: r.Item})
	}
	digest := trial.Digest(pool)
	return slices.ContainsFunc(log.Epochs, func(ep *evidence.Opened) bool { return ep.Pool == digest && ep.Closed != "" })
}

// traces is what the evidence, which every checkout has, says of earlier draws: how
// many there were, and the items that were tried. What an epoch has seen, people
// may have seen: it is evidence in no other. A draw of which nothing was tried
// leaves no trace; the next one has its number and its seed, so that nobody can
// draw until they like what they see.
func traces(log *evidence.Log) (draws int, seen map[string]bool) {
	pools := map[string]bool{}
	seen = map[string]bool{}
	for _, ep := range log.Epochs {
		if ep.Source != "traffic" {
			continue
		}
		pools[ep.Pool] = true
		for _, p := range slices.Concat(ep.Pairs, ep.Planted) {
			seen[p.Item] = true
		}
	}
	return len(pools), seen
}

// draw takes n runs of the window at random, by a seed that nobody chooses, and
// fewer where there are not as many that evidence has not seen. It looks at
// nothing that a run came to.
func (e *Engine) draw(skillName string, number, n int, seen map[string]bool) ([]drawn, error) {
	notes, err := e.skillRuns(skillName, e.asOf.Add(-trafficWindow))
	if err != nil {
		return nil, err
	}
	seed := evidence.Epoch{Skill: skillName, Step: "traffic", Counter: number}.Seed()
	type ranked struct{ run, rank string }
	var all []ranked
	for _, r := range notes {
		if !r.At.After(e.asOf) {
			all = append(all, ranked{r.ID, evidence.Rank(seed, r.ID)})
		}
	}
	slices.SortFunc(all, func(a, b ranked) int { return strings.Compare(a.rank, b.rank) })
	var out []drawn
	for _, r := range all {
		if len(out) == n {
			break
		}
		rec, err := e.Record(r.run)
		if err != nil {
			return nil, err
		}
		if rec.Input == "" {
			continue // imported without content
		}
		input, err := e.store.GetBlob(rec.Input)
		if err != nil {
			return nil, fmt.Errorf("reading a logged input: %w", err)
		}
		if rec.Given != "" {
			continue // its folder is gone, and the input alone is another task
		}
		it, err := runItem(rec.ID, input)
		if err != nil {
			return nil, err
		}
		if !seen[it.Digest] {
			out = append(out, drawn{Run: rec.ID, Input: rec.Input, Item: it.Digest})
		}
	}
	return out, nil
}
