package mcp

import (
	"context"
	"encoding/json"
)

// Whole serves connectors whole: at /mcp/NAME, with their own names, under the
// same rules, lock and audit as through call_tool. The implementation stands
// between client and upstream: it leaves denied and quarantined tools out of
// tools/list, answers a call of one as a call of an unknown one, and audits.
type Whole interface {
	// Names lists the connectors that are served whole, sorted. It is constant.
	Names() []string
	// Open starts a session with the upstream for one client session or, when
	// hello.Stateless, for one request: it has to be cheap then, and may stand on
	// a shared connection. What an upstream tells or asks one principal never
	// arrives at another's peer. Open waits for the upstream's welcome, because
	// the client has to be told of it; ctx bounds the opening only.
	Open(ctx context.Context, name string, c Caller, hello Hello, peer Peer) (Upstream, error)
}

// Hello is what the client said of itself when it came.
type Hello struct {
	Revision     string          // "2026-07-28", "2025-11-25", ...
	Stateless    bool            // revision 2026-07-28 and later: this request is all there is
	Info         json.RawMessage // its Implementation, or nil
	Capabilities json.RawMessage // its ClientCapabilities, or nil
}

// Upstream is one session with an upstream, messages as raw JSON so that what
// passes through passes through to the byte.
type Upstream interface {
	// Welcome is what the upstream said of itself.
	Welcome() Welcome
	// Request sends a request and waits for the result. The upstream's errors
	// come back as *jsonrpc.Error and go to the client unchanged; a [*Problem]
	// goes to it as an error it can act upon. When ctx ends, the upstream is told.
	//
	// resources/subscribe and resources/unsubscribe are asked whatever the
	// revisions are. initialize, ping, server/discover and subscriptions/listen
	// are answered before they come here.
	Request(ctx context.Context, r Request) (json.RawMessage, error)
	// Notify passes a notification of the client on, for instance that its roots
	// changed. What the upstream cannot be told is dropped.
	Notify(ctx context.Context, method string, params json.RawMessage) error
	// Close ends the session. It is called once.
	Close() error
}

// Request is one request for an upstream.
type Request struct {
	Caller Caller
	Method string
	// Params as the client sent them, with _meta (progressToken, logLevel,
	// clientCapabilities, ...), inputResponses and requestState.
	Params json.RawMessage
	// Peer hears of the progress and the log messages of this request, before
	// Request returns, and is asked what the upstream asks when Ask is set.
	Peer Peer
	// Ask says that the client can be asked at once (older revisions). Otherwise
	// an upstream that asks is suspended, and the result is input_required with
	// inputRequests and requestState, whatever its own revision.
	Ask bool
}

// Welcome is an upstream's answer to initialize or server/discover.
type Welcome struct {
	Revision     string          // negotiated with the upstream
	Info         json.RawMessage // its Implementation, or nil
	Capabilities json.RawMessage // its ServerCapabilities
	Instructions string
}

// Peer is the client as an upstream sees it.
type Peer interface {
	// Notify passes a notification on: progress, log messages, list changes,
	// resource updates. It does not wait for the client to read it.
	Notify(ctx context.Context, method string, params json.RawMessage) error
	// Request asks the client: sampling/createMessage, elicitation/create,
	// roots/list. The result is the client's.
	Request(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error)
}
