package arch

import (
	"slices"
	"strings"
)

// quant is the part of quantization_config that says how wide weights are.
type quant struct {
	Method string           `json:"quant_method"`
	Algo   string           `json:"quant_algo"`
	Bits   *int64           `json:"bits"`
	Skip   []string         `json:"modules_to_not_convert"`
	Ignore []string         `json:"ignore"`
	Groups map[string]group `json:"config_groups"`
	Mixed  map[string]any   `json:"quantized_layers"`
}

// group is layers that are quantised alike, as compressed-tensors writes it.
type group struct {
	Weights *struct {
		Bits *int64 `json:"num_bits"`
		Type string `json:"type"`
	} `json:"weights"`
}

// grouped is the width of all groups; false when they differ or do not say it.
func (q *quant) grouped() (float64, bool) {
	var width float64
	for _, g := range q.Groups {
		if g.Weights == nil || g.Weights.Bits == nil {
			return 0, false
		}
		var b float64
		switch *g.Weights.Bits {
		case 8:
			b = 1
		case 4:
			b = .5
			if g.Weights.Type == "float" { // nvfp4, scales included
				b = .5625
			}
		}
		if b == 0 || width != 0 && b != width {
			return 0, false
		}
		width = b
	}
	return width, width != 0
}

// Formats are the formats of weights that a model block may name.
func Formats() []string { return []string{"bf16", "fp16", "fp8", "int4", "int8", "mxfp4", "nvfp4"} }

// Bytes is the width of a format, scales included.
func Bytes(format string) (float64, bool) {
	switch format {
	case "bf16", "fp16":
		return 2, true
	case "fp8", "int8":
		return 1, true
	case "nvfp4", "int4": // a scale of 1 byte for 16 values (int4: 2 bytes for 32)
		return .5625, true
	case "mxfp4": // a scale of 1 byte for 32 values
		return .53125, true
	}
	return 0, false
}

// Weights is the width of each part when a checkpoint is said to be in format:
// what such checkpoints leave wider is wider here. Eight-bit formats narrow
// every layer; mxfp4 narrows experts alone and leaves attention in bf16, as the
// published checkpoints do; nvfp4 leaves attention in fp8 for dense models and
// in bf16 for mixtures. Embeddings stay in bf16. False for an unknown format.
func (a Arch) Weights(format string) (Width, bool) {
	b, ok := Bytes(format)
	if !ok {
		return Width{}, false
	}
	w := Width{Mixer: b, Dense: b, Expert: b, Embedding: 2}
	switch {
	case format == "mxfp4":
		w.Mixer, w.Dense = 2, 2
	case format == "nvfp4" && a.Mixture():
		w.Mixer = 2
	case format == "nvfp4":
		w.Mixer = 1
	}
	return w, true
}

// width reads the published format; no quantization_config is bf16.
func (q *quant) width(name string) (Width, error) {
	w := Width{Mixer: 2, Dense: 2, Expert: 2, Embedding: 2}
	if q == nil {
		return w, nil
	}
	method := strings.ToLower(q.Method)
	if q.Algo != "" {
		method = strings.ToLower(q.Algo)
	}
	skips := slices.Concat(q.Skip, q.Ignore)
	switch {
	case method == "fp8":
		w.Mixer, w.Dense, w.Expert = 1, 1, 1
	case method == "mxfp4":
		w.Expert = .53125
	case method == "mixed_precision": // attention in fp8, MLPs in nvfp4
		w.Mixer, w.Dense, w.Expert = 1, .5625, .5625
	case strings.Contains(method, "nvfp4"):
		w.Mixer, w.Dense, w.Expert = .5625, .5625, .5625
	case method == "compressed-tensors" && q.Bits == nil && len(q.Groups) > 0:
		b, ok := q.grouped()
		if !ok {
			return w, &Missing{Architecture: name, Fact: "quantization_config.config_groups", Why: "its groups have weights of several widths, or of others than 4 and 8 bits: give `weights` in the model block"}
		}
		w.Mixer, w.Dense, w.Expert = b, b, b
	case method == "awq" || method == "gptq" || method == "modelopt" || method == "compressed-tensors":
		if q.Bits == nil {
			return w, &Missing{Architecture: name, Fact: "quantization_config.bits", Why: "the method " + method + " does not say how wide its weights are: give `weights` in the model block"}
		}
		b := float64(*q.Bits) / 8
		if b != .5 && b != 1 {
			return w, &Missing{Architecture: name, Fact: "quantization_config.bits", Why: "only 4 and 8 are known: give `weights` in the model block"}
		}
		w.Mixer, w.Dense, w.Expert = b, b, b
	default:
		return w, &Missing{Architecture: name, Fact: "quantization_config.quant_method", Why: "the method " + method + " is not known: give `weights` in the model block"}
	}
	if slices.ContainsFunc(skips, func(s string) bool { return strings.HasSuffix(s, "self_attn") || strings.HasSuffix(s, "self_attn*") }) {
		w.Mixer = 2
	}
	return w, nil
}
