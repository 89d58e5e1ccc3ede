package config

import (
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// declareServed makes a block about serving models known by its name.
func (l *loader) declareServed(x declared) {
	name, rng, p := x.label.text, headerOf(x.block), l.project
	switch x.doc.Type {
	case "hardware":
		h := &Hardware{Name: name, Range: rng}
		l.table.hardware.add(name, rng, h)
		p.Hardware = append(p.Hardware, h)
	case "model":
		m := &Model{Name: name, Range: rng}
		l.table.models.add(name, rng, m)
		p.Models = append(p.Models, m)
	case "workload":
		w := &Workload{Name: name, Range: rng}
		l.table.workloads.add(name, rng, w)
		p.Workloads = append(p.Workloads, w)
	case "slo":
		s := &SLO{Name: name, Range: rng}
		l.table.slos.add(name, rng, s)
		p.SLOs = append(p.SLOs, s)
	case "topology":
		t := &Topology{Name: name, Range: rng}
		l.table.topologies.add(name, rng, t)
		p.Topologies = append(p.Topologies, t)
	}
}

func (l *loader) fillServed(x declared) {
	name, b := x.label.text, x.body
	switch x.doc.Type {
	case "gpu":
		g := l.gpu(b, name)
		if !x.again {
			l.project.GPUs = append(l.project.GPUs, g)
		}
	case "hardware":
		l.fillHardware(b, pick(x.again, &Hardware{}, l.table.hardware.by[name]))
	case "model":
		l.fillModel(b, pick(x.again, &Model{}, l.table.models.by[name]))
	case "workload":
		l.fillWorkload(b, pick(x.again, &Workload{}, l.table.workloads.by[name]))
	case "slo":
		l.fillSLO(b, pick(x.again, &SLO{}, l.table.slos.by[name]))
	case "topology":
		l.fillTopology(b, pick(x.again, &Topology{}, l.table.topologies.by[name]))
	case "decision":
		d := l.decision(b, name)
		if !x.again {
			l.project.Decisions = append(l.project.Decisions, d)
		}
	}
}

func (l *loader) gpu(b *body, name string) *GPU {
	return &GPU{
		Name: name, MemoryGiB: b.number("memory_gib", 0), BandwidthTBPS: b.number("bandwidth_tb_per_s", 0),
		BF16: b.number("bf16_pflops", 0), FP8: b.number("fp8_pflops", 0), FP4: b.number("fp4_pflops", 0),
		LinkGBPS: b.number("link_gb_per_s", 0), Range: b.header,
	}
}

func (l *loader) fillHardware(b *body, out *Hardware) {
	out.Range, out.Ranges = b.header, b.ranges()
	out.GPU = b.str("gpu")
	out.Count, out.PerNode = b.integerOr("count", 0), b.integerOr("per_node", 0)
	out.Utilisation = b.number("utilisation", 0)
	fabric := func(n *body, _ label) *Fabric {
		return &Fabric{Kind: n.str("kind"), GBPS: n.number("gb_per_s", 0), LatencyMS: n.number("latency_ms", 0), Range: n.header}
	}
	b.each("fabric", func(n *body, at label) { out.Fabric = fabric(n, at) })
	b.each("network", func(n *body, at label) { out.Network = fabric(n, at) })
	if out.Count > 0 && out.PerNode > out.Count {
		l.add(minMax.at(b.rng("per_node"), "per_node is %d, and there are %d GPUs in all.", out.PerNode, out.Count))
	}
}

func (l *loader) fillModel(b *body, out *Model) {
	out.Range, out.Ranges = b.header, b.ranges()
	out.Config, out.Source = b.str("config"), b.str("source")
	out.Weights, out.KV = b.str("weights"), b.str("kv")
	out.Context = b.integerOr("context", 0)
	if b.has("accuracy_checked") {
		yes := b.boolean("accuracy_checked")
		out.AccuracyChecked = &yes
	}
}

func (l *loader) fillWorkload(b *body, out *Workload) {
	out.Range, out.Ranges = b.header, b.ranges()
	out.Input, out.Output, out.Prompts = b.integerOr("input_tokens", 0), b.integerOr("output_tokens", 0), b.integerOr("prompts", 0)
	out.Rate, out.Arrival, out.Burstiness = b.rate("rate"), b.str("arrival"), b.number("burstiness", 0)
	out.Concurrency, out.SharedPrefix = b.integerOr("concurrency", 0), b.integerOr("shared_prefix", 0)
	out.Spread, out.Longest, out.Seed = b.number("spread", 0), b.integerOr("longest", 0), b.integerOr("seed", 0)
	out.Trace = b.str("trace")
	if out.Input > 0 && out.SharedPrefix > out.Input {
		l.add(minMax.at(b.rng("shared_prefix"), "The shared prefix of %d tokens is longer than a prompt, which has %d.", out.SharedPrefix, out.Input))
	}
	if out.Longest > 0 && out.Longest < out.Input+out.Output {
		l.add(minMax.at(b.rng("longest"), "longest is %d, and a request of mean length has %d tokens already.", out.Longest, out.Input+out.Output))
	}
	for _, x := range []struct {
		name  string
		idle  bool
		needs string
	}{
		{"burstiness", out.Arrival != "gamma", `arrival = "gamma"`},
		{"longest", out.Spread == 0, "spread = 0.4"},
		{"arrival", !b.has("rate"), "rate = 4"},
	} {
		if b.has(x.name) && x.idle && out.Trace == "" {
			l.add(noEffect.warn(b.rng(x.name), "%s says nothing without %s. Add it, or remove the line.", x.name, x.needs).WithSuggestion(x.needs))
		}
	}
	for _, name := range []string{"input_tokens", "output_tokens", "rate", "arrival", "burstiness", "spread", "longest"} {
		if out.Trace != "" && b.has(name) {
			l.add(noEffect.warn(b.rng(name), "The trace says when requests come and how long they are, so that %s says nothing. Remove one of the two.", name))
		}
	}
}

func (l *loader) fillSLO(b *body, out *SLO) {
	out.Range = b.header
	out.TTFT50, out.TTFT95, out.TTFT99 = b.above("ttft_p50"), b.above("ttft_p95"), b.above("ttft_p99")
	out.TPOT50, out.TPOT95, out.TPOT99 = b.above("tpot_p50"), b.above("tpot_p95"), b.above("tpot_p99")
	out.ITL99, out.Latency95 = b.above("itl_p99"), b.above("latency_p95")
	out.OutputTPS, out.RequestsPS = b.number("output_tps", 0), b.number("requests_per_s", 0)
	if len(b.attributes()) == 0 {
		l.add(noEffect.warn(b.header, "%s asks nothing, so that everything keeps it.", b.title).WithSuggestion(`tpot_p95 = "50ms"`))
	}
}

func (l *loader) decision(b *body, name string) *Decision {
	out := &Decision{Name: name, Range: b.header, Ranges: b.ranges()}
	out.Hardware = b.hardware("hardware")
	out.Models = several(b, "models", "model", &l.table.models)
	out.Workloads = several(b, "workloads", "workload", &l.table.workloads)
	out.SLO = b.slo("slo")
	out.Objective = b.str("objective")
	out.Require = b.rule("require")
	a := b.attr("topologies")
	if a == nil {
		return out
	}
	if s, ok := literalString(a.Expr); ok {
		if out.Search = s == "search"; !out.Search {
			x := notAllowed.at(convert(a.Expr.Range()), "topologies is \"search\" or a list of references; %q is neither.%s", s, diag.DidYouMean(s, []string{"search"}))
			l.add(x.WithSuggestion(`topologies = "search"`))
		}
		return out
	}
	out.Topologies = several(b, "topologies", "topology", &l.table.topologies)
	return out
}
