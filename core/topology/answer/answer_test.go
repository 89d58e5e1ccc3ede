package answer

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/topology"
	"github.com/plimsoll-dev/plimsoll/core/topology/arch"
	"github.com/plimsoll-dev/plimsoll/core/topology/hardware"
	"github.com/plimsoll-dev/plimsoll/core/topology/measured"
)

// Two made-up models: one dense, and one whose family does not run with data
// parallel ranks (P5 of preflight).
const (
	dense   = `{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256}`
	mixture = `{"architectures": ["X"], "model_type": "gemma4", "text_config": {"model_type": "gemma4_text", "hidden_size": 2048, "num_hidden_layers": 2, "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 2048, "vocab_size": 200000, "layer_types": ["sliding_attention", "full_attention"], "sliding_window": 1024, "num_global_key_value_heads": 2, "global_head_dim": 512, "enable_moe_block": true, "num_experts": 64, "top_k_experts": 8, "moe_intermediate_size": 512, "tie_word_embeddings": true}}`
)

func decision(t testing.TB, config string) topology.Decision {
	t.Helper()
	a, err := arch.Read([]byte(config))
	if err != nil {
		t.Fatal(err)
	}
	gpu, ok := hardware.Lookup("H100")
	if !ok {
		t.Fatal("no H100")
	}
	return topology.Decision{
		Name: "d", Hardware: topology.Hardware{Name: "h100x2", GPU: gpu, Count: 2, PerNode: 2},
		Models: []topology.Model{{Name: "m", Arch: a}}, Workloads: []topology.Workload{{Name: "w", Input: 1000, Output: 100, Prompts: 32}},
		Topologies: []topology.Topology{
			{Name: "dp2", Engine: "vllm", Version: "0.24", Pool: topology.Pool{DataParallel: 2}},
			{Name: "tp2", Engine: "vllm", Version: "0.24", Pool: topology.Pool{TensorParallel: 2}},
		},
	}
}

func excluded(a Answer, name string) string {
	for _, x := range a.Rankings[0].Excluded {
		if x.Topology.Name == name {
			return x.Err.Error()
		}
	}
	return ""
}

func TestWhatIsBlockedIsNoCandidate(t *testing.T) {
	a, err := Decide(decision(t, mixture), measured.All{})
	if err != nil {
		t.Fatal(err)
	}
	if why := excluded(a, "dp2"); !strings.Contains(why, "P5") {
		t.Errorf("dp2: %q", why)
	}
	if len(a.Rankings[0].Ranked) != 1 || !a.Found() {
		t.Errorf("%+v", a.Rankings[0].Ranked)
	}
	b, err := Decide(decision(t, dense), measured.All{})
	if err != nil || len(b.Rankings[0].Ranked) != 2 || excluded(b, "dp2") != "" {
		t.Errorf("%+v %v", b, err)
	}
}

// TestWhatIsRefusedEverywhere ranks all the same: that the weights cannot be made
// says nothing about layouts.
func TestWhatIsRefusedEverywhere(t *testing.T) {
	d := decision(t, dense)
	d.Models[0].Weights = "int4"
	a, err := Decide(d, measured.All{})
	if err != nil || len(a.Rankings[0].Ranked) != 2 {
		t.Fatalf("%+v %v", a, err)
	}
	// One layout of several that is refused is left out.
	d = decision(t, dense)
	d.Topologies[0].Version = "0.9"
	a, err = Decide(d, measured.All{})
	if err != nil || len(a.Rankings[0].Ranked) != 1 || !strings.Contains(excluded(a, "dp2"), "older than plans are made for") {
		t.Fatalf("%+v %v", a, err)
	}
}

func TestNothingIsFound(t *testing.T) {
	d := decision(t, dense)
	d.SLO.TTFT95 = time.Microsecond
	a, err := Decide(d, measured.All{})
	if err != nil || a.Found() {
		t.Errorf("%+v %v", a, err)
	}
	if (Answer{}).Found() {
		t.Error("an empty answer has a layout")
	}
	d.Hardware.GPU.Memory = 2e9
	var abstained *topology.Abstention
	if _, err = Decide(d, measured.All{}); !errors.As(err, &abstained) {
		t.Error(err)
	}
}

func TestSides(t *testing.T) {
	d := decision(t, dense)
	calm := topology.Workload{Name: "live", Input: 1000, Output: 100, Rate: .5, Prompts: 64, Seed: 1}
	x, err := Live(d, measured.All{}, "", "tp2", calm)
	if err != nil || x.Side != Holds || x.Was.Topology.Name != "tp2" {
		t.Errorf("%s: %v, %v", x.Side, x.Was.Topology.Name, err)
	}
	// A limit on the traffic that comes which only one of both keeps.
	storm := topology.Workload{Name: "live", Input: 6000, Output: 100, Rate: 6, Prompts: 256, Seed: 1}
	both, err := Live(d, measured.All{}, "m", "", storm)
	if err != nil {
		t.Fatal(err)
	}
	ranked := both.Live.Rankings[0].Ranked
	a, b := ranked[0].Outcomes[0].TPOT95.Number, ranked[1].Outcomes[0].TPOT95.Number
	good, bad := ranked[0].Topology.Name, ranked[1].Topology.Name
	if b < a {
		good, bad = bad, good
	}
	d.SLO.TPOT95 = time.Duration((a + b) / 2 * 1e9)
	x, err = Live(d, measured.All{}, "m", bad, storm)
	if err != nil || x.Side != Crossed || x.Now.Topology.Name != good || x.Still == nil || x.Still.Admissible {
		t.Errorf("%+v %v", x.Side, err)
	}
	x, err = Live(d, measured.All{}, "m", good, storm)
	if err != nil || x.Side != Holds {
		t.Errorf("%+v %v", x.Side, err)
	}
	for _, wrong := range [][2]string{{"other", ""}, {"m", "pd"}} {
		if _, err := Live(d, measured.All{}, wrong[0], wrong[1], calm); err == nil {
			t.Errorf("%v is answered", wrong)
		}
	}
	d.Models = append(d.Models, d.Models[0])
	if _, err := Live(d, measured.All{}, "", "", calm); err == nil || !strings.Contains(err.Error(), "say which has this traffic") {
		t.Error(err)
	}
}
