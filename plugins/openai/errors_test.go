package openai

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/plimsoll-dev/plimsoll/plugins/internal/api"
	"github.com/plimsoll-dev/plimsoll/plugins/openai/fakeapi"
	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// Bodies of errors in the words of the servers that send them.
var failures = []struct {
	name   string
	status int
	header map[string]string
	body   string
	code   backend.ErrorCode
	retry  bool
	says   string
}{
	{"a wrong key", 401, nil, `{"error":{"message":"Incorrect API key provided: sk-test***************5c. You can find your API key at https://platform.openai.com/account/api-keys.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}`, backend.Auth, false, "[key]"},
	{"a key quoted whole", 401, nil, `{"error":{"message":"no such key: ` + testKey + `"}}`, backend.Auth, false, "no such key: [key]"},
	{"no right", 403, nil, `{"error":{"message":"Project proj_1 does not have access to model gpt-5.5","type":"invalid_request_error","param":null,"code":"model_not_found"}}`, backend.Auth, false, "does not have access"},
	{"no such model", 404, nil, `{"error":{"message":"The model 'gpt-9' does not exist or you do not have access to it.","type":"invalid_request_error","param":null,"code":"model_not_found"}}`, backend.InvalidRequest, false, "gpt-9"},
	{"too long", 400, nil, `{"error":{"message":"This model's maximum context length is 128000 tokens. However, your messages resulted in 140000 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}`, backend.ContextLength, false, "128000"},
	{"too long, responses", 400, nil, `{"error":{"message":"Your input exceeds the context window of this model. Please adjust your input and try again.","type":"invalid_request_error","param":"input","code":"context_length_exceeded"}}`, backend.ContextLength, false, ""},
	{"too long, vLLM", 400, nil, `{"object":"error","message":"This model's maximum context length is 4096 tokens. However, you requested 5000 tokens in the messages, Please reduce the length of the messages.","type":"BadRequestError","param":null,"code":400}`, backend.ContextLength, false, "4096"},
	{"too long, SGLang", 400, nil, `{"object":"error","message":"The input (9000 tokens) is longer than the model's context length (8192 tokens).","type":"BadRequestError","param":null,"code":400}`, backend.ContextLength, false, ""},
	{"too long, llama.cpp", 400, nil, `{"error":{"code":400,"message":"the request exceeds the available context size, try increasing it","type":"exceed_context_size_error","n_prompt_tokens":9000,"n_ctx":4096}}`, backend.ContextLength, false, ""},
	{"content", 400, nil, `{"error":{"message":"The response was filtered due to the prompt triggering content management policy.","type":null,"param":"prompt","code":"content_filter","status":400}}`, backend.ContentPolicy, false, ""},
	{"content, newer", 400, nil, `{"error":{"message":"Invalid prompt: your prompt was flagged as potentially violating our usage policy.","type":"invalid_request_error","param":null,"code":"invalid_prompt"}}`, backend.ContentPolicy, false, ""},
	{"a parameter", 400, nil, `{"error":{"message":"Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is supported.","type":"invalid_request_error","param":"temperature","code":"unsupported_value"}}`, backend.InvalidRequest, false, `omit = ["temperature"]`},
	{"a rate", 429, map[string]string{"Retry-After": "7"}, `{"error":{"message":"Rate limit reached for gpt-5.4-mini in organization org-1 on requests per min (RPM): Limit 3, Used 3, Requested 1. Please try again in 20s.","type":"requests","param":null,"code":"rate_limit_exceeded"}}`, backend.RateLimited, true, "RPM"},
	{"no money", 429, nil, `{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}`, backend.RateLimited, false, "quota"},
	{"larger than the rate", 429, nil, `{"error":{"message":"Request too large for gpt-5.4 in organization org-1 on tokens per min (TPM): Limit 30000, Requested 40000.","type":"tokens","param":null,"code":"rate_limit_exceeded"}}`, backend.RateLimited, false, ""},
	{"asked not to", 500, map[string]string{"X-Should-Retry": "false"}, `{"error":{"message":"The server had an error","type":"server_error"}}`, backend.Unavailable, false, ""},
	{"a fault", 500, nil, `{"error":{"message":"The server had an error while processing your request. Sorry about that!","type":"server_error","param":null,"code":null}}`, backend.Unavailable, true, "Sorry"},
	{"overloaded", 503, nil, `{"error":{"message":"That model is currently overloaded with other requests.","type":"server_error","param":null,"code":null}}`, backend.Overloaded, true, ""},
	{"slow down", 503, nil, `{"error":{"message":"Slow down","type":"service_unavailable_error","code":"slow_down"}}`, backend.Overloaded, true, ""},
	{"loading", 503, nil, `{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}`, backend.Overloaded, true, "Loading model"},
	{"busy, Ollama", 503, nil, `{"error":"server busy, please try again.  maximum pending requests exceeded"}`, backend.Overloaded, true, "server busy"},
	{"a path, FastAPI", 404, nil, `{"detail":"Not Found"}`, backend.InvalidRequest, false, "Not Found"},
	{"a field, FastAPI", 422, nil, `{"detail":[{"loc":["body","messages"],"msg":"field required"}]}`, backend.InvalidRequest, false, "field required"},
	{"a list, Gemini", 400, nil, `[{"error":{"code":400,"message":"Please use a valid role","status":"INVALID_ARGUMENT"}}]`, backend.InvalidRequest, false, "valid role"},
	{"a proxy's page", 502, nil, "<html><head><title>502 Bad Gateway</title></head></html>", backend.Unavailable, true, "web page"},
	{"a proxy's password", 407, nil, "Proxy Authentication Required", backend.Auth, false, ""},
	{"nothing at all", 504, nil, "", backend.Unavailable, true, "504"},
	{"a redirect", 307, map[string]string{"Location": "http://127.0.0.1:1/"}, "", backend.InvalidRequest, false, "307"},
	{"a bearer quoted", 400, nil, `{"error":{"message":"bad header Authorization: Bearer abcdef.123456"}}`, backend.InvalidRequest, false, "[key]"},
}

