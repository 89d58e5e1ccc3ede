package topology

import (
	"fmt"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/topology/step"
)

// Point is a closed loop in its steady state: so many requests in flight, each
// followed by another.
type Point struct {
	TTFT, TPOT float64 // seconds, means
	Requests   float64 // a second, over the whole topology
	OutputTPS  float64 // tokens a second
	PerGPU     float64 // of them
	GPUs       int
	Running    float64 // requests that decode at any time, over the whole topology
	Transfer   float64 // seconds of KV transfer, part of TTFT
}

// Budget is how many tokens a step takes at most, on each rank: the default of
// vLLM's max_num_batched_tokens on data-centre GPUs.
const Budget = 8192

// EagerReduce is the seconds of a small all-reduce that is not replayed from a
// CUDA graph, as with Triton attention: 20 us among two B200 with vLLM 0.24,
// where a graph takes 7 (measured, aiconfigurator @095f58a).
const EagerReduce = 20e-6

// plant is a topology that was checked, fitted and prepared on a hardware.
type plant struct {
	one, prefill pool // one: the aggregated pool, or decode
	split        bool
	first        bool // prompts come before decoding: no chunked prefill
	gpus         int
	cal          Calibration
	transfer     func(tokens float64) float64 // seconds
}

type pool struct {
	layout
	step.Worker
	fit Fit
}

// prepare refuses what does not fit and abstains from what is not modelled.
func prepare(h Hardware, m Model, w Workload, t Topology, c Calibration) (plant, error) {
	if err := outside(h, m, w, t); err != nil {
		return plant{}, err
	}
	if strings.Contains(strings.ToUpper(t.Attention), "TRITON") {
		c.Reduce = max(c.Reduce, EagerReduce)
	}
	p := plant{split: t.Split(), first: t.Unchunked, gpus: t.GPUs(m), cal: c}
	if h.Count > 0 && p.gpus > h.Count {
		return plant{}, &Misfit{Topology: t.Name, Why: fmt.Sprintf("it takes %d GPUs, and %s has %d", p.gpus, h.Name, h.Count)}
	}
	tokens := float64(w.Input + w.Output)
	build := func(what string, q Pool) (pool, error) {
		l := q.layout(m)
		k, f, err := worker(h, m, l, c.Constants, tokens)
		if err != nil {
			return pool{}, err
		}
		if !f.Fits {
			return pool{}, &Misfit{Topology: t.Name, Fit: f, Why: fmt.Sprintf("%s does not hold one request of %.0f tokens: %s", what, tokens, f)}
		}
		return pool{l, k, f}, nil
	}
	var err error
	if !p.split {
		p.one, err = build("a worker", t.Pool)
		return p, err
	}
	if p.prefill, err = build("a prefill worker", *t.Prefill); err != nil {
		return p, err
	}
	if p.one, err = build("a decode worker", *t.Decode); err != nil {
		return p, err
	}
	p.transfer, err = transfer(h, m, t, p.prefill.layout, p.one.layout, c)
	return p, err
}

// transfer is the law of moving one prompt's cache: every rank of the narrower
// side sends its own part, except for a latent cache, which is not cut.
func transfer(h Hardware, m Model, t Topology, from, to layout, c Calibration) (func(float64) float64, error) {
	_, kv, err := m.Format()
	if err != nil {
		return nil, err
	}
	g := h.gpu().GPU
	bandwidth := g.Network * c.Network
	if h.Count > 0 && h.Count <= max(h.PerNode, 1) || h.PerNode == 0 && h.Count > 0 && h.Count <= g.Domain {
		bandwidth = g.Link * c.Network
	}
	if t.Transfer != nil && t.Transfer.GBPerS > 0 {
		bandwidth = t.Transfer.GBPerS * 1e9
	}
	lanes := 1.0
	if m.Arch.Kinds()["latent"] == 0 {
		lanes = float64(min(from.tensor, to.tensor))
	}
	latency := c.Transfer
	if h.Network.LatencyMS > 0 {
		latency = h.Network.LatencyMS / 1e3
	}
	state := float64(m.Arch.StateBytes())
	return func(tokens float64) float64 {
		return step.Transfer((m.Arch.CacheBytes(tokens, kv)+state)/lanes, latency, bandwidth)
	}, nil
}

// Misfit is a topology that cannot run at all.
type Misfit struct {
	Topology string
	Why      string
	Fit      Fit // zero when memory is not the reason
}

