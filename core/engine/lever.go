package engine

import (
	"fmt"
	"slices"

	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// noteCaching makes the cache breakpoints of a comparison a part of its epoch: a
// request with one is another request. Without any there is no part, so that
// epochs of before they existed go on.
func noteCaching(parts map[string]string, plan *run.Plan, step string, tiers map[string]*config.Tier, candidate *config.Tier) error {
	var marked []string
	for name, t := range tiers {
		on := []*config.Tier{t}
		if name == step {
			on = append(on, candidate)
		}
		marked = append(marked, plan.Caching(name, on...)...)
	}
	if len(marked) == 0 {
		return nil
	}
	slices.Sort(marked)
	digest, err := canonjson.Digest(marked)
	if err != nil {
		return fmt.Errorf("hashing the cache breakpoints of %s: %w", plan.Skill, err)
	}
	parts["cache"] = digest
	return nil
}
