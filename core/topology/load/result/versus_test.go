package result_test

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/topology/load"
	"github.com/plimsoll-dev/plimsoll/core/topology/load/result"
	"github.com/plimsoll-dev/plimsoll/core/topology/metric"
	"pgregory.net/rapid"
)

// one is a result whose TTFT and TPOT are as given, changed as asked.
func one(label string, n int, ttft, tpot float64, p load.Pace, change func(*load.Run)) result.Result {
	run := synthetic(n, 101, ms(ttft), ms(tpot), p)
	if change != nil {
		change(run)
	}
	return result.Of(run, result.Options{Label: label, GPUs: 2, Limits: metric.Limits{TPOT: .5}})
}

func TestAgainst(t *testing.T) {
	at16, at64 := load.Pace{Concurrency: 16}, load.Pace{Concurrency: 64}
	sweep := func(label string, ttft, tpot float64) []result.Result {
		return []result.Result{one(label, 16, ttft, tpot, at16, nil), one(label, 64, 2*ttft, 2*tpot, at64, nil)}
	}
	base := sweep("dp2", 100, 10)
	imported := func(change func(*result.Result)) []result.Result {
		r := one("vllm", 16, 100, 10, at16, nil)
		r.Imported, r.TPOT.Definition = result.VLLM, "vllm-bench-serve/tpot"
		if change != nil {
			change(&r)
		}
		return []result.Result{r}
	}
	for name, c := range map[string]struct {
		a, b   []result.Result
		better string
		says   []string
	}{
		"better in all":    {base, sweep("tp2", 90, 8), "b", []string{"tp2 is better in output throughput (+", "TTFT p95 (-10.0 %, at 2 of 2 paces)", "TPOT p95 (-20.0 %", "of tp2 against dp2"}},
		"worse in all":     {base, sweep("tp2", 110, 12), "a", []string{"dp2 is better in output throughput (-", "of tp2 against dp2"}},
		"a trade":          {base, sweep("1p1d", 200, 8), "trade", []string{"A trade: dp2 is better in TTFT p95 (+100.0 %, at 2 of 2 paces); 1p1d is better in "}},
		"within the noise": {base, sweep("again", 101, 10.1), "neither", []string{"no figure differs by more than 3 %"}},
		"the same name":    {base, sweep("dp2", 50, 5), "b", []string{"dp2 (B) is better"}},
		"nothing":          {base, nil, "unknown", []string{"has no results"}},
		"no common pace":   {base[:1], base[1:], "unknown", []string{"no pace was measured in both (dp2 (A): 16 at once; dp2 (B): 64 at once)"}},
		"other lengths":    {base, []result.Result{one("x", 16, 100, 10, at16, func(r *load.Run) { r.Workload.Input = 200 })}, "unknown", []string{"different loads: 100 tokens in, 101 out, and 200 tokens in, 101 out"}},
		"a shared prefix":  {base, []result.Result{one("x", 16, 100, 10, at16, func(r *load.Run) { r.Workload.SharedPrefix = 50 })}, "unknown", []string{"the first 50 the same in all"}},
		"two loads in one": {append(base[:1:1], one("dp2", 16, 1, 1, at16, func(r *load.Run) { r.Workload.Output = 7 })), base, "unknown", []string{"holds results of 2 loads"}},
		"all invalid":      {base[:1], []result.Result{one("x", 16, 1, 1, at16, func(r *load.Run) { r.Invalid = []string{"the generator was too slow"} })}, "unknown", []string{"no pace has a valid run of both"}},
		"other bursts":     {[]result.Result{one("a", 16, 1, 1, load.Pace{}, nil)}, []result.Result{one("b", 64, 1, 1, load.Pace{}, nil)}, "unknown", []string{"no pace has a valid run of both"}},
		"imported":         {base[:1], imported(nil), "neither", nil},
		"near lengths":     {base[:1], imported(func(r *result.Result) { r.Workload.Input = 101 }), "neither", nil},
	} {
		v := result.Against(c.a, c.b, .03)
		if v.Better != c.better {
			t.Errorf("%s: better is %q, not %q: %s", name, v.Better, c.better, v.Says)
		}
		for _, s := range c.says {
			if !strings.Contains(v.Says, s) {
				t.Errorf("%s: %q lacks %q", name, v.Says, s)
			}
		}
		if (v.Better == "unknown") != (len(v.Apart) > 0 || !judged(v)) {
			t.Errorf("%s: an answer without a pair, or none with one: %+v", name, v)
		}
	}
	note := func(a, b []result.Result, want string) {
		t.Helper()
		if v := result.Against(a, b, .03); !strings.Contains(strings.Join(v.Notes, "\n"), want) {
			t.Errorf("the notes %q lack %q", v.Notes, want)
		}
	}
	note(base, base[:1], "measured in one of the two only: dp2 (A): 64 at once")
	note(base[:1], imported(nil), "definitions of their own")
	note(base, []result.Result{one("x", 16, 1, 1, at16, func(r *load.Run) { r.Endpoint.Model = "other" })}, "says nothing of how good its answers are")
	note(base, []result.Result{one("x", 16, 1, 1, at16, func(r *load.Run) { r.Warmup = 0 })}, "had a warm-up and the other had none")
	four := base[0]
	four.Label, four.GPUs = "four", 4
	note(base, []result.Result{four}, "compared for each GPU")
	if v := result.Against(base, []result.Result{four}, .03); v.Pairs[0].Gaps[0].Figure != "output throughput a GPU" || v.Pairs[0].Gaps[0].Better != "a" {
		t.Errorf("%+v", v.Pairs[0].Gaps[0])
	}
}

