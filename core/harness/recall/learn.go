package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/bench/figure"
	"github.com/plimsoll-dev/plimsoll/core/harness"
)

// The learning curve. The first `pool` queries of each tool, after a shuffle,
// are its past; all others are held out, the same for every point of a curve.
const (
	pool = 20
	held = 4000 // held-out queries of one seed
)

// mode is who ran the past queries and who asks now.
type mode struct {
	name   string
	people int
	viewer harness.Viewer
}

func learning(b bench) ([]figure.Figure, error) {
	s, err := b.load(metatool)
	if err != nil {
		return nil, err
	}
	modes := []mode{
		{"one's own", 1, harness.Viewer{Principal: "p0"}},
		{"of 5 others, quorum 2", 5, harness.Viewer{Principal: "newcomer"}},
		{"of 5 others, quorum 1", 5, harness.Viewer{Principal: "newcomer", Quorum: 1}},
		{"of 1 other, quorum 2", 1, harness.Viewer{Principal: "newcomer"}},
	}
	points := []int{0, 1, 2, 5, 10, 20}
	var out []figure.Figure
	for _, m := range modes {
		curve := map[int][]float64{}
		for seed := range b.seeds {
			for _, n := range points {
				r, err := learned(s, m, n, uint64(seed))
				if err != nil {
					return nil, err
				}
				curve[n] = append(curve[n], r)
			}
		}
		text := ""
		for _, n := range points {
			mean, _ := interval(curve[n])
			text += fmt.Sprintf("%d: %.3f  ", n, mean)
		}
		out = append(out, figure.Show(fmt.Sprintf("%s: recall@5 by past queries per tool, %s", metatool, m.name), text))
		var gain []float64
		for i := range b.seeds {
			gain = append(gain, curve[5][i]-curve[0][i])
		}
		mean, wide := interval(gain)
		what := fmt.Sprintf("%s: gain in recall@5 with 5 past queries per tool, %s", metatool, m.name)
		more := fmt.Sprintf(" +- %.4f (95 %%, %d seeds)", wide, b.seeds)
		if m.people == 1 && m.viewer.Principal == "p0" {
			out = append(out, floor(what, .15, mean, more))
		} else {
			out = append(out, figure.Show(what, fmt.Sprintf("%.4f%s", mean, more)))
		}
	}
	return out, nil
}

// interval is the mean and half the width of its 95 % interval (normal).
func interval(x []float64) (mean, half float64) {
	for _, v := range x {
		mean += v / float64(len(x))
	}
	if len(x) < 2 {
		return mean, math.NaN()
	}
	var sq float64
	for _, v := range x {
		sq += (v - mean) * (v - mean)
	}
	return mean, 1.96 * math.Sqrt(sq/float64(len(x)-1)/float64(len(x)))
}

// learned is recall@5 on held-out queries after n past queries of each tool.
func learned(s set, m mode, n int, seed uint64) (float64, error) {
	r := rand.New(rand.NewPCG(seed, 7))
	queries := slices.Clone(s.queries)
	r.Shuffle(len(queries), func(i, j int) { queries[i], queries[j] = queries[j], queries[i] })
	now := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	var state harness.Learned
	seen := map[string]int{}
	var rest []asked
	for _, q := range queries {
		tool := q.Gold[0]
		seen[tool]++
		if seen[tool] > pool {
			rest = append(rest, q)
			continue
		}
		if seen[tool] > n || len([]rune(q.Query)) > harness.MaxLearned {
			continue
		}
		err := state.Add(harness.Use{Document: tool, Query: q.Query, Run: q.ID, Principal: fmt.Sprint("p", seen[tool]%m.people), At: now, Succeeded: true})
		if err != nil {
			return 0, err
		}
	}
	r.Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
	rest = rest[:min(held, len(rest))]
	if len(rest) == 0 {
		return 0, fmt.Errorf("no query is held out: %d queries are too few", len(queries))
	}
	phrases := state.Phrases(now)
	docs := slices.Clone(s.docs)
	for i := range docs {
		docs[i].Learned = phrases[docs[i].ID]
	}
	x, err := harness.Build(docs)
	if err != nil {
		return 0, err
	}
	m.viewer.Allowed = harness.Everything
	v := x.View(m.viewer)
	sum := 0.0
	for _, q := range rest {
		sum += recall(ids(v.Find([]string{q.Query}, never(5))), q.Gold, 5)
	}
	return sum / float64(len(rest)), nil
}
