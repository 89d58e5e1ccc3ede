package plan_test

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/plimsoll-dev/plimsoll/core/topology"
	"github.com/plimsoll-dev/plimsoll/core/topology/arch"
	"github.com/plimsoll-dev/plimsoll/core/topology/hardware"
	"github.com/plimsoll-dev/plimsoll/core/topology/plan"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const (
	image  = "docker.io/vllm/vllm-openai@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	router = "registry.example/vllm-router@sha256:fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
	toy    = "/opt/vllm/tests/v1/kv_connector/nixl_integration/toy_proxy_server.py"
)

func yes() *bool { b := true; return &b }
func no() *bool  { b := false; return &b }

// model reads the facts of a model that core/topology/published keeps.
func model(t testing.TB, name string) topology.Model {
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
	a, err := arch.Read(src)
	if err != nil {
		t.Fatal(err)
	}
	return topology.Model{Name: name, Arch: a}
}

func qwen(t testing.TB) topology.Model {
	m := model(t, "qwen3.6-27b")
	m.KV = "fp8"
	return m
}

func gemma(t testing.TB) topology.Model { return model(t, "gemma-4-26b") }

func machine(n, perNode int) topology.Hardware {
	g, _ := hardware.Lookup("B200")
	return topology.Hardware{Name: "b200", GPU: g, Count: n, PerNode: perNode}
}

// spec is the reference: two B200 without nvcc, for the first time.
func spec(m topology.Model, version string, change func(*plan.Spec)) plan.Spec {
	s := plan.Spec{
		Topology: topology.Topology{Engine: "vllm", Version: version}, Hardware: machine(2, 2), Model: m, Source: "/models/" + m.Name,
		Workload: &topology.Workload{Name: "prefill-heavy", Input: 7500, Output: 200},
		Machine:  plan.Machine{NVCC: no(), PrebuiltKernels: no(), FirstStart: yes(), ColdCache: yes()},
	}
	change(&s)
	return s
}

func dp2(s *plan.Spec) { s.Topology.Name, s.Topology.DataParallel = "dp2", 2 }
func tp2(s *plan.Spec) { s.Topology.Name, s.Topology.TensorParallel = "tp2", 2 }
func pd(s *plan.Spec) {
	s.Topology.Name = "pd1x1"
	s.Topology.Prefill, s.Topology.Decode = &topology.Pool{GPUs: []int{0}}, &topology.Pool{GPUs: []int{1}}
	s.Topology.Transfer = &topology.Transfer{Connector: "NixlConnector"}
	s.Proxy.Script = toy
}

func with(all ...func(*plan.Spec)) func(*plan.Spec) {
	return func(s *plan.Spec) {
		for _, f := range all {
			f(s)
		}
	}
}

func runtime(name string) func(*plan.Spec) {
	return func(s *plan.Spec) { s.Topology.Runtime, s.Topology.Image, s.Proxy.Image = name, image, router }
}

func cluster(kind string) func(*plan.Spec) {
	return func(s *plan.Spec) {
		runtime("kubernetes")(s)
		s.Proxy.Script = ""
		s.Kubernetes = plan.Kubernetes{Kind: kind, Namespace: "serving", Queue: "gpus", Claim: "weights"}
	}
}

func wide(tensor, data int) func(*plan.Spec) {
	return func(s *plan.Spec) {
		s.Hardware = machine(16, 8)
		s.Topology.Name, s.Topology.TensorParallel, s.Topology.DataParallel = "wide", tensor, data
	}
}

