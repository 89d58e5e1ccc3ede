// Package result writes down what a run of the load generator gave: JSON with the
// figures and what they mean, the raw requests beside it as JSON lines, CSV, and a
// comparison of several runs. It also reads the results of `vllm bench serve`, and
// labels what it took from there.
//
// It must not decide which topology to take, and not smooth over what is missing:
// a figure without a sample is null, an invalid run stays marked everywhere.
//
//	r := result.Of(run, result.Options{Label: "dp2", GPUs: 2, Limits: metric.Limits{TPOT: .02}})
//	name, err := r.Save("bench", "dp2-rate-4")          // dp2-rate-4.json and .requests.jsonl
//	others, err := result.Read("vllm-inf-qps.json")     // its own, or vLLM's
//	fmt.Println(result.Against([]result.Result{a}, []result.Result{b}, .03).Says)
package result

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/topology/load"
	"github.com/plimsoll-dev/plimsoll/core/topology/metric"
)

// Schema is the version of the JSON form. It changes when a member changes its
// meaning or goes; new members do not change it.
const Schema = "plimsoll.dev/bench/v1"

// Result is one run.
type Result struct {
	Schema   string        `json:"schema"`
	Label    string        `json:"label"`              // what is compared, such as the topology's name
	Imported string        `json:"imported,omitempty"` // the tool whose figures these are; "": measured here
	Started  time.Time     `json:"started,omitzero"`
	Endpoint load.Endpoint `json:"endpoint,omitzero"`
	Server   string        `json:"server,omitempty"`
	GPUs     int           `json:"gpus,omitempty"`
	Layout   *Layout       `json:"layout,omitempty"` // what served; nil: nobody said it
	Workload load.Workload `json:"workload"`
	Pace     load.Pace     `json:"pace"`
	Warmup   int           `json:"warmup"`
	Prompt   *load.Prompt  `json:"prompt,omitempty"`

	Duration  Number         `json:"duration_s"`
	Requests  int            `json:"requests"`
	Succeeded int            `json:"succeeded"`
	Kinds     map[string]int `json:"kinds,omitempty"`   // how requests ended
	Counted   map[string]int `json:"counted,omitempty"` // how output tokens are known
	Input     int            `json:"input_tokens"`      // of successes
	Output    int            `json:"output_tokens"`

	TTFT      Spread  `json:"ttft_s"`
	TPOT      Spread  `json:"tpot_s"`
	ITL       Spread  `json:"itl_s"`
	Latency   Spread  `json:"latency_s"`
	OutputTPS Value   `json:"output_tps"`
	TotalTPS  Value   `json:"total_tps"`
	Rate      Value   `json:"requests_per_s"`
	Goodput   Value   `json:"goodput_per_s"` // null without an SLO
	SLO       *Limits `json:"slo,omitempty"`

	Consistency *Consistency `json:"consistency,omitempty"` // of bursts, where it says something
	Lag         *load.Lag    `json:"lag,omitempty"`
	Valid       bool         `json:"valid"`
	Invalid     []string     `json:"invalid,omitempty"`
	Warnings    []string     `json:"warnings,omitempty"`

	Definitions map[string]string `json:"definitions"`   // id to words
	Raw         string            `json:"raw,omitempty"` // file of the requests, beside this one
	RawDigest   string            `json:"raw_sha256,omitempty"`

	requests []load.Request
}

// Number is a float64 that JSON writes as null when it is none.
type Number float64

