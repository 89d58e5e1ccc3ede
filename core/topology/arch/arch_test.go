package arch_test

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/topology/arch"
)

// configs are the published cases' models, layer patterns written out.
func configs(t testing.TB) map[string][]byte {
	t.Helper()
	src, err := os.ReadFile("../published/testdata/models.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]map[string]any
	if err := json.Unmarshal(src, &all); err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for name, c := range all {
		if pattern, ok := c["layer_pattern"].([]any); ok {
			var layers []any
			for i := range int(c["num_hidden_layers"].(float64)) {
				layers = append(layers, pattern[i%len(pattern)])
			}
			c["layer_types"] = layers
		}
		if out[name], err = json.Marshal(c); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// Parameters as the makers publish them, in billions.
func TestParametersAsPublished(t *testing.T) {
	all := configs(t)
	for _, c := range []struct {
		model         string
		total, active float64
		within        float64
	}{
		{"llama-3.1-8b", 8.03, 7.5, .01}, // active: without the input embedding
		{"llama2-70b", 69, 68.7, .01},
		{"qwen3-32b", 32.8, 32, .01},
		{"qwen3-1.7b", 1.72, 1.72, .02},
		{"gpt-oss-120b", 116.8, 5.1, .02},
		{"deepseek-v3", 671, 37, .02},
		{"glm-4.5-air", 106, 12, .1}, // as rounded by its maker
		{"gemma-4-26b", 25.2, 3.8, .08},
		{"qwen3.6-27b", 27, 25.6, .02},
		{"opt-13b", 12.9, 12.9, .02},
		{"opt-66b", 65.7, 65.7, .02},
		{"opt-175b", 174.6, 174.6, .02},
	} {
		a, err := arch.Read(all[c.model])
		if err != nil {
			t.Errorf("%s: %v", c.model, err)
			continue
		}
		for what, v := range map[string][2]float64{"total": {float64(a.Total()) / 1e9, c.total}, "active": {float64(a.Active()) / 1e9, c.active}} {
			if math.Abs(v[0]/v[1]-1) > c.within {
				t.Errorf("%s: %s is %.2f B, published %.2f", c.model, what, v[0], v[1])
			}
		}
	}
}

func TestCacheAndState(t *testing.T) {
	all := configs(t)
	read := func(name string) arch.Arch {
		a, err := arch.Read(all[name])
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	// Llama 3.1 8B: 32 layers x 2 x 8 heads x 128 x 2 bytes = 128 KiB a token
	if got := read("llama-3.1-8b").CacheBytes(1, 2); got != 131072 {
		t.Errorf("Llama caches %g bytes a token", got)
	}
	// DeepSeek-V3: 61 x 576 elements
	if got := read("deepseek-v3").CacheBytes(1, 1); got != 61*576 {
		t.Errorf("DeepSeek caches %g bytes a token", got)
	}
	// gpt-oss: half of the layers stop at 128 tokens
	g := read("gpt-oss-120b")
	if got, want := g.CacheBytes(1128, 1)-g.CacheBytes(128, 1), 18.*1000*2*8*64; got != want {
		t.Errorf("gpt-oss grows by %g, want %g", got, want)
	}
	q := read("qwen3.6-27b")
	// 48 layers x (48 x 128 x 128 x 4 + 3 inputs of 10,240 x 2)
	if got, want := q.StateBytes(), int64(48*(48*128*128*4+10240*3*2)); got != want {
		t.Errorf("Qwen keeps %d bytes of state, want %d", got, want)
	}
	// the design: at 128 requests the state exceeds half of the weights, read and written all of them
	if 2*128*float64(q.StateBytes()) < q.WeightBytes(q.Width) {
		t.Error("128 requests' state, read and written, should exceed the weights")
	}
	if k := q.Kinds(); k[arch.Linear] != 48 || k[arch.Full] != 16 || !q.Hybrid() {
		t.Errorf("Qwen's layers are %v", k)
	}
	if k := read("gemma-4-26b").Kinds(); k[arch.Sliding] != 25 || k[arch.Full] != 5 {
		t.Errorf("gemma's layers are %v", k)
	}
}

func TestWhatIsMissingIsNamed(t *testing.T) {
	for _, c := range []struct{ src, fact string }{
		{`{}`, "model_type"},
		{`{"model_type":"mamba9"}`, "architecture"},
		{`{"model_type":"llama"}`, "hidden_size"},
		{`{"model_type":"llama","hidden_size":0,"vocab_size":1}`, "hidden_size"},
		{`{"model_type":"llama","hidden_size":4096,"vocab_size":1000,"num_hidden_layers":2,"num_attention_heads":32}`, "intermediate_size"},
		{`{"model_type":"llama","hidden_size":4096,"vocab_size":1000,"num_hidden_layers":2,"num_attention_heads":8192,"intermediate_size":1}`, "head_dim"},
		{`{"model_type":"qwen3_moe","hidden_size":4096,"vocab_size":1000,"num_hidden_layers":2,"num_attention_heads":32}`, "num_experts"},
		{`{"model_type":"qwen3_moe","hidden_size":4096,"vocab_size":1000,"num_hidden_layers":2,"num_attention_heads":32,"num_experts":8,"num_experts_per_tok":9,"moe_intermediate_size":64}`, "num_experts_per_tok"},
		{`{"model_type":"gpt_oss","hidden_size":64,"vocab_size":10,"num_hidden_layers":2,"num_attention_heads":1}`, "layer_types"},
		{`{"model_type":"llama","hidden_size":64,"vocab_size":10,"num_hidden_layers":2,"num_attention_heads":1,"intermediate_size":8,"layer_types":["full_attention","retention"]}`, "layer_types"},
		{`{"model_type":"llama","hidden_size":64,"vocab_size":10,"num_hidden_layers":1,"num_attention_heads":1,"intermediate_size":8,"layer_types":["sliding_attention"]}`, "sliding_window"},
		{`{"model_type":"llama","hidden_size":64,"vocab_size":10,"num_hidden_layers":1,"num_attention_heads":1,"intermediate_size":8,"quantization_config":{"quant_method":"gguf"}}`, "quantization_config.quant_method"},
		{`{"model_type":"llama","hidden_size":64,"vocab_size":10,"num_hidden_layers":1,"num_attention_heads":1,"intermediate_size":8,"quantization_config":{"quant_method":"compressed-tensors"}}`, "quantization_config.bits"},
		{`{"model_type":"llama","hidden_size":64,"vocab_size":10,"num_hidden_layers":1,"num_attention_heads":1,"intermediate_size":8,"quantization_config":{"quant_method":"compressed-tensors","config_groups":{"a":{"weights":{"num_bits":8}},"b":{"weights":{"num_bits":4}}}}}`, "quantization_config.config_groups"},
		{`{"model_type":"llama","hidden_size":64,"vocab_size":10,"num_hidden_layers":1,"num_attention_heads":1,"intermediate_size":8,"quantization_config":{"quant_method":"compressed-tensors","config_groups":{"a":{"weights":{"num_bits":3}}}}}`, "quantization_config.config_groups"},
		{`{"model_type":"llama","hidden_size":64,"vocab_size":10,"num_hidden_layers":1,"num_attention_heads":1,"intermediate_size":8,"quantization_config":{"quant_method":"compressed-tensors","config_groups":{"a":{}}}}`, "quantization_config.config_groups"},
	} {
		_, err := arch.Read([]byte(c.src))
		var m *arch.Missing
		if !errors.As(err, &m) || m.Fact != c.fact {
			t.Errorf("%s: %v, want %s to be missing", c.src, err, c.fact)
		}
	}
	for _, src := range []string{``, `[]`, `{"hidden_size":"wide"}`, strings.Repeat(" ", 5<<20)} {
		if _, err := arch.Read([]byte(src)); err == nil {
			t.Errorf("%.20q was read", src)
		}
	}
}

func TestWeightsOfAFormat(t *testing.T) {
	all := configs(t)
	a, err := arch.Read(all["deepseek-v3"])
	if err != nil {
		t.Fatal(err)
	}
	if a.Width != (arch.Width{Mixer: 1, Dense: 1, Expert: 1, Embedding: 2}) {
		t.Errorf("DeepSeek is published as %+v", a.Width)
	}
	if w, ok := a.Weights("nvfp4"); !ok || w.Mixer != 2 || w.Expert != .5625 {
		t.Errorf("DeepSeek in nvfp4 is %+v", w)
	}
	if _, ok := a.Weights("fp3"); ok {
		t.Error("fp3 is no format")
	}
	for _, f := range arch.Formats() {
		if _, ok := arch.Bytes(f); !ok {
			t.Errorf("%s is listed and has no width", f)
		}
	}
}

// Checkpoints in compressed-tensors say their widths in groups.
func TestWeightsOfGroups(t *testing.T) {
	for config, want := range map[string]float64{
		`"num_bits":8,"type":"float"`: 1, `"num_bits":8,"type":"int"`: 1, `"num_bits":4,"type":"int"`: .5, `"num_bits":4,"type":"float"`: .5625,
	} {
		a, err := arch.Read([]byte(`{"model_type":"llama","hidden_size":64,"vocab_size":10,"num_hidden_layers":1,"num_attention_heads":1,"intermediate_size":8,"quantization_config":{"quant_method":"compressed-tensors","config_groups":{"group_0":{"targets":["Linear"],"weights":{` + config + `}}}}}`))
		if err != nil || a.Width != (arch.Width{Mixer: want, Dense: want, Expert: want, Embedding: 2}) {
			t.Errorf("%s: %+v, %v", config, a.Width, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, c := range configs(f) {
		f.Add(c)
	}
	f.Add([]byte(`{"text_config":{"model_type":"qwen3_next"}}`))
	f.Add([]byte(`{"model_type":"llama","quantization_config":{"quant_method":"compressed-tensors","config_groups":{"a":{"weights":{"num_bits":8,"type":"float"}}}}}`))
	f.Fuzz(func(t *testing.T, src []byte) {
		a, err := arch.Read(src)
		if err != nil {
			return
		}
		if a.Total() <= 0 || a.Active() <= 0 || a.Active() > a.Total()+a.Vocab*a.Hidden || len(a.Layers) == 0 {
			t.Fatalf("read %d total and %d active parameters in %d layers", a.Total(), a.Active(), len(a.Layers))
		}
		for _, n := range []float64{0, 1, 1e6} {
			if b := a.CacheBytes(n, 2); b < 0 || math.IsNaN(b) || math.IsInf(b, 0) {
				t.Fatalf("a cache of %g bytes", b)
			}
		}
		if a.StateBytes() < 0 {
			t.Fatalf("a state of %d bytes", a.StateBytes())
		}
	})
}
