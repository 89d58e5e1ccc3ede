// Package fakeapi is an endpoint for tests that speaks OpenAI's API on
// 127.0.0.1: it plays prepared replies and writes down what it was asked. No
// model is behind it, and what it says is never evidence. It must not be lenient:
// a request that the API would refuse is answered as the API would.
//
//	server := fakeapi.New(t, fakeapi.Chat(fakeapi.Answer{Text: []string{"all ", "hands"}, Usage: usage}))
//	model, err := openai.New(map[string]any{"base_url": server.URL})
//	asked := server.Requests()[0].Body["messages"]
package fakeapi

import (
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"
)

// TB is the part of testing.TB that a server needs.
type TB interface {
	Helper()
	Cleanup(func())
}

// Reply is one prepared answer.
type Reply struct {
	Status int               // 0 is 200
	Header map[string]string // over the usual ones
	Body   string            // for answers that are no stream

	Events []string      // the stream: whole events, each with its blank line
	Chunk  int           // bytes per write, wherever that cuts; 0 writes event by event
	Pause  time.Duration // between writes
	Cut    bool          // the connection breaks after the last event
	Hang   bool          // nothing more comes until the client goes
	Drop   bool          // the connection breaks before any answer
}

// Request is what was asked.
type Request struct {
	Path   string
	Header http.Header
	Body   map[string]any
	Raw    string
	At     time.Time
}

// Server plays replies in order; the last one is played for ever.
type Server struct {
	URL string // with /v1

	mu       sync.Mutex
	replies  []Reply
	requests []Request
	gone     chan time.Time
	running  int
	most     int
}

// New starts a server that ends with the test.
func New(t TB, replies ...Reply) *Server {
	t.Helper()
	s := &Server{replies: replies, gone: make(chan time.Time, 64)}
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	s.URL = h.URL + "/v1"
	return s
}

// Requests are those that came until now.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Gone tells when a client went away in the middle of a reply.
func (s *Server) Gone() <-chan time.Time { return s.gone }

// Most is the largest number of requests that ran at a time.
func (s *Server) Most() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.most
}

// ServeHTTP answers.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	req := Request{Path: r.URL.Path, Header: r.Header.Clone(), Raw: string(raw), At: time.Now()}
	broken := json.Unmarshal(raw, &req.Body)
	s.mu.Lock()
	s.requests = append(s.requests, req)
	s.running++
	s.most = max(s.most, s.running)
	var reply Reply
	if len(s.replies) > 0 {
		reply = s.replies[0]
		if len(s.replies) > 1 {
			s.replies = s.replies[1:]
		}
	}
	s.mu.Unlock()
	// Over is before the last byte: a client may ask again as soon as it has that.
	over := sync.OnceFunc(func() {
		s.mu.Lock()
		s.running--
		s.mu.Unlock()
	})
	defer over()
	if broken != nil {
		reply = Reply{Status: 400, Body: Failure("We could not parse the JSON body of your request.", "invalid_request_error", "", "")}
	} else if wrong := refuse(req); wrong != "" {
		reply = Reply{Status: 400, Body: Failure(wrong, "invalid_request_error", "", "")}
	}
	s.play(w, r, reply, over)
}

func (s *Server) play(w http.ResponseWriter, r *http.Request, reply Reply, over func()) {
	if reply.Drop {
		panic(http.ErrAbortHandler) // net/http's way to break a connection
	}
	w.Header().Set("Content-Type", "application/json")
	if reply.Events != nil {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	}
	for k, v := range reply.Header {
		w.Header().Set(k, v)
	}
	w.WriteHeader(cmp.Or(reply.Status, http.StatusOK))
	flusher := http.NewResponseController(w)
	parts := reply.Events
	if reply.Events == nil {
		parts = []string{reply.Body}
	}
	if reply.Chunk > 0 {
		parts = split(strings.Join(parts, ""), reply.Chunk)
	}
	for i, part := range parts {
		if i > 0 && reply.Pause > 0 && !s.wait(r, reply.Pause) {
			return
		}
		if i == len(parts)-1 && !reply.Hang && !reply.Cut {
			over()
		}
		if _, err := io.WriteString(w, part); err != nil {
			s.left()
			return
		}
		if err := flusher.Flush(); err != nil {
			return
		}
	}
	if reply.Hang {
		s.wait(r, time.Minute)
	}
	if reply.Cut {
		panic(http.ErrAbortHandler)
	}
}

// wait waits, and tells when the client leaves meanwhile.
func (s *Server) wait(r *http.Request, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		s.left()
		return false
	}
}

func (s *Server) left() {
	select {
	case s.gone <- time.Now():
	default: // nobody counts that many
	}
}

func split(s string, n int) []string {
	var out []string
	for len(s) > n {
		out, s = append(out, s[:n]), s[n:]
	}
	return append(out, s)
}

// refuse says what the API would find wrong with a request.
func refuse(req Request) string {
	if req.Body["model"] == nil || req.Body["model"] == "" {
		return "you must provide a model parameter"
	}
	switch {
	case strings.HasSuffix(req.Path, "/chat/completions"):
		list, _ := req.Body["messages"].([]any)
		if len(list) == 0 {
			return "Invalid 'messages': empty array. Expected an array with minimum length 1."
		}
		for _, m := range list {
			if role := m.(map[string]any)["role"]; role != "system" && role != "user" && role != "assistant" && role != "tool" {
				return "Invalid value: 'messages[0].role'."
			}
		}
		if req.Body["tool_choice"] != nil && req.Body["tools"] == nil {
			return "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified."
		}
	case strings.HasSuffix(req.Path, "/responses"):
		if list, _ := req.Body["input"].([]any); len(list) == 0 {
			return "Missing required parameter: 'input'."
		}
		for _, name := range []string{"stop", "seed", "messages", "max_tokens"} {
			if req.Body[name] != nil {
				return "Unknown parameter: '" + name + "'."
			}
		}
	}
	return ""
}

// Failure is the body of an error as the API writes it.
func Failure(text, kind, code, param string) string {
	null := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	raw, err := json.MarshalIndent(map[string]any{"error": map[string]any{"message": text, "type": kind, "param": null(param), "code": null(code)}}, "", "    ")
	if err != nil {
		panic(err) // strings are always JSON
	}
	return string(raw)
}
