package load

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/topology/load/sse"
)

// client sends requests and reads their answers.
type client struct {
	http   *http.Client
	config Config
	limits Limits
	clock  clock
	url    string
	chunk  func() // called for every chunk; nil: not
}

// newClient has one connection a request in flight, kept for the next. HTTP/2 is
// refused, since one connection for all would make streams wait for each other,
// and so is a proxy, since its time would count as the server's.
func newClient(c Config, k clock) *client {
	l := c.Limits.filled()
	t := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 30 * time.Second}).DialContext,
		MaxIdleConnsPerHost: l.InFlight,
		IdleConnTimeout:     2 * time.Minute,
		DisableCompression:  true,
		TLSNextProto:        map[string]func(string, *tls.Conn) http.RoundTripper{},
		ReadBufferSize:      16 << 10,
		WriteBufferSize:     64 << 10,
	}
	path := "/v1/chat/completions"
	if c.Endpoint.API == Completion || c.Endpoint.API == TokenIDs {
		path = "/v1/completions"
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client{http: &http.Client{Transport: t, CheckRedirect: stay}, config: c, limits: l, clock: k, url: c.Endpoint.base() + path}
}

// Why a request's context was ended; they are causes, not errors of their own.
var (
	errFirst   = errors.New("no first chunk in time")
	errStall   = errors.New("no further chunk in time")
	errRequest = errors.New("no end in time")
)

// send one request and read its answer to the end. It fills in r.
func (c *client) send(ctx context.Context, r *Request, body []byte) {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	whole := time.AfterFunc(c.limits.Request, func() { end(errRequest) })
	defer whole.Stop()
	quiet := time.AfterFunc(c.limits.First, func() {
		end(errFirst)
	})
	defer func() { quiet.Stop() }()
	trace := &httptrace.ClientTrace{
		GotConn:      func(i httptrace.GotConnInfo) { r.Reused = i.Reused },
		WroteRequest: func(httptrace.WroteRequestInfo) { r.Wrote = c.clock.mono() },
	}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		r.Kind, r.Error = Connect, short(err.Error())
		return
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("X-Request-Id", fmt.Sprintf("bench-%d", r.N))
	for name, value := range c.config.Endpoint.Headers {
		req.Header.Set(name, value)
	}
	if c.config.Endpoint.Key != "" {
		req.Header.Set("Authorization", "Bearer "+c.config.Endpoint.Key)
	}
	r.Sent = c.clock.mono()
	res, err := c.http.Do(req)
	if err != nil {
		r.End = c.clock.mono()
		r.Kind, r.Error = c.why(ctx, err, Connect)
		return
	}
	defer res.Body.Close()
	r.Status = res.StatusCode
	if res.StatusCode != http.StatusOK {
		c.refused(r, res)
	} else {
		switch kind, text := c.read(ctx, r, res, quiet, end); {
		case kind != "":
			r.Kind, r.Error = kind, text
		default:
			r.Kind = Fine
		}
	}
	if r.End == 0 {
		r.End = c.clock.mono()
	}
}

// refused is an answer that is no 200.
func (c *client) refused(r *Request, res *http.Response) {
	body, _ := io.ReadAll(io.LimitReader(res.Body, 4096)) // what there is of it is enough
	r.End = c.clock.mono()
	r.Error = fmt.Sprintf("HTTP %d: %s", res.StatusCode, explain(body))
	switch {
	case res.StatusCode == http.StatusTooManyRequests:
		r.Kind = Throttled
	case res.StatusCode >= 500:
		r.Kind = Server
	default:
		r.Kind = Refused
	}
}

// why tells apart who ended a request.
func (c *client) why(ctx context.Context, err error, otherwise Kind) (Kind, string) {
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errFirst):
		return Late, fmt.Sprintf("no first chunk within %s", c.limits.First)
	case errors.Is(cause, errStall):
		return Stalled, fmt.Sprintf("the stream fell silent for %s", c.limits.Stall)
	case errors.Is(cause, errRequest):
		return Late, fmt.Sprintf("no end within %s", c.limits.Request)
	case cause != nil:
		return Cancelled, "the run was stopped"
	}
	return otherwise, short(err.Error())
}