// MarshalJSON writes null for NaN and the infinities.
func (n Number) MarshalJSON() ([]byte, error) {
	if f := float64(n); math.IsNaN(f) || math.IsInf(f, 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// UnmarshalJSON reads null as NaN.
func (n *Number) UnmarshalJSON(src []byte) error {
	f := math.NaN()
	if string(src) != "null" {
		if err := json.Unmarshal(src, &f); err != nil {
			return err
		}
	}
	*n = Number(f)
	return nil
}

// Known tells whether there is a number.
func (n Number) Known() bool { return !math.IsNaN(float64(n)) }

// Value is a figure and the id of its definition.
type Value struct {
	Definition string `json:"definition"`
	Value      Number `json:"value"`
}

// Spread is a distribution and the id of its definition.
type Spread struct {
	Definition string `json:"definition"`
	N          int    `json:"n"`
	Mean       Number `json:"mean"`
	Std        Number `json:"std"`
	Median     Number `json:"p50"`
	P90        Number `json:"p90"`
	P95        Number `json:"p95"`
	P99        Number `json:"p99"`
	Least      Number `json:"min"`
	Most       Number `json:"max"`
}

// Limits are the SLO that goodput asks of each request, in seconds; 0: not asked.
type Limits struct {
	TTFT    float64 `json:"ttft_s,omitempty"`
	TPOT    float64 `json:"tpot_s,omitempty"`
	Latency float64 `json:"latency_s,omitempty"`
}

// Consistency compares N x OSL / TPS with max TTFT + (OSL - 1) x TPOT, in seconds.
type Consistency struct {
	Tokens Number `json:"by_tokens_s"`
	Times  Number `json:"by_times_s"`
	Gap    Number `json:"gap_s"`
	Holds  bool   `json:"holds"`
}

// Options are what a run does not know of itself.
type Options struct {
	Label  string
	GPUs   int           // 0: not known, and nothing is said per GPU
	Layout *Layout       // what serves; nil: not known
	Limits metric.Limits // SLO of each request; the zero value: no goodput
}

// TotalTPS is the id of total token throughput, which core/topology/metric does not have.
const TotalTPS = "total-tps.successes.v1"

// Of computes a run's figures.
func Of(run *load.Run, o Options) Result {
	r := Result{
		Schema: Schema, Label: o.Label, Started: run.Started, Endpoint: run.Endpoint, Server: run.Server, GPUs: o.GPUs, Layout: o.Layout, Workload: run.Workload, Pace: run.Pace, Warmup: run.Warmup,
		Prompt: &run.Prompt, Duration: Number(run.Duration.Seconds()), Requests: len(run.Requests), Kinds: map[string]int{}, Counted: map[string]int{}, Lag: &run.Lag,
		Valid: run.Valid(), Invalid: run.Invalid, Warnings: append([]string(nil), run.Warnings...), requests: run.Requests,
	}
	rows := make([]metric.Request, len(run.Requests))
	for i := range run.Requests {
		q := &run.Requests[i]
		r.Kinds[string(q.Kind)]++
		rows[i] = metric.Request{Start: q.Sent.Seconds(), Output: q.Output, OK: q.OK(), Chunks: make([]metric.Chunk, len(q.Chunks))}
		for k, at := range q.Chunks {
			rows[i].Chunks[k].At = at.Seconds()
		}
		if q.OK() {
			r.Counted[string(q.Counted)]++
			r.Input += q.Input
		}
	}
	m := metric.Sum(rows, o.Limits, run.Duration.Seconds())
	r.Succeeded, r.Output = m.Succeeded, m.OutputTokens
	r.TTFT, r.TPOT, r.ITL, r.Latency = spread(metric.TTFT, m.TTFT), spread(metric.TPOT, m.TPOT), spread(metric.ITL, m.ITL), spread(metric.Latency, m.Latency)
	r.OutputTPS, r.Rate = Value{metric.OutputTPS, Number(m.OutputTPS)}, Value{metric.Rate, Number(m.Rate)}
	r.TotalTPS = Value{TotalTPS, Number(float64(r.Input+r.Output) / run.Duration.Seconds())}
	r.Goodput = Value{metric.Goodput, Number(math.NaN())}
	if o.Limits != (metric.Limits{}) {
		r.Goodput.Value, r.SLO = Number(m.Goodput), &Limits{o.Limits.TTFT, o.Limits.TPOT, o.Limits.Latency}
	}
	r.Definitions = definitions()
	r.consistency()
	return r
}

func definitions() map[string]string {
	out := map[string]string{TotalTPS: "prompt and output tokens of successful requests / duration of the run"}
	for _, d := range metric.Definitions() {
		out[d.ID] = d.Text
	}
	return out
}

func spread(id string, s metric.Spread) Spread {
	n := func(f float64) Number { return Number(f) }
	return Spread{id, s.N, n(s.Mean), n(s.Std), n(s.Median), n(s.P90), n(s.P95), n(s.P99), n(s.Least), n(s.Most)}
}

// consistency of a burst without a cap: everything begins at once, so the run
// lasts as long as its last answer.
func (r *Result) consistency() {
	if r.Succeeded == 0 || r.Pace.Concurrency > 0 || r.Pace.String() != "burst" || r.Workload.TraceName != "" || !r.TPOT.Mean.Known() || !r.TTFT.Most.Known() {
		return
	}
	c := metric.Check(r.Succeeded, float64(r.Output)/float64(r.Succeeded), float64(r.OutputTPS.Value), float64(r.TTFT.Most), float64(r.TPOT.Mean))
	r.Consistency = &Consistency{Number(c.Tokens), Number(c.Times), Number(c.Gap), c.Holds}
	if !c.Holds {
		r.Warnings = append(r.Warnings, fmt.Sprintf("throughput and times do not fit each other: N x OSL / TPS is %.1f s, max TTFT + (OSL - 1) x TPOT is %.1f s, and %.1f s are not explained (a cold start, or requests that waited)", c.Tokens, c.Times, c.Gap))
	}
}

// PerGPU is output throughput for each GPU; NaN when their number is not known.
func (r Result) PerGPU() float64 {
	if r.GPUs < 1 {
		return math.NaN()
	}
	return float64(r.OutputTPS.Value) / float64(r.GPUs)
}

// Lateness is how late the generator was at p99 and how late it may be, such as
// "0.21 of 1.0 ms"; "-" when it is not known, as in results of other tools.
func (r Result) Lateness() string {
	if r.Lag == nil || r.Lag.Allowed <= 0 {
		return "-"
	}
	return Figure(1e3*max(r.Lag.Send99, r.Lag.Read99)) + " of " + Figure(1e3*r.Lag.Allowed) + " ms"
}

// Fit is whether throughput and times agree: "yes", the seconds that nobody saw
// pass, or "-" where the check says nothing, which is so of all but bursts.
func (r Result) Fit() string {
	switch {
	case r.Consistency == nil || !r.Consistency.Gap.Known():
		return "-"
	case r.Consistency.Holds:
		return "yes"
	}
	return Figure(float64(r.Consistency.Gap)) + " s off"
}
