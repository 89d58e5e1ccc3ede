package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// peer is a client of the SDK as an upstream sees it. The SDK routes a message to
// the stream of the request whose context it is sent with, so each request has a
// peer of its own; the peer of the session speaks on the stream that belongs to
// no request.
type peer struct {
	server *sdk.Server
	token  any // progressToken of the request, or nil

	mu  sync.Mutex
	ss  *sdk.ServerSession // of a session's peer: known with its first message
	ctx context.Context    // of the request; nil for a session's peer
}

func (p *peer) bind(ss *sdk.ServerSession) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ss = ss
}

func (p *peer) session(ctx context.Context) (context.Context, *sdk.ServerSession) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx != nil {
		return p.ctx, p.ss
	}
	return ctx, p.ss
}

// changes is what is added to an SDK server so that it tells its sessions of a
// change. Lists are answered before they reach the SDK, so nobody sees it.
const changes = "changed"

// Notify passes one notification on. What the SDK has no way to send is dropped:
// a notification asks for no answer.
func (p *peer) Notify(ctx context.Context, method string, params json.RawMessage) error {
	ctx, ss := p.session(ctx)
	if ss == nil {
		return nil // before the client's first message there is nobody to tell
	}
	switch method {
	case "notifications/progress":
		var n sdk.ProgressNotificationParams
		if p.token == nil {
			return nil
		}
		if err := decode(method, params, &n); err != nil {
			return err
		}
		n.ProgressToken = p.token
		return ss.NotifyProgress(ctx, &n)
	case "notifications/message":
		var n sdk.LoggingMessageParams
		if err := decode(method, params, &n); err != nil {
			return err
		}
		return ss.Log(ctx, &n)
	case "notifications/elicitation/complete":
		var n sdk.ElicitationCompleteParams
		if err := decode(method, params, &n); err != nil {
			return err
		}
		return ss.NotifyElicitationComplete(ctx, &n)
	case "notifications/resources/updated":
		var n sdk.ResourceUpdatedNotificationParams
		if err := decode(method, params, &n); err != nil {
			return err
		}
		return p.server.ResourceUpdated(ctx, &n)
	case "notifications/tools/list_changed":
		p.server.AddTool(&sdk.Tool{Name: changes, InputSchema: json.RawMessage(`{"type":"object"}`)}, nil)
	case "notifications/prompts/list_changed":
		p.server.AddPrompt(&sdk.Prompt{Name: changes}, nil)
	case "notifications/resources/list_changed":
		p.server.AddResource(&sdk.Resource{Name: changes, URI: "plimsoll:" + changes}, nil)
	}
	return nil
}

// Request asks the client.
func (p *peer) Request(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	_, ss := p.session(ctx)
	if ss == nil {
		return nil, &jsonrpc.Error{Code: jsonrpc.CodeInternalError, Message: "the client is not there yet"}
	}
	// ctx ends the question when the upstream takes it back; the request's own
	// context says on which stream it is asked.
	if p.ctx != nil {
		own, cancel := context.WithCancel(p.ctx)
		defer cancel()
		defer context.AfterFunc(ctx, cancel)()
		ctx = own
	}
	if len(params) > 0 {
		ctx = context.WithValue(ctx, rawKey{}, params)
	}
	switch method {
	case "elicitation/create":
		var q sdk.ElicitParams
		if err := decode(method, params, &q); err != nil {
			return nil, err
		}
		// The SDK holds the answer against the schema, and knows fewer schemas than
		// the protocol has; the upstream will look at it anyway.
		q.RequestedSchema = nil
		return encode(ss.Elicit(ctx, &q))
	case "sampling/createMessage":
		var q sdk.CreateMessageWithToolsParams
		if err := decode(method, params, &q); err != nil {
			return nil, err
		}
		return encode(ss.CreateMessageWithTools(ctx, &q))
	case "roots/list":
		return encode(ss.ListRoots(ctx, &sdk.ListRootsParams{}))
	}
	return nil, &jsonrpc.Error{Code: jsonrpc.CodeMethodNotFound, Message: fmt.Sprintf("a client cannot be asked for %q", method)}
}

type rawKey struct{}

// asItCame is the sending middleware that puts an upstream's own params in the
// place of what the SDK's types kept of them.
func asItCame(next sdk.MethodHandler) sdk.MethodHandler {
	return func(ctx context.Context, method string, req sdk.Request) (sdk.Result, error) {
		raw, ok := ctx.Value(rawKey{}).(json.RawMessage)
		ss, is := req.GetSession().(*sdk.ServerSession)
		if ok && is && (method == "elicitation/create" || method == "sampling/createMessage") {
			req = &sdk.ServerRequest[sdk.Params]{Session: ss, Params: &extra{raw: raw}}
		}
		return next(ctx, method, req)
	}
}

func decode(method string, params json.RawMessage, into any) error {
	if len(params) == 0 {
		params = json.RawMessage("{}")
	}
	if err := json.Unmarshal(params, into); err != nil {
		return &jsonrpc.Error{Code: jsonrpc.CodeInvalidParams, Message: fmt.Sprintf("%s: %v", method, err)}
	}
	return nil
}

func encode[R any](result R, err error) (json.RawMessage, error) {
	if err != nil {
		return nil, err
	}
	return marshal(result)
}

// marshal is json.Marshal that leaves <, > and & as they are: what passes
// through is not to be rewritten.
func marshal(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// isNil sees through the interface: the SDK hands nil pointers in Params.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	r := reflect.ValueOf(v)
	return r.Kind() == reflect.Pointer && r.IsNil()
}
