package result_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/topology/load"
	"github.com/plimsoll-dev/plimsoll/core/topology/load/result"
	"github.com/plimsoll-dev/plimsoll/core/topology/metric"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what it was; look at the difference, and run with -update when it is right", name)
	}
}

var day = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// synthetic is a run whose figures can be computed in the head: n requests, all
// sent at 0, the first chunk after ttft, then output-1 chunks tpot apart.
func synthetic(n, output int, ttft, tpot time.Duration, p load.Pace) *load.Run {
	run := &load.Run{Started: day, Endpoint: load.Endpoint{URL: "http://127.0.0.1:8000", Model: "some/model", API: load.Chat}, Server: "0.24.0", Workload: load.Workload{Name: "chat", Input: 100, Output: output, Prompts: n, Seed: 1}, Pace: p, Warmup: 8, Prompt: load.Prompt{API: load.Chat, PerWord: 1.1, Measured: true}}
	for i := range n {
		r := load.Request{N: i, Asked: output, Input: 100, Output: output, Counted: load.ByUsage, Status: 200, Kind: load.Fine, Finish: "length"}
		for k := range output {
			r.Chunks = append(r.Chunks, ttft+time.Duration(k)*tpot)
		}
		r.End = r.Chunks[output-1]
		run.Requests, run.Duration = append(run.Requests, r), max(run.Duration, r.End)
	}
	run.Lag = load.Lag{Send99: 0.0001, Read99: 0.0002, Probes: 100, Allowed: tpot.Seconds() / 10}
	return run
}

func ms(n float64) time.Duration { return time.Duration(n * 1e6) }

