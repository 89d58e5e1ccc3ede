package anthropic

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/plugins/anthropic/fakeapi"
	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// The bodies are those that the API and what stands before it were seen to send.
func TestErrors(t *testing.T) {
	fail := fakeapi.Failure
	for _, c := range []struct {
		name  string
		reply fakeapi.Reply
		want  backend.ErrorCode
		retry bool
		wait  time.Duration
		says  string
	}{
		{"a wrong key", fail(401, "authentication_error", "invalid x-api-key", nil), backend.Auth, false, 0, "invalid x-api-key (request req_011CFakeFakeFake)"},
		{"no right", fail(403, "permission_error", "Your API key does not have permission to use the specified resource.", nil), backend.Auth, false, 0, "permission"},
		{"no money", fail(400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.", nil), backend.Auth, false, 0, "credit balance"},
		{"a bill", fail(402, "billing_error", "There is an issue with your billing or payment information.", nil), backend.Auth, false, 0, "billing"},
		{"a limit on spending", fail(400, "invalid_request_error", "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.", nil), backend.RateLimited, false, 0, "regain access"},
		{"too fast", fail(429, "rate_limit_error", "This request would exceed your organization's rate limit of 50,000 input tokens per minute.", map[string]string{"Retry-After": "17"}), backend.RateLimited, true, 17 * time.Second, "rate limit"},
		{"too fast, for good", fail(429, "rate_limit_error", "Extra usage is required for long context requests.", map[string]string{"X-Should-Retry": "false"}), backend.RateLimited, false, 0, "long context"},
		{"overloaded", fail(529, "overloaded_error", "Overloaded", map[string]string{"X-Should-Retry": "true"}), backend.Overloaded, true, 0, "Overloaded"},
		{"an internal error", fail(500, "api_error", "Internal server error", nil), backend.Unavailable, true, 0, "Internal server error"},
		{"a timeout", fail(504, "timeout_error", "The request timed out.", nil), backend.Unavailable, true, 0, "timed out"},
		{"too long", fail(400, "invalid_request_error", "prompt is too long: 207791 tokens > 200000 maximum", nil), backend.ContextLength, false, 0, "207791"},
		{"too long with its answer", fail(400, "invalid_request_error", "input length and `max_tokens` exceed context limit: 178959 + 64000 > 200000, decrease input length or `max_tokens` and try again", nil), backend.ContextLength, false, 0, "178959"},
		{"too large", fail(413, "request_too_large", "Request exceeds the maximum size", nil), backend.ContextLength, false, 0, "maximum size"},
		{"too large for the gate before it", fakeapi.Reply{Status: 413, Body: "<html><h1>413 Request Entity Too Large</h1></html>"}, backend.ContextLength, false, 0, "web page"},
		{"a filter", fail(400, "invalid_request_error", "Output blocked by content filtering policy", nil), backend.ContentPolicy, false, 0, "filtering"},
		{"an unknown model", fail(404, "not_found_error", "model: claude-9", nil), backend.InvalidRequest, false, 0, "claude-9"},
		{"a parameter that is gone", fail(400, "invalid_request_error", "`temperature` is deprecated for this model.", nil), backend.InvalidRequest, false, 0, `omit = ["temperature"]`},
		{"two parameters", fail(400, "invalid_request_error", "`temperature` and `top_p` cannot both be specified for this model. Please use only one.", nil), backend.InvalidRequest, false, 0, `omit = ["temperature"]`},
		{"no schema", fail(400, "invalid_request_error", "output_config.format: this model does not support structured outputs", nil), backend.InvalidRequest, false, 0, `structured = "tool"`},
		{"a late system message", fail(400, "invalid_request_error", "role 'system' is not supported on this model", nil), backend.InvalidRequest, false, 0, "at the beginning only"},
		{"a redirect", fakeapi.Reply{Status: 302, Header: map[string]string{"Location": "/login"}}, backend.InvalidRequest, false, 0, "302"},
		{"a gateway's page", fakeapi.Reply{Status: 502, Body: "<html>Bad Gateway</html>"}, backend.Unavailable, true, 0, "web page"},
		{"a gateway's own shape", fakeapi.Reply{Status: 429, Body: `{"error":"slow down","request_id":"r7"}`}, backend.RateLimited, true, 0, "slow down (request r7)"},
		{"a gateway's flat shape", fakeapi.Reply{Status: 503, Body: `{"message":"no upstream"}`}, backend.Overloaded, true, 0, "no upstream"},
		{"nothing", fakeapi.Reply{Status: 500}, backend.Unavailable, true, 0, "no reason is given"},
		{"an unknown type", fail(418, "teapot_error", "short and stout", nil), backend.InvalidRequest, false, 0, "stout"},
		{"a key in its text", fail(401, "authentication_error", "the key "+secret+" or sk-ant-api03-abcdef is wrong", nil), backend.Auth, false, 0, "the key [key] or [key] is wrong"},
		{"overloaded within the answer", fakeapi.Reply{Events: []string{fakeapi.Error("overloaded_error", "Overloaded")}}, backend.Overloaded, true, 0, "in the answer: Overloaded"},
		{"broken within the answer", fakeapi.Reply{Events: append(fakeapi.Events(full)[:3:3], fakeapi.Error("api_error", "Internal server error"))}, backend.Unavailable, true, 0, "in the answer: Internal"},
		{"too long within the answer", fakeapi.Reply{Events: []string{fakeapi.Error("invalid_request_error", "prompt is too long: 3 tokens > 2 maximum")}}, backend.ContextLength, false, 0, "too long"},
		{"no error object within", fakeapi.Reply{Events: []string{"event: error\ndata: boom\n\n"}}, backend.Unavailable, true, 0, "boom"},
		{"no stream", fakeapi.Reply{Body: `{"type":"message"}`}, backend.Unavailable, true, 0, "middle of the answer"},
		{"a cut", fakeapi.Reply{Events: fakeapi.Events(full)[:2], Cut: true}, backend.Unavailable, true, 0, "middle of the answer"},
		{"nobody answers", fakeapi.Reply{Drop: true}, backend.Unavailable, true, 0, "connection broke"},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := fakeapi.New(t, c.reply)
			_, err := serve(t, server, map[string]any{"retries": 0}).Ask(t.Context(), ask("hello"))
			var e *backend.Error
			if !errors.As(err, &e) {
				t.Fatalf("%v", err)
			}
			if e.Code != c.want || e.Retryable != c.retry || e.RetryAfter != c.wait || !strings.Contains(e.Message, c.says) {
				t.Errorf("%+v\nwant %s, retry %v after %v, with %q", e, c.want, c.retry, c.wait, c.says)
			}
			if strings.Contains(e.Message, secret) || strings.Contains(e.Message, "sk-ant") {
				t.Errorf("a key is in %q", e.Message)
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	server := fakeapi.New(t)
	h := serve(t, server, map[string]any{"base_url": "http://127.0.0.1:1", "retries": 0})
	if _, err := h.Ask(t.Context(), ask("hello")); code(err) != backend.Unavailable || !strings.Contains(err.Error(), "not reached") {
		t.Error(err)
	}
}
