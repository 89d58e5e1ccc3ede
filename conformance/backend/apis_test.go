package backend_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"
)

// The two APIs as little programs that repeat what they are told: enough for the
// kit to look at the backends of hosted models without any network. They were
// written from the APIs' documentation and share nothing with the fakes that the
// plugins' own tests use, so that a mistake there does not hide one here.

// fakeKey is the key of both. The kit looks for it in everything it sees.
const fakeKey = "sk-conformance-0123456789abcdef"

type object = map[string]any

// asked is what both APIs' requests have in common.
type asked struct {
	Model    string `json:"model"`
	Messages []struct {
		Role    string          `json:"role"`
		Content json.RawMessage `json:"content"`
	} `json:"messages"`
	Tools []struct {
		Name     string `json:"name"`
		Function struct {
			Name string `json:"name"`
		} `json:"function"`
	} `json:"tools"`
	ToolChoice json.RawMessage `json:"tool_choice"`
	Stream     bool            `json:"stream"`
	System     json.RawMessage `json:"system"`
}

func (a asked) last() (words string, size int) {
	for _, m := range a.Messages {
		var text string
		if json.Unmarshal(m.Content, &text) != nil {
			var parts []struct {
				Text string `json:"text"`
			}
			_ = json.Unmarshal(m.Content, &parts)
			for _, p := range parts {
				text += p.Text
			}
		}
		size += len(text)
		if m.Role == "user" {
			words = text
		}
	}
	return words, size/4 + 3
}

func (a asked) forced() bool {
	return strings.Contains(string(a.ToolChoice), "required") || strings.Contains(string(a.ToolChoice), "any")
}

// events writes a stream in pieces whose borders mean nothing.
type events struct {
	w io.Writer
	f http.Flusher
}

func (e events) send(name string, data any) {
	raw, err := json.Marshal(data)
	if err != nil {
		raw = []byte(`{}`)
	}
	line := "data: " + string(raw) + "\n\n"
	if name != "" {
		line = "event: " + name + "\n" + line
	}
	e.raw(line)
}

func (e events) raw(line string) {
	for piece := 7; len(line) > 0; piece = piece*3 + 1 {
		n := min(piece, len(line))
		_, _ = io.WriteString(e.w, line[:n])
		line = line[n:]
		if piece < 1000 {
			e.f.Flush()
		}
	}
}

// pieces are the deltas of an answer.
func pieces(words string) []string {
	var out []string
	size := max(9, len(words)/200)
	for len(words) > 0 {
		n := min(size, len(words))
		for n < len(words) && !utf8.RuneStart(words[n]) {
			n++
		}
		out, words = append(out, words[:n]), words[n:]
	}
	return out
}

// api serves one of them.
func api(t *testing.T, handle map[string]func(http.ResponseWriter, *http.Request, asked, events)) string {
	t.Helper()
	mux := http.NewServeMux()
	for path, f := range handle {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			var a asked
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return // the caller has gone
			}
			if err := json.Unmarshal(body, &a); err != nil {
				http.Error(w, `{"error":{"message":"no JSON","type":"invalid_request_error"}}`, http.StatusBadRequest)
				return
			}
			if !strings.Contains(r.Header.Get("Authorization")+r.Header.Get("X-Api-Key"), fakeKey) {
				http.Error(w, `{"error":{"message":"Incorrect API key provided: `+r.Header.Get("Authorization")+`","type":"authentication_error"}}`, http.StatusUnauthorized)
				return
			}
			if a.Model == "slow" {
				<-r.Context().Done()
				return
			}
			w.Header().Set("Content-Type", "application/json")
			f(w, r, a, events{w, w.(http.Flusher)})
		})
	}
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

func fault(w http.ResponseWriter, code int, body object) {
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}