// cases are plans by version, each a golden file: the plan, or why there is none.
func cases(t testing.TB) map[string]plan.Spec {
	out := map[string]plan.Spec{}
	for _, v := range []string{"0.20", "0.24"} {
		add := func(name string, m topology.Model, change ...func(*plan.Spec)) {
			out[v+"/"+name] = spec(m, v, with(change...))
		}
		add("dp2", qwen(t), dp2)
		add("tp2", qwen(t), tp2)
		add("1p1d", qwen(t), pd) // 0.20 does not move the state of this model
		add("1p1d-dense", model(t, "qwen3-32b"), pd)
		add("1p1d-router", model(t, "qwen3-32b"), pd, func(s *plan.Spec) { s.Proxy.Script = "" })
		add("1p1d-lease", model(t, "qwen3-32b"), pd, func(s *plan.Spec) {
			s.Topology.Transfer.Lease, s.DecodeQueue = 30*time.Second, 45*time.Second
		})
		add("gemma-dp2", gemma(t), dp2) // blocked
		add("gemma-tp2", gemma(t), tp2)
		add("gemma-1p1d", gemma(t), pd)
		add("gemma-replicas", gemma(t), dp2, func(s *plan.Spec) { s.Topology.ExpertParallel = topology.NoExpertParallel })
		add("1p1d-podman", model(t, "qwen3-32b"), pd, runtime("podman"))
		add("dp2-docker", qwen(t), dp2, runtime("docker"))
		add("kubernetes-dp2", qwen(t), dp2, cluster(""))
		add("kubernetes-tp2-group", qwen(t), tp2, cluster("leaderworkerset"))
		add("kubernetes-1p1d", model(t, "qwen3-32b"), pd, cluster(""))
		add("kubernetes-tp16", model(t, "deepseek-v3"), wide(16, 1), cluster(""))
		add("kubernetes-dp16", model(t, "deepseek-v3"), wide(1, 16), cluster(""), func(s *plan.Spec) { s.Topology.ExpertParallel = 16 })
		add("kserve-1p1d", model(t, "qwen3-32b"), pd, cluster("kserve"))
	}
	for name, change := range map[string]func(*plan.Spec){
		"dp2": dp2, "tp2-docker": with(tp2, runtime("docker"), func(s *plan.Spec) {
			s.Topology.Image = strings.Replace(image, "vllm/vllm-openai", "lmsysorg/sglang", 1)
		}),
		"no-image": with(tp2, func(s *plan.Spec) { s.Topology.Runtime = "podman" }), "1p1d": pd,
		"dep8": func(s *plan.Spec) {
			s.Model, s.Source, s.Hardware = model(t, "deepseek-v3"), "/models/deepseek-v3", machine(8, 8)
			s.Topology.Name, s.Topology.DataParallel, s.Topology.ExpertParallel = "dep8", 8, 8
		},
		"options": with(tp2, func(s *plan.Spec) {
			s.Topology.Attention, s.Topology.Unchunked, s.Context, s.Model.Weights = "triton", true, 32768, "fp8"
			s.Args, s.Ready = map[string]string{"enable-metrics": ""}, 30*time.Minute
		}),
		"replicas":       func(s *plan.Spec) { s.Topology.Name, s.Topology.Replicas = "two", 2 },
		"kubernetes":     with(tp2, cluster("")),
		"attention-vllm": with(tp2, func(s *plan.Spec) { s.Topology.Attention = "TRITON_ATTN" }),
	} {
		out["sglang-0.5/"+name] = spec(model(t, "qwen3-32b"), "0.5.9", with(func(s *plan.Spec) { s.Topology.Engine = "sglang"; s.Model.KV = "fp8" }, change))
	}
	return out
}

func TestGoldenPlans(t *testing.T) {
	for name, s := range cases(t) {
		p, err := plan.Make(s)
		got := p.String()
		if err != nil {
			got = "# no plan\n" + err.Error() + "\n"
		}
		file := filepath.Join("testdata", name+".txt")
		if *update {
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s is not the golden plan any more (-update writes it anew):\n%s", name, got)
		}
	}
}

func TestWhatPreflightBlocksHasNoPlan(t *testing.T) {
	for rule, s := range map[string]plan.Spec{
		"P5": cases(t)["0.24/gemma-dp2"],
		"P2": spec(qwen(t), "0.24", with(dp2, func(s *plan.Spec) { s.Env = map[string]string{"VLLM_ATTENTION_BACKEND": "FLASHINFER"} })),
		"P9": spec(model(t, "deepseek-v3"), "0.24", tp2),
	} {
		p, err := plan.Make(s)
		var b *plan.Blocked
		if !errors.As(err, &b) || !strings.Contains(err.Error(), rule+": ") {
			t.Errorf("%s should block, and says %v", rule, err)
		}
		if len(p.Processes)+len(p.Manifests)+len(p.Endpoints) > 0 {
			t.Errorf("%s blocks, and there is a plan", rule)
		}
	}
}

func TestReadyTimeoutsAreRaisedTogether(t *testing.T) {
	p, err := plan.Make(cases(t)["0.24/dp2"])
	if err != nil {
		t.Fatal(err)
	}
	if x := p.Processes[0]; p.Seconds != 1800 || x.Seconds != 1800 || x.Env["VLLM_ENGINE_READY_TIMEOUT_S"] != "1800" {
		t.Errorf("the plan waits %d s, the process %d s, the engine %s", p.Seconds, x.Seconds, x.Env["VLLM_ENGINE_READY_TIMEOUT_S"])
	}
	s := cases(t)["0.24/kubernetes-1p1d"]
	s.Ready = 2 * time.Hour
	if p, err = plan.Make(s); err != nil {
		t.Fatal(err)
	}
	all := p.String()
	if p.Seconds != 7200 || strings.Count(all, "failureThreshold: 720\n") != 3 || !strings.Contains(all, "- --worker-startup-timeout-secs\n") || strings.Count(all, "\"7200\"") != 3 {
		t.Errorf("two hours are not everywhere:\n%s", all)
	}
}

