//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// deskToken is the editor's, as examples/tool-desk/main.hcl has it.
const deskToken = "tool-desk-editor-example"

// toolDesk copies the example with the npm servers that are installed in it, and
// lets it listen wherever there is room.
func toolDesk(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("slow: copies and starts four npm servers")
	}
	version, err := exec.Command("node", "--version").Output()
	var major int
	if _, bad := fmt.Sscanf(string(version), "v%d.", &major); err != nil || bad != nil || major < 20 {
		t.Skipf("the servers of examples/tool-desk need node 20 or newer, and here is %q", version)
	}
	source := filepath.Join("..", "..", "..", "examples", "tool-desk")
	if _, err := os.Stat(filepath.Join(source, "node_modules", ".bin", "mcp-server-everything")); err != nil {
		t.Skip("the npm servers are missing: npm ci --prefix examples/tool-desk")
	}
	// In a short path: the socket lies in it. And one that is its own: processes are
	// told apart by the folder they run in.
	dir, err := os.MkdirTemp("", "desk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, os.DirFS(source)); err != nil {
		t.Fatal(err)
	}
	for _, own := range []string{".plimsoll", "memory.jsonl"} {
		if err := os.RemoveAll(filepath.Join(dir, own)); err != nil {
			t.Fatal(err)
		}
	}
	edit(t, filepath.Join(dir, "main.hcl"), "127.0.0.1:7070", "127.0.0.1:0")
	return dir
}

var deskURL = regexp.MustCompile(`answering agents at (http://\S+/mcp)\n`)

// openDesk serves the project and gives the address.
func openDesk(t *testing.T, dir string) (*engineProcess, string) {
	t.Helper()
	p := serveIn(t, dir)
	p.await(t, "whole at ")
	found := deskURL.FindStringSubmatch(p.printed())
	if found == nil {
		t.Fatalf("it does not say where:\n%s", p.printed())
	}
	return p, found[1]
}

// withToken sends a bearer token, if there is one.
type withToken string

func (b withToken) RoundTrip(r *http.Request) (*http.Response, error) {
	if b != "" {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+string(b))
	}
	return http.DefaultTransport.RoundTrip(r)
}

// deskClient is a client of the surface, and everything it was ever answered.
type deskClient struct {
	*mcp.ClientSession
	t        *testing.T
	ctx      context.Context
	mu       sync.Mutex
	progress map[any][]float64
	heard    []string
	calls    map[string]string // id in the log -> tool, of what succeeded
}

func dialDesk(t *testing.T, revision string, transport mcp.Transport) *deskClient {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	c := &deskClient{t: t, ctx: ctx, progress: map[any][]float64{}, calls: map[string]string{}}
	client := mcp.NewClient(&mcp.Implementation{Name: "desk-test", Version: "1"}, &mcp.ClientOptions{
		ProgressNotificationHandler: func(_ context.Context, r *mcp.ProgressNotificationClientRequest) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.progress[r.Params.ProgressToken] = append(c.progress[r.Params.ProgressToken], r.Params.Progress)
		},
	})
	var err error
	if c.ClientSession, err = client.Connect(ctx, transport, &mcp.ClientSessionOptions{ProtocolVersion: revision}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if got := c.InitializeResult().ProtocolVersion; got != revision {
		t.Fatalf("it speaks %s, not %s", got, revision)
	}
	return c
}

func overHTTP(t *testing.T, url, token, revision string) *deskClient {
	t.Helper()
	return dialDesk(t, revision, &mcp.StreamableClientTransport{Endpoint: url, HTTPClient: &http.Client{Transport: withToken(token)}, MaxRetries: -1})
}

func overStdio(t *testing.T, dir, revision string, args ...string) *deskClient {
	t.Helper()
	cmd := exec.Command(plimsoll(t), append([]string{"-C", dir, "serve", "--stdio"}, args...)...)
	cmd.Stderr = os.Stderr
	return dialDesk(t, revision, &mcp.CommandTransport{Command: cmd})
}

type obj = map[string]any

// ask calls one of the tools that the surface lists.
func (c *deskClient) ask(tool string, arguments obj) (string, *mcp.CallToolResult) {
	c.t.Helper()
	res, err := c.CallTool(c.ctx, &mcp.CallToolParams{Name: tool, Arguments: arguments})
	if err != nil {
		c.t.Fatalf("%s %v: %v", tool, arguments, err)
	}
	raw, err := json.Marshal(res)
	if err != nil {
		c.t.Fatal(err)
	}
	c.heard = append(c.heard, string(raw))
	var b strings.Builder
	for _, part := range res.Content {
		if text, ok := part.(*mcp.TextContent); ok {
			b.WriteString(text.Text)
		}
	}
	return b.String(), res
}

