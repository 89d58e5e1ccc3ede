package result

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/topology/metric"
)

// detail is what `vllm bench serve --save-detailed` adds: a member a request, in
// seconds. A failed request has an error, no times, and an output length of 0.
type detail struct {
	Outputs []int       `json:"output_lens"`
	TTFTs   []float64   `json:"ttfts"`
	ITLs    [][]float64 `json:"itls"`
	Errors  []string    `json:"errors"`
	Ramp    *string     `json:"ramp_up_strategy"`
}

// takeDetail fills in percentiles that the file does not state from the times that
// it has of every request. What it states is never replaced, and where its own mean
// is not that of its times, nothing is filled in.
func (r *Result) takeDetail(raw []byte) {
	var d detail
	if json.Unmarshal(raw, &d) != nil {
		return // shaped otherwise: then it is no detail, and what is missing is said
	}
	if d.Ramp != nil && *d.Ramp != "" {
		r.Warnings = append(r.Warnings, fmt.Sprintf("its rate was ramped up (%s): it has no single pace", *d.Ramp))
	}
	n := len(d.TTFTs)
	if n == 0 || len(d.ITLs) != n || len(d.Outputs) != n {
		return
	}
	var ttft, tpot, itl []float64
	for i, first := range d.TTFTs {
		if d.Outputs[i] < 1 || i < len(d.Errors) && d.Errors[i] != "" {
			continue
		}
		ttft = append(ttft, first)
		rest := 0.0
		for _, gap := range d.ITLs[i] {
			rest += gap
		}
		itl = append(itl, d.ITLs[i]...)
		if d.Outputs[i] > 1 {
			tpot = append(tpot, rest/float64(d.Outputs[i]-1))
		}
	}
	var filled, odd []string
	for _, s := range []struct {
		name   string
		into   *Spread
		values []float64
	}{{"TTFT", &r.TTFT, ttft}, {"TPOT", &r.TPOT, tpot}, {"ITL", &r.ITL, itl}} {
		if len(s.values) == 0 || slices.ContainsFunc(s.values, func(v float64) bool { return !(v >= 0) || math.IsInf(v, 1) }) {
			continue
		}
		of := metric.Of(s.values)
		if s.into.Mean.Known() && math.Abs(of.Mean-float64(s.into.Mean)) > 0.01*math.Max(of.Mean, float64(s.into.Mean)) {
			odd = append(odd, fmt.Sprintf("%s %s and %s ms", s.name, Figure(1e3*float64(s.into.Mean)), Figure(1e3*of.Mean)))
			continue
		}
		s.into.N = len(s.values)
		for _, q := range []struct {
			into *Number
			v    float64
		}{{&s.into.Mean, of.Mean}, {&s.into.Std, of.Std}, {&s.into.Median, of.Median}, {&s.into.P90, of.P90}, {&s.into.P95, of.P95}, {&s.into.P99, of.P99}, {&s.into.Least, of.Least}, {&s.into.Most, of.Most}} {
			if !q.into.Known() {
				*q.into = Number(q.v)
			}
		}
		filled = append(filled, s.name)
	}
	if len(filled) > 0 {
		r.Warnings = append(r.Warnings, "percentiles of "+strings.Join(filled, ", ")+" that the file does not state are computed here from the times that it has of every request")
	}
	if len(odd) > 0 {
		r.Warnings = append(r.Warnings, "its stated means are not those of its own times ("+strings.Join(odd, "; ")+"): percentiles that it does not state are left out")
	}
}

// Lacks says what a result does not hold that one of this generator's does, each a
// phrase. Who imports one has to know it, because nobody can find it out afterwards.
func (r Result) Lacks() []string {
	var out []string
	add := func(missing bool, what string) {
		if missing {
			out = append(out, what)
		}
	}
	for _, s := range []struct {
		name string
		of   Spread
	}{{"TTFT", r.TTFT}, {"TPOT", r.TPOT}, {"ITL", r.ITL}, {"latency", r.Latency}} {
		var gone []string
		for _, q := range []struct {
			name string
			v    Number
		}{{"mean", s.of.Mean}, {"p50", s.of.Median}, {"p95", s.of.P95}, {"p99", s.of.P99}} {
			if !q.v.Known() {
				gone = append(gone, q.name)
			}
		}
		switch len(gone) {
		case 0:
		case 4:
			out = append(out, s.name)
		default:
			out = append(out, s.name+" "+strings.Join(gone, ", "))
		}
	}
	add(!r.Goodput.Value.Known(), "goodput")
	add(r.Lag == nil, "how late its generator was")
	add(r.Imported != "", "whether there was a warm-up")
	add(r.Server == "", "the engine's version")
	add(r.GPUs == 0, "how many GPUs there were")
	add(r.Raw == "" && r.requests == nil, "the raw requests")
	add(r.Started.IsZero(), "when it was measured")
	return out
}
