package connector

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// TestMain makes the test binary a server when it is asked to be one.
func TestMain(m *testing.M) {
	mode := os.Getenv("PLIMSOLL_FAKE")
	if mode == "" {
		os.Exit(m.Run())
	}
	switch mode {
	case "sdk":
		run(sdkServer(nil))
	case "sdk-2025":
		run(sdkServer([]string{"2025-11-25", "2025-06-18"}))
	case "sleep":
		time.Sleep(time.Hour)
	case "host":
		host()
	default:
		raw(mode)
	}
}

func run(s *mcp.Server) {
	if err := s.Run(context.Background(), &mcp.StdioTransport{}); err != nil && !errors.Is(err, io.EOF) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type echoArgs struct {
	Text string `json:"text,omitempty"`
	N    int    `json:"n,omitempty"`
}

// sdkServer is a well-behaved server of the SDK.
func sdkServer(versions []string) *mcp.Server {
	s := mcp.NewServer(&mcp.Implementation{Name: "fake", Version: "1"}, &mcp.ServerOptions{SupportedProtocolVersions: versions,
		SubscribeHandler:   func(context.Context, *mcp.SubscribeRequest) error { return nil },
		UnsubscribeHandler: func(context.Context, *mcp.UnsubscribeRequest) error { return nil },
		CompletionHandler: func(_ context.Context, r *mcp.CompleteRequest) (*mcp.CompleteResult, error) {
			return &mcp.CompleteResult{Completion: mcp.CompletionResultDetails{Values: []string{r.Params.Argument.Value + "!"}}}, nil
		}})
	text := func(t string) *mcp.CallToolResult {
		return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: t}}}
	}
	mcp.AddTool(s, &mcp.Tool{Name: "echo", Description: "says it again"}, func(_ context.Context, _ *mcp.CallToolRequest, a echoArgs) (*mcp.CallToolResult, any, error) {
		return text(a.Text), nil, nil
	})
	mcp.AddTool(s, &mcp.Tool{Name: "pid"}, func(_ context.Context, r *mcp.CallToolRequest, _ struct{}) (*mcp.CallToolResult, any, error) {
		return text(fmt.Sprint(os.Getpid()) + " " + r.Session.ID()), nil, nil
	})
	mcp.AddTool(s, &mcp.Tool{Name: "env"}, func(_ context.Context, _ *mcp.CallToolRequest, _ struct{}) (*mcp.CallToolResult, any, error) {
		return text(strings.Join(os.Environ(), "\n")), nil, nil
	})
	mcp.AddTool(s, &mcp.Tool{Name: "meta"}, func(_ context.Context, r *mcp.CallToolRequest, _ struct{}) (*mcp.CallToolResult, any, error) {
		b, _ := json.Marshal(r.Params.Meta)
		return text(string(b)), nil, nil
	})
	mcp.AddTool(s, &mcp.Tool{Name: "big"}, func(_ context.Context, _ *mcp.CallToolRequest, a echoArgs) (*mcp.CallToolResult, any, error) {
		return text(strings.Repeat("x", a.N)), nil, nil
	})
	mcp.AddTool(s, &mcp.Tool{Name: "slow"}, func(ctx context.Context, r *mcp.CallToolRequest, a echoArgs) (*mcp.CallToolResult, any, error) {
		select {
		case <-ctx.Done():
			if a.Text != "" {
				_ = os.WriteFile(a.Text, []byte("cancelled"), 0o600)
			}
			return nil, nil, ctx.Err()
		case <-time.After(time.Duration(a.N) * time.Millisecond):
		}
		return text("done"), nil, nil
	})
	mcp.AddTool(s, &mcp.Tool{Name: "progress"}, func(ctx context.Context, r *mcp.CallToolRequest, a echoArgs) (*mcp.CallToolResult, any, error) {
		for i := range 5 {
			_ = r.Session.NotifyProgress(ctx, &mcp.ProgressNotificationParams{ProgressToken: r.Params.GetProgressToken(), Progress: float64(i), Total: 5})
		}
		return text("done"), nil, nil
	})
	// Over 2025-11-25 these ask on the session, over 2026-07-28 in the result.
	s.AddTool(&mcp.Tool{Name: "ask", InputSchema: json.RawMessage(`{"type":"object"}`)}, func(ctx context.Context, r *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		p := &mcp.ElicitParams{Message: "your name?", RequestedSchema: json.RawMessage(`{"type":"object","properties":{"name":{"type":"string"}}}`)}
		if r.Session.InitializeParams() == nil || r.Session.InitializeParams().ProtocolVersion >= "2026" {
			if len(r.Params.InputResponses) == 0 {
				return &mcp.CallToolResult{InputRequests: mcp.InputRequestMap{"a": p}, RequestState: "the server's"}, nil
			}
			e := r.Params.InputResponses["a"].(*mcp.ElicitResult)
			return text(fmt.Sprint(e.Action, " ", e.Content["name"], " ", r.Params.RequestState)), nil
		}
		e, err := r.Session.Elicit(ctx, p)
		if err != nil {
			return nil, err
		}
		return text(fmt.Sprint(e.Action, " ", e.Content["name"])), nil
	})
	s.AddTool(&mcp.Tool{Name: "interview", InputSchema: json.RawMessage(`{"type":"object"}`)}, func(ctx context.Context, r *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		m, err := r.Session.CreateMessage(ctx, &mcp.CreateMessageParams{MaxTokens: 10, Messages: []*mcp.SamplingMessage{{Role: "user", Content: &mcp.TextContent{Text: "hi"}}}})
		if err != nil {
			return nil, err
		}
		roots, err := r.Session.ListRoots(ctx, nil)
		if err != nil {
			return nil, err
		}
		return text(m.Content.(*mcp.TextContent).Text + " " + roots.Roots[0].URI), nil
	})
	mcp.AddTool(s, &mcp.Tool{Name: "grow"}, func(_ context.Context, _ *mcp.CallToolRequest, _ struct{}) (*mcp.CallToolResult, any, error) {
		mcp.AddTool(s, &mcp.Tool{Name: "grown"}, func(context.Context, *mcp.CallToolRequest, struct{}) (*mcp.CallToolResult, any, error) {
			return text("grown"), nil, nil
		})
		return text("ok"), nil, nil
	})
	mcp.AddTool(s, &mcp.Tool{Name: "touch"}, func(ctx context.Context, r *mcp.CallToolRequest, a echoArgs) (*mcp.CallToolResult, any, error) {
		err := s.ResourceUpdated(ctx, &mcp.ResourceUpdatedNotificationParams{URI: a.Text})
		return text("ok"), nil, err
	})
	s.AddPrompt(&mcp.Prompt{Name: "hello"}, func(_ context.Context, r *mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
		return &mcp.GetPromptResult{Messages: []*mcp.PromptMessage{{Role: "user", Content: &mcp.TextContent{Text: "hello " + r.Params.Arguments["who"]}}}}, nil
	})
	s.AddResource(&mcp.Resource{Name: "one", URI: "test://one"}, func(context.Context, *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
		return &mcp.ReadResourceResult{Contents: []*mcp.ResourceContents{{URI: "test://one", Text: "one"}}}, nil
	})
	s.AddResourceTemplate(&mcp.ResourceTemplate{Name: "t", URITemplate: "test://{x}"}, func(_ context.Context, r *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
		return &mcp.ReadResourceResult{Contents: []*mcp.ResourceContents{{URI: r.Params.URI, Text: r.Params.URI}}}, nil
	})
	return s
}

