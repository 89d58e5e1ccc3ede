package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/judge"
	"github.com/plimsoll-dev/plimsoll/core/judge/label"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/trial"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

// LabelAsk is whose outputs a person is to label.
type LabelAsk struct {
	Judge *config.Judge
	Skill string // "" is every skill that the judge scores
	Prove bool   // also outputs of items that evidence is still to come from
}

// Labelable are the pairs that there are: outputs of one input by the two tiers
// that a skill was last compared on, from the trials in the store.
type Labelable struct {
	Pairs      []label.Pair
	Dimensions map[string][]*config.Dimension
	Compared   []Compared // the skills that they are of
	Prove      int        // pairs of items that evidence is still to come from: in Pairs, or left out
	Random     bool       // every input was drawn by a seed, none picked by a person
}

// Compared is a skill with the two models whose outputs are shown.
type Compared struct {
	Skill     string `json:"skill"`
	Current   string `json:"current"`
	Candidate string `json:"candidate"`
	Pairs     int    `json:"pairs"`
}

// Labelable finds what a person can label. It buys nothing.
func (e *Engine) Labelable(ctx context.Context, a LabelAsk) (*Labelable, error) {
	out := &Labelable{Dimensions: map[string][]*config.Dimension{}, Random: true}
	skills := e.Project.Skills
	if a.Skill != "" {
		s, err := e.Project.Skill(a.Skill)
		if err != nil {
			return nil, err
		}
		if len(s.Contract.Dimensions) == 0 {
			return nil, fmt.Errorf("skill %s declares no dimension, so there is nothing to judge: add a dimension block to its skill.hcl", s.Name)
		}
		skills = []*skill.Skill{s}
	}
	for _, s := range skills {
		if e.Project.judgeOf(s) != a.Judge || len(s.Contract.Dimensions) == 0 || Ladder(s) == nil {
			continue
		}
		if err := e.labelable(s, a, out); err != nil {
			return nil, fmt.Errorf("looking for outputs of %s: %w", s.Name, err)
		}
	}
	return out, ctx.Err()
}

func (e *Engine) labelable(s *skill.Skill, a LabelAsk, out *Labelable) error {
	log, err := e.evidenceOf(s.Name)
	if err != nil {
		return err
	}
	pool, err := e.provePool(s)
	if err != nil {
		return err
	}
	proving, byInput := map[string]bool{}, map[string]trial.Item{}
	for _, it := range pool.Prove {
		proving[string(canonical(it.Input))] = true
	}
	for _, it := range slices.Concat(pool.Tune, pool.Prove) {
		byInput[string(canonical(it.Input))] = it
	}
	current, candidate := lastCompared(s, log)
	if current == nil {
		return nil
	}
	simulated := slices.ContainsFunc(a.Judge.Members(), run.Simulated)
	compared := Compared{Skill: s.Name, Current: current.Model, Candidate: candidate.Model}
	seen := map[string]bool{}
	bench := e.Bench(nil)
	for _, ep := range slices.Backward(log.Epochs) {
		if !of(ep, current, candidate) {
			continue
		}
		drawn := map[string]bool{}
		var digests []string
		for _, p := range ep.Tried {
			drawn[p.Item] = true
			digests = append(digests, p.Item)
		}
		for _, it := range pool.Tune {
			digests = append(digests, it.Digest)
		}
		for _, digest := range digests {
			made, ok, err := bench.Made(ep.Epoch, digest)
			if err != nil {
				return err
			}
			if !ok || seen[made.Input] {
				continue
			}
			seen[made.Input] = true
			pair, input, err := e.labelPair(s, made.Input, made.Current, made.Candidate, digest)
			if err != nil {
				return err
			}
			if proving[input] {
				out.Prove++
				if !a.Prove {
					continue
				}
			}
			if it, ok := byInput[input]; ok {
				pair.Item = it.ID
				if simulated {
					pair.Reference = it.Reference
					if len(pair.Reference) == 0 {
						pair.Reference = it.Known
					}
				}
			}
			pair.Works[0].Arm, pair.Works[1].Arm = current.Model, candidate.Model
			pair.Names = judge.NamesOf(current, candidate)
			out.Random = out.Random && drawn[digest]
			out.Pairs = append(out.Pairs, pair)
			compared.Pairs++
		}
	}
	if compared.Pairs > 0 {
		out.Compared = append(out.Compared, compared)
		out.Dimensions[s.Name] = s.Contract.Dimensions
	}
	return nil
}

// labelPair reads the content of a pair, and gives its input in canonical form.
func (e *Engine) labelPair(s *skill.Skill, input, current, candidate, digest string) (label.Pair, string, error) {
	out := label.Pair{Skill: s.Name, Item: "item-" + digest[len("sha256:"):][:12]}
	for _, part := range []struct {
		digest string
		into   *json.RawMessage
	}{{input, &out.Input}, {current, &out.Works[0].Output}, {candidate, &out.Works[1].Output}} {
		raw, err := e.store.GetBlob(part.digest)
		if err != nil {
			return out, "", fmt.Errorf("reading what a trial kept: %w", err)
		}
		*part.into = raw
	}
	return out, string(canonical(out.Input)), nil
}

// lastCompared are the two tiers of the newest epoch that are still what they were
// then, nil without one.
func lastCompared(s *skill.Skill, log *evidence.Log) (current, candidate *config.Tier) {
	for _, ep := range slices.Backward(log.Epochs) {
		ladder := Ladder(s)
		var found [2]*config.Tier
		for i, arm := range []evidence.Arm{ep.Current, ep.Candidate} {
			for _, t := range ladder.Tiers {
				if t.Ref() == arm.Tier && t.Model == arm.Model {
					found[i] = t
				}
			}
		}
		if found[0] != nil && found[1] != nil && found[0].Model != found[1].Model {
			return found[0], found[1]
		}
	}
	return nil, nil
}

func of(ep *evidence.Opened, current, candidate *config.Tier) bool {
	return ep.Current.Tier == current.Ref() && ep.Current.Model == current.Model && ep.Candidate.Tier == candidate.Ref() && ep.Candidate.Model == candidate.Model
}
