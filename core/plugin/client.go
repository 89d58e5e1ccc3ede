package plugin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// Client is a backend's model under supervision: launched by the first call,
// and launched anew, by the call that needs it, after it died.
type Client struct {
	m    *Manager
	spec Spec
	turn chan struct{} // one launch at a time; a channel, so that waiting ends with its context

	mu       sync.Mutex
	proc     *process
	circuit  circuit
	launches int
	version  string
	stopped  bool
	tail     *tail // of the last process that was in use
}

var (
	_ backend.Model        = (*Client)(nil)
	_ backend.TokenCounter = (*Client)(nil)
	_ backend.Embedder     = (*Client)(nil)
	_ backend.Serving      = (*Client)(nil)
	_ backend.Runner       = (*Client)(nil)
)

func newClient(m *Manager, spec Spec) *Client {
	return &Client{m: m, spec: spec, turn: make(chan struct{}, 1), circuit: circuit{Restart: m.cfg.Restart}}
}

// Describe says what the plugin said after it was configured, launching it if
// need be. A running one is not asked again.
func (c *Client) Describe(ctx context.Context) (backend.Description, error) {
	p, err := c.live(ctx)
	if err != nil {
		return backend.Description{}, err
	}
	return p.desc, nil
}

// Generate makes one call. An error is *backend.Error from the backend itself,
// *backend.LostError when the plugin died or was cut off in the middle (its
// cost is unknown; the text has the plugin's last lines), or the reason why no
// plugin could be launched, in which case nothing was sent.
func (c *Client) Generate(ctx context.Context, req message.Request, out backend.Sink) error {
	return c.call(ctx, func(p *process) error { return p.remote.Generate(ctx, req, out) })
}

// CountTokens is the length of a prompt. An error that is errors.ErrUnsupported
// says that the backend cannot count.
func (c *Client) CountTokens(ctx context.Context, req message.Request) (n int64, err error) {
	err = c.call(ctx, func(p *process) (err error) {
		n, err = p.remote.CountTokens(ctx, req)
		return err
	})
	return n, err
}

// Embed makes vectors of texts; errors are those of Generate and
// errors.ErrUnsupported.
func (c *Client) Embed(ctx context.Context, model string, texts []string) (vectors [][]float32, usage message.Usage, err error) {
	err = c.call(ctx, func(p *process) (err error) {
		vectors, usage, err = p.remote.Embed(ctx, model, texts)
		return err
	})
	return vectors, usage, err
}

// call does one thing with the running process, and says of a failure whose it
// is.
func (c *Client) call(ctx context.Context, do func(*process) error) error {
	p, err := c.hold(ctx)
	if err != nil {
		return err
	}
	err = do(p)
	p.calls.RUnlock()
	if errors.Is(err, backend.ErrUnconfigured) && p.address != "" {
		// The server was started anew between two calls, so fast that the
		// connection's end was not seen yet. Nothing was done: introduce us again.
		c.release(p)
		go p.retire()
		if p, err = c.hold(ctx); err != nil {
			return err
		}
		err = do(p)
		p.calls.RUnlock()
	}
	var lost *backend.LostError
	if !errors.As(err, &lost) {
		c.answered() // a typed error is an answer too: the plugin works
		return err
	}
	if backend.AsError(lost.Err).Code == backend.Cancelled {
		// The plugin's side of the deadline can strike a moment before ours:
		// nobody else cancels a call.
		if at, ok := ctx.Deadline(); ok && at.Sub(c.m.cfg.Clock()) < time.Second {
			<-ctx.Done()
		}
	}
	if ctx.Err() != nil {
		// The plugin may be slow or stuck; only asking it tells which.
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			go c.probe(p)
		}
		return &backend.LostError{Err: backend.Errorf(backend.Cancelled, "plugin %q did not answer before the call was given up: %v", c.spec.Plugin, ctx.Err())}
	}
	return &backend.LostError{Err: backend.Errorf(backend.Unavailable, "%v", p.failure(c.spec.Plugin, lost.Err))}
}

// hold is live, with the process held until calls.RUnlock.
func (c *Client) hold(ctx context.Context) (*process, error) {
	for {
		p, err := c.live(ctx)
		if err != nil {
			return nil, err
		}
		if p.calls.TryRLock() {
			return p, nil
		}
		c.died(p) // its connection ended since
	}
}

// live returns the running process, launching one when there is none.
func (c *Client) live(ctx context.Context) (*process, error) {
	if p, err := c.current(); p != nil || err != nil {
		return p, err
	}
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return nil, backend.Errorf(backend.Cancelled, "waiting for plugin %q to start: %v", c.spec.Plugin, ctx.Err())
	}
	if p, err := c.current(); p != nil || err != nil {
		return p, err
	}
	if err := c.admit(ctx); err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, c.m.cfg.StartTimeout)
	defer cancel()
	go func() {
		select {
		case <-c.m.closing:
			cancel()
		case <-bounded.Done():
		}
	}()
	p, err := c.m.launch(bounded, c.spec)
	if err != nil {
		return nil, c.launchFailed(ctx, err)
	}
	if !c.take(p) {
		p.stop()
		return nil, ErrClosed
	}
	go c.watch(p)
	_ = c.m.note()
	return p, nil
}

// take puts a process into use, unless Close came first.
func (c *Client) take(p *process) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return false
	}
	c.proc, c.version, c.tail = p, p.desc.Version, p.tail
	c.launches++
	return true
}

