package anthropic

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/plugins/anthropic/fakeapi"
	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

var weather = message.ToolDef{Name: "weather", Description: "Weather of a port.", Schema: json.RawMessage(`{"type":"object","properties":{"port":{"type":"string"},"day":{"type":"string"}},"required":["port"]}`)}

var tide = message.ToolDef{Name: "tide"}

const weatherJSON = `{"name":"weather","description":"Weather of a port.","input_schema":{"type":"object","properties":{"port":{"type":"string"},"day":{"type":"string"}},"required":["port"]}}`

const tideJSON = `{"name":"tide","input_schema":{"type":"object","properties":{}}}`

// Every request goes over the wire to an API that refuses what the real one
// refuses; fields that a case does not name must not be there.
func TestRequests(t *testing.T) {
	user := `[{"role":"user","content":[{"type":"text","text":"hello"}]}]`
	with := func(change func(*message.Request)) message.Request {
		r := ask("hello")
		change(&r)
		return r
	}
	for _, c := range []struct {
		name   string
		config map[string]any
		req    message.Request
		want   string // of the body without model and stream
	}{
		{"the least", nil, ask("hello"), `{"max_tokens":32000,"messages":` + user + `}`},
		{"sampling", map[string]any{"max_output": 7}, with(func(r *message.Request) {
			r.Sampling = message.Sampling{Temperature: ptr(0.0), TopP: ptr(0.5), MaxOutput: 5, Stop: []string{"END"}}
		}), `{"max_tokens":5,"temperature":0,"top_p":0.5,"stop_sequences":["END"],"messages":` + user + `}`},
		{"the config's limit, and what is omitted", map[string]any{"max_output": 7, "omit": []any{"temperature", "top_p", "seed", "stop"}}, with(func(r *message.Request) {
			r.Sampling = message.Sampling{Temperature: ptr(1.5), TopP: ptr(0.5), Seed: ptr(int64(4)), Stop: []string{"END"}}
		}), `{"max_tokens":7,"messages":` + user + `}`},
		{"thinking that adapts", map[string]any{"thinking": "adaptive", "effort": "low"}, ask("hello"),
			`{"max_tokens":32000,"thinking":{"type":"adaptive"},"output_config":{"effort":"low"},"messages":` + user + `}`},
		{"no thinking", map[string]any{"thinking": "off"}, ask("hello"), `{"max_tokens":32000,"thinking":{"type":"disabled"},"messages":` + user + `}`},
		{"a thinking budget", map[string]any{"thinking_budget": 2000}, ask("hello"),
			`{"max_tokens":32000,"thinking":{"type":"enabled","budget_tokens":2000},"messages":` + user + `}`},
		{"extra fields", map[string]any{"extra": map[string]any{"service_tier": "standard_only"}}, ask("hello"),
			`{"max_tokens":32000,"service_tier":"standard_only","messages":` + user + `}`},
		{"tools", nil, with(func(r *message.Request) { r.Tools = []message.ToolDef{weather, tide} }),
			`{"max_tokens":32000,"tools":[` + weatherJSON + `,` + tideJSON + `],"messages":` + user + `}`},
		{"tools, one is required", nil, with(func(r *message.Request) { r.Tools, r.ToolChoice.Mode = []message.ToolDef{tide}, "required" }),
			`{"max_tokens":32000,"tools":[` + tideJSON + `],"tool_choice":{"type":"any"},"messages":` + user + `}`},
		{"tools, and none of them", nil, with(func(r *message.Request) { r.Tools, r.ToolChoice.Mode = []message.ToolDef{tide}, "none" }),
			`{"max_tokens":32000,"tools":[` + tideJSON + `],"tool_choice":{"type":"none"},"messages":` + user + `}`},
		{"none of no tools", nil, with(func(r *message.Request) { r.ToolChoice.Mode = "none" }), `{"max_tokens":32000,"messages":` + user + `}`},
		{"a subset of the tools", nil, with(func(r *message.Request) {
			r.Tools, r.ToolChoice = []message.ToolDef{weather, tide}, message.ToolChoice{Mode: "subset", Names: []string{"tide"}}
		}), `{"max_tokens":32000,"tools":[` + tideJSON + `],"messages":` + user + `}`},
		{"an answer by schema", nil, with(func(r *message.Request) {
			r.ResponseSchema = json.RawMessage(`{"type":"object","properties":{"z":{"type":"integer","minimum":1},"a":{"type":"string"}}}`)
		}), `{"max_tokens":32000,"output_config":{"format":{"type":"json_schema","schema":{"type":"object","properties":{"z":{"type":"integer","description":"{minimum: 1}"},"a":{"type":"string"}},"additionalProperties":false}}},"messages":` + user + `}`},
		{"an answer by tool", map[string]any{"structured": "tool"}, with(func(r *message.Request) { r.ResponseSchema = json.RawMessage(`{"type":"object","minProperties":1}`) }),
			`{"max_tokens":32000,"tools":[{"name":"plimsoll_answer","description":"Gives the answer. Its arguments are the whole answer.","input_schema":{"type":"object","minProperties":1}}],"tool_choice":{"type":"tool","name":"plimsoll_answer"},"messages":` + user + `}`},
		{"an answer by tool beside tools", map[string]any{"structured": "tool"}, with(func(r *message.Request) {
			r.Tools, r.ResponseSchema = []message.ToolDef{tide}, json.RawMessage(`{"type":"object"}`)
		}), `{"max_tokens":32000,"tools":[` + tideJSON + `,{"name":"plimsoll_answer","description":"Gives the answer. Its arguments are the whole answer.","input_schema":{"type":"object"}}],"tool_choice":{"type":"any"},"messages":` + user + `}`},
		{"a schema that nobody enforces", map[string]any{"structured": "none"}, with(func(r *message.Request) { r.ResponseSchema = json.RawMessage(`{"type":"object"}`) }),
			`{"max_tokens":32000,"messages":` + user + `}`},
		{"a conversation with tools", map[string]any{"thinking_budget": 2000}, with(func(r *message.Request) {
			r.Tools = []message.ToolDef{tide}
			r.Messages = []message.Message{
				message.Text(message.System, "Be brief."), message.Text(message.System, ""), message.Text(message.System, "Be kind."),
				message.Text(message.User, "hello"),
				{Role: message.Assistant, Parts: []message.Part{{Type: "text", Text: "I look."}}, ToolCalls: []message.ToolCall{
					{ID: "functions.tide:0", Name: "tide", Arguments: json.RawMessage(`{"b":1,"a":2}`)}, {ID: "c2", Name: "tide"}}},
				{Role: message.Tool, ToolCallID: "functions.tide:0", Parts: []message.Part{{Type: "text", Text: "high"}}},
				{Role: message.Tool, ToolCallID: "c2"},
			}
		}), `{"max_tokens":32000,"tools":[` + tideJSON + `],"system":[{"type":"text","text":"Be brief."},{"type":"text","text":"Be kind."}],"messages":[
			{"role":"user","content":[{"type":"text","text":"hello"}]},
			{"role":"assistant","content":[{"type":"text","text":"I look."},
				{"type":"tool_use","id":"` + callID("functions.tide:0") + `","name":"tide","input":{"a":2,"b":1}},{"type":"tool_use","id":"c2","name":"tide","input":{}}]},
			{"role":"user","content":[{"type":"tool_result","tool_use_id":"` + callID("functions.tide:0") + `","content":[{"type":"text","text":"high"}]},{"type":"tool_result","tool_use_id":"c2"}]}]}`},
		{"a system message later on", nil, with(func(r *message.Request) {
			r.Messages = append(r.Messages, message.Text(message.System, "Now in French."), message.Text(message.User, ""))
		}), `{"max_tokens":32000,"messages":[{"role":"user","content":[{"type":"text","text":"hello"}]},{"role":"system","content":[{"type":"text","text":"Now in French."}]}]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := fakeapi.New(t, aye())
			if _, err := serve(t, server, c.config).Ask(t.Context(), c.req); err != nil {
				t.Fatalf("the API refuses %s: %v", server.Requests()[0].Raw, err)
			}
			body := server.Requests()[0].Body
			if body["model"] != "claude-haiku-4-5" || body["stream"] != true {
				t.Errorf("model %v, stream %v", body["model"], body["stream"])
			}
			delete(body, "model")
			delete(body, "stream")
			sameJSON(t, "the body", body, c.want)
		})
	}
}

// Models write members in the order of a schema, so that its bytes must arrive
// in the order that the caller chose.
func TestSchemasKeepTheirOrder(t *testing.T) {
	server := fakeapi.New(t, aye())
	req := ask("hello")
	req.Tools = []message.ToolDef{weather}
	req.ResponseSchema = json.RawMessage(`{"type":"object","properties":{"why":{"type":"string"},"answer":{"type":"string"}},"required":["why","answer"]}`)
	if _, err := serve(t, server, nil).Ask(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	raw := server.Requests()[0].Raw
	for _, want := range []string{`"port":{"type":"string"},"day"`, `"why":{"type":"string"},"answer"`} {
		if !strings.Contains(raw, want) {
			t.Errorf("%s is not in %s", want, raw)
		}
	}
}

func TestBreakpoints(t *testing.T) {
	at := func(marks ...int) message.Request {
		r := message.Request{Model: "m"}
		for i, role := range []message.Role{message.System, message.System, message.User, message.Assistant, message.User, message.Assistant, message.User} {
			r.Messages = append(r.Messages, message.Text(role, string(rune('a'+i))))
		}
		for _, i := range marks {
			r.Messages[i].CacheHere = true
		}
		return r
	}
	empty := at(3)
	empty.Messages[3].Parts = nil
	for _, c := range []struct {
		name string
		ttl  string
		req  message.Request
		want string // texts of the marked blocks
	}{
		{"none", "5m", at(), ""},
		{"the system prompt and the end", "5m", at(1, 6), "b5 g5"},
		{"more than the API takes: the last four", "5m", at(0, 1, 2, 3, 4, 6), "c5 d5 e5 g5"},
		{"for an hour", "1h", at(2), "c1h"},
		{"an empty message: the one before", "5m", empty, "c5"},
		{"off", "off", at(1, 2), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := fakeapi.New(t, aye())
			if _, err := serve(t, server, map[string]any{"cache_ttl": c.ttl}).Ask(t.Context(), c.req); err != nil {
				t.Fatal(err)
			}
			var got []string
			body := server.Requests()[0].Body
			system, _ := body["system"].([]any)
			for _, m := range body["messages"].([]any) {
				system = append(system, m.(map[string]any)["content"].([]any)...)
			}
			for _, b := range system {
				block := b.(map[string]any)
				control, ok := block["cache_control"].(map[string]any)
				if !ok {
					continue
				}
				name := block["text"].(string) + "5"
				if ttl, long := control["ttl"]; long {
					name = block["text"].(string) + ttl.(string)
				}
				if control["type"] != "ephemeral" {
					t.Errorf("%v", control)
				}
				got = append(got, name)
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("marked %v, want %s", got, c.want)
			}
		})
	}
}

// A request that can never succeed costs no call.
func TestRefusedBeforeACall(t *testing.T) {
	server := fakeapi.New(t, aye())
	h := serve(t, server, nil)
	budget := serve(t, server, map[string]any{"thinking_budget": 2000})
	for name, change := range map[string]func(*message.Request){
		"no model":            func(r *message.Request) { r.Model = "" },
		"no message":          func(r *message.Request) { r.Messages = nil },
		"system alone":        func(r *message.Request) { r.Messages[0].Role = message.System },
		"only empty text":     func(r *message.Request) { r.Messages = []message.Message{message.Text(message.User, "")} },
		"a role":              func(r *message.Request) { r.Messages[0].Role = "captain" },
		"a picture":           func(r *message.Request) { r.Messages[0].Parts = []message.Part{{Type: "image"}} },
		"a result of no call": func(r *message.Request) { r.Messages[0].Role = message.Tool },
		"a user's call":       func(r *message.Request) { r.Messages[0].ToolCalls = []message.ToolCall{{ID: "1", Name: "tide"}} },
		"a call with no id": func(r *message.Request) {
			r.Messages = append(r.Messages, message.Message{Role: message.Assistant, ToolCalls: []message.ToolCall{{Name: "tide"}}})
		},
		"a call of a list": func(r *message.Request) {
			r.Messages = append(r.Messages, message.Message{Role: message.Assistant, ToolCalls: []message.ToolCall{{ID: "1", Name: "tide", Arguments: json.RawMessage(`[]`)}}})
		},
		"a hot temperature":    func(r *message.Request) { r.Sampling.Temperature = ptr(1.1) },
		"top_p":                func(r *message.Request) { r.Sampling.TopP = ptr(-0.1) },
		"a seed":               func(r *message.Request) { r.Sampling.Seed = ptr(int64(1)) },
		"a negative limit":     func(r *message.Request) { r.Sampling.MaxOutput = -1 },
		"a schema that is not": func(r *message.Request) { r.ResponseSchema = json.RawMessage(`[]`) },
		"a tool's schema":      func(r *message.Request) { r.Tools = []message.ToolDef{{Name: "tide", Schema: json.RawMessage(`true`)}} },
		"a tool of no name":    func(r *message.Request) { r.Tools = []message.ToolDef{{}} },
		"our own tool":         func(r *message.Request) { r.Tools = []message.ToolDef{{Name: answerTool}} },
		"required of nothing":  func(r *message.Request) { r.ToolChoice.Mode = "required" },
		"a subset of nothing":  func(r *message.Request) { r.ToolChoice.Mode = "subset" },
		"an unknown subset":    func(r *message.Request) { r.ToolChoice = message.ToolChoice{Mode: "subset", Names: []string{"x"}} },
		"an unknown choice":    func(r *message.Request) { r.ToolChoice.Mode = "most" },
	} {
		req := ask("hello")
		change(&req)
		if _, err := h.Ask(t.Context(), req); code(err) != backend.InvalidRequest {
			t.Errorf("%s: %v", name, err)
		}
	}
	small := ask("hello")
	small.Sampling.MaxOutput = 100
	if _, err := budget.Ask(t.Context(), small); code(err) != backend.InvalidRequest || !strings.Contains(err.Error(), "thinking_budget") {
		t.Errorf("a limit below the thinking budget: %v", err)
	}
	if n := len(server.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestHeaders(t *testing.T) {
	server := fakeapi.New(t, aye())
	req := ask("hello")
	req.Idempotency = "run-7-item-3"
	if _, err := serve(t, server, map[string]any{"workspace": "wrkspc_1", "betas": []any{"one-2026", "two-2026"}}).Ask(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	if _, err := serve(t, server, map[string]any{"auth": "bearer", "base_url": server.URL + "/"}).Ask(t.Context(), ask("hello")); err != nil {
		t.Fatal(err)
	}
	first, second := server.Requests()[0].Header, server.Requests()[1].Header
	for name, want := range map[string]string{
		"X-Api-Key": secret, "Authorization": "", "Idempotency-Key": "run-7-item-3", "Anthropic-Workspace-Id": "wrkspc_1",
		"Anthropic-Beta": "one-2026,two-2026", "Anthropic-Version": "2023-06-01",
	} {
		if got := first.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if second.Get("Authorization") != "Bearer "+secret || second.Get("X-Api-Key") != "" || second.Get("Idempotency-Key") != "" {
		t.Errorf("%v", second)
	}
}

// Nothing but declared config may reach the API, whatever the environment says.
func TestTheEnvironmentChangesNothing(t *testing.T) {
	elsewhere := fakeapi.New(t, aye())
	server := fakeapi.New(t, aye())
	t.Setenv("ANTHROPIC_BASE_URL", elsewhere.URL)
	t.Setenv("ANTHROPIC_API_KEY", "another")
	t.Setenv("ANTHROPIC_AUTH_TOKEN", "another")
	t.Setenv("ANTHROPIC_CUSTOM_HEADERS", "X-Extra: 1")
	if _, err := serve(t, server, nil).Ask(t.Context(), ask("hello")); err != nil {
		t.Fatal(err)
	}
	h := server.Requests()[0].Header
	if len(elsewhere.Requests()) != 0 || h.Get("X-Api-Key") != secret || h.Get("Authorization") != "" || h.Get("X-Extra") != "" {
		t.Errorf("%v", h)
	}
}

func TestCountTokens(t *testing.T) {
	server := fakeapi.New(t, aye())
	h := serve(t, server, map[string]any{"extra": map[string]any{"service_tier": "auto"}})
	req := ask("hello")
	req.Messages = append([]message.Message{message.Text(message.System, "Be brief.")}, req.Messages...)
	req.Tools, req.Sampling = []message.ToolDef{tide}, message.Sampling{Temperature: ptr(0.5), Stop: []string{"x"}, MaxOutput: 9}
	req.ResponseSchema = json.RawMessage(`{"type":"object","properties":{}}`)
	n, err := h.CountTokens(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	got := server.Requests()[0]
	if got.Path != "/v1/messages/count_tokens" || n != int64(len(got.Raw)) {
		t.Errorf("%d tokens from %s, which counted %d", n, got.Path, len(got.Raw))
	}
	sameJSON(t, "the body", got.Body, `{"model":"claude-haiku-4-5","system":[{"type":"text","text":"Be brief."}],"tools":[`+tideJSON+`],
		"output_config":{"format":{"type":"json_schema","schema":{"type":"object","properties":{},"additionalProperties":false}}},
		"messages":[{"role":"user","content":[{"type":"text","text":"hello"}]}]}`)
}
