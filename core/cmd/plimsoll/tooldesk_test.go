//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
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
	"syscall"
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
	id, _ := res.Meta["plimsoll.dev/call"].(string)
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

// The npm servers are used for real, by clients of both revisions, over HTTP, over
// stdio through the engine that runs, and over stdio alone.
func TestToolDesk(t *testing.T) {
	dir := toolDesk(t)
	asking(t, dir, 0, "access", "test")
	asking(t, dir, 0, "skill", "search", "--triggers")
	for _, c := range []string{"files", "memory", "thinking", "everything"} {
		asking(t, dir, 0, "connector", "diff", c) // as committed, on this machine, too
	}
	revisions := []string{"2025-11-25", "2026-07-28"}
	for _, revision := range revisions {
		t.Run("stdio alone "+revision, func(t *testing.T) { deskAlone(t, overStdio(t, dir, revision)) })
	}
	p, url := openDesk(t, dir)
	for _, revision := range revisions {
		t.Run("http "+revision, func(t *testing.T) { useDesk(t, dir, overHTTP(t, url, "", revision)) })
		t.Run("stdio "+revision, func(t *testing.T) { useDesk(t, dir, overStdio(t, dir, revision)) })
		t.Run("whole "+revision, func(t *testing.T) { wholeEverything(t, overHTTP(t, url+"/everything", "", revision)) })
		t.Run("editor "+revision, func(t *testing.T) {
			editFiles(t, dir, overHTTP(t, url, deskToken, revision))
			editFiles(t, dir, overStdio(t, dir, revision, "--as", "editor"))
		})
	}
	t.Run("a wrong token", func(t *testing.T) {
		r, err := http.NewRequest(http.MethodPost, url, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		res, err := withToken("wrong").RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusUnauthorized {
			t.Errorf("a wrong token gets %s", res.Status)
		}
	})
	t.Run("lists", func(t *testing.T) {
		before := deskLists(t, url, 1000)
		if err := p.stop(t, syscall.SIGTERM); err != nil {
			t.Errorf("%v\n%s", err, p.printed())
		}
		_, url = openDesk(t, dir)
		if after := deskLists(t, url, 1); !slices.Equal(before, after) {
			t.Errorf("after a restart the lists are other ones:\n%s\n%s", before, after)
		}
	})
	asking(t, dir, 0, "audit", "verify")
}

// deskAlone is a client that launched the engine itself.
func deskAlone(t *testing.T, c *deskClient) {
	text, _ := c.ask("find", obj{"queries": []string{"list a directory"}})
	c.holds("find", text, "files_list_directory (tool")
	c.holds("list_directory", c.call("files_list_directory", obj{"path": "."}), "[FILE] notes.md")
	c.holds("echo", c.call("everything_echo", obj{"message": "ahoy"}), "Echo: ahoy")
	c.mustAsk("memory_create_entities", obj{"entities": []obj{{"name": "Jonas", "entityType": "person", "observations": []string{"late"}}}}, "")
	if err := c.Close(); err != nil {
		t.Errorf("it does not end by itself: %v", err)
	}
}

// useDesk does what an agent without a role would do, and some things that it may
// not. Every call of it has to stand in the log.
func useDesk(t *testing.T, dir string, c *deskClient) {
	t.Helper()
	counted := deskRecords(t, dir)
	want := map[string]int{}
	call := func(tool string, arguments obj) string {
		t.Helper()
		want[tool+" ok"]++
		return c.call(tool, arguments)
	}

	text, _ := c.ask("find", obj{"queries": []string{"read a text file", "write up the minutes of a meeting"}})
	c.holds("find", text, "files_read_text_file (tool", "meeting-minutes (skill)")
	text, _ = c.ask("find", obj{"queries": []string{"zqxv wvutz"}})
	c.holds("find", text, "Nothing fits.")
	text, _ = c.ask("describe", obj{"names": []string{"files_read_text_file", "memory_create_entities", "meeting-minutes"}})
	c.holds("describe", text, `"path"`, `"entityType"`, `"notes"`, "A person has to approve each call.")

	c.holds("list_directory", call("files_list_directory", obj{"path": "."}), "[FILE] notes.md")
	c.holds("read_text_file", call("files_read_text_file", obj{"path": "notes.md"}), "Crane 2 stays shut")
	want["files_read_text_file error"]++
	if text, res := c.ask("call_tool", obj{"tool": "files_read_text_file", "arguments": obj{"path": "/etc/passwd"}}); !res.IsError {
		t.Errorf("a file outside of the folder is read: %s", text)
	}

	// A person says yes to this call, once.
	plan := obj{"path": "plan.md", "content": "written by " + t.Name()}
	want["files_write_file asked"] += 2
	id := c.mustAsk("files_write_file", plan, "")
	if _, err := os.Stat(filepath.Join(dir, "desk", "plan.md")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is there before a person was asked: %v", err)
	}
	c.holds("approve", asking(t, dir, 0, "approve"), id, "files_write_file", t.Name())
	c.holds("approve", asking(t, dir, 0, "approve", id), "local may call files_write_file once")
	want["files_write_file ok"]++
	if text, res := c.ask("call_tool", obj{"tool": "files_write_file", "arguments": plan, "approval": id}); res.IsError {
		t.Fatalf("an approved call: %s", text)
	}
	if raw, err := os.ReadFile(filepath.Join(dir, "desk", "plan.md")); err != nil || string(raw) != plan["content"] {
		t.Errorf("the file says %q: %v", raw, err)
	}
	asking(t, dir, 0, "approve", c.mustAsk("files_write_file", plan, id), "--refuse", "--note", "once is enough")
	if err := os.Remove(filepath.Join(dir, "desk", "plan.md")); err != nil {
		t.Error(err)
	}

	entities := obj{"entities": []obj{{"name": "Mira of " + t.Name(), "entityType": "person", "observations": []string{"calls the inspector"}}}}
	want["memory_create_entities asked"]++
	id = c.mustAsk("memory_create_entities", entities, "")
	asking(t, dir, 0, "approve", id)
	want["memory_create_entities ok"]++
	if text, res := c.ask("call_tool", obj{"tool": "memory_create_entities", "arguments": entities, "approval": id}); res.IsError {
		t.Fatalf("an approved call: %s", text)
	}
	c.holds("read_graph", call("memory_read_graph", nil), "Mira of "+t.Name(), "calls the inspector")
	c.holds("search_nodes", call("memory_search_nodes", obj{"query": "inspector"}), "Mira of")

	for i := 1; i <= 2; i++ {
		c.holds("sequentialthinking", call("thinking_sequentialthinking", obj{"thought": "whether it rains", "thoughtNumber": i, "totalThoughts": 2, "nextThoughtNeeded": i < 2}), fmt.Sprintf(`"thoughtNumber": %d`, i))
	}
	c.holds("echo", call("everything_echo", obj{"message": "ahoy"}), "Echo: ahoy")
	c.holds("get-sum", call("everything_get-sum", obj{"a": 19, "b": 23}), "42")
	longOperation(t, c)
	want["everything_trigger-long-running-operation ok"]++
	want["everything_trigger-long-running-operation canceled"]++
	want["everything_trigger-long-running-operation denied"]++
	text, res := c.ask("call_tool", obj{"tool": "everything_trigger-long-running-operation", "arguments": obj{"duration": 3600}})
	if !res.IsError || !strings.Contains(strings.ToLower(text), "at most 30 seconds") {
		t.Errorf("an hour is not refused: %s", text)
	}

	text, res = c.ask("run_skill", obj{"skill": "meeting-minutes", "input": obj{"notes": "Nothing decided, half of us were ill. Ola will find a new date."}})
	if res.IsError {
		t.Errorf("run_skill: %s", text)
	}
	c.holds("run_skill", text, "Ola")

	hidden := []string{"everything_get-env", "files_move_file", "memory_delete_entities", "memory_delete_observations", "memory_delete_relations"}
	unknown := func(name string) string {
		t.Helper()
		text, res := c.ask("call_tool", obj{"tool": name, "arguments": obj{}})
		described, _ := c.ask("describe", obj{"names": []string{name}})
		if !res.IsError || !strings.Contains(described, "there is no such") {
			t.Errorf("%s: %q, %q", name, text, described)
		}
		raw, err := json.Marshal(res)
		if err != nil {
			t.Fatal(err)
		}
		c.heard = c.heard[:len(c.heard)-2] // these say the name that was asked for
		return strings.ReplaceAll(string(raw)+described, name, "NAME")
	}
	nobody := unknown("files_no_such_tool")
	want["files_no_such_tool unknown"]++
	for _, name := range hidden {
		want[name+" unknown"]++
		if got := unknown(name); got != nobody {
			t.Errorf("%s is not answered like a name that nobody has:\n%s\n%s", name, got, nobody)
		}
		own := name[strings.Index(name, "_")+1:]
		c.ask("find", obj{"queries": []string{name, own, strings.NewReplacer("_", " ", "-", " ").Replace(own)}, "limit": 50})
	}
	c.ask("find", obj{"queries": []string{"environment variables", "debugging configuration", "move or rename a file", "delete entities", "file", "graph"}, "limit": 50})
	for _, h := range c.heard {
		for _, name := range hidden {
			if strings.Contains(h, name) || strings.Contains(h, name[strings.Index(name, "_")+1:]) {
				t.Errorf("%s is in an answer:\n%s", name, h)
			}
		}
	}

	// Notes about what was cancelled may come a moment later.
	var got map[string]int
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if got = deskRecords(t, dir); compareRecords(counted, got, want) == "" {
			break
		}
	}
	if diff := compareRecords(counted, got, want); diff != "" {
		t.Errorf("the log has not what was done: %s", diff)
	}
	for id, tool := range c.calls {
		c.holds("audit show --call", asking(t, dir, 0, "audit", "show", "--call", id), tool, "principal", "result", "sha256:")
	}
}

