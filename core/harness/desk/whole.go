package desk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/plimsoll-dev/plimsoll/core/access"
	"github.com/plimsoll-dev/plimsoll/core/audit"
	"github.com/plimsoll-dev/plimsoll/core/connector"
	"github.com/plimsoll-dev/plimsoll/core/mcp"
)

// Wholes serves connectors whole, under their tools' own names and the rules, the
// lock and the log of everything else.
func (d *Desk) Wholes(names []string) mcp.Whole {
	return wholes{desk: d, names: slices.Sorted(slices.Values(names))}
}

type wholes struct {
	desk  *Desk
	names []string
}

func (w wholes) Names() []string { return w.names }

// Open starts a caller's session with a server. It stands on what callers share as
// long as it can: a session of its own is a process where the server is a program.
func (w wholes) Open(ctx context.Context, name string, caller mcp.Caller, hello mcp.Hello, peer mcp.Peer) (mcp.Upstream, error) {
	up := w.desk.host.Connector(name)
	if up == nil || !slices.Contains(w.names, name) {
		return nil, &mcp.Problem{Code: mcp.CodeUnknown, What: "There is no such connector."}
	}
	if err := w.admit(ctx, name, caller, hello); err != nil {
		return nil, err
	}
	u := &upstream{desk: w.desk, name: name, options: connector.SessionOptions{
		Principal: principal(caller), Key: caller.Session,
		Log:      func(p *sdk.LoggingMessageParams) { tell(peer, "notifications/message", p) },
		Changed:  func(list string) { tell(peer, "notifications/"+list+"/list_changed", struct{}{}) },
		Updated:  func(p *sdk.ResourceUpdatedNotificationParams) { tell(peer, "notifications/resources/updated", p) },
		Elicited: func(p *sdk.ElicitationCompleteParams) { tell(peer, "notifications/elicitation/complete", p) },
	}}
	if len(hello.Capabilities) > 0 {
		if err := json.Unmarshal(hello.Capabilities, &u.options.Capabilities); err != nil {
			return nil, invalid("the client's capabilities cannot be read: %v", err)
		}
	}
	if !hello.Stateless {
		u.options.Ask = asker(peer, u.options.Capabilities)
	}
	s, err := up.Session(ctx, u.options)
	if err != nil {
		return nil, problemOf(name, err)
	}
	u.session = s
	return u, nil
}

// admit is the gate before a server is even started for a caller: its name, its
// capabilities and what it says of itself are told to whoever comes in. A session is
// written down; a request without one writes itself down.
func (w wholes) admit(ctx context.Context, name string, caller mcp.Caller, hello mcp.Hello) error {
	d := w.desk
	c, now := d.Shown(), d.host.Now()
	record := d.call(caller, audit.ActionList)
	record.Connector = name
	e := c.method(name, "initialize")
	if e != nil {
		yes := true // to look is to read, whatever the server calls it
		e.Annotations.ReadOnly = &yes
	}
	if e == nil || !c.sees(e, caller, access.List, now) {
		record.Outcome, record.Reason = audit.OutcomeUnknown, "there is no such connector for this caller"
		if err := d.journal.note(ctx, record, nil); err != nil {
			return err
		}
		return &mcp.Problem{Code: mcp.CodeUnknown, What: "There is no such connector."}
	}
	if err := d.host.Ready(ctx, name); err != nil {
		record.Outcome, record.Reason = audit.OutcomeDenied, err.Error()
		if noted := d.journal.note(ctx, record, nil); noted != nil {
			return noted
		}
		return problemOf(name, err)
	}
	if hello.Stateless {
		return nil
	}
	record.Outcome, record.Duration = audit.OutcomeOK, d.host.Now().Sub(now)
	return d.journal.note(ctx, record, nil)
}

// upstream is one session with one server.
type upstream struct {
	desk    *Desk
	name    string
	options connector.SessionOptions

	mu      sync.Mutex
	session *connector.Session
}

// now is the session that requests go over.
func (u *upstream) now() *connector.Session {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.session
}

