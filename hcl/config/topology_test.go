package config

import (
	"math"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

// Every attribute of every block about serving models lands in its field.
func TestTopologyBlocks(t *testing.T) {
	dir := t.TempDir()
	src, err := os.ReadFile(filepath.Join("testdata", "valid", "topology", "main.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "main.hcl"), src)
	p := load(t, dir)
	same := func(what string, got, want any) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
		}
	}
	g := *p.GPUs[0]
	same("gpu", g, GPU{Name: "RTX-X", MemoryGiB: 96, BandwidthTBPS: 1.6, BF16: .5, FP8: 1, FP4: 2, LinkGBPS: 64, Range: g.Range})
	h := *p.Hardware[0]
	same("hardware", h, Hardware{
		Name: "rack", GPU: "RTX-X", Count: 16, PerNode: 8, Utilisation: .9, Range: h.Range, Ranges: h.Ranges,
		Fabric: &Fabric{Kind: "pcie", GBPS: 60, LatencyMS: .2, Range: h.Fabric.Range}, Network: &Fabric{Kind: "roce", GBPS: 25, Range: h.Network.Range},
	})
	m, yes := *p.Models[0], true
	same("model", m, Model{Name: "m", Config: "m.json", Weights: "fp8", KV: "fp8", Source: "/models/m", Context: 32768, AccuracyChecked: &yes, Range: m.Range, Ranges: m.Ranges})
	w := *p.Workloads[0]
	same("workload", w, Workload{
		Name: "chat", Input: 800, Output: 200, Prompts: 500, Rate: 4.5, Arrival: "gamma", Burstiness: .5, Concurrency: 64,
		SharedPrefix: 300, Spread: .4, Longest: 4096, Seed: 7, Range: w.Range, Ranges: w.Ranges,
	})
	if w := p.Workloads[1]; !math.IsInf(w.Rate, 1) || w.Input != 0 {
		t.Errorf("%+v", w)
	}
	s := *p.SLOs[0]
	const ms = time.Millisecond
	same("slo", s, SLO{
		Name: "chat", TTFT50: time.Second, TTFT95: 2 * time.Second, TTFT99: 3 * time.Second, TPOT50: 10 * ms, TPOT95: 20 * ms, TPOT99: 30 * ms,
		ITL99: 100 * ms, Latency95: 10 * time.Second, OutputTPS: 1000, RequestsPS: 2.5, Range: s.Range,
	})
	x := *p.Topologies[0]
	same("topology", x, Topology{
		Name: "split", Engine: "vllm", Version: "0.24.1", Pool: Pool{Range: x.Pool.Range, Ranges: x.Pool.Ranges},
		Prefill:  &Pool{GPUs: []int{0, 1}, Replicas: 2, TensorParallel: 1, Range: x.Prefill.Range, Ranges: x.Prefill.Ranges},
		Decode:   &Pool{DataParallel: 2, TensorParallel: 2, ExpertParallel: -1, Range: x.Decode.Range, Ranges: x.Decode.Ranges},
		Transfer: &Transfer{Connector: "NixlConnector", GBPS: 50, Lease: 480 * time.Second, Range: x.Transfer.Range},
		Runtime:  "kubernetes", Image: x.Image, Attention: "TRITON_ATTN", Unchunked: true,
		Env: map[string]string{"A": "b", "N": "0.5"}, Args: map[string]string{"max-num-seqs": "128", "enforce-eager": ""},
		Ready: 1800 * time.Second, Host: "0.0.0.0", Port: 9000, KVPort: 5700,
		Proxy:      &Proxy{Image: x.Image, Range: x.Proxy.Range},
		Kubernetes: &Kubernetes{Kind: "leaderworkerset", Namespace: "n", Queue: "q", Claim: "c", Mount: "/w", Memory: "32Gi", Range: x.Kubernetes.Range},
		Model:      p.Models[0], Hardware: p.Hardware[0], Range: x.Range, Ranges: x.Ranges,
	})
	if a := p.Topologies[1]; a.Attach != "http://10.0.0.7:8000" || a.Unchunked || a.Model != nil {
		t.Errorf("%+v", a)
	}
	d := *p.Decisions[0]
	same("decision", d, Decision{
		Name: "d", Hardware: p.Hardware[0], Models: []*Model{p.Models[0]}, Workloads: []*Workload{p.Workloads[1], p.Workloads[0]}, SLO: p.SLOs[0],
		Objective: "tpot", Require: d.Require, Topologies: []*Topology{p.Topologies[0]}, Range: d.Range, Ranges: d.Ranges,
	})
	if d.Require.Source != "slo_met && gpus <= 8" || !p.Decisions[1].Search {
		t.Errorf("%+v, %+v", d.Require, p.Decisions[1])
	}
	if b := p.Backends[0]; b.Topology != p.Topologies[1] {
		t.Errorf("the backend's topology is %+v", b.Topology)
	}
	for name, at := range x.Ranges {
		if at.Start.Line < x.Range.Start.Line {
			t.Errorf("%s stands at %s, before its block at %s", name, at, x.Range)
		}
	}
	if at := x.Ranges.At("nothing", x.Range); at != x.Range {
		t.Errorf("an attribute that is not said stands at %s", at)
	}
}
