// Package topology answers which layout of models on GPUs should win, and says
// when it does not know: declared hardware, models, workloads, an SLO and
// candidates go in, a ranking with its reasons comes out.
//
// It is pure: no I/O, no clock, no chance but seeded. It must not launch or
// measure anything. A measurement always beats its own prediction, and every
// number says which of the two it is.
//
//	d := topology.Decision{Hardware: hw, Models: []topology.Model{m}, Workloads: ws, SLO: slo}
//	d.Topologies, left = topology.Search(hw, m, ws[0], "vllm", "0.24") // everything that fits; nil does it too
//	r, err := topology.Decide(d, measured, topology.Textbook())
//	best := r.Rankings[0].Ranked[0]                  // best.Topology, best.Outcomes, best.Why
//	if n := r.Rankings[0].Next; n != nil { fmt.Println(n.Command, n.Why) } // what would change it
//
// Units: seconds, bytes, tokens, tokens a second. Structs mirror the HCL blocks
// of the design's topology page, a field an attribute.
package topology

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/topology/arch"
	"github.com/plimsoll-dev/plimsoll/core/topology/hardware"
)

// Hardware is a hardware block: one kind of GPU, so many of them.
type Hardware struct {
	Name        string
	GPU         hardware.GPU
	Count       int
	PerNode     int     // 0: all in one
	Fabric      Fabric  // inside a node; the zero value takes the GPU's own link
	Network     Fabric  // between nodes; the zero value takes the GPU's usual one
	Utilisation float64 // share of memory that the engine may take; 0: 0.9
}

// Fabric joins GPUs.
type Fabric struct {
	Kind      string  // nvlink, pcie, infiniband, roce, ethernet
	GBPerS    float64 // 10^9 bytes a second, GPU and direction
	LatencyMS float64 // of one KV transfer at least; 0: the model's constant
}

// Model is a model block.
type Model struct {
	Name    string
	Arch    arch.Arch
	Weights string // bf16, fp8, nvfp4, mxfp4, int4, int8; "": as published
	KV      string // bf16, fp8; "": bf16
}

// Workload is a workload block. Without Rate and Concurrency it is a burst:
// Prompts requests at once (rate = "inf").
type Workload struct {
	Name         string
	Input        int     // tokens of each prompt
	Output       int     // tokens of each answer
	Prompts      int     // how many; 0: 128
	Rate         float64 // requests a second; 0 and +Inf: all at once
	Arrival      string  // poisson, gamma or "", which is poisson
	Burstiness   float64 // shape of gamma arrivals; 0: 1, which is Poisson
	Concurrency  int     // > 0: so many in flight at any time, whatever Rate says
	SharedPrefix int     // tokens at the start of every prompt that are the same
	Spread       float64 // of lengths: standard deviation of their logarithm, means as given; 0: all equal
	Longest      int     // prompt and answer together at most, with Spread; 0: 8 times the mean
	Seed         uint64  // of arrivals and lengths
}

// SLO is an slo block; 0 means that nothing is asked.
type SLO struct {
	Name                      string
	TTFT50, TTFT95, TTFT99    time.Duration
	TPOT50, TPOT95, TPOT99    time.Duration
	ITL99                     time.Duration
	Latency95                 time.Duration
	OutputTPS, RequestsPerSec float64
}

// Pool is a prefill or decode block, or what a topology without them is.
type Pool struct {
	GPUs           []int
	Replicas       int // copies that share nothing; 0: 1
	DataParallel   int // ranks; a dense model makes replicas of them
	TensorParallel int // 0: 1, or all of GPUs where those are named
	ExpertParallel int // 0: experts are cut like everything else
}

// Topology is a topology block: either the parallel sizes, or Prefill and Decode.
type Topology struct {
	Name            string
	Serves          string // the only model that it is for, by its name; "": any
	Engine, Version string
	Pool
	Prefill, Decode *Pool
	Transfer        *Transfer
	Runtime         string // process, podman, docker, kubernetes
	Image           string // by digest
	Attach          string // URL of a server that already runs
	Attention       string // attention backend, where it is named
	Unchunked       bool   // --no-enable-chunked-prefill: prompts stop decoding until they are done
}

// Transfer is a kv_transfer block.
type Transfer struct {
	Connector string
	GBPerS    float64 // 0: the fabric's
	Lease     time.Duration
}

// Decision is a decision block.
type Decision struct {
	Name       string
	Hardware   Hardware
	Models     []Model
	Workloads  []Workload
	SLO        SLO
	Objective  Objective
	Topologies []Topology
	// Require decides beside the SLO whether a candidate is admissible on one
	// workload; nil takes SLOMet. The engine compiles it from `require`.
	Require func(Outcome) (bool, error)
	// Forbid says why a candidate cannot be had at all, although it could be
	// predicted: what an engine is known to fail at. nil forbids nothing.
	Forbid func(Model, Topology) error
}

// Objective is what admissible candidates are ranked by.
type Objective string

// The objectives. The first is the default.
const (
	PerGPU    Objective = "output_tps_per_gpu"
	OutputTPS Objective = "output_tps"
	LowTPOT   Objective = "tpot"
	LowTTFT   Objective = "ttft"
)

// Candidates are the topologies of d that may serve m; none means a search.
func (d Decision) Candidates(m Model) []Topology {
	var out []Topology
	for _, t := range d.Topologies {
		if t.Serves == "" || t.Serves == m.Name {
			out = append(out, t)
		}
	}
	return out
}

// Split says whether prefill and decode run apart.
func (t Topology) Split() bool { return t.Prefill != nil && t.Decode != nil }

