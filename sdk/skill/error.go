package skill

import (
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// Error is a failure with a code of the author's own: lower case words with
// underscores. Retryable says that the model may do better when asked again.
type Error = abi.Failure

// Errorf makes an Error that is not retryable. Any other error that a skill
// returns gets the code "failed".
func Errorf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Retry makes an Error that says: ask the model again, with this message.
func Retry(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Retryable: true}
}

func asError(err error) *Error {
	var e *Error
	if !errors.As(err, &e) {
		return &Error{Code: abi.CodeFailed, Message: err.Error()}
	}
	if e == nil || e.Code == "" {
		return &Error{Code: abi.CodeFailed, Message: err.Error()}
	}
	return e
}

const maxTrace = 4 << 10

func trace() string {
	s := debug.Stack()
	return string(s[:min(len(s), maxTrace)])
}
