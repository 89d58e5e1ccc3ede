package arch

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// config is the union of the fields that the known families use. Pointers,
// because 0 and absent differ: an absent head_dim is computed, a 0 is wrong.
type config struct {
	Architectures []string `json:"architectures"`
	ModelType     string   `json:"model_type"`
	Tied          *bool    `json:"tie_word_embeddings"`

	Hidden       *int64   `json:"hidden_size"`
	HiddenBloom  *int64   `json:"n_embed"`
	Layers       *int64   `json:"num_hidden_layers"`
	LayersBloom  *int64   `json:"n_layer"`
	Heads        *int64   `json:"num_attention_heads"`
	HeadsBloom   *int64   `json:"n_head"`
	KVHeads      *int64   `json:"num_key_value_heads"`
	HeadDim      *int64   `json:"head_dim"`
	Intermediate *int64   `json:"intermediate_size"`
	FFN          *int64   `json:"ffn_dim"`
	Vocab        *int64   `json:"vocab_size"`
	Context      *int64   `json:"max_position_embeddings"`
	LayerTypes   []string `json:"layer_types"`
	Window       *int64   `json:"sliding_window"`
	UseWindow    *bool    `json:"use_sliding_window"`
	OutputGate   *bool    `json:"attn_output_gate"`

	GlobalKVHeads *int64 `json:"num_global_key_value_heads"`
	GlobalHeadDim *int64 `json:"global_head_dim"`

	RoutedExperts *int64  `json:"n_routed_experts"`
	LocalExperts  *int64  `json:"num_local_experts"`
	NumExperts    *int64  `json:"num_experts"`
	PerToken      *int64  `json:"num_experts_per_tok"`
	TopExperts    *int64  `json:"top_k_experts"`
	ExpertSize    *int64  `json:"moe_intermediate_size"`
	Shared        *int64  `json:"n_shared_experts"`
	SharedSize    *int64  `json:"shared_expert_intermediate_size"`
	FirstDense    *int64  `json:"first_k_dense_replace"`
	MoEBlock      *bool   `json:"enable_moe_block"`
	MLPOnly       []int64 `json:"mlp_only_layers"`

	KVRank *int64 `json:"kv_lora_rank"`
	QRank  *int64 `json:"q_lora_rank"`
	Rope   *int64 `json:"qk_rope_head_dim"`
	Nope   *int64 `json:"qk_nope_head_dim"`
	VDim   *int64 `json:"v_head_dim"`

	LinearKHeads *int64 `json:"linear_num_key_heads"`
	LinearVHeads *int64 `json:"linear_num_value_heads"`
	LinearKDim   *int64 `json:"linear_key_head_dim"`
	LinearVDim   *int64 `json:"linear_value_head_dim"`
	LinearConv   *int64 `json:"linear_conv_kernel_dim"`
	StateType    string `json:"mamba_ssm_dtype"`
}

// file is config.json: a model of several parts keeps its language in text_config.
type file struct {
	config
	Text  *config `json:"text_config"`
	Quant *quant  `json:"quantization_config"`
}

// families are the model types whose formulas below were checked against
// published parameter counts. A type that is not here is not guessed at, even
// when its fields look familiar: a layer that is not counted is a wrong answer.
var families = []string{
	"bloom", "deepseek_v2", "deepseek_v3", "gemma4_text", "glm4_moe", "gpt_oss", "kimi_k2", "llama", "mistral",
	"mixtral", "opt", "phi3", "qwen2", "qwen2_moe", "qwen3", "qwen3_5_moe_text", "qwen3_5_text", "qwen3_moe", "qwen3_next",
}

// Families lists the model types that Read knows.
func Families() []string { return slices.Clone(families) }

// most is far above any model there is and keeps every product inside int64.
const (
	mostWidth  = 1 << 17
	mostLayers = 2048
	mostVocab  = 1 << 23
	mostState  = 1 << 36 // bytes of recurrent state a layer
)

// maxFile is the largest config.json that is read: the largest known, with its
// quantisation table, has 90 KB.
const maxFile = 4 << 20

// Read decodes a config.json. What it cannot decode or does not know is an
// error; what is missing in a known family is a *Missing.
func Read(src []byte) (Arch, error) {
	if len(src) > maxFile {
		return Arch{}, fmt.Errorf("reading config.json: %d bytes, and at most %d are read", len(src), maxFile)
	}
	var f file
	if err := json.Unmarshal(src, &f); err != nil {
		return Arch{}, fmt.Errorf("reading config.json: %w", err)
	}
	c := f.config
	if f.Text != nil {
		c = *f.Text
		if c.Tied == nil {
			c.Tied = f.Tied
		}
	}
	r := reader{config: c, name: name(f)}
	a := r.read()
	if r.err != nil {
		return Arch{}, r.err
	}
	if a.Tied && c.Tied == nil {
		a.Tied = false
	}
	w, err := f.Quant.width(r.name)
	if err != nil {
		return Arch{}, err
	}
	a.Width = w
	return a, nil
}

