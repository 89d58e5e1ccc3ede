//go:build unix

package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"google.golang.org/protobuf/encoding/protowire"
)

// measuredConfig is what a project needs so that there is something to measure.
const measuredConfig = `
connector "desk" {
  url          = "UPSTREAM"
  private      = ["127.0.0.0/8"]
  plaintext    = true
  output_limit = "1KiB"
  idle         = "300ms"
}

access {
  unmatched = "allow"
  rule "a person says yes" {
    tools  = ["desk_asked"]
    effect = "ask"
  }
  limit "few" {
    tools  = ["desk_few"]
    calls  = 1
    within = "1h"
  }
}

search {
  embeddings {
    url   = "EMBED"
    model = "vec"
  }
}

notify "team" {
  url    = "http://127.0.0.1:1/"
  on     = ["night"]
  secret = "PLIMSOLL_TEST_HOOK"
}

serve {
  mcp {
    listen = "127.0.0.1:0"
    whole  = [connector.desk]
  }
  metrics = "localhost:0"
  traces  = "TRACES"
}
`

// TestEverythingIsMeasured runs the program, makes happen what there is a metric
// for, and holds what it shows against docs/telemetry.md: every metric of the page
// is there. One trace goes from a client through the program to a server.
func TestEverythingIsMeasured(t *testing.T) {
	if testing.Short() {
		t.Skip("slow: a night is measured")
	}
	up, spans := deskUpstream(t), receiveSpans(t)
	vectors := httptest.NewServer(http.HandlerFunc(embeddings))
	t.Cleanup(vectors.Close)
	dir := tempProject(t, usual, "greet")
	config := filepath.Join(dir, "plimsoll.hcl")
	edit(t, config, `"sim-medium" = { ability = 0.99, format = 0.8`, `"sim-medium" = { drift = [{ from = "2026-07-10", truncate = 1 }], ability = 0.99, format = 0.99`)
	src, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	more := strings.NewReplacer("UPSTREAM", up.URL, "EMBED", vectors.URL, "TRACES", spans.URL).Replace(measuredConfig)
	if err := os.WriteFile(config, append(src, more...), 0o644); err != nil {
		t.Fatal(err)
	}
	p := serveIn(t, dir, "PLIMSOLL_TEST_HOOK=whsec_cGxpbXNvbGwgdGVzdCBob29r")
	p.await(t, "metrics at ")
	agents := regexp.MustCompile(`answering agents at (http://\S+/mcp)\n`).FindStringSubmatch(p.printed())
	metrics := regexp.MustCompile(`metrics at (http://\S+/metrics)\n`).FindStringSubmatch(p.printed())
	if agents == nil || metrics == nil {
		t.Fatal(p.printed())
	}
	asking(t, dir, 0, "connector", "approve", "desk")

	now := overHTTP(t, agents[1], "", "2026-07-28")
	old := overHTTP(t, agents[1], "", "2025-11-25")
	whole := overHTTP(t, agents[1]+"/desk", "", "2026-07-28")
	now.ask("find", obj{"queries": []string{"read the notes of the team"}})
	traced := "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	if _, err := now.CallTool(now.ctx, &mcp.CallToolParams{Meta: mcp.Meta{"traceparent": traced, "baggage": "who=ann"}, Name: "call_tool", Arguments: obj{"tool": "desk_read", "arguments": obj{}}}); err != nil {
		t.Fatal(err)
	}
	wholeTraced := "00-1af7651916cd43dd8448eb211c80319c-c7ad6b7169203331-01"
	if _, err := whole.CallTool(whole.ctx, &mcp.CallToolParams{Meta: mcp.Meta{"traceparent": wholeTraced}, Name: "read", Arguments: obj{}}); err != nil {
		t.Fatal(err)
	}
	old.call("desk_long", obj{})
	old.call("desk_few", obj{})
	old.ask("call_tool", obj{"tool": "desk_few", "arguments": obj{}})
	old.mustAsk("desk_asked", obj{}, "")
	old.ask("call_tool", obj{"tool": "desk_fail", "arguments": obj{}})
	old.ask("call_tool", obj{"tool": "nobody_has_this", "arguments": obj{}})
	if _, res := old.ask("run_skill", obj{"skill": "greet", "input": obj{"name": "Guest 1 of greet", "place": "Bremen"}}); res.IsError {
		t.Error(res.Content)
	}
	old.call("desk_read", obj{})
	time.Sleep(time.Second) // the server of the connector is idle for longer than it is kept
	old.call("desk_read", obj{})

	night(t, dir, "nightly")
	item := filepath.Join(t.TempDir(), "item.json")
	if err := os.WriteFile(item, []byte(`{"name": "Guest 1 of greet", "place": "Bremen"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		asking(t, dir, 0, "--as-of", fmt.Sprintf("2026-07-10T08:%02d:00Z", i), "run", "greet", "-i", item)
	}
	shown := scrape(t, metrics[1])
	for _, want := range []string{
		`mcp_server_operation_duration_seconds_count{error_type="",gen_ai_tool_name="find",mcp_method_name="tools/call",mcp_protocol_version="2026-07-28",network_transport="tcp"} 1`,
		`mcp_server_operation_duration_seconds_count{error_type="tool_error",gen_ai_tool_name="call_tool",mcp_method_name="tools/call",mcp_protocol_version="2025-11-25",network_transport="tcp"} 4`,
		`mcp_server_operation_duration_seconds_count{error_type="",gen_ai_tool_name="read",mcp_method_name="tools/call",mcp_protocol_version="2026-07-28",network_transport="tcp"} 1`,
		`gen_ai_tool_name="desk_read",mcp_method_name="tools/call",mcp_protocol_version="2026-07-28",network_transport="tcp"} 4`,
		`gen_ai_tool_name="",mcp_method_name="initialize",mcp_protocol_version="2025-11-25",network_transport="tcp"} 1`,
		`gen_ai_execute_tool_duration_seconds_count{connector="desk",error_type="tool_error",gen_ai_tool_name="desk_fail"} 1`,
		`gen_ai_execute_tool_duration_seconds_count{connector="",error_type="unknown",gen_ai_tool_name="other"} 1`,
		`gen_ai_execute_tool_duration_seconds_count{connector="desk",error_type="limited",gen_ai_tool_name="desk_few"} 1`,
		`gen_ai_execute_tool_duration_seconds_count{connector="desk",error_type="asked",gen_ai_tool_name="desk_asked"} 1`,
		`gen_ai_invoke_agent_duration_seconds_count{error_type="",gen_ai_agent_name="greet",tier="ladder.lab.large"} 1`,
		`gen_ai_client_operation_duration_seconds_count{error_type="",gen_ai_operation_name="embeddings",gen_ai_provider_name="",gen_ai_request_model="vec"}`,
		`gen_ai_client_token_usage_count{gen_ai_operation_name="chat",gen_ai_provider_name="lab",gen_ai_request_model="sim-large",gen_ai_token_type="input"}`,
		`plimsoll_access_decisions_total{action="call",effect="allow"} 7`,
		`plimsoll_attempts_total{outcome="ok",skill="greet",step="main",tier="ladder.lab.large"}`,
		`plimsoll_auth_total{outcome="anonymous"}`,
		`plimsoll_build_info{version="`,
		`plimsoll_connector_restarts_total{connector="desk"}`,
		`plimsoll_connector_spilled_total{connector="desk"} 1`,
		`plimsoll_connector_stale{connector="desk"} 0`,
		`plimsoll_connector_up{connector="desk"} 1`,
		`plimsoll_connector_quarantined_tools{connector="desk"} 0`,
		`plimsoll_cost_microdollars_total{purpose="run",skill="greet",tier="ladder.lab.large"}`,
		`plimsoll_cost_microdollars_total{purpose="night",skill="greet",tier=""}`,
		`plimsoll_escalations_total{skill="greet",step="main",tier="ladder.lab.large"} 1`,
		`plimsoll_index_documents{kind="tool"} 5`,
		`plimsoll_index_documents{kind="skill"} 2`,
		`plimsoll_mcp_sessions{network_transport="tcp"} 1`,
		`plimsoll_mcp_sessions{network_transport="pipe"} 0`,
		`plimsoll_moves_total{direction="down",skill="greet",step="main"} 1`,
		`plimsoll_nights_total{outcome="ended"} 1`,
		`plimsoll_queue_length{queue="approvals"} 1`,
		`plimsoll_queue_length{queue="messages"} 1`,
		`plimsoll_queue_length{queue="shadows"}`,
		`plimsoll_rate_limited_total{limit="few"} 1`,
		`plimsoll_runs_total{outcome="ok",skill="greet",tier="ladder.lab.large"} 6`,
		`plimsoll_verdicts_total{outcome="moved"} 1`,
	} {
		if !strings.Contains(shown, want) {
			t.Errorf("%s is not shown", want)
		}
	}
	if err := old.Close(); err != nil {
		t.Error(err)
	}
	line := overStdio(t, dir, "2025-11-25")
	if shown := scrape(t, metrics[1]); !strings.Contains(shown, `plimsoll_mcp_sessions{network_transport="pipe"} 1`) || !strings.Contains(shown, `plimsoll_mcp_sessions{network_transport="tcp"} 0`) {
		t.Error("sessions come and go, and are counted wrongly")
	}
	if err := line.Close(); err != nil {
		t.Error(err)
	}
	shown = scrape(t, metrics[1])
	for _, name := range pageMetrics(t) {
		if !regexp.MustCompile(`(?m)^` + name + `(_count)?(\{.*\})? `).MatchString(shown) {
			t.Errorf("docs/telemetry.md lists %s, and it is not shown", name)
		}
	}
	if strings.Contains(shown, `model="other"`) || strings.Contains(shown, `tier="other"`) || strings.Contains(shown, `skill="other"`) || strings.Contains(shown, `step="other"`) {
		t.Error("a name of the project is not told apart")
	}
	if t.Failed() {
		t.Log(regexp.MustCompile(`(?m)^(#|go_|process_|.*_bucket).*\n`).ReplaceAllString(shown, ""))
	}

	if err := p.stop(t, syscall.SIGTERM); err != nil {
		t.Errorf("%v\n%s", err, p.printed())
	}
	spans.oneTrace(t, traced, "call_tool", up.traceOf(t, 0))
	spans.oneTrace(t, wholeTraced, "read", up.traceOf(t, 1))
	for _, name := range []string{"retrieval", "invoke_agent greet", "chat sim-large", "embeddings vec", "tools/list"} {
		if spans.find(func(s span) bool { return s.name == name }) == nil {
			t.Errorf("no span is named %q", name)
		}
	}
	chat := spans.find(func(s span) bool { return s.name == "chat sim-large" && s.parent != "" })
	if chat == nil || spans.find(func(s span) bool { return s.id == chat.parent && s.name == "invoke_agent greet" }) == nil {
		t.Error("the call of a model does not stand under its run")
	}
}

