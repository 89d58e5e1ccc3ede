package openai

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/plugins/openai/fakeapi"
	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// shape is a stream of testdata as the fake server sends it.
func shape(t testing.TB, name string) fakeapi.Reply {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name+".sse"))
	if err != nil {
		t.Fatal(err)
	}
	return fakeapi.Reply{Events: []string{string(raw)}}
}

func TestShapesOfAnswers(t *testing.T) {
	for name, want := range map[string]struct {
		text   string
		calls  string
		finish message.Finish
		usage  message.Usage
		model  string
	}{
		"vllm-reasoning-tools":  {"", `weather{"city": "Bonn"}`, message.FinishTools, message.Usage{Input: 20, CachedInput: 192, Output: 48}, "qwen3-32b"},
		"vllm-continuous-usage": {"Aye aye", "", message.FinishStop, message.Usage{Input: 20, Output: 3}, "gemma-4-26b"},
		// Without usage the bytes of "hello" and what stands around it are the bound.
		"vllm-no-usage":         {"Aye.", "", message.FinishStop, message.Usage{Input: 37, Output: 4}, "gemma-4-26b"},
		"sglang-reasoning":      {"Forty-two.", "", message.FinishStop, message.Usage{Input: 14, CachedInput: 16, Output: 20, Reasoning: 12}, "glm-5.2"},
		"llamacpp-tool-whole":   {"", `weather{"city":"Bonn"}`, message.FinishTools, message.Usage{Input: 20, CachedInput: 100, Output: 14}, "gemma-4-31B-it-Q6_K.gguf"},
		"llamacpp-timings-only": {"Aye.", "", message.FinishLength, message.Usage{Input: 10, CachedInput: 7, Output: 4}, "gemma-4-31B-it-Q6_K.gguf"},
		"ollama-two-calls":      {"", `weather{"city":"Bonn"} time{}`, message.FinishTools, message.Usage{Input: 160, Output: 44}, "qwen3:8b"},
		"ollama-no-index":       {"", `weather{"city":"Bonn"} weather{"city":"Kiel"}`, message.FinishTools, message.Usage{Input: 60, Output: 14}, "llama3.1"},
		// The total counts reasoning that the completion leaves out.
		"gateway-parts-without-index": {"", `weather{"city":"Bonn"} time{"zone":"CET"}`, message.FinishTools, message.Usage{Input: 40, Output: 55}, "gemini-3.5-flash"},
		"deepseek":                    {"Aye.", "", message.FinishStop, message.Usage{Input: 36, CachedInput: 64, Output: 9, Reasoning: 6}, "deepseek-v4-flash"},
		"moonshot":                    {"Aye.", "", message.FinishStop, message.Usage{Input: 20, CachedInput: 80, Output: 9}, "kimi-k2.6"},
		"groq":                        {"Aye.", "", message.FinishStop, message.Usage{Input: 70, Output: 8}, "gpt-oss-120b"},
		"cut-call":                    {"Looking.", "", message.FinishLength, message.Usage{Input: 7, Output: 8}, "m"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, size := range []int{0, 1, 7} {
				reply := shape(t, name)
				reply.Chunk = size
				r, err := serve(t, fakeapi.New(t, reply), map[string]any{"dialect": "compatible"}).Ask(t.Context(), ask("hello"))
				if err != nil {
					t.Fatal(err)
				}
				var calls []string
				ids := map[string]bool{}
				for _, c := range r.Message.ToolCalls {
					calls = append(calls, c.Name+string(c.Arguments))
					ids[c.ID] = true
				}
				if r.Message.String() != want.text || strings.Join(calls, " ") != want.calls || len(ids) != len(calls) || r.Finish != want.finish || r.Usage != want.usage || r.Model != want.model {
					t.Errorf("%q %q %s %+v %s", r.Message.String(), calls, r.Finish, r.Usage, r.Model)
				}
			}
		})
	}
}

func TestMissingUsageWhereItIsRequired(t *testing.T) {
	h := serve(t, fakeapi.New(t, shape(t, "vllm-no-usage")), map[string]any{"dialect": "vllm", "usage": "required", "retries": 0})
	if _, err := h.Ask(t.Context(), ask("hello")); code(err) != backend.Unavailable || !strings.Contains(err.Error(), "bound") {
		t.Error(err)
	}
}

