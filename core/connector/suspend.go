package connector

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/plimsoll-dev/plimsoll/core/connector/wire"
)

// Bounds of calls that wait for their caller.
const (
	maxSuspended    = 64               // of one connector
	maxSuspendedOne = 8                // of one principal
	suspendedFor    = 10 * time.Minute // between two rounds
	maxQuestions    = 16               // open at once in one call
	gathering       = 3 * time.Millisecond
)

// suspended is a call to a server of 2025-11-25 that goes on upstream while its
// caller, of 2026-07-28, is asked for input: the server waits for an answer on
// its session, the caller got input_required and comes back with the state.
type suspended struct {
	id, principal, tool string
	sent                atomic.Bool
	args                [sha256.Size]byte
	lane                *lane
	cancel              context.CancelFunc
	questions           chan *question
	outcome             chan outcome
	expires             time.Time
	round               int

	turn sync.Mutex // a round at a time
	open map[string]*question

	mu       sync.Mutex // guards the listeners of the present round
	progress func(*mcp.ProgressNotificationParams)
	log      func(*mcp.LoggingMessageParams)
	token    any
}

type question struct {
	method string
	params json.RawMessage
	reply  chan any
	gone   <-chan struct{}
}

type outcome struct {
	res *wire.Response
	err error
}

// suspendable runs the first round.
func (k *invocation) suspendable(ctx context.Context, l *lane) (*Result, error) {
	id := make([]byte, 16)
	if _, err := rand.Read(id); err != nil {
		l.release(k.c.host.Now())
		return nil, fmt.Errorf("drawing the id of a call: %w", err)
	}
	s := &suspended{id: base64.RawURLEncoding.EncodeToString(id), principal: k.o.Principal, tool: k.tool, args: sha256.Sum256(k.args), lane: l,
		questions: make(chan *question, maxQuestions), outcome: make(chan outcome, 1), open: map[string]*question{}}
	owner := &asking{answer: s.ask}
	req, err := k.request(l, owner)
	if err != nil {
		l.release(k.c.host.Now())
		return nil, err
	}
	req.Progress = true // a later round may want it
	req.Notify = func(method string, p json.RawMessage) {
		s.mu.Lock()
		defer s.mu.Unlock()
		deliver(method, p, s.token, s.progress, s.log)
	}
	end := k.c.measured(ctx, l.conn, k.def.Public, &req)
	run, cancel := context.WithCancel(k.c.life)
	s.cancel = cancel
	alone := k.mustBeAlone(l)
	k.c.mu.Lock()
	if k.c.closed {
		k.c.mu.Unlock()
		cancel()
		end(0, false, context.Canceled)
		l.release(k.c.host.Now())
		return nil, &Error{Kind: Closed, Connector: k.c.config.Name, Text: "Plimsoll is shutting down"}
	}
	k.c.wait.Add(1)
	k.c.mu.Unlock()
	go func() {
		defer k.c.wait.Done()
		defer cancel()
		defer func() { l.release(k.c.host.Now()) }()
		if alone {
			select {
			case l.turn <- struct{}{}:
				defer func() { <-l.turn }()
			case <-run.Done():
				end(0, false, run.Err())
				s.outcome <- outcome{err: run.Err()}
				return
			}
		}
		s.sent.Store(true)
		res, err := l.conn.Call(run, req)
		end(sizeOf(res), failed(res), err)
		s.outcome <- outcome{res, err}
	}()
	s.turn.Lock()
	return k.wait(ctx, s)
}

