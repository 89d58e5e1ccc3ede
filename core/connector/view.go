package connector

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/plimsoll-dev/plimsoll/core/connector/wire"
)

// Session is a caller's own view of the whole server, for serving it under its
// own names.
func (c *Connector) Session(ctx context.Context, o SessionOptions) (*Session, error) {
	s := &Session{c: c, o: o, stop: map[string]context.CancelFunc{}, subs: map[string]bool{}}
	s.life, s.end = context.WithCancel(c.life)
	if o.Own {
		c.mu.Lock()
		c.numbered++
		s.key = laneKey{session: fmt.Sprintf("own %d", c.numbered), caps: string(capabilities(o.Capabilities, o.Ask))}
		c.mu.Unlock()
	} else if c.config.Stateful {
		s.key = stateKey(o.Principal, o.Key, o.Capabilities, o.Ask)
	}
	l, err := c.acquire(ctx, s.key, false)
	if err != nil {
		s.end()
		return nil, err
	}
	srv := l.conn.Server()
	s.init = &mcp.InitializeResult{ProtocolVersion: srv.Revision, Instructions: srv.Instructions, Capabilities: &mcp.ServerCapabilities{}, ServerInfo: &mcp.Implementation{}}
	if len(srv.Capabilities) > 0 {
		err = json.Unmarshal(srv.Capabilities, s.init.Capabilities)
	}
	if err == nil && len(srv.Info) > 0 {
		err = json.Unmarshal(srv.Info, s.init.ServerInfo)
	}
	if err != nil {
		s.end()
		l.release(c.host.Now())
		return nil, &Error{Kind: Protocol, Connector: c.config.Name, Text: fmt.Sprintf("what it says of itself cannot be read: %v", err)}
	}
	c.mu.Lock()
	if o.Own {
		s.lane = l
	}
	c.views[s] = true
	c.mu.Unlock()
	if !o.Own {
		l.release(c.host.Now())
	} // its own lane is in use as long as the session lasts
	return s, nil
}

// own is the session's lane; when its upstream session has ended, so has this.
func (s *Session) own(context.Context) (*lane, error) {
	l := s.lane
	select {
	case <-l.conn.Done():
		return nil, s.over()
	default:
	}
	l.mu.Lock()
	l.uses++
	l.mu.Unlock()
	return l, nil
}

func (s *Session) over() error {
	return &Error{Kind: Gone, Connector: s.c.config.Name, Text: "the server's session has ended, and what it held with it: open another"}
}

func (s *Session) acquire(ctx context.Context) (*lane, error) {
	s.mu.Lock()
	shut := s.shut
	s.mu.Unlock()
	if shut {
		return nil, s.over()
	}
	if s.o.Own {
		return s.own(ctx)
	}
	return s.c.acquire(ctx, s.key, false)
}

// Bounds of what a session's methods hand back.
const readLimit = 32 << 20

