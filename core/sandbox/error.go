package sandbox

import (
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// Error is why there is no answer. Code is one of abi's host codes; when the
// guest itself answered with a failure, Code is abi's "failed" family or a code
// of the author's own and Guest is true. The two are never mixed up by Code
// alone: ask Guest first.
type Error struct {
	Code      string
	Message   string // a sentence for people
	Detail    string // a stack trace, the guest's last words; may be empty
	Guest     bool   // the guest said so
	Retryable bool   // the guest said that another completion may help
	cause     error
}

// Error is "code: message".
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Unwrap gives the context's error for codes deadline and cancelled.
func (e *Error) Unwrap() error { return e.cause }

// Is matches another *Error by its code and by who said it, so that
// errors.Is(err, &Error{Code: "deadline"}) works.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code && t.Guest == e.Guest
}

func fail(code abi.HostCode, message string) *Error {
	return &Error{Code: string(code), Message: message}
}

func (e *Error) withDetail(d string) *Error {
	e.Detail = d
	return e
}