// longOperation is told how far it is, and ends when nobody waits any more.
func longOperation(t *testing.T, c *deskClient) {
	t.Helper()
	long := func(ctx context.Context, token string, seconds, steps int) (*mcp.CallToolResult, error) {
		params := &mcp.CallToolParams{Name: "call_tool", Arguments: obj{"tool": "everything_trigger-long-running-operation", "arguments": obj{"duration": seconds, "steps": steps}}}
		params.SetProgressToken(token)
		return c.CallTool(ctx, params)
	}
	seen := func(token string) []float64 {
		c.mu.Lock()
		defer c.mu.Unlock()
		return slices.Clone(c.progress[token])
	}
	res, err := long(c.ctx, "to the end", 1, 3)
	if err != nil || res.IsError {
		t.Fatalf("the long operation: %+v %v", res, err)
	}
	for end := time.Now().Add(5 * time.Second); len(seen("to the end")) < 3 && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
	}
	if got := seen("to the end"); !slices.Equal(got, []float64{1, 2, 3}) {
		t.Errorf("its progress is %v", got)
	}

	ctx, cancel := context.WithCancel(c.ctx)
	ended := make(chan error, 1)
	go func() {
		_, err := long(ctx, "not to the end", 25, 100)
		ended <- err
	}()
	for end := time.Now().Add(10 * time.Second); len(seen("not to the end")) == 0 && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
	}
	if len(seen("not to the end")) == 0 {
		t.Error("the operation that is cancelled has no progress")
	}
	cancel()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("a cancelled call has a result")
		}
	case <-time.After(10 * time.Second):
		t.Fatal("a cancelled call goes on")
	}
}

