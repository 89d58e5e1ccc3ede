// Package traffic reads what a serving engine says of itself at /metrics, in the
// text format of Prometheus, and makes of two looks the traffic between them: how
// many requests a second came, how long they were, and how they were served.
//
// It is pure: bytes and a time in, figures out. It must not fetch anything, and not
// make traffic up: where too little happened between the looks, it says so.
//
//	before, err := traffic.Parse(first, "")      // "" when the engine serves one model
//	after, err := traffic.Parse(second, "")
//	live, err := after.Since(before, time.Minute) // live.Rate, live.Input, live.Output
//	w := live.Workload("live")                     // as core/topology decides about it
//	both := traffic.Sum(one, other)                // replicas: every look of each, summed
//
// Names are vLLM's (docs/usage/metrics.md). Lengths are those of requests that
// ended; without these histograms, tokens over requests stand in for them.
package traffic

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/topology"
)

// Look is what an engine counted until one moment. Ranks of one engine are summed.
type Look struct {
	Models   []string // that it serves
	sums     map[string]float64
	parts    []Look  // of Sum, so that one that was started again does not hide behind the others
	Running  float64 // requests at this moment
	Waiting  float64
	Prefixes bool // it counts what of prompts was in its cache
}

// mostBytes is far more than an engine's metrics have.
const mostBytes = 32 << 20

// Names of metrics, and of what they are called in a Look.
const (
	running, waiting     = "vllm:num_requests_running", "vllm:num_requests_waiting"
	prompts, answers     = "vllm:prompt_tokens_total", "vllm:generation_tokens_total"
	ended                = "vllm:request_success_total"
	inputs, outputs      = "vllm:request_prompt_tokens", "vllm:request_generation_tokens"
	first, latency       = "vllm:time_to_first_token_seconds", "vllm:e2e_request_latency_seconds"
	queries, hits        = "vllm:prefix_cache_queries_total", "vllm:prefix_cache_hits_total"
	token                = "vllm:request_time_per_output_token_seconds"
	tokenOld             = "vllm:time_per_output_token_seconds"
	sum, count, inFinish = "_sum", "_count", "finished_reason"
)

// wanted are the series that are kept.
func wanted(name string) bool {
	switch name {
	case running, waiting, prompts, answers, ended, queries, hits:
		return true
	}
	for _, h := range []string{inputs, outputs, first, latency, token, tokenOld} {
		if name == h+sum || name == h+count {
			return true
		}
	}
	return false
}

// Parse reads a page of metrics. model is the name that the engine serves the model
// under; "" is the only one.
func Parse(src []byte, model string) (Look, error) {
	if len(src) > mostBytes {
		return Look{}, fmt.Errorf("reading metrics: %d bytes, and at most %d are read", len(src), mostBytes)
	}
	by := map[string]map[string]float64{} // model to series
	lines := bufio.NewScanner(bytes.NewReader(src))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' || !strings.HasPrefix(line, "vllm:") {
			continue
		}
		name, labels, v, err := sample(line)
		if err != nil {
			return Look{}, fmt.Errorf("reading metrics: the line %q: %w", clip(line), err)
		}
		if !wanted(name) || math.IsNaN(v) || math.IsInf(v, 0) || v < 0 || name == ended && labels[inFinish] == "abort" {
			continue
		}
		m := labels["model_name"]
		if by[m] == nil {
			by[m] = map[string]float64{}
		}
		by[m][name] += v
	}
	if err := lines.Err(); err != nil {
		return Look{}, fmt.Errorf("reading metrics: %w", err)
	}
	l := Look{}
	for m := range by {
		l.Models = append(l.Models, m)
	}
	slices.Sort(l.Models)
	switch {
	case len(by) == 0:
		return l, errors.New("reading metrics: there is no metric of vLLM here (none begins with vllm:)")
	case model != "" && by[model] == nil:
		return l, fmt.Errorf("reading metrics: there are none of the model %q; there are of %s", model, strings.Join(l.Models, ", "))
	case model == "" && len(by) > 1:
		return l, fmt.Errorf("reading metrics: there are several models, %s: say which", strings.Join(l.Models, ", "))
	case model == "":
		model = l.Models[0]
	}
	l.sums = by[model]
	l.Running, l.Waiting = l.sums[running], l.sums[waiting]
	l.Prefixes = l.sums[queries] > 0
	return l, nil
}

// Sum is what several engines of one model counted together, such as replicas that
// share nothing. Without any it is empty.
func Sum(all ...Look) Look {
	out := Look{sums: map[string]float64{}, parts: all}
	for _, l := range all {
		out.Models = append(out.Models, l.Models...)
		for name, v := range l.sums {
			out.sums[name] += v
		}
		out.Running += l.Running
		out.Waiting += l.Waiting
		out.Prefixes = out.Prefixes || l.Prefixes
	}
	slices.Sort(out.Models)
	out.Models = slices.Compact(out.Models)
	return out
}