func name(f file) string {
	if len(f.Architectures) > 0 && f.Architectures[0] != "" {
		return f.Architectures[0]
	}
	if f.ModelType != "" {
		return f.ModelType
	}
	return "an unnamed model"
}

// reader collects the first fault, so that the formulas below read as formulas.
type reader struct {
	config
	name string
	err  error
}

func (r *reader) miss(fact, format string, args ...any) {
	if r.err == nil {
		r.err = &Missing{Architecture: r.name, Fact: fact, Why: fmt.Sprintf(format, args...)}
	}
}

// need is a fact that must be there and in 1..most.
func (r *reader) need(fact string, v *int64, most int64) int64 {
	if v == nil {
		r.miss(fact, "it is not in the file, and nothing can stand in for it")
		return 1
	}
	if *v < 1 || *v > most {
		r.miss(fact, "%d is not in 1..%d", *v, most)
		return 1
	}
	return *v
}

// may is a fact that has a default when it is absent, and must be in 0..most.
func (r *reader) may(fact string, v *int64, otherwise, most int64) int64 {
	if v == nil {
		return otherwise
	}
	if *v < 0 || *v > most {
		r.miss(fact, "%d is not in 0..%d", *v, most)
		return otherwise
	}
	return *v
}

func first(vs ...*int64) *int64 {
	for _, v := range vs {
		if v != nil {
			return v
		}
	}
	return nil
}

func (r *reader) read() Arch {
	if r.ModelType == "" {
		r.miss("model_type", "it is not in the file, so it is not known how the layers are built")
		return Arch{}
	}
	if !slices.Contains(families, r.ModelType) {
		r.miss("architecture", "the model type %q is not known; known are %s", r.ModelType, strings.Join(families, ", "))
		return Arch{}
	}
	a := Arch{Name: r.name, Type: r.ModelType}
	a.Hidden = r.need("hidden_size", first(r.Hidden, r.HiddenBloom), mostWidth)
	a.Vocab = r.need("vocab_size", r.Vocab, mostVocab)
	a.Context = r.may("max_position_embeddings", r.Context, 0, 1<<40)
	a.Tied = r.Tied != nil && *r.Tied || r.Tied == nil && slices.Contains([]string{"bloom", "opt"}, r.ModelType)
	n := r.need("num_hidden_layers", first(r.Layers, r.LayersBloom), mostLayers)
	kinds := r.kinds(int(n))
	m := r.mixture()
	if r.err != nil {
		return Arch{}
	}
	a.Experts, a.TopK = m.experts, m.topK
	for i, kind := range kinds {
		l := r.mixer(kind, a.Hidden)
		r.feed(&l, m, int64(i), a.Hidden)
		if r.err != nil {
			return Arch{}
		}
		a.Layers = append(a.Layers, l)
	}
	return a
}

// kinds is the attention of each layer.
func (r *reader) kinds(n int) []Kind {
	types := r.LayerTypes
	out := make([]Kind, n)
	if len(types) > 0 && len(types) != n {
		r.miss("layer_types", "it names %d layers, and num_hidden_layers is %d", len(types), n)
		return out
	}
	hybrid := r.LinearKHeads != nil || strings.HasPrefix(r.ModelType, "qwen3_5") || r.ModelType == "qwen3_next"
	if len(types) == 0 && (hybrid || r.ModelType == "gpt_oss" || r.ModelType == "gemma4_text") {
		r.miss("layer_types", "the family mixes kinds of layers, and the file does not say which is which")
		return out
	}
	for i := range out {
		out[i] = Full
		switch {
		case r.KVRank != nil:
			out[i] = Latent
		case len(types) > 0:
			switch types[i] {
			case "full_attention":
			case "sliding_attention":
				out[i] = Sliding
			case "linear_attention":
				out[i] = Linear
			default:
				r.miss("layer_types", "layer %d is of the kind %q, which is not known", i, types[i])
			}
		case r.ModelType == "mistral" && r.Window != nil && (r.UseWindow == nil || *r.UseWindow):
			out[i] = Sliding
		}
	}
	return out
}