// wholeEverything uses the server as if it stood alone, but for what is denied.
func wholeEverything(t *testing.T, c *deskClient) {
	list, err := c.ListTools(c.ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, tool := range list.Tools {
		names = append(names, tool.Name)
	}
	for _, name := range []string{"echo", "get-sum", "trigger-long-running-operation"} {
		if !slices.Contains(names, name) {
			t.Errorf("it lists no %s: %v", name, names)
		}
	}
	if raw, err := json.Marshal(list); err != nil || bytes.Contains(raw, []byte("get-env")) {
		t.Errorf("it lists what is denied: %s %v", raw, err)
	}
	if text, res := c.ask("get-sum", obj{"a": 1, "b": 2}); res.IsError || !strings.Contains(text, "3") {
		t.Errorf("get-sum: %s", text)
	}
	if res, err := c.CallTool(c.ctx, &mcp.CallToolParams{Name: "get-env"}); err == nil && !res.IsError {
		t.Errorf("get-env is called: %+v", res)
	}
	resources, err := c.ListResources(c.ctx, nil)
	if err != nil || len(resources.Resources) == 0 {
		t.Errorf("resources: %+v %v", resources, err)
	} else if read, err := c.ReadResource(c.ctx, &mcp.ReadResourceParams{URI: resources.Resources[0].URI}); err != nil || len(read.Contents) == 0 {
		t.Errorf("reading %s: %+v %v", resources.Resources[0].URI, read, err)
	}
	prompts, err := c.ListPrompts(c.ctx, nil)
	if err != nil || len(prompts.Prompts) == 0 {
		t.Errorf("prompts: %+v %v", prompts, err)
	}
}

// editFiles does what only an editor may.
func editFiles(t *testing.T, dir string, c *deskClient) {
	t.Helper()
	text, _ := c.ask("find", obj{"queries": []string{"move or rename a file"}})
	c.holds("find", text, "files_move_file (tool")
	from, to := "from-"+filepath.Base(t.Name())+".txt", "to-"+filepath.Base(t.Name())+".txt"
	if err := os.WriteFile(filepath.Join(dir, "desk", from), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	c.call("files_move_file", obj{"source": from, "destination": to})
	if err := os.Remove(filepath.Join(dir, "desk", to)); err != nil {
		t.Error(err)
	}
	id := c.mustAsk("memory_delete_entities", obj{"entityNames": []string{"Mira"}}, "")
	asking(t, dir, 0, "approve", id, "--refuse", "--note", "we still need her")
	text, res := c.ask("call_tool", obj{"tool": "memory_delete_entities", "arguments": obj{"entityNames": []string{"Mira"}}, "approval": id})
	if !res.IsError {
		t.Errorf("a call that was refused happens: %s", text)
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

// An engine that is killed takes every server that it started along.
func TestToolDeskKilled(t *testing.T) {
	if _, err := os.Stat("/proc/self/cwd"); err != nil {
		t.Skip("there is no /proc to look for processes in")
	}
	dir := toolDesk(t)
	p, url := openDesk(t, dir)
	c := overHTTP(t, url, "", "2025-11-25")
	c.call("files_list_directory", obj{"path": "."})
	c.call("memory_read_graph", nil)
	c.call("everything_echo", obj{"message": "ahoy"})
	c.call("thinking_sequentialthinking", obj{"thought": "x", "thoughtNumber": 1, "totalThoughts": 1, "nextThoughtNeeded": false})
	// A client of a whole connector that sets a log level has a server of its own.
	whole := overHTTP(t, url+"/everything", "", "2025-11-25")
	if err := whole.SetLoggingLevel(whole.ctx, &mcp.SetLoggingLevelParams{Level: "error"}); err != nil {
		t.Fatal(err)
	}
	if n := nodesIn(t, dir); len(n) < 5 {
		t.Fatalf("five servers run, and %d are found: %v", len(n), n)
	}
	if err := p.stop(t, syscall.SIGKILL); err == nil {
		t.Error("a killed engine ends in order")
	}
	var left []string
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if left = nodesIn(t, dir); len(left) == 0 {
			return
		}
	}
	t.Errorf("servers go on after the engine was killed: %v", left)
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