// sample reads NAME{LABEL="VALUE",...} NUMBER [TIME].
func sample(line string) (name string, labels map[string]string, v float64, err error) {
	labels = map[string]string{}
	end := strings.IndexAny(line, "{ \t")
	if end < 0 {
		return "", nil, 0, errors.New("it has no value")
	}
	name, rest := line[:end], line[end:]
	if rest[0] == '{' {
		rest = rest[1:]
		for {
			rest = strings.TrimLeft(rest, ", ")
			if strings.HasPrefix(rest, "}") {
				rest = rest[1:]
				break
			}
			key, after, ok := strings.Cut(rest, `="`)
			if !ok {
				return "", nil, 0, errors.New("a label has no value")
			}
			value, left, ok := unquote(after)
			if !ok {
				return "", nil, 0, errors.New("a label's value has no end")
			}
			labels[strings.TrimSpace(key)], rest = value, left
		}
	}
	parts := strings.Fields(rest)
	if len(parts) < 1 || len(parts) > 2 {
		return "", nil, 0, errors.New("it has no value")
	}
	v, err = strconv.ParseFloat(parts[0], 64)
	if err != nil {
		return "", nil, 0, fmt.Errorf("%q is no number", clip(parts[0]))
	}
	return name, labels, v, nil
}

// unquote takes a label's value up to its quote.
func unquote(s string) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:], true
		case s[i] == '\\' && i+1 < len(s):
			i++
			if s[i] == 'n' {
				b.WriteByte('\n')
				continue
			}
			b.WriteByte(s[i])
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", false
}

func clip(s string) string {
	if len(s) > 80 {
		return strings.ToValidUTF8(s[:80], "") + "..."
	}
	return s
}

// Live is the traffic between two looks. Means; seconds and tokens.
type Live struct {
	Over     time.Duration
	Requests int     // that ended
	Rate     float64 // requests a second
	Input    float64 // tokens of a prompt
	Output   float64 // tokens of an answer
	Cached   float64 // share of prompts that was in the engine's cache; NaN: it does not say
	TTFT     float64 // NaN: it does not say
	TPOT     float64
	Latency  float64
	Running  float64 // at the second look
	Waiting  float64
}

// least is how many requests make traffic: a mean of fewer says little.
const least = 10

// most is far more requests between two looks, or tokens of one, than there can be.
const most = 1e8

// Few says that too little happened between the looks.
type Few struct {
	Requests int
	Over     time.Duration
}

func (f *Few) Error() string {
	return fmt.Sprintf("%d requests ended within %s, and at least %d are needed to speak of traffic: look for longer, with --interval", f.Requests, f.Over.Round(time.Second), least)
}

// Since is the traffic from before until l, which are over apart.
func (l Look) Since(before Look, over time.Duration) (Live, error) {
	if over <= 0 {
		return Live{}, fmt.Errorf("two looks that are %s apart show no traffic", over)
	}
	names := []string{prompts, answers, ended, queries, hits}
	for _, h := range []string{inputs, outputs, first, latency, token, tokenOld} {
		names = append(names, h+sum, h+count)
	}
	for i, part := range l.parts {
		if i >= len(before.parts) {
			break
		}
		var few *Few
		if _, err := part.Since(before.parts[i], over); err != nil && !errors.As(err, &few) {
			return Live{}, fmt.Errorf("engine %d of %d: %w", i+1, len(l.parts), err)
		}
	}
	got := map[string]float64{}
	for _, n := range names {
		if got[n] = l.sums[n] - before.sums[n]; got[n] < 0 {
			return Live{}, fmt.Errorf("%s went from %g to %g: the engine was started again between the two looks, or these are two engines", n, before.sums[n], l.sums[n])
		}
	}
	n := got[ended]
	if n == 0 {
		n = got[inputs+count]
	}
	if n < least {
		return Live{}, &Few{int(n), over}
	}
	mean := func(name string) float64 { return got[name+sum] / got[name+count] } // NaN of none
	v := Live{Over: over, Requests: int(n), Rate: n / over.Seconds(), Input: mean(inputs), Output: mean(outputs), Cached: math.NaN(), TTFT: mean(first), TPOT: mean(token), Latency: mean(latency), Running: l.Running, Waiting: l.Waiting}
	if math.IsNaN(v.Input) {
		v.Input = got[prompts] / n
	}
	if math.IsNaN(v.Output) {
		v.Output = got[answers] / n
	}
	if math.IsNaN(v.TPOT) {
		v.TPOT = mean(tokenOld)
	}
	if q := got[queries]; l.Prefixes && q > 0 {
		v.Cached = min(got[hits]/q, 1)
	}
	for _, x := range []float64{v.Input, v.Output, n, l.Running, l.Waiting} {
		if x > most { // an int has no room for it, or no machine
			return v, fmt.Errorf("the engine counts %g where at most %g is believed: its metrics are damaged, or not an engine's", x, float64(most))
		}
	}
	if !(v.Input >= 1) || !(v.Output >= 1) {
		return v, fmt.Errorf("the engine counts %.1f input and %.1f output tokens for each of %d requests, which is no traffic of a model of language", v.Input, v.Output, v.Requests)
	}
	return v, nil
}

// Workload is the traffic as a decision asks about it: Poisson arrivals at its rate,
// lengths equal to its means, and the share of prompts that was cached as a prefix
// that all have.
func (v Live) Workload(name string) topology.Workload {
	w := topology.Workload{Name: name, Input: int(math.Round(v.Input)), Output: int(math.Round(v.Output)), Rate: v.Rate, Prompts: min(max(v.Requests, 128), 512), Arrival: "poisson", Seed: 1}
	if !math.IsNaN(v.Cached) {
		w.SharedPrefix = min(int(v.Cached*float64(w.Input)), w.Input-1)
	}
	return w
}
