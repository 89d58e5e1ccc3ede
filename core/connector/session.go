package connector

import (
	"context"
	"sync"

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
	Progress     func(*mcp.ProgressNotificationParams) // of requests other than tools/call; their _meta names the token
	Changed      func(list string)                     // "tools", "prompts", "resources"
	Updated      func(*mcp.ResourceUpdatedNotificationParams)
	Elicited     func(*mcp.ElicitationCompleteParams)
}

// Session is a caller's view of one whole server. Results keep what the server
// sent: input_required is handed on (NeedsInput), never answered here unless Ask
// is set. It is safe for concurrent use.
type Session struct {
	c    *Connector
	o    SessionOptions
	key  laneKey
	mu   sync.Mutex
	lane *lane                         // of its own; set once
	stop map[string]context.CancelFunc // subscriptions of 2026-07-28
	subs map[string]bool               // and of 2025-11-25
	log  mcp.LoggingLevel
	init *mcp.InitializeResult
	shut bool
	life context.Context
	end  context.CancelFunc
	wait sync.WaitGroup
}

// Init is what the server said of itself: revision, capabilities, instructions.
func (s *Session) Init() *mcp.InitializeResult { return s.init }

// ListTools asks the server for one page, as do the other lists.
func (s *Session) ListTools(ctx context.Context, p *mcp.ListToolsParams) (*mcp.ListToolsResult, error) {
	return typed[mcp.ListToolsResult](ctx, s, "tools/list", p)
}

// ListPrompts is one page.
func (s *Session) ListPrompts(ctx context.Context, p *mcp.ListPromptsParams) (*mcp.ListPromptsResult, error) {
	return typed[mcp.ListPromptsResult](ctx, s, "prompts/list", p)
}

// ListResources is one page.
func (s *Session) ListResources(ctx context.Context, p *mcp.ListResourcesParams) (*mcp.ListResourcesResult, error) {
	return typed[mcp.ListResourcesResult](ctx, s, "resources/list", p)
}

// ListResourceTemplates is one page.
func (s *Session) ListResourceTemplates(ctx context.Context, p *mcp.ListResourceTemplatesParams) (*mcp.ListResourceTemplatesResult, error) {
	return typed[mcp.ListResourceTemplatesResult](ctx, s, "resources/templates/list", p)
}

// GetPrompt fills a prompt in.
func (s *Session) GetPrompt(ctx context.Context, p *mcp.GetPromptParams) (*mcp.GetPromptResult, error) {
	return typed[mcp.GetPromptResult](ctx, s, "prompts/get", p)
}

// ReadResource reads one.
func (s *Session) ReadResource(ctx context.Context, p *mcp.ReadResourceParams) (*mcp.ReadResourceResult, error) {
	return typed[mcp.ReadResourceResult](ctx, s, "resources/read", p)
}

// Complete completes an argument.
func (s *Session) Complete(ctx context.Context, p *mcp.CompleteParams) (*mcp.CompleteResult, error) {
	return typed[mcp.CompleteResult](ctx, s, "completion/complete", p)
}
