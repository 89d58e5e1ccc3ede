//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

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
