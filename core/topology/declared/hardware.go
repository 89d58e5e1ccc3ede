package declared

import (
	"fmt"
	"slices"

	"github.com/plimsoll-dev/plimsoll/core/topology"
	"github.com/plimsoll-dev/plimsoll/core/topology/hardware"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

const (
	gib  = 1 << 30
	giga = 1e9
	tera = 1e12
	peta = 1e15
)

func (r *reader) addHardware(h *config.Hardware) {
	out := topology.Hardware{Name: h.Name, Count: h.Count, PerNode: h.PerNode, Utilisation: h.Utilisation, Fabric: fabric(h.Fabric), Network: fabric(h.Network)}
	gpu, good := r.gpu(h)
	out.GPU = gpu
	if good && h.Count > 0 {
		good = r.checkLinks(h, out)
	}
	if good && h.Count > 0 {
		if err := out.Check(); err != nil {
			r.add(diag.Errorf(h.Range, "bad-hardware", "Hardware cannot be like this", "%v. Data sheets are read in TB/s, GB/s, GiB and petaFLOP/s.", err))
			good = false
		}
	}
	r.hardware.add(h.Name, out, good && h.Count > 0)
}

// gpu finds a GPU by its name: one that the project declares, else the table's.
func (r *reader) gpu(h *config.Hardware) (hardware.GPU, bool) {
	if h.GPU == "" {
		return hardware.GPU{}, false // reported by the config
	}
	names := hardware.Names()
	for _, g := range r.project.GPUs {
		if g.Name == h.GPU {
			return declaredGPU(g, h), true
		}
		names = append(names, g.Name)
	}
	if g, ok := hardware.Lookup(h.GPU); ok {
		return g, true
	}
	d := diag.Errorf(h.Ranges.At("gpu", h.Range), "unknown-gpu", "Unknown GPU", "Nothing is known of a GPU %q.%s One that is not in the table is declared with its data sheet.", h.GPU, diag.DidYouMean(h.GPU, names))
	if c := diag.Closest(h.GPU, names); c != "" {
		d = d.WithSuggestion(fmt.Sprintf("gpu = %q", c))
	} else {
		d = d.WithSuggestion("gpu \"NAME\" {\n  memory_gib         = 96\n  bandwidth_tb_per_s = 1.6\n  bf16_pflops        = 0.5\n}")
	}
	r.add(d)
	return hardware.GPU{}, false
}

// declaredGPU is a gpu block as it is used in h: its link joins the GPUs of one
// machine.
func declaredGPU(g *config.GPU, h *config.Hardware) hardware.GPU {
	domain := h.PerNode
	if domain == 0 {
		domain = h.Count
	}
	return hardware.GPU{
		Name: g.Name, Bandwidth: g.BandwidthTBPS * tera, Memory: g.MemoryGiB * gib,
		BF16: g.BF16 * peta, FP8: g.FP8 * peta, FP4: g.FP4 * peta,
		Link: g.LinkGBPS * giga, Domain: domain, Source: "declared in " + g.Range.File,
	}
}

// checkLinks refuses GPUs between which no speed is known: every layout of
// several would take for ever.
func (r *reader) checkLinks(h *config.Hardware, out topology.Hardware) bool {
	within := out.PerNode
	if within == 0 {
		within = out.Count
	}
	good := true
	if within > 1 && out.GPU.Link == 0 && out.Fabric.GBPerS == 0 {
		r.add(diag.Errorf(h.Range, "bad-hardware", "Hardware cannot be like this", "Nothing says how fast the GPUs of one machine of hardware %q reach each other. Add a fabric block, or link_gb_per_s to gpu %q.", h.Name, h.GPU).WithSuggestion("fabric {\n  kind     = \"pcie\"\n  gb_per_s = 64\n}"))
		good = false
	}
	if within < out.Count && out.GPU.Network == 0 && out.Network.GBPerS == 0 {
		r.add(diag.Errorf(h.Range, "bad-hardware", "Hardware cannot be like this", "Nothing says how fast the machines of hardware %q reach each other. Add a network block.", h.Name).WithSuggestion("network {\n  gb_per_s = 50\n}"))
		good = false
	}
	return good
}

func fabric(f *config.Fabric) topology.Fabric {
	if f == nil {
		return topology.Fabric{}
	}
	return topology.Fabric{Kind: f.Kind, GBPerS: f.GBPS, LatencyMS: f.LatencyMS}
}

// machine is how many GPUs one machine of h has.
func machine(h topology.Hardware) int {
	if h.PerNode > 0 {
		return h.PerNode
	}
	return h.Count
}

func convertSLO(x *config.SLO) topology.SLO {
	return topology.SLO{
		Name:   x.Name,
		TTFT50: x.TTFT50, TTFT95: x.TTFT95, TTFT99: x.TTFT99,
		TPOT50: x.TPOT50, TPOT95: x.TPOT95, TPOT99: x.TPOT99,
		ITL99: x.ITL99, Latency95: x.Latency95,
		OutputTPS: x.OutputTPS, RequestsPerSec: x.RequestsPS,
	}
}

// indexesOutside are those of a list that a machine does not have.
func indexesOutside(gpus []int, machine int) []int {
	return slices.DeleteFunc(slices.Clone(gpus), func(g int) bool { return g < machine })
}
