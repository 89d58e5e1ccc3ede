package hardware_test

import (
	"math"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/topology/hardware"
)

func TestEveryKnownGPUIsWhole(t *testing.T) {
	if len(hardware.Names()) < 9 {
		t.Fatalf("only %d GPUs are known", len(hardware.Names()))
	}
	for _, name := range hardware.Names() {
		g, ok := hardware.Lookup(name)
		if !ok {
			t.Fatalf("%s is listed and not found", name)
		}
		if err := g.Check(); err != nil {
			t.Error(err)
		}
		if g.Source == "" {
			t.Errorf("%s: nobody says where its figures are from", name)
		}
	}
}

func TestLookup(t *testing.T) {
	for name, want := range map[string]string{
		"b200": "B200", "NVIDIA B200": "B200", "b200_sxm": "B200", "H100 SXM5": "H100", "NVIDIA RTX 6000 Ada Generation": "RTX 6000",
		"NVIDIA H100 80GB": "H100", "rtx-pro-6000": "RTX PRO 6000", "gb200": "GB200",
	} {
		if g, ok := hardware.Lookup(name); !ok || g.Name != want {
			t.Errorf("Lookup(%q) = %q, %v; want %q", name, g.Name, ok, want)
		}
	}
	for _, name := range []string{"", "B2000", "TPU v5", "H100 PCIe"} {
		if g, ok := hardware.Lookup(name); ok {
			t.Errorf("Lookup(%q) = %q; it is not known", name, g.Name)
		}
	}
}

func TestRate(t *testing.T) {
	b200, _ := hardware.Lookup("B200")
	a100, _ := hardware.Lookup("A100")
	for _, c := range []struct {
		g     hardware.GPU
		width float64
		want  float64
	}{{b200, 2, 2.25e15}, {b200, 1, 4.5e15}, {b200, .5625, 9e15}, {a100, .5625, .312e15}, {a100, 1, .312e15}} {
		if got := c.g.Rate(c.width); got != c.want {
			t.Errorf("%s with %g bytes: %g, want %g", c.g.Name, c.width, got, c.want)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	good, _ := hardware.Lookup("H200")
	for what, change := range map[string]func(*hardware.GPU){
		"bandwidth in TB/s": func(g *hardware.GPU) { g.Bandwidth = 4.8 },
		"no memory":         func(g *hardware.GPU) { g.Memory = 0 },
		"memory in GiB":     func(g *hardware.GPU) { g.Memory = 141 },
		"not a number":      func(g *hardware.GPU) { g.BF16 = math.NaN() },
		"infinite":          func(g *hardware.GPU) { g.FP8 = math.Inf(1) },
		"negative link":     func(g *hardware.GPU) { g.Link = -1 },
		"negative domain":   func(g *hardware.GPU) { g.Domain = -1 },
	} {
		g := good
		change(&g)
		if g.Check() == nil {
			t.Errorf("%s was not refused", what)
		}
	}
}
