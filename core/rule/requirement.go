package rule

import "slices"

// Figures is all that the requirement of a decision about topologies may look
// at: what one layout does with one workload. Times are seconds.
//
// Numbers holds the figures that are known, by the names of FigureNames. A rule
// that reads one that is not there cannot be evaluated, which is never true: a
// layout is not admissible because nobody knows better.
type Figures struct {
	Numbers map[string]float64
	SLOMet  bool
}

// FigureNames are the numbers that a requirement may name, sorted.
func FigureNames() []string {
	names := []string{
		"gpus", "output_tps", "output_tps_per_gpu", "requests_per_s",
		"ttft", "ttft_p50", "ttft_p95", "ttft_p99",
		"tpot", "tpot_p50", "tpot_p95", "tpot_p99",
		"itl_p99", "latency_p95",
	}
	slices.Sort(names)
	return names
}

// CompileRequirement compiles a rule over Figures; its result must be a bool.
// The error is a *Error.
func CompileRequirement(src string) (*Program, error) {
	return compile(src, figuresScope(), true)
}

func figuresScope() scope {
	s := scope{
		figures: true,
		known: map[string]string{
			"ttft_ms": "times are seconds: ttft < 0.5", "tpot_ms": "times are seconds: tpot < 0.02",
			"slo": "slo_met says whether all of the SLO is kept", "tps": "there are output_tps and output_tps_per_gpu",
			"throughput": "there are output_tps, output_tps_per_gpu and requests_per_s",
			"goodput":    "goodput belongs to a run, not to a layout: use slo_met and requests_per_s",
		},
		roots: map[string]root{"slo_met": {shape: boolShape, read: func(f *frame) any { return f.figures.SLOMet }}},
	}
	for _, name := range FigureNames() {
		s.roots[name] = root{shape: numberShape, read: func(f *frame) any {
			if x, ok := f.figures.Numbers[name]; ok {
				return x
			}
			return unknown("it was neither measured nor can it be predicted")
		}}
	}
	return s
}
