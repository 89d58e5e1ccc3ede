package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// person answers what a client is asked.
func person(asked chan<- string) *sdk.ClientOptions {
	return &sdk.ClientOptions{
		Capabilities: &sdk.ClientCapabilities{RootsV2: &sdk.RootCapabilities{}},
		ElicitationHandler: func(_ context.Context, r *sdk.ElicitRequest) (*sdk.ElicitResult, error) {
			asked <- "elicit " + r.Params.Message
			return &sdk.ElicitResult{Action: "accept", Content: map[string]any{"name": "Ann"}}, nil
		},
		CreateMessageHandler: func(_ context.Context, r *sdk.CreateMessageRequest) (*sdk.CreateMessageResult, error) {
			asked <- "sample"
			return &sdk.CreateMessageResult{Model: "m", Role: "assistant", Content: &sdk.TextContent{Text: "said"}}, nil
		},
	}
}

// TestWholeInEveryPair runs a connector with clients and upstreams of both
// revisions.
func TestWholeInEveryPair(t *testing.T) {
	for _, revision := range revisions {
		for _, behind := range revisions {
			t.Run(revision+" before "+behind, func(t *testing.T) {
				p := serve(t, Config{Wholes: inMemory(t, sdkServer(), behind)})
				asked := make(chan string, 16)
				progress := make(chan float64, 16)
				opts := person(asked)
				opts.ProgressNotificationHandler = func(_ context.Context, r *sdk.ProgressNotificationClientRequest) {
					if r.Params.ProgressToken == "tok" {
						progress <- r.Params.Progress
					}
				}
				cs := dial(t, p, "/mcp/up", "ann", revision, opts)
				ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
				defer cancel()
				if i := cs.InitializeResult(); i.ServerInfo == nil || i.ServerInfo.Name != "upstream" || i.Instructions != "Ask me." || i.Capabilities.Prompts == nil {
					t.Errorf("welcome: %+v", i)
				}
				call := func(name string, args any, meta sdk.Meta) string {
					t.Helper()
					res, err := cs.CallTool(ctx, &sdk.CallToolParams{Meta: meta, Name: name, Arguments: args})
					if err != nil {
						return "error: " + err.Error()
					}
					if res.IsError {
						return "failed: " + text(res)
					}
					return text(res)
				}
				if got := call("echo", json.RawMessage(`{"n":18446744073709551615}`), nil); got != `{"n":18446744073709551615}` {
					t.Errorf("echo: %s", got)
				}
				if got := call("progress", nil, sdk.Meta{"progressToken": "tok"}); got != "done" {
					t.Errorf("progress: %s", got)
				}
				for i := range 3 {
					select {
					case n := <-progress:
						if n != float64(i) {
							t.Errorf("progress %v, want %d", n, i)
						}
					case <-ctx.Done():
						t.Fatal("progress did not come")
					}
				}
				for tool, err := range cs.Tools(ctx, nil) {
					if err != nil || tool.Name == "hidden" || tool.Name == changes {
						t.Errorf("listed: %v, %v", tool, err)
					}
				}
				if got := call("hidden", nil, nil); !strings.Contains(got, `unknown tool "hidden"`) {
					t.Errorf("hidden: %s", got)
				}
				if got := call("fails", nil, nil); !strings.Contains(got, "boom") {
					t.Errorf("fails: %s", got)
				}
				prompt, err := cs.GetPrompt(ctx, &sdk.GetPromptParams{Name: "greet", Arguments: map[string]string{"who": "Bo"}})
				if err != nil || prompt.Messages[0].Content.(*sdk.TextContent).Text != "hi Bo" {
					t.Errorf("prompt: %+v %v", prompt, err)
				}
				res, err := cs.ReadResource(ctx, &sdk.ReadResourceParams{URI: "test://watched"})
				if err != nil || res.Contents[0].Text != "w" {
					t.Errorf("resource: %+v %v", res, err)
				}
				if revision == rev2025 && behind == rev2025 {
					if got := call("elicit", nil, nil); got != "hello Ann" || <-asked != "elicit Name?" {
						t.Errorf("elicit: %s", got)
					}
				}
			})
		}
	}
}

