package judge

import (
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

// Pin is what a judge is: the tiers and models of its members and the prompt.
// It is part of an epoch and of every label: another pin is another judge.
func Pin(members []*config.Tier, pairwise bool) string {
	version := Version
	if pairwise {
		version = PairVersion
	}
	names := make([]string, len(members))
	for i, t := range members {
		names[i] = t.Ref() + " " + t.Model
	}
	slices.Sort(names[min(1, len(names)):]) // the first is the tier; the order of the others says nothing
	return strings.Join(names, " + ") + " " + version
}

// Median is the middle of each dimension's scores over a panel of an odd number
// of members: for pass/fail scores what the majority says.
func Median(members []map[string]int64) map[string]int64 {
	if len(members) == 1 {
		return members[0]
	}
	out := map[string]int64{}
	for name := range members[0] {
		all := make([]int64, len(members))
		for i, m := range members {
			all[i] = m[name]
		}
		slices.Sort(all)
		out[name] = all[len(all)/2]
	}
	return out
}

// Agreement is how often two members of a panel say the same of an output: both
// at a half or more, or both below.
type Agreement struct {
	A    string `json:"a"`
	B    string `json:"b"`
	N    int    `json:"n"`
	Same int    `json:"same"`
}

// Agreements of a panel, from its labels, by the names of members.
func Agreements(ls Labels) []Agreement {
	type pair struct{ a, b string }
	by := map[pair]*Agreement{}
	var keys []pair
	for _, l := range ls {
		names := make([]string, 0, len(l.Members))
		for name := range l.Members {
			names = append(names, name)
		}
		slices.Sort(names)
		for i, a := range names {
			for _, b := range names[i+1:] {
				k := pair{a, b}
				if by[k] == nil {
					by[k] = &Agreement{A: a, B: b}
					keys = append(keys, k)
				}
				by[k].N++
				if (l.Members[a] >= half) == (l.Members[b] >= half) {
					by[k].Same++
				}
			}
		}
	}
	sortKeys(keys, func(p pair) string { return p.a + "\x00" + p.b })
	out := make([]Agreement, len(keys))
	for i, k := range keys {
		out[i] = *by[k]
	}
	return out
}