func judged(v result.Versus) bool {
	for _, p := range v.Pairs {
		if p.Refused == "" {
			return true
		}
	}
	return false
}

// TestAgainstTurned: who is A changes nothing but the names.
func TestAgainstTurned(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) result.Result {
			return one(label, rapid.IntRange(1, 4).Draw(t, "n"), rapid.Float64Range(1, 500).Draw(t, "ttft"), rapid.Float64Range(1, 50).Draw(t, "tpot"), load.Pace{Concurrency: 4}, nil)
		}
		a, b := []result.Result{draw("a")}, []result.Result{draw("b")}
		noise := rapid.Float64Range(0, .5).Draw(t, "noise")
		x, y := result.Against(a, b, noise), result.Against(b, a, noise)
		turned := map[string]string{"a": "b", "b": "a", "neither": "neither", "trade": "trade", "unknown": "unknown", "same": "same"}
		if x.Better != turned[y.Better] {
			t.Fatalf("%q and turned %q", x.Better, y.Better)
		}
		for i, g := range x.Pairs[0].Gaps {
			if g.Better != turned[y.Pairs[0].Gaps[i].Better] {
				t.Fatalf("%+v and turned %+v", g, y.Pairs[0].Gaps[i])
			}
		}
	})
}

func TestFileName(t *testing.T) {
	seen := map[string]bool{}
	for want, p := range map[string]load.Pace{
		"burst": {}, "rate-4": {Rate: 4}, "rate-0.5": {Rate: .5}, "at-16": {Concurrency: 16}, "rate-4-at-16": {Rate: 4, Concurrency: 16},
		"rate-4-gamma-0.25": {Rate: 4, Burstiness: .25}, "trace-speed-2": {Speed: 2}, "trace-at-8": {Concurrency: 8},
	} {
		w := load.Workload{}
		if strings.HasPrefix(want, "trace") {
			w.TraceName = "x"
		}
		if got := result.FileName(w, p); got != want || seen[got] {
			t.Errorf("%s is named %q, not %q", p, got, want)
		}
		seen[want] = true
	}
	if got := result.FileName(load.Workload{}, load.Pace{Rate: load.Rate(math.Inf(1))}); got != "burst" {
		t.Errorf("infinite: %q", got)
	}
}

