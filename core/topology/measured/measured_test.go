package measured

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/plimsoll-dev/plimsoll/core/topology"
	"github.com/plimsoll-dev/plimsoll/core/topology/arch"
	"github.com/plimsoll-dev/plimsoll/core/topology/hardware"
	"github.com/plimsoll-dev/plimsoll/core/topology/load/result"
)

// small is a made-up dense model.
const small = `{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256}`

func decision(t testing.TB) topology.Decision {
	t.Helper()
	a, err := arch.Read([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	gpu, ok := hardware.Lookup("H100")
	if !ok {
		t.Fatal("no H100")
	}
	return topology.Decision{
		Name: "d", Hardware: topology.Hardware{Name: "h100x2", GPU: gpu, Count: 2, PerNode: 2},
		Models:    []topology.Model{{Name: "m", Arch: a}},
		Workloads: []topology.Workload{{Name: "w", Input: 1000, Output: 100, Prompts: 32}, {Name: "slow", Input: 1000, Output: 100, Prompts: 32, Rate: 2}},
		Topologies: []topology.Topology{
			{Name: "dp2", Engine: "vllm", Version: "0.24", Pool: topology.Pool{DataParallel: 2}},
			{Name: "tp2", Engine: "vllm", Version: "0.24", Pool: topology.Pool{TensorParallel: 2}},
		},
	}
}

// one is a result file; with says what differs from a good one.
func one(with map[string]string) *fstest.MapFile {
	v := map[string]string{"started": `"2026-07-01T12:00:00Z"`, "valid": "true", "invalid": "null", "gpus": "2", "input": "1000", "output": "100", "rate": `"inf"`, "concurrency": "0", "requests": "32", "succeeded": "32", "tps": "3000", "tpot": "0.009", "warmup": "4", "layout": "null"}
	for k, x := range with {
		v[k] = x
	}
	spread := func(mean string) string {
		return fmt.Sprintf(`{"definition": "x", "n": 32, "mean": %s, "std": 0, "p50": %s, "p90": %s, "p95": %s, "p99": null, "min": %s, "max": %s}`, mean, mean, mean, mean, mean, mean)
	}
	return &fstest.MapFile{Data: fmt.Appendf(nil, `{"schema": "plimsoll.dev/bench/v1", "label": "x", "started": %s, "gpus": %s, "layout": %s, "workload": {"name": "w", "input_tokens": %s, "output_tokens": %s, "prompts": 32, "seed": 1}, "pace": {"rate": %s, "concurrency": %s}, "warmup": %s, "duration_s": 1, "requests": %s, "succeeded": %s, "input_tokens": 32000, "output_tokens": 3200,
 "ttft_s": %s, "tpot_s": %s, "itl_s": %s, "latency_s": %s, "output_tps": {"definition": "x", "value": %s}, "total_tps": {"definition": "x", "value": null}, "requests_per_s": {"definition": "x", "value": 30}, "goodput_per_s": {"definition": "x", "value": null}, "valid": %s, "invalid": %s, "definitions": {}}`,
		v["started"], v["gpus"], v["layout"], v["input"], v["output"], v["rate"], v["concurrency"], v["warmup"], v["requests"], v["succeeded"], spread("0.5"), spread(v["tpot"]), spread("0.01"), spread("1.5"), v["tps"], v["valid"], v["invalid"])}
}

// laidIn is the layout of a topology of decision, with what was otherwise then.
func laidIn(t testing.TB, name string, otherwise func(*topology.Topology, *topology.Model)) string {
	t.Helper()
	d := decision(t)
	for _, x := range d.Topologies {
		if x.Name == name {
			if otherwise != nil {
				otherwise(&x, &d.Models[0])
			}
			src, err := json.Marshal(result.LayoutOf(x, d.Models[0]))
			if err != nil {
				t.Fatal(err)
			}
			return string(src)
		}
	}
	t.Fatalf("no topology %s", name)
	return ""
}

func TestWhatIsTaken(t *testing.T) {
	laid := func(name string, otherwise func(*topology.Topology, *topology.Model)) string {
		return laidIn(t, name, otherwise)
	}
	for name, x := range map[string]struct {
		file *fstest.MapFile
		at   string
		why  string // "": taken
	}{
		"good":              {one(nil), "m/dp2/w/a.json", ""},
		"another pace":      {one(map[string]string{"rate": "4"}), "m/dp2/w/a.json", "its pace is rate 4, and that of workload \"w\" burst"},
		"the right pace":    {one(map[string]string{"rate": "2"}), "m/dp2/slow/a.json", ""},
		"a burst for it":    {one(nil), "m/dp2/slow/a.json", "its pace is burst"},
		"capped":            {one(map[string]string{"concurrency": "8"}), "m/dp2/w/a.json", "its pace is 8 at once"},
		"other lengths":     {one(map[string]string{"input": "500"}), "m/dp2/w/a.json", "it has 500 input and 100 output tokens"},
		"nearly the same":   {one(map[string]string{"input": "1020"}), "m/dp2/w/a.json", ""},
		"a smaller burst":   {one(map[string]string{"requests": "16", "succeeded": "16"}), "m/dp2/w/a.json", "it is a burst of 16 requests"},
		"invalid":           {one(map[string]string{"valid": "false", "invalid": `["the generator was late"]`}), "m/dp2/w/a.json", "the run is invalid: the generator was late"},
		"many failed":       {one(map[string]string{"succeeded": "20"}), "m/dp2/w/a.json", "only 20 of 32 requests succeeded"},
		"other GPUs":        {one(map[string]string{"gpus": "4"}), "m/dp2/w/a.json", `measured on 4 GPUs, and topology "dp2" takes 2`},
		"its layout":        {one(map[string]string{"layout": laid("dp2", nil)}), "m/dp2/w/a.json", ""},
		"an older version":  {one(map[string]string{"layout": laid("dp2", func(t *topology.Topology, _ *topology.Model) { t.Version = "0.23" })}), "m/dp2/w/a.json", `it was measured with version 0.23, and topology "dp2" now has version 0.24`},
		"another layout":    {one(map[string]string{"layout": laid("tp2", nil)}), "m/dp2/w/a.json", `measured with tensor_parallel 2, and topology "dp2" now has data_parallel 2`},
		"another attention": {one(map[string]string{"layout": laid("dp2", func(t *topology.Topology, _ *topology.Model) { t.Attention = "FLASHINFER" })}), "m/dp2/w/a.json", `measured with attention FLASHINFER, and topology "dp2" now has no attention`},
		"other weights":     {one(map[string]string{"layout": laid("dp2", func(_ *topology.Topology, m *topology.Model) { m.Weights, m.KV = "fp8", "fp8" })}), "m/dp2/w/a.json", `measured with weights fp8, kv fp8, and topology "dp2" now has weights bf16, kv bf16`},
		"other words": {one(map[string]string{"layout": laid("dp2", func(t *topology.Topology, m *topology.Model) {
			t.Version, t.TensorParallel, m.Weights, m.KV = "v0.24", 1, "bf16", "bf16"
		})}), "m/dp2/w/a.json", ""},
		"wrong place":       {one(nil), "m/dp2/a.json", "does not lie at MODEL/TOPOLOGY/WORKLOAD"},
		"no result":         {&fstest.MapFile{Data: []byte("{}")}, "m/dp2/w/a.json", "it is no result"},
		"half a file":       {&fstest.MapFile{Data: one(nil).Data[:100]}, "m/dp2/w/a.json", "it is no result"},
		"of another matter": {one(nil), "x/dp2/w/a.json", "-"},
	} {
		t.Run(name, func(t *testing.T) {
			all, err := Read(fstest.MapFS{x.at: x.file})
			if err != nil {
				t.Fatal(err)
			}
			take, left := all.For(decision(t))
			switch {
			case x.why == "-":
				if len(take) != 0 || len(left) != 0 {
					t.Errorf("%v %v", take, left)
				}
			case x.why == "":
				if len(take) != 1 || len(left) != 0 || take[0].Outcome.PerGPU != (topology.Value{Number: 1500, Basis: topology.Measured}) {
					t.Errorf("%+v %v", take, left)
				}
			case len(take) != 0 || len(left) != 1 || !strings.Contains(left[0].Why, x.why) || left[0].File != x.at:
				t.Errorf("%+v %v, want %q", take, left, x.why)
			}
		})
	}
}

// TestTheLatestCounts, whatever its name is.
func TestTheLatestCounts(t *testing.T) {
	all, err := Read(fstest.MapFS{
		"m/dp2/w/a.json": one(map[string]string{"started": `"2026-07-03T12:00:00Z"`, "tps": "3300"}),
		"m/dp2/w/b.json": one(map[string]string{"started": `"2026-07-01T12:00:00Z"`, "tps": "1000"}),
	})
	if err != nil {
		t.Fatal(err)
	}
	take, _ := all.For(decision(t))
	r, err := topology.Decide(decision(t), take, topology.Textbook())
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range r.Rankings[0].Ranked {
		if x.Topology.Name == "dp2" && (x.Outcomes[0].OutputTPS.Number != 3300 || x.Outcomes[0].OutputTPS.Basis != topology.Measured) {
			t.Errorf("%+v", x.Outcomes[0].OutputTPS)
		}
	}
}

func TestCalibrate(t *testing.T) {
	d := decision(t)
	none := All{}.Calibrate(d)
	if none.Rows != 0 || !math.IsNaN(none.Error) || none.Calibration != topology.Textbook() {
		t.Errorf("%+v", none)
	}
	// Measurements of a machine whose constants are other than the textbook's.
	real := topology.Textbook()
	real.Bandwidth *= .8
	real.Layer *= 1.5
	files := fstest.MapFS{}
	for _, top := range d.Topologies {
		o, err := topology.Predict(d.Hardware, d.Models[0], d.Workloads[0], top, real)
		if err != nil {
			t.Fatal(err)
		}
		files["m/"+top.Name+"/w/a.json"] = one(map[string]string{"tps": fmt.Sprint(o.OutputTPS.Number), "tpot": fmt.Sprint(o.TPOT.Number)})
	}
	all, err := Read(files)
	if err != nil {
		t.Fatal(err)
	}
	c := all.Calibrate(d)
	if c.Rows != 2 || c.Error > .1 || !strings.Contains(c.Words, "calibrated on 2 measurements") {
		t.Errorf("%+v", c)
	}
	delete(files, "m/tp2/w/a.json")
	if all, err = Read(files); err != nil {
		t.Fatal(err)
	}
	c = all.Calibrate(d)
	o, err := topology.Predict(d.Hardware, d.Models[0], d.Workloads[0], d.Topologies[0], c.Calibration)
	want, _ := topology.Predict(d.Hardware, d.Models[0], d.Workloads[0], d.Topologies[0], real)
	if err != nil || c.Rows != 1 || math.Abs(o.TPOT.Number/want.TPOT.Number-1) > .05 {
		t.Errorf("%+v: %g, measured %g", c, o.TPOT.Number, want.TPOT.Number)
	}
}

// TestASearch finds results of layouts that no block names.
func TestASearch(t *testing.T) {
	d := decision(t)
	d.Topologies = nil
	all, err := Read(fstest.MapFS{"m/dp2/w/a.json": one(nil)})
	if err != nil {
		t.Fatal(err)
	}
	if take, left := all.For(d); len(take) != 1 || len(left) != 0 {
		t.Errorf("%v %v", take, left)
	}
	if c := all.Calibrate(d); c.Rows != 1 {
		t.Errorf("%+v", c)
	}
}

// TestUnsaid: a file that does not say its layout is used, and that is said. One of
// another layout calibrates nothing either.
func TestUnsaid(t *testing.T) {
	d := decision(t)
	other := laidIn(t, "dp2", func(x *topology.Topology, _ *topology.Model) { x.DataParallel, x.TensorParallel = 1, 2 })
	for name, x := range map[string]struct {
		layout       string
		unsaid, rows int
	}{"not said": {"null", 1, 1}, "said": {laidIn(t, "dp2", nil), 0, 1}, "another": {other, 0, 0}} {
		all, err := Read(fstest.MapFS{"m/dp2/w/a.json": one(map[string]string{"layout": x.layout})})
		if err != nil {
			t.Fatal(err)
		}
		if got := all.Unsaid(d); len(got) != x.unsaid {
			t.Errorf("%s: %v", name, got)
		}
		if c := all.Calibrate(d); c.Rows != x.rows {
			t.Errorf("%s: %+v", name, c)
		}
	}
}