// own gives the caller a session of its own, for what a server keeps per session:
// the log level and subscriptions must not reach another caller.
func (u *upstream) own(ctx context.Context) (*connector.Session, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.options.Own {
		return u.session, nil
	}
	up := u.desk.host.Connector(u.name)
	if up == nil {
		return nil, &mcp.Problem{Code: mcp.CodeUnavailable, What: "The connector is not declared any more."}
	}
	o := u.options
	o.Own = true
	s, err := up.Session(ctx, o)
	if err != nil {
		return nil, err
	}
	shared := u.session
	u.options, u.session = o, s
	return s, shared.Close()
}

// tell passes a notification on. A client that is gone is not told.
func tell(peer mcp.Peer, method string, params any) {
	if raw, err := json.Marshal(params); err == nil {
		_ = peer.Notify(context.Background(), method, raw)
	}
}

// Welcome is what the server says of itself, without its instructions: nobody
// approved them, and a model would follow them.
func (u *upstream) Welcome() mcp.Welcome {
	init := u.now().Init()
	info, _ := json.Marshal(init.ServerInfo) // the SDK's own types always have a JSON form
	caps, _ := json.Marshal(init.Capabilities)
	return mcp.Welcome{Revision: init.ProtocolVersion, Info: info, Capabilities: caps}
}

func (u *upstream) Close() error { return u.now().Close() }

func (u *upstream) Notify(context.Context, string, json.RawMessage) error {
	return nil // an upstream session has its capabilities once, and asks for roots when it needs them
}

// Request is one request under the gate.
func (u *upstream) Request(ctx context.Context, r mcp.Request) (json.RawMessage, error) {
	switch r.Method {
	case "tools/call":
		return u.call(ctx, r)
	case "tools/list":
		return u.list(ctx, r)
	}
	return u.pass(ctx, r)
}

// call is a tool call by the server's own name.
func (u *upstream) call(ctx context.Context, r mcp.Request) (json.RawMessage, error) {
	var p struct {
		Name           string               `json:"name"`
		Arguments      json.RawMessage      `json:"arguments"`
		Meta           sdk.Meta             `json:"_meta"`
		InputResponses sdk.InputResponseMap `json:"inputResponses"`
		RequestState   string               `json:"requestState"`
	}
	if err := json.Unmarshal(r.Params, &p); err != nil {
		return nil, invalid("the params of tools/call cannot be read: %v", err)
	}
	d, caller := u.desk, r.Caller
	o := connector.Options{
		Principal: principal(caller), Session: caller.Session, Meta: p.Meta, Capabilities: u.options.Capabilities,
		InputResponses: p.InputResponses, RequestState: p.RequestState,
		Log: func(n *sdk.LoggingMessageParams) { tell(r.Peer, "notifications/message", n) },
	}
	if r.Ask {
		o.Ask = asker(r.Peer, u.options.Capabilities)
	}
	if token, ok := p.Meta["progressToken"]; ok {
		o.Progress = func(n *sdk.ProgressNotificationParams) {
			n.ProgressToken = token
			tell(r.Peer, "notifications/progress", n)
		}
	}
	c := d.Shown()
	record := d.call(caller, audit.ActionCall)
	record.Connector, record.Tool = u.name, clip(line(p.Name), 256)
	called, err := d.act(ctx, caller, c, c.offered(u.name, p.Name), record, given{arguments: p.Arguments, state: p.RequestState}, func(ctx context.Context) (*connector.Result, error) {
		return u.now().CallTool(ctx, p.Name, p.Arguments, o)
	})
	if err != nil {
		return nil, wire(err)
	}
	return called.Result, nil
}

