// Package step says how long one forward pass takes: a roofline of bytes and
// FLOPs, collectives, and a fixed cost a layer and a step.
//
// It is pure. It must not know of queues, requests or objectives: those are
// core/topology/sim and core/topology.
//
//	w := step.New(step.Spec{Arch: a, Width: a.Width, KV: 1, GPU: gpu, Tensor: 2, Constants: step.Textbook()})
//	fmt.Println(w.Decode(64, 4096))   // seconds for a step of 64 requests at 4,096 tokens each
//	fmt.Println(w.Prefill(8192, 0))   // seconds of 8,192 new tokens, without the step's fixed cost
//	fmt.Println(w.Overhead())         // that fixed cost
//	fmt.Println(w.Resident())         // bytes of weights on each GPU
//
// Formulas: the roofline is Williams, Waterman and Patterson (2009); experts
// hit by B tokens are E(1-(1-k/E)^B), which takes routing as uniform; ring and
// tree collectives move 2(n-1)/n of their bytes. Tensor parallelism divides
// matrices, heads and experts, and does not divide the residual stream, routers
// or the down-projections of a latent cache: those cost every GPU the same.
package step

import (
	"math"

	"github.com/plimsoll-dev/plimsoll/core/topology/arch"
	"github.com/plimsoll-dev/plimsoll/core/topology/hardware"
)

// Constants are the efficiencies and overheads that no data sheet has.
// Calibration moves the first three; the others stand.
type Constants struct {
	Bandwidth float64 // share of the memory bandwidth that is reached, 0..1
	Prefill   float64 // share of peak FLOP/s with thousands of tokens, 0..1
	Layer     float64 // seconds a layer: launches, norms, what is not on the roofline

	Decode   float64 // share of peak FLOP/s with few tokens
	Fixed    float64 // seconds a step: scheduler, sampler, host
	Reduce   float64 // seconds an all-reduce at least takes
	Dispatch float64 // seconds an all-to-all at least takes
	Network  float64 // share of the network's bandwidth that is reached
	Request  float64 // seconds a request: HTTP, tokeniser, first step's wait
	Mixture  float64 // seconds a layer of experts, beside Layer: routing, grouped kernels, the fullest expert
	Wave     float64 // share of a closed loop's requests that begin together, 0..1
	Transfer float64 // seconds a KV transfer at least takes, connector included
}

// Textbook is what to begin with, before anything was measured. Bandwidth is
// the design's; Reduce is the all-reduce of 2 to 8 B200 at small sizes (7 us,
// measured with vLLM 0.24); Transfer is a connector's handshake.
func Textbook() Constants {
	return Constants{
		Bandwidth: .8, Prefill: .45, Layer: 12e-6,
		Decode: .35, Fixed: 1e-3, Reduce: 8e-6, Dispatch: 25e-6, Network: .6, Request: 20e-3, Transfer: 5e-3, Mixture: 20e-6, Wave: .1,
	}
}

// Spec is one worker: a group of GPUs that runs one copy of the model.
type Spec struct {
	Arch      arch.Arch
	Width     arch.Width // bytes a parameter as served
	KV        float64    // bytes an element of the cache
	GPU       hardware.GPU
	Tensor    int // GPUs that share each attention head group
	Attention int // ranks that have requests of their own and share the experts; 0 and 1: one
	Constants Constants
}

// Worker answers for one Spec. It is a value without state.
type Worker struct {
	spec  Spec
	gpus  float64
	tp    float64
	dp    float64
	layer float64 // count

	mixer, dense, expert, head float64 // parameters; expert: of one expert, over all layers that have them
	whole                      float64 // of mixer: what every GPU of a tensor group keeps
	mixtures                   float64 // layers that have experts
	state                      float64 // bytes a request
	score, look                float64 // FLOPs a pair, layers that see everything
	windows                    []window
	grow                       float64 // bytes of cache a token of context, divided over ranks
	link                       float64 // bytes a second between its GPUs
}

// window is the layers that share one sliding window.
type window struct{ tokens, bytes, score, look float64 }

// New prepares a worker. Tensor below 1 counts as 1.
func New(s Spec) Worker {
	w := Worker{spec: s, tp: float64(max(s.Tensor, 1)), dp: float64(max(s.Attention, 1)), layer: float64(len(s.Arch.Layers))}
	w.gpus = w.tp * w.dp
	for _, l := range s.Arch.Layers {
		w.mixer += float64(l.Mixer)
		w.whole += float64(l.Whole)
		w.dense += float64(l.Dense)
		if l.Expert > 0 {
			w.expert += float64(l.Expert)
			w.mixtures++
		}
		w.state += float64(l.State)
		cache := float64(l.Cache) * s.KV / min(w.tp, float64(max(l.Heads, 1)))
		if l.Window > 0 {
			w.windows = addWindow(w.windows, window{float64(l.Window), cache, l.Score, l.Look})
			continue
		}
		w.grow += cache
		w.score += l.Score
		w.look += l.Look
	}
	w.head = float64(s.Arch.Vocab * s.Arch.Hidden)
	w.link = s.GPU.Link
	if w.gpus > float64(max(s.GPU.Domain, 1)) {
		w.link = s.GPU.Network
	}
	return w
}

func addWindow(all []window, one window) []window {
	for i := range all {
		if all[i].tokens == one.tokens {
			all[i].bytes += one.bytes
			all[i].score += one.score
			all[i].look += one.look
			return all
		}
	}
	return append(all, one)
}

