package mcp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// sdkServer is an upstream that asks, reports, logs and changes.
func sdkServer() *sdk.Server {
	s := sdk.NewServer(&sdk.Implementation{Name: "upstream", Version: "7"}, &sdk.ServerOptions{
		Instructions:     "Ask me.",
		SubscribeHandler: func(context.Context, *sdk.SubscribeRequest) error { return nil },
		UnsubscribeHandler: func(context.Context, *sdk.UnsubscribeRequest) error {
			return nil
		},
	})
	add := func(name string, f func(context.Context, *sdk.CallToolRequest) (*sdk.CallToolResult, error)) {
		s.AddTool(&sdk.Tool{Name: name, InputSchema: map[string]any{"type": "object"}}, f)
	}
	say := func(format string, args ...any) (*sdk.CallToolResult, error) {
		return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: fmt.Sprintf(format, args...)}}}, nil
	}
	add("echo", func(_ context.Context, r *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
		return say("%s", r.Params.Arguments)
	})
	add("hidden", func(context.Context, *sdk.CallToolRequest) (*sdk.CallToolResult, error) { return say("hush") })
	add("fails", func(context.Context, *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
		return nil, errors.New("boom")
	})
	add("progress", func(ctx context.Context, r *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
		for i := range 3 {
			_ = r.Session.NotifyProgress(ctx, &sdk.ProgressNotificationParams{ProgressToken: r.Params.GetProgressToken(), Progress: float64(i), Total: 3})
		}
		return say("done")
	})
	add("sleep", func(ctx context.Context, _ *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Second):
			return say("slept")
		}
	})
	add("elicit", func(ctx context.Context, r *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
		res, err := r.Session.Elicit(ctx, &sdk.ElicitParams{Message: "Name?", RequestedSchema: map[string]any{"type": "object", "properties": map[string]any{"name": map[string]any{"type": "string"}}}})
		if err != nil {
			return nil, err
		}
		return say("hello %v", res.Content["name"])
	})
	// Two rounds in the way of 2026-07-28.
	add("rounds", func(_ context.Context, r *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
		switch r.Params.RequestState {
		case "":
			return &sdk.CallToolResult{RequestState: "one", InputRequests: sdk.InputRequestMap{
				"roots": &sdk.ListRootsParams{},
				"name":  &sdk.ElicitParams{Message: "Name?", RequestedSchema: map[string]any{"type": "object"}}}}, nil
		case "one":
			roots, _ := r.Params.InputResponses["roots"].(*sdk.ListRootsResult)
			name, _ := r.Params.InputResponses["name"].(*sdk.ElicitResult)
			if roots == nil || name == nil || len(roots.Roots) != 1 {
				return nil, errors.New("the first round is not answered")
			}
			return &sdk.CallToolResult{RequestState: fmt.Sprintf("two %v %s", name.Content["name"], roots.Roots[0].URI), InputRequests: sdk.InputRequestMap{
				"say": &sdk.CreateMessageParams{MaxTokens: 5, Messages: []*sdk.SamplingMessage{{Role: "user", Content: &sdk.TextContent{Text: "hi"}}}}}}, nil
		}
		said, _ := r.Params.InputResponses["say"].(*sdk.CreateMessageWithToolsResult)
		if said == nil {
			return nil, errors.New("the second round is not answered")
		}
		return say("%s; %s", r.Params.RequestState, said.Content[0].(*sdk.TextContent).Text)
	})
	add("change", func(context.Context, *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
		s.AddTool(&sdk.Tool{Name: "new", InputSchema: map[string]any{"type": "object"}}, nil)
		go func() {
			_ = s.ResourceUpdated(context.Background(), &sdk.ResourceUpdatedNotificationParams{URI: "test://watched"})
		}()
		return say("changed")
	})
	s.AddTool(&sdk.Tool{Name: "mirror", InputSchema: map[string]any{"type": "object", "properties": map[string]any{"region": map[string]any{"type": "string", "x-mcp-header": "Region"}}}},
		func(_ context.Context, r *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
			return say("%s", r.Params.Arguments)
		})
	s.AddPrompt(&sdk.Prompt{Name: "greet"}, func(_ context.Context, r *sdk.GetPromptRequest) (*sdk.GetPromptResult, error) {
		return &sdk.GetPromptResult{Messages: []*sdk.PromptMessage{{Role: "user", Content: &sdk.TextContent{Text: "hi " + r.Params.Arguments["who"]}}}}, nil
	})
	s.AddResource(&sdk.Resource{Name: "watched", URI: "test://watched"}, func(_ context.Context, r *sdk.ReadResourceRequest) (*sdk.ReadResourceResult, error) {
		return &sdk.ReadResourceResult{Contents: []*sdk.ResourceContents{{URI: r.Params.URI, Text: "w"}}}, nil
	})
	return s
}

// inMemory is a Whole over an SDK server, over real HTTP because a revision is a
// matter of the transport.
func inMemory(t testing.TB, s *sdk.Server, revision string) *relay {
	t.Helper()
	h := httptest.NewServer(sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return s }, &sdk.StreamableHTTPOptions{Stateless: revision == rev2026}))
	r := &relay{revision: revision, deny: map[string]bool{"hidden": true}, transport: func() sdk.Transport {
		return &sdk.StreamableClientTransport{Endpoint: h.URL, MaxRetries: -1}
	}}
	t.Cleanup(func() {
		r.end()
		h.CloseClientConnections()
		h.Close()
	})
	return r
}
