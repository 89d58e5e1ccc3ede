package openai

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/plugins/openai/fakeapi"
	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

const testKey = "sk-test-4f1b7c2d9e8a6b5c"

// configured is New with waits short enough for tests.
func configured(t *testing.T, values map[string]any) *model {
	t.Helper()
	ours, err := newModel(values)
	if err != nil {
		t.Fatal(err)
	}
	ours.caller.Base = 2 * time.Millisecond
	ours.caller.Notice = func(string) {}
	return ours
}

// serve is a backend behind real gRPC that asks a fake server.
func serve(t *testing.T, s *fakeapi.Server, values map[string]any) *backend.Harness {
	t.Helper()
	t.Setenv(defaultKeyEnv, testKey)
	config := map[string]any{"base_url": s.URL, "dialect": dialectOpenAI}
	maps.Copy(config, values)
	return backend.NewHarness(t, func(v map[string]any) (backend.Model, error) {
		if v == nil {
			return New(nil)
		}
		return configured(t, v), nil
	}, config)
}

func ask(texts ...string) message.Request {
	req := message.Request{Model: "gpt-5.4-mini"}
	for _, text := range texts {
		req.Messages = append(req.Messages, message.Text(message.User, text))
	}
	return req
}

// both runs a test over both APIs with the same answer.
func both(t *testing.T, a fakeapi.Answer, f func(t *testing.T, api string, reply fakeapi.Reply)) {
	t.Run(apiChat, func(t *testing.T) { f(t, apiChat, fakeapi.Chat(a)) })
	t.Run(apiResponses, func(t *testing.T) { f(t, apiResponses, fakeapi.Response(a)) })
}

func TestTextAndUsage(t *testing.T) {
	a := fakeapi.Answer{Text: []string{"The ", "mark: süß ", "😀"}, Usage: fakeapi.Usage{Prompt: 100, Cached: 60, Write: 30, Output: 40, Reasoning: 25}}
	both(t, a, func(t *testing.T, api string, reply fakeapi.Reply) {
		// Chunks of every small size cut inside characters, inside "data:" and
		// between the two line ends.
		for size := range 24 {
			reply.Chunk = size
			s := fakeapi.New(t, reply)
			r, err := serve(t, s, map[string]any{"api": api}).Ask(t.Context(), ask("hello"))
			want := message.Usage{Input: 10, CachedInput: 60, CacheWrite: 30, Output: 40, Reasoning: 25}
			if err != nil || r.Message.String() != "The mark: süß 😀" || r.Usage != want || r.Finish != message.FinishStop || r.Model != "gpt-5.4-mini-2026-03-05" {
				t.Fatalf("in chunks of %d: %+v, %v", size, r, err)
			}
		}
	})
}