// GPUs is how many the topology takes.
func (t Topology) GPUs(m Model) int {
	if t.Split() {
		return t.Prefill.layout(m).gpus() + t.Decode.layout(m).gpus()
	}
	return t.Pool.layout(m).gpus()
}

// layout is a pool as the model sees it: workers that share nothing.
type layout struct{ workers, tensor, attention int }

func (l layout) gpus() int { return l.workers * l.tensor * l.attention }

// layout of p for m: data parallel ranks share experts when the model has some,
// and are plain replicas when it has none.
func (p Pool) layout(m Model) layout {
	l := layout{workers: max(p.Replicas, 1), tensor: p.TensorParallel, attention: max(p.DataParallel, 1)}
	if l.tensor < 1 {
		l.tensor = 1
		if n := len(p.GPUs); n > 0 && n%(l.workers*l.attention) == 0 {
			l.tensor = n / (l.workers * l.attention)
		}
	}
	if !m.Arch.Mixture() || p.ExpertParallel == NoExpertParallel {
		l.workers *= l.attention
		l.attention = 1
	}
	return l
}

// NoExpertParallel as a pool's ExpertParallel makes data parallel ranks of a
// mixture replicas that each hold every expert.
const NoExpertParallel = -1

// most is the largest count that is believed: above it is a slip of the finger.
const (
	mostGPUs   = 1 << 16
	mostTokens = 16 << 20
	mostPrompt = 1 << 20
)

// Check refuses sizes with which nothing can be computed; all faults at once.
func (h Hardware) Check() error {
	errs := []error{h.GPU.Check()}
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("hardware %q: "+format, append([]any{h.Name}, args...)...))
	}
	if h.Count < 1 || h.Count > mostGPUs {
		bad("a count of %d GPUs is not possible", h.Count)
	}
	if h.PerNode < 0 || h.PerNode > max(h.Count, 1) {
		bad("per_node is %d, and there are %d GPUs", h.PerNode, h.Count)
	}
	if h.Utilisation < 0 || h.Utilisation > 1 || math.IsNaN(h.Utilisation) {
		bad("a utilisation of %g is not a share of memory", h.Utilisation)
	}
	for _, f := range []Fabric{h.Fabric, h.Network} {
		if f.GBPerS < 0 || f.GBPerS > 1e5 || math.IsNaN(f.GBPerS) || f.LatencyMS < 0 || f.LatencyMS > 1e5 || math.IsNaN(f.LatencyMS) {
			bad("a fabric of %g GB/s and %g ms is not possible", f.GBPerS, f.LatencyMS)
		}
	}
	return errors.Join(errs...)
}

// Check refuses token counts and rates that cannot be meant.
func (w Workload) Check() error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("workload %q: "+format, append([]any{w.Name}, args...)...))
	}
	if w.Input < 1 || w.Input > mostTokens {
		bad("%d input tokens cannot be meant", w.Input)
	}
	if w.Output < 1 || w.Output > mostTokens {
		bad("%d output tokens cannot be meant", w.Output)
	}
	if w.Prompts < 0 || w.Prompts > mostPrompt {
		bad("%d prompts cannot be meant", w.Prompts)
	}
	if w.Concurrency < 0 || w.Concurrency > mostPrompt {
		bad("a concurrency of %d cannot be meant", w.Concurrency)
	}
	if w.Rate < 0 || math.IsNaN(w.Rate) {
		bad("a rate of %g cannot be meant", w.Rate)
	}
	if w.Burstiness < 0 || math.IsNaN(w.Burstiness) || w.Burstiness > 1e6 {
		bad("a burstiness of %g cannot be meant", w.Burstiness)
	}
	if w.Spread < 0 || w.Spread > 3 || math.IsNaN(w.Spread) || w.Longest < 0 || w.Longest > mostTokens {
		bad("a spread of %g and at most %d tokens cannot be meant", w.Spread, w.Longest)
	}
	if w.SharedPrefix < 0 || w.SharedPrefix > max(w.Input, 0) {
		bad("a shared prefix of %d tokens does not fit into %d", w.SharedPrefix, w.Input)
	}
	if !strings.Contains("|poisson|gamma|", "|"+w.Arrival+"|") && w.Arrival != "" {
		bad("arrivals are poisson or gamma, not %q", w.Arrival)
	}
	return errors.Join(errs...)
}

func (w Workload) prompts() int {
	if w.Prompts == 0 {
		return 128
	}
	return w.Prompts
}

// Check refuses a topology that contradicts itself.
func (t Topology) Check() error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("topology %q: "+format, append([]any{t.Name}, args...)...))
	}
	if (t.Prefill == nil) != (t.Decode == nil) {
		bad("prefill and decode go together: one of them is missing")
	}
	for what, p := range map[string]*Pool{"the topology": &t.Pool, "prefill": t.Prefill, "decode": t.Decode} {
		if p == nil {
			continue
		}
		for _, n := range []int{p.Replicas, p.DataParallel, p.TensorParallel} {
			if n < 0 || n > mostGPUs {
				bad("%s has a parallel size of %d", what, n)
			}
		}
		if p.ExpertParallel < NoExpertParallel || p.ExpertParallel > mostGPUs {
			bad("%s has an expert parallel size of %d", what, p.ExpertParallel)
		}
	}
	if t.Split() && (t.DataParallel > 1 || t.TensorParallel > 1 || t.Replicas > 1) {
		bad("parallel sizes stand in prefill and decode when those are there")
	}
	return errors.Join(errs...)
}
