// Package fakehttp is the part of a fake model API that has nothing to do with
// which API it is: a server on 127.0.0.1 that plays prepared replies, as broken
// as a test wants them, and writes down what it was asked. It is for tests alone
// and knows no API's words.
//
//	server := fakehttp.New(t, refuse, fakehttp.Reply{Events: events, Chunk: 7})
//	... // a client asks server.URL
//	asked := server.Requests()[0].Body["messages"]
//	left := <-server.Gone() // when the client went away in the middle
package fakehttp

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
	Body   map[string]any // nil when it is no JSON object
	Raw    string
	At     time.Time
	From   string // the client's end of the connection
}

// Server plays replies in order; the last one is played for ever.
type Server struct {
	URL string

	refuse   func(Request) *Reply
	mu       sync.Mutex
	replies  []Reply
	requests []Request
	gone     chan time.Time
	running  int
	most     int
}

// New starts a server that ends with the test. refuse answers what the API
// would refuse, or that needs no prepared reply; nil from it plays the next one.
func New(t TB, refuse func(Request) *Reply, replies ...Reply) *Server {
	t.Helper()
	s := &Server{refuse: refuse, replies: replies, gone: make(chan time.Time, 64)}
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	s.URL = h.URL
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
	req := Request{Path: r.URL.Path, Header: r.Header.Clone(), Raw: string(raw), At: time.Now(), From: r.RemoteAddr}
	if json.Unmarshal(raw, &req.Body) != nil {
		req.Body = nil
	}
	reply := s.refuse(req)
	s.mu.Lock()
	s.requests = append(s.requests, req)
	s.running++
	s.most = max(s.most, s.running)
	if reply == nil && len(s.replies) > 0 {
		reply = &s.replies[0]
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
	if reply == nil {
		reply = &Reply{Status: http.StatusTeapot, Body: "this test prepared no reply"}
	}
	s.play(w, r, *reply, over)
}

func (s *Server) play(w http.ResponseWriter, r *http.Request, reply Reply, over func()) {
	if reply.Drop {
		panic(http.ErrAbortHandler) // net/http's way to break a connection
	}
	w.Header().Set("Content-Type", "application/json")
	parts := []string{reply.Body}
	if reply.Events != nil {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		parts = reply.Events
	}
	for k, v := range reply.Header {
		w.Header().Set(k, v)
	}
	w.WriteHeader(cmp.Or(reply.Status, http.StatusOK))
	flusher := http.NewResponseController(w)
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