// ask is called for the server; the answer comes with the caller's next round.
func (s *suspended) ask(ctx context.Context, method string, params json.RawMessage) (any, error) {
	switch method {
	case "elicitation/create", "sampling/createMessage", "roots/list":
	default:
		return nil, errCannot
	}
	q := &question{method: method, params: params, reply: make(chan any, 1), gone: ctx.Done()}
	select {
	case s.questions <- q:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case answer := <-q.reply:
		return answer, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// resume is a later round.
func (k *invocation) resume(ctx context.Context, s *suspended) (*Result, error) {
	if !s.turn.TryLock() {
		return nil, &Error{Kind: Busy, Connector: k.c.config.Name, Text: "another round of this call is under way"}
	}
	answered := 0
	for id, answer := range k.o.InputResponses {
		if q := s.open[id]; q != nil {
			q.reply <- answer
			delete(s.open, id)
			answered++
		}
	}
	if answered == 0 && len(s.open) > 0 {
		return k.suspend(s) // asked again for the same
	}
	return k.wait(ctx, s)
}

// wait runs with s.turn held, and gives it back.
func (k *invocation) wait(ctx context.Context, s *suspended) (*Result, error) {
	s.listen(k)
	defer s.listen(nil)
	defer func() { k.sent.Store(s.sent.Load()) }()
	for {
		select {
		case o := <-s.outcome:
			return k.finish(s, o)
		case q := <-s.questions:
			s.add(q)
			// Questions that come together are asked together.
			t := time.NewTimer(gathering)
			for more := true; more; {
				select {
				case q := <-s.questions:
					s.add(q)
				case o := <-s.outcome:
					t.Stop()
					return k.finish(s, o)
				case <-t.C:
					more = false
				}
			}
			if len(s.open) == 0 {
				continue
			}
			return k.suspend(s)
		case <-ctx.Done():
			s.cancel()
			k.c.forget(s)
			s.turn.Unlock()
			if ctx.Err() == context.DeadlineExceeded {
				return nil, &Error{Kind: Timeout, Connector: k.c.config.Name, Text: "no answer in time" + k.c.advice(Timeout), Err: ctx.Err()}
			}
			return nil, k.c.gaveUp(ctx)
		}
	}
}

func (s *suspended) add(q *question) {
	s.round++
	s.open["q"+strconv.Itoa(s.round)] = q
	for id, other := range s.open {
		select {
		case <-other.gone: // taken back
			delete(s.open, id)
		default:
		}
	}
}

func (s *suspended) listen(k *invocation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k == nil {
		s.progress, s.log = nil, nil
		return
	}
	s.progress, s.log = k.o.Progress, k.o.Log
	_, s.token = cleanMeta(k.o.Meta)
}

func (k *invocation) finish(s *suspended, o outcome) (*Result, error) {
	k.c.forget(s)
	s.turn.Unlock()
	if o.err != nil {
		if k.left(o.err); !k.sent.Load() {
			s.sent.Store(false)
		}
		return nil, o.err
	}
	k.c.succeeded()
	return k.result(o.res, s.lane.conn.Server().Revision)
}

func (c *Connector) forget(s *suspended) {
	c.mu.Lock()
	delete(c.suspended, s.id)
	c.mu.Unlock()
}

// suspend puts the call aside and tells the caller what is wanted.
func (k *invocation) suspend(s *suspended) (*Result, error) {
	c := k.c
	defer s.turn.Unlock()
	s.round++
	requests := map[string]any{}
	for id, q := range s.open {
		r := map[string]any{"method": q.method}
		if len(q.params) > 0 {
			r["params"] = q.params
		} else {
			r["params"] = struct{}{}
		}
		requests[id] = r
	}
	c.mu.Lock()
	mine := 0
	for _, other := range c.suspended {
		if other.principal == s.principal && other != s {
			mine++
		}
	}
	full := c.suspended[s.id] == nil && (len(c.suspended) >= maxSuspended || mine >= maxSuspendedOne)
	if !full {
		s.expires = c.host.Now().Add(suspendedFor)
		c.suspended[s.id] = s
	}
	state := c.sealState("s", s.principal, s.tool, s.args, s.id+"."+strconv.Itoa(s.round))
	c.mu.Unlock()
	if full {
		s.cancel()
		return nil, &Error{Kind: Busy, Connector: c.config.Name, Text: "too many calls wait for input: answer some of them first, or wait until they expire"}
	}
	raw, err := plainJSON(map[string]any{"resultType": "input_required", "inputRequests": requests, "requestState": state})
	if err != nil {
		return nil, err
	}
	return &Result{Raw: raw, NeedsInput: true, Bytes: int64(len(raw)), Revision: s.lane.conn.Server().Revision}, nil
}

// seal binds the state of a server of 2026-07-28 to the caller and the call, so
// that nobody can go on with another's.
func (k *invocation) seal(res *Result) (*Result, error) {
	var v map[string]json.RawMessage
	var state string
	if err := json.Unmarshal(res.Raw, &v); err != nil {
		return nil, &Error{Kind: Protocol, Connector: k.c.config.Name, Text: fmt.Sprintf("what it asks for cannot be read: %v", err)}
	}
	if raw := v["requestState"]; len(raw) > 0 && json.Unmarshal(raw, &state) != nil {
		return nil, &Error{Kind: Protocol, Connector: k.c.config.Name, Text: "its requestState is no text"}
	}
	sealed, err := json.Marshal(k.c.sealState("u", k.o.Principal, k.tool, sha256.Sum256(k.args), state))
	if err != nil {
		return nil, err
	}
	v["requestState"] = sealed
	raw, err := plainJSON(v)
	if err != nil {
		return nil, err
	}
	res.Raw = raw
	return res, nil
}

// sealState makes a state: its kind, what it holds, and a MAC over both and over
// whom it belongs to.
func (c *Connector) sealState(kind, principal, tool string, args [sha256.Size]byte, inner string) string {
	body := kind + "." + base64.RawURLEncoding.EncodeToString([]byte(inner))
	return body + "." + c.mac(body, principal, tool, args)
}

func (c *Connector) mac(body, principal, tool string, args [sha256.Size]byte) string {
	h := hmac.New(sha256.New, c.host.Key)
	for _, part := range []string{"plimsoll request state 1", c.config.Name, principal, tool, string(args[:]), body} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// Continues tells whether a request state was handed out by this connector for this
// very call of this principal: calling again with it goes on with that call. It does
// not tell whether the call still waits, or went on before.
func (c *Connector) Continues(principal, tool string, args json.RawMessage, state string) bool {
	if len(bytes.TrimSpace(args)) == 0 {
		args = json.RawMessage("{}")
	}
	_, ok := c.genuine(principal, tool, args, state)
	return ok
}

// genuine is the body of a state whose MAC is ours.
func (c *Connector) genuine(principal, tool string, args json.RawMessage, state string) (body string, ok bool) {
	at := strings.LastIndexByte(state, '.')
	if at < 2 || len(state) > 1<<20 {
		return "", false
	}
	body = state[:at]
	return body, hmac.Equal([]byte(state[at+1:]), []byte(c.mac(body, principal, tool, sha256.Sum256(args))))
}

// openState checks a state. It is a suspended call of ours, or the state of a
// server.
func (c *Connector) openState(principal, tool string, args json.RawMessage, state string) (*suspended, string, error) {
	bad := &Error{Kind: BadInput, Connector: c.config.Name, Text: "the requestState is not one that this caller was given for this call: call again without it"}
	body, ok := c.genuine(principal, tool, args, state)
	if !ok {
		return nil, "", bad
	}
	inner, err := base64.RawURLEncoding.DecodeString(body[2:])
	if err != nil {
		return nil, "", bad
	}
	if body[0] == 'u' {
		return nil, string(inner), nil
	}
	id, round, _ := strings.Cut(string(inner), ".")
	c.mu.Lock()
	s := c.suspended[id]
	c.mu.Unlock()
	gone := &Error{Kind: Gone, Connector: c.config.Name, Text: "the call that waited for this input has ended or expired: call again without requestState"}
	if s == nil {
		return nil, "", gone
	}
	if !s.turn.TryLock() {
		return nil, "", &Error{Kind: Busy, Connector: c.config.Name, Text: "another round of this call is under way"}
	}
	now := strconv.Itoa(s.round)
	s.turn.Unlock()
	if round != now {
		return nil, "", &Error{Kind: Gone, Connector: c.config.Name, Text: "this round of the call has been answered already"}
	}
	return s, "", nil
}
