package backend

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrorCode classes failures, so that the host can decide without reading prose.
type ErrorCode string

// The codes.
const (
	Auth           ErrorCode = "auth"            // the credentials are missing, wrong or lack a right
	RateLimited    ErrorCode = "rate_limited"    // asked to slow down; RetryAfter may say for how long
	Overloaded     ErrorCode = "overloaded"      // the model's side has no capacity now
	ContextLength  ErrorCode = "context_length"  // the request is longer than the model's context
	ContentPolicy  ErrorCode = "content_policy"  // refused by a filter before or instead of an answer
	InvalidRequest ErrorCode = "invalid_request" // the request can never succeed as it is
	Unavailable    ErrorCode = "unavailable"     // unreachable, crashed, or an internal fault
	Cancelled      ErrorCode = "cancelled"       // the caller gave up or its deadline passed
)

// Error is a typed failure of a model call.
type Error struct {
	Code       ErrorCode
	Message    string        // a sentence for a person, without secrets
	RetryAfter time.Duration // 0: not said
	Retryable  bool          // the same request may succeed later
}

// Error gives the code and the message.
func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

// Errorf makes an Error whose Retryable follows from the code: rate_limited,
// overloaded and unavailable may succeed later, the others not.
func Errorf(code ErrorCode, format string, args ...any) *Error {
	retry := code == RateLimited || code == Overloaded || code == Unavailable
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Retryable: retry}
}

// AsError finds the *Error in err's chain. A context error becomes cancelled,
// any other error unavailable. nil stays nil.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	var typed *Error
	if errors.As(err, &typed) {
		return typed
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return Errorf(Cancelled, "%v", err)
	}
	return Errorf(Unavailable, "%v", err)
}
