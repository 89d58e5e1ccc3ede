package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// whole is the endpoint of one connector.
type whole struct {
	config Config
	name   string
	tools  *tools
}

func newWhole(c Config, name string) *whole {
	return &whole{config: c, name: name, tools: newTools()}
}

func (w *whole) session(ctx context.Context, v *visit, h Hello) (*sdk.Server, func(), error) {
	b, err := w.open(ctx, v, h)
	if err != nil {
		return nil, nil, err
	}
	return b.peer.server, b.close, nil
}

// request also gives the SDK the definition of the tool that is called, so that
// it can hold the Mcp-Param headers against the arguments (SEP-2243).
func (w *whole) request(ctx context.Context, v *visit, h Hello, p *probe) (*sdk.Server, func(), error) {
	h.Stateless = true
	b, err := w.open(ctx, v, h)
	if err != nil {
		return nil, nil, err
	}
	if p.Method == "tools/call" {
		if schema := w.tools.headers(ctx, b, p.Params.Name); schema != nil {
			mirror(b.peer.server, p.Params.Name, schema)
		}
	}
	return b.peer.server, b.close, nil
}

func (w *whole) open(ctx context.Context, v *visit, h Hello) (*bridge, error) {
	b := &bridge{visit: v, peer: &peer{}, stateless: h.Stateless}
	c := Caller{Principal: v.principal, Session: v.session, Via: v.via}
	if info := (sdk.Implementation{}); h.Info != nil && json.Unmarshal(h.Info, &info) == nil {
		c.Client = Client{Name: short(info.Name), Version: short(info.Version)}
	}
	up, err := w.config.Wholes.Open(ctx, w.name, c, h, b.peer)
	if err != nil {
		return nil, err
	}
	b.upstream = up
	if b.peer.server, err = w.server(b, up.Welcome()); err != nil {
		b.close()
		return nil, err
	}
	key := who(v.principal)
	b.seen = func(list json.RawMessage) { w.tools.learn(key, list) }
	return b, nil
}

// server speaks for the upstream: its name, its capabilities, its instructions.
func (w *whole) server(b *bridge, welcome Welcome) (*sdk.Server, error) {
	impl := sdk.Implementation{Name: w.name, Version: w.config.Version}
	if welcome.Info != nil {
		if err := json.Unmarshal(welcome.Info, &impl); err != nil {
			return nil, fmt.Errorf("connector %s: what it says of itself cannot be read: %w", w.name, err)
		}
	}
	var caps sdk.ServerCapabilities
	if welcome.Capabilities != nil {
		if err := json.Unmarshal(welcome.Capabilities, &caps); err != nil {
			return nil, fmt.Errorf("connector %s: its capabilities cannot be read: %w", w.name, err)
		}
	}
	id := b.visit.session
	s := sdk.NewServer(&impl, &sdk.ServerOptions{
		Capabilities:       &caps,
		Instructions:       welcome.Instructions,
		GetSessionID:       func() string { return id },
		SubscribeHandler:   b.subscribed,
		UnsubscribeHandler: b.unsubscribed,
	})
	if b.visit.live != nil {
		s.AddReceivingMiddleware(alive(b.visit))
	}
	s.AddReceivingMiddleware(b.receive)
	s.AddSendingMiddleware(asItCame)
	for _, method := range passing {
		if err := register(s, method, nobody); err != nil {
			return nil, err
		}
	}
	s.AddReceivingMiddleware(measured(w.config.Recorder, w.name))
	return s, nil
}

// nobody answers an extension method that the middleware did not take: none.
func nobody(context.Context, *sdk.ServerSession, *extra) (*reply, error) {
	return nil, &jsonrpc.Error{Code: jsonrpc.CodeMethodNotFound, Message: "nobody answers this method"}
}

// alive tells the visit of its session, once.
func alive(v *visit) sdk.Middleware {
	return func(next sdk.MethodHandler) sdk.MethodHandler {
		return func(ctx context.Context, method string, req sdk.Request) (sdk.Result, error) {
			if ss, ok := req.GetSession().(*sdk.ServerSession); ok && method == "initialize" {
				v.live(ss)
			}
			return next(ctx, method, req)
		}
	}
}

// mirror lets the SDK know of a tool whose arguments stand in headers, too. It
// panics on annotations that break the rules for them; such a tool is called
// without the check, because there is nothing to hold the headers against.
func mirror(s *sdk.Server, name string, schema json.RawMessage) {
	defer func() { _ = recover() }()
	s.AddTool(&sdk.Tool{Name: name, InputSchema: schema}, nil)
}

// headerWord is in every definition whose arguments are mirrored into headers.
const headerWord = "x-mcp-header"

func mirrored(schema json.RawMessage) bool { return strings.Contains(string(schema), headerWord) }
