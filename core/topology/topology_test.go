package topology_test

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/plimsoll-dev/plimsoll/core/topology"
	"github.com/plimsoll-dev/plimsoll/core/topology/arch"
	"github.com/plimsoll-dev/plimsoll/core/topology/hardware"
	"github.com/plimsoll-dev/plimsoll/core/topology/metric"
)

func model(t interface{ Fatal(...any) }, name string) topology.Model {
	src, err := os.ReadFile("published/testdata/models.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]map[string]any
	if err := json.Unmarshal(src, &all); err != nil {
		t.Fatal(err)
	}
	c := all[name]
	if pattern, ok := c["layer_pattern"].([]any); ok {
		var layers []any
		for i := range int(c["num_hidden_layers"].(float64)) {
			layers = append(layers, pattern[i%len(pattern)])
		}
		c["layer_types"] = layers
	}
	one, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	a, err := arch.Read(one)
	if err != nil {
		t.Fatal(err)
	}
	return topology.Model{Name: name, Arch: a}
}

func machine(gpu string, count, perNode int) topology.Hardware {
	g, _ := hardware.Lookup(gpu)
	return topology.Hardware{Name: gpu, GPU: g, Count: count, PerNode: perNode}
}

var (
	decodeHeavy  = topology.Workload{Name: "decode-heavy", Input: 512, Output: 2048, Prompts: 128}
	prefillHeavy = topology.Workload{Name: "prefill-heavy", Input: 7500, Output: 200, Prompts: 128}
)

func reference() []topology.Topology {
	return []topology.Topology{
		{Name: "tp2", Attention: "TRITON_ATTN", Pool: topology.Pool{TensorParallel: 2}},
		{Name: "pd1x1", Attention: "TRITON_ATTN", Prefill: &topology.Pool{GPUs: []int{0}}, Decode: &topology.Pool{GPUs: []int{1}}},
		{Name: "dp2", Attention: "TRITON_ATTN", Pool: topology.Pool{DataParallel: 2}},
	}
}

// The reference's measurement on two B200: calibrated on dp2 alone, the eight
// other cells land within 15 %, and every ordering is right.
func TestTheReference(t *testing.T) {
	h, m := machine("B200", 2, 2), model(t, "qwen3.6-27b")
	m.KV = "fp8"
	want := map[string][4]float64{"dp2": {8245, 11.4, 2230, 32.8}, "tp2": {7655, 12.2, 1545, 44.1}, "pd1x1": {6023, 14.8, 1330, 9.9}}
	start := topology.Textbook()
	start.Cold = 8
	tops := reference()
	cal, left := topology.Calibrate(start, []topology.Row{
		{Hardware: h, Model: m, Workload: decodeHeavy, Topology: tops[2], OutputTPS: 8245, TPOT: .0114, Cold: true},
		{Hardware: h, Model: m, Workload: prefillHeavy, Topology: tops[2], OutputTPS: 2230, TPOT: .0328},
	}, append(topology.Three(), topology.Cold))
	if left > .05 {
		t.Errorf("calibration leaves %.3f", left)
	}
	got := map[string][4]float64{}
	for _, top := range tops {
		var cells [4]float64
		for k, w := range []topology.Workload{decodeHeavy, prefillHeavy} {
			c := cal
			if k > 0 {
				c.Cold = 0
			}
			o, err := topology.Predict(h, m, w, top, c)
			if err != nil {
				t.Fatal(err)
			}
			cells[2*k], cells[2*k+1] = o.OutputTPS.Number, o.TPOT.Number*1e3
		}
		got[top.Name] = cells
		for k := range cells {
			if e := cells[k]/want[top.Name][k] - 1; math.Abs(e) > .15 {
				t.Errorf("%s, cell %d: %.1f, measured %.1f (%+.0f %%)", top.Name, k, cells[k], want[top.Name][k], 100*e)
			}
		}
	}
	for k := range 4 {
		for a := range want {
			for b := range want {
				if (want[a][k] < want[b][k]) != (got[a][k] < got[b][k]) {
					t.Errorf("cell %d: %s and %s are in the wrong order", k, a, b)
				}
			}
		}
	}
}

func TestDecideTheReference(t *testing.T) {
	m := model(t, "qwen3.6-27b")
	m.KV = "fp8"
	d := topology.Decision{Name: "serving", Hardware: machine("B200", 2, 2), Models: []topology.Model{m}, Workloads: []topology.Workload{prefillHeavy}, Topologies: reference()}
	r, err := topology.Decide(d, nil, topology.Textbook())
	if err != nil {
		t.Fatal(err)
	}
	first := r.Rankings[0].Ranked[0]
	if first.Topology.Name != "dp2" || !first.Admissible || first.Measured || first.Outcomes[0].PerGPU.Basis != topology.Predicted {
		t.Errorf("without an SLO: %+v", first)
	}
	d.SLO.TPOT95 = 20 * time.Millisecond
	if r, err = topology.Decide(d, nil, topology.Textbook()); err != nil {
		t.Fatal(err)
	}
	k := r.Rankings[0]
	if k.Ranked[0].Topology.Name != "pd1x1" || !k.Met {
		t.Errorf("with 20 ms a token: %+v", k.Ranked[0])
	}
	if len(k.Variables) != 4 {
		t.Fatalf("there are %d variables", len(k.Variables))
	}
	for _, v := range k.Variables {
		if len(strings.Fields(v.Words)) < 8 || !strings.HasSuffix(v.Words, ".") {
			t.Errorf("%s says %q", v.Name, v.Words)
		}
	}
	if k.Next != nil {
		t.Errorf("the others miss 20 ms by far, and next is %+v", k.Next)
	}
	d.SLO.TPOT95 = 45 * time.Millisecond // dp2 is predicted at 49
	if r, err = topology.Decide(d, nil, topology.Textbook()); err != nil {
		t.Fatal(err)
	}
	if n := r.Rankings[0].Next; n == nil || n.Topology != "pd1x1" || n.Command != "plimsoll topology bench --topology pd1x1 --model qwen3.6-27b --workload prefill-heavy" {
		t.Errorf("dp2 may keep 45 ms after all, and next is %+v", n)
	}
	d.SLO.TPOT95 = 51 * time.Millisecond
	if r, err = topology.Decide(d, nil, topology.Textbook()); err != nil {
		t.Fatal(err)
	}
	if n := r.Rankings[0].Next; n == nil || n.Topology != "dp2" {
		t.Errorf("dp2 keeps 51 ms by a hair, and next is %+v", n)
	}
}

// A measurement replaces the prediction and is labelled; an invalid one does not.
func TestMeasuredBeatsPredicted(t *testing.T) {
	m := model(t, "qwen3.6-27b")
	m.KV = "fp8"
	d := topology.Decision{Hardware: machine("B200", 2, 2), Models: []topology.Model{m}, Workloads: []topology.Workload{decodeHeavy}, Topologies: reference()}
	say := func(name string, tps float64, valid bool) topology.Measurement {
		return topology.Measurement{Topology: name, Model: m.Name, Workload: "decode-heavy", Valid: valid, Outcome: topology.Outcome{OutputTPS: topology.Value{Number: tps, Basis: topology.Measured}}}
	}
	r, err := topology.Decide(d, []topology.Measurement{say("tp2", 30000, true), say("dp2", 99999, false)}, topology.Textbook())
	if err != nil {
		t.Fatal(err)
	}
	first := r.Rankings[0].Ranked[0]
	if first.Topology.Name != "tp2" || !first.Measured || first.Outcomes[0].PerGPU != (topology.Value{Number: 15000, Basis: topology.Measured}) {
		t.Errorf("first is %+v", first)
	}
	if first.Outcomes[0].TPOT.Basis != topology.Predicted {
		t.Error("what was not measured should say so")
	}
	if n := r.Rankings[0].Next; n != nil {
		t.Errorf("nothing comes near, and next is %+v", n)
	}
	r, err = topology.Decide(d, []topology.Measurement{say("dp2", 14000, true)}, topology.Textbook())
	if err != nil {
		t.Fatal(err)
	}
	if n := r.Rankings[0].Next; n == nil || n.Topology != "tp2" {
		t.Errorf("tp2 is near and only predicted, and next is %+v", n)
	}
}

// One-token answers have no time per token: nobody is ranked by what is not
// known, and an SLO on it is not kept.
func TestOneTokenAnswers(t *testing.T) {
	d := topology.Decision{
		Hardware: machine("B200", 2, 2), Models: []topology.Model{model(t, "qwen3.6-27b")}, Objective: topology.LowTPOT, Topologies: reference(),
		Workloads: []topology.Workload{{Name: "classify", Input: 500, Output: 1, Prompts: 16}}, SLO: topology.SLO{TPOT95: time.Second},
	}
	r, err := topology.Decide(d, nil, topology.Textbook())
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range r.Rankings[0].Ranked {
		if x.Score != 0 || x.Admissible || len(x.Outcomes[0].Unknown) == 0 {
			t.Errorf("%s: %+v", x.Topology.Name, x)
		}
	}
	d.Objective, d.SLO = topology.LowTTFT, topology.SLO{}
	if r, err = topology.Decide(d, nil, topology.Textbook()); err != nil {
		t.Fatal(err)
	}
	k := r.Rankings[0].Ranked
	if k[0].Score != 1 || k[0].Outcomes[0].TTFT.Number > k[1].Outcomes[0].TTFT.Number {
		t.Errorf("by time to first token: %+v", k)
	}
}

func TestRequireDecides(t *testing.T) {
	d := topology.Decision{
		Hardware: machine("B200", 2, 2), Models: []topology.Model{model(t, "qwen3.6-27b")}, Workloads: []topology.Workload{prefillHeavy}, Topologies: reference(),
		Require: func(o topology.Outcome) (bool, error) { return o.Numbers()["tpot"] < .02, nil },
	}
	r, err := topology.Decide(d, nil, topology.Textbook())
	if err != nil || r.Rankings[0].Ranked[0].Topology.Name != "pd1x1" {
		t.Errorf("%v, %+v", err, r)
	}
	boom := errors.New("boom")
	d.Require = func(topology.Outcome) (bool, error) { return false, boom }
	if _, err := topology.Decide(d, nil, topology.Textbook()); !errors.Is(err, boom) {
		t.Errorf("a rule that fails gave %v", err)
	}
}

func TestSearchFindsWhatFitsAndSaysWhyNot(t *testing.T) {
	fit, left := topology.Search(machine("B200", 2, 2), model(t, "qwen3.6-27b"), prefillHeavy, "vllm", "0.24")
	var names []string
	for _, x := range fit {
		names = append(names, x.Name)
	}
	slices.Sort(names)
	if !slices.Equal(names, []string{"dp2", "pd1x1", "tp2"}) {
		t.Errorf("two B200 give %v", names)
	}
	if len(left) > 0 {
		t.Errorf("left out: %v", left)
	}
	fit, left = topology.Search(machine("H100", 8, 8), model(t, "deepseek-v3"), prefillHeavy, "vllm", "0.24")
	if len(fit) > 0 || len(left) == 0 {
		t.Errorf("671 GB on 640: %d fit, %d do not", len(fit), len(left))
	}
	for _, s := range left {
		var m *topology.Misfit
		if !errors.As(s.Err, &m) || !strings.Contains(m.Why, "GiB") && !strings.Contains(m.Why, "heads") {
			t.Errorf("%s: %v", s.Topology.Name, s.Err)
		}
	}
	names = names[:0]
	fit, _ = topology.Search(machine("H200", 8, 8), model(t, "gpt-oss-120b"), decodeHeavy, "vllm", "0.24")
	for _, x := range fit {
		if slices.Contains(names, x.Name) {
			t.Errorf("%s is there twice", x.Name)
		}
		if x.GPUs(model(t, "gpt-oss-120b")) != 8 {
			t.Errorf("%s takes %d GPUs", x.Name, x.GPUs(model(t, "gpt-oss-120b")))
		}
		names = append(names, x.Name)
	}
	if !slices.Contains(names, "dep8") || !slices.Contains(names, "tp8") || len(names) < 20 {
		t.Errorf("eight H200 give %v", names)
	}
}

func TestAbstentions(t *testing.T) {
	m := model(t, "deepseek-v3")
	wide := topology.Topology{Name: "ep16", Engine: "vllm", Version: "0.24", Pool: topology.Pool{DataParallel: 16, TensorParallel: 1, ExpertParallel: 16}}
	for what, c := range map[string]struct {
		h    topology.Hardware
		m    topology.Model
		t    topology.Topology
		fact string
	}{
		"experts across nodes": {machine("H200", 16, 8), m, wide, "expert parallel across nodes"},
		"tensors across nodes": {machine("H200", 16, 8), model(t, "qwen3-32b"), topology.Topology{Pool: topology.Pool{TensorParallel: 16}}, "tensor parallel across nodes"},
		"an unknown model":     {machine("H200", 8, 8), topology.Model{Name: "x"}, topology.Topology{}, "architecture"},
		"an old engine":        {machine("H200", 8, 8), model(t, "qwen3-32b"), topology.Topology{Engine: "vllm", Version: "0.2"}, "engine version"},
		"an unknown format":    {machine("H200", 8, 8), topology.Model{Name: "x", Arch: m.Arch, Weights: "fp3"}, topology.Topology{}, "weights"},
	} {
		_, err := topology.Predict(c.h, c.m, decodeHeavy, c.t, topology.Textbook())
		var a *topology.Abstention
		if !errors.As(err, &a) || a.Fact != c.fact || a.Do == "" {
			t.Errorf("%s: %v", what, err)
		}
	}
	// GB200 share one domain: sixteen are no nodes apart
	if _, err := topology.Steady(machine("GB200", 16, 0), m, topology.Workload{Input: 1000, Output: 1000, Concurrency: 64}, wide, topology.Textbook()); err != nil {
		t.Error(err)
	}
}

func TestAbsurdInputIsRefused(t *testing.T) {
	m := model(t, "qwen3-32b")
	good := machine("H200", 8, 8)
	for what, c := range map[string]struct {
		h topology.Hardware
		w topology.Workload
		t topology.Topology
	}{
		"no GPUs":          {machine("H200", 0, 0), decodeHeavy, topology.Topology{}},
		"no input":         {good, topology.Workload{Output: 1}, topology.Topology{}},
		"a billion tokens": {good, topology.Workload{Input: 1e9, Output: 1}, topology.Topology{}},
		"a negative rate":  {good, topology.Workload{Input: 1, Output: 1, Rate: -1}, topology.Topology{}},
		"half a split":     {good, decodeHeavy, topology.Topology{Prefill: &topology.Pool{}}},
		"minus one":        {good, decodeHeavy, topology.Topology{Pool: topology.Pool{TensorParallel: -1}}},
		"too many GPUs":    {good, decodeHeavy, topology.Topology{Pool: topology.Pool{TensorParallel: 8, Replicas: 2}}},
	} {
		if _, err := topology.Predict(c.h, m, c.w, c.t, topology.Textbook()); err == nil {
			t.Errorf("%s was predicted", what)
		}
	}
	if _, err := topology.Decide(topology.Decision{Hardware: good, Objective: "fun"}, nil, topology.Textbook()); err == nil || !strings.Contains(err.Error(), "no model") || !strings.Contains(err.Error(), "no workload") || !strings.Contains(err.Error(), "fun") {
		t.Errorf("all faults should be said at once: %v", err)
	}
}

func TestPlacement(t *testing.T) {
	small, large := model(t, "llama-3.1-8b"), model(t, "llama2-70b")
	ws := []topology.Workload{decodeHeavy}
	p, err := topology.Place(machine("H100", 8, 8), []topology.Model{large, small}, ws)
	if err != nil || p.Kind != "beside" || !slices.Equal(p.GPUs, []int{7, 1}) {
		t.Errorf("%+v, %v", p, err)
	}
	p, err = topology.Place(machine("H100", 4, 4), []topology.Model{large, large}, ws)
	if err != nil || p.Kind != "beside" {
		t.Errorf("%+v, %v", p, err)
	}
	p, err = topology.Place(machine("H100", 2, 2), []topology.Model{large, small}, ws)
	if err == nil && p.Kind != "phased" {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := topology.Place(machine("A30", 1, 1), []topology.Model{large, small}, ws); err == nil {
		t.Error("70B was placed on an A30")
	}
}

func TestAnchorMakesTheModelAgree(t *testing.T) {
	row := topology.Row{Hardware: machine("H100", 2, 2), Model: model(t, "qwen3-32b"), Workload: topology.Workload{Input: 1000, Output: 500, Concurrency: 32}, Topology: topology.Topology{Name: "tp2", Pool: topology.Pool{TensorParallel: 2}}, TPOT: .031, TTFT: .4}
	c, err := topology.Anchored(topology.Textbook(), row)
	if err != nil {
		t.Fatal(err)
	}
	p, err := topology.Steady(row.Hardware, row.Model, row.Workload, row.Topology, c)
	if err != nil || math.Abs(p.TPOT/.031-1) > .03 || math.Abs(p.TTFT/.4-1) > .1 {
		t.Errorf("anchored: TPOT %g, TTFT %g, %v", p.TPOT, p.TTFT, err)
	}
}

func TestCapacityFallsWithTighterLimits(t *testing.T) {
	h, m := machine("H100", 2, 2), model(t, "qwen3-32b")
	w := topology.Workload{Input: 1000, Output: 100, Prompts: 100}
	top := topology.Topology{Pool: topology.Pool{TensorParallel: 2}}
	loose, err := topology.Capacity(h, m, w, top, topology.Textbook(), metric.Limits{TTFT: 2, TPOT: .1}, .9)
	if err != nil {
		t.Fatal(err)
	}
	tight, err := topology.Capacity(h, m, w, top, topology.Textbook(), metric.Limits{TTFT: .3, TPOT: .03}, .9)
	if err != nil || !(tight < loose) || !(tight > 0) {
		t.Errorf("loose %g, tight %g, %v", loose, tight, err)
	}
	none, err := topology.Capacity(h, m, w, top, topology.Textbook(), metric.Limits{TTFT: 1e-6}, .9)
	if err != nil || none != 0 {
		t.Errorf("a microsecond gave %g, %v", none, err)
	}
}

// A steady state follows Little's law and gives finite figures on everything
// that fits.
func TestSteadyStates(t *testing.T) {
	models := []topology.Model{model(t, "qwen3-32b"), model(t, "qwen3.6-27b"), model(t, "gpt-oss-120b"), model(t, "gemma-4-26b"), model(t, "llama-3.1-8b")}
	rapid.Check(t, func(t *rapid.T) {
		m := rapid.SampledFrom(models).Draw(t, "model")
		h := machine(rapid.SampledFrom([]string{"H100", "H200", "B200", "L40S"}).Draw(t, "gpu"), rapid.SampledFrom([]int{1, 2, 4, 8}).Draw(t, "count"), 0)
		w := topology.Workload{Input: rapid.IntRange(1, 30000).Draw(t, "in"), Output: rapid.IntRange(1, 4000).Draw(t, "out"), Concurrency: rapid.IntRange(1, 2000).Draw(t, "concurrency")}
		fit, left := topology.Search(h, m, w, "", "")
		for _, s := range left {
			var misfit *topology.Misfit
			var abstention *topology.Abstention
			if !errors.As(s.Err, &misfit) && !errors.As(s.Err, &abstention) {
				t.Fatalf("%s is left out by %v", s.Topology.Name, s.Err)
			}
		}
		if len(fit) == 0 {
			return
		}
		p, err := topology.Steady(h, m, w, rapid.SampledFrom(fit).Draw(t, "topology"), topology.Textbook())
		if err != nil {
			t.Fatal(err)
		}
		flight := p.Requests * (p.TTFT + float64(w.Output-1)*p.TPOT)
		if math.Abs(flight/float64(w.Concurrency)-1) > 1e-6 || !(p.OutputTPS > 0) || math.IsInf(p.OutputTPS, 0) || !(p.TTFT > 0) || !(p.TPOT > 0) {
			t.Fatalf("%+v", p)
		}
	})
}