// read the stream. The empty kind is a stream that came through.
func (c *client) read(ctx context.Context, r *Request, res *http.Response, quiet *time.Timer, end func(error)) (Kind, string) {
	if kind := res.Header.Get("Content-Type"); strings.HasPrefix(kind, "application/json") {
		return Whole, "a stream was asked for and the answer came in one piece, so nothing can be said of its first token"
	}
	text, done := 0, false // chunks with text; [DONE] was seen
	var used *usage
	reader := sse.New(res.Body, c.limits.Event, c.clock.mono)
	for !done {
		got, err := reader.Next()
		if err != nil {
			r.End = c.clock.mono()
			if kind, why := c.stopped(ctx, r, err); kind != "" {
				return kind, why
			}
			break
		}
		if string(bytes.TrimSpace(got.Data)) == "[DONE]" {
			done = true
			break
		}
		g, ordinary := look(got.Data)
		if !ordinary {
			var e event
			if err := json.Unmarshal(got.Data, &e); err != nil {
				return Garbled, fmt.Sprintf("chunk %d is no JSON of the right shape: %s", len(r.Chunks)+1, short(err.Error()))
			}
			if f := e.failure(); f != "" {
				return Broken, "the server broke the stream off: " + short(f)
			}
			if e.Usage != nil {
				used = e.Usage
			}
			g = e.glance()
		}
		if len(g.model) > 0 && string(g.model) != c.config.Endpoint.Model && r.Model == "" {
			r.Model = short(string(g.model))
		}
		if !g.choices {
			continue
		}
		if n := len(r.Chunks); n > 0 && got.At < r.Chunks[n-1] {
			return Garbled, "the clock of this machine went backwards"
		}
		if len(r.Chunks) == 0 {
			// The first timer has done its work; from here silence is a stall.
			if !quiet.Stop() {
				return Late, fmt.Sprintf("no first chunk within %s", c.limits.First)
			}
			quiet = time.AfterFunc(c.limits.Stall, func() { end(errStall) })
			defer quiet.Stop()
		} else {
			quiet.Reset(c.limits.Stall)
		}
		r.Chunks = append(r.Chunks, got.At)
		if c.chunk != nil {
			c.chunk()
		}
		if g.says {
			text++
		}
		if len(g.finish) > 0 {
			r.Finish = short(string(g.finish))
		}
		if len(r.Chunks) > allowed(r.Asked) {
			return Flooded, fmt.Sprintf("%d chunks came for %d tokens that were asked for", len(r.Chunks), r.Asked)
		}
	}
	return c.count(r, used, text, done)
}

// stopped is what an error of the reader means; "" is an end that may be clean.
func (c *client) stopped(ctx context.Context, r *Request, err error) (Kind, string) {
	switch {
	case errors.Is(err, io.EOF) && context.Cause(ctx) == nil:
		return "", ""
	case errors.Is(err, sse.ErrLine):
		return Garbled, fmt.Sprintf("an event is longer than %d bytes", c.limits.Event)
	}
	kind, why := c.why(ctx, err, Cut)
	if kind == Cut {
		why = fmt.Sprintf("the stream was cut after %d chunks: %s", len(r.Chunks), why)
	}
	return kind, why
}

// count the tokens of an answer that ended, and say when it did not really.
func (c *client) count(r *Request, used *usage, text int, done bool) (Kind, string) {
	switch {
	case len(r.Chunks) == 0:
		return Empty, "the stream had no chunk"
	case !done && r.Finish == "":
		return Cut, fmt.Sprintf("the stream ended after %d chunks without a finish_reason or [DONE]", len(r.Chunks))
	}
	if used != nil && used.Prompt > 0 {
		r.Input = used.Prompt
	}
	switch {
	case used != nil && used.Completion > 0 && used.Completion <= mostTokens:
		r.Output, r.Counted = used.Completion, ByUsage
	case r.Finish == "length":
		r.Output, r.Counted = r.Asked, ByLength
	default:
		r.Output, r.Counted = text, ByChunks
	}
	return "", ""
}
