package declared_test

import (
	"encoding/json"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/topology"
	"github.com/plimsoll-dev/plimsoll/core/topology/declared"
	"github.com/plimsoll-dev/plimsoll/core/topology/metric"
	"github.com/plimsoll-dev/plimsoll/core/topology/plan"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

const image = "docker.io/vllm/vllm-openai@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// reference is the reference measurement's project, and every attribute once.
const reference = `
gpu "RTX-X" {
  memory_gib         = 96
  bandwidth_tb_per_s = 1.6
  bf16_pflops        = 0.5
  fp8_pflops         = 1
  link_gb_per_s      = 64
}

hardware "b200x2" {
  gpu         = "NVIDIA B200"
  count       = 2
  utilisation = 0.95
  fabric {
    kind       = "nvlink"
    gb_per_s   = 800
    latency_ms = 0.5
  }
}

hardware "desk" {
  gpu      = "RTX-X"
  count    = 4
  per_node = 2
  network {
    kind     = "ethernet"
    gb_per_s = 3
  }
}

model "qwen27b" {
  config           = "qwen.json"
  weights          = "nvfp4"
  kv               = "fp8"
  source           = "./weights/qwen"
  context          = 32768
  accuracy_checked = true
}

model "small" {
  config = "llama.json"
}

workload "prefill-heavy" {
  input_tokens  = 7500
  output_tokens = 200
  prompts       = 128
  rate          = "inf"
}

workload "chat" {
  input_tokens  = 800
  rate          = 4
  arrival       = "gamma"
  burstiness    = 0.5
  concurrency   = 64
  shared_prefix = 300
  spread        = 0.4
  longest       = 4096
  seed          = 7
}

workload "replay" {
  trace   = "traffic.csv"
  prompts = 3
}

slo "chat" {
  ttft_p50       = "1s"
  ttft_p95       = "2s"
  ttft_p99       = "3s"
  tpot_p50       = "10ms"
  tpot_p95       = "20ms"
  tpot_p99       = "30ms"
  itl_p99        = "100ms"
  latency_p95    = "10s"
  output_tps     = 1000
  requests_per_s = 2.5
}

slo "night" {
  output_tps = 100
}

topology "dp2" {
  engine        = "vllm"
  version       = "0.24"
  data_parallel = 2
  hardware      = hardware.b200x2
}

topology "PD_1x1" {
  engine          = "vllm"
  version         = "0.24"
  model           = model.qwen27b
  hardware        = hardware.b200x2
  runtime         = "podman"
  image           = "` + image + `"
  attention       = "TRITON_ATTN"
  chunked_prefill = false
  ready           = "1800s"
  host            = "0.0.0.0"
  port            = 9000
  kv_port         = 5700
  prefill {
    gpus = [0]
  }
  decode {
    gpus            = [1]
    tensor_parallel = 1
  }
  kv_transfer {
    connector = "NixlConnector"
    gb_per_s  = 50
    lease     = "480s"
  }
  env {
    VLLM_LOGGING_LEVEL = "DEBUG"
    OMP_NUM_THREADS    = 4
  }
  args {
    max-num-seqs           = 128
    enable-prefix-caching  = true
    swap-space            = 0.5
  }
  proxy {
    script = "/opt/toy_proxy_server.py"
  }
  kubernetes {
    kind      = "leaderworkerset"
    namespace = "models"
    queue     = "gpu"
    claim     = "weights"
    mount     = "/weights"
    memory    = "32Gi"
  }
}

topology "desk" {
  engine   = "vllm"
  version  = "0.24"
  model    = model.small
  hardware = hardware.desk
  attach   = "http://10.0.0.7:8000"
}

decision "serving" {
  hardware  = hardware.b200x2
  models    = [model.qwen27b]
  workloads = [workload.prefill-heavy]
  slo       = slo.chat
  objective = "output_tps"
  require   = "slo_met || output_tps > 1500"
}

decision "anything" {
  hardware   = hardware.b200x2
  models     = [model.qwen27b]
  slo        = slo.night
  topologies = "search"
}

decision "these" {
  hardware   = hardware.b200x2
  models     = [model.qwen27b]
  slo        = slo.night
  topologies = [topology.PD_1x1]
}
`

// files are what a project's folder holds beside its blocks.
func files(t testing.TB) map[string][]byte {
	t.Helper()
	return map[string][]byte{
		"qwen.json":    architecture(t, "qwen3.6-27b"),
		"gemma.json":   architecture(t, "gemma-4-26b"),
		"short.json":   short(t),
		"llama.json":   architecture(t, "llama-3.1-8b"),
		"strange.json": []byte(`{"architectures": ["GriffinForCausalLM"], "model_type": "griffin", "hidden_size": 4096}`),
		"torn.json":    []byte(`{"architectures": [`),
		"traffic.csv":  []byte("timestamp_s,input_tokens,output_tokens\n0,1000,100\n1,3000,300\n2,2000,200\n3,9000,900\n"),
		"torn.csv":     []byte("timestamp_s,input_tokens,output_tokens\n0,1000,100\n1,many,300\n"),
		"empty.csv":    []byte("timestamp_s,input_tokens,output_tokens\n"),
	}
}

// architecture is a config.json from the facts that core/topology/published keeps.
func architecture(t testing.TB, name string) []byte {
	t.Helper()
	src, err := os.ReadFile(filepath.Join("..", "published", "testdata", "models.json"))
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
	if src, err = json.Marshal(c); err != nil {
		t.Fatal(err)
	}
	return src
}

// short is a model that says how long its context is.
func short(t testing.TB) []byte {
	t.Helper()
	return append([]byte(`{"max_position_embeddings": 8192, `), architecture(t, "llama-3.1-8b")[1:]...)
}

func in(all map[string][]byte) func(string) ([]byte, error) {
	return func(path string) ([]byte, error) {
		if src, ok := all[path]; ok {
			return src, nil
		}
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
}

// project loads HCL as a project of its own.
func project(t testing.TB, src string) (*config.Project, diag.List) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.hcl"), []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	return config.Load(dir, config.Options{})
}

// set reads HCL that must be right; warnings of a launch may be there.
func set(t testing.TB, src string) *declared.Set {
	t.Helper()
	p, diags := project(t, src)
	s, more := declared.Read(p, in(files(t)))
	if diags = append(diags, more...); diags.HasErrors() {
		var b strings.Builder
		diag.WriteText(&b, diags, p.Sources, diag.TextOptions{})
		t.Fatal(b.String())
	}
	return s
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

func TestConversion(t *testing.T) {
	s := set(t, reference)
	equal(t, "names", s.Names(), declared.Names{
		Hardware: []string{"b200x2", "desk"}, Models: []string{"qwen27b", "small"}, Workloads: []string{"prefill-heavy", "chat", "replay"},
		SLOs: []string{"chat", "night"}, Topologies: []string{"dp2", "PD_1x1", "desk"}, Decisions: []string{"serving", "anything", "these"},
	})

	h, err := s.Hardware("b200x2")
	if err != nil || h.GPU.Name != "B200" || h.Count != 2 || h.Utilisation != .95 || h.Fabric != (topology.Fabric{Kind: "nvlink", GBPerS: 800, LatencyMS: .5}) {
		t.Errorf("%+v, %v", h, err)
	}
	h, err = s.Hardware("desk")
	g := h.GPU
	if err != nil || g.Memory != 96<<30 || g.Bandwidth != 1.6e12 || g.BF16 != .5e15 || g.FP8 != 1e15 || g.FP4 != 0 || g.Link != 64e9 || g.Domain != 2 || h.PerNode != 2 || h.Network.GBPerS != 3 {
		t.Errorf("%+v, %v", h, err)
	}

	m, err := s.Model("qwen27b")
	if err != nil || m.Weights != "nvfp4" || m.KV != "fp8" || !m.Arch.Hybrid() || m.Context != 32768 || !*m.AccuracyChecked || !filepath.IsAbs(m.Source) || !strings.HasSuffix(m.Source, filepath.Join("weights", "qwen")) {
		t.Errorf("%+v, %v", m, err)
	}

	w, err := s.Workload("prefill-heavy")
	equal(t, "burst", w, topology.Workload{Name: "prefill-heavy", Input: 7500, Output: 200, Prompts: 128, Rate: math.Inf(1)})
	w, _ = s.Workload("chat")
	equal(t, "gamma", w, topology.Workload{
		Name: "chat", Input: 800, Output: declared.Workload().Output, Prompts: 128, Rate: 4, Arrival: "gamma", Burstiness: .5,
		Concurrency: 64, SharedPrefix: 300, Spread: .4, Longest: 4096, Seed: 7,
	})
	if err != nil {
		t.Error(err)
	}

	slo, err := s.SLO("chat")
	const ms = time.Millisecond
	equal(t, "slo", slo, topology.SLO{
		Name: "chat", TTFT50: time.Second, TTFT95: 2 * time.Second, TTFT99: 3 * time.Second,
		TPOT50: 10 * ms, TPOT95: 20 * ms, TPOT99: 30 * ms, ITL99: 100 * ms, Latency95: 10 * time.Second, OutputTPS: 1000, RequestsPerSec: 2.5,
	})
	if err != nil {
		t.Error(err)
	}

	top, err := s.Topology("PD_1x1")
	equal(t, "topology", top, topology.Topology{
		Name: "PD_1x1", Serves: "qwen27b", Engine: "vllm", Version: "0.24", Runtime: "podman", Image: image, Attention: "TRITON_ATTN", Unchunked: true,
		Prefill: &topology.Pool{GPUs: []int{0}}, Decode: &topology.Pool{GPUs: []int{1}, TensorParallel: 1},
		Transfer: &topology.Transfer{Connector: "NixlConnector", GBPerS: 50, Lease: 480 * time.Second},
	})
	if err != nil {
		t.Error(err)
	}
}

func TestPlan(t *testing.T) {
	s := set(t, reference)
	spec, err := s.Plan("PD_1x1", "")
	if err != nil {
		t.Fatal(err)
	}
	if spec.Name != "pd-1x1" || spec.Model.Name != "qwen27b" || spec.Hardware.Name != "b200x2" || spec.Workload == nil || spec.Workload.Name != "prefill-heavy" ||
		spec.Ready != 1800*time.Second || spec.Host != "0.0.0.0" || spec.Port != 9000 || spec.KVPort != 5700 || spec.Context != 32768 {
		t.Errorf("%+v", spec)
	}
	equal(t, "env", spec.Env, map[string]string{"VLLM_LOGGING_LEVEL": "DEBUG", "OMP_NUM_THREADS": "4"})
	equal(t, "args", spec.Args, map[string]string{"max-num-seqs": "128", "enable-prefix-caching": "", "swap-space": "0.5"})
	equal(t, "proxy", spec.Proxy, plan.Proxy{Script: "/opt/toy_proxy_server.py"})
	equal(t, "kubernetes", spec.Kubernetes, plan.Kubernetes{Kind: "leaderworkerset", Namespace: "models", Queue: "gpu", Claim: "weights", Mount: "/weights", Memory: "32Gi"})

	// One that names no model takes the one that it is told, and plans.
	spec, err = s.Plan("dp2", "qwen27b")
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Make(spec)
	if err != nil || len(p.Endpoints) == 0 || p.Model != "qwen27b" {
		t.Errorf("%+v, %v", p, err)
	}
	for _, c := range []struct{ topology, model, wrong string }{
		{"dp2", "", "several model blocks"},
		{"dp2", "qwen27", `no model "qwen27". Did you mean "qwen27b"?`},
		{"dp3", "qwen27b", `no topology "dp3". Did you mean "dp2"?`},
		{"", "", "several topology blocks"},
		{"PD_1x1", "small", `serves model "qwen27b", not "small"`},
	} {
		if _, err := s.Plan(c.topology, c.model); err == nil || !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("Plan(%q, %q): %v, want %q", c.topology, c.model, err, c.wrong)
		}
	}
}

func TestBench(t *testing.T) {
	s := set(t, reference)
	b, err := s.Bench("PD_1x1", "", "chat")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Config.Check(); err != nil {
		t.Error(err)
	}
	w := b.Config.Workload
	// The deviation of an even range of half-width S is S/sqrt(3) of the mean.
	if got, want := w.Spread/math.Sqrt(3), math.Sqrt(math.Exp(.16)-1); math.Abs(got-want) > 1e-12 {
		t.Errorf("spread %g gives a deviation of %g, want %g", w.Spread, got, want)
	}
	if b.Config.Endpoint.URL != "http://127.0.0.1:9000" || b.Config.Endpoint.Model != "qwen27b" || b.Config.Warmup != 16 ||
		float64(b.Config.Pace.Rate) != 4 || b.Config.Pace.Burstiness != .5 || b.Config.Pace.Concurrency != 64 || w.SharedPrefix != 300 || w.Seed != 7 {
		t.Errorf("%+v", b.Config)
	}
	if b.Folder != "topology/qwen27b/PD_1x1/chat" || b.Options.Label != "PD_1x1" || b.Options.GPUs != 2 || b.Topology != "PD_1x1" || b.Model != "qwen27b" {
		t.Errorf("%+v", b)
	}
	// Several SLOs, and no decision about this workload: none is made up. The
	// decision "anything" takes all workloads, so it is about this one too.
	if b.SLO.Name != "night" || b.Options.Limits != (metric.Limits{}) {
		t.Errorf("%+v, %+v", b.SLO, b.Options.Limits)
	}
	b, err = s.Bench("PD_1x1", "", "prefill-heavy")
	if err != nil || b.SLO.Name != "chat" || b.Options.Limits != (metric.Limits{TTFT: 2, TPOT: .02, Latency: 10}) {
		t.Errorf("%+v, %v", b, err)
	}

	b, err = s.Bench("desk", "", "replay")
	if err != nil || b.Config.Endpoint.URL != "http://10.0.0.7:8000" || len(b.Config.Workload.Trace) != 3 || b.Config.Workload.TraceName != "traffic.csv" || b.SLO.Name != "" {
		t.Errorf("%+v, %v", b, err)
	}
	if err := b.Config.Check(); err != nil {
		t.Error(err)
	}
	for _, c := range []struct{ topology, model, workload, wrong string }{
		{"desk", "", "", "several workload blocks"},
		{"desk", "", "chatt", `Did you mean "chat"?`},
		{"desk", "qwen27b", "chat", `serves model "small"`},
		{"desc", "", "chat", `Did you mean "desk"?`},
	} {
		if _, err := s.Bench(c.topology, c.model, c.workload); err == nil || !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("Bench(%q, %q, %q): %v, want %q", c.topology, c.model, c.workload, err, c.wrong)
		}
	}
	if b, err := s.Bench("desk", "", declared.Builtin); err != nil || b.Config.Workload.Input != declared.Workload().Input || b.Config.Check() != nil {
		t.Errorf("%+v, %v", b, err)
	}
}