// Every flag of a local plan is a flag, every port is one's own, every GPU is given
// once, and what a process waits for starts before it.
func TestPlansHoldTogether(t *testing.T) {
	for name, s := range cases(t) {
		p, err := plan.Make(s)
		if err != nil || len(p.Processes) == 0 {
			continue
		}
		ports, gpus, started := map[int]string{}, map[int]string{}, []string{}
		for _, x := range p.Processes {
			for _, n := range append(slices.Clone(x.KVPorts), x.Port) {
				if other, ok := ports[n]; ok {
					t.Errorf("%s: %s and %s share port %d", name, other, x.Name, n)
				}
				ports[n] = x.Name
			}
			for _, g := range x.GPUs {
				if other, ok := gpus[g]; ok {
					t.Errorf("%s: %s and %s share GPU %d", name, other, x.Name, g)
				}
				gpus[g] = x.Name
			}
			for _, a := range x.After {
				if !slices.Contains(started, a) {
					t.Errorf("%s: %s waits for %s, which has not been started", name, x.Name, a)
				}
			}
			started = append(started, x.Name)
			if want := x.Env["CUDA_VISIBLE_DEVICES"]; p.Runtime == "process" && x.Role != plan.Front && want == "" {
				t.Errorf("%s: %s may use all GPUs", name, x.Name)
			}
		}
		if len(gpus) != s.Topology.GPUs(s.Model) {
			t.Errorf("%s gives out %d GPUs, and the topology takes %d", name, len(gpus), s.Topology.GPUs(s.Model))
		}
		if _, err := json.Marshal(p); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRefused(t *testing.T) {
	q := qwen(t)
	for what, x := range map[string]struct {
		change func(*plan.Spec)
		says   string
	}{
		"no version":           {func(s *plan.Spec) { s.Topology.Version = "" }, `version = "0.24"`},
		"a nightly":            {func(s *plan.Spec) { s.Topology.Version = "nightly" }, "not a release"},
		"a version with words": {func(s *plan.Spec) { s.Topology.Version = "0.24; rm" }, "not a release"},
		"an old version":       {func(s *plan.Spec) { s.Topology.Version = "0.9.1" }, "0.13 or later"},
		"another engine":       {func(s *plan.Spec) { s.Topology.Engine = "trtllm" }, "declare attach"},
		"an old SGLang":        {func(s *plan.Spec) { s.Topology.Engine, s.Topology.Version = "sglang", "0.4.6" }, "older than plans are made for"},
		"a nightly SGLang":     {func(s *plan.Spec) { s.Topology.Engine, s.Topology.Version = "sglang", "main" }, "is not a release"},
		"a flag of SGLang's": {func(s *plan.Spec) {
			s.Topology.Engine, s.Topology.Version = "sglang", "0.5.9"
			s.Args = map[string]string{"tp-size": "4"}
		}, "--tp-size follows from the blocks"},
		"another runtime":     {func(s *plan.Spec) { s.Topology.Runtime = "lxc" }, "not process, podman"},
		"no image":            {func(s *plan.Spec) { s.Topology.Runtime = "podman" }, "image inspect --format"},
		"a tag":               {func(s *plan.Spec) { s.Topology.Runtime, s.Topology.Image = "docker", "vllm/vllm-openai:v0.24.0" }, "docker pull vllm/vllm-openai:v0.24.0 && docker image inspect --format '{{index .RepoDigests 0}}'"},
		"half a digest":       {func(s *plan.Spec) { s.Topology.Runtime, s.Topology.Image = "kubernetes", "vllm/vllm-openai@sha256:12" }, "skopeo inspect"},
		"a router by tag":     {with(pd, runtime("docker"), func(s *plan.Spec) { s.Proxy = plan.Proxy{Image: "vllm-router:1"} }), "vllm-router"},
		"a flag of the plan":  {func(s *plan.Spec) { s.Args = map[string]string{"tensor-parallel-size": "4"} }, "--tensor-parallel-size follows from the blocks"},
		"a dotted flag of it": {func(s *plan.Spec) { s.Args = map[string]string{"kv-transfer-config.kv_role": "x"} }, "follows from the blocks"},
		"a flag with dashes":  {func(s *plan.Spec) { s.Args = map[string]string{"--seed": "4"} }, "without its dashes"},
		"a variable of it":    {func(s *plan.Spec) { s.Env = map[string]string{"CUDA_VISIBLE_DEVICES": "4"} }, "follows from the blocks"},
		"a bad variable":      {func(s *plan.Spec) { s.Env = map[string]string{"A=B": "4"} }, "not the name of a variable"},
		"a line break":        {func(s *plan.Spec) { s.Env = map[string]string{"A": "4\nB=5"} }, "cannot stand"},
		"a flag as a source":  {func(s *plan.Spec) { s.Source = "--help" }, "cannot stand in a command"},
		"a strange name":      {func(s *plan.Spec) { s.Name = "Me & you" }, "cannot begin the names"},
		"another connector":   {with(pd, func(s *plan.Spec) { s.Topology.Transfer.Connector = "MooncakeConnector" }), "MooncakeConnector"},
		"unequal sides":       {with(pd, func(s *plan.Spec) { s.Hardware = machine(4, 4); s.Topology.Decode = &topology.Pool{GPUs: []int{1, 2}} }), "recurrent state"},
		"one GPU twice":       {with(pd, func(s *plan.Spec) { s.Topology.Decode.GPUs = []int{0} }), "named by prefill and by decode"},
		"a GPU too far":       {with(pd, func(s *plan.Spec) { s.Topology.Decode.GPUs = []int{2} }), "the machine has 0 to 1"},
		"too many GPUs":       {func(s *plan.Spec) { s.Topology.DataParallel = 3 }, `runtime = "kubernetes"`},
		"experts of none":     {func(s *plan.Spec) { s.Topology.ExpertParallel = 2 }, "has no experts"},
		"three heads":         {func(s *plan.Spec) { s.Hardware = machine(8, 8); s.Topology.TensorParallel = 3 }, "KV heads"},
		"a port too far":      {with(pd, func(s *plan.Spec) { s.Port = 65500 }), "65535"},
		"ports that meet":     {with(pd, func(s *plan.Spec) { s.KVPort = 8099 }), "choose other ports"},
		"a cache of nothing":  {func(s *plan.Spec) { s.Model.KV = "int3" }, `kv = "bf16" or "fp8"`},
		"weights of nothing":  {func(s *plan.Spec) { s.Model.Weights = "bf16" }, "checkpoint"},
		"a path and no claim": {with(runtime("kubernetes")), "no claim mounts"},
		"credentials":         {func(s *plan.Spec) { s.Topology.Attach = "http://me:pw@host" }, "no credentials"},
		"a file to attach to": {func(s *plan.Spec) { s.Topology.Attach = "file:///x" }, "http or https"},
		"no room":             {func(s *plan.Spec) { s.Workload.Input, s.Model.KV = 3_000_000, "bf16" }, "P9: "},
		"nearly no room":      {func(s *plan.Spec) { s.Hardware.Utilisation = .1185 }, "no room for one request"},
		"a cluster too small": {with(tp2, cluster(""), func(s *plan.Spec) { s.Topology.Replicas = 2 }), "takes 4 GPUs"},
		"a GPU of another":    {with(tp2, func(s *plan.Spec) { s.GPUs = []int{1} }), "1 of one machine"},
		"a named one of it":   {with(pd, func(s *plan.Spec) { s.GPUs = []int{1} }), "may take"},
		"a GPU allowed twice": {func(s *plan.Spec) { s.GPUs = []int{1, 1} }, "twice"},
		"an unknown kind":     {with(cluster("statefulset")), "leaderworkerset or kserve"},
		"a ready of years":    {func(s *plan.Spec) { s.Ready = 1 << 60 }, "cannot be meant"},
	} {
		_, err := plan.Make(spec(q, "0.24", with(dp1, x.change)))
		if err == nil || !strings.Contains(err.Error(), x.says) {
			t.Errorf("%s: %v, which lacks %q", what, err, x.says)
		}
	}
}

func dp1(s *plan.Spec) { s.Topology.Name = "one" }

func TestAttachLaunchesNothing(t *testing.T) {
	p, err := plan.Make(spec(qwen(t), "", func(s *plan.Spec) { s.Topology.Name, s.Topology.Attach = "there", "http://127.0.0.1:8000/" }))
	if err != nil || len(p.Processes) > 0 || !slices.Equal(p.Endpoints, []string{"http://127.0.0.1:8000"}) {
		t.Errorf("%+v, %v", p, err)
	}
}

// What somebody else runs may be of any engine, on hardware that nobody declared.
func TestAttachToAnotherEngine(t *testing.T) {
	p, err := plan.Make(spec(qwen(t), "", func(s *plan.Spec) {
		s.Hardware = topology.Hardware{}
		s.Topology.Name, s.Topology.Attach, s.Topology.Engine, s.Topology.Version = "there", "http://10.0.0.7:8000", "sglang", "0.5"
	}))
	if err != nil || p.Engine != "sglang" || p.Runtime != "attach" || len(p.Processes) > 0 {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestChangesAreReleases(t *testing.T) {
	for _, c := range plan.Changes() {
		if c.Says == "" || c.Source == "" || !strings.HasPrefix(c.Since, "0.") || c.Before != "" && c.Before >= c.Since {
			t.Errorf("%+v", c)
		}
	}
}

// Between two releases that are known, a lease is set where either would read it, and
// a split that would depend on what is not known is refused.
func TestBetweenKnownReleases(t *testing.T) {
	p, err := plan.Make(spec(model(t, "qwen3-32b"), "0.22.1", with(pd, func(s *plan.Spec) { s.Topology.Transfer.Lease = time.Minute })))
	if err != nil {
		t.Fatal(err)
	}
	x := p.Processes[0]
	if !strings.Contains(strings.Join(x.Command, " "), `"kv_lease_duration":60`) || x.Env["VLLM_NIXL_ABORT_REQUEST_TIMEOUT"] != "60" {
		t.Errorf("%v %v", x.Command, x.Env)
	}
	if _, err := plan.Make(spec(qwen(t), "0.22.1", pd)); err == nil {
		t.Error("whether 0.22 moves this model's state is not known, and there is a plan")
	}
}

// Whatever sizes are asked for, there is a plan that holds together, or a reason.
func TestAnySizesGetAPlanOrAReason(t *testing.T) {
	made := map[string]int{}
	models := []topology.Model{qwen(t), gemma(t), model(t, "qwen3-32b"), model(t, "deepseek-v3")}
	rapid.Check(t, func(r *rapid.T) {
		size := func(what string) int {
			return rapid.SampledFrom([]int{0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 4, 8, 16, 3, -1}).Draw(r, what)
		}
		draw := func(what string) topology.Pool {
			p := topology.Pool{Replicas: size(what + " replicas"), DataParallel: size(what + " data"), TensorParallel: size(what + " tensor")}
			p.ExpertParallel = rapid.SampledFrom([]int{0, 0, 0, topology.NoExpertParallel, max(p.DataParallel, 1) * max(p.TensorParallel, 1)}).Draw(r, what+" experts")
			if rapid.IntRange(0, 3).Draw(r, what+" names") == 0 {
				p.GPUs = rapid.SliceOfNDistinct(rapid.IntRange(0, 8), 1, 4, rapid.ID[int]).Draw(r, what+" gpus")
			}
			return p
		}
		runtimes := []string{"process", "podman", "docker", "kubernetes"}
		s := spec(rapid.SampledFrom(models).Draw(r, "model"), rapid.SampledFrom([]string{"0.13", "0.20", "0.22", "0.24", "0.24.1", "0.30"}).Draw(r, "version"), func(s *plan.Spec) {
			s.Topology.Name, s.Hardware = "any", machine(rapid.SampledFrom([]int{2, 8, 8, 16, 32}).Draw(r, "count"), 0)
			s.Hardware.PerNode = rapid.SampledFrom([]int{0, 2, 4, 8}).Draw(r, "per node")
			if rapid.Bool().Draw(r, "split") {
				p, d := draw("prefill"), draw("decode")
				s.Topology.Prefill, s.Topology.Decode = &p, &d
			} else {
				s.Topology.Pool = draw("all")
			}
			runtime(rapid.SampledFrom(runtimes).Draw(r, "runtime"))(s)
			s.Kubernetes = plan.Kubernetes{Kind: rapid.SampledFrom([]string{"", "deployment", "leaderworkerset", "kserve"}).Draw(r, "kind"), Claim: "weights"}
		})
		p, err := plan.Make(s)
		if err != nil {
			if strings.Contains(err.Error(), "checking the manifests") {
				r.Errorf("a plan of its own is broken: %v", err)
			}
			return
		}
		made[p.Runtime]++
		used := map[int]bool{}
		for _, x := range p.Processes {
			for _, g := range x.GPUs {
				if used[g] || g < 0 || g >= s.Hardware.Count {
					r.Errorf("GPU %d is given twice or is not there", g)
				}
				used[g] = true
			}
		}
		if len(p.Processes)+len(p.Manifests) == 0 {
			r.Error("a plan of nothing")
		}
	})
	if len(made) == 0 {
		t.Error("no sizes have a plan")
	}
	t.Log(made)
}