func TestWhatEachDialectIsSent(t *testing.T) {
	req := ask("x")
	req.Tools = []message.ToolDef{{Name: "f"}, {Name: "g"}}
	req.ResponseSchema = []byte(`{"type":"object"}`)
	req.Sampling.MaxOutput = 9
	req.Session = "s"
	subset := message.ToolChoice{Mode: "subset", Names: []string{"g"}}
	reply := fakeapi.Chat(fakeapi.Answer{Text: []string{"x"}, Usage: fakeapi.Usage{Prompt: 1, Output: 1}})
	for _, c := range []struct {
		values map[string]any
		choice message.ToolChoice
		has    []string
		lacks  []string
	}{
		{map[string]any{"dialect": "openai", "api": "chat"}, subset, []string{`"max_completion_tokens":9`, `"allowed_tools"`, `"name":"f"`, `"strict":false`, `"prompt_cache_key"`}, []string{`"max_tokens"`}},
		{map[string]any{"dialect": "vllm"}, subset, []string{`"max_tokens":9`, `"name":"g"`, `"response_format"`}, []string{`"allowed_tools"`, `"name":"f"`, `"strict"`, `"prompt_cache_key"`, `"tool_choice"`}},
		{map[string]any{"dialect": "vllm", "structured": "guided_json"}, message.ToolChoice{}, []string{`"guided_json":{"type":"object"}`}, []string{`"response_format"`, `"tool_choice"`}},
		{map[string]any{"dialect": "vllm", "structured": "structured_outputs"}, message.ToolChoice{Mode: "required"}, []string{`"structured_outputs":{"json":{"type":"object"}}`, `"tool_choice":"required"`}, []string{`"response_format"`}},
		{map[string]any{"dialect": "sglang", "structured": "none"}, message.ToolChoice{Mode: "none"}, []string{`"tool_choice":"none"`, `"name":"f"`}, []string{`"response_format"`}},
		{map[string]any{"dialect": "llamacpp", "stream_usage": false}, message.ToolChoice{Mode: "auto"}, []string{`"response_format"`, `"name":"f"`}, []string{`"stream_options"`, `"tool_choice"`}},
		{map[string]any{"dialect": "ollama"}, message.ToolChoice{Mode: "none"}, []string{`"stream_options"`}, []string{`"tools"`, `"tool_choice"`}},
		{map[string]any{"dialect": "ollama"}, subset, []string{`"name":"g"`}, []string{`"name":"f"`, `"tool_choice"`}},
		{map[string]any{"dialect": "vllm", "extra": map[string]any{"chat_template_kwargs": map[string]any{"enable_thinking": false}, "top_k": 20}, "max_output": 5, "reasoning_effort": "low"}, message.ToolChoice{},
			[]string{`"chat_template_kwargs":{"enable_thinking":false}`, `"top_k":20`, `"reasoning_effort":"low"`, `"max_tokens":9`}, nil},
	} {
		s := fakeapi.New(t, reply)
		asked := req
		asked.ToolChoice = c.choice
		if _, err := serve(t, s, c.values).Ask(t.Context(), asked); err != nil {
			t.Errorf("%v: %v", c.values, err)
			continue
		}
		raw := s.Requests()[0].Raw
		for _, part := range c.has {
			if !strings.Contains(raw, part) {
				t.Errorf("%v lacks %s: %s", c.values, part, raw)
			}
		}
		for _, part := range c.lacks {
			if strings.Contains(raw, part) {
				t.Errorf("%v has %s: %s", c.values, part, raw)
			}
		}
	}
	req.ToolChoice = message.ToolChoice{Mode: "required"}
	if _, err := serve(t, fakeapi.New(t, reply), map[string]any{"dialect": "ollama"}).Ask(t.Context(), req); code(err) != backend.InvalidRequest {
		t.Errorf("a call that Ollama cannot be made to make: %v", err)
	}
}

func TestGuess(t *testing.T) {
	for address, want := range map[string]string{
		"https://api.openai.com/v1": "openai", "https://eu.api.openai.com/v1": "openai", "http://127.0.0.1:8000/v1": "vllm", "http://gpu1:30000/v1": "sglang",
		"http://localhost:8080/v1": "llamacpp", "http://localhost:11434/v1": "ollama", "https://openrouter.ai/api/v1": "compatible", "https://api.openai.com.evil.example/v1": "compatible",
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := guess(u); got != want {
			t.Errorf("%s is taken for %s", address, got)
		}
	}
}

// Whatever bytes come, the backend ends with an answer or a typed error.
func FuzzChatStream(f *testing.F) {
	files, err := filepath.Glob("testdata/*.sse")
	if err != nil || len(files) < 10 {
		f.Fatal("the shapes are not there", err)
	}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(raw))
	}
	f.Add("data: {\"error\":null}\n\n")
	f.Add("data: {\"object\":\"error\",\"message\":\"no\",\"code\":400}\n\n")
	f.Fuzz(func(t *testing.T, stream string) {
		m := configured(t, map[string]any{"base_url": fakeapi.New(t, fakeapi.Reply{Events: []string{stream}}).URL, "dialect": "compatible", "retries": 0})
		r, err := backend.Collect(t.Context(), m, ask("x"))
		sound(t, r, err)
	})
}
