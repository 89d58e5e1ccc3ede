package result

import (
	"cmp"
	"math"
	"slices"
)

// Axis is a latency that a page draws throughput against.
type Axis struct {
	Name string // TPOT p95
	of   func(Result) float64
}

// axis of a spread, at the quantile that every result has: p95, else p99, the
// median, the mean. ok is false when there is none that two or more share.
func axis(name string, all []Result, of func(Result) Spread) (Axis, bool) {
	for _, q := range []struct {
		name string
		of   func(Spread) Number
	}{
		{"p95", func(s Spread) Number { return s.P95 }},
		{"p99", func(s Spread) Number { return s.P99 }},
		{"median", func(s Spread) Number { return s.Median }},
		{"mean", func(s Spread) Number { return s.Mean }},
	} {
		a := Axis{Name: name + " " + q.name, of: func(r Result) float64 { return 1e3 * float64(q.of(of(r))) }}
		if len(all) > 0 && !slices.ContainsFunc(all, func(r Result) bool { return r.Succeeded > 0 && math.IsNaN(a.of(r)) }) {
			return a, true
		}
	}
	return Axis{}, false
}

// Front is the indexes of the results that no other beats in both: more
// throughput (per GPU when every result says how many it has) at no more latency
// on the axis. Invalid results and those without figures are not on it. In the
// order of latency.
func Front(all []Result, a Axis) []int {
	throughput, _ := throughputOf(all)
	var at []int
	for i, r := range all {
		if r.Valid && !math.IsNaN(a.of(r)) && !math.IsNaN(throughput(r)) {
			at = append(at, i)
		}
	}
	slices.SortStableFunc(at, func(i, j int) int {
		return cmp.Or(cmp.Compare(a.of(all[i]), a.of(all[j])), cmp.Compare(throughput(all[j]), throughput(all[i])))
	})
	best := math.Inf(-1)
	return slices.DeleteFunc(at, func(i int) bool {
		t := throughput(all[i])
		if t <= best {
			return true
		}
		best = t
		return false
	})
}

// throughputOf is output tokens a second, per GPU when that can be said of all.
func throughputOf(all []Result) (func(Result) float64, string) {
	if len(all) > 0 && !slices.ContainsFunc(all, func(r Result) bool { return r.GPUs < 1 }) {
		return Result.PerGPU, "output tokens/s a GPU"
	}
	return func(r Result) float64 { return float64(r.OutputTPS.Value) }, "output tokens/s"
}
