package connector

import (
	"context"
	"encoding/json"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// SessionOptions say for whom a Session is.
type SessionOptions struct {
	Principal string
	Key       string // the caller's session
	// Own gives the session an upstream session to itself (for a server over
	// stdio: a process), for what the old revision keeps per session: log level,
	// subscriptions, roots. Without it such calls are refused on shared servers of
	// 2025-11-25. A stateful connector has it anyway.
	Own          bool
	Capabilities *mcp.ClientCapabilities
	Ask          Asker
	Log          func(*mcp.LoggingMessageParams)
	Changed      func(list string) // "tools", "prompts", "resources"
	Updated      func(*mcp.ResourceUpdatedNotificationParams)
	Elicited     func(*mcp.ElicitationCompleteParams)
}

// Session is a caller's view of one whole server. Results keep what the server
// sent: input_required is handed on (NeedsInput), never answered here unless Ask
// is set. It is safe for concurrent use.
type Session struct{ view }

// Init is what the server said of itself: revision, capabilities, instructions.
func (s *Session) Init() *mcp.InitializeResult { return s.init() }

// Raw calls any method and hands back the result's bytes: what the typed methods
// below do, for results that the SDK's types would narrow. tools/call is not
// allowed here: it has bounds of its own, see CallTool.
func (s *Session) Raw(ctx context.Context, method string, params any) (json.RawMessage, error) {
	return s.raw(ctx, method, params)
}

// ListTools asks the server for one page, as do the other lists.
func (s *Session) ListTools(ctx context.Context, p *mcp.ListToolsParams) (*mcp.ListToolsResult, error) {
	return ask[mcp.ListToolsResult](ctx, s, "tools/list", p)
}

// ListPrompts is one page.
func (s *Session) ListPrompts(ctx context.Context, p *mcp.ListPromptsParams) (*mcp.ListPromptsResult, error) {
	return ask[mcp.ListPromptsResult](ctx, s, "prompts/list", p)
}

// ListResources is one page.
func (s *Session) ListResources(ctx context.Context, p *mcp.ListResourcesParams) (*mcp.ListResourcesResult, error) {
	return ask[mcp.ListResourcesResult](ctx, s, "resources/list", p)
}

// ListResourceTemplates is one page.
func (s *Session) ListResourceTemplates(ctx context.Context, p *mcp.ListResourceTemplatesParams) (*mcp.ListResourceTemplatesResult, error) {
	return ask[mcp.ListResourceTemplatesResult](ctx, s, "resources/templates/list", p)
}

// CallTool calls a tool by its own name under the connector's bounds. Members of
// o that the session has (Principal, Session, Capabilities, Ask) are the
// session's when o leaves them empty.
func (s *Session) CallTool(ctx context.Context, tool string, args json.RawMessage, o Options) (*Result, error) {
	return s.callTool(ctx, tool, args, o)
}

// GetPrompt fills a prompt in.
func (s *Session) GetPrompt(ctx context.Context, p *mcp.GetPromptParams) (*mcp.GetPromptResult, error) {
	return ask[mcp.GetPromptResult](ctx, s, "prompts/get", p)
}

// ReadResource reads one.
func (s *Session) ReadResource(ctx context.Context, p *mcp.ReadResourceParams) (*mcp.ReadResourceResult, error) {
	return ask[mcp.ReadResourceResult](ctx, s, "resources/read", p)
}

// Complete completes an argument.
func (s *Session) Complete(ctx context.Context, p *mcp.CompleteParams) (*mcp.CompleteResult, error) {
	return ask[mcp.CompleteResult](ctx, s, "completion/complete", p)
}

// Subscribe asks for Updated calls of one resource, on either revision.
func (s *Session) Subscribe(ctx context.Context, uri string) error { return s.subscribe(ctx, uri) }

// Unsubscribe ends them.
func (s *Session) Unsubscribe(ctx context.Context, uri string) error { return s.unsubscribe(ctx, uri) }

// SetLevel is the least severity of log messages that come to Log.
func (s *Session) SetLevel(ctx context.Context, level mcp.LoggingLevel) error {
	return s.setLevel(ctx, level)
}

// Close ends the session and its upstream session, when it has one to itself.
func (s *Session) Close() error { return s.close() }
