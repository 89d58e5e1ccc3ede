package traffic

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

// page is of an engine with two ranks that served n requests of in and out tokens.
func page(n, in, out int) []byte {
	var b strings.Builder
	for rank := range 2 {
		l := fmt.Sprintf(`engine="%d",model_name="acme/a \"b\", c\\d"`, rank)
		half := n / 2
		fmt.Fprintf(&b, "# HELP vllm:num_requests_running Number of requests.\n# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running{%s} 3.0\n", l)
		fmt.Fprintf(&b, "vllm:request_success_total{%s,finished_reason=\"stop\"} %d.0\nvllm:request_success_total{%s,finished_reason=\"abort\"} 7.0\n", l, half, l)
		fmt.Fprintf(&b, "vllm:request_prompt_tokens_bucket{%s,le=\"+Inf\"} 9\nvllm:request_prompt_tokens_sum{%s} %d\nvllm:request_prompt_tokens_count{%s} %d\n", l, l, half*in, l, half)
		fmt.Fprintf(&b, "vllm:request_generation_tokens_sum{%s} %d\nvllm:request_generation_tokens_count{%s} %d\n", l, half*out, l, half)
		fmt.Fprintf(&b, "vllm:time_to_first_token_seconds_sum{%s} %g 1700000000000\nvllm:time_to_first_token_seconds_count{%s} %d\n", l, .25*float64(half), l, half)
		fmt.Fprintf(&b, "vllm:prefix_cache_queries_total{%s} %d\nvllm:prefix_cache_hits_total{%s} %d\n", l, half*in, l, half*in/4)
		fmt.Fprintf(&b, "process_cpu_seconds_total nonsense\n")
	}
	return []byte(b.String())
}

func TestTraffic(t *testing.T) {
	before, err := Parse(page(100, 1000, 100), "")
	if err != nil {
		t.Fatal(err)
	}
	after, err := Parse(page(340, 1000, 100), `acme/a "b", c\d`)
	if err != nil {
		t.Fatal(err)
	}
	v, err := after.Since(before, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if v.Requests != 240 || v.Rate != 4 || v.Input != 1000 || v.Output != 100 || v.TTFT != .25 || !math.IsNaN(v.TPOT) || v.Cached != .25 || v.Running != 6 {
		t.Errorf("%+v", v)
	}
	w := v.Workload("live")
	if w.Check() != nil || w.Rate != 4 || w.Input != 1000 || w.Output != 100 || w.SharedPrefix != 250 || w.Prompts != 240 {
		t.Errorf("%+v %v", w, w.Check())
	}
	if _, err := before.Since(after, time.Minute); err == nil || !strings.Contains(err.Error(), "started again") {
		t.Error(err)
	}
	var few *Few
	if _, err := before.Since(before, time.Minute); !errors.As(err, &few) {
		t.Error(err)
	}
	if _, err := after.Since(before, 0); err == nil {
		t.Error("no time passed, and there is traffic")
	}
}

// TestCounters: without histograms of lengths the counters of tokens tell.
func TestCounters(t *testing.T) {
	look := func(n int) Look {
		l, err := Parse(fmt.Appendf(nil, "vllm:request_success_total{finished_reason=\"length\"} %d\nvllm:prompt_tokens_total %d\nvllm:generation_tokens_total %d\nvllm:time_per_output_token_seconds_sum %g\nvllm:time_per_output_token_seconds_count %d\n", n, n*500, n*20, float64(n)*.2, n*20), "")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	v, err := look(60).Since(look(10), 10*time.Second)
	if err != nil || v.Input != 500 || v.Output != 20 || v.Rate != 5 || math.Abs(v.TPOT-.01) > 1e-12 || !math.IsNaN(v.Cached) {
		t.Errorf("%+v %v", v, err)
	}
}

func TestRefused(t *testing.T) {
	for text, fault := range map[string]string{
		"":                             "no metric of vLLM",
		"<html>not found</html>":       "no metric of vLLM",
		"go_goroutines 3":              "no metric of vLLM",
		"vllm:num_requests_running":    "has no value",
		"vllm:num_requests_running{a}": "a label has no value",
		`vllm:x{a="b} 1`:               "has no end",
		"vllm:prompt_tokens_total one": "is no number",
		"vllm:prompt_tokens_total{model_name=\"a\"} 1\nvllm:prompt_tokens_total{model_name=\"b\"} 1": "several models, a, b",
	} {
		if _, err := Parse([]byte(text), ""); err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("%q: %v, want %q", text, err, fault)
		}
	}
	if _, err := Parse([]byte("vllm:prompt_tokens_total{model_name=\"a\"} 1"), "b"); err == nil || !strings.Contains(err.Error(), `of the model "b"; there are of a`) {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(page(10, 5, 5), page(40, 5, 5))
	f.Add([]byte("vllm:x{a=\"\\"), []byte("vllm:request_success_total 1e300"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		x, err := Parse(a, "")
		if err != nil {
			return
		}
		y, err := Parse(b, "")
		if err != nil {
			return
		}
		v, err := y.Since(x, time.Second)
		if err == nil && v.Requests < 1e6 && v.Input < 1e6 && v.Output < 1e6 {
			if err := v.Workload("w").Check(); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestSum: two engines have the traffic of both, and the means of all requests.
func TestSum(t *testing.T) {
	look := func(n, in int) Look {
		l, err := Parse(page(n, in, 100), "")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	v, err := Sum(look(340, 1000), look(160, 2000)).Since(Sum(look(100, 1000), look(80, 2000)), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if v.Requests != 320 || v.Input != 1250 || v.Output != 100 || v.Running != 12 || v.Cached != .25 {
		t.Errorf("%+v", v)
	}
	// One of them was started again, and what the other did since is more.
	if _, err := Sum(look(340, 1000), look(0, 2000)).Since(Sum(look(100, 1000), look(80, 2000)), time.Minute); err == nil || !strings.Contains(err.Error(), "engine 2 of 2: vllm:") {
		t.Errorf("a restart passes as traffic: %v", err)
	}
}

// TestBeyondBelief: counters that no engine reaches are refused, and turn into no
// workload: as an int they would be anything.
func TestBeyondBelief(t *testing.T) {
	at := func(requests, in string) Look {
		l, err := Parse(fmt.Appendf(nil, "vllm:request_success_total %s\nvllm:request_prompt_tokens_sum %s\nvllm:request_prompt_tokens_count 20\nvllm:request_generation_tokens_sum 200\nvllm:request_generation_tokens_count 20\n", requests, in), "")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	if _, err := at("20", "2000").Since(Look{}, time.Minute); err != nil {
		t.Error(err)
	}
	for _, x := range [][2]string{{"20", "1e300"}, {"1e300", "2000"}, {"20", "1e12"}} {
		if v, err := at(x[0], x[1]).Since(Look{}, time.Minute); err == nil || !strings.Contains(err.Error(), "believed") {
			t.Errorf("%v: %+v, %v", x, v, err)
		}
	}
}
