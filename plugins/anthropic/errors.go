package anthropic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/anthropics/anthropic-sdk-go"

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
	var streamed *anthropic.Error
	switch {
	case errors.As(err, &typed):
		return typed
	case errors.As(err, &status):
		return r.status(status)
	case errors.As(err, &streamed):
		return r.streamed(streamed.RawJSON())
	case errors.Is(err, api.ErrIdle):
		return backend.Errorf(backend.Unavailable, "the server sent nothing for %v", r.idle)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return backend.Errorf(backend.Cancelled, "%v", err)
	case errors.As(err, &unsent):
		return backend.Errorf(backend.Unavailable, "the server was not reached: %s", r.redact.Text(unsent.Error()))
	case errors.Is(err, io.ErrUnexpectedEOF):
		return backend.Errorf(backend.Unavailable, "the connection ended in the middle of the answer")
	}
	return backend.Errorf(backend.Unavailable, "the connection broke: %s", r.redact.Text(err.Error()))
}

// status classes an answer that is no success, by the type in its body and
// without one by its status.
func (r errorReader) status(e *api.StatusError) *backend.Error {
	d := readDetail(e.Body)
	standard := e.Code()
	switch e.Status {
	case http.StatusPaymentRequired:
		standard = backend.Auth
	case http.StatusRequestEntityTooLarge:
		standard = backend.ContextLength
	}
	code, final := classify(d, standard)
	if d.RequestID == "" {
		d.RequestID = e.Header.Get("Request-Id")
	}
	out := e.Typed(code, r.sentence(e.Error(), d))
	if final || e.Header.Get("X-Should-Retry") == "false" {
		out.Retryable = false
	}
	return out
}

// streamed classes an error that came within an answer, where there is no
// status.
func (r errorReader) streamed(raw string) *backend.Error {
	d := readDetail([]byte(raw))
	code, final := classify(d, backend.Unavailable)
	out := backend.Errorf(code, "%s", r.sentence("in the answer", d))
	if final {
		out.Retryable = false
	}
	return out
}

func (r errorReader) sentence(where string, d detail) string {
	if d.Message == "" {
		d.Message = "no reason is given"
	}
	text := fmt.Sprintf("%s: %s", where, r.redact.Text(d.Message))
	if d.RequestID != "" {
		text += fmt.Sprintf(" (request %s)", r.redact.Text(d.RequestID))
	}
	return text + hint(d)
}

// hint is what to change where the API refuses something that the config can
// leave out.
func hint(d detail) string {
	if d.Type != string(anthropic.ErrorTypeInvalidRequestError) {
		return ""
	}
	words := strings.ToLower(d.Message)
	for _, name := range []string{"temperature", "top_p"} {
		if strings.Contains(words, name) {
			return fmt.Sprintf("; omit = [%q] in this backend's config leaves it out", name)
		}
	}
	if strings.Contains(words, "output_config") || strings.Contains(words, "output format") {
		return `; structured = "tool" in this backend's config asks in another way`
	}
	if strings.Contains(words, "role 'system'") {
		return "; this model takes a system message at the beginning only"
	}
	return ""
}

// detail is what an error body says: {"type":"error","error":{"type","message"},
// "request_id"}, or what a gateway or a proxy makes of it.
type detail struct {
	Type      string
	Message   string
	RequestID string
}

func readDetail(raw []byte) detail {
	var body struct {
		Error     json.RawMessage `json:"error"`
		Message   string          `json:"message"`
		RequestID string          `json:"request_id"`
	}
	if json.Unmarshal(raw, &body) != nil {
		text := strings.TrimSpace(string(raw))
		if strings.HasPrefix(text, "<") { // a page of HTML explains nothing
			text = "the server answers with a web page: does base_url lead to an API?"
		}
		return detail{Message: text}
	}
	d := detail{Message: body.Message, RequestID: body.RequestID}
	var object struct {
		Type    string `json:"type"`
		Message string `json:"message"`
	}
	var text string
	switch {
	case json.Unmarshal(body.Error, &object) == nil:
		d.Type = object.Type
		if object.Message != "" {
			d.Message = object.Message
		}
	case json.Unmarshal(body.Error, &text) == nil:
		d.Message = text
	}
	return d
}

// codes of the API's error types. An invalid_request_error is told apart by its
// words, since the API has no type of its own for what follows below.
var codes = map[string]backend.ErrorCode{
	string(anthropic.ErrorTypeInvalidRequestError): backend.InvalidRequest,
	string(anthropic.ErrorTypeAuthenticationError): backend.Auth,
	string(anthropic.ErrorTypePermissionError):     backend.Auth,
	string(anthropic.ErrorTypeBillingError):        backend.Auth,
	string(anthropic.ErrorTypeNotFoundError):       backend.InvalidRequest,
	string(anthropic.ErrorTypeRateLimitError):      backend.RateLimited,
	string(anthropic.ErrorTypeTimeoutError):        backend.Unavailable,
	string(anthropic.ErrorTypeOverloadedError):     backend.Overloaded,
	string(anthropic.ErrorTypeAPIError):            backend.Unavailable,
	"request_too_large":                            backend.ContextLength,
}

// phrases in the messages of an invalid_request_error, lower case.
var phrases = []struct {
	words string
	code  backend.ErrorCode
	final bool
}{
	{"prompt is too long", backend.ContextLength, false},
	{"exceed context limit", backend.ContextLength, false},
	{"exceeds the maximum number of tokens", backend.ContextLength, false},
	{"context window", backend.ContextLength, false},
	{"content filtering policy", backend.ContentPolicy, false},
	{"usage policy", backend.ContentPolicy, false},
	{"credit balance is too low", backend.Auth, false},
	// A limit on spending, which ends on a date and not after a wait.
	{"specified api usage limits", backend.RateLimited, true},
}

// classify finds the code by the API's name for the error. final: no waiting
// helps, whatever the code usually means.
func classify(d detail, standard backend.ErrorCode) (code backend.ErrorCode, final bool) {
	code, known := codes[d.Type]
	if !known {
		code = standard
	}
	if code != backend.InvalidRequest && (known || code != backend.Unavailable) {
		return code, false
	}
	words := strings.ToLower(d.Message)
	for _, p := range phrases {
		if strings.Contains(words, p.words) {
			return p.code, p.final
		}
	}
	return code, false
}