func TestBenchOfWideSpread(t *testing.T) {
	s := set(t, small+"workload \"wide\" {\n  spread = 0.6\n}\ntopology \"t\" {\n  engine = \"vllm\"\n  version = \"0.24\"\n  runtime = \"kubernetes\"\n  image = \""+image+"\"\n}\n")
	if _, err := s.Bench("", "", ""); err == nil || !strings.Contains(err.Error(), "Record a trace") {
		t.Error(err)
	}
	if b, err := s.Bench("t", "m", declared.Builtin); err != nil || b.Config.Endpoint.URL != "" {
		t.Errorf("%q, %v: nothing says where Kubernetes serves", b.Config.Endpoint.URL, err)
	}
}

// A trace gives predictions its means, its rate and how uneven it is.
func TestTrace(t *testing.T) {
	s := set(t, reference)
	w, err := s.Workload("replay") // the first three lines
	if err != nil {
		t.Fatal(err)
	}
	l := []float64{math.Log(1100), math.Log(3300), math.Log(2200)}
	mean := (l[0] + l[1] + l[2]) / 3
	spread := math.Sqrt(((l[0]-mean)*(l[0]-mean) + (l[1]-mean)*(l[1]-mean) + (l[2]-mean)*(l[2]-mean)) / 3)
	if math.Abs(w.Spread-spread) > 1e-9 {
		t.Errorf("spread %g, want %g", w.Spread, spread)
	}
	w.Spread = 0
	equal(t, "replay", w, topology.Workload{Name: "replay", Input: 2000, Output: 200, Prompts: 3, Rate: 1, Arrival: "gamma", Burstiness: 1e6, Longest: 3300})
}

