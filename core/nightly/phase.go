package nightly

import (
	"maps"
	"slices"

	"github.com/plimsoll-dev/plimsoll/core/report"
)

// phases says how often models took turns on the hardware that they share.
func (n *night) phases() {
	for _, h := range slices.Sorted(maps.Keys(n.switches)) {
		n.out.Phases = append(n.out.Phases, report.Phase{Hardware: h, Switches: n.switches[h]})
	}
}

// Turns says of the next night which models take turns on which hardware.
func Turns(candidates []Candidate) []report.Phase {
	models := map[string]map[string]bool{}
	for _, c := range candidates {
		for _, t := range []struct{ hardware, name string }{{c.Current.Hardware, c.Current.Ref()}, {c.Tier.Hardware, c.Tier.Ref()}} {
			if t.hardware == "" {
				continue
			}
			if models[t.hardware] == nil {
				models[t.hardware] = map[string]bool{}
			}
			models[t.hardware][t.name] = true
		}
	}
	var out []report.Phase
	for _, h := range slices.Sorted(maps.Keys(models)) {
		out = append(out, report.Phase{Hardware: h, Tiers: slices.Sorted(maps.Keys(models[h]))})
	}
	return out
}
