package wire

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
)

// pending is a call that waits.
type pending struct {
	req   *Request
	id    int64
	token string // its progress token, as on the wire
	notes chan note
	done  chan struct{} // closed once res or err is set
	res   *Response
	err   error
}

// note is a notification for one call.
type note struct {
	method string
	params json.RawMessage
}

// notesPerCall is how many notifications may wait for a slow caller. Beyond it
// the oldest go: the newest progress is the one that counts.
const notesPerCall = 256

// asks is how many questions of one server may be open at once.
const asks = 16

// table matches answers, progress and questions with the calls that wait. Both
// transports have one.
type table struct {
	cfg  Config
	rate *rate

	mu     sync.Mutex
	next   int64
	calls  map[int64]*pending
	closed error

	asking   chan struct{}
	askGroup sync.WaitGroup
	askCtx   context.Context
	askEnd   context.CancelFunc
	asked    map[string]context.CancelFunc // by the server's id
}

func newTable(cfg Config) *table {
	t := &table{cfg: cfg, rate: newRate(cfg.Now), calls: map[int64]*pending{}, asking: make(chan struct{}, asks), asked: map[string]context.CancelFunc{}}
	t.askCtx, t.askEnd = context.WithCancel(context.Background())
	return t
}

func (t *table) add(r *Request) (*pending, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed != nil {
		f := *asFault(t.closed, Died)
		f.Unsent = true
		return nil, &f
	}
	t.next++
	p := &pending{req: r, id: t.next, notes: make(chan note, notesPerCall), done: make(chan struct{})}
	if r.Limit == 0 {
		r.Limit = 1 << 20
	}
	if r.Progress {
		p.token = strconv.FormatInt(p.id, 10)
	}
	t.calls[p.id] = p
	return p, nil
}

func (p *pending) wireToken() any {
	if p.token == "" {
		return nil
	}
	return json.RawMessage(p.token)
}

// drop ends a call that never left, or that its own goroutine gives up.
func (t *table) drop(p *pending) {
	if t.take(p.id) != nil {
		close(p.done)
	}
}

func (t *table) take(id int64) *pending {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.calls[id]
	delete(t.calls, id)
	return p
}

// inline is the most that a waiting call takes whole.
func (t *table) inline() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	limit := int64(64 << 10)
	for _, p := range t.calls {
		limit = max(limit, p.req.Limit)
	}
	return limit
}

// only is the one call that a message without a mark can belong to: the single
// call under way, nil when there are several or none. Listening does not count.
func (t *table) only() *pending {
	t.mu.Lock()
	defer t.mu.Unlock()
	var one *pending
	for _, p := range t.calls {
		if p.req.Listen != nil {
			continue
		}
		if one != nil {
			return nil
		}
		one = p
	}
	return one
}