// chatAPI is chat completions with embeddings, and an engine's tokenizer.
func chatAPI(t *testing.T) string {
	wrong := func(w http.ResponseWriter, code int, name, text string) {
		fault(w, code, object{"error": object{"message": text, "type": "invalid_request_error", "param": nil, "code": name}})
	}
	return api(t, map[string]func(http.ResponseWriter, *http.Request, asked, events){
		"/v1/chat/completions": func(w http.ResponseWriter, _ *http.Request, a asked, e events) {
			switch {
			case a.Model != "m1":
				wrong(w, http.StatusNotFound, "model_not_found", "The model `"+a.Model+"` does not exist or you do not have access to it.")
				return
			case len(a.Messages) == 0:
				wrong(w, http.StatusBadRequest, "empty_array", "Invalid 'messages': empty array.")
				return
			}
			words, size := a.last()
			w.Header().Set("Content-Type", "text/event-stream")
			chunk := func(choices []any, usage any) {
				e.send("", object{"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1783000000, "model": "m1-2026-05-01", "choices": choices, "usage": usage})
			}
			delta := func(d object, finish any) {
				chunk([]any{object{"index": 0, "delta": d, "finish_reason": finish}}, nil)
			}
			delta(object{"role": "assistant", "content": ""}, nil)
			finish := "stop"
			if a.forced() && len(a.Tools) > 0 {
				finish = "tool_calls"
				delta(object{"tool_calls": []any{object{"index": 0, "id": "call_1", "type": "function", "function": object{"name": a.Tools[0].Function.Name, "arguments": ""}}}}, nil)
				for _, p := range []string{`{"deg`, `rees":`, `3}`} {
					delta(object{"tool_calls": []any{object{"index": 0, "function": object{"arguments": p}}}}, nil)
				}
			} else {
				for _, p := range pieces("You said: " + words) {
					delta(object{"content": p}, nil)
				}
			}
			delta(object{}, finish)
			chunk([]any{}, object{
				"prompt_tokens": size, "completion_tokens": len(words)/4 + 3, "total_tokens": size + len(words)/4 + 3,
				"prompt_tokens_details": object{"cached_tokens": size / 2}, "completion_tokens_details": object{"reasoning_tokens": 0},
			})
			e.raw("data: [DONE]\n\n")
		},
		"/tokenize": func(w http.ResponseWriter, _ *http.Request, a asked, _ events) {
			_, size := a.last()
			fault(w, http.StatusOK, object{"count": size, "max_model_len": 4096, "tokens": []int{}})
		},
		"/v1/embeddings": func(w http.ResponseWriter, _ *http.Request, a asked, _ events) {
			// Out of order, as the API may.
			vector := func(i int, x float64) object {
				return object{"object": "embedding", "index": i, "embedding": []float64{x, 1 - x, 0.5}}
			}
			fault(w, http.StatusOK, object{"object": "list", "model": a.Model, "data": []any{vector(2, 0.1), vector(0, 0.1), vector(1, 0.9)}, "usage": object{"prompt_tokens": 5, "total_tokens": 5}})
		},
	})
}

// messagesAPI is Anthropic's.
func messagesAPI(t *testing.T) string {
	wrong := func(w http.ResponseWriter, code int, kind, text string) {
		fault(w, code, object{"type": "error", "error": object{"type": kind, "message": text}, "request_id": "req_1"})
	}
	return api(t, map[string]func(http.ResponseWriter, *http.Request, asked, events){
		"/v1/messages": func(w http.ResponseWriter, _ *http.Request, a asked, e events) {
			switch {
			case a.Model != "m1":
				wrong(w, http.StatusNotFound, "not_found_error", "model: "+a.Model)
				return
			case len(a.Messages) == 0:
				wrong(w, http.StatusBadRequest, "invalid_request_error", "messages: at least one message is required")
				return
			}
			words, size := a.last()
			if words == "" {
				wrong(w, http.StatusBadRequest, "invalid_request_error", "messages: text content blocks must be non-empty")
				return
			}
			w.Header().Set("Content-Type", "text/event-stream")
			usage := object{"input_tokens": size - size/2, "cache_read_input_tokens": size / 2, "cache_creation_input_tokens": 0, "output_tokens": 1}
			e.send("message_start", object{"type": "message_start", "message": object{
				"id": "msg_1", "type": "message", "role": "assistant", "model": "m1-20260501", "content": []any{}, "stop_reason": nil, "stop_sequence": nil, "usage": usage,
			}})
			e.send("ping", object{"type": "ping"})
			start := func(block object) {
				e.send("content_block_start", object{"type": "content_block_start", "index": 0, "content_block": block})
			}
			delta := func(d object) {
				e.send("content_block_delta", object{"type": "content_block_delta", "index": 0, "delta": d})
			}
			stop := "end_turn"
			if a.forced() && len(a.Tools) > 0 {
				stop = "tool_use"
				start(object{"type": "tool_use", "id": "toolu_1", "name": a.Tools[0].Name, "input": object{}})
				for _, p := range []string{"", `{"deg`, `rees":`, `3}`} {
					delta(object{"type": "input_json_delta", "partial_json": p})
				}
			} else {
				start(object{"type": "text", "text": ""})
				for _, p := range pieces("You said: " + words) {
					delta(object{"type": "text_delta", "text": p})
				}
			}
			e.send("content_block_stop", object{"type": "content_block_stop", "index": 0})
			e.send("message_delta", object{"type": "message_delta", "delta": object{"stop_reason": stop, "stop_sequence": nil}, "usage": object{"output_tokens": len(words)/4 + 3}})
			e.send("message_stop", object{"type": "message_stop"})
		},
		"/v1/messages/count_tokens": func(w http.ResponseWriter, _ *http.Request, a asked, _ events) {
			_, size := a.last()
			fault(w, http.StatusOK, object{"input_tokens": size})
		},
	})
}
