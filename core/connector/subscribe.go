package connector

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/plimsoll-dev/plimsoll/core/connector/wire"
)

// Subscribe asks for Updated calls of one resource, on either revision.
func (s *Session) Subscribe(ctx context.Context, uri string) error {
	l, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	release := true
	defer func() {
		if release {
			l.release(s.c.host.Now())
		}
	}()
	s.mu.Lock()
	known := s.subs[uri] || s.stop[uri] != nil
	full := len(s.subs)+len(s.stop) >= maxSubscriptions
	s.mu.Unlock()
	if known {
		return nil
	}
	if full {
		return &Error{Kind: Busy, Connector: s.c.config.Name, Text: fmt.Sprintf("%d resources are subscribed to, which is the limit of one session", maxSubscriptions)}
	}
	if l.conn.Server().Revision == wire.Stateless {
		err := s.listen(ctx, l, uri)
		release = err != nil
		return err
	}
	l.mu.Lock()
	l.subs[uri]++
	first := l.subs[uri] == 1
	l.mu.Unlock()
	if first {
		if _, err := s.Raw(ctx, "resources/subscribe", &mcp.SubscribeParams{URI: uri}); err != nil {
			l.mu.Lock()
			l.subs[uri]--
			l.mu.Unlock()
			return err
		}
	}
	s.mu.Lock()
	s.subs[uri] = true
	s.mu.Unlock()
	return nil
}

const maxSubscriptions = 64

// listen holds a subscriptions/listen open for one resource.
func (s *Session) listen(ctx context.Context, l *lane, uri string) error {
	params, err := plainJSON(map[string]any{"notifications": map[string]any{"resourceSubscriptions": []string{uri}}})
	if err != nil {
		return err
	}
	run, cancel := context.WithCancel(s.life)
	under, ended := make(chan struct{}), make(chan error, 1)
	var once bool
	s.mu.Lock()
	if s.shut {
		s.mu.Unlock()
		cancel()
		return s.over()
	}
	s.stop[uri] = cancel
	s.wait.Add(1)
	s.mu.Unlock()
	go func() {
		defer s.wait.Done()
		defer func() { l.release(s.c.host.Now()) }()
		defer cancel()
		_, err := l.conn.Call(run, wire.Request{Method: "subscriptions/listen", Params: params, Caps: capabilities(s.o.Capabilities, s.o.Ask),
			Listen: func(any) {
				if !once {
					once = true
					close(under)
				}
			},
			Notify: func(method string, p json.RawMessage) { s.notified(l, method, p) }})
		s.mu.Lock()
		delete(s.stop, uri)
		s.mu.Unlock()
		ended <- err
	}()
	select {
	case <-under:
		return nil
	case err := <-ended:
		if err == nil {
			err = errors.New("the server ended the subscription at once")
		}
		return s.c.fail("", err)
	case <-ctx.Done():
		cancel()
		return s.c.gaveUp(ctx)
	}
}

// Unsubscribe ends them.
func (s *Session) Unsubscribe(ctx context.Context, uri string) error {
	s.mu.Lock()
	cancel := s.stop[uri]
	had := s.subs[uri]
	delete(s.subs, uri)
	s.mu.Unlock()
	if cancel != nil {
		cancel()
		return nil
	}
	if !had {
		return nil
	}
	l, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer func() { l.release(s.c.host.Now()) }()
	l.mu.Lock()
	l.subs[uri]--
	last := l.subs[uri] <= 0
	if last {
		delete(l.subs, uri)
	}
	l.mu.Unlock()
	if !last {
		return nil // another session still wants it
	}
	_, err = s.Raw(ctx, "resources/unsubscribe", &mcp.UnsubscribeParams{URI: uri})
	return err
}

// within tells whether a URI is what was subscribed to, or a part of it: below it on
// the path, or a fragment. A mere beginning in common is somebody else's.
func within(uri, of string) bool {
	rest, ok := strings.CutPrefix(uri, of)
	return ok && of != "" && (rest == "" || strings.HasSuffix(of, "/") || strings.ContainsRune("/#?", rune(rest[0])))
}

// wants: a server may announce a part of what was subscribed to.
func (s *Session) wants(uri string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for u := range s.subs {
		if within(uri, u) {
			return true
		}
	}
	for u := range s.stop {
		if within(uri, u) {
			return true
		}
	}
	return false
}