// TestRoundsForOlderClients: what an upstream of 2026-07-28 asks in results is
// asked of an older client in requests, in as many rounds as it takes.
func TestRoundsForOlderClients(t *testing.T) {
	p := serve(t, Config{Wholes: inMemory(t, sdkServer(), rev2026)})
	for _, revision := range revisions {
		asked := make(chan string, 16)
		c := sdk.NewClient(&sdk.Implementation{Name: "c", Version: "1"}, person(asked))
		c.AddRoots(&sdk.Root{URI: "file:///work"})
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		cs, err := c.Connect(ctx, &sdk.StreamableClientTransport{Endpoint: p.url + "/mcp/up", HTTPClient: as("ann"), MaxRetries: -1}, &sdk.ClientSessionOptions{ProtocolVersion: revision})
		if err != nil {
			t.Fatal(err)
		}
		res, err := cs.CallTool(ctx, &sdk.CallToolParams{Name: "rounds", Arguments: map[string]any{}})
		if err != nil || text(res) != "two Ann file:///work; said" {
			t.Errorf("%s: %q %v", revision, text(res), err)
		}
		_ = cs.Close()
	}
}

// TestAnyElicitation: a schema that the SDK refuses reaches the client as the
// upstream wrote it.
func TestAnyElicitation(t *testing.T) {
	const schema = `{"type":"object","properties":{"x":{"type":"array","items":{"type":"string","anyOf":[{"const":"a","title":"A"}]}}},"x-mine":1}`
	desk := &counter{call: func(ctx context.Context, _ Caller, r CallTool) (Called, error) {
		got, err := r.Peer.Request(ctx, "elicitation/create", object{{"message", quote("?")}, {"mode", quote("form")}, {"requestedSchema", json.RawMessage(schema)}}.bytes())
		if err != nil {
			return Called{}, err
		}
		return Called{Result: object{{"content", json.RawMessage("[]")}, {"structuredContent", got}}.bytes()}, nil
	}}
	p := serve(t, Config{Desk: desk})
	got := make(chan string, 1)
	c := sdk.NewClient(&sdk.Implementation{Name: "c", Version: "1"}, &sdk.ClientOptions{ElicitationHandler: func(context.Context, *sdk.ElicitRequest) (*sdk.ElicitResult, error) { return nil, nil }})
	c.AddReceivingMiddleware(func(next sdk.MethodHandler) sdk.MethodHandler {
		return func(ctx context.Context, method string, req sdk.Request) (sdk.Result, error) {
			if method != "elicitation/create" {
				return next(ctx, method, req)
			}
			got <- string(must(marshal(req.GetParams().(*sdk.ElicitParams).RequestedSchema)))
			return &sdk.ElicitResult{Action: "accept", Content: map[string]any{"x": []any{"a"}}}, nil
		}
	})
	cs, err := c.Connect(context.Background(), &sdk.StreamableClientTransport{Endpoint: p.url + "/mcp", HTTPClient: as("ann"), MaxRetries: -1}, &sdk.ClientSessionOptions{ProtocolVersion: rev2025})
	if err != nil {
		t.Fatal(err)
	}
	defer cs.Close()
	res, err := cs.CallTool(context.Background(), &sdk.CallToolParams{Name: "call_tool", Arguments: map[string]any{"tool": "x"}})
	if err != nil || !strings.Contains(string(must(marshal(res.StructuredContent))), `"action":"accept"`) {
		t.Fatalf("%+v %v", res, err)
	}
	if s := <-got; !strings.Contains(s, `"x-mine":1`) || !strings.Contains(s, `"anyOf"`) {
		t.Errorf("the client saw %s", s)
	}
}

