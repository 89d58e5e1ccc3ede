package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// relay is the least that can be called a gateway of MCP: the SDK's server before
// the SDK's client, for one tool, with one synced append to an audit log before
// each call. It asks nobody whether the call may happen, holds no lock, knows no
// second server, and writes no end down. Upstream is an address, or "" for a server
// of its own over stdio.
func relay(address, to, revision, dir string) error {
	ctx := context.Background()
	disk, err := newDisk(dir)
	if err != nil {
		return err
	}
	c := sdk.NewClient(&sdk.Implementation{Name: "relay", Version: "1"}, nil)
	var t sdk.Transport = &sdk.StreamableClientTransport{Endpoint: to, HTTPClient: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}, MaxRetries: -1, DisableStandaloneSSE: true}
	if to == "" {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		t = &sdk.CommandTransport{Command: exec.Command(self, upstreamArg)}
	}
	up, err := c.Connect(ctx, t, &sdk.ClientSessionOptions{ProtocolVersion: revision})
	if err != nil {
		return err
	}
	listed, err := up.ListTools(ctx, nil)
	if err != nil {
		return err
	}
	s := sdk.NewServer(&sdk.Implementation{Name: "relay", Version: "1"}, nil)
	for _, tool := range listed.Tools {
		s.AddTool(tool, func(ctx context.Context, r *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
			if err := disk.append(ctx, r.Params.Name); err != nil {
				return nil, err
			}
			return up.CallTool(ctx, &sdk.CallToolParams{Name: r.Params.Name, Arguments: r.Params.Arguments})
		})
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
