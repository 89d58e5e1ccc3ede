package connector

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/plimsoll-dev/plimsoll/core/connector/wire"
	"github.com/plimsoll-dev/plimsoll/core/telemetry"
)

// argsLimit is how large the arguments of a call may be.
const argsLimit = 16 << 20

// Call calls a tool by the server's own name. args is a JSON object, or empty.
func (c *Connector) Call(ctx context.Context, tool string, args json.RawMessage, o Options) (*Result, error) {
	return c.callOn(ctx, nil, tool, args, o)
}

// callOn is a call on the lane of a session, or on one that fits.
func (c *Connector) callOn(ctx context.Context, v *Session, tool string, args json.RawMessage, o Options) (*Result, error) {
	refuse := func(k Kind, format string, a ...any) error {
		return &Error{Kind: k, Connector: c.config.Name, Tool: tool, Text: fmt.Sprintf(format, a...)}
	}
	c.mu.Lock()
	shut := c.quarantine
	c.mu.Unlock()
	if shut != "" {
		return nil, refuse(Quarantine, "it is in quarantine: %s", shut)
	}
	if len(bytes.TrimSpace(args)) == 0 {
		args = json.RawMessage("{}")
	}
	if len(args) > argsLimit {
		return nil, refuse(BadInput, "its arguments have %d bytes, %d are allowed", len(args), argsLimit)
	}
	if text := bytes.TrimSpace(args); text[0] != '{' || !json.Valid(text) {
		return nil, refuse(BadInput, "its arguments are not a JSON object")
	}
	start := c.host.Now()
	if !o.Deadline.IsZero() {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, max(0, o.Deadline.Sub(start)))
		defer stop()
	}
	cat := c.Last()
	if cat == nil {
		var err error
		if cat, err = c.Catalogue(ctx); err != nil {
			return nil, err
		}
	}
	def, ok := cat.Own(tool)
	if !ok || !c.config.offers(tool) && (tool != c.config.Rollback || !o.Rollback) {
		return nil, refuse(Unknown, "it offers no tool of this name")
	}
	if err := c.slot(ctx); err != nil {
		return nil, err
	}
	defer func() { <-c.slots }()
	k := &invocation{c: c, view: v, tool: tool, def: def, args: args, o: o}
	res, err := k.run(ctx)
	if err != nil {
		err = c.fail(tool, err)
		var e *Error
		if errors.As(err, &e) {
			named := *e
			named.Tool, named.Sent = cmp.Or(e.Tool, tool), k.sent.Load()
			err = &named
		}
		return nil, err
	}
	res.Duration = c.host.Now().Sub(start)
	return res, nil
}