// list is one page of the server's tools, without those that the caller may not
// see or whose definition is not the one that a person approved: it is compared
// as it comes, since servers need not announce a change.
func (u *upstream) list(ctx context.Context, r mcp.Request) (json.RawMessage, error) {
	raw, err := u.now().Raw(ctx, "tools/list", r.Params)
	if err != nil {
		return nil, wire(err)
	}
	var page map[string]json.RawMessage
	var tools []json.RawMessage
	if err := json.Unmarshal(raw, &page); err != nil {
		return nil, wire(fmt.Errorf("the list of tools cannot be read: %w", err))
	}
	if err := json.Unmarshal(page["tools"], &tools); err != nil {
		return nil, wire(fmt.Errorf("the list of tools cannot be read: %w", err))
	}
	d, caller := u.desk, r.Caller
	c, now := d.Shown(), d.host.Now()
	kept, names := []json.RawMessage{}, []string{}
	for _, def := range tools {
		var named struct {
			Name string `json:"name"`
		}
		if json.Unmarshal(def, &named) != nil {
			continue
		}
		e := c.offered(u.name, named.Name)
		if e == nil || e.Shut != "" || !same(def, e) || !c.sees(e, caller, access.List, now) {
			continue
		}
		kept, names = append(kept, def), append(names, named.Name)
	}
	if page["tools"], err = exact(kept); err != nil {
		return nil, err
	}
	record := d.call(caller, audit.ActionList)
	record.Connector, record.Outcome, record.Result = u.name, audit.OutcomeOK, digestOf(names)
	if err := d.journal.note(ctx, record, nil); err != nil {
		return nil, err
	}
	return exact(page)
}

// pass is everything else: prompts, resources, completion, subscriptions. The
// gate sees it as a tool that is named after the method, so that rules
// can speak of it: "github_resources/read".
func (u *upstream) pass(ctx context.Context, r mcp.Request) (json.RawMessage, error) {
	d, caller, method, params := u.desk, r.Caller, r.Method, r.Params
	c, now := d.Shown(), d.host.Now()
	record := d.call(caller, audit.ActionCall)
	record.Connector, record.Tool = u.name, clip(line(method), 256)
	e := c.method(u.name, method)
	if e == nil || !c.sees(e, caller, access.Describe, now) {
		record.Outcome, record.Reason = audit.OutcomeDenied, "the rules do not allow it"
		if err := d.journal.note(ctx, record, c.params(arguments(params))); err != nil {
			return nil, err
		}
		return nil, &jsonrpc.Error{Code: jsonrpc.CodeMethodNotFound, Message: "method not found: " + strings.ToValidUTF8(clip(method, 128), "")}
	}
	if err := d.host.Ready(ctx, u.name); err != nil {
		record.Outcome, record.Reason = audit.OutcomeDenied, err.Error()
		if noted := d.journal.note(ctx, record, c.params(arguments(params))); noted != nil {
			return nil, noted
		}
		return nil, wire(err)
	}
	if quiet(method) {
		return u.through(ctx, method, params)
	}
	if _, err := d.begin(ctx, c, e, caller, access.Call, given{arguments: arguments(params)}, &record, func() error { return nil }); err != nil {
		return nil, wire(err)
	}
	raw, err := u.through(ctx, method, params)
	if err == nil && c.servers[u.name].Sanitise {
		if raw, err = sanitised(raw); err != nil {
			err = wire(fmt.Errorf("the answer to %s cannot be read: %w", clip(line(method), 128), err))
		}
	}
	record.Outcome, record.Bytes, record.Duration = audit.OutcomeOK, int64(len(raw)), d.host.Now().Sub(now)
	switch {
	case err != nil && ctx.Err() != nil:
		record.Outcome, record.Reason = audit.OutcomeCanceled, err.Error()
	case err != nil:
		record.Outcome, record.Reason = audit.OutcomeError, err.Error()
	default:
		record.Result = digestOf(raw)
	}
	d.journal.end(record)
	return raw, err
}

// quiet are requests that carry nothing anybody would look for in the log.
func quiet(method string) bool { return method == "ping" || method == "logging/setLevel" }

// perSession tells whether a server of the old revision keeps what is asked per session.
func perSession(method string) bool {
	return method == "resources/subscribe" || method == "resources/unsubscribe" || method == "logging/setLevel"
}