// raw is a server that is not well behaved. It shakes hands as 2025-11-25 does,
// unless its mode says otherwise.
func raw(mode string) {
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	say := func(format string, a ...any) {
		fmt.Fprintf(out, format+"\n", a...)
		out.Flush()
	}
	lists, able := 0, false
	switch mode {
	case "dies-at-once":
		fmt.Fprintln(os.Stderr, "no licence, token "+os.Getenv("FAKE_SECRET"))
		os.Exit(3)
	case "mute":
		select {}
	case "chatty":
		fmt.Println("npm notice a new version is out")
	case "deaf": // does not read and does not end with its input
		ignoreSignals()
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "PLIMSOLL_FAKE=sleep")
		_ = child.Start()
		_ = os.WriteFile(os.Getenv("FAKE_FILE"), fmt.Appendf(nil, "%d %d", os.Getpid(), child.Process.Pid), 0o600)
	}
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			if mode == "deaf" {
				select {}
			}
			return
		}
		var m struct {
			ID     json.RawMessage `json:"id"`
			Method string          `json:"method"`
			Params struct {
				Name   string `json:"name"`
				Cursor string `json:"cursor"`
			} `json:"params"`
		}
		_ = json.Unmarshal([]byte(line), &m)
		switch m.Method {
		case "server/discover":
			if mode == "exits-on-discover" {
				os.Exit(1)
			}
			if mode == "mute-on-discover" {
				continue
			}
			say(`{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"no such method"}}`, m.ID)
		case "initialize":
			able = strings.Contains(line, "elicitation")
			say(`{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{"listChanged":true}},"serverInfo":{"name":"raw","version":"1"}}}`, m.ID)
		case "tools/list":
			lists++
			switch {
			case mode == "many":
				out.WriteString(`{"jsonrpc":"2.0","id":` + string(m.ID) + `,"result":{"tools":[`)
				for i := range 10_000 {
					if i > 0 {
						out.WriteByte(',')
					}
					fmt.Fprintf(out, `{"name":"tool_%d","description":"%s","inputSchema":{"type":"object"}}`, i, strings.Repeat("d", 500))
				}
				say(`]}}`)
			case mode == "too-many":
				say(`{"jsonrpc":"2.0","id":%s,"result":{"tools":[%s{"name":"z"}]}}`, m.ID, strings.Repeat(`{"name":"a"},`, 10_000))
			case mode == "circle":
				say(`{"jsonrpc":"2.0","id":%s,"result":{"tools":[],"nextCursor":"c%d"}}`, m.ID, lists%3)
			case mode == "list-breaks" && lists > 1:
				say(`{"jsonrpc":"2.0","id":%s,"error":{"code":-32000,"message":"index is down"}}`, m.ID)
			case mode == "gates" && able:
				say(`{"jsonrpc":"2.0","id":%s,"result":{"tools":[{"name":"go"},{"name":"ask"}]}}`, m.ID)
			case mode == "renames":
				say(`{"jsonrpc":"2.0","id":%s,"result":{"tools":[{"name":"t%d"}]}}`, m.ID, lists)
				if lists == 1 {
					say(`{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`)
				}
			case mode == "odd-names":
				say(`{"jsonrpc":"2.0","id":%s,"result":{"tools":[{"name":"a b"},{"name":"a_b"},{"name":"twice"},{"name":"twice"},{"name":""},{"x":1},7,{"name":"é","unknown":{"z" : 1,"<":2}},{"name":"bad\u202ename"}]}}`, m.ID)
			default:
				say(`{"jsonrpc":"2.0","id":%s,"result":{"tools":[{"name":"go","inputSchema":{"type":"object"}}]}}`, m.ID)
			}
		case "tools/call":
			misbehave(mode, string(m.ID), out, say)
		}
	}
}