func TestTheRequest(t *testing.T) {
	temperature, seed := 0.25, int64(1)<<60+1
	req := message.Request{
		Model: "gpt-5.4-mini",
		Messages: []message.Message{
			message.Text(message.System, "Be <brief> & exact."),
			message.Text(message.User, "Weather?"),
			{Role: message.Assistant, ToolCalls: []message.ToolCall{{ID: "c1", Name: "weather", Arguments: json.RawMessage(`{"city":"Bonn"}`)}}},
			{Role: message.Tool, ToolCallID: "c1", Parts: []message.Part{{Type: "text", Text: "rain"}}},
		},
		Tools: []message.ToolDef{
			{Name: "weather", Description: "looks it up", Schema: json.RawMessage(`{"type":"object","properties":{"z":{"type":"string"},"a":{"type":"string"}}}`)},
			{Name: "time"},
		},
		ToolChoice:     message.ToolChoice{Mode: "subset", Names: []string{"time"}},
		ResponseSchema: json.RawMessage(`{"type":"object","properties":{"z":{"type":"integer"},"a":{"type":"string"}},"required":["z","a"],"additionalProperties":false}`),
		Sampling:       message.Sampling{Temperature: &temperature, MaxOutput: 77},
		Session:        "s-1", Idempotency: "run/1/c1", Metadata: map[string]string{"secret": "not to be sent"},
	}
	a := fakeapi.Answer{Text: []string{"ok"}, Usage: fakeapi.Usage{Prompt: 1, Output: 1}}
	for api, want := range map[string][]string{
		apiChat: {
			`"messages":[{"content":"Be <brief> & exact.","role":"system"},{"content":"Weather?","role":"user"},{`,
			`"tool_calls":[{"id":"c1","function":{"arguments":"{\"city\":\"Bonn\"}","name":"weather"},"type":"function"}]`,
			`{"content":"rain","tool_call_id":"c1","role":"tool"}`,
			`"parameters":{"type":"object","properties":{"z":{"type":"string"},"a":{"type":"string"}}}`,
			`"tool_choice":{"allowed_tools":{"mode":"auto","tools":[{"function":{"name":"time"},"type":"function"}]},"type":"allowed_tools"}`,
			`"schema":{"type":"object","properties":{"z":{"type":"integer"},"a":{"type":"string"}},"required":["z","a"],"additionalProperties":false}`,
			`"strict":true`, `"temperature":0.25`, `"max_completion_tokens":77`, `"prompt_cache_key":"s-1"`, `"stream_options":{"include_usage":true}`, `"stream":true`,
			`"seed":1152921504606846977`, `"stop":["END"]`,
		},
		apiResponses: {
			`"input":[{"content":"Be <brief> & exact.","role":"system"},{"content":"Weather?","role":"user"},`,
			`{"arguments":"{\"city\":\"Bonn\"}","call_id":"c1","name":"weather","type":"function_call"}`,
			`"call_id":"c1"`, `"output":"rain"`, `"type":"function_call_output"`,
			`"parameters":{"type":"object","properties":{"z":{"type":"string"},"a":{"type":"string"}}}`,
			`"tool_choice":{"mode":"auto","tools":[{"name":"time","type":"function"}],"type":"allowed_tools"}`,
			`"text":{"format":{"type":"json_schema","name":"answer","strict":true,"schema":{"type":"object","properties":{"z":{"type":"integer"},"a"`,
			`"store":false`, `"temperature":0.25`, `"max_output_tokens":77`, `"prompt_cache_key":"s-1"`, `"stream":true`,
		},
	} {
		t.Run(api, func(t *testing.T) {
			reply := fakeapi.Chat(a)
			asked := req
			if api == apiResponses {
				reply = fakeapi.Response(a)
			} else {
				asked.Sampling.Seed, asked.Sampling.Stop = &seed, []string{"END"}
			}
			s := fakeapi.New(t, reply)
			h := serve(t, s, map[string]any{"api": api, "organization": "org-1", "project": "proj-1", "session_header": "X-Session"})
			if _, err := h.Ask(t.Context(), asked); err != nil {
				t.Fatal(err)
			}
			got := s.Requests()[0]
			for _, part := range want {
				if !strings.Contains(got.Raw, part) {
					t.Errorf("lacks %s\n%s", part, got.Raw)
				}
			}
			if strings.Contains(got.Raw, "not to be sent") {
				t.Error("metadata was sent")
			}
			for name, value := range map[string]string{
				"Authorization": "Bearer " + testKey, "Idempotency-Key": "run/1/c1", "OpenAI-Organization": "org-1", "OpenAI-Project": "proj-1", "X-Session": "s-1",
			} {
				if got.Header.Get(name) != value {
					t.Errorf("header %s is %q", name, got.Header.Get(name))
				}
			}
		})
	}
}

