package page_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/topology/load"
	"github.com/plimsoll-dev/plimsoll/core/topology/load/page"
	"github.com/plimsoll-dev/plimsoll/core/topology/load/result"
	"github.com/plimsoll-dev/plimsoll/core/topology/metric"
)

var update = flag.Bool("update", false, "write the golden files anew")

// run is n requests, all sent at 0, the first chunk after ttft, then output-1
// chunks tpot apart.
func run(n, output int, ttft, tpot time.Duration, p load.Pace) *load.Run {
	out := &load.Run{
		Started: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), Endpoint: load.Endpoint{URL: "http://127.0.0.1:8000", Model: "some/model", API: load.Chat}, Server: "0.24.0",
		Workload: load.Workload{Name: "chat", Input: 100, Output: output, Prompts: n, Seed: 1}, Pace: p, Warmup: 8, Lag: load.Lag{Send99: 0.0001, Read99: 0.0002, Probes: 100, Allowed: tpot.Seconds() / 10},
	}
	for i := range n {
		r := load.Request{N: i, Asked: output, Input: 100, Output: output, Counted: load.ByUsage, Status: 200, Kind: load.Fine, Finish: "length"}
		for k := range output {
			r.Chunks = append(r.Chunks, ttft+time.Duration(k)*tpot)
		}
		r.End = r.Chunks[output-1]
		out.Requests, out.Duration = append(out.Requests, r), max(out.Duration, r.End)
	}
	return out
}

func ms(n float64) time.Duration { return time.Duration(n * 1e6) }

