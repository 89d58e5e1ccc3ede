package wire

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Endpoint is a server over streamable HTTP.
type Endpoint struct {
	URL    string
	Client *http.Client // from core/connector/egress; its body limit must be off, since bodies are bounded here
	Mask   func(string) string
}

// remote is a session over streamable HTTP: every request is a POST of its own,
// and what comes on its stream belongs to it.
type remote struct {
	*table
	at     Endpoint
	server Server

	mu      sync.Mutex
	session string // Mcp-Session-Id of 2025-11-25

	life   context.Context // ends with the session
	cancel context.CancelFunc
	once   sync.Once
	cause  error
	closed bool
	end    sync.WaitGroup
}

var _ Conn = (*remote)(nil)

// Dial shakes hands with a server over HTTP.
func Dial(ctx context.Context, at Endpoint, cfg Config) (Conn, error) {
	cfg = cfg.filled()
	if at.Mask == nil {
		at.Mask = func(s string) string { return s }
	}
	c := &remote{table: newTable(cfg), at: at}
	c.life, c.cancel = context.WithCancel(context.Background())
	var err error
	if cfg.Revision != Legacy && !(cfg.Revision == "" && cfg.Hint == Legacy) {
		probe, cancel := context.WithTimeout(ctx, cfg.Probe)
		c.server, err = discover(probe, c.callAs, &c.cfg)
		cancel()
		if err == nil {
			return c, nil
		}
		var f *Fault
		if cfg.Revision == Stateless || ctx.Err() != nil || errors.As(err, &f) && (f.Kind == Refused || f.Kind == Unauthorised || f.Kind == Network && f.Unsent) {
			_ = c.Close()
			return nil, startFault(err)
		}
	}
	if c.server, err = initialize(ctx, c.callAs, c.Send, &c.cfg); err != nil {
		_ = c.Close()
		return nil, startFault(err)
	}
	c.end.Add(1)
	go c.listen()
	return c, nil
}

// startFault keeps the kinds that say what to do, and makes the rest NoStart.
func startFault(err error) error {
	f := *asFault(err, NoStart)
	switch f.Kind {
	case Refused, Unauthorised, Network, Cancelled:
	case Timeout:
		f.Kind, f.Text = NoStart, "it did not answer the handshake in time"
	default:
		f.Kind = NoStart
	}
	return &f
}

func (c *remote) Call(ctx context.Context, r Request) (*Response, error) {
	return c.callAs(ctx, r, c.server.Revision)
}

func (c *remote) callAs(ctx context.Context, r Request, revision string) (*Response, error) {
	p, err := c.add(&r)
	if err != nil {
		return nil, err
	}
	defer c.drop(p)
	params, err := withMeta(&r, &c.cfg, revision, p.wireToken())
	if err != nil {
		return nil, fault(Protocol, "the parameters of %s: %w", r.Method, err)
	}
	body, err := encodeCall(p.id, r.Method, params)
	if err != nil {
		return nil, err
	}
	// The session's end ends the call, the call's end ends its stream: for
	// 2026-07-28 that is the cancellation.
	ctx2, stop := context.WithCancel(context.WithoutCancel(ctx))
	apart, survive := context.AfterFunc(ctx, stop), context.AfterFunc(c.life, stop)
	res, rest, err := c.exchange(ctx2, p, body, revision)
	cut := ctx2.Err() != nil
	apart()
	c.leave(rest, func() { survive(); stop() })
	if err == nil || !cut {
		return res, err
	}
	if ctx.Err() == nil { // the session ended under it
		if why := c.Err(); why != nil {
			return nil, why
		}
		return nil, &Fault{Kind: Died, Text: "the session was closed"}
	}
	if revision != Stateless && r.Method != "initialize" && c.life.Err() == nil {
		c.end.Add(1)
		go func() {
			defer c.end.Done()
			late, done := context.WithTimeout(c.life, 3*time.Second)
			defer done()
			_ = c.Send(late, "notifications/cancelled", map[string]any{"requestId": p.id, "reason": ended(ctx).Text})
		}()
	}
	return nil, ended(ctx)
}

