package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/evolve"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/trial"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// trafficWindow is how old a run may be whose input is sampled: older ones say
// less about the runs to come.
const trafficWindow = 90 * 24 * time.Hour

// sample is a draw of logged inputs, fixed in the store before the first of them
// is tried. Inputs themselves stay in the blobs.
type sample struct {
	Draw  int       `json:"draw"` // from 1
	Drawn time.Time `json:"drawn"`
	Code  string    `json:"code"` // the skill's hash then
	N     int       `json:"n"`
	Items []drawn   `json:"items"`
	// Burned are the items of earlier draws. What an epoch has seen, people may have
	// seen: it is evidence in no other.
	Burned []string `json:"burned,omitempty"`
}

// drawn is one input, and the one of its runs that stands for it.
type drawn struct {
	Input string `json:"input"` // blob
	Item  string `json:"item"`  // digest as an item
	Run   string `json:"run"`
}

func sampleKey(skillName string) []byte {
	return store.Key(store.TableItem, scope, skillName, "prove", "traffic")
}

// sampling is how many inputs a skill's evidence samples from its traffic, 0 for
// none.
func sampling(s *skill.Skill) int {
	if s.Contract.Items == nil {
		return 0
	}
	return s.Contract.Items.Traffic
}

// provePool is a skill's pool with the items that evidence comes from: of files,
// or sampled from its logged runs.
func (e *Engine) provePool(s *skill.Skill) (*trial.Pool, error) {
	pool, err := e.pool(s)
	n := sampling(s)
	if err != nil || n == 0 {
		return pool, err
	}
	out := *pool
	now, lacks, err := e.sampled(s, n)
	if err != nil {
		return nil, fmt.Errorf("sampling the traffic of %s: %w", s.Name, err)
	}
	if out.Lacks = lacks; lacks != "" {
		return &out, nil
	}
	for _, d := range now.Items {
		input, err := e.store.GetBlob(d.Input)
		if err != nil {
			return nil, fmt.Errorf("reading a sampled input of %s: %w", s.Name, err)
		}
		it, err := evolve.InputItem(input)
		if err != nil {
			return nil, err
		}
		it.Run = d.Run
		if known, ok := itemOf(pool, input); ok {
			it.Known = known.Reference
		}
		out.Prove = append(out.Prove, it)
	}
	return &out, nil
}

// sampled is the draw that holds now: the one in the store, until the skill's own
// files change or an epoch over it is closed. lacks says why there is none.
func (e *Engine) sampled(s *skill.Skill, n int) (now *sample, lacks string, err error) {
	e.state.sampling.Lock()
	defer e.state.sampling.Unlock()
	raw, err := e.store.Get(sampleKey(s.Name))
	switch {
	case errors.Is(err, store.ErrNotFound):
		now = &sample{}
	case err != nil:
		return nil, "", err
	default:
		now = &sample{}
		if err := unseal(raw, now); err != nil {
			return nil, "", err
		}
		over, err := e.sampleOver(s, now)
		if err != nil {
			return nil, "", err
		}
		if now.N == n && now.Code == s.Hash && !over {
			return now, "", nil
		}
	}
	next, have, err := e.draw(s, n, *now)
	if err != nil {
		return nil, "", err
	}
	if next == nil {
		return nil, fmt.Sprintf("its evidence samples %d different inputs of its runs, and there are %d so far", n, have), nil
	}
	if raw, err = json.Marshal(next); err != nil {
		return nil, "", err
	}
	note, err := json.Marshal(map[string]any{"draw": next.Draw, "n": next.N, "items": items(next.Items)})
	if err != nil {
		return nil, "", err
	}
	_, err = e.store.Commit(context.Background(), store.Batch{
		Puts:    []store.Put{{Key: sampleKey(s.Name), Value: store.Seal(1, raw)}},
		Entries: []store.Entry{{Time: e.asOf, Kind: "items.sampled", Scope: scope, Skill: s.Name, Data: note}},
	})
	return next, "", err
}

func items(all []drawn) []string {
	out := make([]string, 0, len(all))
	for _, d := range all {
		out = append(out, d.Item)
	}
	return out
}

