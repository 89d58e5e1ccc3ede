// Package sim replays requests through the schedulers of model servers, event
// by event: bursts, arrivals, chunked prefill, the hand-over between prefill
// and decode, and memory that is full.
//
// It is pure and deterministic: the same plan and requests give the same times.
// It must not know where step times come from: a Stepper tells it.
//
//	plan := sim.Plan{Workers: []sim.Worker{{Step: w, Budget: 8192, Slots: 256}}}
//	traces, err := sim.Run(plan, sim.Burst(128, 512, 2048))
//	report := metric.Sum(sim.Requests(traces), metric.Limits{}, sim.End(traces))
//	fmt.Println(report.TTFT.P95, report.TPOT.Mean)
//	fmt.Println(report.OutputTPS)
//
// The scheduler is that of vLLM's V1 engine: every step all running requests
// make a token, and what is left of the token budget goes to waiting prompts in
// order of arrival, the last of them in part.
package sim

import (
	"container/heap"
	"fmt"
	"math"
)

// Stepper says how long steps take, in seconds.
type Stepper interface {
	Decode(batch, context float64) float64 // a token for each of batch, overhead included
	Prefill(tokens, after float64) float64 // what so many prompt tokens add
	Overhead() float64                     // of a step that decodes nothing
}

// Role is what a worker does.
type Role int

// The roles.
const (
	Both Role = iota
	Prefill
	Decode
)

// Worker is one server.
type Worker struct {
	Step   Stepper
	Role   Role
	Budget int  // tokens a step; 0: 8192
	Slots  int  // requests whose cache fits; 0: no limit
	First  bool // prompts stop decoding until they are done: engines without chunked prefill
}

// Request is one to serve.
type Request struct {
	Arrive        float64 // seconds; in a closed loop only the order counts
	Input, Output int
	Prefix        int // tokens at the start of the prompt that are cached already
}

// Plan is who serves.
type Plan struct {
	Workers     []Worker
	Transfer    func(tokens float64) float64 // seconds between prefill and decode; nil: none
	Concurrency int                          // > 0: a closed loop, the next request when one ends
	Delay       float64                      // seconds before every request reaches a worker
}

// Trace is what happened to a request. Tokens are the times at which it got
// one; the first is its TTFT.
type Trace struct {
	Start  float64
	Tokens []float64
}

// most bounds the output tokens of a run: two seconds and 128 MB.
const most = 1 << 24

// Run serves the requests. It refuses plans that can serve nothing.
func Run(p Plan, requests []Request) ([]Trace, error) {
	s := &state{plan: p, trace: make([]Trace, len(requests)), live: make([]live, len(requests))}
	if err := s.check(requests); err != nil {
		return nil, err
	}
	for i, w := range p.Workers {
		if w.Budget <= 0 {
			w.Budget = 8192
		}
		if w.Slots <= 0 {
			w.Slots = math.MaxInt
		}
		s.workers = append(s.workers, &server{Worker: w, at: i})
	}
	for i, r := range requests {
		s.live[i] = live{Request: r, left: max(r.Input-r.Prefix, 1)}
		s.trace[i].Tokens = make([]float64, 0, max(r.Output, 0))
		switch {
		case p.Concurrency <= 0:
			s.push(r.Arrive, arrive, i)
		case i < p.Concurrency:
			s.push(0, arrive, i)
			s.sent++
		}
	}
	for s.events.Len() > 0 {
		e := heap.Pop(&s.events).(event)
		s.now = e.at
		switch e.kind {
		case arrive:
			s.trace[e.of].Start = s.now
			s.push(s.now+p.Delay, queue, e.of)
		case queue:
			s.enqueue(e.of, Prefill)
		case handed:
			s.enqueue(e.of, Decode)
		case stepped:
			s.finish(s.workers[e.of])
		}
	}
	for i, r := range requests {
		if len(s.trace[i].Tokens) != r.Output {
			return nil, fmt.Errorf("simulating: request %d got %d of %d tokens", i, len(s.trace[i].Tokens), r.Output)
		}
	}
	return s.trace, nil
}

func (s *state) check(requests []Request) error {
	var pre, dec bool
	for _, w := range s.plan.Workers {
		if w.Step == nil {
			return fmt.Errorf("simulating: a worker has no step times")
		}
		pre = pre || w.Role != Decode
		dec = dec || w.Role != Prefill
	}
	if !pre || !dec {
		return fmt.Errorf("simulating: somebody must prefill and somebody must decode")
	}
	total := 0
	for i, r := range requests {
		if r.Input < 1 || r.Output < 1 || r.Prefix < 0 || r.Prefix > r.Input || r.Arrive < 0 || math.IsNaN(r.Arrive) || math.IsInf(r.Arrive, 0) {
			return fmt.Errorf("simulating: request %d cannot be: %+v", i, r)
		}
		if total += r.Output; total > most || r.Output > most {
			return fmt.Errorf("simulating: more than %d output tokens: use fewer prompts", most)
		}
	}
	return nil
}