func misbehave(mode, id string, out *bufio.Writer, say func(string, ...any)) {
	switch mode {
	case "dies":
		fmt.Fprintln(os.Stderr, "panic: of the disco")
		os.Exit(4)
	case "dies-midway":
		fmt.Fprintf(out, `{"jsonrpc":"2.0","id":%s,"result":{"conte`, id)
		out.Flush()
		os.Exit(4)
	case "hangs":
	case "invalid":
		say(`{"jsonrpc":"2.0","id":%s,"result":{bad json}}`, id)
	case "wrong-shape":
		say(`{"jsonrpc":"2.0","id":%s,"result":["a"]}`, id)
	case "not-rpc":
		say(`{"hello":"world"}`)
	case "floods":
		for {
			if _, err := out.WriteString(`{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}` + "\n"); err != nil {
				os.Exit(0)
			}
		}
	case "floods-stderr":
		line := []byte(strings.Repeat("e", 200) + "\n")
		for range 200_000 {
			_, _ = os.Stderr.Write(line)
		}
		say(`{"jsonrpc":"2.0","id":%s,"result":{"content":[]}}`, id)
	case "endless-line":
		block := strings.Repeat("x", 1<<20)
		out.WriteString(`{"jsonrpc":"2.0","id":` + id + `,"result":{"content":[{"type":"text","text":"`)
		for {
			if _, err := out.WriteString(block); err != nil {
				os.Exit(0)
			}
		}
	case "100mb":
		block := strings.Repeat("y", 1<<20)
		out.WriteString(`{"jsonrpc":"2.0","result":{"content":[{"type":"text","text":"head é\n`)
		for range 100 {
			out.WriteString(block)
		}
		say(`"}],"isError":true},"id":%s}`, id)
	case "partial":
		for _, part := range []string{`{"jsonrpc":"2.0","id":` + id, `,"result":{"con`, `tent":[{"type":"text","text":"in parts"}]}`, "}\n"} {
			out.WriteString(part)
			out.Flush()
			time.Sleep(10 * time.Millisecond)
		}
	case "closes-output":
		os.Stdout.Close()
		select {}
	case "asks-wrongly":
		say(`{"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{"message":"?"}}`)
		say(`{"jsonrpc":"2.0","id":%s,"result":{"content":[{"type":"text","text":"fine"}]}}`, id)
	case "leaks":
		say(`{"jsonrpc":"2.0","id":%s,"error":{"code":-32000,"message":"the token %s is wrong"}}`, id, os.Getenv("FAKE_SECRET"))
	default:
		say(`{"jsonrpc":"2.0","id":%s,"result":{"content":[{"type":"text","text":"ok"}],"unknown":{"kept":true}}}`, id)
	}
}

