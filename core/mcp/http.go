package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

const (
	headerRevision = "Mcp-Protocol-Version"
	headerSession  = "Mcp-Session-Id"
)

// Handler is everything that is served over HTTP: /mcp, /mcp/NAME, /healthz,
// /readyz and the open paths.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", s.ready)
	for path, h := range s.config.Open {
		if !strings.Contains(path, "/.well-known/") { // what clients read before they know anything
			h = s.places(s.bounded(h))
		}
		mux.Handle(path, h)
	}
	guarded := http.Handler(http.HandlerFunc(s.serve))
	if s.config.Auth != nil {
		guarded = s.config.Auth(guarded)
	}
	guarded = s.places(guarded)
	mux.Handle("/mcp", guarded)
	mux.Handle("/mcp/", guarded)
	return mux
}

// bounded gives an open handler the bounds of the rest: a body is read in time, and
// nothing begins while the server is stopping.
func (s *Server) bounded(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.flights.draining() {
			say(w, http.StatusServiceUnavailable, "shutting down")
			return
		}
		_ = http.NewResponseController(w).SetReadDeadline(s.config.Now().Add(s.limits.Read)) // a writer without deadlines is a test's
		h.ServeHTTP(w, r)
	})
}

func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	if s.flights.draining() {
		say(w, http.StatusServiceUnavailable, "shutting down")
		return
	}
	if s.config.Ready != nil {
		if err := s.config.Ready(r.Context()); err != nil {
			say(w, http.StatusServiceUnavailable, "not ready: "+err.Error())
			return
		}
	}
	say(w, http.StatusOK, "ready")
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n")
}

// transports are the SDK's two handlers: it serves 2026-07-28 without sessions
// and older revisions with them, and cannot do both in one. Which one a request
// is for is decided in serve. Sizes, hosts and idle sessions are looked after
// here, so the SDK's own limits are off.
func (s *Server) transports() (now, old http.Handler) {
	find := func(r *http.Request) *sdk.Server {
		if v := visitOf(r.Context()); v != nil {
			return v.server
		}
		return nil
	}
	now = sdk.NewStreamableHTTPHandler(find, &sdk.StreamableHTTPOptions{
		Stateless: true, MaxRequestBodyBytes: -1, DisableLocalhostProtection: true, PropagateRequestCancellation: true})
	old = sdk.NewStreamableHTTPHandler(find, &sdk.StreamableHTTPOptions{
		MaxRequestBodyBytes: -1, DisableLocalhostProtection: true, EventStore: newReplay(s.limits.Replay, s.sessions.ended)})
	return now, old
}

// probe is what has to be known of a message before the SDK reads it.
type probe struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params struct {
		Name            string          `json:"name"`
		ProtocolVersion string          `json:"protocolVersion"`
		ClientInfo      json.RawMessage `json:"clientInfo"`
		Capabilities    json.RawMessage `json:"capabilities"`
		Meta            struct {
			Revision     string          `json:"io.modelcontextprotocol/protocolVersion"`
			Info         json.RawMessage `json:"io.modelcontextprotocol/clientInfo"`
			Capabilities json.RawMessage `json:"io.modelcontextprotocol/clientCapabilities"`
		} `json:"_meta"`
	} `json:"params"`
}

// serve is /mcp and /mcp/NAME behind authentication.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	principal, ok := s.config.Principal(r.Context())
	if !ok {
		w.Header().Set("WWW-Authenticate", "Bearer")
		say(w, http.StatusUnauthorized, "Nobody is known by these credentials. Send an Authorization header with a bearer token.")
		return
	}
	point, ok := s.points[strings.TrimSuffix(r.URL.Path, "/")]
	if !ok {
		say(w, http.StatusNotFound, "Nothing is served at this path. The surface is at /mcp.")
		return
	}
	in, why := s.flights.enter(principal)
	if why != "" {
		refuse(w, why)
		return
	}
	defer in.leave()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.base, cancel)()
	r = r.WithContext(ctx)
	w = &patient{ResponseWriter: w, within: s.limits.Write, now: s.config.Now}

	var p probe
	if r.Method == http.MethodPost {
		if !s.read(w, r, &p) {
			return
		}
	}
	if r.Method == http.MethodGet || p.Method == "subscriptions/listen" {
		if why := in.streams(); why != "" {
			refuse(w, why)
			return
		}
	}
	v := &visit{principal: principal, via: "http"}
	revision := r.Header.Get(headerRevision)
	if revision >= rev2026 || revision == "" && p.Params.Meta.Revision >= rev2026 {
		s.stateless(w, r, point, v, &p)
		return
	}
	s.stateful(w, r, point, v, &p)
}

