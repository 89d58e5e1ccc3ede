package connector

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/connector/wire"
	"github.com/plimsoll-dev/plimsoll/core/telemetry"
)

// laneKey says who shares an upstream session.
//
// The plain lane, with the zero key, is for lists and for callers that cannot be
// asked; all of them share it, and a question on it is refused. It declares every
// capability all the same, since servers offer some tools only to clients that
// have them (the reference server "everything" does), and the list must not
// depend on who asks for it. Only 2025-11-25 needs other lanes: there a server's
// question (sampling, elicitation, roots) arrives beside the calls, and over
// stdio nothing says which call it belongs to. So calls of callers that can be
// asked run on lanes that declare what these callers can do; over stdio such a
// lane runs one call at a time. The alternative, to give a question to whoever is
// waiting, would show one caller's question to another. Servers of 2026-07-28 are
// told per request and share the plain lane.
type laneKey struct {
	session string // of a stateful connector, or of a Session that owns its lane
	caps    string // declared capabilities, as JSON; "" for none
	number  int    // of lanes that run one call at a time
}

// everything is what the plain lane declares.
const everything = `{"elicitation":{"form":{},"url":{}},"roots":{},"sampling":{}}`

// nothing is what a lane declares for clients that say that they have no
// capabilities.
const nothing = `{}`

// lane is one upstream session.
type lane struct {
	key   laneKey
	ready chan struct{} // closed once conn or err is set
	conn  wire.Conn
	err   error
	born  time.Time
	turn  chan struct{} // held by a call that must be alone

	mu   sync.Mutex
	uses int
	last time.Time
	subs map[string]int // resources subscribed to (2025-11-25), and by how many
}

func (l *lane) release(now time.Time) {
	l.mu.Lock()
	l.uses--
	l.last = now
	l.mu.Unlock()
}

func (l *lane) idle(now time.Time) (time.Duration, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return now.Sub(l.last), l.uses == 0
}

// patience is how long a call waits for a restart that is put off.
const patience = 2 * time.Second

// acquire gives a lane to a call; give it back with release. alone finds one that
// no other call uses.
func (c *Connector) acquire(ctx context.Context, key laneKey, alone bool) (*lane, error) {
	for {
		l, wait, err := c.take(key, alone)
		if err != nil {
			return nil, err
		}
		if l == nil {
			t := time.NewTimer(wait)
			select {
			case <-t.C:
			case <-ctx.Done():
				t.Stop()
				return nil, c.gaveUp(ctx)
			}
			continue
		}
		select {
		case <-l.ready:
		case <-ctx.Done():
			l.release(c.host.Now())
			return nil, c.gaveUp(ctx)
		}
		if l.err != nil {
			l.release(c.host.Now())
			return nil, l.err
		}
		return l, nil
	}
}

func (c *Connector) gaveUp(ctx context.Context) error {
	if ctx.Err() == context.DeadlineExceeded {
		return &Error{Kind: Timeout, Connector: c.config.Name, Text: "it was not ready in time", Err: ctx.Err()}
	}
	return &Error{Kind: Cancelled, Connector: c.config.Name, Text: "the caller gave up", Err: ctx.Err()}
}