func (c *Client) current() (*process, error) {
	c.mu.Lock()
	p, stopped := c.proc, c.stopped
	c.mu.Unlock()
	if stopped {
		return nil, ErrClosed
	}
	if p != nil && p.gone() { // watch has not come round to it yet
		c.died(p)
		return nil, nil
	}
	return p, nil
}

// admit waits out the backoff, or fails at once while the circuit is open.
func (c *Client) admit(ctx context.Context) error {
	c.mu.Lock()
	wait, open := c.circuit.wait(c.m.cfg.Clock())
	failures, last := c.circuit.failures, c.circuit.lastErr
	c.mu.Unlock()
	if open {
		e := backend.Errorf(backend.Unavailable, "plugin %q failed %d times in a row and is not launched again for %s; the last failure: %s",
			c.spec.Plugin, failures, wait.Round(time.Second), last)
		e.RetryAfter = wait
		return e
	}
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-c.m.closing:
		return ErrClosed
	case <-ctx.Done():
		return backend.Errorf(backend.Cancelled, "waiting to launch plugin %q again after it failed (%s): %v", c.spec.Plugin, last, ctx.Err())
	}
}

func (c *Client) launchFailed(ctx context.Context, err error) error {
	var refused *RefusedError
	var typed *backend.Error
	select {
	case <-c.m.closing:
		return ErrClosed
	default:
	}
	switch {
	case ctx.Err() != nil:
		return backend.Errorf(backend.Cancelled, "launching plugin %q: %v", c.spec.Plugin, ctx.Err())
	case errors.As(err, &refused), errors.Is(err, ErrClosed):
		return err
	case errors.As(err, &typed) && typed.Code != backend.Unavailable && typed.Code != backend.Cancelled:
		return err // the plugin runs and refuses its config
	}
	c.failed(err.Error())
	return backend.Errorf(backend.Unavailable, "%v", err)
}

// watch notes the end of a process that nobody asked to end.
func (c *Client) watch(p *process) {
	if p.exited == nil {
		return
	}
	<-p.exited
	c.died(p)
	how := p.end(lingering) + p.said() // by now with its last lines
	c.mu.Lock()
	if c.circuit.failures > 0 {
		c.circuit.lastErr = endedBy(how)
	}
	c.mu.Unlock()
	_ = c.m.note() // with its last lines
	c.m.cfg.Audit(Event{Kind: "exit", Backend: c.spec.Backend, Plugin: c.spec.Plugin, PID: p.pid(), Detail: how})
	p.retire() // releases the connection and the socket
}

// died counts the end of a process in use, once, before another is launched.
func (c *Client) died(p *process) {
	if c.release(p) {
		c.failed(endedBy(p.state()))
	}
}

func endedBy(how string) string { return fmt.Sprintf("it ended by itself (%s)", how) }

// probeTime is what a plugin has to answer the question whether it is alive.
const probeTime = 2 * time.Second

// probe ends a process that does not even describe itself any more, so that the
// next call gets a new one instead of its own timeout.
func (c *Client) probe(p *process) {
	ctx, cancel := context.WithTimeout(context.Background(), probeTime)
	defer cancel()
	if _, err := p.remote.Describe(ctx); err == nil || p.exited == nil {
		return
	}
	if c.release(p) { // first, so that no further call is given to it
		c.failed(fmt.Sprintf("it did not answer for %s", probeTime))
	}
	p.stop()
}

// release takes a process out of use and tells whether it was in use.
func (c *Client) release(p *process) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.proc != p || c.stopped {
		return false
	}
	c.proc = nil
	return true
}

func (c *Client) failed(why string) {
	c.mu.Lock()
	c.circuit.fail(c.m.cfg.Clock(), why)
	_, open := c.circuit.wait(c.m.cfg.Clock())
	c.mu.Unlock()
	if open {
		c.m.cfg.Audit(Event{Kind: "circuit-open", Backend: c.spec.Backend, Plugin: c.spec.Plugin, Detail: why})
	}
	_ = c.m.note()
}

func (c *Client) answered() {
	c.mu.Lock()
	mended := c.circuit.failures > 0
	c.circuit.ok()
	c.mu.Unlock()
	if mended {
		_ = c.m.note()
	}
}

func (c *Client) stop() {
	c.mu.Lock()
	c.stopped = true
	p := c.proc
	c.mu.Unlock()
	c.turn <- struct{}{} // a launch under way is cancelled and cleans up behind itself
	defer func() { <-c.turn }()
	if p != nil {
		p.stop()
	}
}

func (c *Client) status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := Status{
		Backend: c.spec.Backend, Plugin: c.spec.Plugin, Address: c.spec.Address, Version: c.version, State: Idle,
		Launches: c.launches, Failures: c.circuit.failures, LastErr: c.circuit.lastErr,
	}
	if c.tail != nil {
		s.Printed = strings.TrimPrefix(c.tail.last(), "\n")
	}
	switch _, open := c.circuit.wait(c.m.cfg.Clock()); {
	case c.proc != nil && !c.stopped:
		s.State, s.PID = Running, c.proc.pid()
	case open:
		s.State, s.Until = Open, c.circuit.until
	case c.circuit.failures > 0:
		s.State, s.Until = Backoff, c.circuit.until
	}
	return s
}
