package plan

import (
	"cmp"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/topology"
	"github.com/plimsoll-dev/plimsoll/core/topology/preflight"
)

// usual is how long vLLM waits for its engine unless it is told otherwise.
const usual = 600 * time.Second

// longest is a start that is believed.
const longest = 24 * time.Hour

// Make makes the plan of s. Errors are *Blocked, *Refused, an error of topology, or
// say what of the input contradicts itself; all contradictions at once.
func Make(s Spec) (Plan, error) {
	if err := s.check(); err != nil {
		return Plan{}, err
	}
	s.fill()
	p := Plan{Format: 1, Name: s.Name, Engine: kind(s.Topology.Engine), Version: s.Topology.Version, Runtime: s.Topology.Runtime, Model: s.Model.Name}
	if s.Topology.Attach != "" {
		p.Runtime, p.Endpoints = "attach", []string{strings.TrimRight(s.Topology.Attach, "/")}
		p.Engine = cmp.Or(s.Topology.Engine, p.Engine)
		p.Notes = []string{"The server runs already: nothing is launched, and nothing is stopped."}
		return p, nil
	}
	read := read
	if p.Engine == sglang {
		read = readSGLang
	}
	v, err := read(s.Topology.Version)
	if err != nil {
		return Plan{}, err
	}
	all, err := pools(s.Topology, s.Model)
	if err != nil {
		return Plan{}, fmt.Errorf("topology %q: %w", s.Topology.Name, err)
	}
	e := &engine{kind: p.Engine, version: v, source: s.Source, served: s.Model.Name, share: utilisation(s.Hardware), env: maps.Clone(s.Env), args: maps.Clone(s.Args), kv: map[string]string{}}
	if e.env == nil {
		e.env = map[string]string{}
	}
	if e.args == nil {
		e.args = map[string]string{}
	}
	if err := e.configure(s, all); err != nil {
		return Plan{}, err
	}
	cluster := s.Topology.Runtime == "kubernetes"
	if cluster {
		need := 0
		for _, p := range all {
			need += p.replicas * p.size()
		}
		if need > s.Hardware.Count {
			return Plan{}, &Refused{fmt.Sprintf("The topology takes %d GPUs, and %s has %d", need, s.Hardware.Name, s.Hardware.Count), "Use fewer servers, or declare the hardware that there is."}
		}
	} else if err := place(all, s); err != nil {
		return Plan{}, err
	}
	ports, err := assign(s, all, cluster)
	if err != nil {
		return Plan{}, err
	}
	facts, fits, err := s.facts(e, all, ports)
	if err != nil {
		return Plan{}, err
	}
	p.Findings = preflight.Check(facts)
	if preflight.Blocked(p.Findings) {
		return Plan{}, &Blocked{Topology: s.Topology.Name, Findings: p.Findings}
	}
	for i, f := range fits {
		if !f.Fits { // what preflight does not count: the engine keeps some memory for itself
			return Plan{}, &topology.Misfit{Topology: s.Topology.Name, Why: fmt.Sprintf("a GPU of %s has no room for one request: %s", all[i].role, f), Fit: f}
		}
	}
	e.merge(p.Findings, s.Ready)
	p.Seconds = e.seconds
	p.Notes = notes(e, s, all, fits)
	if cluster {
		p.Manifests, p.Endpoints, err = e.manifests(s, all)
		return p, err
	}
	p.Processes, p.Endpoints, err = e.processes(s, all, ports)
	return p, err
}

// merge takes in what preflight sets. It wins over what was declared, because it
// knows a failure: the findings tell so.
func (e *engine) merge(found []preflight.Finding, declared time.Duration) {
	env, args, ready := preflight.Merged(found)
	for k, v := range env {
		e.env[k] = v
	}
	for k, v := range args {
		key, ok := strings.CutPrefix(k, transferPrefix+"kv_connector_extra_config.")
		if ok {
			e.kv[key] = v
			continue
		}
		e.args[k] = v
	}
	if e.args["attention-backend"] == "TRITON_ATTN" && e.latent {
		e.args["attention-backend"] = "TRITON_MLA" // the same kernels' name for latent attention
	}
	wait := max(declared, ready, usual)
	e.seconds = int((wait + time.Second - 1) / time.Second)
	if wait > usual && e.kind == "vllm" {
		e.env["VLLM_ENGINE_READY_TIMEOUT_S"] = fmt.Sprint(e.seconds)
	}
}

// fill sets what was left out.
func (s *Spec) fill() {
	s.Name = s.name()
	if s.Source == "" {
		s.Source = s.Model.Name
	}
	if s.Topology.Runtime == "" {
		s.Topology.Runtime = "process"
	}
	if s.Port == 0 {
		s.Port = 8000
	}
	if s.KVPort == 0 {
		s.KVPort = 5600
	}
	if s.Host == "" {
		s.Host = "127.0.0.1"
	}
	if s.Kubernetes.Mount == "" {
		s.Kubernetes.Mount = "/models"
	}
	if s.Kubernetes.Memory == "" {
		s.Kubernetes.Memory = "16Gi"
	}
}

func notes(e *engine, s Spec, all []pool, fits []topology.Fit) []string {
	var out []string
	for i, f := range fits {
		if s.Workload != nil {
			out = append(out, fmt.Sprintf("Memory of each GPU of %s: %s.", all[i].role, f))
		}
	}
	checked := newest
	if e.kind == sglang {
		checked = sglangNewest
		out = append(out, "--mem-fraction-static is the share of weights and cache alone: activations and graphs come from the rest. Known failures of preflight are those of vLLM but for memory, and logs and metrics are explained for vLLM.")
	}
	if !checked.atLeast(e.version) {
		out = append(out, fmt.Sprintf("Flags were checked up to %s %s, and this is %s: what came after is not known.", title(e.kind), checked, e.version))
	}
	if n := all[0].replicas; !e.split && n > 1 && s.Topology.Runtime != "kubernetes" {
		out = append(out, fmt.Sprintf("There are %d servers with an endpoint each, and nothing balances between them: name them all.", n))
	}
	if e.hybrid && e.split && e.args["no-async-scheduling"] == "" && all[0].tensor == 1 {
		out = append(out, "vLLM's own accuracy runs of models with recurrent state over NIXL used --no-async-scheduling (#41869, #45019): set it if answers differ from those of an aggregated server.")
	}
	if s.Topology.Runtime == "kubernetes" && s.Kubernetes.Kind == "kserve" {
		out = append(out, "KServe starts the image with a script of its own, which needs bash, and serves by its own proxy and gateway: the address is in the object's status.")
	}
	if s.Topology.Runtime == "kubernetes" && s.Kubernetes.Queue != "" {
		out = append(out, "Kueue admits these objects only where its integration for them is switched on, and in namespaces that it manages.")
	}
	if e.split && s.Proxy.Script != "" && s.Topology.Runtime != "kubernetes" {
		out = append(out, "The proxy is vLLM's test script: it takes turns, and does not retry or leave out a server that fails.")
	}
	return out
}
