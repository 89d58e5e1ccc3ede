// Package arch reads what a topology needs to know of a model from the model's
// own config.json: parameters, bytes of cache a token, recurrent state, and
// what kind of attention each layer has.
//
// It is pure: bytes in, facts out. It must not guess: an architecture that it
// does not know, or a fact that is not there, is a *Missing that names it.
//
//	a, err := arch.Read(config)                  // dense, MoE, MLA, sliding window, hybrid
//	var m *arch.Missing
//	if errors.As(err, &m) { fmt.Println(m.Fact) } // "num_experts_per_tok"
//	fmt.Println(a.Total(), a.Active(), a.StateBytes())
//	fmt.Println(a.CacheBytes(8192, 1))            // fp8 cache, 8,192 tokens
//
// Parameters are counts, caches are elements, and bytes are bytes: the width of
// an element is the caller's, because one config is served in many formats.
// Norms, routers and biases are left out: they are under half a percent of
// every model here.
package arch

import "fmt"

// Kind is how a layer looks back at its context.
type Kind string

// The kinds of attention.
const (
	Full    Kind = "full"    // every token before: cache grows with the context
	Sliding Kind = "sliding" // the last Window tokens: cache stops growing there
	Latent  Kind = "latent"  // multi-head latent attention: one compressed vector a token
	Linear  Kind = "linear"  // a recurrent state of fixed size: no cache at all
)

// Layer is what one layer brings.
type Layer struct {
	Attention Kind
	Mixer     int64   // parameters of attention, or of the state-space mixer
	Whole     int64   // of Mixer: what tensor parallelism copies instead of cutting
	Cache     int64   // elements cached for each token that is looked back at
	Window    int64   // tokens that are looked back at; 0: all
	State     int64   // bytes of recurrent state a request; read and written in every step
	Score     float64 // FLOPs of attention for each pair of tokens in prefill
	Look      float64 // the same in decoding, where a latent cache is not unfolded
	Heads     int64   // KV heads: how far tensor parallelism divides the cache; 1 for latent
	Dense     int64   // parameters of the MLP that every token takes, shared experts included
	Expert    int64   // parameters of one expert; 0: the layer has none
}

// Arch is a model's architecture.
type Arch struct {
	Name    string // as in "architectures"
	Type    string // "model_type" of the text part
	Hidden  int64  // width of the residual stream: what collectives carry
	Vocab   int64
	Tied    bool // one embedding for input and output
	Experts int64
	TopK    int64 // experts that a token takes
	Layers  []Layer
	Width   Width // of the weights as they are published
	Context int64 // longest context; 0: not said
}

// Width is the format of each part of the weights in bytes a parameter, scales
// included: bf16 2, fp8 1, nvfp4 0.5625 (16 values share one fp8 scale), mxfp4
// 0.53125 (32 values share one).
type Width struct {
	Mixer, Dense, Expert, Embedding float64
}

// Missing is a fact without which nothing can be computed: the model abstains.
type Missing struct {
	Architecture string // as far as it is known
	Fact         string // the field of config.json, or "architecture"
	Why          string // what is wrong with it, and what to do
}

func (m *Missing) Error() string {
	return fmt.Sprintf("config.json of %s: %s: %s", m.Architecture, m.Fact, m.Why)
}

// Total is the number of parameters, both embeddings included.
func (a Arch) Total() int64 {
	n := a.embeddings()
	for _, l := range a.Layers {
		n += l.Mixer + l.Dense + a.Experts*l.Expert
	}
	return n
}

// Active is the number of parameters that one token is multiplied with: no
// input embedding, which is a look-up, and the experts it takes only.
func (a Arch) Active() int64 {
	n := a.Vocab * a.Hidden
	for _, l := range a.Layers {
		n += l.Mixer + l.Dense + a.TopK*l.Expert
	}
	return n
}

func (a Arch) embeddings() int64 {
	if a.Tied {
		return a.Vocab * a.Hidden
	}
	return 2 * a.Vocab * a.Hidden
}

// WeightBytes is the size of all weights in the formats w.
func (a Arch) WeightBytes(w Width) float64 {
	b := float64(a.embeddings()) * w.Embedding
	for _, l := range a.Layers {
		b += float64(l.Mixer)*w.Mixer + float64(l.Dense)*w.Dense + float64(a.Experts*l.Expert)*w.Expert
	}
	return b
}

// CacheBytes is what one request of so many tokens keeps in the cache, at so
// many bytes an element. Recurrent state is not in it.
func (a Arch) CacheBytes(tokens, element float64) float64 {
	var n float64
	for _, l := range a.Layers {
		seen := tokens
		if l.Window > 0 {
			seen = min(seen, float64(l.Window))
		}
		n += float64(l.Cache) * seen
	}
	return n * element
}

// StateBytes is the recurrent state of one request.
func (a Arch) StateBytes() int64 {
	var n int64
	for _, l := range a.Layers {
		n += l.State
	}
	return n
}

// Kinds counts the layers of each kind.
func (a Arch) Kinds() map[Kind]int {
	out := map[Kind]int{}
	for _, l := range a.Layers {
		out[l.Attention]++
	}
	return out
}

// Mixture says whether tokens choose among experts.
func (a Arch) Mixture() bool { return a.Experts > 0 }

// Hybrid says whether some layers keep recurrent state instead of a cache.
func (a Arch) Hybrid() bool { return a.StateBytes() > 0 }
