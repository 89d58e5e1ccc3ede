// Package metric turns the raw times of a benchmark's requests into its
// figures, each with the id of its definition, because the same name means
// different things in different tools.
//
// It is pure: times in, figures out. It must not decide what is good: SLOs are
// numbers that it is given. The definitions are those of `vllm bench serve`
// (vLLM 0.24, benchmarks/serve.py).
//
//	r := metric.Sum(requests, metric.Limits{TTFT: 2, TPOT: .02}, duration)
//	fmt.Println(r.TTFT.P95, r.TPOT.Mean, r.OutputTPS, r.Goodput)
//	for _, d := range metric.Definitions() { fmt.Println(d.ID, d.Text) }
//	c := r.Consistency(2048)                   // do the figures fit each other?
//	if !c.Holds { fmt.Println(c.Gap, "seconds are not explained") }
//
// Times are seconds on one clock; percentiles interpolate linearly; deviations
// are those of a population. What has no sample is NaN, never 0.
package metric

import (
	"math"
	"slices"
)

// Request is what was seen of one request.
type Request struct {
	Start  float64 // when it was sent
	Chunks []Chunk // in the order in which they came
	Output int     // tokens as the server counted them; 0: as the chunks say
	OK     bool    // it ended as it should
}

// Chunk is one piece of the answer.
type Chunk struct {
	At     float64
	Tokens int // a server may send several at once
}

// tokens that were made.
func (r Request) tokens() int {
	if r.Output > 0 {
		return r.Output
	}
	n := 0
	for _, c := range r.Chunks {
		n += c.Tokens
	}
	return n
}

// counts says whether r is part of the figures: it ended well and said something.
func (r Request) counts() bool { return r.OK && len(r.Chunks) > 0 && r.tokens() > 0 }

func (r Request) ttft() float64    { return r.Chunks[0].At - r.Start }
func (r Request) latency() float64 { return r.Chunks[len(r.Chunks)-1].At - r.Start }

// tpot is defined for more than one token only.
func (r Request) tpot() (float64, bool) {
	n := r.tokens()
	if n <= 1 {
		return 0, false
	}
	return (r.latency() - r.ttft()) / float64(n-1), true
}

// Definition is what a figure means.
type Definition struct{ ID, Name, Unit, Text string }

// The ids. A definition never changes: another meaning gets another id.
const (
	TTFT      = "ttft.first-chunk.v1"
	TPOT      = "tpot.excluding-first.v1"
	ITL       = "itl.pooled-gaps.v1"
	Latency   = "latency.last-chunk.v1"
	OutputTPS = "output-tps.successes.v1"
	Rate      = "request-rate.successes.v1"
	Goodput   = "goodput.within-all.v1"
	Quantile  = "percentile.linear.v1"
	Deviation = "std.population.v1"
)

// Definitions lists them.
func Definitions() []Definition {
	return []Definition{
		{TTFT, "time to first token", "s", "from sending a request to its first chunk that has a choice; successful requests"},
		{TPOT, "time per output token", "s", "(latency - TTFT) / (output tokens - 1), of successful requests with more than one token"},
		{ITL, "inter-token latency", "s", "gaps between the chunks of a request, of all successful requests together; a chunk of several tokens is one gap"},
		{Latency, "latency", "s", "from sending a request to its last chunk; successful requests"},
		{OutputTPS, "output throughput", "tokens/s", "output tokens of successful requests / duration of the run"},
		{Rate, "request throughput", "requests/s", "successful requests / duration of the run"},
		{Goodput, "goodput", "requests/s", "successful requests within every limit / duration; a request of one token has a TPOT of 0"},
		{Quantile, "percentile", "", "linear between the two nearest of the sorted values, at (n - 1) x p"},
		{Deviation, "standard deviation", "", "of the population: divided by n"},
	}
}

// Limits are an SLO for each request, in seconds; 0 asks nothing.
type Limits struct{ TTFT, TPOT, Latency float64 }

// Spread is a distribution in short.
type Spread struct {
	N                                             int
	Mean, Std, Median, P90, P95, P99, Least, Most float64
}

// Report is the figures of one run.
type Report struct {
	Requests, Succeeded      int
	OutputTokens             int
	Duration                 float64
	TTFT, TPOT, ITL, Latency Spread
	OutputTPS, Rate, Goodput float64
}

// Sum is the figures of a run that took duration seconds, from before the first
// request was sent until after the last answer.
func Sum(all []Request, limits Limits, duration float64) Report {
	r := Report{Requests: len(all), Duration: duration}
	var ttft, tpot, itl, latency []float64
	good := 0
	for _, q := range all {
		if !q.counts() {
			continue
		}
		r.Succeeded++
		r.OutputTokens += q.tokens()
		ttft = append(ttft, q.ttft())
		latency = append(latency, q.latency())
		each, ok := q.tpot()
		if ok {
			tpot = append(tpot, each)
		}
		for i := 1; i < len(q.Chunks); i++ {
			itl = append(itl, q.Chunks[i].At-q.Chunks[i-1].At)
		}
		if within(q.ttft(), limits.TTFT) && within(each, limits.TPOT) && within(q.latency(), limits.Latency) {
			good++
		}
	}
	r.TTFT, r.TPOT, r.ITL, r.Latency = Of(ttft), Of(tpot), Of(itl), Of(latency)
	r.OutputTPS, r.Rate, r.Goodput = math.NaN(), math.NaN(), math.NaN()
	if duration > 0 {
		r.OutputTPS = float64(r.OutputTokens) / duration
		r.Rate = float64(r.Succeeded) / duration
		r.Goodput = float64(good) / duration
	}
	return r
}

func within(v, limit float64) bool { return limit <= 0 || v <= limit }

// Of is the spread of vs, which it does not change.
func Of(vs []float64) Spread {
	nan := math.NaN()
	s := Spread{N: len(vs), Mean: nan, Std: nan, Median: nan, P90: nan, P95: nan, P99: nan, Least: nan, Most: nan}
	if len(vs) == 0 {
		return s
	}
	sorted := slices.Sorted(slices.Values(vs))
	var sum float64
	for _, v := range sorted {
		sum += v
	}
	n := float64(len(vs))
	s.Mean = sum / n
	var square float64
	for _, v := range sorted {
		square += (v - s.Mean) * (v - s.Mean)
	}
	s.Std = math.Sqrt(square / n)
	s.Median, s.P90, s.P95, s.P99 = Percentile(sorted, .5), Percentile(sorted, .9), Percentile(sorted, .95), Percentile(sorted, .99)
	s.Least, s.Most = sorted[0], sorted[len(sorted)-1]
	return s
}

// Percentile of sorted values, p in 0..1; NaN of none.
func Percentile(sorted []float64, p float64) float64 {
	if len(sorted) == 0 || math.IsNaN(p) {
		return math.NaN()
	}
	at := min(max(p, 0), 1) * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}