func (t *table) byToken(params json.RawMessage) *pending {
	var v struct {
		Token json.RawMessage `json:"progressToken"`
	}
	if json.Unmarshal(params, &v) != nil || len(v.Token) == 0 {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range t.calls {
		if p.token != "" && (p.token == string(v.Token) || strconv.Quote(p.token) == string(v.Token)) {
			return p
		}
	}
	return nil
}

func (t *table) bySubscription(params json.RawMessage) *pending {
	var v struct {
		Meta map[string]json.RawMessage `json:"_meta"`
	}
	if json.Unmarshal(params, &v) != nil {
		return nil
	}
	e := envelope{ID: v.Meta[metaSubscription]}
	id, ok := e.number()
	if !ok {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if p := t.calls[id]; p != nil && p.req.Listen != nil {
		return p
	}
	return nil
}

// incoming handles one message. on is the call whose stream it came on (HTTP),
// nil when the transport cannot tell. reply sends an answer to a question.
func (t *table) incoming(e *envelope, on *pending, reply func(context.Context, outgoing) error) error {
	switch {
	case e.Method == nil:
		t.answered(e)
		return nil
	case e.ID == nil:
		if err := t.rate.take(len(e.Params)); err != nil {
			return err
		}
		t.notified(*e.Method, e.Params, on)
		return nil
	default:
		if err := t.rate.take(len(e.Params)); err != nil {
			return err
		}
		t.question(e, on, reply)
		return nil
	}
}

func (t *table) answered(e *envelope) {
	id, ok := e.number()
	var p *pending
	if ok {
		p = t.take(id)
	}
	if p == nil {
		return // of a call that was given up, or of none: nobody waits for it
	}
	p.res, p.err = t.response(e, p.req)
	close(p.done)
}

func (t *table) response(e *envelope, r *Request) (*Response, error) {
	switch {
	case e.Error != nil:
		if len(e.Error.Data) > 64<<10 {
			e.Error.Data = nil
		}
		return nil, &Fault{Kind: Upstream, Text: "the server answers: " + e.Error.Error(), Answer: e.Error, Err: e.Error}
	case e.over == nil && int64(len(e.Result)) <= r.Limit:
		return &Response{Result: e.Result}, nil
	case !r.Spills:
		n := int64(len(e.Result))
		if e.over != nil {
			n = e.over.Bytes
		}
		return nil, fault(TooLarge, "the answer to %s has %d bytes, %d are allowed", r.Method, n, r.Limit)
	case e.over == nil:
		over, err := spillWhole(e.Result, r.Limit, t.cfg.Hard, t.cfg.Create)
		if err != nil {
			return nil, fault(TooLarge, "keeping a result of %d bytes: %w", len(e.Result), err)
		}
		return &Response{Over: over}, nil
	default:
		if int64(len(e.over.Head)) > r.Limit {
			e.over.Head = e.over.Head[:r.Limit]
		}
		return &Response{Over: e.over}, nil
	}
}

func (t *table) notified(method string, params json.RawMessage, on *pending) {
	switch method {
	case "notifications/cancelled":
		var v struct {
			ID json.RawMessage `json:"requestId"`
		}
		if json.Unmarshal(params, &v) == nil {
			t.mu.Lock()
			if cancel := t.asked[string(v.ID)]; cancel != nil {
				cancel()
			}
			t.mu.Unlock()
		}
		return
	case "notifications/progress":
		p := t.byToken(params)
		if p == nil && on != nil && on.token != "" {
			p = on
		}
		p.tell(note{method, params})
		return
	case "notifications/message":
		if on == nil {
			on = t.only()
		}
	default:
		if on == nil {
			on = t.bySubscription(params)
		}
	}
	if on != nil {
		if method == "notifications/subscriptions/acknowledged" && on.req.Listen != nil {
			on.req.Listen(on.id)
		}
		on.tell(note{method, params})
		return
	}
	if t.cfg.Notify != nil {
		t.cfg.Notify(method, params)
	}
}

func (p *pending) tell(n note) {
	if p == nil || p.req.Notify == nil {
		return
	}
	for {
		select {
		case p.notes <- n:
			return
		default:
		}
		select {
		case <-p.notes:
		default:
		}
	}
}

func (t *table) question(e *envelope, on *pending, reply func(context.Context, outgoing) error) {
	id, method := e.ID, *e.Method
	if method == "ping" {
		t.spawn(func() { _ = reply(t.askCtx, outgoing{ID: id, Result: struct{}{}}) })
		return
	}
	if on == nil {
		on = t.only()
	}
	select {
	case t.asking <- struct{}{}:
	default:
		t.spawn(func() {
			_ = reply(t.askCtx, outgoing{ID: id, Error: &Answer{Code: CodeInternal, Message: fmt.Sprintf("%d questions are open already", asks)}})
		})
		return
	}
	t.spawn(func() {
		defer func() { <-t.asking }()
		ctx, cancel := context.WithCancel(t.askCtx)
		defer cancel()
		t.mu.Lock()
		t.asked[string(id)] = cancel
		t.mu.Unlock()
		defer func() { t.mu.Lock(); delete(t.asked, string(id)); t.mu.Unlock() }()
		var from *Request
		if on != nil {
			from = on.req
			stop := context.AfterFunc(on.ended(ctx), cancel)
			defer stop()
		}
		out := outgoing{ID: id}
		if t.cfg.Ask == nil {
			out.Error = &Answer{Code: CodeNoMethod, Message: "this client answers no " + Show(method, 60)}
		} else if result, answer := t.cfg.Ask(ctx, from, method, e.Params); answer != nil {
			out.Error = answer
		} else {
			out.Result = result
		}
		if t.askCtx.Err() == nil {
			_ = reply(t.askCtx, out) // a session that ended meanwhile has told its callers already
		}
	})
}

// ended is a context that ends with the call.
func (p *pending) ended(parent context.Context) context.Context {
	ctx, cancel := context.WithCancel(parent)
	go func() {
		defer cancel()
		select {
		case <-p.done:
		case <-parent.Done():
		}
	}()
	return ctx
}

func (t *table) spawn(f func()) {
	t.mu.Lock()
	if t.closed != nil {
		t.mu.Unlock()
		return
	}
	t.askGroup.Add(1)
	t.mu.Unlock()
	go func() {
		defer t.askGroup.Done()
		f()
	}()
}

// shut ends every call that waits. The first reason stays.
func (t *table) shut(why error) {
	t.mu.Lock()
	if t.closed != nil {
		t.mu.Unlock()
		return
	}
	t.closed = why
	calls := t.calls
	t.calls = map[int64]*pending{}
	t.mu.Unlock()
	t.askEnd()
	for _, p := range calls {
		p.err = why
		close(p.done)
	}
}

// await hands on notifications until the answer is there. Notifications that
// came before the answer are all delivered before it.
func (t *table) await(ctx context.Context, p *pending) (*Response, error) {
	for {
		select {
		case n := <-p.notes:
			p.req.Notify(n.method, n.params)
		case <-p.done:
			for {
				select {
				case n := <-p.notes:
					p.req.Notify(n.method, n.params)
					continue
				default:
				}
				return p.res, p.err
			}
		case <-ctx.Done():
			t.drop(p) // its questions end with it
			return nil, ended(ctx)
		}
	}
}

// ended says how a context did.
func ended(ctx context.Context) *Fault {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &Fault{Kind: Timeout, Text: "no answer in time", Err: ctx.Err()}
	}
	return &Fault{Kind: Cancelled, Text: "the caller gave up", Err: ctx.Err()}
}