// Raw calls any method and hands back the result's bytes: what the typed methods
// do, for results that the SDK's types would narrow. tools/call is refused: it
// has bounds of its own, see CallTool.
func (s *Session) Raw(ctx context.Context, method string, params any) (json.RawMessage, error) {
	c := s.c
	if method == "tools/call" || method == "initialize" || method == "server/discover" || strings.HasPrefix(method, "notifications/") {
		return nil, &Error{Kind: BadInput, Connector: c.config.Name, Text: method + " cannot be sent this way"}
	}
	raw, meta, err := s.params(method, params)
	if err != nil {
		return nil, c.fail("", err)
	}
	if err := c.slot(ctx); err != nil {
		return nil, err
	}
	defer func() { <-c.slots }()
	l, err := s.acquire(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	defer func() { l.release(c.host.Now()) }()
	s.mu.Lock()
	level := s.log
	s.mu.Unlock()
	clean, token := cleanMeta(meta)
	req := wire.Request{Method: method, Params: raw, Meta: clean, Limit: readLimit, LogLevel: string(level), Owner: &asking{answer: s.o.Ask.answer}}
	if l.conn.Server().Revision == wire.Stateless {
		req.Caps = capabilities(s.o.Capabilities, s.o.Ask)
	}
	if s.o.Log != nil || s.o.Progress != nil {
		req.Progress = s.o.Progress != nil && token != nil
		req.Notify = func(method string, p json.RawMessage) { deliver(method, p, token, s.o.Progress, s.o.Log) }
	}
	end := c.measured(ctx, l.conn, "", &req)
	res, err := l.conn.Call(ctx, req)
	end(sizeOf(res), false, err)
	if err != nil {
		return nil, c.fail("", err)
	}
	c.succeeded()
	return s.sealed(method, raw, res.Result)
}

// params writes the parameters of a request as the server gets them: without the
// protocol's part of _meta, and with the server's own state in place of ours.
func (s *Session) params(method string, params any) (json.RawMessage, mcp.Meta, error) {
	raw, err := plainJSON(params)
	if err != nil {
		return nil, nil, &Error{Kind: BadInput, Text: err.Error()}
	}
	if string(raw) == "null" {
		return nil, nil, nil
	}
	var v map[string]json.RawMessage
	if len(raw) > argsLimit || json.Unmarshal(raw, &v) != nil {
		return nil, nil, &Error{Kind: BadInput, Connector: s.c.config.Name, Text: "the parameters of " + method + " are no object, or too large"}
	}
	var meta mcp.Meta
	if m := v["_meta"]; len(m) > 0 {
		if err := json.Unmarshal(m, &meta); err != nil {
			return nil, nil, &Error{Kind: BadInput, Connector: s.c.config.Name, Text: "_meta is no object"}
		}
		delete(v, "_meta")
	}
	if m := v["requestState"]; len(m) > 0 {
		var state string
		if json.Unmarshal(m, &state) != nil {
			return nil, nil, &Error{Kind: BadInput, Connector: s.c.config.Name, Text: "requestState is no text"}
		}
		if state != "" {
			call, upstream, err := s.c.openState(s.o.Principal, method, about(v), state)
			if err != nil {
				return nil, nil, err
			}
			if call != nil {
				return nil, nil, &Error{Kind: BadInput, Connector: s.c.config.Name, Text: "this requestState belongs to a call of a tool"}
			}
			if v["requestState"], err = plainJSON(upstream); err != nil {
				return nil, nil, err
			}
		}
	}
	raw, err = plainJSON(v)
	return raw, meta, err
}

// about is what a request is about, which later rounds may not change.
func about(v map[string]json.RawMessage) json.RawMessage {
	b := []byte{}
	for _, name := range []string{"name", "uri", "arguments"} {
		b = fmt.Appendf(b, "%d:", len(v[name]))
		b = append(b, v[name]...)
	}
	return b
}

// sealed binds the state of an input_required result to the caller.
func (s *Session) sealed(method string, params, result json.RawMessage) (json.RawMessage, error) {
	if method != "prompts/get" && method != "resources/read" || !strings.Contains(string(result), "input_required") {
		return result, nil
	}
	var v, p map[string]json.RawMessage
	var kind, state string
	if json.Unmarshal(result, &v) != nil || json.Unmarshal(v["resultType"], &kind) != nil || kind != "input_required" || json.Unmarshal(params, &p) != nil {
		return result, nil // the typed methods say what is wrong with it
	}
	if raw := v["requestState"]; len(raw) > 0 && json.Unmarshal(raw, &state) != nil {
		return nil, &Error{Kind: Protocol, Connector: s.c.config.Name, Text: "its requestState is no text"}
	}
	var err error
	if v["requestState"], err = plainJSON(s.c.sealState("u", s.o.Principal, method, sha256.Sum256(about(p)), state)); err != nil {
		return nil, err
	}
	return plainJSON(v)
}

// typed is Raw with the SDK's result.
func typed[T any](ctx context.Context, s *Session, method string, params any) (*T, error) {
	raw, err := s.Raw(ctx, method, params)
	if err != nil {
		return nil, err
	}
	var out T
	if err := json.Unmarshal(raw, &out); err != nil {
		return nil, &Error{Kind: Protocol, Connector: s.c.config.Name, Text: fmt.Sprintf("its answer to %s has a wrong shape: %v", method, err), Err: err}
	}
	return &out, nil
}

// CallTool calls a tool by its own name under the connector's bounds. Members of
// o that the session has (Principal, Session, Capabilities, Ask, Log, LogLevel)
// are the session's when o leaves them empty.
func (s *Session) CallTool(ctx context.Context, tool string, args json.RawMessage, o Options) (*Result, error) {
	if o.Principal == "" {
		o.Principal = s.o.Principal
	}
	if o.Session == "" {
		o.Session = s.o.Key
	}
	if o.Capabilities == nil {
		o.Capabilities = s.o.Capabilities
	}
	if !o.Ask.any() {
		o.Ask = s.o.Ask
	}
	if o.Log == nil {
		o.Log = s.o.Log
	}
	s.mu.Lock()
	shut := s.shut
	if o.LogLevel == "" {
		o.LogLevel = s.log
	}
	s.mu.Unlock()
	if shut {
		return nil, s.over()
	}
	return s.c.callOn(ctx, s, tool, args, o)
}

// SetLevel is the least severity of log messages that come to Log. On a shared
// server of 2025-11-25 it is refused, since it would change what others get.
func (s *Session) SetLevel(ctx context.Context, level mcp.LoggingLevel) error {
	levels := []mcp.LoggingLevel{"debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"}
	if !slices.Contains(levels, level) {
		return &Error{Kind: BadInput, Connector: s.c.config.Name, Text: "this is no log level: " + wire.Show(string(level), 40)}
	}
	if s.init.ProtocolVersion != wire.Stateless {
		if !s.o.Own && !s.c.config.Stateful {
			return &Error{Kind: BadInput, Connector: s.c.config.Name, Text: "the log level of a server of " + s.init.ProtocolVersion + " holds for everybody who shares it: open a session of its own"}
		}
		if _, err := s.Raw(ctx, "logging/setLevel", &mcp.SetLoggingLevelParams{Level: level}); err != nil {
			return err
		}
	}
	s.mu.Lock()
	s.log = level
	s.mu.Unlock()
	return nil
}

// notified gets what belongs to no call, and what a subscription brings.
func (s *Session) notified(l *lane, method string, p json.RawMessage) {
	switch method {
	case "notifications/resources/updated":
		var v mcp.ResourceUpdatedNotificationParams
		if s.o.Updated == nil || json.Unmarshal(p, &v) != nil || !s.wants(v.URI) {
			return
		}
		delete(v.Meta, "io.modelcontextprotocol/subscriptionId")
		s.o.Updated(&v)
	case "notifications/message":
		// Only where nobody else could have caused it.
		if s.lane == nil || s.lane != l || s.o.Log == nil {
			return
		}
		deliver(method, p, nil, nil, s.o.Log)
	case "notifications/elicitation/complete":
		var v mcp.ElicitationCompleteParams
		if s.lane != nil && s.lane == l && s.o.Elicited != nil && json.Unmarshal(p, &v) == nil {
			s.o.Elicited(&v)
		}
	}
}

// Close ends the session and its upstream session, when it has one to itself.
func (s *Session) Close() error {
	s.mu.Lock()
	if s.shut {
		s.mu.Unlock()
		s.wait.Wait()
		return nil
	}
	var subs []string
	for u := range s.subs {
		subs = append(subs, u)
	}
	s.mu.Unlock()
	if s.lane == nil {
		ctx, cancel := context.WithTimeout(s.c.life, s.c.config.Timeout)
		for _, u := range subs { // the shared session would keep them
			_ = s.Unsubscribe(ctx, u)
		}
		cancel()
	}
	s.mu.Lock()
	s.shut = true
	s.mu.Unlock()
	s.end()
	s.c.mu.Lock()
	delete(s.c.views, s)
	if s.lane != nil && s.c.lanes[s.key] == s.lane {
		s.c.drop(s.lane)
	}
	s.c.mu.Unlock()
	s.wait.Wait()
	return nil
}
