package engine

import (
	"fmt"
	"maps"
	"slices"

	"github.com/plimsoll-dev/plimsoll/core/judge"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

// judgeNotes say how many skills can only hold because nobody outside the family
// of their tiers is there to judge.
func (e *Engine) judgeNotes() []string {
	count := map[string]int{}
	for _, s := range e.Project.Skills {
		ladder := Ladder(s)
		if len(s.Contract.Dimensions) == 0 || s.Binding.Policy == nil || ladder == nil || e.Project.judgeOf(s) == nil || len(ladder.Tiers) < 2 {
			continue
		}
		fits := func(j *config.Judge) bool {
			return !slices.ContainsFunc(j.Members(), func(m *config.Tier) bool {
				// The top of the ladder with its neighbour: the first move there is.
				top := ladder.Tiers[len(ladder.Tiers)-1]
				return m == nil || judge.Unfit(m, top, ladder.Tiers[len(ladder.Tiers)-2]) != ""
			})
		}
		if !slices.ContainsFunc(e.Project.Config.Judges, fits) {
			count[ladder.Tiers[len(ladder.Tiers)-1].Family]++
		}
	}
	var out []string
	for _, family := range slices.Sorted(maps.Keys(count)) {
		n := "skills"
		if count[family] == 1 {
			n = "skill"
		}
		out = append(out, fmt.Sprintf("no judge outside family %s: %d %s can only hold", family, count[family], n))
	}
	return out
}
