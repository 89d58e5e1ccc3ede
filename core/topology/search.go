package topology

import (
	"fmt"
	"slices"
)

// Skipped is a layout that Search left out, and why.
type Skipped struct {
	Topology Topology
	Err      error // *Misfit or *Abstention
}

// Search lists every layout of m on all of h that fits for requests of w's
// length: replicas and tensor groups, attention ranks that share experts where
// there are some, and every split into prefill and decode. What is left out
// comes back with its reason. On more than 16 GPUs splits move in eighths.
func Search(h Hardware, m Model, w Workload, engine, version string) (fit []Topology, left []Skipped) {
	add := func(t Topology) {
		t.Engine, t.Version = engine, version
		if t.Split() {
			t.Transfer = &Transfer{Connector: "NixlConnector"}
		}
		if _, err := prepare(h, m, w, t, Textbook()); err != nil {
			left = append(left, Skipped{t, err})
			return
		}
		fit = append(fit, t)
	}
	if err := h.Check(); err != nil {
		return nil, []Skipped{{Err: err}}
	}
	for _, p := range pools(h, m, h.Count) {
		add(Topology{Name: p.name(m), Pool: p})
	}
	stride := 1
	if h.Count > 16 {
		stride = h.Count / 8
	}
	for n := stride; n < h.Count; n += stride {
		for _, p := range pools(h, m, n) {
			for _, d := range pools(h, m, h.Count-n) {
				p, d := p, d
				add(Topology{Name: fmt.Sprintf("p%s-d%s", p.name(m), d.name(m)), Prefill: &p, Decode: &d})
			}
		}
	}
	for i := range fit {
		if fit[i].Split() && fit[i].Prefill.TensorParallel == 1 && fit[i].Decode.TensorParallel == 1 && fit[i].Prefill.ExpertParallel <= 0 && fit[i].Decode.ExpertParallel <= 0 {
			fit[i].Name = fmt.Sprintf("pd%dx%d", fit[i].Prefill.DataParallel, fit[i].Decode.DataParallel)
		}
	}
	return fit, left
}

// pools lists the ways to use exactly n GPUs.
func pools(h Hardware, m Model, n int) []Pool {
	node := max(h.PerNode, 1)
	if h.PerNode == 0 {
		node = h.Count
	}
	var out []Pool
	for tp := 1; tp <= min(n, node); tp *= 2 {
		if n%tp > 0 {
			continue
		}
		p := Pool{DataParallel: n / tp, TensorParallel: tp}
		if m.Arch.Mixture() {
			p.ExpertParallel = NoExpertParallel // plain replicas
		}
		out = append(out, p)
		if m.Arch.Mixture() && n/tp > 1 && n <= node {
			p.ExpertParallel = n
			out = append(out, p)
		}
	}
	return slices.Clip(out)
}

// name is how people call the layout: dp2, tp2, dp2-tp4, dep8 when ranks share
// experts.
func (p Pool) name(m Model) string {
	dp := "dp"
	if m.Arch.Mixture() && p.ExpertParallel > 0 {
		dp = "dep"
	}
	switch {
	case p.DataParallel <= 1:
		return fmt.Sprintf("tp%d", p.TensorParallel)
	case p.TensorParallel <= 1:
		return fmt.Sprintf("%s%d", dp, p.DataParallel)
	}
	return fmt.Sprintf("%s%d-tp%d", dp, p.DataParallel, p.TensorParallel)
}
