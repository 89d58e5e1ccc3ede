package plan

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/topology"
	"github.com/plimsoll-dev/plimsoll/core/topology/preflight"
)

// defaultLease is how long 0.20 and before keep a cache (#25897). Later versions
// renew a lease of 30 s by heartbeats, so that waiting does not end it.
const defaultLease = 480 * time.Second

// facts are what preflight needs to know, and what memory holds.
func (s Spec) facts(e *engine, all []pool, ports []port) (preflight.Facts, []topology.Fit, error) {
	t, m := s.Topology, s.Model
	args := map[string]string{}
	maps.Copy(args, e.args)
	f := preflight.Facts{
		Engine: e.kind, Version: e.version.String(), Env: e.env, Args: args,
		NVCC: s.Machine.NVCC, PrebuiltKernels: s.Machine.PrebuiltKernels, FirstStart: s.Machine.FirstStart, ColdCache: s.Machine.ColdCache,
		ReadyTimeout: s.Ready, Family: m.Arch.Type, Experts: m.Arch.Mixture(), Hybrid: m.Arch.Hybrid(), AccuracyChecked: s.AccuracyChecked,
	}
	if e.kind != "vllm" {
		f.FirstStart = nil // what is known of first starts is vLLM's
	}
	for _, p := range all {
		f.DataParallel = max(f.DataParallel, p.data)
	}
	if e.split {
		f.Prefill, f.Decode = s.side(e, all[0]), s.side(e, all[1])
		f.Connector, f.Lease, f.DecodeQueue = connector, e.lease, s.DecodeQueue
		if has, _ := e.version.has(leaseConfig); has == no && f.Lease == 0 {
			f.Lease = defaultLease
		}
		for _, p := range ports {
			for _, n := range p.kv {
				f.Ports = append(f.Ports, preflight.Port{Host: p.host, Process: p.name, Number: n})
			}
		}
	}
	fits, err := topology.Memory(s.Hardware, m, s.workload(), t)
	if err != nil {
		return f, nil, fmt.Errorf("checking the memory of topology %q: %w", t.Name, err)
	}
	f.Memory = tightest(fits, all, m, utilisation(s.Hardware))
	return f, fits, nil
}

func (s Spec) side(e *engine, p pool) *preflight.Side {
	return &preflight.Side{Engine: "vllm", Version: e.version.String(), Connector: connector, Model: s.Source, Attention: e.args["attention-backend"], KV: s.Model.KV, TensorParallel: p.tensor}
}

// workload is the length that memory is checked for: a token, when nobody says.
func (s Spec) workload() topology.Workload {
	switch {
	case s.Workload != nil:
		return *s.Workload
	case s.Context > 1:
		return topology.Workload{Name: "context", Input: s.Context - 1, Output: 1}
	}
	return topology.Workload{Name: "token", Input: 1, Output: 1}
}

// tightest is the pool that fits least. One request is asked for: more than fit
// wait, and are no reason not to start.
func tightest(fits []topology.Fit, all []pool, m topology.Model, share float64) *preflight.Memory {
	var out *preflight.Memory
	least := 0.0
	for i, f := range fits {
		state := min(float64(m.Arch.StateBytes())/float64(all[i].tensor), f.Request)
		x := &preflight.Memory{Weights: f.Weights, State: state, KV: f.Request - state, Requests: 1, HBM: f.Memory, Utilisation: share}
		if room := f.Usable - f.Weights - f.Request; out == nil || room < least {
			out, least = x, room
		}
	}
	return out
}

// port is where one server listens.
type port struct {
	role Role
	name string
	host string // machines or pods: KV ports are unique in each
	http int
	kv   []int // one a data parallel rank
	rpc  int   // of its data parallel ranks; 0: the engine's own choice
}

// assign gives servers names and ports. On Kubernetes each pod is a host of its own.
func assign(s Spec, all []pool, cluster bool) ([]port, error) {
	var out []port
	kv, rpc, taken := s.KVPort, 29550, map[int]string{}
	claim := func(n int, who string) error {
		if n < 1 || n > 65535 {
			return fmt.Errorf("%s would listen on port %d: ports end at 65535", who, n)
		}
		if other, ok := taken[n]; ok {
			return fmt.Errorf("%s and %s would both listen on port %d: choose other ports", other, who, n)
		}
		taken[n] = who
		return nil
	}
	if s.Topology.Split() {
		if err := claim(s.Port, "the proxy"); err != nil {
			return nil, err
		}
	}
	for _, p := range all {
		first := s.Port
		switch p.role {
		case Prefill:
			first += 100 // as in vLLM's documentation: 8100 and 8200
		case Decode:
			first += 200
		}
		for i := range p.replicas {
			x := port{role: p.role, name: strings.TrimSuffix(fmt.Sprintf("%s-%s-%d", s.Name, p.role, i), "-0"), host: "this machine", http: first + i}
			if p.replicas > 1 {
				x.name = fmt.Sprintf("%s-%s-%d", s.Name, p.role, i)
			}
			if cluster {
				x.host, kv, rpc, taken = x.name, s.KVPort, 29550, map[int]string{}
				x.http = s.Port
			}
			if err := claim(x.http, x.name); err != nil {
				return nil, err
			}
			if s.Topology.Split() {
				for range p.data {
					if err := claim(kv, x.name); err != nil {
						return nil, err
					}
					x.kv = append(x.kv, kv)
					kv++
				}
			}
			if p.data > 1 && p.replicas*len(all) > 1 {
				x.rpc = rpc
				if err := claim(rpc, x.name); err != nil {
					return nil, err
				}
				rpc++
			}
			out = append(out, x)
		}
	}
	return out, nil
}
