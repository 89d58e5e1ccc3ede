package report

import (
	"slices"
	"strings"
)

// ladder is the rows that stand on the same tiers, cheapest first.
type ladder struct {
	tiers []string
	rows  []Row
}

// ladders groups the rows by the ladder they stand on, in the order of their
// first row. Rows that stand on no tier of their ladder, because it is gone from
// the config, come back as lost.
func ladders(rows []Row) (out []ladder, lost []Row) {
	at := map[string]int{}
	for _, r := range rows {
		if !slices.Contains(r.Ladder, r.Current) || r.Candidate != "" && !slices.Contains(r.Ladder, r.Candidate) {
			lost = append(lost, r)
			continue
		}
		key := strings.Join(r.Ladder, "\x00")
		i, ok := at[key]
		if !ok {
			i = len(out)
			at[key] = i
			out = append(out, ladder{tiers: r.Ladder})
		}
		out[i].rows = append(out[i].rows, r)
	}
	return out, lost
}