// leave reads what follows the answer, as a rule nothing but the end of the
// stream, so that the connection can be used again. Nobody waits for it. Without
// it every call of a server that answers in streams dialled anew (2026-11-21).
func (c *remote) leave(rest io.ReadCloser, over func()) {
	if rest == nil {
		over()
		return
	}
	if c.life.Err() != nil {
		_ = rest.Close()
		over()
		return
	}
	c.end.Add(1)
	go func() {
		defer c.end.Done()
		defer over()
		late := time.AfterFunc(leaving, over) // a server may keep the stream open
		defer late.Stop()
		_, _ = io.CopyN(io.Discard, rest, 4<<10)
		_ = rest.Close()
	}()
}

// leaving is how long the end of an answered stream is waited for.
const leaving = 250 * time.Millisecond

// exchange posts a request and reads its answer, as JSON or as a stream. rest is
// what is left of the stream behind the answer; the caller closes it.
func (c *remote) exchange(ctx context.Context, p *pending, body []byte, revision string) (res *Response, rest io.ReadCloser, err error) {
	req, err := c.request(ctx, http.MethodPost, body, revision)
	if err != nil {
		return nil, nil, err
	}
	if revision == Stateless {
		req.Header.Set("Mcp-Method", p.req.Method)
		if name := nameOf(p.req); name != "" {
			req.Header.Set("Mcp-Name", name)
		}
		for k, v := range p.req.Header {
			req.Header.Set(k, v)
		}
	}
	resp, err := c.at.Client.Do(req)
	if err != nil {
		return nil, nil, c.network(ctx, err, true)
	}
	if p.req.Sent != nil {
		p.req.Sent()
	}
	defer func() {
		if rest == nil {
			_ = resp.Body.Close()
		}
	}()
	if err := c.status(resp); err != nil {
		return nil, nil, err
	}
	if id := resp.Header.Get("Mcp-Session-Id"); id != "" && revision != Stateless {
		c.mu.Lock()
		if c.session == "" && len(id) <= 1024 {
			c.session = id
		}
		c.mu.Unlock()
	}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if kind != "text/event-stream" {
		res, err := c.whole(ctx, p, resp, kind)
		return res, nil, err
	}
	res, open, err := c.stream(ctx, p, resp, revision)
	if open {
		return res, resp.Body, err
	}
	return res, nil, err
}

// whole reads an answer that is one JSON document.
func (c *remote) whole(ctx context.Context, p *pending, resp *http.Response, kind string) (*Response, error) {
	a := c.assembler(p)
	if err := copyInto(a, resp.Body); err != nil {
		a.abort()
		return nil, c.network(ctx, err, false)
	}
	head := string(a.buf[:min(len(a.buf), 200)])
	e, err := a.finish()
	if err != nil {
		return nil, fault(Protocol, "its answer over HTTP (%s, %s) cannot be read (%w): %s", resp.Status, Show(kind, 60), err, Show(c.at.Mask(head), 120))
	}
	if id, ok := e.number(); e.Method != nil || !ok && e.Error == nil || ok && id != p.id {
		if e.over != nil {
			return nil, fault(Protocol, "it answered %s with the answer to something else", p.req.Method)
		}
		return nil, fault(Protocol, "it answered %s with the answer to something else: %s", p.req.Method, Show(c.at.Mask(head), 120))
	}
	return c.response(e, p.req)
}

func (c *remote) assembler(p *pending) *assembler {
	return &assembler{inline: func() int64 { return p.req.Limit }, hard: c.cfg.Hard, create: c.cfg.Create}
}