func scrape(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status, err)
	}
	return string(raw)
}

// pageMetrics are the metrics that docs/telemetry.md lists.
func pageMetrics(t *testing.T) []string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "telemetry.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(raw), "<!-- metrics -->")
	table, _, _ = strings.Cut(table, "<!-- end of metrics -->")
	var out []string
	for _, m := range regexp.MustCompile("(?m)^\\| `(\\w+)`").FindAllStringSubmatch(table, -1) {
		out = append(out, m[1])
	}
	if len(out) < 30 {
		t.Fatalf("the page lists %d metrics", len(out))
	}
	return out
}

// embeddings answers as an endpoint of OpenAI's kind.
func embeddings(w http.ResponseWriter, r *http.Request) {
	var in struct{ Input []string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	data := []obj{}
	for i, text := range in.Input {
		data = append(data, obj{"index": i, "embedding": []float64{1, float64(len(text)), float64(strings.Count(text, "e")), 3}})
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(obj{"data": data})
}

// upstream is an MCP server that remembers what it was told in _meta.
type upstreamDesk struct {
	*httptest.Server
	mu   sync.Mutex
	meta []mcp.Meta
}

func deskUpstream(t *testing.T) *upstreamDesk {
	u := &upstreamDesk{}
	server := mcp.NewServer(&mcp.Implementation{Name: "desk", Version: "1"}, nil)
	for _, name := range []string{"read", "long", "few", "asked", "fail"} {
		mcp.AddTool(server, &mcp.Tool{Name: name, Description: "Reads the notes of the team: " + name, Annotations: &mcp.ToolAnnotations{ReadOnlyHint: true}},
			func(_ context.Context, req *mcp.CallToolRequest, _ struct{}) (*mcp.CallToolResult, any, error) {
				if name == "read" {
					u.mu.Lock()
					u.meta = append(u.meta, req.Params.Meta)
					u.mu.Unlock()
				}
				text := name
				if name == "long" {
					text = strings.Repeat("a note ", 1000)
				}
				return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: text}}, IsError: name == "fail"}, nil, nil
			})
	}
	u.Server = httptest.NewServer(mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, &mcp.StreamableHTTPOptions{Stateless: true}))
	t.Cleanup(u.Close)
	return u
}

