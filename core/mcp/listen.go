package mcp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"sync"
)

// ServeHTTP answers on the listener until Shutdown, and then returns nil. The
// listener is closed in the end. It may be called for several listeners.
func (s *Server) ServeHTTP(l net.Listener) error {
	h := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: s.limits.Read,
		IdleTimeout:       s.limits.KeepAlive,
		MaxHeaderBytes:    s.limits.Header,
		// What clients do wrong on the wire is theirs to know.
		ErrorLog: log.New(discard{}, "", 0),
	}
	s.mu.Lock()
	if s.flights.draining() {
		s.mu.Unlock()
		_ = l.Close()
		return nil
	}
	s.https = append(s.https, h)
	s.mu.Unlock()
	l = bound(l, s.limits.Connections)
	if s.config.TLS != nil {
		l = tls.NewListener(l, s.config.TLS)
	}
	if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving MCP on %s: %w", l.Addr(), err)
	}
	return nil
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// Shutdown refuses new requests with 503, waits until the running ones have ended
// or ctx has, then ends streams, sessions, listeners and connections. It returns
// ctx's error when running requests had to be cut off.
func (s *Server) Shutdown(ctx context.Context) error {
	err := s.flights.stop(ctx)
	s.end() // streams, and what did not end in time
	s.sessions.closeAll()
	s.mu.Lock()
	servers := s.https
	s.https = nil
	s.mu.Unlock()
	for _, h := range servers {
		if h.Shutdown(ctx) != nil {
			_ = h.Close()
		}
	}
	return err
}

// bounded lets at most so many connections be open; the next waits in the
// system's queue, which costs nothing here.
type bounded struct {
	net.Listener
	slots chan struct{}
	done  chan struct{}
	once  sync.Once
}

func bound(l net.Listener, most int) net.Listener {
	return &bounded{Listener: l, slots: make(chan struct{}, most), done: make(chan struct{})}
}

func (b *bounded) Accept() (net.Conn, error) {
	select {
	case b.slots <- struct{}{}:
	case <-b.done:
		return nil, net.ErrClosed
	}
	c, err := b.Listener.Accept()
	if err != nil {
		<-b.slots
		return nil, err
	}
	return &counted{Conn: c, free: sync.OnceFunc(func() { <-b.slots })}, nil
}

func (b *bounded) Close() error {
	b.once.Do(func() { close(b.done) })
	return b.Listener.Close()
}

type counted struct {
	net.Conn
	free func()
}

func (c *counted) Close() error {
	defer c.free()
	return c.Conn.Close()
}
