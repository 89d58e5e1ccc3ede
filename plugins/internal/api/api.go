// Package api is what the backends of hosted model APIs share: a transport with
// proxy and private certificates, limits that hold for all calls of a process,
// and retries that respect what the server asks for. It must not know any one
// API's requests or answers, and retries nothing of which a part was passed on.
//
//	client, err := api.NewClient(api.Network{CAPEM: cfg.CAPEM, Idle: 10 * time.Minute})
//	caller := api.NewCaller(api.Limits{RequestsPerMinute: 500, Retries: 4}, classify)
//	err = caller.Call(ctx, estimate, out, func(ctx context.Context, out backend.Sink) error {
//		return stream(ctx, sdk, out) // with the SDK's own retries turned off
//	})
//
// Give Client to an official SDK as its HTTP client. Every status that is no
// success comes out of the SDK as a *StatusError, unread by the SDK: servers
// that only resemble an API send errors that its SDK cannot parse.
package api

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// StatusError is an answer that is no success.
type StatusError struct {
	Status int         // 300..599
	Header http.Header // of the answer
	Body   []byte      // its first 64 KiB
}

// Error gives the status alone: a body may hold anything, also secrets.
func (e *StatusError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("status %d %s", e.Status, http.StatusText(e.Status)))
}

// Code is what the status means by itself. An API's own error type says more
// where there is one.
func (e *StatusError) Code() backend.ErrorCode {
	switch e.Status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired:
		return backend.Auth
	case http.StatusTooManyRequests:
		return backend.RateLimited
	case http.StatusServiceUnavailable, 529:
		return backend.Overloaded
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusTooEarly:
		return backend.Unavailable
	}
	if e.Status >= 500 {
		return backend.Unavailable
	}
	return backend.InvalidRequest
}

// RetryAfter is how long the server asks to wait: retry-after-ms, or Retry-After
// as seconds or as a date. 0: it does not say, or says something unreadable.
func (e *StatusError) RetryAfter(now time.Time) time.Duration {
	return retryAfter(e.Header, now)
}

func retryAfter(h http.Header, now time.Time) time.Duration {
	const most = 24 * time.Hour // beyond that a number is a mistake, not a request
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms > 0 {
		return time.Duration(min(ms, float64(most/time.Millisecond)) * float64(time.Millisecond))
	}
	v := strings.TrimSpace(h.Get("Retry-After"))
	if s, err := strconv.ParseFloat(v, 64); err == nil {
		if !(s > 0) {
			return 0
		}
		return time.Duration(min(s, most.Seconds()) * float64(time.Second))
	}
	if at, err := http.ParseTime(v); err == nil {
		return min(max(at.Sub(now), 0), most)
	}
	return 0
}

// Typed makes a typed error of a status: code as the API's own error type says
// or e.Code(), a message for a person, and the wait that the server asked for.
func (e *StatusError) Typed(code backend.ErrorCode, text string) *backend.Error {
	out := backend.Errorf(code, "%s", text)
	out.RetryAfter = e.RetryAfter(time.Now())
	return out
}

// NotSentError is a call that never reached the server: no connection, so that
// it cost nothing.
type NotSentError struct{ Err error }

// Error says why.
func (e *NotSentError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *NotSentError) Unwrap() error { return e.Err }