func TestToolCallsRefusalsAndEnds(t *testing.T) {
	u := fakeapi.Usage{Prompt: 9, Output: 5}
	calls := []fakeapi.Call{{ID: "c1", Name: "weather", Arguments: []string{`{"ci`, `ty":"Bo`, `nn"}`}}, {ID: "c2", Name: "time", Arguments: nil}}
	both(t, fakeapi.Answer{Text: []string{"Looking."}, Calls: calls, Usage: u}, func(t *testing.T, api string, reply fakeapi.Reply) {
		r, err := serve(t, fakeapi.New(t, reply), map[string]any{"api": api}).Ask(t.Context(), ask("x"))
		if err != nil || r.Finish != message.FinishTools || r.Message.String() != "Looking." || len(r.Message.ToolCalls) != 2 {
			t.Fatalf("%+v, %v", r, err)
		}
		if c := r.Message.ToolCalls[0]; c.ID != "c1" || c.Name != "weather" || string(c.Arguments) != `{"city":"Bonn"}` {
			t.Errorf("%+v", c)
		}
		if c := r.Message.ToolCalls[1]; c.ID != "c2" || string(c.Arguments) != `{}` {
			t.Errorf("%+v", c)
		}
	})
	both(t, fakeapi.Answer{Refusal: []string{"I can't ", "help with that."}, Usage: u}, func(t *testing.T, api string, reply fakeapi.Reply) {
		r, err := serve(t, fakeapi.New(t, reply), map[string]any{"api": api}).Ask(t.Context(), ask("x"))
		if err != nil || r.Finish != message.FinishRefusal || r.Message.String() != "I can't help with that." {
			t.Errorf("%+v, %v", r, err)
		}
	})
	for finish, want := range map[string]message.Finish{"length": message.FinishLength, "content_filter": message.FinishRefusal} {
		r, err := serve(t, fakeapi.New(t, fakeapi.Chat(fakeapi.Answer{Text: []string{"cu"}, Finish: finish, Usage: u})), map[string]any{"api": "chat"}).Ask(t.Context(), ask("x"))
		if err != nil || r.Finish != want {
			t.Errorf("%s: %+v, %v", finish, r, err)
		}
	}
	for reason, want := range map[string]message.Finish{"max_output_tokens": message.FinishLength, "content_filter": message.FinishRefusal} {
		r, err := serve(t, fakeapi.New(t, fakeapi.Response(fakeapi.Answer{Text: []string{"cu"}, Finish: reason, Usage: u})), nil).Ask(t.Context(), ask("x"))
		if err != nil || r.Finish != want {
			t.Errorf("%s: %+v, %v", reason, r, err)
		}
	}
}

func TestWhichAPI(t *testing.T) {
	seed := int64(7)
	answer := fakeapi.Answer{Text: []string{"x"}, Usage: fakeapi.Usage{Prompt: 1, Output: 1}}
	for name, c := range map[string]struct {
		values map[string]any
		change func(*message.Request)
		path   string
	}{
		"OpenAI":               {nil, func(*message.Request) {}, "/v1/responses"},
		"OpenAI with a seed":   {nil, func(r *message.Request) { r.Sampling.Seed = &seed }, "/v1/chat/completions"},
		"OpenAI with a stop":   {nil, func(r *message.Request) { r.Sampling.Stop = []string{"END"} }, "/v1/chat/completions"},
		"a seed that is left":  {map[string]any{"omit": []any{"seed"}}, func(r *message.Request) { r.Sampling.Seed = &seed }, "/v1/responses"},
		"an engine":            {map[string]any{"dialect": "vllm"}, func(*message.Request) {}, "/v1/chat/completions"},
		"an engine, responses": {map[string]any{"dialect": "vllm", "api": "responses"}, func(*message.Request) {}, "/v1/responses"},
	} {
		t.Run(name, func(t *testing.T) {
			reply := fakeapi.Chat(answer)
			if c.path == "/v1/responses" {
				reply = fakeapi.Response(answer)
			}
			s := fakeapi.New(t, reply)
			req := ask("x")
			c.change(&req)
			if _, err := serve(t, s, c.values).Ask(t.Context(), req); err != nil {
				t.Fatal(err)
			}
			if got := s.Requests()[0].Path; got != c.path {
				t.Errorf("went to %s", got)
			}
		})
	}
	req := ask("x")
	req.Sampling.Seed = &seed
	s := fakeapi.New(t)
	if _, err := serve(t, s, map[string]any{"api": "responses"}).Ask(t.Context(), req); code(err) != backend.InvalidRequest || len(s.Requests()) != 0 {
		t.Errorf("a seed over responses: %v", err)
	}
}

