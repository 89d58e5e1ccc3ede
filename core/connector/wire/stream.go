package wire

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"time"
)

// stream reads an answer that comes as events, and goes on where it was cut off
// when the server offers that. open tells that the answer came in the first stream,
// which is not read to its end.
func (c *remote) stream(ctx context.Context, p *pending, resp *http.Response, revision string) (res *Response, open bool, err error) {
	last, wait := "", time.Second
	body := resp.Body
	space := buffers.Get().(*[]byte)
	defer buffers.Put(space)
	for try := 0; ; try++ {
		events := &events{body: body, assembler: c.assembler(p), buf: (*space)[:0]}
		for {
			e, err := events.next()
			if events.id != "" && events.id != last {
				last, try = events.id, 0
			}
			if events.retry > 0 {
				wait = min(events.retry, 30*time.Second)
			}
			if err != nil && !isFault(err) {
				break // the connection, not the content
			}
			if err != nil {
				return nil, false, err
			}
			if id, ok := e.number(); e.Method == nil && ok && id == p.id {
				res, err := c.response(e, p.req)
				c.drain(p)
				return res, body == resp.Body, err
			}
			if err := c.incoming(e, p, c.answer); err != nil {
				return nil, false, err
			}
			c.drain(p)
		}
		if ctx.Err() != nil {
			return nil, false, ended(ctx)
		}
		if last == "" || revision == Stateless || try >= 5 {
			return nil, false, fault(Network, "the server ended the stream of %s without an answer", p.req.Method)
		}
		again, err := c.resume(ctx, last, wait, revision)
		if err != nil {
			return nil, false, err
		}
		body = again.Body
		defer func() { _ = again.Body.Close() }()
	}
}

func isFault(err error) bool {
	var f *Fault
	return errors.As(err, &f)
}

func (c *remote) drain(p *pending) {
	for {
		select {
		case n := <-p.notes:
			p.req.Notify(n.method, n.params)
		default:
			return
		}
	}
}

func (c *remote) resume(ctx context.Context, last string, wait time.Duration, revision string) (*http.Response, error) {
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
		return nil, ended(ctx)
	}
	req, err := c.request(ctx, http.MethodGet, nil, revision)
	if err != nil {
		return nil, err
	}
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	resp, err := c.at.Client.Do(req)
	if err != nil {
		return nil, c.network(ctx, err, false)
	}
	if err := c.status(resp); err != nil {
		_ = resp.Body.Close()
		return nil, err
	}
	return resp, nil
}

// listen keeps the stream of 2025-11-25 open that belongs to no request. That a
// server has none is usual.
func (c *remote) listen() {
	defer c.end.Done()
	last, wait := "", time.Duration(0)
	for try := 0; try < 8 && c.life.Err() == nil; try++ {
		resp, err := c.resume(c.life, last, wait, c.server.Revision)
		wait = min(30*time.Second, time.Second<<try)
		if err != nil {
			var f *Fault
			if errors.As(err, &f) && (f.Kind == Network && f.Unsent || f.Kind == Network && f.Err != nil) {
				continue
			}
			return
		}
		if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind != "text/event-stream" {
			_ = resp.Body.Close()
			return
		}
		events := &events{body: resp.Body, assembler: &assembler{inline: func() int64 { return 1 << 20 }, hard: c.cfg.Hard, create: nil}}
		for {
			e, err := events.next()
			if events.id != "" {
				last = events.id
			}
			if isFault(err) {
				_ = resp.Body.Close()
				c.fail(err)
				return
			}
			if err != nil {
				break
			}
			try = 0
			if err := c.incoming(e, nil, c.answer); err != nil {
				_ = resp.Body.Close()
				c.fail(err)
				return
			}
		}
		_ = resp.Body.Close()
	}
}
