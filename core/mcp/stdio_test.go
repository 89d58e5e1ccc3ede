package mcp

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/plimsoll-dev/plimsoll/core/access"
)

// stdioSurface is what the subprocess of TestStdioSubprocess serves.
func stdioSurface(desk Desk) (*Server, error) {
	return New(Config{Version: "test", Desk: desk, Library: testShelf(), Now: time.Now,
		Principal: func(context.Context) (access.Principal, bool) { return access.Principal{}, false }})
}

// TestStdioSubprocess launches a server as clients do, in both revisions.
func TestStdioSubprocess(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, revision := range revisions {
		t.Run(revision, func(t *testing.T) {
			cmd := exec.Command(self)
			cmd.Env = append(os.Environ(), "PLIMSOLL_MCP_LISTEN=stdio")
			cmd.Stderr = os.Stderr
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			c := sdk.NewClient(&sdk.Implementation{Name: "c", Version: "1"}, nil)
			cs, err := c.Connect(ctx, &sdk.CommandTransport{Command: cmd}, &sdk.ClientSessionOptions{ProtocolVersion: revision})
			if err != nil {
				t.Fatal(err)
			}
			if v := cs.InitializeResult().ProtocolVersion; v != revision {
				t.Errorf("it speaks %s", v)
			}
			res, err := cs.CallTool(ctx, &sdk.CallToolParams{Name: "find", Arguments: map[string]any{"queries": []string{"mail"}}})
			if err != nil || !strings.Contains(text(res), "digest-mail") {
				t.Errorf("find: %q %v", text(res), err)
			}
			list, err := cs.ListResources(ctx, nil)
			if err != nil || len(list.Resources) != 2 {
				t.Errorf("resources: %+v %v", list, err)
			}
			if err := cs.Close(); err != nil {
				t.Errorf("it did not end by itself: %v", err)
			}
			if !cmd.ProcessState.Success() {
				t.Errorf("it ended with %v", cmd.ProcessState)
			}
		})
	}
}

// TestStdioBadInput: lines that are no messages, endless lines, a client that
// leaves in the middle of a call.
func TestStdioBadInput(t *testing.T) {
	before := runtime.NumGoroutine()
	hello := `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}` + "\n"
	for _, c := range []struct{ what, input string }{
		{"nothing", ""},
		{"no JSON", "hello\n"},
		{"control characters", "\x00\x1b[31m\n"},
		{"a long line", `{"x":"` + strings.Repeat("x", 6<<20) + "\"}\n"},
		{"half a message", hello + `{"jsonrpc":"2.0","id":2,"met`},
		{"before initialize", `{"jsonrpc":"2.0","id":2,"method":"tools/list"}` + "\n"},
		{"leaving", hello + `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"run_skill","arguments":{"skill":"slow"}}}` + "\n"},
	} {
		desk := &counter{skills: func(ctx context.Context, _ Caller, _ RunSkill) (Ran, error) {
			select {
			case <-ctx.Done():
			case <-time.After(300 * time.Millisecond):
			}
			return Ran{}, ctx.Err()
		}}
		s, err := stdioSurface(desk)
		if err != nil {
			t.Fatal(err)
		}
		in, out := io.Pipe()
		ended := make(chan error, 1)
		go func() {
			ended <- s.ServeStdio(context.Background(), local("ann"), in, io.Discard)
			in.Close()
		}()
		go func() {
			_, _ = io.WriteString(out, c.input)
			out.Close()
		}()
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: it goes on", c.what)
		}
	}
	settled(t, before)
}

// TestStdioShutdown ends it from outside, and answers are whole lines.
func TestStdioShutdown(t *testing.T) {
	before := runtime.NumGoroutine()
	s, err := stdioSurface(&counter{})
	if err != nil {
		t.Fatal(err)
	}
	in, toServer := io.Pipe()
	fromServer, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- s.ServeStdio(context.Background(), local("ann"), in, out) }()
	fmt.Fprintln(toServer, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}`)
	line, err := bufio.NewReader(fromServer).ReadString('\n')
	if err != nil || !strings.Contains(line, `"protocolVersion":"2025-11-25"`) {
		t.Errorf("%q %v", line, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	toServer.Close()
	in.Close()
	out.Close()
	settled(t, before)
}