func TestErrorsAreTyped(t *testing.T) {
	for _, c := range failures {
		t.Run(c.name, func(t *testing.T) {
			s := fakeapi.New(t, fakeapi.Reply{Status: c.status, Header: c.header, Body: c.body})
			_, err := serve(t, s, map[string]any{"retries": 0}).Ask(t.Context(), ask("x"))
			e := backend.AsError(err)
			var lost *backend.LostError
			if err == nil || e.Code != c.code || e.Retryable != c.retry || !strings.Contains(e.Message, c.says) || errors.As(err, &lost) {
				t.Fatalf("%v, retryable %v", err, e != nil && e.Retryable)
			}
			if strings.Contains(err.Error(), testKey) || strings.Contains(err.Error(), "sk-test") || strings.Contains(err.Error(), "abcdef.123456") {
				t.Errorf("a secret is in %v", err)
			}
			if c.header["Retry-After"] == "7" && e.RetryAfter != 7*time.Second {
				t.Errorf("retry after %v", e.RetryAfter)
			}
		})
	}
}

func TestErrorsWithinAStream(t *testing.T) {
	start := fakeapi.ChatEvents(fakeapi.Answer{Text: []string{"Aye"}})[0]
	begun := fakeapi.ResponseEvents(fakeapi.Answer{})[0]
	for name, c := range map[string]struct {
		api    string
		events []string
		code   backend.ErrorCode
		says   string
	}{
		"chat, OpenAI":  {apiChat, []string{start, fakeapi.Event("", map[string]any{"error": map[string]any{"message": "The server had an error", "type": "server_error"}})}, backend.Unavailable, "had an error"},
		"chat, vLLM":    {apiChat, []string{start, fakeapi.Event("", map[string]any{"error": map[string]any{"object": "error", "message": "bad token", "type": "BadRequestError", "code": 400}})}, backend.InvalidRequest, "bad token"},
		"chat, bare":    {apiChat, []string{start, fakeapi.Event("", map[string]any{"object": "error", "message": "This model's maximum context length is 10", "type": "BadRequestError", "code": 400})}, backend.ContextLength, ""},
		"chat, limit":   {apiChat, []string{start, fakeapi.Event("", map[string]any{"error": map[string]any{"message": "slow", "type": "tokens", "code": "rate_limit_exceeded"}})}, backend.RateLimited, "slow"},
		"chat, a code":  {apiChat, []string{start, fakeapi.Event("", map[string]any{"error": map[string]any{"message": "upstream", "code": 429}})}, backend.RateLimited, "upstream"},
		"chat, a key":   {apiChat, []string{start, fakeapi.Event("", map[string]any{"error": map[string]any{"message": "key " + testKey}})}, backend.Unavailable, "key [key]"},
		"chat, aborted": {apiChat, fakeapi.ChatEvents(fakeapi.Answer{Finish: "abort"}), backend.Unavailable, `"abort"`},
		"error event":   {apiResponses, []string{begun, fakeapi.Event("error", map[string]any{"type": "error", "code": "rate_limit_exceeded", "message": "slow", "param": nil, "sequence_number": 1})}, backend.RateLimited, "slow"},
		"error object":  {apiResponses, []string{begun, fakeapi.Event("error", map[string]any{"type": "error", "error": map[string]any{"type": "invalid_request_error", "code": "context_length_exceeded", "message": "long"}})}, backend.ContextLength, "long"},
		"failed":        {apiResponses, []string{begun, fakeapi.Event("response.failed", map[string]any{"type": "response.failed", "response": map[string]any{"status": "failed", "error": map[string]any{"code": "server_error", "message": "oh"}}})}, backend.Unavailable, "oh"},
		"failed policy": {apiResponses, []string{begun, fakeapi.Event("response.failed", map[string]any{"type": "response.failed", "response": map[string]any{"error": map[string]any{"code": "bio_policy", "message": "no"}}})}, backend.ContentPolicy, "no"},
		"cut":           {apiResponses, []string{begun}, backend.Unavailable, "cut off"},
		"chat, cut":     {apiChat, []string{start}, backend.Unavailable, "cut off"},
		"chat, no JSON": {apiChat, []string{start, "data: {\n\n"}, backend.Unavailable, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := serve(t, fakeapi.New(t, fakeapi.Reply{Events: c.events}), map[string]any{"api": c.api, "retries": 0})
			_, err := h.Ask(t.Context(), ask("x"))
			if code(err) != c.code || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), testKey) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestNotAStream(t *testing.T) {
	for name, reply := range map[string]fakeapi.Reply{
		"a page": {Header: map[string]string{"Content-Type": "text/html; charset=utf-8"}, Body: "<html>welcome</html>"},
		"JSON":   {Body: `{"status":"ok"}`},
	} {
		for _, api := range []string{apiChat, apiResponses} {
			_, err := serve(t, fakeapi.New(t, reply), map[string]any{"api": api}).Ask(t.Context(), ask("x"))
			if code(err) != backend.InvalidRequest || !strings.Contains(err.Error(), "base_url") {
				t.Errorf("%s over %s: %v", name, api, err)
			}
		}
	}
}

func FuzzErrorBodies(f *testing.F) {
	for _, c := range failures {
		f.Add(c.status, c.body)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		r := errorReader{redact: api.NewRedactor(testKey)}
		for _, e := range []*backend.Error{r.typed(&api.StatusError{Status: status, Header: http.Header{}, Body: []byte(body)}), r.object([]byte(body))} {
			if e.Code == "" || len(e.Message) > 1000 || !utf8.ValidString(e.Message) || strings.Contains(e.Message, testKey) {
				t.Errorf("%q: %+v", body, e)
			}
		}
	})
}

func TestOtherFailures(t *testing.T) {
	r := errorReader{redact: api.NewRedactor(testKey), idle: time.Second}
	for want, err := range map[string]error{
		"unavailable: the server was not reached: no route":       &api.NotSentError{Err: errors.New("no route")},
		"unavailable: the server sent nothing for 1s":             api.ErrIdle,
		"unavailable: the connection broke: unexpected EOF":       io.ErrUnexpectedEOF,
		"unavailable: the connection broke: header [key] refused": errors.New("header " + testKey + " refused"),
		"cancelled: context canceled":                             context.Canceled,
	} {
		if got := r.typed(err).Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