const small = `
hardware "h" {
  gpu   = "H100"
  count = 2
}
model "m" {
  config = "llama.json"
}
`

// A hardware and a model are enough to decide.
func TestDecideOnDefaults(t *testing.T) {
	s := set(t, small)
	d, err := s.Decision("")
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "workloads", d.Workloads, []topology.Workload{declared.Workload()})
	equal(t, "slo", d.SLO, declared.SLO())
	if d.Topologies != nil || d.Name != declared.Builtin || d.Require != nil {
		t.Errorf("%+v", d)
	}
	r, err := topology.Decide(d, nil, topology.Textbook())
	if err != nil || len(r.Rankings) != 1 || len(r.Rankings[0].Ranked) < 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	if err := declared.Workload().Check(); err != nil {
		t.Error(err)
	}
	w, err := s.Workload("")
	if err != nil || w != declared.Workload() {
		t.Errorf("%+v, %v", w, err)
	}
	if slo, err := s.SLO(declared.Builtin); err != nil || slo != declared.SLO() {
		t.Errorf("%+v, %v", slo, err)
	}
}

func TestDecisions(t *testing.T) {
	s := set(t, reference)
	names := func(d topology.Decision) (out []string) {
		for _, x := range d.Topologies {
			out = append(out, x.Name)
		}
		return out
	}
	d, err := s.Decision("serving")
	if err != nil || d.Objective != topology.OutputTPS || d.SLO.Name != "chat" || len(d.Workloads) != 1 || len(d.Models) != 1 {
		t.Fatalf("%+v, %v", d, err)
	}
	// desk is laid on other hardware and serves another model.
	equal(t, "candidates", names(d), []string{"dp2", "PD_1x1"})
	tps := topology.Value{Number: 1600, Basis: topology.Measured}
	for _, c := range []struct {
		o    topology.Outcome
		want bool
	}{{topology.Outcome{SLOMet: true}, true}, {topology.Outcome{OutputTPS: tps}, true}, {topology.Outcome{OutputTPS: topology.Value{Number: 1400, Basis: topology.Measured}}, false}} {
		if got, err := d.Require(c.o); err != nil || got != c.want {
			t.Errorf("%+v: %v, %v", c.o, got, err)
		}
	}
	if ok, err := d.Require(topology.Outcome{}); ok || err == nil || !strings.Contains(err.Error(), "output_tps is not known") {
		t.Errorf("an unknown number: %v, %v", ok, err)
	}

	d, err = s.Decision("anything")
	if err != nil || d.Topologies != nil || len(d.Workloads) != 3 || d.SLO.Name != "night" {
		t.Errorf("%+v, %v", d, err)
	}
	d, err = s.Decision("these")
	equal(t, "named", names(d), []string{"PD_1x1"})
	if err != nil {
		t.Error(err)
	}
	for name, wrong := range map[string]string{"": "several decision blocks: ", "servin": `Did you mean "serving"?`} {
		if name == "" {
			wrong = "several decision blocks"
		}
		if _, err := s.Decision(name); err == nil || !strings.Contains(err.Error(), wrong) {
			t.Errorf("Decision(%q): %v, want %q", name, err, wrong)
		}
	}
	// What follows from the blocks alone cannot choose among several.
	if _, err := s.Decision(declared.Builtin); err == nil || !strings.Contains(err.Error(), "several hardware blocks") || !strings.Contains(err.Error(), "several slo blocks") {
		t.Error(err)
	}
}

