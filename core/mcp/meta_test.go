package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

var update = flag.Bool("update", false, "rewrite golden files")

var revisions = []string{rev2026, rev2025}

// TestToolsAreConstant: the four tools, to the byte, within 2 kB of schema, over
// 1,000 calls, both revisions, principals and restarts.
func TestToolsAreConstant(t *testing.T) {
	var first json.RawMessage
	for restart := range 2 {
		p := serve(t, Config{Library: testShelf()})
		body, headers := modern("tools/list", "")
		session := handshake(t, p, "/mcp", "ann")
		for i := range 500 {
			name := []string{"ann", "bob"}[i%2]
			now := post(t, p, "/mcp", name, body, headers...)
			old := post(t, p, "/mcp", "ann", []byte(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`), headerSession, session, headerRevision, rev2025)
			for _, a := range []rawAnswer{now, old} {
				var list struct{ Tools json.RawMessage }
				if err := json.Unmarshal(a.message(t)["result"], &list); err != nil {
					t.Fatal(err)
				}
				if first == nil {
					first = list.Tools
				}
				if !bytes.Equal(first, list.Tools) {
					t.Fatalf("restart %d, call %d: the list is another:\n%s\n%s", restart, i, first, list.Tools)
				}
			}
			if i == 0 && restart == 0 {
				golden(t, "tools-list.json", append(bytes.TrimSpace(now.message(t)["result"]), '\n'))
			}
		}
		p.stop()
	}
	if len(first) > 2048 {
		t.Errorf("the tools take %d bytes, and 2,048 are theirs", len(first))
	}
	var tools []sdk.Tool
	if err := json.Unmarshal(first, &tools); err != nil || len(tools) != 4 {
		t.Errorf("%d tools, %v", len(tools), err)
	}
}

// TestMetaTools runs the four with the SDK's client in both revisions.
func TestMetaTools(t *testing.T) {
	for _, revision := range revisions {
		t.Run(revision, func(t *testing.T) {
			desk := &counter{}
			p := serve(t, Config{Desk: desk})
			progress := make(chan *sdk.ProgressNotificationParams, 4)
			cs := dial(t, p, "/mcp", "ann", revision, &sdk.ClientOptions{ProgressNotificationHandler: func(_ context.Context, r *sdk.ProgressNotificationClientRequest) {
				progress <- r.Params
			}})
			ctx := context.Background()
			call := func(name, args string, meta sdk.Meta) *sdk.CallToolResult {
				t.Helper()
				res, err := cs.CallTool(ctx, &sdk.CallToolParams{Meta: meta, Name: name, Arguments: json.RawMessage(args)})
				if err != nil {
					t.Fatal(err)
				}
				return res
			}
			trace := "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
			res := call("find", `{"queries":["sum up\tmail"],"limit":3}`, sdk.Meta{"traceparent": trace})
			if text(res) != "digest-mail (skill): Sums up mail. Asked: sum up mail" || res.IsError {
				t.Errorf("find: %q", text(res))
			}
			if c := desk.last(); c.Traceparent != trace || c.Client != (Client{"test-client", "9"}) || c.Principal.Name != "ann" || c.Via != "http" || (c.Session == "") != (revision == rev2026) {
				t.Errorf("the caller is %+v", c)
			}
			res = call("describe", `{"names":["digest-mail","nothing"]}`, nil)
			if got := string(must(marshal(res.StructuredContent))); !strings.Contains(got, `"unknown":true`) || !strings.Contains(text(res), `input: {"type":"object"}`) {
				t.Errorf("describe: %s %q", got, text(res))
			}
			res = call("run_skill", `{"skill":"digest-mail","input":{"a":1}}`, sdk.Meta{"progressToken": "p1"})
			if text(res) != "done" || res.Meta[metaRun] != "run-1" {
				t.Errorf("run_skill: %q %v", text(res), res.Meta)
			}
			select {
			case n := <-progress:
				if n.ProgressToken != "p1" || n.Progress != 1 || n.Total != 2 || n.Message != "half" {
					t.Errorf("progress: %+v", n)
				}
			case <-time.After(5 * time.Second):
				t.Error("no progress came")
			}
			res = call("call_tool", `{"tool":"github_get","arguments":{"n":18446744073709551615},"approval":"ap-1"}`, nil)
			if text(res) != "called" || string(desk.calls[0].Arguments) != `{"n":18446744073709551615}` || desk.calls[0].Approval != "ap-1" {
				t.Errorf("call_tool: %q, asked %s", text(res), desk.calls[0].Arguments)
			}
		})
	}
}

// TestOlderRevisions are negotiated as far as the SDK knows them.
func TestOlderRevisions(t *testing.T) {
	p := serve(t, Config{Library: testShelf()})
	for _, revision := range []string{"2025-06-18", "2025-03-26", "2024-11-05"} {
		cs := dial(t, p, "/mcp", "ann", revision, nil)
		if v := cs.InitializeResult().ProtocolVersion; v != revision {
			t.Errorf("%s was negotiated for %s", v, revision)
		}
		res, err := cs.CallTool(context.Background(), &sdk.CallToolParams{Name: "find", Arguments: map[string]any{"queries": []string{"mail"}}})
		if err != nil || res.IsError {
			t.Errorf("%s: %v %v", revision, res, err)
		}
		_ = cs.Close()
	}
}

func text(r *sdk.CallToolResult) string {
	if len(r.Content) == 0 {
		return ""
	}
	c, _ := r.Content[0].(*sdk.TextContent)
	if c == nil {
		return ""
	}
	return c.Text
}

// TestResultsPassToTheByte: what the SDK's types do not know, the order of
// members and big numbers come through.
func TestResultsPassToTheByte(t *testing.T) {
	const sent = `{"content":[{"type":"text","text":"<a & b>"}],"structuredContent":{"z":18446744073709551615,"a":1.50},"x-new":{"b":1,"a":2},"isError":false}`
	desk := &counter{call: func(context.Context, Caller, CallTool) (Called, error) {
		return Called{Result: json.RawMessage(sent), Blob: "sha256:00"}, nil
	}}
	p := serve(t, Config{Desk: desk})
	body, headers := modern("tools/call", `"name":"call_tool","arguments":{"tool":"x"}`)
	got := string(post(t, p, "/mcp", "ann", body, headers...).message(t)["result"])
	want := strings.TrimSuffix(sent, "}") + `,"_meta":{"dev.plimsoll/blob":"sha256:00","io.modelcontextprotocol/serverInfo":{"name":"plimsoll","title":"Plimsoll","version":"1.2.3"}},"resultType":"complete"}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	id := handshake(t, p, "/mcp", "ann")
	old := post(t, p, "/mcp", "ann", []byte(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"call_tool","arguments":{"tool":"x"}}}`), headerSession, id, headerRevision, rev2025)
	want = strings.TrimSuffix(sent, "}") + `,"_meta":{"dev.plimsoll/blob":"sha256:00"}}`
	if got := string(old.message(t)["result"]); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestProblems: what an agent reads when something is wrong.
func TestProblems(t *testing.T) {
	desk := &counter{call: func(_ context.Context, _ Caller, r CallTool) (Called, error) {
		switch r.Tool {
		case "asked":
			return Called{}, &Problem{Code: CodeApproval, What: "A person has to approve this.", Next: "Call again with approval.", Approval: "ap-7"}
		case "broken":
			return Called{}, fmt.Errorf("the store is on fire at /var/secret")
		case "odd":
			return Called{Result: json.RawMessage(`[1]`)}, nil
		}
		return Called{}, &Problem{Code: CodeUnknown, What: "There is no such tool.", Next: "Use find."}
	}}
	p := serve(t, Config{Desk: desk})
	for _, c := range []struct{ tool, args, code, text string }{
		{"call_tool", `{"tool":"asked"}`, CodeApproval, "A person has to approve this. Call again with approval. Approval: ap-7"},
		{"call_tool", `{"tool":"gone"}`, CodeUnknown, "There is no such tool. Use find."},
		{"call_tool", `{"tool":"broken"}`, CodeFailed, "The call failed inside Plimsoll."},
		{"call_tool", `{"tool":""}`, CodeInvalid, "call_tool needs tool."},
		{"call_tool", `{"tool":"a\u0007b"}`, CodeInvalid, "is no name"},
		{"call_tool", `{"tool":"x","arguments":[1]}`, CodeInvalid, "no JSON object"},
		{"call_tool", `{"tool":"x","arguments":"{}"}`, CodeInvalid, "no JSON object"},
		{"call_tool", `{"tool":"x","args":{}}`, CodeInvalid, `unknown field "args"`},
		{"call_tool", `null`, CodeInvalid, "needs tool"},
		{"find", `{"queries":[]}`, CodeInvalid, "1 to 10 queries"},
		{"find", `{"queries":"mail"}`, CodeInvalid, "cannot be read"},
		{"find", `{"queries":["\u0000\u0007 "]}`, CodeInvalid, "no words"},
		{"find", `{"queries":["` + strings.Repeat("long ", 1000) + `"]}`, CodeInvalid, "longer than"},
		{"find", `{"queries":["a"],"limit":0}`, CodeInvalid, "limit is 0"},
		{"find", `{"queries":["a"],"limit":51}`, CodeInvalid, "limit is 51"},
		{"find", `{"queries":["a"],"kind":"thing"}`, CodeInvalid, "kind is"},
		{"describe", `{"names":[]}`, CodeInvalid, "1 to 20 names"},
		{"describe", `{"names":["` + strings.Repeat("n", 300) + `"]}`, CodeInvalid, "is no name"},
		{"run_skill", `{"skill":"x","input":3}`, CodeInvalid, "no JSON object"},
	} {
		for _, revision := range revisions {
			body, headers := modern("tools/call", `"name":"`+c.tool+`","arguments":`+c.args)
			if revision == rev2025 {
				id := handshake(t, p, "/mcp", "ann")
				body = []byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + c.tool + `","arguments":` + c.args + `}}`)
				headers = []string{headerSession, id, headerRevision, rev2025}
			}
			a := post(t, p, "/mcp", "ann", body, headers...)
			var res struct {
				IsError bool
				Content []struct{ Text string }
				Meta    map[string]struct{ Code string } `json:"_meta"`
			}
			if err := json.Unmarshal(a.message(t)["result"], &res); err != nil {
				t.Errorf("%s %s: %d %s", c.tool, c.args, a.status, a.body)
				continue
			}
			if !res.IsError || res.Meta[metaProblem].Code != c.code || !strings.Contains(res.Content[0].Text, c.text) {
				t.Errorf("%s %.60s: %+v, want %s %q", c.tool, c.args, res, c.code, c.text)
			}
			if strings.Contains(a.body, "on fire") {
				t.Errorf("%s tells what is only the operator's: %s", c.tool, a.body)
			}
		}
	}
	body, headers := modern("tools/call", `"name":"call_tool","arguments":{"tool":"odd"}`)
	if a := post(t, p, "/mcp", "ann", body, headers...); !strings.Contains(a.body, "not a JSON object") {
		t.Errorf("a result that is none: %s", a.body)
	}
	body, headers = modern("tools/call", `"name":"rm","arguments":{}`)
	if a := post(t, p, "/mcp", "ann", body, headers...); a.status != http.StatusBadRequest || !strings.Contains(a.body, "-32602") {
		t.Errorf("a tool that is none: %d %s", a.status, a.body)
	}
}

// TestCancelling reaches the desk in both revisions, and the client at once.
func TestCancelling(t *testing.T) {
	for _, revision := range revisions {
		t.Run(revision, func(t *testing.T) {
			started, ended := make(chan struct{}), make(chan error, 1)
			desk := &counter{skills: func(ctx context.Context, _ Caller, _ RunSkill) (Ran, error) {
				close(started)
				<-ctx.Done()
				ended <- ctx.Err()
				return Ran{}, ctx.Err()
			}}
			p := serve(t, Config{Desk: desk})
			cs := dial(t, p, "/mcp", "ann", revision, nil)
			ctx, cancel := context.WithCancel(context.Background())
			go func() { <-started; cancel() }()
			if _, err := cs.CallTool(ctx, &sdk.CallToolParams{Name: "run_skill", Arguments: map[string]any{"skill": "slow"}}); err == nil {
				t.Error("the cancelled call has a result")
			}
			select {
			case <-ended:
			case <-time.After(5 * time.Second):
				t.Fatal("the desk was not told")
			}
		})
	}
}
