// Package engine is a fake serving engine: it speaks the HTTP of vLLM, computes
// nothing, and takes its delays and its failures from a script, so that what a
// load generator measures and what a launcher makes of a failure can be compared
// with a truth that is known exactly. Everything it says is simulated.
//
// It runs as a process of its own (conformance/cmd/fake-engine) with the command
// line of `vllm serve`. It must not be used to learn anything of a real engine:
// its batches, where they are scripted at all, are one factor.
//
//	fake-engine serve some/model --port 8001 --tensor-parallel-size 2
//	fake-engine serve some/model --port 0 --fake-ttft 80ms --fake-tpot 12ms
//	FAKE_ENGINE_SCRIPT='{"start":{"fail":"oom"}}' fake-engine serve some/model
//	fake-engine serve some/model --fake-fault cut:20 --fake-warn attention-env
//	curl localhost:8001/fake/truth     # what it meant to do, and did, a line a request
package engine

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Engine is a running fake.
type Engine struct {
	script  Script
	launch  Launch
	began   time.Time
	seats   chan struct{} // of Batch.MaxRunning; nil without
	die     func()        // ends the process, as an engine that died
	metrics *metrics
	truth   *record
	timers  timers

	mu      sync.Mutex
	number  int // of the next request
	running int
	waiting int
}

// New makes an engine of what ParseArgs read. die is called when a fault tells
// the engine to die; it may be nil.
func New(l Launch, die func()) *Engine {
	e := &Engine{script: l.script, launch: l, began: time.Now(), die: die, metrics: newMetrics(), truth: &record{}}
	if n := l.script.Batch.MaxRunning; n > 0 {
		e.seats = make(chan struct{}, n)
	}
	if e.die == nil {
		e.die = func() {}
	}
	return e
}

// Handler serves the engine's API:
//
//	GET  /health /ping /version /v1/models /metrics
//	POST /v1/chat/completions /v1/completions
//	GET  /fake/launch   the command line and the environment as JSON
//	GET  /fake/truth    Truth of every request that ended, as JSON lines
func (e *Engine) Handler() http.Handler {
	mux := http.NewServeMux()
	ok := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }
	mux.HandleFunc("GET /health", ok)
	mux.HandleFunc("GET /ping", ok)
	mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"version": e.script.Version})
	})
	mux.HandleFunc("GET /v1/models", e.keyed(e.models))
	mux.HandleFunc("GET /metrics", e.scrape)
	mux.HandleFunc("POST /v1/chat/completions", e.keyed(func(w http.ResponseWriter, r *http.Request) { e.generate(w, r, true) }))
	mux.HandleFunc("POST /v1/completions", e.keyed(func(w http.ResponseWriter, r *http.Request) { e.generate(w, r, false) }))
	mux.HandleFunc("GET /fake/launch", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, e.launch) })
	mux.HandleFunc("GET /fake/truth", e.truth.serve)
	return mux
}

// keyed asks for --api-key when there is one.
func (e *Engine) keyed(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if e.launch.Key != "" && strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ") != e.launch.Key {
			answer(w, http.StatusUnauthorized, map[string]string{"error": "Unauthorized"})
			return
		}
		next(w, r)
	}
}

func (e *Engine) models(w http.ResponseWriter, _ *http.Request) {
	type model struct {
		ID      string `json:"id"`
		Object  string `json:"object"`
		Created int64  `json:"created"`
		Owner   string `json:"owned_by"`
		Root    string `json:"root"`
		Length  int    `json:"max_model_len"`
	}
	list := []model{}
	for _, name := range e.launch.Served {
		list = append(list, model{ID: name, Object: "model", Created: e.began.Unix(), Owner: "vllm", Root: e.launch.Model, Length: 1 << 20})
	}
	answer(w, http.StatusOK, map[string]any{"object": "list", "data": list})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	raw, err := json.Marshal(body)
	if err != nil {
		raw = []byte(`{"error":{"message":"the fake could not write its answer"}}`)
	}
	w.Write(raw) //nolint:errcheck // the client may be gone, which is its affair
}

// refuse answers with an error as vLLM shapes it.
func refuse(w http.ResponseWriter, status int, kind, message string) {
	answer(w, status, map[string]any{"error": map[string]any{"message": message, "type": kind, "param": nil, "code": status}})
}

// enter counts a request in, waits for a seat, and gives its number. The
// returned function counts it out.
func (e *Engine) enter(r *http.Request) (n int, leave func(), ok bool) {
	e.mu.Lock()
	n = e.number
	e.number++
	e.waiting++
	e.mu.Unlock()
	if e.seats != nil {
		select {
		case e.seats <- struct{}{}:
		case <-r.Context().Done():
			e.mu.Lock()
			e.waiting--
			e.mu.Unlock()
			return n, nil, false
		}
	}
	e.mu.Lock()
	e.waiting--
	e.running++
	e.mu.Unlock()
	return n, func() {
		e.mu.Lock()
		e.running--
		e.mu.Unlock()
		if e.seats != nil {
			<-e.seats
		}
	}, true
}

// stretch is how much slower a token comes with what runs at this moment.
func (e *Engine) stretch() float64 {
	if e.script.Batch.Slowdown == 0 {
		return 1
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return 1 + e.script.Batch.Slowdown*float64(max(e.running-1, 0))
}