// A requirement that needs what is not known leaves its candidate out, with the
// reason, and does not end the decision of the others.
func TestRequirementOfUnknown(t *testing.T) {
	s := set(t, small+"workload \"w\" {\n  input_tokens = 2000\n}\ndecision \"d\" {\n  models  = [model.m]\n  require = \"output_tps > 1 && gpus >= 1\"\n}\n")
	d, err := s.Decision("")
	if err != nil {
		t.Fatal(err)
	}
	ask, asked := d.Require, false
	d.Require = func(o topology.Outcome) (bool, error) {
		if !asked { // of the first candidate nothing is known
			asked = true
			return ask(topology.Outcome{})
		}
		return ask(o)
	}
	r, err := topology.Decide(d, nil, topology.Textbook())
	if err != nil {
		t.Fatal(err)
	}
	rank := r.Rankings[0]
	if len(rank.Ranked) == 0 || !rank.Met || len(rank.Excluded) == 0 || !strings.Contains(rank.Excluded[len(rank.Excluded)-1].Err.Error(), "output_tps is not known") {
		t.Errorf("%d ranked, excluded %v", len(rank.Ranked), rank.Excluded)
	}
}

func TestNothingDeclared(t *testing.T) {
	s := set(t, "")
	if !s.Empty() {
		t.Error("an empty project declares something")
	}
	if _, err := s.Decision(""); err == nil || !strings.Contains(err.Error(), "no hardware is declared") || !strings.Contains(err.Error(), "no model is declared") {
		t.Error(err)
	}
	if _, err := s.Topology("x"); err == nil || !strings.Contains(err.Error(), "no topology is declared") || !strings.Contains(err.Error(), "`plimsoll topology decide` prints") || strings.Contains(err.Error(), "detect") {
		t.Error(err)
	}
	if set(t, small).Empty() {
		t.Error("a project with a model is empty")
	}
}

