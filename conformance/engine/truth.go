package engine

import (
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// Truth is what the engine meant to do with a request, and what it did. Times
// are seconds, offsets from Arrived plus Queued unless they say otherwise.
type Truth struct {
	N       int     `json:"n"`
	ID      string  `json:"id,omitempty"` // X-Request-Id
	Arrived int64   `json:"arrived_ns"`   // wall clock, Unix nanoseconds
	Queued  float64 `json:"queued_s"`     // before a seat was free
	TTFT    float64 `json:"ttft_s"`       // scripted: from the seat to the first chunk
	Last    float64 `json:"last_s"`       // scripted: from the seat to the last chunk that was sent
	Input   int     `json:"input_tokens"`
	Tokens  int     `json:"output_tokens"` // sent
	Chunks  int     `json:"chunks"`
	First   float64 `json:"first_late_s"` // by which the first chunk was later than scripted
	Late    float64 `json:"late_s"`       // the most by which any was
	End     string  `json:"end"`          // done, whole, left (the client went), or the kind of fault
	Sent    []int64 `json:"sent_ns,omitempty"`

	record   bool
	admitted time.Time
}

// TPOT that was scripted: (last - first) / (tokens - 1), 0 for fewer than two tokens.
func (t Truth) TPOT() float64 {
	if t.Tokens < 2 {
		return 0
	}
	return (t.Last - t.TTFT) / float64(t.Tokens-1)
}

// sent notes that a chunk scripted for offset goes out now.
func (t *Truth) sent(offset time.Duration) {
	now := time.Now()
	t.Chunks++
	late := now.Sub(t.admitted.Add(offset)).Seconds()
	if t.Chunks == 1 {
		t.First = late
	}
	t.Late = max(t.Late, late)
	if t.record {
		t.Sent = append(t.Sent, now.UnixNano())
	}
}

// record keeps the truths of the last requests.
type record struct {
	mu  sync.Mutex
	all []*Truth
}

// mostTruths bounds what is kept; older ones go.
const mostTruths = 100_000

func (r *record) add(t *Truth) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.all) >= mostTruths {
		r.all = append(r.all[:0], r.all[mostTruths/2:]...)
	}
	r.all = append(r.all, t)
}

func (r *record) serve(w http.ResponseWriter, _ *http.Request) {
	r.mu.Lock()
	all := append([]*Truth(nil), r.all...)
	r.mu.Unlock()
	w.Header().Set("Content-Type", "application/jsonl")
	out := json.NewEncoder(w)
	for _, t := range all {
		if out.Encode(t) != nil {
			return
		}
	}
}