func copyInto(a *assembler, r io.Reader) error {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	for {
		n, err := r.Read(*buf)
		if n > 0 {
			if bad := a.write((*buf)[:n]); bad != nil {
				return asFault(bad, Protocol)
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// buffers are shared by all sessions; they hold no state between two uses.
var buffers = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}

// answer posts the answer to a question.
func (c *remote) answer(ctx context.Context, o outgoing) error {
	b, err := encode(o)
	if err != nil {
		return err
	}
	return c.post(ctx, b)
}

// Send posts a notification.
func (c *remote) Send(ctx context.Context, method string, params any) error {
	o := outgoing{Method: method}
	if params != nil {
		b, err := marshal(params)
		if err != nil {
			return err
		}
		o.Params = b
	}
	b, err := encode(o)
	if err != nil {
		return err
	}
	return c.post(ctx, b)
}

func (c *remote) post(ctx context.Context, body []byte) error {
	revision := c.server.Revision
	if revision == "" {
		revision = Legacy
	}
	req, err := c.request(ctx, http.MethodPost, body, revision)
	if err != nil {
		return err
	}
	resp, err := c.at.Client.Do(req)
	if err != nil {
		return c.network(ctx, err, true)
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // so that the connection can be used again
	return c.status(resp)
}

func (c *remote) request(ctx context.Context, method string, body []byte, revision string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.at.URL, bytes.NewReader(body))
	if err != nil {
		return nil, fault(NoStart, "the address: %w", err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Accept", "application/json, text/event-stream")
	} else {
		req.Body, req.ContentLength = http.NoBody, 0
		req.Header.Set("Accept", "text/event-stream")
	}
	if c.server.Revision != "" || revision == Stateless {
		req.Header.Set("Mcp-Protocol-Version", revision)
	}
	c.mu.Lock()
	if c.session != "" {
		req.Header.Set("Mcp-Session-Id", c.session)
	}
	c.mu.Unlock()
	return req, nil
}

// status makes an error of what is not a success. A body that is a JSON-RPC
// error counts as the server's answer.
func (c *remote) status(resp *http.Response) error {
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return nil
	}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	said := Show(c.at.Mask(string(bytes.TrimSpace(body))), 200)
	if said != "" {
		said = ": " + said
	}
	switch {
	case resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden:
		return fault(Unauthorised, "the server answers %s: check the header that holds the credential%s", resp.Status, said)
	case resp.StatusCode == http.StatusNotFound && c.hasSession():
		f := fault(Gone, "the server has forgotten the session (404)")
		f.Unsent = true
		c.fail(f)
		return f
	}
	if e, err := decode(body); err == nil && e.Error != nil {
		return &Fault{Kind: Upstream, Text: "the server answers: " + e.Error.Error(), Answer: e.Error, Err: e.Error}
	}
	f := fault(Network, "the server answers %s%s", resp.Status, said)
	f.Unsent = resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable
	return f
}

func (c *remote) hasSession() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session != ""
}

// network says what a failed exchange was.
func (c *remote) network(ctx context.Context, err error, sending bool) error {
	if isFault(err) {
		return err
	}
	if ctx.Err() != nil {
		return ended(ctx)
	}
	text := c.at.Mask(err.Error())
	kind := Network
	if r, ok := errors.AsType[interface {
		error
		Refused() bool
	}](err); ok && r.Refused() {
		kind, text = Refused, c.at.Mask(r.Error())
	}
	return &Fault{Kind: kind, Text: text, Unsent: sending && !strings.Contains(text, "EOF") && !strings.Contains(text, "reset"), Err: err}
}

func (c *remote) Server() Server        { return c.server }
func (c *remote) Stderr() string        { return "" }
func (c *remote) Done() <-chan struct{} { return c.life.Done() }

func (c *remote) Err() error {
	if c.life.Err() == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

func (c *remote) fail(why error) {
	c.once.Do(func() {
		c.mu.Lock()
		if !c.closed {
			c.cause = why
		}
		c.mu.Unlock()
		c.cancel()
		c.shut(why)
	})
}

// Close ends the session, on the server too when it has one there.
func (c *remote) Close() error {
	c.mu.Lock()
	first := !c.closed
	c.closed = true
	session := c.session
	c.mu.Unlock()
	if first && session != "" && c.life.Err() == nil {
		ctx, done := context.WithTimeout(context.Background(), 2*time.Second)
		if req, err := c.request(ctx, http.MethodDelete, nil, c.server.Revision); err == nil {
			if resp, err := c.at.Client.Do(req); err == nil { // best effort: the server has a lifetime of its own
				_ = resp.Body.Close()
			}
		}
		done()
	}
	c.fail(&Fault{Kind: Died, Text: "the session was closed"})
	c.end.Wait()
	c.askGroup.Wait()
	return nil
}