// call calls a tool behind it, which has to succeed.
func (c *deskClient) call(tool string, arguments obj) string {
	c.t.Helper()
	text, res := c.ask("call_tool", obj{"tool": tool, "arguments": arguments})
	if res.IsError {
		c.t.Fatalf("%s %v: %s", tool, arguments, text)
	}
	id, _ := res.Meta["dev.plimsoll/call"].(string)
	if _, twice := c.calls[id]; id == "" || twice {
		c.t.Errorf("the result of %s names call %q", tool, id)
	}
	c.calls[id] = tool
	return text
}

// asked makes a call that has to wait for a person, and gives the approval's id.
func (c *deskClient) mustAsk(tool string, arguments obj, approval string) string {
	c.t.Helper()
	in := obj{"tool": tool, "arguments": arguments}
	if approval != "" {
		in["approval"] = approval
	}
	text, res := c.ask("call_tool", in)
	problem, _ := res.Meta["dev.plimsoll/problem"].(map[string]any)
	id, _ := problem["approval"].(string)
	if !res.IsError || problem["code"] != "approval" || id == "" || !strings.Contains(text, "plimsoll approve "+id) {
		c.t.Fatalf("%s is not asked: %q %v", tool, text, res.Meta)
	}
	return id
}

func (c *deskClient) holds(what, text string, parts ...string) {
	c.t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			c.t.Errorf("%s lacks %q:\n%s", what, p, text)
		}
	}
}

// deskRecords counts the calls in the log by tool and outcome. A call that reaches
// out has one entry when it begins and one when it ends, with one id; any other has
// one.
func deskRecords(t *testing.T, dir string) map[string]int {
	t.Helper()
	type call struct{ ID, Action, Outcome, Tool string }
	begun, over := map[string]bool{}, map[string]call{}
	for _, e := range auditEntries(t, dir) {
		if !strings.HasPrefix(e.Kind, "call.") {
			continue
		}
		var k call
		if err := json.Unmarshal(e.Data, &k); err != nil {
			t.Fatal(err)
		}
		if k.Action != "call" {
			continue
		}
		if k.Outcome == "begun" {
			begun[k.ID] = true
			continue
		}
		if was, twice := over[k.ID]; twice {
			t.Errorf("call %s ends twice: %v, %v", k.ID, was, k)
		}
		over[k.ID] = k
	}
	out := map[string]int{}
	for _, k := range over {
		out[k.Tool+" "+k.Outcome]++
	}
	for id := range begun {
		if _, ok := over[id]; !ok {
			out["begun"]++
		}
	}
	return out
}

func compareRecords(before, after, want map[string]int) string {
	var out []string
	for _, m := range []map[string]int{after, want} {
		for key := range m {
			if got := after[key] - before[key]; got != want[key] {
				out = append(out, fmt.Sprintf("%s: %d, not %d", key, got, want[key]))
			}
		}
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), "; ")
}

// deskLists asks both revisions for the list of tools so often, and gives the bytes
// of each, which have to be the same every time.
func deskLists(t *testing.T, url string, times int) []string {
	t.Helper()
	session := ""
	post := func(revision, method, body string) string {
		t.Helper()
		r, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", "application/json, text/event-stream")
		r.Header.Set("MCP-Protocol-Version", revision)
		if revision > "2026" {
			r.Header.Set("Mcp-Method", method)
		} else if session != "" {
			r.Header.Set("Mcp-Session-Id", session)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		raw, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode/100 != 2 {
			t.Fatalf("%s %s: %s %s %v", revision, method, res.Status, raw, err)
		}
		if id := res.Header.Get("Mcp-Session-Id"); id != "" {
			session = id
		}
		// The last event; one before it may say where to go on, which differs.
		if i := bytes.LastIndex(raw, []byte("data: ")); i >= 0 {
			raw = raw[i+len("data: "):]
		}
		return string(raw)
	}
	post("2025-11-25", "initialize", `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}`)
	post("2025-11-25", "notifications/initialized", `{"jsonrpc":"2.0","method":"notifications/initialized"}`)
	var out []string
	for revision, params := range map[string]string{
		"2025-11-25": `{}`,
		"2026-07-28": `{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"x","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}`,
	} {
		first := ""
		for range times {
			got := post(revision, "tools/list", `{"jsonrpc":"2.0","id":7,"method":"tools/list","params":`+params+`}`)
			if first == "" {
				first = got
			}
			if got != first || !strings.Contains(got, `"call_tool"`) {
				t.Fatalf("the list is\n%s\nand was\n%s", got, first)
			}
		}
		out = append(out, first)
	}
	slices.Sort(out)
	return out
}

// nodesIn lists the processes that run in a folder or below it and are node.
func nodesIn(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		at, err := os.Readlink(filepath.Join("/proc", e.Name(), "cwd"))
		if err != nil || at != dir && !strings.HasPrefix(at, dir+"/") {
			continue
		}
		line, err := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		if err == nil && bytes.Contains(line, []byte("mcp-server-")) {
			out = append(out, e.Name()+" "+strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return out
}
