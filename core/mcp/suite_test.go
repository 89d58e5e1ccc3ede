package mcp

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/plimsoll-dev/plimsoll/core/access"
)

// TestMain serves a surface instead of running tests when it is told an address:
// for the official conformance suite before the real binary serves one.
//
//	PLIMSOLL_MCP_LISTEN=127.0.0.1:7070 PLIMSOLL_MCP_UPSTREAM="http://127.0.0.1:7071/" PLIMSOLL_MCP_REVISION=2026-07-28 ./mcp.test
func TestMain(m *testing.M) {
	at := os.Getenv("PLIMSOLL_MCP_LISTEN")
	if at == "" {
		os.Exit(m.Run())
	}
	if at == "stdio" {
		s, err := stdioSurface(&counter{})
		if err == nil {
			err = s.ServeStdio(context.Background(), local("ann"), os.Stdin, os.Stdout)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if err := serveForSuite(at, os.Getenv("PLIMSOLL_MCP_UPSTREAM"), os.Getenv("PLIMSOLL_MCP_REVISION")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serveForSuite(at, upstream, revision string) error {
	c := Config{Version: "test", Desk: &counter{}, Library: testShelf(), Now: time.Now,
		Principal: func(context.Context) (access.Principal, bool) { return local("local"), true }}
	if upstream != "" {
		c.Wholes = &relay{revision: revision, transport: func() sdk.Transport {
			if strings.HasPrefix(upstream, "http") {
				return &sdk.StreamableClientTransport{Endpoint: upstream}
			}
			return program(strings.Fields(upstream)...)()
		}}
	}
	s, err := New(c)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", at)
	if err != nil {
		return err
	}
	return s.ServeHTTP(l)
}