// sampleOver tells whether an epoch over this draw is closed: its items are burned.
func (e *Engine) sampleOver(s *skill.Skill, now *sample) (bool, error) {
	log, err := e.evidenceOf(s.Name)
	if err != nil {
		return false, err
	}
	pool := make([]trial.Item, 0, len(now.Items))
	for _, d := range now.Items {
		pool = append(pool, trial.Item{Digest: d.Item})
	}
	digest := trial.Digest(pool)
	return slices.ContainsFunc(log.Epochs, func(ep *evidence.Opened) bool { return ep.Pool == digest && ep.Closed != "" }), nil
}

// draw takes n different inputs at random from the runs of the window, by a seed
// that nobody chooses. It looks at nothing that a run came to. nil when there are
// fewer, and how many there are.
func (e *Engine) draw(s *skill.Skill, n int, last sample) (*sample, int, error) {
	next := &sample{Draw: last.Draw + 1, Drawn: e.asOf, Code: s.Hash, N: n, Burned: append(slices.Clone(last.Burned), items(last.Items)...)}
	runs, err := e.skillRuns(s.Name, e.asOf.Add(-trafficWindow))
	if err != nil {
		return nil, 0, err
	}
	seed := evidence.Epoch{Skill: s.Name, Step: "traffic", Counter: next.Draw}.Seed()
	chosen := map[string]string{} // the run of each input, by the rank of its name
	for _, r := range runs {
		if r.At.After(e.asOf) {
			continue
		}
		rec, err := e.Record(r.ID)
		if err != nil {
			return nil, 0, err
		}
		if old, ok := chosen[rec.Input]; !ok || evidence.Rank(seed, rec.ID) < evidence.Rank(seed, old) {
			chosen[rec.Input] = rec.ID
		}
	}
	inputs := slices.SortedFunc(maps.Keys(chosen), func(a, b string) int {
		ra, rb := evidence.Rank(seed, a), evidence.Rank(seed, b)
		switch {
		case ra < rb:
			return -1
		case ra > rb:
			return 1
		}
		return 0
	})
	seen := map[string]bool{}
	for _, item := range next.Burned {
		seen[item] = true
	}
	for _, input := range inputs {
		if len(next.Items) == n {
			break
		}
		raw, err := e.store.GetBlob(input)
		if err != nil {
			return nil, 0, fmt.Errorf("reading a logged input: %w", err)
		}
		it, err := evolve.InputItem(raw)
		if err != nil {
			return nil, 0, err
		}
		if seen[it.Digest] {
			continue // the same input, written otherwise, or one that evidence has seen
		}
		seen[it.Digest] = true
		next.Items = append(next.Items, drawn{Input: input, Item: it.Digest, Run: chosen[input]})
	}
	if len(next.Items) < n {
		return nil, len(next.Items), nil
	}
	return next, n, nil
}

// armOf digests all that makes a run on these tiers what a trial on them is, but
// for the tiers that it is compared with.
func (e *Engine) armOf(s *skill.Skill, plan *run.Plan, tiers map[string]*config.Tier) (string, error) {
	parts, err := e.epochParts(s, &config.Policy{})
	if err != nil {
		return "", err
	}
	on := map[string]string{}
	for step, t := range tiers {
		on[step] = t.Ref() + " " + t.Model
	}
	digest, err := canonjson.Digest(map[string]any{
		"skill": s.Name, "code": plan.Hash, "parts": parts, "tiers": on, "sampling": plan.Sampling, "retries": plan.Retries,
	})
	if err != nil {
		return "", fmt.Errorf("hashing what runs of %s are made of: %w", s.Name, err)
	}
	return digest, nil
}

// loggedOn finds the logged runs that can stand for trials on the current tiers,
// nil for a skill whose evidence does not come from traffic. How a run ended is
// not asked, only where.
func (e *Engine) loggedOn(s *skill.Skill, plan *run.Plan, tiers map[string]*config.Tier) (evolve.Logged, error) {
	if sampling(s) == 0 {
		return nil, nil
	}
	arm, err := e.armOf(s, plan, tiers)
	if err != nil {
		return nil, err
	}
	return func(it trial.Item) (*run.Record, error) {
		if it.Run == "" {
			return nil, nil
		}
		rec, err := e.Record(it.Run)
		if err != nil || rec.Arm != arm || !maps.Equal(rec.Start, rec.End) {
			return nil, err
		}
		return rec, nil
	}, nil
}
