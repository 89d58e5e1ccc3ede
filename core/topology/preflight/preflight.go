// Package preflight is the rules that a launch is checked against before a GPU
// is touched: what is known to fail, and what prevents it.
//
// It is pure data and predicates over declared facts. It must not look at the
// machine, and it must not guess: a fact that is not declared fires no rule.
//
//	for _, f := range preflight.Check(facts) {
//		fmt.Println(f.ID, f.Effect, f.Says)   // P9 block weights 57 GiB + ...
//	}
//	env, args, ready := preflight.Merged(preflight.Check(facts)) // what to set
//	if preflight.Blocked(preflight.Check(facts)) { ... }
//
// Evidence says where a rule comes from: the reference is the measurement on
// two B200 with vLLM 0.24 of the design's topology page.
package preflight

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Effect is what a finding does.
type Effect string

// The effects.
const (
	Block       Effect = "block"       // the launch is refused
	Environment Effect = "environment" // the launch sets variables, arguments or times
	Warning     Effect = "warning"     // said, and nothing else
)

// Facts are what is declared of a launch. Pointers and empty strings are facts
// that nobody declared.
type Facts struct {
	Engine          string
	Version         string
	Env             map[string]string // as declared for the engine's processes
	Args            map[string]string // flag without dashes: value
	NVCC            *bool             // a CUDA compiler is on the machine
	PrebuiltKernels *bool             // FlashInfer kernels came with the engine
	FirstStart      *bool             // no process of this image and model started here before
	ColdCache       *bool             // the compile cache is empty
	ReadyTimeout    time.Duration     // the shortest of engine, bench and startup probe; 0: defaults
	Family          string            // the model type: gemma4_text, qwen3_5_text
	Experts         bool
	Hybrid          bool // keeps recurrent state
	AccuracyChecked *bool
	DataParallel    int
	Prefill, Decode *Side // nil: aggregated
	Connector       string
	Ports           []Port
	Lease           time.Duration // for which prefill keeps a cache; 0: not declared
	DecodeQueue     time.Duration // longest wait that is expected before decode; 0: not known
	Memory          *Memory
	Bench           *Bench
}

// Side is one half of a split.
type Side struct {
	Engine, Version, Connector, Model, Attention, KV string
	TensorParallel                                   int
}

// Port is where a process listens for KV transfers.
type Port struct {
	Host, Process string
	Number        int
}

// Memory of one GPU, in bytes.
type Memory struct {
	Weights, State, KV float64 // State and KV of one request
	Requests           int
	HBM, Utilisation   float64
}

// Bench is how a benchmark is run.
type Bench struct{ Warmup int } // requests before the first that counts

// Finding is a rule that fired.
type Finding struct {
	ID     string            `json:"id"`
	Effect Effect            `json:"effect"`
	Says   string            `json:"says"`            // what is wrong and what is done or to do
	Env    map[string]string `json:"env,omitempty"`   // to set
	Args   map[string]string `json:"args,omitempty"`  // to set
	Ready  time.Duration     `json:"ready,omitempty"` // the engine's ready timeout, the bench's ready check and the startup probe; 0: as they are
}

// Rule is one line of the table.
type Rule struct {
	ID       string
	Effect   Effect
	Title    string
	Evidence string
	Fires    func(Facts) (Finding, bool)
}

// Check runs every rule, in order.
func Check(f Facts) []Finding {
	var out []Finding
	for _, r := range Rules() {
		if x, ok := r.Fires(f); ok {
			x.ID, x.Effect = r.ID, r.Effect
			out = append(out, x)
		}
	}
	return out
}

// Blocked says whether any finding refuses the launch.
func Blocked(all []Finding) bool {
	return slices.ContainsFunc(all, func(f Finding) bool { return f.Effect == Block })
}

// Merged is what the findings set together: variables, arguments, and the
// longest ready timeout.
func Merged(all []Finding) (env, args map[string]string, ready time.Duration) {
	env, args = map[string]string{}, map[string]string{}
	for _, f := range all {
		maps.Copy(env, f.Env)
		maps.Copy(args, f.Args)
		ready = max(ready, f.Ready)
	}
	return env, args, ready
}

func is(b *bool) bool  { return b != nil && *b }
func not(b *bool) bool { return b != nil && !*b }

// ready is how long a first start with an empty compile cache may take: the
// reference needed over ten minutes on two ranks.
const ready = 1800 * time.Second

// gib writes bytes as people do.
func gib(v float64) string { return fmt.Sprintf("%.1f GiB", v/(1<<30)) }

// differences are the facts in which two sides do not agree.
func differences(a, b Side) []string {
	var out []string
	for _, x := range []struct{ what, a, b string }{
		{"engine", a.Engine + " " + a.Version, b.Engine + " " + b.Version}, {"connector", a.Connector, b.Connector},
		{"model", a.Model, b.Model}, {"attention backend", a.Attention, b.Attention}, {"KV dtype", a.KV, b.KV},
	} {
		if strings.TrimSpace(x.a) != strings.TrimSpace(x.b) {
			out = append(out, fmt.Sprintf("%s is %q on the prefill side and %q on the decode side", x.what, strings.TrimSpace(x.a), strings.TrimSpace(x.b)))
		}
	}
	return out
}