func (m *Misfit) Error() string { return fmt.Sprintf("%s does not fit: %s", m.Topology, m.Why) }

// Steady predicts t at w.Concurrency requests in flight.
func Steady(h Hardware, m Model, w Workload, t Topology, c Calibration) (Point, error) {
	p, err := prepare(h, m, w, t, c)
	if err != nil {
		return Point{}, err
	}
	return p.steady(float64(w.Input), float64(w.Output), float64(w.SharedPrefix), float64(max(w.Concurrency, 1))), nil
}

func (p plant) steady(in, out, prefix, concurrency float64) Point {
	if p.split {
		return p.apart(in, out, prefix, concurrency)
	}
	return p.together(in, out, prefix, concurrency)
}

// together is aggregated serving: each token that is made carries in/out prompt
// tokens of other requests in its step, so the step is longer by their prefill.
// What does not fit in memory waits, which is seen in TTFT.
func (p plant) together(in, out, prefix, concurrency float64) Point {
	w, n := p.one, float64(p.one.workers)
	each := concurrency / n
	fresh := in - prefix
	context := in + out/2
	chunk := w.Prefill(fresh, prefix) // of a whole prompt, spread over the steps of its neighbours
	alone := chunk*float64(w.attention) + w.Overhead()
	room := float64(max(w.fit.Requests, 1))
	running, ttft, tpot := min(each, room), 0.0, 0.0
	for range 40 {
		tpot = w.Decode(max(running, 1), context) + (1-p.cal.Wave)*chunk/out*running // a wave prefills before it decodes
		tpot *= p.cal.tpot()
		ttft = (alone + tpot + p.cal.Request + p.cal.Wave*max(each-1, 0)/2*chunk) * p.cal.ttft()
		next := each * (out * tpot) / (out*tpot + ttft)
		running = (running + min(next, room)) / 2
	}
	rate := running / (out * tpot)
	if wait := each/rate - out*tpot; wait > ttft { // what does not run waits for its turn
		ttft = wait
	}
	return p.point(ttft, tpot, out, concurrency, running*n, 0)
}

// apart is disaggregated serving: a queue of prompts, a transfer, and decoding
// that is disturbed by nothing. Bisection finds the rate at which as many
// requests are in flight as there should be.
func (p plant) apart(in, out, prefix, concurrency float64) Point {
	pre, dec := p.prefill, p.one
	context := in + out/2
	chunk := pre.Prefill(in-prefix, prefix)
	serve := chunk + pre.Overhead()*min(1, (in-prefix)/float64(Budget*pre.attention)) // a busy queue fills its steps
	most := float64(pre.workers) / serve
	move := p.transfer(in)
	room := float64(dec.workers * max(dec.fit.Requests, 1))
	alone := chunk*float64(pre.attention) + pre.Overhead()
	at := func(rate float64) (ttft, tpot, running float64) {
		load := rate / most
		queue := serve * load / (2 * (1 - load)) / float64(pre.workers) // M/D/1, Pollaczek and Khinchine
		ttft = (alone + queue + move + p.cal.Request + p.cal.Wave*max(concurrency/float64(pre.workers)-1, 0)/2*serve) * p.cal.ttft()
		running = min(concurrency, room)
		for range 30 {
			tpot = dec.Decode(max(running/float64(dec.workers), .5), context) * p.cal.tpot()
			running = (running + min(concurrency, room, rate*out*tpot)) / 2
		}
		return ttft, tpot, running
	}
	low, high := most*1e-9, most*.999
	for range 60 {
		mid := (low + high) / 2
		ttft, tpot, _ := at(mid)
		if mid*(ttft+out*tpot) < concurrency && mid*out*tpot < room {
			low = mid
		} else {
			high = mid
		}
	}
	ttft, tpot, running := at(low)
	ttft = max(ttft, concurrency/low-out*tpot) // prefill is full: the rest waits
	q := p.point(ttft, tpot, out, concurrency, running, move)
	return q
}

// point follows from Little's law: requests in flight = rate x time of each.
func (p plant) point(ttft, tpot, out, concurrency, running, move float64) Point {
	rate := concurrency / (ttft + (out-1)*tpot)
	return Point{
		TTFT: ttft, TPOT: tpot, Requests: rate, OutputTPS: rate * out, PerGPU: rate * out / float64(p.gpus),
		GPUs: p.gpus, Running: running, Transfer: move,
	}
}
