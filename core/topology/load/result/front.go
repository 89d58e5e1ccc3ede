package result

import (
	"cmp"
	"math"
	"slices"
)

// Axis is a latency that throughput is set against: a figure at one of its
// quantiles, in milliseconds.
type Axis struct {
	Name string // TPOT p95
	of   func(Result) float64
}

// Of a result in milliseconds; NaN where it is not known.
func (a Axis) Of(r Result) float64 { return a.of(r) }

// spreads by the name of their figure.
var spreads = map[string]func(Result) Spread{
	"TTFT": func(r Result) Spread { return r.TTFT }, "TPOT": func(r Result) Spread { return r.TPOT },
	"ITL": func(r Result) Spread { return r.ITL }, "latency": func(r Result) Spread { return r.Latency },
}

// quantiles in the order of preference where none is asked for.
var quantiles = []struct {
	name string
	of   func(Spread) Number
}{
	{"p95", func(s Spread) Number { return s.P95 }},
	{"p99", func(s Spread) Number { return s.P99 }},
	{"p50", func(s Spread) Number { return s.Median }},
	{"mean", func(s Spread) Number { return s.Mean }},
	{"p90", func(s Spread) Number { return s.P90 }},
}

// AxisOf a figure (TTFT, TPOT, ITL or latency) at a quantile (p50, p90, p95, p99,
// mean). Without one it is the first of p95, p99, p50, mean that every result with
// an answer has. ok is false when there is none.
func AxisOf(figure, quantile string, all []Result) (a Axis, ok bool) {
	of := spreads[figure]
	if of == nil || len(all) == 0 {
		return Axis{}, false
	}
	for _, q := range quantiles {
		if quantile != "" && q.name != quantile {
			continue
		}
		a := Axis{Name: figure + " " + q.name, of: func(r Result) float64 { return 1e3 * float64(q.of(of(r))) }}
		if !slices.ContainsFunc(all, func(r Result) bool { return r.Succeeded > 0 && math.IsNaN(a.of(r)) }) {
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
	throughput, _ := Throughput(all)
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

// Throughput is output tokens a second with its unit in words, for each GPU when
// that can be said of all results.
func Throughput(all []Result) (of func(Result) float64, unit string) {
	if len(all) > 0 && !slices.ContainsFunc(all, func(r Result) bool { return r.GPUs < 1 }) {
		return Result.PerGPU, "output tokens/s a GPU"
	}
	return func(r Result) float64 { return float64(r.OutputTPS.Value) }, "output tokens/s"
}