// sample is a sweep of two topologies, one run of which is invalid, and a file of
// vLLM's.
func sample(t *testing.T) []result.Result {
	t.Helper()
	var all []result.Result
	add := func(label string, n int, ttft, tpot float64, p load.Pace, change func(*load.Run)) {
		run := synthetic(n, 200, ms(ttft), ms(tpot), p)
		if change != nil {
			change(run)
		}
		all = append(all, result.Of(run, result.Options{Label: label, GPUs: 2, Limits: metric.Limits{TTFT: 2, TPOT: 0.02}}))
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
	src, err := os.ReadFile("testdata/vllm.json")
	if err != nil {
		t.Fatal(err)
	}
	imported, err := result.Parse(src, "tp2.json")
	if err != nil {
		t.Fatal(err)
	}
	for i := range imported {
		imported[i].GPUs = 2
	}
	return append(all, imported...)
}

func TestFigures(t *testing.T) {
	run := synthetic(10, 21, ms(100), ms(5), load.Pace{})
	run.Requests[3].Kind, run.Requests[3].Error = load.Cut, "cut"
	r := result.Of(run, result.Options{Label: "a", GPUs: 4, Limits: metric.Limits{TPOT: 0.004}})
	near := func(name string, got result.Number, want float64) {
		if math.Abs(float64(got)-want) > 1e-9 {
			t.Errorf("%s is %g, not %g", name, float64(got), want)
		}
	}
	near("TTFT", r.TTFT.Mean, 0.1)
	near("TPOT", r.TPOT.P95, 0.005)
	near("latency", r.Latency.Median, 0.2)
	near("throughput", r.OutputTPS.Value, 9*21/0.2)
	near("total throughput", r.TotalTPS.Value, 9*121/0.2)
	near("requests", r.Rate.Value, 45)
	near("goodput", r.Goodput.Value, 0)
	if r.PerGPU() != float64(r.OutputTPS.Value)/4 || r.ITL.N != 180 || r.Kinds["cut"] != 1 || r.Consistency == nil || !r.Consistency.Holds {
		t.Errorf("%+v", r)
	}
	for _, id := range []string{r.TTFT.Definition, r.TPOT.Definition, r.OutputTPS.Definition, r.TotalTPS.Definition, r.Goodput.Definition} {
		if r.Definitions[id] == "" {
			t.Errorf("%q is not defined", id)
		}
	}
	run.Duration += 5 * time.Second
	if r := result.Of(run, result.Options{}); r.Consistency.Holds || !strings.Contains(strings.Join(r.Warnings, "\n"), "are not explained") || r.Goodput.Value.Known() {
		t.Errorf("5 s of cold start were not seen: %+v", r.Consistency)
	}
}

func TestSaveAndRead(t *testing.T) {
	dir := t.TempDir()
	r := result.Of(synthetic(4, 3, ms(10), ms(2), load.Pace{Rate: 4}), result.Options{Label: "a"})
	path, err := r.Save(dir, "a-rate-4")
	if err != nil {
		t.Fatal(err)
	}
	back, err := result.Read(path)
	if err != nil || len(back) != 1 {
		t.Fatal(err)
	}
	first, second := mustJSON(t, back[0]), must(os.ReadFile(path))
	if !bytes.Equal(bytes.TrimSpace(first), bytes.TrimSpace(second)) {
		t.Errorf("read and written again it differs:\n%s\n%s", first, second)
	}
	raw, err := result.ReadRequests(back[0], dir)
	if err != nil || !reflect.DeepEqual(raw, synthetic(4, 3, ms(10), ms(2), load.Pace{Rate: 4}).Requests) {
		t.Errorf("raw data: %v, %v", raw, err)
	}
	if err := os.WriteFile(filepath.Join(dir, back[0].Raw), []byte("{}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := result.ReadRequests(back[0], dir); err == nil || !strings.Contains(err.Error(), "was changed") {
		t.Errorf("changed raw data: %v", err)
	}
	golden(t, "result.json", second)
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestImport(t *testing.T) {
	all := sample(t)
	r := all[len(all)-3]
	if r.Imported != result.VLLM || r.Label != "tp2" || r.Pace.Concurrency != 8 || r.Succeeded != 80 || r.Started != day || math.Abs(float64(r.TPOT.Mean)-0.0071) > 1e-12 || r.TPOT.P95.Known() || !strings.HasPrefix(r.TPOT.Definition, "vllm-bench-serve/") || r.Workload.Input != 100 || r.Workload.Output != 200 {
		t.Errorf("%+v", r)
	}
	if last := all[len(all)-1]; !strings.Contains(strings.Join(last.Warnings, " "), "2 of 640 requests failed") || !math.IsInf(float64(last.Pace.Rate), 1) {
		t.Errorf("%+v", last)
	}
	for src, want := range map[string]string{
		``:               "no JSON object",
		`[]`:             "no JSON object",
		`{}`:             "neither a result of Plimsoll nor of vllm bench serve",
		`{"schema":"x"}`: "written by another version",
		`{"duration":-1,"completed":1,"output_throughput":1}`:                       "its duration is -1 s",
		`{"duration":1,"completed":-1,"output_throughput":1}`:                       "negative",
		`{"duration":1,"completed":1,"output_throughput":-1}`:                       "is -1",
		`{"duration":1,"completed":1,"output_throughput":1,"mean_tpot_ms":"fast"}`:  "which is no figure",
		`{"duration":1,"completed":1,"output_throughput":1,"request_rate":"often"}`: `request_rate is "often"`,
		`{"duration":1,"completed":1,"output_throughput":1} {"duration":1`:          "result 2 of the file",
		`{"schema":"plimsoll.dev/bench/v1","requests":1,"succeeded":2}`:             "not possible",
	} {
		if _, err := result.Parse([]byte(src), "x.json"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v lacks %q", src, err, want)
		}
	}
}

func TestCSV(t *testing.T) {
	src := result.CSV(sample(t))
	lines, err := csv.NewReader(bytes.NewReader(src)).ReadAll()
	if err != nil || len(lines) != 14 {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	golden(t, "results.csv", src)
}

func TestFront(t *testing.T) {
	at := func(tps, tpot float64, valid bool) result.Result {
		return result.Result{Valid: valid, Succeeded: 1, GPUs: 1, OutputTPS: result.Value{Value: result.Number(tps)}, TPOT: result.Spread{P95: result.Number(tpot)}}
	}
	all := []result.Result{at(100, 0.01, true), at(90, 0.02, true), at(200, 0.03, true), at(500, 0.001, false), at(200, 0.04, true), at(100, 0.02, true)}
	a, ok := result.AxisOf("TPOT", "", all)
	if got := result.Front(all, a); !ok || a.Name != "TPOT p95" || !slices.Equal(got, []int{0, 2}) {
		t.Errorf("the front on %q is %v, and the first and the third run are it", a.Name, got)
	}
	all[1].TPOT.P95, all[1].TPOT.P99 = result.Number(math.NaN()), 0.03
	if a, ok := result.AxisOf("TPOT", "p95", all); ok {
		t.Errorf("not every result has the figure, and %q is an axis", a.Name)
	}
	if _, ok := result.AxisOf("speed", "", all); ok {
		t.Error("there is no figure called speed")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(must(os.ReadFile("testdata/vllm.json")))
	f.Add(must(os.ReadFile("testdata/result.json")))
	f.Add([]byte(`{"duration":1e-300,"completed":1,"output_throughput":1e300,"mean_ttft_ms":1e308,"request_rate":"inf","max_concurrency":null}`))
	f.Fuzz(func(t *testing.T, src []byte) {
		all, err := result.Parse(src, "x.json")
		if err != nil {
			return
		}
		result.Against(all, all, .03)
		if _, err := csv.NewReader(bytes.NewReader(result.CSV(all))).ReadAll(); err != nil {
			t.Fatal(err)
		}
		for _, r := range all {
			if _, err := json.Marshal(r); err != nil {
				t.Fatal(fmt.Errorf("it cannot be written again: %w", err))
			}
		}
	})
}