// TestCollect: a folder of measurements, one of whose raw files was changed, one
// file of which is broken.
func TestCollect(t *testing.T) {
	dir := t.TempDir()
	for i, p := range []load.Pace{{Rate: 8}, {Rate: 2}, {}} {
		if _, err := one("a", 4, 10, 1, p, nil).Save(dir, result.FileName(load.Workload{}, p)); err != nil {
			t.Fatal(i, err)
		}
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("sweep.state", "{}")
	all, faults := result.Collect([]string{dir})
	if len(all) != 3 || len(faults) != 0 {
		t.Fatalf("%d results, %v", len(all), faults)
	}
	if o := result.Ordered(all); o[0].Pace.Rate != 2 || o[1].Pace.Rate != 8 {
		t.Errorf("not in the order of load: %v, %v", o[0].Pace, o[1].Pace)
	}
	write("rate-8.requests.jsonl", "{}\n")
	if err := os.Remove(filepath.Join(dir, "rate-2.requests.jsonl")); err != nil {
		t.Fatal(err)
	}
	write("broken.json", "{")
	all, faults = result.Collect([]string{dir, filepath.Join(dir, "nothing")})
	var text strings.Builder
	for _, r := range all {
		text.WriteString(strings.Join(r.Warnings, "\n"))
	}
	if len(all) != 3 || len(faults) != 2 || !strings.Contains(text.String(), "was changed since") || !strings.Contains(text.String(), "rate-2.requests.jsonl is missing") {
		t.Errorf("%d results, %v, warnings %s", len(all), faults, text.String())
	}
	if _, faults := result.Collect([]string{t.TempDir()}); len(faults) != 1 || !strings.Contains(faults[0].Error(), "no .json file lies in it") {
		t.Errorf("an empty folder: %v", faults)
	}
}

// TestDetail: what vLLM writes with --save-detailed has every request's times, from
// which percentiles that it does not state follow; where they contradict what it
// states, they do not.
func TestDetail(t *testing.T) {
	src := func(mean string) []byte {
		return []byte(`{"date":"20261121-120000","model_id":"m","num_prompts":4,"duration":2,"completed":3,"failed":1,"total_input_tokens":30,"total_output_tokens":9,"request_throughput":1.5,"output_throughput":4.5,
"mean_ttft_ms":` + mean + `,"output_lens":[3,3,3,0],"ttfts":[0.1,0.2,0.3,0.0],"itls":[[0.01,0.01],[0.02,0.02],[0.03,0.03],[]],"errors":["","","","boom"],"ramp_up_strategy":"linear"}`)
	}
	r := parse(t, src("200"))
	near := func(name string, got result.Number, want float64) {
		if math.Abs(float64(got)-want) > 1e-9 {
			t.Errorf("%s is %g, not %g", name, float64(got), want)
		}
	}
	near("TTFT p50", r.TTFT.Median, .2)
	near("TTFT p95", r.TTFT.P95, .29)
	near("TPOT mean", r.TPOT.Mean, .02)
	near("ITL max", r.ITL.Most, .03)
	if r.TTFT.N != 3 || r.ITL.N != 6 || !strings.Contains(strings.Join(r.Warnings, "\n"), "computed here") || !strings.Contains(strings.Join(r.Warnings, "\n"), "ramped up (linear)") {
		t.Errorf("%+v", r)
	}
	if lacks := strings.Join(r.Lacks(), "; "); strings.Contains(lacks, "TTFT") || !strings.Contains(lacks, "how many GPUs") || !strings.Contains(lacks, "latency") {
		t.Errorf("it lacks %s", lacks)
	}
	if r := parse(t, src("300")); r.TTFT.P95.Known() || !strings.Contains(strings.Join(r.Warnings, "\n"), "not those of its own times (TTFT 300 and 200 ms)") {
		t.Errorf("a mean that contradicts the times: %+v", r.TTFT)
	}
	for _, broken := range []string{`"ttfts":[0.1]`, `"ttfts":"none"`, `"ttfts":[-1,0.2,0.3,0]`} {
		odd := strings.Replace(string(src("200")), `"ttfts":[0.1,0.2,0.3,0.0]`, broken, 1)
		if r := parse(t, []byte(odd)); r.TTFT.P95.Known() {
			t.Errorf("%s gives a TTFT p95 of %g", broken, float64(r.TTFT.P95))
		}
	}
}

func parse(t *testing.T, src []byte) result.Result {
	t.Helper()
	all, err := result.Parse(src, "x.json")
	if err != nil || len(all) != 1 {
		t.Fatalf("%d results: %v", len(all), err)
	}
	return all[0]
}
