package wasmbin

import "fmt"

// Kind is why a module was refused.
type Kind string

// Why modules are refused.
const (
	Invalid     Kind = "invalid"     // it is not a WebAssembly module, or a damaged one
	Unsupported Kind = "unsupported" // it uses a part of WebAssembly that this host does not run
	Shape       Kind = "shape"       // it is larger, or made of more parts, than is compiled here
)

// Error says why a module was refused, in sentences for its author.
type Error struct {
	Kind    Kind
	Offset  int // byte of the module where it was noticed; -1 when it is not about one place
	Message string
}

func (e *Error) Error() string { return e.Message }

func invalid(at int, format string, args ...any) *Error {
	return &Error{Invalid, at, fmt.Sprintf("the module is not valid WebAssembly: "+format, args...) + where(at)}
}

func unsupported(at int, format string, args ...any) *Error {
	return &Error{Unsupported, at, fmt.Sprintf(format, args...) + where(at)}
}

// tooMuch says which cap was passed. advice is a sentence, or empty.
func tooMuch(at int, what string, n, limit uint64, advice string) *Error {
	m := fmt.Sprintf("the module has %s: %d; at most %d are admitted", what, n, limit) + where(at)
	if advice != "" {
		m += ". " + advice
	}
	return &Error{Shape, at, m}
}

func where(at int) string {
	if at < 0 {
		return ""
	}
	return fmt.Sprintf(" (at byte %d)", at)
}