// GPUs is how many the worker has.
func (w Worker) GPUs() int { return int(w.gpus) }

// Resident is the bytes of weights on each GPU.
func (w Worker) Resident() float64 {
	s := w.spec
	embeddings := 2 * w.head
	if s.Arch.Tied {
		embeddings = w.head
	}
	return (w.mixer*s.Width.Mixer+w.dense*s.Width.Dense+embeddings*s.Width.Embedding)/w.tp + w.copied() +
		w.expert*float64(s.Arch.Experts)*s.Width.Expert/w.gpus
}

// copied is the bytes of weights that a GPU has beyond its share: what a tensor
// group does not cut, and the routers, which stay in two bytes.
func (w Worker) copied() float64 {
	router := 2 * w.mixtures * float64(w.spec.Arch.Hidden*w.spec.Arch.Experts)
	return router + w.whole*w.spec.Width.Mixer*(1-1/w.tp)
}

// Cache is the bytes that one request of so many tokens keeps on each GPU of
// its rank, recurrent state included.
func (w Worker) Cache(tokens float64) float64 {
	b := w.grow * tokens
	for _, x := range w.windows {
		b += x.bytes * min(tokens, x.tokens)
	}
	return b + w.state/w.tp
}

// Decode is the seconds of one step in which batch requests, over the whole
// worker, make a token each at a mean context of so many tokens.
func (w Worker) Decode(batch, context float64) float64 {
	c, s := w.spec.Constants, w.spec
	read := s.GPU.Bandwidth * c.Bandwidth
	weights := max(w.weights(batch)/read, w.linear(batch, c.Decode))
	cache := max(batch/w.dp*(w.Cache(context)+w.state/w.tp)/read, batch*w.looks(context)/(w.gpus*s.GPU.BF16*c.Prefill))
	return weights + cache + w.moved(batch, 1) + w.stream(batch) + w.logits(batch) + w.Overhead()
}

// Prefill is the seconds that tokens new tokens add to a step, the first of
// which has after tokens before it.
func (w Worker) Prefill(tokens, after float64) float64 {
	c := w.spec.Constants
	return w.linear(tokens, c.Prefill) + w.attend(tokens, after) + w.moved(tokens, eager) + w.stream(tokens)
}

// Overhead is what a step costs whatever is in it, seconds: launches, the host,
// and the start of every collective.
func (w Worker) Overhead() float64 {
	c := w.spec.Constants
	t := w.layer*c.Layer + w.mixtures*c.Mixture + c.Fixed
	if w.tp > 1 {
		t += 2 * w.layer * c.Reduce
	}
	if w.dp > 1 {
		t += 2 * w.mixtures * c.Dispatch
	}
	return t
}

// weights is the bytes of weights that one GPU reads in a decode step.
func (w Worker) weights(batch float64) float64 {
	s := w.spec
	return (w.mixer*s.Width.Mixer+w.dense*s.Width.Dense+w.head*s.Width.Embedding)/w.tp + w.copied() + w.Hit(batch)*w.expert*s.Width.Expert/w.gpus
}

// stream is the seconds in which tokens pass through the residual stream: two
// norms a layer, each of which reads and writes the hidden state and the
// residual in two bytes. Every GPU of a tensor group does all of it.
func (w Worker) stream(tokens float64) float64 {
	s := w.spec
	return 16 * tokens / w.dp * w.layer * float64(s.Arch.Hidden) / (s.GPU.Bandwidth * s.Constants.Bandwidth)
}

// logits is the seconds of the last matrix for every request that makes a
// token, in bf16, and of gathering its parts inside a tensor group. Reading the
// matrix is part of weights; prompts need it for their last token alone.
func (w Worker) logits(batch float64) float64 {
	c, s, each := w.spec.Constants, w.spec, batch/w.dp
	t := 2 * each * w.head / w.tp / (s.GPU.BF16 * c.Decode)
	if w.tp > 1 {
		t += c.Reduce + 2*each*float64(s.Arch.Vocab)*(w.tp-1)/w.tp/(w.link*c.Network)
	}
	return t
}

// looks is the FLOPs with which one new token looks back at its context.
func (w Worker) looks(context float64) float64 {
	f := w.look * context
	for _, x := range w.windows {
		f += x.look * min(context, x.tokens)
	}
	return f
}

// Hit is how many of a layer's experts batch tokens reach.
func (w Worker) Hit(batch float64) float64 {
	e := float64(w.spec.Arch.Experts)
	if e == 0 {
		return 0
	}
	return e * (1 - math.Pow(1-float64(w.spec.Arch.TopK)/e, batch))
}

// linear is the seconds of all matrix products of tokens tokens.
func (w Worker) linear(tokens, mfu float64) float64 {
	s := w.spec
	t := w.mixer/s.GPU.Rate(s.Width.Mixer) + w.dense/s.GPU.Rate(s.Width.Dense)
	t += w.expert * float64(s.Arch.TopK) / s.GPU.Rate(s.Width.Expert)
	return 2 * tokens * t / (w.gpus * mfu)
}

// attend is the seconds of causal attention, which runs in bf16.
func (w Worker) attend(tokens, after float64) float64 {
	seen := after + tokens/2
	f := w.score * seen
	for _, x := range w.windows {
		f += x.score * min(seen, x.tokens)
	}
	return tokens * f / (w.gpus * w.spec.GPU.BF16 * w.spec.Constants.Prefill)
}
