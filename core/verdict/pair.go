package verdict

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Pair is one item measured on both tiers. A nil score is missing: nobody
// knows what the answer was worth, which is never good news.
type Pair struct {
	Order                   int    // the item's place in the epoch's seeded order, from 0
	Item                    string // the item's digest or id; one pair an item
	Cur                     *int64 // millionths, 0..1
	Cand                    *int64 // millionths, 0..1
	Source                  string // code, pointwise or pairwise
	Gates                   map[string]GateResult
	Dims                    map[string]DimResult
	CurMS                   int64 // milliseconds; 0 is unknown
	CandMS                  int64
	CurTimeout, CandTimeout bool
	Synthetic               bool // the item was drafted, not met
	// Code and Judged are the two parts of a judged score, for specs with Terms.
	Code   Part `json:",omitzero"`
	Judged Part `json:",omitzero"`
}

// GateResult is whether a gate passed after its fixes; nil is not checked.
type GateResult struct{ Cur, Cand *bool }

// DimResult is a dimension's score in millionths; nil is not scored.
type DimResult struct{ Cur, Cand *int64 }

// Observe is the pair's difference as each null sees it. Against "worse by d" a
// missing candidate is 0 and a missing current is 1; against "not worse" the
// reverse: an outage on either side can neither prove nor disprove.
func (p Pair) Observe() Observation {
	return observe(p.Cur, p.Cand)
}

func observe(cur, cand *int64) Observation {
	return Observation{
		NotWorse: or(cand, 0) - or(cur, Million),
		Worse:    or(cand, Million) - or(cur, 0),
	}
}

func or(p *int64, missing int64) int64 {
	if p == nil {
		return missing
	}
	return *p
}

// Merge keeps one pair per item, sorted by order: of several the one with the
// smallest D counts, whatever the order of the lines. Among equal D the one
// with more gates failed by the candidate, then the slower candidate, then the
// one whose JSON sorts first, so that every machine keeps the same.
func Merge(pairs []Pair) []Pair {
	out := slices.Clone(pairs)
	slices.SortFunc(out, func(a, b Pair) int {
		if c := cmp.Compare(a.Item, b.Item); c != 0 {
			return c
		}
		return worseFirst(a, b)
	})
	out = slices.CompactFunc(out, func(a, b Pair) bool { return a.Item == b.Item })
	slices.SortFunc(out, func(a, b Pair) int {
		return cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.Item, b.Item))
	})
	return out
}

func worseFirst(a, b Pair) int {
	x, y := a.Observe(), b.Observe()
	c := cmp.Or(
		cmp.Compare(x.NotWorse, y.NotWorse),
		cmp.Compare(x.Worse, y.Worse),
		-cmp.Compare(failedByCandidate(a), failedByCandidate(b)),
		-cmp.Compare(a.CandMS, b.CandMS),
	)
	if c != 0 {
		return c
	}
	return strings.Compare(text(a), text(b))
}

func failedByCandidate(p Pair) int {
	n := 0
	for _, g := range p.Gates {
		if g.Cand != nil && !*g.Cand {
			n++
		}
	}
	return n
}

// text is a total order for what is left: maps marshal sorted by key, and a
// Pair holds nothing that cannot be marshalled.
func text(p Pair) string {
	raw, err := json.Marshal(p)
	if err != nil {
		return err.Error()
	}
	return string(raw)
}

// completed is the prefix of merged pairs without a hole, at most n long: only
// it counts, so that fast failures cannot arrive first.
func completed(merged []Pair, n int) []Pair {
	for i, p := range merged {
		if i >= n || p.Order != i {
			return merged[:i]
		}
	}
	return merged
}

// problems lists what cannot be true of an epoch's pairs. Any of it holds.
func problems(pairs []Pair) []string {
	var out []string
	items := make(map[int]string, len(pairs))
	orders := make(map[string]int, len(pairs))
	for _, p := range pairs {
		if p.Item == "" {
			out = append(out, fmt.Sprintf("a pair of order %d names no item", p.Order))
		}
		if p.Order < 0 {
			out = append(out, fmt.Sprintf("item %s has order %d; orders count from 0", p.Item, p.Order))
		}
		if o, ok := orders[p.Item]; ok && o != p.Order {
			out = append(out, fmt.Sprintf("item %s stands at order %d and at %d of the same epoch", p.Item, min(o, p.Order), max(o, p.Order)))
		}
		orders[p.Item] = p.Order
		if other, ok := items[p.Order]; ok && other != p.Item {
			out = append(out, fmt.Sprintf("items %s and %s both claim order %d", min(other, p.Item), max(other, p.Item), p.Order))
		}
		items[p.Order] = p.Item
		if impossible(p.Cur) || impossible(p.Cand) {
			out = append(out, fmt.Sprintf("item %s has a score outside 0..1", p.Item))
		}
		for name, d := range p.Dims {
			if impossible(d.Cur) || impossible(d.Cand) {
				out = append(out, fmt.Sprintf("item %s has a score of dimension %s outside 0..1", p.Item, name))
			}
		}
		if p.CurMS < 0 || p.CandMS < 0 {
			out = append(out, fmt.Sprintf("item %s took a negative time", p.Item))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func impossible(score *int64) bool { return score != nil && (*score < 0 || *score > Million) }