// slot waits until fewer than Concurrency calls are under way.
func (c *Connector) slot(ctx context.Context) error {
	select {
	case c.slots <- struct{}{}:
		return nil
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	select {
	case c.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		if ctx.Err() == context.DeadlineExceeded {
			return &Error{Kind: Busy, Connector: c.config.Name, Text: fmt.Sprintf("%d calls are under way, which is the limit, and none ended in time: try again, or raise concurrency", c.config.Concurrency)}
		}
		return c.gaveUp(ctx)
	case <-c.life.Done():
		return &Error{Kind: Closed, Connector: c.config.Name, Text: "Plimsoll is shutting down"}
	}
}

// invocation is one round of a call.
type invocation struct {
	c    *Connector
	view *Session
	tool string
	def  Definition
	args json.RawMessage
	o    Options
	sent atomic.Bool // a request left
}

// left notes whether a request left: one that surely did not changes nothing.
func (k *invocation) left(err error) {
	var f *wire.Fault
	if !errors.As(err, &f) || !f.Unsent && f.Kind != wire.Refused && f.Kind != wire.Unauthorised {
		k.sent.Store(true)
	}
}

func (k *invocation) run(ctx context.Context) (*Result, error) {
	if k.o.RequestState != "" {
		s, upstream, err := k.c.openState(k.o.Principal, k.tool, k.args, k.o.RequestState)
		if err != nil {
			return nil, err
		}
		if s != nil {
			ctx, cancel := context.WithTimeout(ctx, k.c.config.Timeout)
			defer cancel()
			return k.resume(ctx, s)
		}
		k.o.RequestState = upstream
	} else if len(k.o.InputResponses) > 0 {
		return nil, &Error{Kind: BadInput, Connector: k.c.config.Name, Text: "input responses need the requestState that asked for them"}
	}
	// A session that ended before the request left is nobody's fault: once more.
	for try := 0; ; try++ {
		res, err := k.once(ctx)
		var f *wire.Fault
		if try == 0 && errors.As(err, &f) && f.Unsent && (f.Kind == wire.Died || f.Kind == wire.Gone) && (k.view == nil || !k.view.o.Own) {
			continue
		}
		return res, err
	}
}

func (k *invocation) once(ctx context.Context) (*Result, error) {
	l, suspends, err := k.lane(ctx)
	if err != nil {
		return nil, err
	}
	// The server's time begins when it runs: a start has its own bound.
	ctx, cancel := context.WithTimeout(ctx, k.c.config.Timeout)
	defer cancel()
	if suspends {
		return k.suspendable(ctx, l)
	}
	defer func() { l.release(k.c.host.Now()) }()
	if k.mustBeAlone(l) {
		select {
		case l.turn <- struct{}{}:
			defer func() { <-l.turn }()
		case <-ctx.Done():
			return nil, k.c.gaveUp(ctx)
		}
	}
	for round := 0; ; round++ {
		req, err := k.request(l, &asking{answer: k.o.Ask.answer})
		if err != nil {
			return nil, err
		}
		end := k.c.measured(ctx, l.conn, k.def.Public, &req)
		res, err := l.conn.Call(ctx, req)
		k.left(err)
		if err != nil {
			end(0, false, err)
			return nil, err
		}
		k.c.succeeded()
		out, err := k.result(res, l.conn.Server().Revision)
		if err != nil {
			end(0, false, err)
			return nil, err
		}
		end(int(out.Bytes), out.IsError, nil)
		if !out.NeedsInput {
			return out, nil
		}
		if !k.o.Ask.any() {
			return k.seal(out)
		}
		if round == 10 {
			return nil, &Error{Kind: Protocol, Connector: k.c.config.Name, Text: "it asked for input more than 10 times in one call"}
		}
		if err := k.answerAll(ctx, out); err != nil {
			return nil, err
		}
	}
}

// lane chooses where the call runs; suspends says that its questions have to
// wait for the caller's next round.
func (k *invocation) lane(ctx context.Context) (l *lane, suspends bool, err error) {
	c := k.c
	if k.view != nil && k.view.o.Own {
		l, err = k.view.own(ctx)
		return l, err == nil && k.asks() && !k.o.Ask.any() && l.conn.Server().Revision != wire.Stateless, err
	}
	key := laneKey{}
	if c.config.Stateful {
		// A session's state lives in one upstream session, whatever is called.
		key = stateKey(k.o.Principal, k.o.Session, k.o.Capabilities, k.o.Ask)
		l, err = c.acquire(ctx, key, false)
		return l, err == nil && k.asks() && !k.o.Ask.any() && l.conn.Server().Revision != wire.Stateless, err
	}
	if !k.asks() && k.o.Capabilities == nil {
		l, err = c.acquire(ctx, key, false)
		return l, false, err
	}
	c.mu.Lock()
	revision := c.revision
	c.mu.Unlock()
	if c.config.Revision != "" {
		revision = c.config.Revision
	}
	if revision == "" {
		plain, err := c.acquire(ctx, laneKey{}, false)
		if err != nil {
			return nil, false, err
		}
		revision = plain.conn.Server().Revision
		plain.release(c.host.Now())
	}
	if revision == wire.Stateless {
		l, err = c.acquire(ctx, key, false)
		return l, false, err
	}
	key.caps = string(capabilities(k.o.Capabilities, k.o.Ask))
	if key.caps == nothing {
		// A client that says it can do nothing must not look as if it could: the server
		// has to refuse what it could not do without asking.
		l, err = c.acquire(ctx, key, false)
		return l, false, err
	}
	l, err = c.acquire(ctx, key, c.config.URL == "")
	return l, err == nil && !k.o.Ask.any(), err
}

// stateKey is the lane of a caller session of a stateful connector.
func stateKey(principal, session string, caps *mcp.ClientCapabilities, a Asker) laneKey {
	key := laneKey{session: principal + "\x00" + session}
	if a.any() || declares(caps) {
		key.caps = string(capabilities(caps, a))
	}
	return key
}

func (k *invocation) asks() bool { return k.o.Ask.any() || declares(k.o.Capabilities) }

// mustBeAlone: over stdio in 2025-11-25 nothing but solitude says whose question
// it is.
func (k *invocation) mustBeAlone(l *lane) bool {
	return k.c.config.URL == "" && l.key.caps != "" && l.key.caps != nothing && l.key.number == 0 && l.conn.Server().Revision != wire.Stateless && (k.view == nil || !k.view.o.Own)
}

// request is the call as it goes over the wire.
func (k *invocation) request(l *lane, owner *asking) (wire.Request, error) {
	revision := l.conn.Server().Revision
	params := map[string]any{"name": k.tool}
	meta, token := cleanMeta(k.o.Meta)
	if revision == wire.Stateless {
		if len(k.o.InputResponses) > 0 {
			params["inputResponses"] = k.o.InputResponses
		}
		if k.o.RequestState != "" {
			params["requestState"] = k.o.RequestState
		}
	}
	raw, err := plainJSON(params)
	if err != nil {
		return wire.Request{}, &Error{Kind: BadInput, Connector: k.c.config.Name, Text: fmt.Sprintf("the call cannot be written as JSON: %v", err)}
	}
	// The arguments go as they came; they were checked to be one valid object.
	whole := make([]byte, 0, len(raw)+len(k.args)+16)
	whole = append(append(whole, `{"arguments":`...), k.args...)
	raw = append(append(whole, ','), raw[1:]...)
	req := wire.Request{Method: "tools/call", Params: raw, Meta: meta, Name: k.tool, Limit: k.c.config.OutputLimit, Spills: true, Progress: k.o.Progress != nil,
		LogLevel: string(k.o.LogLevel), Owner: owner}
	if revision == wire.Stateless {
		req.Caps = capabilities(k.o.Capabilities, k.o.Ask)
		if k.c.config.URL != "" {
			req.Header = wire.ParamHeaders(k.def.Raw, k.args)
		}
	}
	if k.o.Progress != nil || k.o.Log != nil {
		// On the wire the token is ours, which is unique among callers; the caller
		// gets its own back.
		progress, log := k.o.Progress, k.o.Log
		req.Notify = func(method string, p json.RawMessage) { deliver(method, p, token, progress, log) }
	}
	return req, nil
}

func deliver(method string, p json.RawMessage, token any, progress func(*mcp.ProgressNotificationParams), log func(*mcp.LoggingMessageParams)) {
	switch method {
	case "notifications/progress":
		var v mcp.ProgressNotificationParams
		if progress != nil && json.Unmarshal(p, &v) == nil {
			v.ProgressToken = token
			progress(&v)
		}
	case "notifications/message":
		var v mcp.LoggingMessageParams
		if log != nil && json.Unmarshal(p, &v) == nil {
			log(&v)
		}
	}
}

// cleanMeta drops what belongs to the protocol between us and the server.
func cleanMeta(meta mcp.Meta) (out mcp.Meta, token any) {
	for k, v := range meta {
		if k == "progressToken" {
			token = v
			continue
		}
		if strings.HasPrefix(k, "io.modelcontextprotocol/") {
			continue
		}
		if out == nil {
			out = mcp.Meta{}
		}
		out[k] = v
	}
	return out, token
}

func plainJSON(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

func (c *Connector) succeeded() {
	c.mu.Lock()
	c.circuit.ok()
	c.mu.Unlock()
}

// result reads the little that has to be known of an answer.
func (k *invocation) result(res *wire.Response, revision string) (*Result, error) {
	if res.Over != nil {
		if res.Over.Kept {
			k.c.host.Recorder.Add(telemetry.Spilled, 1, k.c.config.Name)
		}
		return shorten(res.Over, revision)
	}
	out := &Result{Raw: res.Result, Bytes: int64(len(res.Result)), Revision: revision}
	var v struct {
		IsError bool   `json:"isError"`
		Type    string `json:"resultType"`
	}
	if text := bytes.TrimSpace(res.Result); len(text) == 0 || text[0] != '{' {
		return nil, &Error{Kind: Protocol, Connector: k.c.config.Name, Text: "its result is no JSON object: this is a defect of the server"}
	}
	if err := json.Unmarshal(res.Result, &v); err != nil {
		return nil, &Error{Kind: Protocol, Connector: k.c.config.Name, Text: fmt.Sprintf("its result has a wrong shape: %v", err)}
	}
	out.IsError, out.NeedsInput = v.IsError, v.Type == "input_required"
	return out, nil
}