// sample is a sweep of two topologies, one run of which is invalid, and a file of
// vLLM's.
func sample(t testing.TB) []result.Result {
	t.Helper()
	var all []result.Result
	add := func(label string, n int, ttft, tpot float64, p load.Pace, change func(*load.Run)) {
		r := run(n, 200, ms(ttft), ms(tpot), p)
		if change != nil {
			change(r)
		}
		all = append(all, result.Of(r, result.Options{Label: label, GPUs: 2, Limits: metric.Limits{TTFT: 2, TPOT: 0.02}}))
	}
	for i, c := range []int{4, 16, 32, 64, 128} {
		add("dp2", c, 80+20*float64(i*i), 6+1.7*float64(i)*float64(i), load.Pace{Concurrency: c}, nil)
		add("1p1d", c, 60+60*float64(i*i), 6.5+0.6*float64(i), load.Pace{Concurrency: c}, func(r *load.Run) {
			r.Duration += time.Duration(float64(r.Duration) * 0.25 * float64(i))
			if i == 4 {
				r.Invalid = append(r.Invalid, "the generator was too slow: it read late by 1.4ms at p99, and 10 % of the median gap between chunks is 900µs. Run it on a machine with more free processor time, or at a lower rate")
			}
		})
	}
	imported, err := result.Read(filepath.Join("..", "result", "testdata", "vllm.json"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range imported {
		imported[i].GPUs, imported[i].Label = 2, "tp2"
	}
	return append(all, imported...)
}

func html(t testing.TB, all []result.Result, o page.Options) string {
	t.Helper()
	src, err := page.HTML(all, o)
	if err != nil {
		t.Fatal(err)
	}
	return string(src)
}

func TestPage(t *testing.T) {
	got := html(t, sample(t), page.Options{Title: "Two B200: DP2, 1P1D and TP2 <sweep>"})
	golden := filepath.Join("testdata", "page.html")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Error("the page is not what it was; look at it in a browser, and run with -update when it is right")
	}
	for _, part := range []string{"http://", "https://", "<script", "<link", "url("} {
		if strings.Contains(got, part) {
			t.Errorf("the page has %q: it must need no network", part)
		}
	}
	for _, part := range []string{"&lt;sweep&gt;", "SLO 20 ms", "TPOT p99, ms", "TTFT p99, ms, logarithmic", `class="dot invalid`, "imported from vllm bench serve"} {
		if !strings.Contains(got, part) {
			t.Errorf("the page lacks %q", part)
		}
	}
	if strings.Contains(got, "NaN") || strings.Contains(got, "Inf") {
		t.Error("a figure is no number")
	}
}

func TestNothingToDraw(t *testing.T) {
	failed := result.Of(&load.Run{Requests: []load.Request{{Kind: load.Connect}}, Invalid: []string{"all failed"}}, result.Options{})
	for name, all := range map[string][]result.Result{"none": nil, "failed": {failed}} {
		got := html(t, all, page.Options{Title: name})
		if strings.Contains(got, "NaN") || !strings.Contains(got, "nothing can be said") && name == "failed" {
			t.Errorf("%s:\n%s", name, got)
		}
	}
}

// TestLimits: lines of an SLO at quantiles of its own, beyond the drawing, and of a
// figure that not every run has.
func TestLimits(t *testing.T) {
	all := sample(t)[:8] // without vLLM's and without the invalid run
	for name, c := range map[string]struct {
		limit page.Limit
		want  []string
		lacks []string
	}{
		"drawn":    {page.Limit{Figure: "TPOT", Quantile: "p95", Seconds: .02}, []string{"SLO 20 ms", "TPOT p95 &lt;= 20 ms) the best is"}, nil},
		"median":   {page.Limit{Figure: "TTFT", Quantile: "p50", Seconds: .2}, []string{"TTFT p50, ms", "SLO 200 ms"}, nil},
		"far":      {page.Limit{Figure: "TPOT", Quantile: "p95", Seconds: 4}, []string{"The SLO of 4,000 ms lies beyond the right edge"}, []string{`class="limit"`}},
		"none":     {page.Limit{Figure: "TPOT", Quantile: "p95", Seconds: .0001}, []string{"SLO 0.1 ms", "there is no valid run"}, nil},
		"latency":  {page.Limit{Figure: "latency", Quantile: "p95", Seconds: 3}, []string{"Throughput and time of a whole request", "SLO 3,000 ms"}, nil},
		"gaps":     {page.Limit{Figure: "ITL", Quantile: "p99", Seconds: .02}, []string{"Throughput and gaps between chunks"}, nil},
		"unlikely": {page.Limit{Figure: "TPOT", Quantile: "p12", Seconds: .02}, []string{"not every run has that figure", "cannot be said"}, []string{"the best is"}},
	} {
		got := html(t, all, page.Options{Title: name, Limits: []page.Limit{c.limit}})
		for _, w := range c.want {
			if !strings.Contains(got, w) {
				t.Errorf("%s: the page lacks %q", name, w)
			}
		}
		for _, w := range c.lacks {
			if strings.Contains(got, w) {
				t.Errorf("%s: the page has %q", name, w)
			}
		}
	}
}

// TestLeftOfLogarithm: a logarithmic axis has no 0, so that a limit can lie left of
// it.
func TestLeftOfLogarithm(t *testing.T) {
	got := html(t, sample(t), page.Options{Title: "left", Limits: []page.Limit{{Figure: "TTFT", Quantile: "p99", Seconds: .001}}})
	if !strings.Contains(got, "The SLO of 1 ms lies left of every run drawn: none keeps it") || strings.Contains(got, `class="limit"`) {
		t.Error("a limit left of the axis is drawn, or not spoken of")
	}
}

// TestAbsurdFigures: a file with figures beyond all reason is drawn without them,
// and ends: an axis of 1e308 once had endless ticks.
func TestAbsurdFigures(t *testing.T) {
	for _, v := range []string{"1e308", "5e-324", "1e-300"} {
		all, err := result.Parse([]byte(`{"duration":1,"completed":1,"output_throughput":`+v+`,"mean_tpot_ms":`+v+`,"p99_tpot_ms":`+v+`}`), "x.json")
		if err != nil {
			t.Fatal(err)
		}
		if got := html(t, all, page.Options{Title: "absurd"}); strings.Contains(got, "<figure>") {
			t.Errorf("%s is drawn", v)
		}
	}
}

func FuzzHTML(f *testing.F) {
	seed, err := os.ReadFile(filepath.Join("..", "result", "testdata", "vllm.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed, .02)
	f.Add([]byte(`{"duration":1e-300,"completed":1,"output_throughput":1e300,"mean_ttft_ms":1e308,"request_rate":"inf","max_concurrency":null}`), 1e300)
	f.Add([]byte(`{"duration":1,"completed":1,"output_throughput":1,"mean_tpot_ms":3,"label":"<script>"}`), .003)
	f.Fuzz(func(t *testing.T, src []byte, limit float64) {
		all, err := result.Parse(src, "x.json")
		if err != nil {
			return
		}
		got, err := page.HTML(all, page.Options{Title: "fuzz", Limits: []page.Limit{{Figure: "TPOT", Seconds: limit}}})
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{`="NaN`, `NaN%`, `Inf `, `="+Inf`, `<script`} {
			if bytes.Contains(got, []byte(bad)) {
				t.Fatal(fmt.Errorf("the page has %q:\n%s", bad, got))
			}
		}
	})
}
