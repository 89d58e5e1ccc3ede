package step_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/plimsoll-dev/plimsoll/core/topology/arch"
	"github.com/plimsoll-dev/plimsoll/core/topology/hardware"
	"github.com/plimsoll-dev/plimsoll/core/topology/step"
)

const llama = `{"model_type":"llama","hidden_size":4096,"intermediate_size":14336,"num_hidden_layers":32,"num_attention_heads":32,"num_key_value_heads":8,"vocab_size":128256}`
const mixture = `{"model_type":"qwen3_moe","hidden_size":4096,"intermediate_size":12288,"moe_intermediate_size":1536,"num_hidden_layers":94,"num_attention_heads":64,"num_key_value_heads":4,"head_dim":128,"num_experts":128,"num_experts_per_tok":8,"vocab_size":151936}`

func spec(t interface{ Fatal(...any) }, config, gpu string, tensor, attention int) step.Spec {
	a, err := arch.Read([]byte(config))
	if err != nil {
		t.Fatal(err)
	}
	g, _ := hardware.Lookup(gpu)
	return step.Spec{Arch: a, Width: a.Width, KV: 2, GPU: g, Tensor: tensor, Attention: attention, Constants: step.Textbook()}
}

// By hand: one request of Llama 8B in bf16 on an H100 reads 7.5 B parameters x 2
// bytes at .8 x 3.35 TB/s = 5.6 ms, and pays 32 x 12 us + 1 ms.
func TestDecodeByHand(t *testing.T) {
	w := step.New(spec(t, llama, "H100", 1, 1))
	want := 2*7.505e9/(.8*3.35e12) + 32*12e-6 + 1e-3
	if got := w.Decode(1, 1); math.Abs(got/want-1) > .002 {
		t.Errorf("a step takes %g s, by hand %g", got, want)
	}
	// prefill of 8,192 tokens: 2 x 6.98 B x 8192 / (.45 x 989 TF), causal attention,
	// and 16 bytes of the residual stream for each of 4,096 in 32 layers
	want = 2*6.979e9*8192/(.45*.989e15) + 8192*4096*32*4*4096/(.45*.989e15) + 16*8192*4096*32/(.8*3.35e12)
	if got := w.Prefill(8192, 0); math.Abs(got/want-1) > .002 {
		t.Errorf("prefill takes %g s, by hand %g", got, want)
	}
}

func TestExpertsHit(t *testing.T) {
	w := step.New(spec(t, mixture, "B200", 1, 1))
	if got := w.Hit(1); math.Abs(got-8) > 1e-9 {
		t.Errorf("one token hits %g experts", got)
	}
	if got := w.Hit(16); math.Abs(got-128*(1-math.Pow(15./16, 16))) > 1e-9 {
		t.Errorf("sixteen tokens hit %g experts", got)
	}
	if got := w.Hit(1e6); math.Abs(got-128) > 1e-6 {
		t.Errorf("a million tokens hit %g experts", got)
	}
}

func TestStepsBehave(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		config := rapid.SampledFrom([]string{llama, mixture}).Draw(t, "model")
		gpu := rapid.SampledFrom(hardware.Names()).Draw(t, "gpu")
		tp := rapid.SampledFrom([]int{1, 2, 4, 8}).Draw(t, "tensor")
		w := step.New(spec(t, config, gpu, tp, 1))
		batch, context := rapid.Float64Range(1, 512).Draw(t, "batch"), rapid.Float64Range(1, 1e5).Draw(t, "context")
		d := w.Decode(batch, context)
		if !(d > 0) || math.IsInf(d, 0) {
			t.Fatalf("a step takes %g", d)
		}
		if w.Decode(batch*1.5, context) < d || w.Decode(batch, context*1.5) < d {
			t.Fatal("more work takes less time")
		}
		if w.Decode(2*batch, context) > 2*d {
			t.Fatal("one step of both takes longer than two steps")
		}
		n, after := rapid.Float64Range(1, 1e5).Draw(t, "tokens"), rapid.Float64Range(0, 1e5).Draw(t, "after")
		one := w.Prefill(n, after)
		parts := w.Prefill(n/2, after) + w.Prefill(n/2, after+n/2)
		slack := 1e-9 * one
		if tp > 1 { // what a collective loses on its way to full speed counts once a pass
			slack = 2 * float64(len(spec(t, config, gpu, tp, 1).Arch.Layers)) * 32e-6
		}
		if math.Abs(parts-one) > slack {
			t.Fatalf("prefill in two parts takes %g, in one %g", parts, one)
		}
		if half := step.New(spec(t, config, gpu, 2*tp, 1)); half.Resident() > w.Resident()*.51 {
			t.Fatal("twice the GPUs do not halve the weights")
		}
	})
}

