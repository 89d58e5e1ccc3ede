package arch

import "slices"

// mixture is what the expert layers of a model have in common.
type mixture struct {
	experts, topK int64
	size          int64 // parameters of one expert
	shared        int64 // parameters of the shared experts, which every token takes
	firstDense    int64 // layers at the start that have a plain MLP
}

func (r *reader) mixture() mixture {
	count := first(r.RoutedExperts, r.LocalExperts, r.NumExperts)
	if count == nil || *count == 0 || r.MoEBlock != nil && !*r.MoEBlock {
		if slices.Contains([]string{"deepseek_v3", "glm4_moe", "gpt_oss", "kimi_k2", "mixtral", "qwen2_moe", "qwen3_moe", "qwen3_5_moe_text"}, r.ModelType) {
			r.miss("num_experts", "the family has experts, and the file does not say how many")
		}
		return mixture{}
	}
	h := r.need("hidden_size", r.Hidden, mostWidth)
	m := mixture{experts: r.need("num_experts", count, 1<<14)}
	m.topK = r.need("num_experts_per_tok", first(r.PerToken, r.TopExperts), 1<<14)
	if m.topK > m.experts {
		r.miss("num_experts_per_tok", "a token takes %d experts, and there are %d", m.topK, m.experts)
	}
	size := r.ExpertSize
	if size == nil && (r.ModelType == "gpt_oss" || r.ModelType == "mixtral") {
		size = r.Intermediate // these have no other MLP
	}
	each := r.need("moe_intermediate_size", size, mostWidth)
	m.size = 3 * h * each
	m.shared = 3 * h * (r.may("n_shared_experts", r.Shared, 0, 1<<10)*each + r.may("shared_expert_intermediate_size", r.SharedSize, 0, mostWidth))
	if r.ModelType == "gemma4_text" { // a dense MLP stands beside the experts in every layer
		m.shared = 3 * h * r.need("intermediate_size", r.Intermediate, mostWidth)
	}
	m.firstDense = r.may("first_k_dense_replace", r.FirstDense, 0, mostLayers)
	return m
}

// feed adds the layer's MLP: gate, up and down of the same size, two matrices
// in the older families.
func (r *reader) feed(l *Layer, m mixture, i, h int64) {
	if m.experts > 0 && i >= m.firstDense && !slices.Contains(r.MLPOnly, i) {
		l.Expert, l.Dense = m.size, m.shared
		return
	}
	switch r.ModelType {
	case "opt":
		l.Dense = 2 * h * r.need("ffn_dim", r.FFN, 4*mostWidth)
	case "bloom":
		l.Dense = 2 * h * 4 * h
	default:
		l.Dense = 3 * h * r.need("intermediate_size", r.Intermediate, 4*mostWidth)
	}
}

// mixer is a layer's attention. Scores are FLOPs a pair of tokens: 2 for the
// product with the key and 2 for the sum of values, per head and dimension.
func (r *reader) mixer(kind Kind, h int64) Layer {
	switch kind {
	case Latent:
		return r.latent(h)
	case Linear:
		return r.linear(h)
	}
	heads := r.need("num_attention_heads", first(r.Heads, r.HeadsBloom), mostWidth)
	kv := r.may("num_key_value_heads", r.KVHeads, heads, heads)
	if kv == 0 {
		kv = heads
	}
	dim := r.may("head_dim", r.HeadDim, h/heads, mostWidth)
	if r.ModelType == "gemma4_text" && kind == Full {
		kv = r.need("num_global_key_value_heads", r.GlobalKVHeads, heads)
		dim = r.need("global_head_dim", r.GlobalHeadDim, mostWidth)
	}
	if dim < 1 {
		r.miss("head_dim", "hidden_size %d has no room for %d heads", h, heads)
		return Layer{}
	}
	q := int64(1)
	if r.OutputGate != nil && *r.OutputGate {
		q = 2 // the query projection also makes the gate
	}
	l := Layer{
		Attention: kind,
		Mixer:     h*heads*dim*(q+1) + 2*h*kv*dim,
		Cache:     2 * kv * dim,
		Score:     4 * float64(heads*dim),
		Look:      4 * float64(heads*dim),
		Heads:     kv,
	}
	if kind == Sliding {
		l.Window = r.need("sliding_window", r.Window, 1<<30)
	}
	return l
}

// latent follows DeepSeek-V2 (arXiv 2405.04434, section 2.1): what is cached is
// the compressed vector and the shared rotary key, once for all heads. Decoding
// folds the up-projections into query and output, so that each head works on
// the whole compressed vector.
func (r *reader) latent(h int64) Layer {
	heads := r.need("num_attention_heads", r.Heads, mostWidth)
	rank := r.need("kv_lora_rank", r.KVRank, mostWidth)
	rope := r.need("qk_rope_head_dim", r.Rope, mostWidth)
	nope := r.need("qk_nope_head_dim", r.Nope, mostWidth)
	v := r.need("v_head_dim", r.VDim, mostWidth)
	query := h * heads * (nope + rope) // without a query rank it is one matrix
	down := h * (rank + rope)          // the compressed vector is made once for all heads
	whole := down
	if r.QRank != nil {
		q := r.need("q_lora_rank", r.QRank, mostWidth)
		query = h*q + q*heads*(nope+rope)
		whole += h * q
	}
	return Layer{
		Attention: Latent,
		Mixer:     query + down + rank*heads*(nope+v) + heads*v*h,
		Whole:     whole,
		Cache:     rank + rope,
		Score:     2 * float64(heads*(nope+rope+v)),
		Look:      2 * float64(heads*(2*rank+rope)),
		Heads:     1,
	}
}

// linear is a gated delta rule layer (Qwen3-Next, Qwen3.5): a matrix of state a
// value head, and the last few inputs of a short convolution in 2 bytes each.
func (r *reader) linear(h int64) Layer {
	kh := r.need("linear_num_key_heads", r.LinearKHeads, mostWidth)
	vh := r.need("linear_num_value_heads", r.LinearVHeads, mostWidth)
	dk := r.need("linear_key_head_dim", r.LinearKDim, 1<<14)
	dv := r.need("linear_value_head_dim", r.LinearVDim, 1<<14)
	conv := r.may("linear_conv_kernel_dim", r.LinearConv, 4, 64)
	width := int64(2)
	switch r.StateType {
	case "float32":
		width = 4
	case "", "bfloat16", "float16":
	default:
		r.miss("mamba_ssm_dtype", "%q is not a known width of recurrent state", r.StateType)
	}
	inputs := 2*kh*dk + vh*dv
	if kh*dk > mostWidth*8 || vh*dv > mostWidth*8 {
		r.miss("linear_num_value_heads", "%d heads of %d and %d of %d are wider than any known layer", kh, dk, vh, dv)
		return Layer{}
	}
	state := vh*dk*dv*width + inputs*max(conv-1, 0)*2
	if state > mostState {
		r.miss("linear_value_head_dim", "%d bytes of state a layer are more than any known layer has", state)
		return Layer{}
	}
	return Layer{
		Attention: Linear,
		Mixer:     h*(2*kh*dk+2*vh*dv) + vh*dv*h,
		State:     state,
		Heads:     vh,
	}
}
