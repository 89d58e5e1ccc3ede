// Package plan makes the launch of a topology: the exact command, variables and
// GPUs of each process, or the manifests that make Kubernetes run them.
//
// It is pure: declared facts in, data out. It must not look at the machine, start
// anything or ask a registry: an image without a digest is refused, and the error
// says how to get one. What preflight blocks has no plan.
//
//	p, err := plan.Make(plan.Spec{Topology: t, Hardware: hw, Model: m, Source: "/models/qwen"})
//	var b *plan.Blocked
//	if errors.As(err, &b) { fmt.Println(b) }         // P5: gemma-4 with experts does not start ...
//	for _, x := range p.Processes { fmt.Println(x.Command, x.Env, x.Ready, x.After) }
//	for _, x := range p.Manifests { fmt.Println(x.YAML) } // runtime = "kubernetes"
//
// vLLM is planned whole; of SGLang single servers, without a split or manifests.
// Flags are keyed by the engine's version: Changes says which flag came or went
// when, and where that is written. Where the version that made a change is not
// known, versions between the last that is known to lack it and the first that is
// known to have it are refused when a plan depends on it.
package plan

import (
	"fmt"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/topology"
	"github.com/plimsoll-dev/plimsoll/core/topology/preflight"
)

// Spec is what a plan is made from. Only Topology, Hardware and Model are needed.
type Spec struct {
	Name string // begins every name; lower case letters, digits, dashes; "": the topology's
	// Instance ends the names of containers, which all projects of a machine share:
	// whoever launches says here which one it is. Letters and digits; "": nothing.
	Instance string
	Topology topology.Topology
	Hardware topology.Hardware
	Model    topology.Model
	Source   string             // what the engine loads: an absolute path or a name of a hub; "": the model's name
	Workload *topology.Workload // how long requests are, for the memory check; nil: weights are checked alone
	Context  int                // longest request in tokens; 0: as the model says
	Machine  Machine
	GPUs     []int             // of the machine that this plan may take, by index; nil: all. Another model has the rest
	Env      map[string]string // for the engine's processes, on top of everything else
	Args     map[string]string // engine flags without dashes; "" is a switch. A plan's own flags cannot be set here
	Ready    time.Duration     // how long a start may take; 0: 600 s, the engine's own
	// DecodeQueue is the longest wait that is expected before decode; 0: not known.
	DecodeQueue     time.Duration
	AccuracyChecked *bool  // answers were compared with those of an aggregated server
	Host            string // where the endpoint listens; "": 127.0.0.1. Not for manifests
	Port            int    // of the endpoint; 0: 8000
	KVPort          int    // the first for KV transfers; 0: 5600, the connector's own
	Proxy           Proxy
	Kubernetes      Kubernetes
}

// Machine is what is known of where the plan will run. nil is not known.
type Machine struct {
	NVCC            *bool // a CUDA compiler is there
	PrebuiltKernels *bool // FlashInfer kernels came with the engine
	FirstStart      *bool // nothing of this image and model started here before
	ColdCache       *bool // the compile cache is empty
}

// Proxy is what stands before prefill and decode, or before several servers. vLLM's
// wheel and image hold none: its documentation uses a script of its repository's
// tests, and the project's router is a package and an image of its own.
type Proxy struct {
	// Script is the path of tests/v1/kv_connector/nixl_integration/toy_proxy_server.py
	// in a checkout of the engine's version. "": vllm-router is used.
	Script string
	Image  string // of vllm-router, by digest; needed where the runtime is not process
}

// Kubernetes is what only manifests need.
type Kubernetes struct {
	Kind      string // deployment, leaderworkerset, kserve; "": a deployment, or a leaderworkerset across nodes
	Namespace string
	Queue     string // the local queue of Kueue that admits the pods; "": none
	Claim     string // a PersistentVolumeClaim with the model, mounted at Mount
	Mount     string // "": /models
	Memory    string // of the shared memory volume; "": 16Gi
}

// Role is what a process is for.
type Role string

// The roles.
const (
	Engine  Role = "engine"
	Prefill Role = "prefill"
	Decode  Role = "decode"
	Front   Role = "proxy"
)

// Process is one process, or one container. A launcher starts the command as it
// stands, without a shell.
type Process struct {
	Name    string            `json:"name"`
	Role    Role              `json:"role"`
	Command []string          `json:"command"`
	Env     map[string]string `json:"env,omitempty"`  // of the command itself; a container's variables stand in its command
	Stop    []string          `json:"stop,omitempty"` // ends a container; without it the process gets the usual signals
	GPUs    []int             `json:"gpus,omitempty"` // by index on the machine
	Port    int               `json:"port"`           // where it answers HTTP
	KVPorts []int             `json:"kv_ports,omitempty"`
	Ready   string            `json:"ready"`           // URL that answers 200 once it takes requests
	Seconds int               `json:"ready_seconds"`   // how long that may take
	After   []string          `json:"after,omitempty"` // processes that must be ready before it starts
}

// Manifest is one Kubernetes object, as it would be applied.
type Manifest struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
	YAML string `json:"yaml"`
}

// Plan is a launch. It is the document that a serving backend gets.
type Plan struct {
	Format    int        `json:"format"` // 1
	Name      string     `json:"name"`
	Engine    string     `json:"engine"`
	Version   string     `json:"version"`
	Runtime   string     `json:"runtime"` // process, podman, docker, kubernetes, attach
	Model     string     `json:"model"`   // the name that requests use
	Endpoints []string   `json:"endpoints"`
	Processes []Process  `json:"processes,omitempty"` // in the order of their start; stopped in reverse
	Manifests []Manifest `json:"manifests,omitempty"` // in the order in which they are applied
	// Seconds is how long a start may take: the engine's ready timeout, a bench's
	// ready check, the proxy's wait and startup probes are all this.
	Seconds  int                 `json:"ready_seconds"`
	Findings []preflight.Finding `json:"findings,omitempty"` // what preflight changed or warns of
	Notes    []string            `json:"notes,omitempty"`    // sentences: what was chosen, and what to know
}

// Blocked says why there is no plan: rules of preflight, with their numbers.
type Blocked struct {
	Topology string
	Findings []preflight.Finding
}

func (b *Blocked) Error() string {
	var out []string
	for _, f := range b.Findings {
		if f.Effect == preflight.Block {
			out = append(out, f.ID+": "+f.Says)
		}
	}
	return fmt.Sprintf("topology %q is blocked: %s", b.Topology, strings.Join(out, " "))
}

// Refused says that a plan cannot be made for what was asked, why, and what to do.
type Refused struct{ Why, Do string }

func (r *Refused) Error() string { return r.Why + ". " + r.Do }
