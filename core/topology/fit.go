package topology

import (
	"fmt"

	"github.com/plimsoll-dev/plimsoll/core/topology/arch"
	"github.com/plimsoll-dev/plimsoll/core/topology/step"
)

// Fit is what a pool's memory holds, in bytes on each GPU.
type Fit struct {
	Memory   float64 // all there is
	Usable   float64 // memory x utilisation, less the engine's own
	Weights  float64
	Request  float64 // cache and state of one request at its longest
	Requests int     // that fit at once, over the whole worker
	Fits     bool
}

// String is the sum as a person would write it down.
func (f Fit) String() string {
	const g = 1 << 30
	return fmt.Sprintf("weights %.1f GiB + %d x %.3f GiB of cache and state, of %.1f usable in %.1f GiB", f.Weights/g, f.Requests, f.Request/g, f.Usable/g, f.Memory/g)
}

// engineBytes is what an engine keeps beside weights and cache: activations,
// graphs, workspaces. vLLM's profile run takes 1 to 4 GiB on 80 GiB GPUs.
const engineBytes = 2 << 30

func (h Hardware) utilisation() float64 {
	if h.Utilisation == 0 {
		return .9
	}
	return h.Utilisation
}

// gpu is the GPU with what the hardware block says about its links.
func (h Hardware) gpu() step.Spec {
	g := h.GPU
	if h.Fabric.GBPerS > 0 {
		g.Link = h.Fabric.GBPerS * 1e9
	}
	if h.Network.GBPerS > 0 {
		g.Network = h.Network.GBPerS * 1e9
	}
	if h.PerNode > 0 && g.Domain <= 8 {
		g.Domain = h.PerNode
	}
	return step.Spec{GPU: g}
}

// Format is the width of the weights and of a cache element as m is served.
func (m Model) Format() (arch.Width, float64, error) {
	w := m.Arch.Width
	if m.Weights != "" {
		var ok bool
		if w, ok = m.Arch.Weights(m.Weights); !ok {
			return w, 0, &Abstention{Fact: "weights", Why: fmt.Sprintf("model %q: the weights' format %q is not known", m.Name, m.Weights), Do: fmt.Sprintf("Use one of %v.", arch.Formats())}
		}
		if m.Weights == m.Published() {
			w = m.Arch.Width
		}
	}
	kv := 2.0
	if m.KV != "" {
		var ok bool
		if kv, ok = arch.Bytes(m.KV); !ok {
			return w, 0, &Abstention{Fact: "kv", Why: fmt.Sprintf("model %q: the cache's format %q is not known", m.Name, m.KV), Do: fmt.Sprintf("Use one of %v.", arch.Formats())}
		}
	}
	return w, kv, nil
}

// Published is the format of the weights as their config.json says it.
func (m Model) Published() string {
	w := m.Arch.Width
	narrow := min(w.Dense, w.Mixer)
	if m.Arch.Mixture() {
		narrow = w.Expert
	}
	switch narrow {
	case 2:
		return "bf16"
	case 1:
		return "fp8"
	case .53125:
		return "mxfp4"
	case .5625:
		return "nvfp4"
	}
	return "int4"
}

// worker is one worker of a layout, and what it holds of requests that are
// tokens long.
func worker(h Hardware, m Model, l layout, c step.Constants, tokens float64) (step.Worker, Fit, error) {
	s := h.gpu()
	var err error
	if s.Width, s.KV, err = m.Format(); err != nil {
		return step.Worker{}, Fit{}, err
	}
	s.Arch, s.Tensor, s.Attention, s.Constants = m.Arch, l.tensor, l.attention, c
	w := step.New(s)
	f := Fit{Memory: h.GPU.Memory, Usable: h.GPU.Memory*h.utilisation() - engineBytes, Weights: w.Resident(), Request: w.Cache(tokens)}
	room := f.Usable - f.Weights
	if f.Request > 0 && room > 0 {
		f.Requests = int(min(room/f.Request*float64(l.attention), 1<<20))
	}
	f.Fits = f.Requests >= 1
	return w, f, nil
}

// Memory says whether t fits for requests of the workload's length, with the
// numbers of each pool: one Fit, or prefill's and decode's.
func Memory(h Hardware, m Model, w Workload, t Topology) ([]Fit, error) {
	tokens := float64(w.Input + w.Output)
	pools := []Pool{t.Pool}
	if t.Split() {
		pools = []Pool{*t.Prefill, *t.Decode}
	}
	var out []Fit
	for _, p := range pools {
		_, f, err := worker(h, m, p.layout(m), step.Textbook(), tokens)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}
