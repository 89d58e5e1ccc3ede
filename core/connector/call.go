package connector

import (
	"context"
	"encoding/json"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// Options of one call. The zero value is a call that nobody can be asked about.
type Options struct {
	Principal string // who calls; request states and sessions are bound to it
	Session   string // the caller's session: chooses the upstream session of a stateful connector
	Deadline  time.Time
	Rollback  bool     // a call of Config.Rollback by Plimsoll itself, offered or not
	Meta      mcp.Meta // goes up as _meta; protocol members of it and baggage are dropped, and the trace is that of the context, if it has one

	Progress func(*mcp.ProgressNotificationParams) // of this call; called in order, must not block long
	Log      func(*mcp.LoggingMessageParams)       // log messages that certainly belong to this call
	LogLevel mcp.LoggingLevel                      // asked of servers of 2026-07-28, per request

	// Capabilities are what the caller can be asked for (elicitation, sampling,
	// roots). A server is told of nothing else.
	Capabilities *mcp.ClientCapabilities
	// Ask answers a server's request during the call, for callers that can be
	// asked at once. Without it, and with Capabilities, the call is suspended: the
	// result is input_required with a RequestState, and the caller calls again.
	Ask Asker

	InputResponses mcp.InputResponseMap // the second and later rounds of a call
	RequestState   string
}

// Asker answers what a server asks of its client. Members left nil are not
// declared to the server.
type Asker struct {
	Elicit func(context.Context, *mcp.ElicitParams) (*mcp.ElicitResult, error)
	Sample func(context.Context, *mcp.CreateMessageWithToolsParams) (*mcp.CreateMessageWithToolsResult, error)
	Roots  func(context.Context) (*mcp.ListRootsResult, error)
}

// Result is what a tool answered.
type Result struct {
	// Raw is the result object: content, structuredContent, isError, _meta, or
	// resultType "input_required" with inputRequests and requestState. When
	// Truncated it is an object of ours: the head as one text, isError as the
	// server said, and in _meta where the rest is.
	Raw        json.RawMessage
	NeedsInput bool   // input_required: call again with InputResponses and RequestState
	IsError    bool   // the tool says that it failed
	Truncated  bool   // beyond OutputLimit
	Cut        bool   // beyond HardLimit: even the blob ends before the result did
	Blob       string // digest of what was kept; "" without a Spiller or when not truncated
	Bytes      int64  // of the whole result as received
	Duration   time.Duration
	Revision   string // that the server spoke
}

// Typed decodes the result. It fails on content that the SDK does not know; Raw
// never does.
func (r *Result) Typed() (*mcp.CallToolResult, error) {
	var out mcp.CallToolResult
	if err := json.Unmarshal(r.Raw, &out); err != nil {
		return nil, err
	}
	return &out, nil
}
