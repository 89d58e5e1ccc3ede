package config

import (
	"time"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// GPU is a `gpu "NAME"` block: one that the built-in table does not have.
// Rates are dense.
type GPU struct {
	Name           string
	MemoryGiB      float64
	BandwidthTBPS  float64 // of its memory, 10^12 bytes a second
	BF16, FP8, FP4 float64 // 10^15 FLOP/s; FP8 and FP4 of 0: it has none
	LinkGBPS       float64 // to the others of its machine, 10^9 bytes a second and direction; 0: none known
	Range          diag.Range
}

// Hardware is a `hardware "NAME"` block: so many of one kind of GPU.
type Hardware struct {
	Name        string
	GPU         string // of the built-in table, or a gpu block
	Count       int
	PerNode     int     // 0: all in one machine
	Utilisation float64 // share of memory that the engine may take; 0: its own default
	Fabric      *Fabric // inside a machine; nil: the GPU's own links
	Network     *Fabric // between machines; nil: what such GPUs usually have
	Range       diag.Range
	Ranges      Ranges
}

// Fabric is a `fabric` or `network` block.
type Fabric struct {
	Kind      string  // nvlink, pcie, infiniband, roce, ethernet; "": not said
	GBPS      float64 // 10^9 bytes a second, GPU and direction
	LatencyMS float64
	Range     diag.Range
}

// Model is a `model "NAME"` block.
type Model struct {
	Name            string
	Config          string // path of its config.json, relative to the project
	Weights         string // format; "": as published
	KV              string // format of the cache; ""
	Source          string // what the engine loads; ""
	Context         int    // longest request in tokens; 0: as the model says
	AccuracyChecked *bool  // nil: not said
	Range           diag.Range
	Ranges          Ranges
}

// Workload is a `workload "NAME"` block. What is 0 or "" was not said.
type Workload struct {
	Name         string
	Input        int // tokens of a prompt
	Output       int // tokens of an answer
	Prompts      int
	Rate         float64 // requests a second; +Inf: all at once
	Arrival      string  // poisson, gamma
	Burstiness   float64
	Concurrency  int
	SharedPrefix int
	Spread       float64
	Longest      int
	Seed         int
	Trace        string // path, relative to the project
	Range        diag.Range
	Ranges       Ranges
}

// SLO is an `slo "NAME"` block; 0 asks nothing.
type SLO struct {
	Name                   string
	TTFT50, TTFT95, TTFT99 time.Duration
	TPOT50, TPOT95, TPOT99 time.Duration
	ITL99, Latency95       time.Duration
	OutputTPS              float64
	RequestsPS             float64
	Range                  diag.Range
}

// Pool is the parallel sizes of a topology, of its prefill or of its decode.
// 0 was not said.
type Pool struct {
	GPUs           []int // by index on the machine
	Replicas       int
	DataParallel   int
	TensorParallel int
	ExpertParallel int // -1: every data parallel rank holds every expert
	Range          diag.Range
	Ranges         Ranges
}

// Transfer is a `kv_transfer` block.
type Transfer struct {
	Connector string
	GBPS      float64       // 0: the fabric's
	Lease     time.Duration // 0: the connector's own
	Range     diag.Range
}

// Proxy is a `proxy` block: what stands before several servers.
type Proxy struct {
	Script, Image string
	Range         diag.Range
}

// Kubernetes is a `kubernetes` block.
type Kubernetes struct {
	Kind, Namespace, Queue, Claim, Mount, Memory string
	Range                                        diag.Range
}

// Topology is a `topology "NAME"` block: how a model is laid on GPUs, and how it
// is started.
type Topology struct {
	Name            string
	Engine, Version string
	Pool                  // without Prefill and Decode
	Prefill, Decode *Pool // both or none
	Transfer        *Transfer
	Runtime         string // process, podman, docker, kubernetes; "" is process
	Image           string // by digest
	Attach          string // URL of a server that runs already
	Attention       string
	Unchunked       bool // chunked_prefill = false
	Env, Args       map[string]string
	Ready           time.Duration // 0: the engine's own
	Host            string
	Port, KVPort    int
	Proxy           *Proxy
	Kubernetes      *Kubernetes
	Model           *Model    // nil: the only one of the project
	Hardware        *Hardware // nil: the only one of the project
	Range           diag.Range
	Ranges          Ranges
}

// Decision is a `decision "NAME"` block: which topology should win.
type Decision struct {
	Name       string
	Hardware   *Hardware // nil: the only one of the project
	Models     []*Model
	Workloads  []*Workload // nil: all of the project, or the built-in one
	SLO        *SLO        // nil: the only one of the project, or the built-in one
	Objective  string      // ""
	Require    *Expr       // nil: keeping the SLO
	Topologies []*Topology // nil: those of the project, or a search
	Search     bool        // topologies = "search"
	Range      diag.Range
	Ranges     Ranges
}

// Ranges is where the attributes and nested blocks of a block stand, by name.
type Ranges map[string]diag.Range

// At is where an attribute stands, else the block.
func (r Ranges) At(name string, block diag.Range) diag.Range {
	if at, ok := r[name]; ok {
		return at
	}
	return block
}
