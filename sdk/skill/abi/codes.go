package abi

// HostCode is what a host says when a guest did not answer, or answered with
// something that may not leave the sandbox. Guests have codes of their own
// (Failure.Code); the two never mix.
type HostCode string

// The host codes.
const (
	Fuel        HostCode = "fuel"         // the budget of instructions is used up
	Deadline    HostCode = "deadline"     // the guest's time is used up
	Cancelled   HostCode = "cancelled"    // the caller gave up
	OutOfMemory HostCode = "memory"       // the memory limit was reached
	Stack       HostCode = "stack"        // calls are nested too deep
	Trap        HostCode = "trap"         // unreachable, division by zero, access out of bounds
	Exit        HostCode = "exit"         // the guest ended itself
	Protocol    HostCode = "protocol"     // an export is missing or wrong, a pointer lies outside, the answer is no JSON
	OutputLimit HostCode = "output_limit" // the answer is longer than allowed
	UTF8        HostCode = "utf8"         // the answer is not UTF-8, or escapes half a surrogate pair
	Schema      HostCode = "schema"       // the answer is JSON, but not the op's payload
	Capability  HostCode = "capability"   // something was asked for that was not granted, or that this host does not offer
)

// Codes that the SDKs use for a guest's own failures. An author may use others:
// lower case words with underscores.
const (
	CodeUnsupported = "unsupported_op" // the guest has no such op, gate or format
	CodeInput       = "bad_input"      // the payload could not be read
	CodePanic       = "panic"          // the guest's code panicked
	CodeFailed      = "failed"         // an error without a code of its own
)

// Failure is the body of an answer whose err bit is set.
type Failure struct {
	Code      string `json:"code"`
	Message   string `json:"message"`
	Retryable bool   `json:"retryable,omitempty"`
	Detail    string `json:"detail,omitempty"`
}

// Error is "code: message".
func (f *Failure) Error() string { return f.Code + ": " + f.Message }
