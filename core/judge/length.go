package judge

import (
	"cmp"
	"slices"

	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

// Length is whether a judge scores longer work higher (or lower) where people
// see the same quality. Work of one gold score is split at its median length,
// and the longer half's error rates are set against the shorter half's.
//
// A judge that is swayed by length is not adjusted: an adjustment would need the
// law by which length sways it, and the labels show only that it does. The terms
// already bound what the sway does between these two arms, since it is part of
// their bias; the hold is for arms that drift apart in length later.
type Length struct {
	N     int   `json:"n"`     // outputs compared, both halves
	Gap   int64 `json:"gap"`   // mean score of the longer minus the shorter half, millionths
	Sways bool  `json:"sways"` // the gap is real at the level given
}

// length works on pairs of outputs with the same gold: the longest with the
// shortest, the second longest with the second shortest, and so on; their
// differences are bounded by betting, so that any number of them may be looked at.
func length(ls Labels, alpha int64) Length {
	classes := map[int64]Labels{}
	var golds []int64
	for _, l := range ls {
		if l.Chars == 0 {
			continue
		}
		if classes[l.Gold] == nil {
			golds = append(golds, l.Gold)
		}
		classes[l.Gold] = append(classes[l.Gold], l)
	}
	slices.Sort(golds)
	var obs, mirrored []verdict.Observation
	var sum int64
	for _, g := range golds {
		c := classes[g]
		slices.SortStableFunc(c, func(a, b Label) int { return cmp.Compare(a.Chars, b.Chars) })
		for i := range len(c) / 2 {
			short, long := c[i], c[len(c)-1-i]
			if short.Chars == long.Chars {
				continue
			}
			d := long.Score - short.Score
			sum += d
			obs, mirrored = append(obs, verdict.Same(d)), append(mirrored, verdict.Same(-d))
		}
	}
	out := Length{N: 2 * len(obs)}
	if len(obs) == 0 {
		return out
	}
	out.Gap = sum / int64(len(obs))
	p := verdict.Params{Method: verdict.Grid8, Margin: verdict.Million / 20, Alpha: max(alpha/2, 1), N: len(obs)}
	up, ok := verdict.Bound(p, obs)
	down, okDown := verdict.Bound(p, mirrored)
	out.Sways = ok && up < 0 || okDown && down < 0
	return out
}

func sortKeys[K any](keys []K, text func(K) string) {
	slices.SortFunc(keys, func(a, b K) int { return cmp.Compare(text(a), text(b)) })
}
