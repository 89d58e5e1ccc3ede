package engine

import (
	"testing"

	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// What an epoch says of a topology changes with what answers, and with nothing else:
// also where the model is not named because the project has one.
func TestBehindATopology(t *testing.T) {
	digest := func(change func(*Project, *config.Backend)) string {
		t.Helper()
		b := &config.Backend{Name: "b", Topology: &config.Topology{Name: "t", Engine: "vllm", Version: "0.24", Args: map[string]string{"seed": "1"}}}
		p := &Project{Config: &config.Project{
			Models:  []*config.Model{{Name: "m", Source: "some/m"}},
			Ladders: []*config.Ladder{{Name: "l", Tiers: []*config.Tier{{Name: "t", Backend: b, Model: "m"}}}},
		}}
		change(p, b)
		d, err := canonjson.Digest(p.behind(b))
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	second := func(p *Project, _ *config.Backend) {
		p.Config.Models = append(p.Config.Models, &config.Model{Name: "other", Source: "some/other"})
	}
	was := digest(func(*Project, *config.Backend) {})
	two := digest(second)
	for name, c := range map[string]struct {
		change func(*Project, *config.Backend)
		from   string
		same   bool
	}{
		"version":                 {func(_ *Project, b *config.Backend) { b.Topology.Version = "0.25" }, was, false},
		"argument":                {func(_ *Project, b *config.Backend) { b.Topology.Args["seed"] = "2" }, was, false},
		"the only model's source": {func(p *Project, _ *config.Backend) { p.Config.Models[0].Source = "some/n" }, was, false},
		"the only model's cache":  {func(p *Project, _ *config.Backend) { p.Config.Models[0].KV = "fp8" }, was, false},
		"the only model, named":   {func(p *Project, b *config.Backend) { b.Topology.Model = p.Config.Models[0] }, was, true},
		"ports and GPUs": {func(_ *Project, b *config.Backend) {
			b.Topology.Port, b.Topology.TensorParallel, b.Topology.Name = 9000, 2, "u"
		}, was, true},
		"of two, the one that is asked for": {func(p *Project, b *config.Backend) {
			second(p, b)
			p.Config.Models[0].Weights = "fp8"
		}, two, false},
		"of two, the other": {func(p *Project, b *config.Backend) {
			second(p, b)
			p.Config.Models[1].Weights = "fp8"
		}, two, true},
	} {
		if got := digest(c.change); (got == c.from) != c.same {
			t.Errorf("%s: the same is %v, want %v", name, got == c.from, c.same)
		}
	}
}
