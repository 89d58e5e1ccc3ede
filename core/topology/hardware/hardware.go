// Package hardware is the table of GPUs: what their makers say they can do.
//
// It is pure and holds facts only. It must not hold efficiencies, which are
// measured and belong to core/topology/step, and it must not guess: a GPU that
// is not here is declared by whoever has one.
//
//	g, ok := hardware.Lookup("B200")
//	if !ok { ... }                   // declare one: hardware.GPU{Name: "X", ...}
//	if err := g.Check(); err != nil { ... }
//	fmt.Println(g.Memory, g.Rate(0.5625)) // bytes, FLOP/s with 4-bit weights
//
// Rates are dense: makers like to print the sparse figure, which is twice that.
package hardware

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

const (
	tera = 1e12
	peta = 1e15
	giga = 1e9
	gib  = 1 << 30
	mib  = 1 << 20
)

// GPU is one processor and its links.
type GPU struct {
	Name      string
	Bandwidth float64 // of its memory, bytes a second
	BF16      float64 // dense FLOP/s
	FP8       float64 // dense FLOP/s; 0: it has none, and computes in bf16
	FP4       float64 // dense FLOP/s; 0: it has none, and computes in fp8
	Memory    float64 // bytes
	Link      float64 // to the other GPUs of its domain, bytes a second and direction
	Domain    int     // how many GPUs share such links
	Network   float64 // to GPUs outside the domain, bytes a second and direction, as such machines are usually built
	Source    string  // where the figures are from
}

// Rate is the peak FLOP/s with weights of so many bytes a parameter.
func (g GPU) Rate(width float64) float64 {
	switch {
	case width < .9 && g.FP4 > 0:
		return g.FP4
	case width < 1.5 && g.FP8 > 0:
		return g.FP8
	}
	return g.BF16
}

// Check refuses a declared GPU with which nothing can be computed.
func (g GPU) Check() error {
	var errs []error
	want := func(what string, v, least, most float64, zero bool) {
		if zero && v == 0 {
			return
		}
		if math.IsNaN(v) || v < least || v > most {
			errs = append(errs, fmt.Errorf("gpu %q: %s is %g, and only %g..%g can be meant", g.Name, what, v, least, most))
		}
	}
	want("bandwidth", g.Bandwidth, 1e10, 1e15, false)
	want("bf16", g.BF16, 1e12, 1e18, false)
	want("fp8", g.FP8, 1e12, 1e18, true)
	want("fp4", g.FP4, 1e12, 1e18, true)
	want("memory", g.Memory, 1e9, 1e14, false)
	want("link", g.Link, 1e8, 1e14, true)
	want("network", g.Network, 1e7, 1e13, true)
	if g.Domain < 0 || g.Domain > 1<<16 {
		errs = append(errs, fmt.Errorf("gpu %q: a domain of %d GPUs is not possible", g.Name, g.Domain))
	}
	return errors.Join(errs...)
}

