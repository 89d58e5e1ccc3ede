package label

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

//go:embed page.html
var pageHTML []byte

//go:embed page.css
var pageCSS []byte

//go:embed page.js
var pageJS []byte

// Door is where the page is served.
type Door struct {
	Port  int              // of 127.0.0.1; 0 takes one that is free
	Ready func(url string) // told the page's address, with its token
}

// policy lets the page load its own two files and ask its own server, and nothing
// else: no script or style within the page, no image, no frame, no address outside.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// maxAnswer bounds what the page sends.
const maxAnswer = 4 << 10

// Serve shows the page until the person ends the session there or ctx is done;
// neither is an error. Only who has the address with its token is answered, on
// this machine's own address, by a page of the same origin.
func (s *Session) Serve(ctx context.Context, d Door) error {
	token := make([]byte, 16)
	if _, err := rand.Read(token); err != nil {
		return fmt.Errorf("making the page's token: %w", err)
	}
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(d.Port)))
	if err != nil {
		return fmt.Errorf("opening the page: %w", err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return errors.Join(fmt.Errorf("opening the page: %w", err), listener.Close())
	}
	ended := make(chan struct{})
	server := serverOf(s.handler(hex.EncodeToString(token), port, ended))
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	if d.Ready != nil {
		d.Ready(fmt.Sprintf("http://127.0.0.1:%s/%s/", port, hex.EncodeToString(token)))
	}
	select {
	case <-ctx.Done():
	case <-ended:
	case err := <-failed:
		return fmt.Errorf("serving the page: %w", err)
	}
	down, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := server.Shutdown(down); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("closing the page: %w", err)
	}
	return ignoreClosed(server.Close())
}

// serverOf bounds what a request may take. Between two of them a person reads, and
// without a limit of its own that would be bounded as a request is.
func serverOf(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 60 * time.Second,
		IdleTimeout: time.Hour, MaxHeaderBytes: 16 << 10,
	}
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// handler answers the page. ended is closed when the person ends the session.
func (s *Session) handler(token, port string, ended chan struct{}) http.Handler {
	hosts := []string{"127.0.0.1:" + port, "localhost:" + port}
	mux := http.NewServeMux()
	file := func(path, kind string, body []byte) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			_, _ = w.Write(body) // the browser went away: there is nobody to tell
		})
	}
	file("/{$}", "text/html; charset=utf-8", pageHTML)
	file("/page.css", "text/css; charset=utf-8", pageCSS)
	file("/page.js", "text/javascript; charset=utf-8", pageJS)
	mux.HandleFunc("GET /now", func(w http.ResponseWriter, _ *http.Request) { s.reply(w, nil) })
	post := func(path string, do func(id, answer string) error) {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			id, answer, err := asked(r)
			if err == nil {
				err = do(id, answer)
			}
			s.reply(w, err)
		})
	}
	post("/answer", s.Answer)
	post("/skip", func(id, _ string) error { return s.Skip(id) })
	post("/undo", func(string, string) error { return s.Undo() })
	post("/end", func(string, string) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		select {
		case <-ended:
		default:
			close(ended)
		}
		return nil
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		// Another name for this address is how a page of the network reaches it
		// (DNS rebinding).
		if r.Host != hosts[0] && r.Host != hosts[1] {
			http.Error(w, "This page is served on 127.0.0.1 alone.", http.StatusForbidden)
			return
		}
		rest := strings.TrimPrefix(r.URL.Path, "/")
		given, rest, found := strings.Cut(rest, "/")
		if !found || subtle.ConstantTimeCompare([]byte(given), []byte(token)) != 1 {
			http.Error(w, "There is nothing here. Open the address that plimsoll judge label printed, with its token.", http.StatusNotFound)
			return
		}
		if r.Method != http.MethodGet && r.Header.Get("Origin") != "http://"+r.Host {
			http.Error(w, "Answers are taken from the page itself alone.", http.StatusForbidden)
			return
		}
		inner := r.Clone(r.Context())
		inner.URL.Path, inner.URL.RawPath = "/"+rest, ""
		mux.ServeHTTP(w, inner)
	})
}

// asked reads what the page sends.
func asked(r *http.Request) (id, answer string, err error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return "", "", errors.New("an answer is JSON")
	}
	var doc struct {
		ID     string `json:"id"`
		Answer string `json:"answer"`
	}
	d := json.NewDecoder(io.LimitReader(r.Body, maxAnswer))
	d.DisallowUnknownFields()
	if err := d.Decode(&doc); err != nil {
		return "", "", fmt.Errorf("an answer is JSON: %w", err)
	}
	return doc.ID, doc.Answer, nil
}

// reply is the state after what was asked; what went wrong stands in it.
func (s *Session) reply(w http.ResponseWriter, err error) {
	state, code := s.Now(), http.StatusOK
	if err != nil {
		state.Error, code = err.Error(), http.StatusUnprocessableEntity
		if errors.Is(err, ErrStale) {
			code = http.StatusConflict
		}
	}
	raw, err := json.Marshal(state)
	if err != nil {
		http.Error(w, "The state cannot be written.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write(raw) // the browser went away: there is nobody to tell
}
