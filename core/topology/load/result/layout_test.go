package result

import (
	"encoding/json"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/topology"
	"github.com/plimsoll-dev/plimsoll/core/topology/arch"
)

// TestLayout: two layouts differ in what was measured, and not in words.
func TestLayout(t *testing.T) {
	dense, err := arch.Read([]byte(`{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256}`))
	if err != nil {
		t.Fatal(err)
	}
	m := topology.Model{Name: "m", Arch: dense}
	of := func(p topology.Pool) topology.Topology {
		return topology.Topology{Name: "t", Engine: "vllm", Version: "0.24", Pool: p}
	}
	split := func(prefill, decode topology.Pool, connector string) topology.Topology {
		x := of(topology.Pool{})
		x.Prefill, x.Decode, x.Transfer = &prefill, &decode, &topology.Transfer{Connector: connector}
		return x
	}
	searched := topology.Topology{Name: "t", Pool: topology.Pool{DataParallel: 2}}
	for name, x := range map[string]struct {
		was, now topology.Topology
		had, has string
	}{
		"the same":         {of(topology.Pool{TensorParallel: 2}), of(topology.Pool{GPUs: []int{0, 1}}), "", ""},
		"other GPUs":       {of(topology.Pool{GPUs: []int{0, 1}}), of(topology.Pool{GPUs: []int{2, 3}}), "", ""},
		"defaults":         {of(topology.Pool{}), of(topology.Pool{Replicas: 1, DataParallel: 1, TensorParallel: 1, ExpertParallel: 1}), "", ""},
		"wider":            {of(topology.Pool{TensorParallel: 2}), of(topology.Pool{TensorParallel: 4}), "tensor_parallel 2", "tensor_parallel 4"},
		"replicas":         {of(topology.Pool{Replicas: 2}), of(topology.Pool{}), "replicas 2", "tensor_parallel 1"},
		"a search":         {of(topology.Pool{DataParallel: 2}), searched, "", ""},
		"split":            {of(topology.Pool{DataParallel: 2}), split(topology.Pool{}, topology.Pool{TensorParallel: 2}, "X"), "no connector, data_parallel 2", "connector X, prefill tensor_parallel 1, decode tensor_parallel 2"},
		"split, connector": {split(topology.Pool{}, topology.Pool{}, "X"), split(topology.Pool{}, topology.Pool{}, "Y"), "connector X", "connector Y"},
		"split, the same":  {split(topology.Pool{GPUs: []int{0}}, topology.Pool{}, "X"), split(topology.Pool{}, topology.Pool{GPUs: []int{1}}, "X"), "", ""},
	} {
		src, err := json.Marshal(LayoutOf(x.was, m)) // as it comes from a file
		if err != nil {
			t.Fatal(err)
		}
		var was Layout
		if err := json.Unmarshal(src, &was); err != nil {
			t.Fatal(err)
		}
		if had, has := was.Differs(LayoutOf(x.now, m)); had != x.had || has != x.has {
			t.Errorf("%s: had %q, has %q", name, had, has)
		}
	}
}
