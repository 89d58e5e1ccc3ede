package openai

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/openai/openai-go/v3/packages/ssestream"

	"github.com/plimsoll-dev/plimsoll/plugins/internal/api"
	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// errorReader makes typed errors of what goes wrong, without secrets.
type errorReader struct {
	redact api.Redactor
	idle   time.Duration
}

// typed classes any failure of a call.
func (r errorReader) typed(err error) *backend.Error {
	var typed *backend.Error
	var status *api.StatusError
	var unsent *api.NotSentError
	var streamed *ssestream.StreamError
	switch {
	case errors.As(err, &typed):
		return typed
	case errors.As(err, &status):
		return r.status(status)
	case errors.As(err, &streamed):
		return r.object(streamed.Event.Data)
	case errors.Is(err, api.ErrIdle):
		return backend.Errorf(backend.Unavailable, "the server sent nothing for %v", r.idle)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return backend.Errorf(backend.Cancelled, "%v", err)
	case errors.As(err, &unsent):
		return backend.Errorf(backend.Unavailable, "the server was not reached: %s", r.redact.Text(unsent.Error()))
	}
	return backend.Errorf(backend.Unavailable, "the connection broke: %s", r.redact.Text(err.Error()))
}

// status classes an answer that is no success, by what its body says and else
// by its status.
func (r errorReader) status(e *api.StatusError) *backend.Error {
	d := readDetail(e.Body)
	code, final := classify(d, e.Code())
	out := e.Typed(code, r.sentence(e.Error(), d))
	if final || e.Header.Get("X-Should-Retry") == "false" {
		out.Retryable = false
	}
	return out
}

// object classes an error that came within a stream, where there is no status
// but that which the object may name.
func (r errorReader) object(raw []byte) *backend.Error {
	d := readDetail(raw)
	code, final := classify(d, d.status())
	out := backend.Errorf(code, "%s", r.sentence("in the answer", d))
	if final {
		out.Retryable = false
	}
	return out
}

func (r errorReader) sentence(where string, d detail) string {
	text := d.Message
	if text == "" {
		text = "no reason is given"
	}
	text = fmt.Sprintf("%s: %s", where, r.redact.Text(text))
	switch d.Param {
	case "temperature", "top_p", "seed", "stop":
		text += fmt.Sprintf(" (omit = [%q] in this backend's config leaves it out)", d.Param)
	}
	return text
}

// detail is what an error object says, whatever its shape.
type detail struct {
	Message string
	Type    string
	Code    string
	Param   string
}

// readDetail reads OpenAI's {"error": {...}}, vLLM's and SGLang's bare
// {"object": "error", ...}, Ollama's {"error": "text"}, FastAPI's {"detail": ...},
// a list of one of these, the error member of a response, and plain text.
func readDetail(raw []byte) detail {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return detail{Message: plainText(string(raw))}
	}
	if list, ok := v.([]any); ok && len(list) > 0 {
		v = list[0]
	}
	o, ok := v.(map[string]any)
	if !ok {
		return detail{Message: plainText(string(raw))}
	}
	switch e := o["error"].(type) {
	case string:
		return detail{Message: e, Type: text(o["type"]), Code: text(o["code"])}
	case map[string]any:
		o = e
	}
	d := detail{Message: text(o["message"]), Type: text(o["type"]), Code: text(o["code"]), Param: text(o["param"])}
	if d.Message == "" {
		switch e := o["detail"].(type) {
		case string:
			d.Message = e
		case []any:
			raw, _ := json.Marshal(e)
			d.Message = string(raw)
		}
	}
	return d
}

// text is a member that may be a string or a number.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return fmt.Sprint(v)
	}
	return ""
}

// plainText is what a proxy or a crashed server sends. A page of HTML explains
// nothing.
func plainText(s string) string {
	s = strings.TrimSpace(s)
	if strings.HasPrefix(s, "<") {
		return "the server answers with a web page: does base_url lead to an API?"
	}
	return s
}

// status is what an error object's own code means where it is a number.
func (d detail) status() backend.ErrorCode {
	var n int
	if _, err := fmt.Sscanf(d.Code, "%d", &n); err == nil && n >= 400 && n < 600 {
		return (&api.StatusError{Status: n}).Code()
	}
	return backend.Unavailable
}

// classify finds the code by what the API calls the error, then by the words
// that engines without a name for it use. final: no waiting helps, whatever the
// code usually means.
func classify(d detail, standard backend.ErrorCode) (code backend.ErrorCode, final bool) {
	for _, name := range []string{strings.ToLower(d.Code), strings.ToLower(d.Type)} {
		switch name {
		case "insufficient_quota", "billing_hard_limit_reached":
			return backend.RateLimited, true
		case "context_length_exceeded", "exceed_context_size_error":
			return backend.ContextLength, false
		case "content_policy_violation", "content_filter", "invalid_prompt", "bio_policy", "cyber_policy", "misalignment_policy_violation", "responsibleaipolicyviolation":
			return backend.ContentPolicy, false
		case "invalid_api_key", "authentication_error", "permission_error", "permission_denied", "unauthorizederror":
			return backend.Auth, false
		case "slow_down", "overloaded_error", "engine_overloaded", "unavailable_error":
			return backend.Overloaded, false
		}
	}
	words := strings.ToLower(d.Message)
	for _, w := range []string{
		"maximum context length", "model's context length", "exceeds the available context size", "context window",
		"longer than the maximum model length", "prompt is too long", "exceeds context length", "input length exceeds",
	} {
		if strings.Contains(words, w) && (standard == backend.InvalidRequest || standard == backend.Unavailable) {
			return backend.ContextLength, false
		}
	}
	if standard == backend.RateLimited && strings.Contains(words, "request too large") {
		return backend.RateLimited, true // larger than the limit itself
	}
	if standard != backend.Unavailable {
		return standard, false
	}
	for _, name := range []string{strings.ToLower(d.Code), strings.ToLower(d.Type)} {
		switch name {
		case "rate_limit_exceeded", "rate_limit_error", "tokens", "requests":
			return backend.RateLimited, false
		case "invalid_request_error", "badrequesterror", "bad_request", "model_not_found":
			return backend.InvalidRequest, false
		}
	}
	return standard, false
}