// known is the table. Figures of the Hopper and Blackwell parts are those of
// ai-dynamo/aiconfigurator systems/*.yaml @095f58a, which cite the data sheets;
// the others are from the data sheet named.
var known = []GPU{
	{Name: "B200", Bandwidth: 7.7 * tera, BF16: 2.25 * peta, FP8: 4.5 * peta, FP4: 9 * peta, Memory: 180 * gib, Link: 900 * giga, Domain: 8, Network: 50 * giga,
		Source: "aiconfigurator b200_sxm.yaml @095f58a; NVIDIA DGX B200 data sheet: NVLink 5 1.8 TB/s both ways, ConnectX-7 400 Gb/s"},
	{Name: "B300", Bandwidth: 7.75 * tera, BF16: 2.25 * peta, FP8: 4.5 * peta, FP4: 14 * peta, Memory: 275040 * mib, Link: 900 * giga, Domain: 8, Network: 100 * giga,
		Source: "aiconfigurator b300_sxm.yaml @095f58a; NVIDIA DGX B300 data sheet: ConnectX-8 800 Gb/s"},
	{Name: "GB200", Bandwidth: 8 * tera, BF16: 2.5 * peta, FP8: 5 * peta, FP4: 10 * peta, Memory: 189471 * mib, Link: 900 * giga, Domain: 72, Network: 50 * giga,
		Source: "aiconfigurator gb200.yaml @095f58a; NVIDIA GB200 NVL72 data sheet: 72 GPUs in one NVLink domain"},
	{Name: "GB300", Bandwidth: 8 * tera, BF16: 2.5 * peta, FP8: 5 * peta, FP4: 15 * peta, Memory: 275040 * mib, Link: 900 * giga, Domain: 72, Network: 100 * giga,
		Source: "aiconfigurator gb300.yaml @095f58a; NVIDIA GB300 NVL72 data sheet: ConnectX-8 800 Gb/s"},
	{Name: "H200", Bandwidth: 4.8 * tera, BF16: .989 * peta, FP8: 1.979 * peta, Memory: 141 * gib, Link: 450 * giga, Domain: 8, Network: 50 * giga,
		Source: "NVIDIA H200 data sheet: 4.8 TB/s, 141 GB, NVLink 900 GB/s both ways; rates are half the sparse ones"},
	{Name: "H100", Bandwidth: 3.35 * tera, BF16: .989 * peta, FP8: 1.979 * peta, Memory: 80 * gib, Link: 450 * giga, Domain: 8, Network: 50 * giga,
		Source: "NVIDIA H100 SXM data sheet: 3.35 TB/s, 80 GB, NVLink 900 GB/s both ways; rates are half the sparse ones"},
	{Name: "A100", Bandwidth: 2.039 * tera, BF16: .312 * peta, Memory: 80 * gib, Link: 300 * giga, Domain: 8, Network: 25 * giga,
		Source: "NVIDIA A100 80GB SXM data sheet: 2,039 GB/s, 312 TFLOPS, NVLink 600 GB/s both ways; HDR InfiniBand 200 Gb/s"},
	{Name: "L40S", Bandwidth: .864 * tera, BF16: .362 * peta, FP8: .733 * peta, Memory: 48 * gib, Link: 32 * giga, Domain: 8, Network: 25 * giga,
		Source: "NVIDIA L40S data sheet: 864 GB/s, 362.05 and 733 TFLOPS dense, PCIe 4.0 x16 64 GB/s both ways, no NVLink"},
	{Name: "RTX 6000", Bandwidth: .96 * tera, BF16: .3642 * peta, FP8: .7285 * peta, Memory: 48 * gib, Link: 32 * giga, Domain: 8, Network: 25 * giga,
		Source: "NVIDIA RTX 6000 Ada data sheet: 960 GB/s, 1,457 TFLOPS sparse fp8, so 728.5 dense; PCIe 4.0 x16, no NVLink"},
	{Name: "RTX PRO 6000", Bandwidth: 1.597 * tera, BF16: .5 * peta, FP8: 1 * peta, FP4: 2 * peta, Memory: 96 * gib, Link: 64 * giga, Domain: 8, Network: 50 * giga,
		Source: "NVIDIA RTX PRO 6000 Blackwell Server Edition data sheet: 1,597 GB/s, 96 GB, 4 PFLOPS sparse fp4, so 2 dense; PCIe 5.0 x16"},
	{Name: "A30", Bandwidth: .933 * tera, BF16: .165 * peta, Memory: 24 * gib, Link: 100 * giga, Domain: 2, Network: 25 * giga,
		Source: "NVIDIA A30 data sheet: 933 GB/s, 165 TFLOPS, NVLink bridge 200 GB/s both ways between two"},
}

// Lookup finds a GPU by its name, in any case, with or without the maker, the
// form factor (SXM, NVL72) and dashes.
func Lookup(name string) (GPU, bool) {
	want := plain(name)
	for _, g := range known {
		if plain(g.Name) == want {
			return g, true
		}
	}
	return GPU{}, false
}

// Names lists the GPUs of the table.
func Names() []string {
	var out []string
	for _, g := range known {
		out = append(out, g.Name)
	}
	return slices.Clip(out)
}

func plain(name string) string {
	s := strings.ToLower(name)
	s = strings.NewReplacer("nvidia", "", "geforce", "", "-", " ", "_", " ").Replace(s)
	var keep []string
	for _, w := range strings.Fields(s) {
		switch w {
		case "sxm", "sxm4", "sxm5", "sxm6", "nvl72", "80gb", "141gb", "180gb", "ada", "generation", "blackwell", "server", "edition":
		default:
			keep = append(keep, w)
		}
	}
	return strings.Join(keep, "")
}
