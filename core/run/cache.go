package run

import (
	"cmp"
	"slices"

	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// cacheLeast is the size in bytes from which a step's prompt is marked: 1,024
// tokens of four bytes, the least that most models of the price table keep. Below
// a model's own minimum a mark does nothing and costs nothing.
const cacheLeast = 4 * 1024

// caches tells whether calls of a step on a tier end their constant part with a
// cache breakpoint. The step's prompt is the same in every call, so that what was
// written once is read by every call that comes in time. Only a tier that states
// both of its cache prices is marked: where writing costs nothing extra, vendors
// keep prefixes by themselves, and where nobody knows the price, nobody asked.
func (p *Plan) caches(s Step, t *config.Tier) bool {
	return !p.Uncached && p.Runner == nil && t.Price.Known && t.Price.CacheRead > 0 && t.Price.CacheWrite > 0 && len(s.Prompt) >= cacheLeast
}

// mark puts the breakpoint after the step's prompt, where the messages begin with
// it: what a skill's code writes in its stead may change from call to call.
func (p *Plan) mark(s Step, t *config.Tier, msgs []message.Message) []message.Message {
	if len(msgs) == 0 || msgs[0].Role != message.System || !p.caches(s, t) || msgs[0].String() != s.Prompt {
		return msgs
	}
	msgs = slices.Clone(msgs)
	msgs[0].CacheHere = true
	return msgs
}

// Caching lists the tiers on which a step's calls are marked, as "STEP TIER", in
// order: what an epoch has to know of it. tiers are those that the step may run
// on.
func (p *Plan) Caching(step string, tiers ...*config.Tier) []string {
	var out []string
	for _, s := range p.Steps {
		for _, t := range tiers {
			if s.Name == step && t != nil && p.caches(s, t) {
				out = append(out, s.Name+" "+t.Ref())
			}
		}
	}
	slices.SortFunc(out, cmp.Compare[string])
	return slices.Compact(out)
}