// take finds or makes a lane under the lock. Without a lane and without an error
// the caller waits and asks again.
func (c *Connector) take(key laneKey, alone bool) (*lane, time.Duration, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, 0, &Error{Kind: Closed, Connector: c.config.Name, Text: "Plimsoll is shutting down"}
	}
	now := c.host.Now()
	if alone {
		for k, l := range c.lanes {
			if k.caps == key.caps && k.session == key.session && k.number > 0 && l.free(now) {
				return l, 0, nil
			}
		}
		c.numbered++
		key.number = c.numbered
	} else if l := c.lanes[key]; l != nil {
		l.mu.Lock()
		l.uses++
		l.last = now
		l.mu.Unlock()
		return l, 0, nil
	}
	if wait, open := c.circuit.wait(now); wait > 0 {
		if open || wait > patience {
			return nil, 0, &Error{Kind: Circuit, Connector: c.config.Name,
				Text: fmt.Sprintf("it failed %d times in a row and is tried again in %s; the last time: %s", c.circuit.failures, wait.Round(time.Second), c.circuit.why)}
		}
		return nil, wait, nil
	}
	if key != (laneKey{}) {
		n := 0
		for k := range c.lanes {
			if k != (laneKey{}) {
				n++
			}
		}
		if n >= c.config.SessionLimit && !c.evict(now) {
			more := "try again later"
			if c.config.Stateful {
				more = "try again, or raise max of its session block"
			}
			return nil, 0, &Error{Kind: Busy, Connector: c.config.Name, Text: fmt.Sprintf("%d upstream sessions are in use, which is the limit: %s", n, more)}
		}
	}
	l := &lane{key: key, ready: make(chan struct{}), born: now, last: now, uses: 1, turn: make(chan struct{}, 1), subs: map[string]int{}}
	c.lanes[key] = l
	c.wait.Add(1)
	go c.start(l, c.revision)
	return l, 0, nil
}

func (l *lane) free(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.uses > 0 {
		return false
	}
	l.uses, l.last = 1, now
	return true
}

// evict ends the special lane that has been idle longest; sessions are kept.
func (c *Connector) evict(now time.Time) bool {
	var oldest *lane
	var longest time.Duration
	for k, l := range c.lanes {
		if d, idle := l.idle(now); k.session == "" && k != (laneKey{}) && idle && d >= longest {
			oldest, longest = l, d
		}
	}
	if oldest == nil {
		return false
	}
	c.drop(oldest)
	return true
}

// drop takes a lane out and closes it off the lock.
func (c *Connector) drop(l *lane) {
	if c.lanes[l.key] == l {
		delete(c.lanes, l.key)
	}
	if c.closed {
		return // close waits for what is under way; its lanes are closed there
	}
	c.wait.Add(1)
	go func() {
		defer c.wait.Done()
		<-l.ready
		if l.conn != nil {
			_ = l.conn.Close()
		}
	}()
}

// start opens a lane; the callers that wait for it do not bound it, since the
// next ones will want it too.
func (c *Connector) start(l *lane, hint string) {
	defer c.wait.Done()
	ctx, cancel := context.WithTimeout(c.life, c.config.Start)
	defer cancel()
	conn, err := c.open(ctx, l, hint)
	c.mu.Lock()
	if err != nil {
		l.err = c.fail("", err)
		if c.lanes[l.key] == l {
			delete(c.lanes, l.key)
		}
		if c.life.Err() == nil {
			c.circuit.fail(c.host.Now(), oneLine(l.err))
			c.host.Log.Warn("connector does not start", "connector", c.config.Name, "error", l.err.Error())
		}
		c.mu.Unlock()
		close(l.ready)
		return
	}
	l.conn = conn
	s := conn.Server()
	c.revision = s.Revision
	c.server = serverName(s.Info)
	if l.key == (laneKey{}) {
		if c.started {
			c.host.Recorder.Add(telemetry.Restarts, 1, c.config.Name)
		}
		c.started = true
	}
	c.wait.Add(1)
	go c.mourn(l)
	if s.Revision == wire.Stateless {
		c.wait.Add(1)
		go c.listen(l)
	}
	c.mu.Unlock()
	close(l.ready)
}

