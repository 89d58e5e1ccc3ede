package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// bridge joins one client session, or one stateless request, to an upstream.
// What the SDK has to do itself (handshake, ping, subscriptions, cancelling) stays
// with it; all else goes to the upstream and comes back as it is.
type bridge struct {
	visit     *visit
	upstream  Upstream
	peer      *peer // of the session
	stateless bool
	seen      func(definitions json.RawMessage) // of tools/list, as the caller sees it
	closed    atomic.Bool
}

// rounds is how often an older client is asked, for one request, what the
// upstream wants to know: as often as the SDK's own client answers.
const rounds = 10

// parting is how long an upstream is given to hear that a subscription ended.
const parting = 5 * time.Second

func (b *bridge) close() {
	if b.closed.CompareAndSwap(false, true) {
		_ = b.upstream.Close()
	}
}

// receive is the SDK middleware.
func (b *bridge) receive(next sdk.MethodHandler) sdk.MethodHandler {
	return func(ctx context.Context, method string, req sdk.Request) (sdk.Result, error) {
		ss, _ := req.GetSession().(*sdk.ServerSession)
		b.peer.bind(ss)
		switch method {
		case "initialize", "ping", "server/discover", "notifications/cancelled",
			"resources/subscribe", "resources/unsubscribe", "subscriptions/listen":
			return next(ctx, method, req)
		case "notifications/initialized":
			res, err := next(ctx, method, req)
			if err != nil {
				return res, err
			}
			// The SDK drops log messages until a level is set. Which ones are worth
			// sending is the upstream's decision, so it is told to drop none.
			_, err = next(ctx, "logging/setLevel", &sdk.ServerRequest[*sdk.SetLoggingLevelParams]{
				Session: ss, Params: &sdk.SetLoggingLevelParams{Level: "debug"}})
			return nil, err
		}
		params, err := paramsOf(req)
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(method, "notifications/") {
			return nil, b.upstream.Notify(ctx, method, params)
		}
		return b.request(ctx, ss, method, req, params)
	}
}

func (b *bridge) request(ctx context.Context, ss *sdk.ServerSession, method string, req sdk.Request, params json.RawMessage) (sdk.Result, error) {
	r := Request{Caller: b.visit.caller(ctx, req), Method: method, Params: params, Ask: !b.stateless}
	own := &peer{server: b.peer.server, ss: ss, ctx: ctx}
	if p := req.GetParams(); !isNil(p) {
		own.token = p.GetMeta()["progressToken"]
	}
	r.Peer = own
	revision := rev2025
	if b.stateless {
		revision = rev2026
	}
	for range rounds {
		raw, err := b.upstream.Request(ctx, r)
		if err != nil {
			return failure(method, err, revision)
		}
		body, err := readObject(raw)
		if err != nil {
			return nil, &jsonrpc.Error{Code: jsonrpc.CodeInternalError, Message: "the upstream's result is " + err.Error()}
		}
		if body.text("resultType") == typeInput && !b.stateless {
			// An older client cannot be handed what the upstream asks: it is asked.
			if r.Params, err = answer(ctx, own, r.Params, body); err != nil {
				return nil, err
			}
			continue
		}
		if method == "tools/list" && b.seen != nil {
			b.seen(raw)
		}
		return &reply{body: dress(body, method, revision)}, nil
	}
	return nil, &jsonrpc.Error{Code: jsonrpc.CodeInternalError, Message: fmt.Sprintf("the upstream asked for more after %d rounds of answers", rounds)}
}

// answer asks an older client for everything that an input_required result asks
// for, one after the other, and puts the answers into the params of the retry.
func answer(ctx context.Context, client Peer, params json.RawMessage, result object) (json.RawMessage, error) {
	var asks map[string]struct {
		Method string          `json:"method"`
		Params json.RawMessage `json:"params"`
	}
	if raw := result.get("inputRequests"); raw != nil {
		if err := json.Unmarshal(raw, &asks); err != nil {
			return nil, &jsonrpc.Error{Code: jsonrpc.CodeInternalError, Message: "the upstream's inputRequests cannot be read: " + err.Error()}
		}
	}
	if len(asks) == 0 {
		return nil, &jsonrpc.Error{Code: jsonrpc.CodeInternalError, Message: "the upstream is busy, try again later"}
	}
	answers := make(object, 0, len(asks))
	for _, id := range slices.Sorted(maps.Keys(asks)) {
		raw, err := client.Request(ctx, asks[id].Method, asks[id].Params)
		if err != nil {
			return nil, err
		}
		answers = append(answers, member{id, raw})
	}
	retry, err := readObject(params)
	if err != nil {
		return nil, fmt.Errorf("preparing the retry: %w", err)
	}
	retry = retry.set("inputResponses", answers.bytes()).drop("requestState")
	if state := result.get("requestState"); state != nil {
		retry = append(retry, member{"requestState", state})
	}
	return retry.bytes(), nil
}

// subscribed and unsubscribed tell the upstream what the SDK keeps track of, in
// both revisions.
func (b *bridge) subscribed(ctx context.Context, req *sdk.SubscribeRequest) error {
	_, err := b.upstream.Request(ctx, Request{Caller: b.visit.caller(ctx, req), Method: "resources/subscribe",
		Params: object{{"uri", quote(req.Params.URI)}}.bytes(), Peer: b.peer})
	return err
}

func (b *bridge) unsubscribed(ctx context.Context, req *sdk.UnsubscribeRequest) error {
	// A subscription of 2026-07-28 ends when its request does: ctx is over then.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), parting)
	defer cancel()
	_, err := b.upstream.Request(ctx, Request{Caller: b.visit.caller(ctx, req), Method: "resources/unsubscribe",
		Params: object{{"uri", quote(req.Params.URI)}}.bytes(), Peer: b.peer})
	return err
}

func paramsOf(req sdk.Request) (json.RawMessage, error) {
	p := req.GetParams()
	if isNil(p) {
		return json.RawMessage("{}"), nil
	}
	if e, ok := p.(*extra); ok {
		return e.raw, nil
	}
	raw, err := marshal(p)
	if err != nil {
		return nil, fmt.Errorf("reading the params: %w", err)
	}
	return raw, nil
}

// failure is an upstream's or the desk's refusal in the client's words.
func failure(method string, err error, revision string) (sdk.Result, error) {
	var wire *jsonrpc.Error
	if errors.As(err, &wire) {
		return nil, wire
	}
	var p *Problem
	if !errors.As(err, &p) {
		return nil, err
	}
	switch {
	case p.Code == CodeUnknown || p.Code == CodeInvalid:
		return nil, &jsonrpc.Error{Code: jsonrpc.CodeInvalidParams, Message: p.Error()}
	case method == "tools/call":
		// Where a model reads on: an error of the protocol would end its turn.
		body, err := readObject(problemResult(p))
		if err != nil {
			return nil, err
		}
		return &reply{body: dress(body, method, revision)}, nil
	}
	return nil, &jsonrpc.Error{Code: jsonrpc.CodeInternalError, Message: p.Error()}
}