// By hand: what a tensor group does not cut. Llama 8B on two GPUs halves its
// matrices; the norms of a prompt cost the same.
func TestTensorParallelismDoesNotDivideEverything(t *testing.T) {
	one, two := spec(t, llama, "H100", 1, 1), spec(t, llama, "H100", 2, 1)
	two.GPU.Link = 1e20 // collectives cost nothing but their start
	a, b := step.New(one).Prefill(8192, 0), step.New(two).Prefill(8192, 0)
	stream := 16 * 8192 * 4096. * 32 / (.8 * 3.35e12)
	if got, want := b, (a-stream)/2+stream; math.Abs(got/want-1) > 1e-6 {
		t.Errorf("two GPUs take %g s, by hand %g", got, want)
	}
	const latent = `{"model_type":"deepseek_v3","hidden_size":7168,"intermediate_size":18432,"moe_intermediate_size":2048,"num_hidden_layers":61,"num_attention_heads":128,"num_key_value_heads":128,"q_lora_rank":1536,"kv_lora_rank":512,"qk_rope_head_dim":64,"qk_nope_head_dim":128,"v_head_dim":128,"n_routed_experts":256,"n_shared_experts":1,"num_experts_per_tok":8,"first_k_dense_replace":3,"vocab_size":129280}`
	eight := spec(t, latent, "B200", 8, 1)
	cut := eight
	cut.Arch.Layers = append([]arch.Layer(nil), cut.Arch.Layers...)
	for i := range cut.Arch.Layers {
		cut.Arch.Layers[i].Whole = 0
	}
	more := step.New(eight).Resident() - step.New(cut).Resident()
	if want := 61 * 7168 * (1536 + 576.) * 2 * 7 / 8; math.Abs(more/want-1) > 1e-9 {
		t.Errorf("%g bytes of down-projections are copied, by hand %g", more, want)
	}
}

// Measured: 2 to 8 B200, vLLM 0.24 in CUDA graphs, bytes and milliseconds.
func TestAllReduceAsMeasured(t *testing.T) {
	c := step.Textbook()
	c.Reduce = 7e-6
	for _, m := range []struct {
		gpus   int
		bytes  float64
		ms     float64
		within float64
	}{{2, 256, .00659, .1}, {8, 256, .00742, .1}, {2, 1 << 30, 1.899, .05}, {4, 1 << 30, 2.511, .05}, {8, 1 << 30, 2.604, .05}, {4, 1 << 26, .1874, .05},
		{2, 1 << 20, .0131, .1}, {8, 1 << 21, .0207, .35}, {2, 1 << 22, .0337, .1}, {8, 1 << 23, .0392, .35}, {2, 1 << 24, .0574, .1}, {2, 1 << 27, .2804, .05}} {
		got := step.AllReduce(m.gpus, m.bytes, 900e9, c) * 1e3
		if math.Abs(got/m.ms-1) > m.within {
			t.Errorf("%d GPUs, %.0f bytes: %.4f ms, measured %.4f", m.gpus, m.bytes, got, m.ms)
		}
	}
	if step.AllReduce(1, 1e9, 1, c) != 0 {
		t.Error("one GPU has nobody to reduce with")
	}
}

func TestFitTransferFindsTheLaw(t *testing.T) {
	var points [][2]float64
	for _, b := range []float64{1e6, 1e7, 1e8, 1e9} {
		points = append(points, [2]float64{b, step.Transfer(b, 4e-4, 148e9)})
	}
	latency, bandwidth := step.FitTransfer(points)
	if math.Abs(latency/4e-4-1) > 1e-6 || math.Abs(bandwidth/148e9-1) > 1e-6 {
		t.Errorf("found %g s and %g B/s", latency, bandwidth)
	}
	if l, _ := step.FitTransfer([][2]float64{{1e6, 1}, {1e6, 1}}); !math.IsNaN(l) {
		t.Error("one size gave a law")
	}
}