// A server that somebody else runs needs no hardware, and may be of any engine.
func TestAttachWithoutHardware(t *testing.T) {
	s := set(t, "model \"m\" {\n  config = \"llama.json\"\n}\ntopology \"there\" {\n  engine  = \"sglang\"\n  version = \"0.5\"\n  attach  = \"https://gpu.example.com\"\n}\n")
	spec, err := s.Plan("", "")
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Make(spec)
	if err != nil || p.Runtime != "attach" || p.Engine != "sglang" {
		t.Errorf("%+v, %v", p, err)
	}
	if b, err := s.Bench("", "", ""); err != nil || b.Config.Endpoint.URL != "https://gpu.example.com" {
		t.Errorf("%+v, %v", b, err)
	}
}

// What a topology says of its model holds where several are decided about: each
// is ranked on its own candidates, and one without any is searched for.
func TestEachModelHasItsTopologies(t *testing.T) {
	s := set(t, small+`
model "other" {
  config = "llama.json"
}
workload "w" {
  input_tokens = 500
}
topology "mine" {
  engine  = "vllm"
  version = "0.24"
  model   = model.m
}
decision "both" {
  models = [model.m, model.other]
}
`)
	d, err := s.Decision("")
	if err != nil {
		t.Fatal(err)
	}
	r, err := topology.Decide(d, nil, topology.Textbook())
	if err != nil {
		t.Fatal(err)
	}
	if n := len(r.Rankings[0].Ranked); n != 1 || r.Rankings[0].Ranked[0].Topology.Name != "mine" {
		t.Errorf("m has %d candidates", n)
	}
	if x := r.Rankings[1]; len(x.Ranked) == 0 || x.Ranked[0].Topology.Name == "mine" {
		t.Errorf("other is ranked on %+v", x.Ranked)
	}
}
