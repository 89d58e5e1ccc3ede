package sim

import (
	"container/heap"

	"github.com/plimsoll-dev/plimsoll/core/topology/metric"
)

type kind int

const (
	arrive  kind = iota // a request is sent
	queue               // and reaches a worker
	handed              // its cache has arrived at the decoding side
	stepped             // a worker's step ends
)

// event is ordered by time, then by the order in which it was thought of.
type event struct {
	at   float64
	seq  int
	kind kind
	of   int // request, or worker
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].seq < e[j].seq
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	old := *e
	last := old[len(old)-1]
	*e = old[:len(old)-1]
	return last
}

// live is a request on its way.
type live struct {
	Request
	left int // prompt tokens to prefill
}

// server is a worker with its queue.
type server struct {
	Worker
	at       int
	waiting  []int // prompts, or handed-over requests, in order
	started  int   // of waiting: admitted to memory
	running  []int // decode
	chunks   []chunk
	decoding int // how many decode in the step that runs: all of running, or none
	busy     bool
}

type chunk struct{ request, tokens int }

func (w *server) load() int { return len(w.waiting) + len(w.running) }

type state struct {
	plan    Plan
	workers []*server
	live    []live
	trace   []Trace
	events  events
	now     float64
	seq     int
	sent    int
}

func (s *state) push(at float64, k kind, of int) {
	s.seq++
	heap.Push(&s.events, event{at, s.seq, k, of})
}

// enqueue gives the request to the least loaded worker that may take it.
func (s *state) enqueue(r int, want Role) {
	var to *server
	for _, w := range s.workers {
		if w.Role != Both && w.Role != want || w.Role == Both && want == Decode {
			continue
		}
		if to == nil || w.load() < to.load() {
			to = w
		}
	}
	to.waiting = append(to.waiting, r)
	if !to.busy {
		s.step(to)
	}
}

// step starts the next step of w, if there is something to do.
func (s *state) step(w *server) {
	if w.Role == Decode { // what was handed over is admitted between steps
		for len(w.waiting) > 0 && len(w.running) < w.Slots {
			r := w.waiting[0]
			w.waiting = w.waiting[1:]
			s.token(r)
			if !s.ended(r) {
				w.running = append(w.running, r)
			}
		}
	}
	w.chunks = w.chunks[:0]
	var took float64
	if w.First {
		took = s.prompts(w)
	}
	n := len(w.running)
	if len(w.chunks) > 0 {
		n = 0
	}
	w.decoding = n
	if n > 0 {
		context := 0
		for _, r := range w.running {
			context += s.live[r].Input + len(s.trace[r].Tokens)
		}
		took = w.Step.Decode(float64(n), float64(context)/float64(n))
	}
	if w.Role != Decode && !w.First {
		took += s.prompts(w)
	}
	if n == 0 && len(w.chunks) == 0 {
		w.busy = false
		return
	}
	if n == 0 {
		took += w.Step.Overhead()
	}
	w.busy = true
	s.push(s.now+took, stepped, w.at)
}

// prompts fills what is left of the budget with waiting prompts.
func (s *state) prompts(w *server) float64 {
	room := w.Budget - len(w.running)
	var took float64
	for i, r := range w.waiting {
		if room <= 0 {
			break
		}
		if i >= w.started {
			if w.started+len(w.running) >= w.Slots {
				break
			}
			w.started++
		}
		q := &s.live[r]
		k := min(room, q.left)
		took += w.Step.Prefill(float64(k), float64(q.Input-q.left))
		w.chunks = append(w.chunks, chunk{r, k})
		room -= k
	}
	return took
}

// finish is the end of w's step.
func (s *state) finish(w *server) {
	if w.decoding > 0 {
		keep := w.running[:0]
		for _, r := range w.running {
			s.token(r)
			if !s.ended(r) {
				keep = append(keep, r)
			}
		}
		w.running = keep
	}
	for _, c := range w.chunks {
		q := &s.live[c.request]
		if q.left -= c.tokens; q.left > 0 {
			continue
		}
		w.waiting, w.started = w.waiting[1:], w.started-1 // prompts end in order
		if w.Role == Prefill {
			move := 0.0
			if s.plan.Transfer != nil {
				move = s.plan.Transfer(float64(q.Input))
			}
			s.push(s.now+move, handed, c.request)
			continue
		}
		s.token(c.request)
		if !s.ended(c.request) {
			w.running = append(w.running, c.request)
		}
	}
	s.step(w)
}

func (s *state) token(r int) { s.trace[r].Tokens = append(s.trace[r].Tokens, s.now) }

// ended says whether r has all its tokens; a closed loop then sends another.
func (s *state) ended(r int) bool {
	if len(s.trace[r].Tokens) < s.live[r].Output {
		return false
	}
	if s.plan.Concurrency > 0 && s.sent < len(s.live) {
		s.push(s.now, arrive, s.sent)
		s.sent++
	}
	return true
}

// Requests are the traces as a benchmark would have seen them.
func Requests(traces []Trace) []metric.Request {
	out := make([]metric.Request, len(traces))
	for i, t := range traces {
		out[i] = metric.Request{Start: t.Start, OK: true, Chunks: make([]metric.Chunk, len(t.Tokens))}
		for k, at := range t.Tokens {
			out[i].Chunks[k] = metric.Chunk{At: at, Tokens: 1}
		}
	}
	return out
}

// End is when the last token came.
func End(traces []Trace) float64 {
	var end float64
	for _, t := range traces {
		if n := len(t.Tokens); n > 0 {
			end = max(end, t.Tokens[n-1])
		}
	}
	return end
}