// traceOf is the trace context that the server was given with a call of read.
func (u *upstreamDesk) traceOf(t *testing.T, call int) string {
	t.Helper()
	u.mu.Lock()
	defer u.mu.Unlock()
	if call >= len(u.meta) {
		t.Fatalf("the server was called %d times", len(u.meta))
	}
	if u.meta[call]["baggage"] != nil {
		t.Error("a caller's baggage reached the server")
	}
	text, _ := u.meta[call]["traceparent"].(string)
	return text
}

// span is what these tests read of one.
type span struct {
	trace, id, parent, name string
	kind                    uint64
}

// The kinds of opentelemetry/proto/trace/v1.
const (
	internalSpan = 1
	serverSpan   = 2
	clientSpan   = 3
)

// spanReceiver is an OTLP receiver over HTTP. It reads the wire format itself: the
// generated types belong to core/telemetry.
type spanReceiver struct {
	*httptest.Server
	mu    sync.Mutex
	spans []span
}

func receiveSpans(t *testing.T) *spanReceiver {
	r := &spanReceiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		raw, err := io.ReadAll(req.Body)
		if err != nil || req.URL.Path != "/v1/traces" {
			t.Errorf("%s: %v", req.URL, err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, resource := range fields(t, raw, 1) {
			for _, scope := range fields(t, resource, 2) {
				for _, s := range fields(t, scope, 2) {
					r.spans = append(r.spans, readSpan(t, s))
				}
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(r.Close)
	return r
}

// fields are the values of a member of a message.
func fields(t *testing.T, raw []byte, number protowire.Number) [][]byte {
	t.Helper()
	var out [][]byte
	for len(raw) > 0 {
		n, kind, size := protowire.ConsumeTag(raw)
		if size < 0 {
			t.Error(protowire.ParseError(size))
			return out
		}
		raw = raw[size:]
		size = protowire.ConsumeFieldValue(n, kind, raw)
		if size < 0 {
			t.Error(protowire.ParseError(size))
			return out
		}
		value := raw[:size]
		if kind == protowire.BytesType {
			value, _ = protowire.ConsumeBytes(value)
		}
		if n == number {
			out = append(out, value)
		}
		raw = raw[size:]
	}
	return out
}

func readSpan(t *testing.T, raw []byte) span {
	one := func(n protowire.Number) []byte {
		if all := fields(t, raw, n); len(all) > 0 {
			return all[0]
		}
		return nil
	}
	s := span{trace: hex.EncodeToString(one(1)), id: hex.EncodeToString(one(2)), parent: hex.EncodeToString(one(4)), name: string(one(5))}
	s.kind, _ = protowire.ConsumeVarint(one(6))
	return s
}

func (r *spanReceiver) find(is func(span) bool) *span {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.spans {
		if is(s) {
			return &s
		}
	}
	return nil
}

// oneTrace holds that the request of a client, the call and the request of the
// server stand under one another in the client's trace, and that the server was
// told the last of them.
func (r *spanReceiver) oneTrace(t *testing.T, client, tool, told string) {
	t.Helper()
	trace, parent := client[3:35], client[36:52]
	for _, want := range []span{
		{name: "tools/call " + tool, kind: serverSpan}, {name: "execute_tool desk_read", kind: internalSpan}, {name: "tools/call desk_read", kind: clientSpan},
	} {
		s := r.find(func(s span) bool {
			return s.trace == trace && s.parent == parent && s.name == want.name && s.kind == want.kind
		})
		if s == nil {
			t.Errorf("trace %s has no span %q of kind %d under %s", trace, want.name, want.kind, parent)
			return
		}
		parent = s.id
	}
	if want := "00-" + trace + "-" + parent + "-01"; told != want {
		t.Errorf("the server was told %q, not %q", told, want)
	}
}