func TestRequestsThatCannotBe(t *testing.T) {
	s := fakeapi.New(t)
	h := serve(t, s, nil)
	for name, change := range map[string]func(*message.Request){
		"no model":      func(r *message.Request) { r.Model = "" },
		"no message":    func(r *message.Request) { r.Messages = nil },
		"role":          func(r *message.Request) { r.Messages[0].Role = "narrator" },
		"part":          func(r *message.Request) { r.Messages[0].Parts[0].Type = "image" },
		"answer to no":  func(r *message.Request) { r.Messages[0].Role = message.Tool },
		"subset":        func(r *message.Request) { r.ToolChoice = message.ToolChoice{Mode: "subset", Names: []string{"f"}} },
		"required":      func(r *message.Request) { r.ToolChoice.Mode = "required" },
		"choice":        func(r *message.Request) { r.ToolChoice.Mode = "maybe" },
		"schema":        func(r *message.Request) { r.ResponseSchema = json.RawMessage(`[]`) },
		"tool's schema": func(r *message.Request) { r.Tools = []message.ToolDef{{Name: "f", Schema: json.RawMessage(`3`)}} },
		"half a call": func(r *message.Request) {
			r.Messages = append(r.Messages, message.Message{Role: message.Assistant, ToolCalls: []message.ToolCall{{ID: "1", Name: "f", Arguments: json.RawMessage(`"x"`)}}})
		},
	} {
		req := ask("x")
		change(&req)
		if _, err := h.Ask(t.Context(), req); code(err) != backend.InvalidRequest {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(s.Requests()); n != 0 {
		t.Errorf("%d of them reached the server", n)
	}
}

func TestStrictOnlyWhereItIsTaken(t *testing.T) {
	for schema, want := range map[string]bool{
		`{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}`:                                                               true,
		`{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}`:                                                                                            false,
		`{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":false}`:                                                                                false,
		`{"type":"array","items":{"type":"string"}}`:                                                                                                                         false,
		`{"type":"object","properties":{"a":{"type":"array","items":{"type":"object","properties":{"b":{"type":"string"}}}}},"required":["a"],"additionalProperties":false}`: false,
		`{"type":"object","properties":{"a":{"anyOf":[{"type":"string"},{"type":"null"}]}},"required":["a"],"additionalProperties":false}`:                                   true,
		`{"type":"object","properties":{"a":{"oneOf":[{"type":"string"}]}},"required":["a"],"additionalProperties":false}`:                                                   false,
		`{"type":"object","properties":{"a":{"enum":[{"properties":{}}]}},"required":["a"],"additionalProperties":false}`:                                                    true,
	} {
		if got := strictable(json.RawMessage(schema)); got != want {
			t.Errorf("%s: %v", schema, got)
		}
	}
}

func TestCacheBreakpoints(t *testing.T) {
	answer := fakeapi.Answer{Text: []string{"x"}, Usage: fakeapi.Usage{Prompt: 1, Output: 1}}
	both(t, answer, func(t *testing.T, api string, reply fakeapi.Reply) {
		for _, on := range []bool{false, true} {
			s := fakeapi.New(t, reply)
			req := ask("long prefix", "question")
			req.Messages[0].CacheHere = true
			if _, err := serve(t, s, map[string]any{"api": api, "cache_breakpoints": on}).Ask(t.Context(), req); err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(s.Requests()[0].Raw, `"prompt_cache_breakpoint":{"mode":"explicit"}`); n != map[bool]int{false: 0, true: 1}[on] {
				t.Errorf("breakpoints %v: %d marks in %s", on, n, s.Requests()[0].Raw)
			}
		}
	})
}

func TestDescribeNeedsNothing(t *testing.T) {
	h := backend.Unconfigured(t, New)
	d, err := h.Describe(t.Context())
	if err != nil || d.Name != "openai" && d.Name != "harness" || len(d.ConfigSchema) < 20 {
		t.Fatalf("%+v, %v", d, err)
	}
	m, err := New(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []func() error{
		func() error { _, err := backend.Collect(t.Context(), m, ask("x")); return err },
		func() error { _, err := m.(backend.TokenCounter).CountTokens(t.Context(), ask("x")); return err },
		func() error { _, _, err := m.(backend.Embedder).Embed(t.Context(), "m", []string{"x"}); return err },
	} {
		if code(f()) != backend.InvalidRequest {
			t.Error(f())
		}
	}
	t.Setenv(defaultKeyEnv, testKey)
	for dialect, want := range map[string]string{"openai": backend.MaskAllowedTools, "vllm": backend.MaskNone} {
		m := configured(t, map[string]any{"dialect": dialect})
		if d, _ := m.Describe(context.Background()); d.Capabilities.ToolMasking != want || !d.Capabilities.StructuredOutput || !d.Capabilities.Seeds {
			t.Errorf("%s: %+v", dialect, d.Capabilities)
		}
	}
}

func TestEmbed(t *testing.T) {
	s := fakeapi.New(t, fakeapi.Reply{Body: `{"object":"list","model":"text-embedding-3-small","data":[
		{"object":"embedding","index":1,"embedding":[0.5,-1]},{"object":"embedding","index":0,"embedding":[1,2]}],"usage":{"prompt_tokens":7,"total_tokens":7}}`})
	t.Setenv(defaultKeyEnv, testKey)
	m := configured(t, map[string]any{"base_url": s.URL, "dialect": "openai"})
	v, u, err := m.Embed(t.Context(), "text-embedding-3-small", []string{"a", "b"})
	if err != nil || fmt.Sprint(v) != "[[1 2] [0.5 -1]]" || u != (message.Usage{Input: 7}) {
		t.Errorf("%v %+v %v", v, u, err)
	}
	if got := s.Requests()[0]; got.Path != "/v1/embeddings" || got.Body["encoding_format"] != "float" {
		t.Errorf("%+v", got.Body)
	}
	for name, body := range map[string]string{
		"one is missing": `{"data":[{"index":0,"embedding":[1]}],"usage":{"prompt_tokens":7,"total_tokens":7}}`,
		"one is twice":   `{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}],"usage":{"prompt_tokens":7,"total_tokens":7}}`,
		"lengths differ": `{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[1,2]}],"usage":{"prompt_tokens":7,"total_tokens":7}}`,
		"no usage":       `{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[1]}]}`,
	} {
		m := configured(t, map[string]any{"base_url": fakeapi.New(t, fakeapi.Reply{Body: body}).URL, "dialect": "openai", "retries": 0})
		if _, _, err := m.Embed(t.Context(), "e", []string{"a", "b"}); code(err) != backend.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := m.Embed(t.Context(), "e", []string{"a", ""}); code(err) != backend.InvalidRequest {
		t.Error(err)
	}
}

func TestCountTokens(t *testing.T) {
	t.Setenv(defaultKeyEnv, testKey)
	for dialect, c := range map[string]struct{ path, body string }{
		"openai": {"/v1/responses/input_tokens", `{"object":"response.input_tokens","input_tokens":321}`},
		"vllm":   {"/tokenize", `{"count":321,"max_model_len":4096,"tokens":[1,2]}`},
	} {
		s := fakeapi.New(t, fakeapi.Reply{Body: c.body})
		m := configured(t, map[string]any{"base_url": s.URL, "dialect": dialect})
		req := ask("x")
		req.Tools = []message.ToolDef{{Name: "f"}}
		n, err := m.CountTokens(t.Context(), req)
		if err != nil || n != 321 || s.Requests()[0].Path != c.path || s.Requests()[0].Body["tools"] == nil || s.Requests()[0].Body["store"] != nil {
			t.Errorf("%s: %d, %v, %+v", dialect, n, err, s.Requests())
		}
	}
	m := configured(t, map[string]any{"base_url": "http://127.0.0.1:11434/v1"})
	if _, err := m.CountTokens(t.Context(), ask("x")); code(err) != backend.InvalidRequest {
		t.Errorf("a guess: %v", err)
	}
	for url, counts := range map[string]bool{"http://127.0.0.1:11434/v1": false, "http://127.0.0.1:8000/v1": true} {
		offered, err := New(map[string]any{"base_url": url})
		if _, ok := offered.(backend.TokenCounter); err != nil || ok != counts {
			t.Errorf("%s offers to count: %v, %v", url, ok, err)
		}
		if _, ok := offered.(backend.Embedder); !ok {
			t.Errorf("%s offers no embeddings", url)
		}
	}
}

func code(err error) backend.ErrorCode {
	if err == nil {
		return ""
	}
	return backend.AsError(err).Code
}