// TestChanges: list changes and resource updates of the upstream reach who
// listens, in both revisions.
func TestChanges(t *testing.T) {
	for _, revision := range revisions {
		t.Run(revision, func(t *testing.T) {
			p := serve(t, Config{Wholes: inMemory(t, sdkServer(), revision)})
			heard := make(chan string, 16)
			opts := &sdk.ClientOptions{
				ToolListChangedHandler: func(context.Context, *sdk.ToolListChangedRequest) { heard <- "tools" },
				ResourceUpdatedHandler: func(_ context.Context, r *sdk.ResourceUpdatedNotificationRequest) { heard <- r.Params.URI },
			}
			cs := dial(t, p, "/mcp/up", "ann", revision, opts)
			ctx := context.Background()
			if err := cs.Subscribe(ctx, &sdk.SubscribeParams{URI: "test://watched"}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(100 * time.Millisecond) // subscriptions of 2026-07-28 open on their own time
			if _, err := cs.CallTool(ctx, &sdk.CallToolParams{Name: "change"}); err != nil {
				t.Fatal(err)
			}
			want := map[string]bool{"tools": true, "test://watched": true}
			for len(want) > 0 {
				select {
				case h := <-heard:
					delete(want, h)
				case <-time.After(5 * time.Second):
					t.Fatalf("not heard: %v", want)
				}
			}
		})
	}
}

// TestWholeIsLetGo: every session that was opened is closed, and a cancelled call
// reaches the upstream.
func TestWholeIsLetGo(t *testing.T) {
	up := inMemory(t, sdkServer(), rev2025)
	p := serve(t, Config{Wholes: up})
	for range 3 {
		id := handshake(t, p, "/mcp/up", "ann")
		if a := send(t, p, "DELETE", "/mcp/up", "ann", nil, headerSession, id, headerRevision, rev2025); a.status != 204 {
			t.Fatalf("DELETE: %d", a.status)
		}
	}
	handshake(t, p, "/mcp/up", "ann") // left open: Shutdown closes it
	cs := dial(t, p, "/mcp/up", "ann", rev2026, nil)
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := cs.CallTool(ctx, &sdk.CallToolParams{Name: "sleep"}); err == nil || time.Since(began) > 5*time.Second {
		t.Errorf("the cancelled call: %v after %v", err, time.Since(began))
	}
	_ = cs.Close()
	p.stop()
	eventually(t, "all are closed", func() bool {
		up.mu.Lock()
		defer up.mu.Unlock()
		return up.opened == up.closed && up.opened >= 5
	})
}

// TestUpstreamThatIsNotThere is an error that says so, and leaves no session.
func TestUpstreamThatIsNotThere(t *testing.T) {
	up := &relay{revision: rev2025, transport: func() sdk.Transport {
		return &sdk.StreamableClientTransport{Endpoint: "http://127.0.0.1:1", MaxRetries: -1}
	}}
	p := serve(t, Config{Wholes: up})
	start := []byte(`{"jsonrpc":"2.0","id":"a","method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"raw","version":"0"}}}`)
	list, h := modern("tools/list", "")
	for _, a := range []rawAnswer{post(t, p, "/mcp/up", "ann", start), post(t, p, "/mcp/up", "ann", list, h...)} {
		if a.status != 502 || !strings.Contains(a.body, "does not answer") || strings.Contains(a.body, "127.0.0.1") {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	p.sessions.mu.Lock()
	defer p.sessions.mu.Unlock()
	if len(p.sessions.all) != 0 {
		t.Errorf("%d sessions are left", len(p.sessions.all))
	}
}

// TestMirroredArguments: the headers of SEP-2243 are held against the arguments,
// and that there is such a tool shows only to who may see it.
func TestMirroredArguments(t *testing.T) {
	up := inMemory(t, sdkServer(), rev2026)
	p := serve(t, Config{Wholes: up})
	for _, c := range []struct {
		region, header string
		status         int
	}{{"eu", "eu", 200}, {"eu", "us", 400}, {"eu", "", 400}} {
		body, h := modern("tools/call", `"name":"mirror","arguments":{"region":"`+c.region+`"}`)
		if c.header != "" {
			h = append(h, "Mcp-Param-Region", c.header)
		}
		if a := post(t, p, "/mcp/up", "ann", body, h...); a.status != c.status || (c.status == 400) != strings.Contains(a.body, "-32020") {
			t.Errorf("%+v: %d %s", c, a.status, a.body)
		}
	}
	up.mu.Lock()
	up.deny["mirror"] = true
	up.mu.Unlock()
	for _, tool := range []string{"mirror", "no-such"} {
		body, h := modern("tools/call", `"name":"`+tool+`","arguments":{"region":"eu"}`)
		a := post(t, p, "/mcp/up", "bob", body, h...)
		if !strings.Contains(a.body, fmt.Sprintf(`unknown tool \"%s\"`, tool)) {
			t.Errorf("%s: %d %s", tool, a.status, a.body)
		}
	}
}

// TestBrokenDefinitions of an upstream: annotations that the SDK panics on cost
// the check of the headers and nothing else.
func TestBrokenDefinitions(t *testing.T) {
	s := sdk.NewServer(&sdk.Implementation{Name: "x"}, nil)
	for _, schema := range []string{
		`{"type":"object","properties":{"a":{"type":"object","x-mcp-header":"A"}}}`,
		`{"type":"object","properties":{"a":{"type":"string","x-mcp-header":"A b"}}}`,
		`{"type":"array","x-mcp-header":1}`, `7`,
	} {
		mirror(s, "t", json.RawMessage(schema))
	}
	tl := newTools()
	if next := tl.learn("k", json.RawMessage(`{"tools":[{"name":"a","inputSchema":{"type":"string","x-mcp-header":"A"}},{"name":"b"},null],"nextCursor":"n"}`)); next != "n" {
		t.Errorf("next is %q", next)
	}
	if schema, ok := tl.find("k", "a"); !ok || schema != nil {
		t.Errorf("a: %s %v", schema, ok)
	}
}