// fake is a connector to this binary.
func fake(mode string) Config {
	return Config{Name: "fake", Command: []string{os.Args[0]}, Env: []string{"PLIMSOLL_FAKE", "FAKE_SECRET", "FAKE_FILE", "GOCOVERDIR"}, Prefix: "fake",
		Timeout: 10 * time.Second, Start: 10 * time.Second, Dir: mode}
}

// open makes a set; the mode of a connector is passed in Dir.
func open(t testing.TB, h Host, configs ...Config) *Set {
	t.Helper()
	env := map[string]string{"FAKE_SECRET": "s3cret-value", "PATH": os.Getenv("PATH"), "GOCOVERDIR": os.Getenv("GOCOVERDIR"), "FAKE_FILE": os.Getenv("FAKE_FILE")}
	if h.Now == nil {
		h.Now = time.Now
	}
	for i := range configs {
		if configs[i].Dir != "" {
			env["PLIMSOLL_FAKE_"+configs[i].Name] = configs[i].Dir
			configs[i].Command = []string{"/usr/bin/env", "PLIMSOLL_FAKE=" + configs[i].Dir, os.Args[0]}
			configs[i].Dir = ""
		}
	}
	if h.Lookup == nil {
		h.Lookup = func(name string) (string, bool) { v, ok := env[name]; return v, ok && v != "" }
	}
	s, err := New(h, configs...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func one(t testing.TB, mode string, change ...func(*Config)) *Connector {
	t.Helper()
	config := fake(mode)
	for _, f := range change {
		f(&config)
	}
	c, _ := open(t, Host{}, config).Get("fake")
	return c
}

func kind(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return ""
}

func textOf(t testing.TB, r *Result) string {
	t.Helper()
	v, err := r.Typed()
	if err != nil {
		t.Fatalf("%v in %s", err, r.Raw)
	}
	if len(v.Content) == 0 {
		return ""
	}
	return v.Content[0].(*mcp.TextContent).Text
}
