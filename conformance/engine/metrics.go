package engine

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
)

// metrics are those of vLLM that a watcher of engines looks at, by their names.
type metrics struct {
	mu              sync.Mutex
	prompt, output  int
	ended           map[string]int
	ttft, tpot, e2e *histogram
}

// histogram of Prometheus: counts up to each bound.
type histogram struct {
	bounds []float64
	counts []int
	sum    float64
	n      int
}

func newHistogram(bounds ...float64) *histogram {
	return &histogram{bounds: bounds, counts: make([]int, len(bounds))}
}

func (h *histogram) observe(v float64) {
	for i, b := range h.bounds {
		if v <= b {
			h.counts[i]++
		}
	}
	h.sum += v
	h.n++
}

func newMetrics() *metrics {
	return &metrics{
		ended: map[string]int{"stop": 0, "length": 0, "abort": 0},
		ttft:  newHistogram(.001, .005, .01, .02, .04, .06, .08, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10, 20, 40, 80),
		tpot:  newHistogram(.01, .025, .05, .075, .1, .15, .2, .3, .4, .5, .75, 1, 2.5, 5, 7.5, 10),
		e2e:   newHistogram(.3, .5, .8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480),
	}
}

// done counts a request that ended.
func (m *metrics) done(t *Truth) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.prompt += t.Input
	m.output += t.Tokens
	if t.End != "done" && t.End != "whole" {
		m.ended["abort"]++
		return
	}
	m.ended["length"]++
	m.ttft.observe(t.TTFT)
	m.e2e.observe(t.Queued + t.Last)
	if t.Tokens > 1 {
		m.tpot.observe(t.TPOT())
	}
}

func (e *Engine) scrape(w http.ResponseWriter, _ *http.Request) {
	e.mu.Lock()
	running, waiting := e.running, e.waiting
	e.mu.Unlock()
	m := e.metrics
	m.mu.Lock()
	defer m.mu.Unlock()
	label := fmt.Sprintf(`engine="0",model_name=%q`, e.launch.Served[0])
	var b strings.Builder
	one := func(name, kind, help string, value any) {
		fmt.Fprintf(&b, "# HELP vllm:%s %s\n# TYPE vllm:%s %s\nvllm:%s{%s} %v\n", name, help, name, kind, name, label, value)
	}
	one("num_requests_running", "gauge", "Number of requests in model execution batches.", float64(running))
	one("num_requests_waiting", "gauge", "Number of requests waiting to be processed.", float64(waiting))
	one("kv_cache_usage_perc", "gauge", "KV-cache usage. 1 means 100 percent usage.", min(float64(running)/256, 1))
	one("num_preemptions_total", "counter", "Cumulative number of preemption from the engine.", 0.0)
	one("prompt_tokens_total", "counter", "Number of prefill tokens processed.", float64(m.prompt))
	one("generation_tokens_total", "counter", "Number of generation tokens processed.", float64(m.output))
	one("prefix_cache_queries_total", "counter", "Prefix cache queries, in terms of number of queried tokens.", float64(m.prompt))
	one("prefix_cache_hits_total", "counter", "Prefix cache hits, in terms of number of cached tokens.", 0.0)
	fmt.Fprint(&b, "# HELP vllm:request_success_total Count of successfully processed requests.\n# TYPE vllm:request_success_total counter\n")
	for _, why := range []string{"stop", "length", "abort"} {
		fmt.Fprintf(&b, "vllm:request_success_total{%s,finished_reason=%q} %v\n", label, why, float64(m.ended[why]))
	}
	for _, h := range []struct {
		name, help string
		*histogram
	}{
		{"time_to_first_token_seconds", "Histogram of time to first token in seconds.", m.ttft},
		{"inter_token_latency_seconds", "Histogram of inter-token latency in seconds.", m.tpot},
		{"request_time_per_output_token_seconds", "Histogram of time_per_output_token_seconds per request.", m.tpot},
		{"e2e_request_latency_seconds", "Histogram of e2e request latency in seconds.", m.e2e},
	} {
		fmt.Fprintf(&b, "# HELP vllm:%s %s\n# TYPE vllm:%s histogram\n", h.name, h.help, h.name)
		for i, bound := range h.bounds {
			fmt.Fprintf(&b, "vllm:%s_bucket{%s,le=\"%v\"} %v\n", h.name, label, bound, float64(h.counts[i]))
		}
		fmt.Fprintf(&b, "vllm:%s_bucket{%s,le=\"+Inf\"} %v\nvllm:%s_count{%s} %v\nvllm:%s_sum{%s} %v\n", h.name, label, float64(h.n), h.name, label, float64(h.n), h.name, label, h.sum)
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	fmt.Fprint(w, b.String())
}