func refuse(w http.ResponseWriter, why string) {
	w.Header().Set("Retry-After", "1")
	if why == busyDraining {
		w.Header().Set("Connection", "close")
		say(w, http.StatusServiceUnavailable, why)
		return
	}
	say(w, http.StatusTooManyRequests, why)
}

// read takes the body in, within the bounds of size and time, and looks at it.
// What is no message is left for the SDK to say.
func (s *Server) read(w http.ResponseWriter, r *http.Request, p *probe) bool {
	conn := http.NewResponseController(w)
	_ = conn.SetReadDeadline(s.config.Now().Add(s.limits.Read))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.limits.Body))
	if err != nil {
		w.Header().Set("Connection", "close") // what is left of the body is not waited for
	} else {
		_ = conn.SetReadDeadline(time.Time{}) // the connection is read on while a stream is open
	}
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		say(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("The request is larger than %d bytes. Send less, or put the content where it can be referred to.", large.Limit))
		return false
	}
	if err != nil {
		say(w, http.StatusBadRequest, "The request could not be read: it was cut off or came too slowly.")
		return false
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	_ = json.Unmarshal(body, p)
	return true
}

func (s *Server) stateless(w http.ResponseWriter, r *http.Request, point endpoint, v *visit, p *probe) {
	if r.Method == http.MethodPost {
		h := Hello{Revision: p.Params.Meta.Revision, Info: p.Params.Meta.Info, Capabilities: p.Params.Meta.Capabilities}
		server, done, err := point.request(r.Context(), v, h, p)
		if err != nil {
			s.unopened(w, p, err)
			return
		}
		defer done()
		v.server, v.request = server, string(p.ID)
	}
	s.now.ServeHTTP(w, r.WithContext(withVisit(r.Context(), v)))
}

func (s *Server) stateful(w http.ResponseWriter, r *http.Request, point endpoint, v *visit, p *probe) {
	if id := r.Header.Get(headerSession); id != "" {
		leave, ok := s.sessions.enter(id, r.URL.Path, v.principal)
		if !ok {
			// The same words whether it ended, never was, or is somebody else's.
			say(w, http.StatusNotFound, "There is no such session. Initialize a new one.")
			return
		}
		defer leave()
		s.old.ServeHTTP(w, r.WithContext(withVisit(r.Context(), v)))
		return
	}
	if r.Method != http.MethodPost || p.Method != "initialize" {
		if r.Method == http.MethodPost && p.Method != "" {
			wireError(w, http.StatusBadRequest, p.ID, jsonrpc.CodeInvalidRequest,
				"There is no session yet. Send initialize first, or speak revision "+rev2026+", which has none.")
			return
		}
		s.old.ServeHTTP(w, r.WithContext(withVisit(r.Context(), v)))
		return
	}
	entry, why := s.sessions.open(r.URL.Path, v.principal)
	if why != "" {
		refuse(w, why)
		return
	}
	entry.revision = p.Params.ProtocolVersion // nobody ends it before there is a session
	defer s.sessions.settle(entry)
	v.session, v.live = entry.id, entry.bind
	h := Hello{Revision: p.Params.ProtocolVersion, Info: p.Params.ClientInfo, Capabilities: p.Params.Capabilities}
	server, done, err := point.session(r.Context(), v, h)
	if err != nil {
		s.unopened(w, p, err)
		return
	}
	entry.closes(done)
	v.server = server
	s.old.ServeHTTP(w, r.WithContext(withVisit(r.Context(), v)))
}

// unopened says that there is nobody behind a path at the moment.
func (s *Server) unopened(w http.ResponseWriter, p *probe, err error) {
	var problem *Problem
	text := "The server behind this path does not answer. Try again later."
	if errors.As(err, &problem) {
		text = problem.Error()
	} else {
		s.log.Warn("opening a connector", "error", err)
	}
	wireError(w, http.StatusBadGateway, p.ID, jsonrpc.CodeInternalError, text)
}

func wireError(w http.ResponseWriter, status int, id json.RawMessage, code int64, text string) {
	if id == nil {
		id = json.RawMessage("null")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(object{{"jsonrpc", quote("2.0")}, {"id", id},
		{"error", object{{"code", json.RawMessage(fmt.Sprint(code))}, {"message", quote(text)}}.bytes()}}.bytes())
}

// patient gives a client a time to take each message, not a time to take all: a
// stream may last for hours.
type patient struct {
	http.ResponseWriter
	within time.Duration
	now    func() time.Time
}

func (p *patient) Write(b []byte) (int, error) {
	_ = http.NewResponseController(p.ResponseWriter).SetWriteDeadline(p.now().Add(p.within))
	return p.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController flush.
func (p *patient) Unwrap() http.ResponseWriter { return p.ResponseWriter }