// through hands a request to the server.
func (u *upstream) through(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	var p struct {
		URI   string           `json:"uri"`
		Level sdk.LoggingLevel `json:"level"`
	}
	if perSession(method) {
		if err := json.Unmarshal(params, &p); err != nil {
			return nil, invalid("the params of %s cannot be read: %v", method, err)
		}
	}
	if !perSession(method) {
		raw, err := u.now().Raw(ctx, method, params)
		return raw, wire(err)
	}
	s, err := u.own(ctx)
	if err != nil {
		return nil, wire(err)
	}
	switch method {
	case "resources/subscribe":
		err = s.Subscribe(ctx, p.URI)
	case "resources/unsubscribe":
		err = s.Unsubscribe(ctx, p.URI)
	default:
		err = s.SetLevel(ctx, p.Level)
	}
	if err != nil {
		return nil, wire(err)
	}
	return json.RawMessage("{}"), nil
}

// arguments are a request's params as rules see them: without what belongs to the
// protocol.
func arguments(params json.RawMessage) json.RawMessage {
	var p map[string]json.RawMessage
	if json.Unmarshal(params, &p) != nil {
		return params // the gate refuses what is no object
	}
	for _, name := range []string{"_meta", "inputResponses", "requestState"} {
		delete(p, name)
	}
	raw, err := json.Marshal(p)
	if err != nil {
		return params
	}
	return raw
}

// wire is an error as the client of a whole connector gets it: the server's own
// goes on unchanged.
func wire(err error) error {
	if err == nil {
		return nil
	}
	var e *connector.Error
	if errors.As(err, &e) && e.Kind == connector.Upstream {
		return &jsonrpc.Error{Code: int64(e.Code), Message: e.Message, Data: e.Data}
	}
	var p *mcp.Problem
	switch {
	case errors.As(err, &p) && (p.Code == mcp.CodeUnknown || p.Code == mcp.CodeInvalid):
		return invalid("%s", p.Error())
	case errors.As(err, &p):
		return &jsonrpc.Error{Code: jsonrpc.CodeInternalError, Message: p.Error()}
	case errors.As(err, &e):
		return &jsonrpc.Error{Code: jsonrpc.CodeInternalError, Message: e.Error()}
	}
	return err
}

func invalid(format string, args ...any) error {
	return &jsonrpc.Error{Code: jsonrpc.CodeInvalidParams, Message: fmt.Sprintf(format, args...)}
}

// asker asks the client what a server asks during a call. Only what the client
// said it can be asked for is offered.
func asker(peer mcp.Peer, caps *sdk.ClientCapabilities) connector.Asker {
	var a connector.Asker
	if caps == nil {
		return a
	}
	if caps.Elicitation != nil {
		a.Elicit = func(ctx context.Context, p *sdk.ElicitParams) (*sdk.ElicitResult, error) {
			return asked[sdk.ElicitResult](ctx, peer, "elicitation/create", p)
		}
	}
	if caps.Sampling != nil {
		a.Sample = func(ctx context.Context, p *sdk.CreateMessageWithToolsParams) (*sdk.CreateMessageWithToolsResult, error) {
			return asked[sdk.CreateMessageWithToolsResult](ctx, peer, "sampling/createMessage", p)
		}
	}
	if caps.RootsV2 != nil {
		a.Roots = func(ctx context.Context) (*sdk.ListRootsResult, error) {
			return asked[sdk.ListRootsResult](ctx, peer, "roots/list", struct{}{})
		}
	}
	return a
}

func asked[T any](ctx context.Context, peer mcp.Peer, method string, params any) (*T, error) {
	raw, err := json.Marshal(params)
	if err != nil {
		return nil, err
	}
	answer, err := peer.Request(ctx, method, raw)
	if err != nil {
		return nil, err
	}
	out := new(T)
	if err := json.Unmarshal(answer, out); err != nil {
		return nil, fmt.Errorf("reading the client's answer to %s: %w", method, err)
	}
	return out, nil
}