// mourn waits for the end of a lane's session and clears up after it.
func (c *Connector) mourn(l *lane) {
	defer c.wait.Done()
	<-l.conn.Done()
	why := l.conn.Err()
	c.mu.Lock()
	if c.lanes[l.key] == l {
		delete(c.lanes, l.key)
	}
	if why != nil && c.life.Err() == nil {
		c.stderr = l.conn.Stderr()
		var f *wire.Fault
		if !errors.As(why, &f) || f.Kind != wire.Gone { // a forgotten session is no failure
			c.circuit.fail(c.host.Now(), oneLine(c.fail("", why)))
		}
	}
	c.mu.Unlock()
	if why != nil && c.life.Err() == nil {
		c.host.Log.Warn("connector has ended", "connector", c.config.Name, "error", c.mask(why.Error()))
	}
	_ = l.conn.Close()
}

// listen asks a server of 2026-07-28 to announce changed lists. That it ends is
// no failure: lists are asked for again anyway.
func (c *Connector) listen(l *lane) {
	defer c.wait.Done()
	if l.key != (laneKey{}) {
		return
	}
	var caps struct {
		Tools, Prompts, Resources struct {
			ListChanged bool `json:"listChanged"`
		}
	}
	if json.Unmarshal(l.conn.Server().Capabilities, &caps) != nil || !caps.Tools.ListChanged && !caps.Prompts.ListChanged && !caps.Resources.ListChanged {
		return
	}
	want := map[string]bool{}
	for name, on := range map[string]bool{"toolsListChanged": caps.Tools.ListChanged, "promptsListChanged": caps.Prompts.ListChanged, "resourcesListChanged": caps.Resources.ListChanged} {
		if on {
			want[name] = true
		}
	}
	params, err := json.Marshal(map[string]any{"notifications": want})
	if err != nil {
		return
	}
	ctx, cancel := context.WithCancel(c.life)
	defer cancel()
	for wait := time.Second; wait < 2*time.Minute; wait *= 2 {
		stop := make(chan struct{})
		go func() {
			select {
			case <-l.conn.Done():
				cancel()
			case <-stop:
			}
		}()
		_, err := l.conn.Call(ctx, wire.Request{Method: "subscriptions/listen", Params: params, Listen: func(any) { wait = time.Second },
			Notify: func(method string, p json.RawMessage) { c.notified(l, method, p) }})
		close(stop)
		if ctx.Err() != nil || isUpstream(err) {
			return
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return
		case <-l.conn.Done():
			t.Stop()
			return
		}
	}
}

// sweep is called every now and then.
func (c *Connector) sweep() {
	now := c.host.Now()
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return
	}
	for _, l := range c.lanes {
		d, idle := l.idle(now)
		old := c.config.Lifetime > 0 && l.key.session != "" && now.Sub(l.born) > c.config.Lifetime
		if idle && (c.config.Idle > 0 && d > c.config.Idle || old) {
			c.drop(l)
		}
	}
	for id, s := range c.suspended {
		if now.After(s.expires) {
			s.cancel()
			delete(c.suspended, id)
		}
	}
	relist := c.listing == nil && c.cat != nil && c.lanes[laneKey{}] != nil &&
		(c.dirty && now.Sub(c.relisted) > relistPause || !c.cat.Stale && now.Sub(c.cat.At) > c.cat.TTL)
	if relist {
		c.wait.Add(1)
	}
	c.mu.Unlock()
	if relist {
		go func() {
			defer c.wait.Done()
			ctx, cancel := context.WithTimeout(c.life, c.config.Timeout)
			defer cancel()
			_, _ = c.Refresh(ctx) // what fails is kept as the reason of the staleness
		}()
	}
}

// relistPause is the least time between two lists that a server's own
// announcements cause.
const relistPause = 200 * time.Millisecond

func oneLine(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return wire.Show(e.Text, 300)
	}
	return wire.Show(err.Error(), 300)
}

func isUpstream(err error) bool {
	var f *wire.Fault
	return errors.As(err, &f) && f.Kind == wire.Upstream
}

func serverName(info json.RawMessage) string {
	var v struct{ Name, Version string }
	if json.Unmarshal(info, &v) != nil {
		return ""
	}
	return wire.Show(v.Name+" "+v.Version, 120)
}
