package report

import (
	"cmp"
	"slices"
	"strings"
)

// ladder is the rows that stand on the same tiers, cheapest first.
type ladder struct {
	tiers []string
	rows  []Row
}

// ladders groups the rows by the ladder they stand on, in the order of their
// first row. Where no row says its ladder, the comparisons tell the order: a
// candidate is cheaper than the tier it was compared with. Rows about whose
// ladder nothing is known come back as lost.
func ladders(rows []Row) (out []ladder, lost []Row) {
	inferred := infer(rows)
	at := map[string]int{}
	for _, r := range rows {
		tiers := r.Ladder
		if len(tiers) == 0 {
			tiers = inferred[r.Current]
		}
		if len(tiers) < 2 && r.Candidate != "" && r.Candidate != r.Current {
			tiers = []string{r.Candidate, r.Current}
		}
		if len(tiers) < 2 || !slices.Contains(tiers, r.Current) || r.Candidate != "" && !slices.Contains(tiers, r.Candidate) {
			lost = append(lost, r)
			continue
		}
		key := strings.Join(tiers, "\x00")
		i, ok := at[key]
		if !ok {
			i = len(out)
			at[key] = i
			out = append(out, ladder{tiers: tiers})
		}
		out[i].rows = append(out[i].rows, r)
	}
	return out, lost
}

// infer orders the tiers that comparisons connect, cheapest first, for each tier
// by name. Where they leave an order open, or go in a circle, which two ladders
// with tiers of the same names can make, the tiers are left out.
func infer(rows []Row) map[string][]string {
	above := map[string][]string{} // by candidate: the tiers it was compared with
	root := map[string]string{}
	var find func(string) string
	find = func(s string) string {
		for root[s] != s {
			s = root[s]
		}
		return s
	}
	for _, r := range rows {
		if len(r.Ladder) > 0 || r.Candidate == "" || r.Candidate == r.Current {
			continue
		}
		for _, t := range []string{r.Current, r.Candidate} {
			if _, ok := root[t]; !ok {
				root[t] = t
			}
		}
		above[r.Candidate] = append(above[r.Candidate], r.Current)
		root[find(r.Current)] = find(r.Candidate)
	}
	height := heights(root, above)
	parts := map[string][]string{}
	circle := map[string]bool{}
	for t := range root {
		parts[find(t)] = append(parts[find(t)], t)
		if height[t] < 0 {
			circle[find(t)] = true
		}
	}
	out := map[string][]string{}
	for part, tiers := range parts {
		if circle[part] {
			continue
		}
		slices.SortFunc(tiers, func(a, b string) int { return cmp.Compare(height[a], height[b]) })
		if len(slices.CompactFunc(slices.Clone(tiers), func(a, b string) bool { return height[a] == height[b] })) < len(tiers) {
			continue // two on one height: nothing tells which is the cheaper
		}
		for _, t := range tiers {
			out[t] = tiers
		}
	}
	return out
}

// heights is the longest way down from each tier, -1 on or above a circle.
func heights(tiers map[string]string, above map[string][]string) map[string]int {
	height := map[string]int{}
	for t := range tiers {
		height[t] = 0
	}
	// Bellman and Ford: without a circle nothing rises after as many rounds as
	// there are tiers.
	for round := 0; round <= len(tiers); round++ {
		rose := false
		for low, highs := range above {
			for _, high := range highs {
				if height[high] < height[low]+1 && height[low] >= 0 {
					height[high] = height[low] + 1
					rose = true
				}
			}
		}
		if !rose {
			return height
		}
	}
	for t := range tiers {
		height[t] = -1
	}
	return height
}
