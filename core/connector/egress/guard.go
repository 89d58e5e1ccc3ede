package egress

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// guard stands before the transport: every request, a redirect's too, passes.
type guard struct {
	Config
	origin string
	next   http.RoundTripper
}

// credentials never come from whoever made the request: only a declared header
// may carry them.
var credentials = []string{"Authorization", "Proxy-Authorization", "Cookie"}

func (g *guard) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := checkURL(r.URL, g.Plaintext); err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	for _, name := range credentials {
		r.Header.Del(name)
	}
	if origin(r.URL) == g.origin {
		for _, h := range g.Headers {
			value, err := h.read(g.Lookup)
			if err != nil {
				return nil, err
			}
			r.Header.Set(h.Name, value)
		}
	}
	resp, err := g.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = g.bounded(resp.Body)
	return resp, nil
}

// CloseIdleConnections lets http.Client reach the transport's.
func (g *guard) CloseIdleConnections() {
	if t, ok := g.next.(*http.Transport); ok {
		t.CloseIdleConnections()
	}
}

// redirect decides about one. Every hop's address is checked when it is dialled.
func (g *guard) redirect(r *http.Request, via []*http.Request, limit int) error {
	from := via[len(via)-1].URL
	switch {
	case limit < 0:
		return refuse("redirect", "%s redirects, and redirects are not followed here", from.Hostname())
	case len(via) > limit:
		return refuse("redirect", "%s redirects more than %d times", via[0].URL.Hostname(), limit)
	case from.Scheme == "https" && r.URL.Scheme != "https":
		return refuse("redirect", "%s redirects from https to %s", from.Hostname(), r.URL.Scheme)
	}
	if err := checkURL(r.URL, g.Plaintext); err != nil {
		return err
	}
	if origin(r.URL) == g.origin {
		return nil
	}
	if r.ContentLength != 0 && r.Body != nil && r.Body != http.NoBody {
		return refuse("redirect", "%s redirects a request with its content to %s, which is another server: declare that address if it is right", from.Hostname(), r.URL.Hostname())
	}
	// Only what says what is wanted goes along; sessions and keys stay behind.
	for name := range r.Header {
		switch name {
		case "Accept", "Accept-Language", "User-Agent", "Mcp-Protocol-Version":
		default:
			r.Header.Del(name)
		}
	}
	return nil
}

func (g *guard) bounded(body io.ReadCloser) io.ReadCloser {
	limit := or(g.BodyLimit, 64<<20)
	quiet := or(g.Quiet, 5*time.Minute)
	if limit < 0 && quiet < 0 {
		return body
	}
	b := &bounded{body: body, left: limit, endless: limit < 0, limit: limit}
	if quiet > 0 {
		b.quiet = quiet
		b.timer = time.AfterFunc(quiet, func() {
			b.mu.Lock()
			b.stalled = true
			b.mu.Unlock()
			_ = body.Close()
		})
	}
	return b
}

// bounded is a body with an end, and with a longest silence.
type bounded struct {
	body    io.ReadCloser
	left    int64
	limit   int64
	endless bool
	quiet   time.Duration
	timer   *time.Timer

	mu      sync.Mutex
	stalled bool
}

func (b *bounded) Read(p []byte) (int, error) {
	if !b.endless && int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.body.Read(p)
	if b.timer != nil && err == nil {
		b.timer.Reset(b.quiet)
	}
	if !b.endless {
		b.left -= int64(n)
		if b.left < 0 {
			return n - 1, refuse("size", "the answer has more than %d bytes", b.limit)
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.stalled {
			err = refuse("quiet", "the answer stopped: no byte for %s", b.quiet)
		}
	}
	return n, err
}

func (b *bounded) Close() error {
	if b.timer != nil {
		b.timer.Stop()
	}
	return b.body.Close()
}
