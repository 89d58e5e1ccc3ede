package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// upstreamArg makes this program an MCP server: over stdio, or with an address
// over HTTP, where /now speaks 2026-07-28 without sessions and /old 2025-11-25
// with them. It is what the gateway is measured against.
const upstreamArg = "serve-upstream"

type said struct {
	Text  string `json:"text" jsonschema:"what to say"`
	Pause int    `json:"pause,omitempty" jsonschema:"milliseconds to wait first"`
}

// serveUpstream is the server when this process was started as one.
func serveUpstream() bool {
	if len(os.Args) < 2 || os.Args[1] != upstreamArg {
		return false
	}
	flags := flag.NewFlagSet(upstreamArg, flag.ExitOnError)
	address := flags.String("http", "", "serve there, not over stdio")
	tools := flags.Int("tools", 0, "how many tools more")
	to := flags.String("to", "", "be a bare reverse proxy of that address instead")
	before := flags.String("before", "", "be the barest gateway before that address, or before a server of its own over stdio: -")
	revision := flags.String("revision", "", "which it speaks to that server")
	dir := flags.String("dir", "", "where it writes calls down")
	_ = flags.Parse(os.Args[2:]) // it ends the process itself
	serve := func() error { return upstream(*address, *tools) }
	if *to != "" {
		serve = func() error { return hop(*address, *to) }
	}
	if *before != "" {
		serve = func() error { return relay(*address, strings.TrimPrefix(*before, "-"), *revision, *dir) }
	}
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, "upstream:", err)
		os.Exit(1)
	}
	return true
}

func upstream(address string, tools int) error {
	s := sdk.NewServer(&sdk.Implementation{Name: "upstream", Version: "1"}, nil)
	reads := &sdk.ToolAnnotations{ReadOnlyHint: true}
	sdk.AddTool(s, &sdk.Tool{Name: "echo", Description: "Says what it is told.", Annotations: reads}, func(ctx context.Context, _ *sdk.CallToolRequest, in said) (*sdk.CallToolResult, any, error) {
		if in.Pause > 0 {
			select {
			case <-time.After(time.Duration(in.Pause) * time.Millisecond):
			case <-ctx.Done():
				return nil, nil, ctx.Err()
			}
		}
		return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: in.Text}}}, nil, nil
	})
	sdk.AddTool(s, &sdk.Tool{Name: "fail", Description: "Fails.", Annotations: reads}, func(context.Context, *sdk.CallToolRequest, said) (*sdk.CallToolResult, any, error) {
		return nil, nil, errors.New("it failed, as it was told")
	})
	sdk.AddTool(s, &sdk.Tool{Name: "die", Description: "Ends this server.", Annotations: reads}, func(context.Context, *sdk.CallToolRequest, said) (*sdk.CallToolResult, any, error) {
		os.Exit(3)
		return nil, nil, nil
	})
	for i := range tools {
		d := &sdk.Tool{Name: toolName(i), Description: toolText(i), Annotations: reads}
		sdk.AddTool(s, d, func(_ context.Context, _ *sdk.CallToolRequest, in said) (*sdk.CallToolResult, any, error) {
			return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: in.Text}}}, nil, nil
		})
	}
	if address == "" {
		return s.Run(context.Background(), &sdk.StdioTransport{})
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	one := func(*http.Request) *sdk.Server { return s }
	mux := http.NewServeMux()
	mux.Handle("/now", sdk.NewStreamableHTTPHandler(one, &sdk.StreamableHTTPOptions{Stateless: true, PropagateRequestCancellation: true}))
	mux.Handle("/old", sdk.NewStreamableHTTPHandler(one, &sdk.StreamableHTTPOptions{SessionTimeout: time.Minute}))
	return (&http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}).Serve(l)
}

// hop is the least that can stand between a client and a server: it reads nothing
// of what it passes on and writes nothing down.
func hop(address, to string) error {
	u, err := url.Parse(to)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	p := httputil.NewSingleHostReverseProxy(u)
	p.FlushInterval = -1
	p.ErrorLog = log.New(io.Discard, "", 0) // clients leave streams before their end
	p.Transport = &http.Transport{MaxIdleConnsPerHost: 64}
	return (&http.Server{Handler: p, ReadHeaderTimeout: time.Minute}).Serve(l)
}

// The words of a large catalogue: 20 x 25 x 20 names, each said another way in
// its description.
var (
	verbs   = strings.Fields("create read update delete list archive export import share approve reject merge split rename copy move lock unlock watch count")
	objects = strings.Fields("invoice contract ticket calendar meeting customer order shipment payment refund report dashboard branch release pipeline deployment server database backup certificate mailbox folder document picture translation")
	towns   = strings.Fields("berlin lagos osaka lima cairo oslo quito hanoi turin minsk perth dakar sofia tunis riga seoul miami delhi leeds kyoto")
)

// crowded is how many tools the large catalogue has, those included that every
// upstream has of its own.
const crowded, own = 10_000, 3

func toolWords(i int) (verb, object, place string) {
	return verbs[i%len(verbs)], objects[i/len(verbs)%len(objects)], towns[i/len(verbs)/len(objects)%len(towns)]
}

func toolName(i int) string {
	v, o, p := toolWords(i)
	return v + "_" + o + "_" + p
}

func toolText(i int) string {
	v, o, p := toolWords(i)
	return fmt.Sprintf("Can %s one %s of the office in %s, by its number. It answers with what stands there afterwards.", v, o, p)
}
