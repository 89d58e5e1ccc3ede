package engine

import (
	"context"
	"fmt"
	"maps"

	"github.com/plimsoll-dev/plimsoll/core/evolve"
	"github.com/plimsoll-dev/plimsoll/core/nightly"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/trial"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// Traffic is what the project's skills ran in the last 30 days, here or elsewhere.
type Traffic struct {
	Runs     int64 `json:"runs"`
	Imported int64 `json:"imported"` // of Runs: read out of logs
	Skills   int64 `json:"skills"`   // that have some
	Micro    int64 `json:"micro_usd"`
	Unsure   int64 `json:"unsure_micro_usd"` // of Micro: it may be as much less
	Unpriced int64 `json:"unpriced"`         // runs whose cost is not known, or not of every call; what is known is in Micro
}

// Traffic adds up what plans and savings are reckoned with.
func (e *Engine) Traffic(ctx context.Context) (Traffic, error) {
	var out Traffic
	for _, s := range e.Project.Skills {
		notes, err := e.skillRuns(s.Name, e.asOf.Add(-month))
		if err != nil {
			return out, fmt.Errorf("counting the runs of %s: %w", s.Name, err)
		}
		before := out.Runs
		for _, n := range notes {
			if n.At.After(e.asOf) {
				continue
			}
			out.Runs, out.Micro, out.Unsure = out.Runs+1, out.Micro+n.Micro, out.Unsure+n.Unsure
			if n.Status == run.Imported {
				out.Imported++
			}
			if !n.Priced {
				out.Unpriced++
			}
		}
		if out.Runs > before {
			out.Skills++
		}
	}
	return out, ctx.Err()
}

// sampling is how many runs a skill's evidence samples from its traffic, 0 for
// none.
func sampling(s *skill.Skill) int {
	if s.Contract.Items == nil {
		return 0
	}
	return s.Contract.Items.Traffic
}

// provePool is a skill's pool with the items that evidence comes from: of files,
// or sampled from its logged runs. It only looks: where no draw holds, it shows
// the one that would be made now.
func (e *Engine) provePool(s *skill.Skill) (*trial.Pool, error) {
	pool, err := e.pool(s)
	n := sampling(s)
	if err != nil || n == 0 {
		return pool, err
	}
	out := *pool
	found, err := e.sampled(s, n)
	if err != nil {
		return nil, fmt.Errorf("sampling the traffic of %s: %w", s.Name, err)
	}
	if len(found.sample.Runs) < n {
		out.Lacks = fmt.Sprintf("its evidence samples %d of its runs, and there are %d so far that no evidence has seen", n, len(found.sample.Runs))
		return &out, nil
	}
	for _, d := range found.sample.Runs {
		input, err := e.store.GetBlob(d.Input)
		if err != nil {
			return nil, fmt.Errorf("reading a sampled input of %s: %w", s.Name, err)
		}
		it, err := runItem(d.Run, input)
		if err != nil {
			return nil, err
		}
		if known, ok := itemOf(pool, input); ok {
			it.Known = known.Reference
		}
		out.Prove = append(out.Prove, it)
	}
	return &out, nil
}

// drawing is the house of a night that measures. What it is about to try it draws
// first; whoever only looks draws nothing.
type drawing struct {
	nightly.House
	engine *Engine
}

// Subject makes the comparison over a draw that is written down.
func (d drawing) Subject(ctx context.Context, n nightly.Step, candidate *config.Tier) (evolve.Subject, error) {
	s, err := d.engine.Project.Skill(n.Skill)
	if err != nil {
		return evolve.Subject{}, err
	}
	if err := d.engine.fixSample(ctx, s); err != nil {
		return evolve.Subject{}, fmt.Errorf("sampling the traffic of %s: %w", s.Name, err)
	}
	return d.House.Subject(ctx, n, candidate)
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
// not asked, only where. A run that was escalated ended elsewhere: its current
// side is tried anew, while a run that passed keeps what it gave. Where trying
// again helps, the current side is a little better by that than it was: a move
// down needs more, and a candidate is disproved a little sooner.
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
