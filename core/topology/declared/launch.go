package declared

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/topology"
	"github.com/plimsoll-dev/plimsoll/core/topology/load"
	"github.com/plimsoll-dev/plimsoll/core/topology/load/result"
	"github.com/plimsoll-dev/plimsoll/core/topology/metric"
	"github.com/plimsoll-dev/plimsoll/core/topology/plan"
)

// Plan is what plan.Make needs for a topology. model "" is the one that the
// topology names, else the only one. What is known of the machine (spec.Machine)
// is not declared, and left to the caller.
func (s *Set) Plan(name, model string) (plan.Spec, error) {
	t, err := s.topologies.get("topology", name)
	if err != nil {
		return plan.Spec{}, err
	}
	m, err := s.served(t, model)
	if err != nil {
		return plan.Spec{}, err
	}
	hardware := ""
	if t.block.Hardware != nil {
		hardware = t.block.Hardware.Name
	}
	h, err := s.Hardware(hardware)
	if err != nil && t.Attach == "" {
		return plan.Spec{}, err
	}
	b := t.block
	out := plan.Spec{
		Name: processName(t.Name), Topology: t.Topology, Hardware: h, Model: m.Model, Source: m.Source,
		Workload: s.longest(), Context: m.Context, Env: b.Env, Args: b.Args, Ready: b.Ready,
		AccuracyChecked: m.AccuracyChecked, Host: b.Host, Port: b.Port, KVPort: b.KVPort,
	}
	if b.Proxy != nil {
		out.Proxy = plan.Proxy{Script: b.Proxy.Script, Image: b.Proxy.Image}
	}
	if k := b.Kubernetes; k != nil {
		out.Kubernetes = plan.Kubernetes{Kind: k.Kind, Namespace: k.Namespace, Queue: k.Queue, Claim: k.Claim, Mount: k.Mount, Memory: k.Memory}
	}
	return out, nil
}

// processName is a topology's name as processes and objects may be called.
func processName(name string) string {
	return strings.ReplaceAll(strings.ToLower(name), "_", "-")
}

// served is the model of a topology.
func (s *Set) served(t layout, model string) (Model, error) {
	if b := t.block.Model; b != nil {
		if model != "" && model != b.Name {
			return Model{}, fmt.Errorf("topology %q serves model %q, not %q: take another topology, or remove model from its block", t.Name, b.Name, model)
		}
		model = b.Name
	}
	return s.Model(model)
}

// longest is the workload with the longest requests; nil without any.
func (s *Set) longest() *topology.Workload {
	var out *topology.Workload
	for _, name := range s.workloads.order {
		if w, ok := s.workloads.by[name]; ok && (out == nil || w.Input+w.Output > out.Input+out.Output) {
			out = &w.Workload
		}
	}
	return out
}

// Bench is what a measurement of a topology needs.
type Bench struct {
	Topology, Model string
	Attach          bool // somebody else runs it: nothing of this project started what answers
	// Config is for load.Drive. Its URL is where the topology answers, and "" for
	// one that Kubernetes runs: then the caller has to be told.
	Config  load.Config
	Options result.Options // label, number of GPUs, layout, and the SLO as limits of one request
	SLO     topology.SLO   // the zero value: none that is meant for certain
	Folder  string         // for results, relative to the project: topology/MODEL/TOPOLOGY/WORKLOAD
}

// Bench is what is sent to a topology, where, and what is asked of it. model and
// workload may be "" where there is one. The SLO is that of the decision about
// this model and workload, else the only one, else the built-in one.
func (s *Set) Bench(name, model, workload string) (Bench, error) {
	t, err := s.topologies.get("topology", name)
	if err != nil {
		return Bench{}, err
	}
	m, err := s.served(t, model)
	if err != nil {
		return Bench{}, err
	}
	w, err := s.work(workload)
	if err != nil {
		return Bench{}, err
	}
	sent, pace, err := w.sent()
	if err != nil {
		return Bench{}, err
	}
	out := Bench{Topology: t.Name, Model: m.Name, Attach: t.Attach != "", SLO: s.sloOf(m.Name, w.Name), Folder: Results(m.Name, t.Name, w.Name)}
	out.Config = load.Config{
		Endpoint: load.Endpoint{URL: endpoint(t), Model: m.Name},
		Workload: sent, Pace: pace, Warmup: min(16, max(sent.Prompts, len(sent.Trace))),
	}
	laid := result.LayoutOf(t.Topology, m.Model)
	out.Options = result.Options{Label: t.Name, GPUs: t.GPUs(m.Model), Layout: &laid, Limits: limits(out.SLO)}
	return out, nil
}

// endpoint is where a topology answers; "" when its own plan does not say.
func endpoint(t layout) string {
	switch {
	case t.Attach != "":
		return t.Attach
	case t.Runtime == "kubernetes":
		return ""
	}
	host := cmp.Or(t.block.Host, "127.0.0.1")
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, strconv.Itoa(cmp.Or(t.block.Port, 8000)))
}

func (s *Set) sloOf(model, workload string) topology.SLO {
	for _, name := range s.decisions.order {
		d, ok := s.decisions.by[name]
		about := func(m topology.Model) bool { return m.Name == model }
		with := func(w topology.Workload) bool { return w.Name == workload }
		if ok && slices.ContainsFunc(d.Models, about) && slices.ContainsFunc(d.Workloads, with) {
			return d.SLO
		}
	}
	slo, err := s.SLO("")
	if err != nil {
		return topology.SLO{}
	}
	return slo
}

// limits are an SLO as it is asked of every single request, which goodput is
// about: the strictest percentile that is given, p95 first because it is the one
// that people mean.
func limits(slo topology.SLO) metric.Limits {
	first := func(all ...time.Duration) float64 { return cmp.Or(all...).Seconds() }
	return metric.Limits{
		TTFT: first(slo.TTFT95, slo.TTFT99, slo.TTFT50), TPOT: first(slo.TPOT95, slo.TPOT99, slo.TPOT50), Latency: slo.Latency95.Seconds(),
	}
}
