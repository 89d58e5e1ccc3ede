package connector

import (
	"encoding/json"
	"fmt"
)

// Kind is what went wrong, for code; the text is for people.
type Kind string

// The kinds.
const (
	Unknown      Kind = "unknown"      // no such connector or tool
	BadConfig    Kind = "config"       // the declaration cannot work
	BadInput     Kind = "input"        // arguments, request state or responses that cannot be sent
	NoStart      Kind = "start"        // it did not start, or did not shake hands
	Died         Kind = "died"         // it ended during the call
	Timeout      Kind = "timeout"      // no answer in time
	Cancelled    Kind = "cancelled"    // the caller gave up
	Protocol     Kind = "protocol"     // invalid JSON, a wrong shape, a forbidden message
	Flood        Kind = "flood"        // more messages, bytes or pages than are allowed
	TooLarge     Kind = "too-large"    // beyond the hard bound
	Refused      Kind = "refused"      // an egress rule
	Network      Kind = "network"      // no connection, or an HTTP status that says so
	Unauthorised Kind = "unauthorised" // HTTP 401 or 403
	Upstream     Kind = "upstream"     // the server answered with a JSON-RPC error: Code, Message and Data are its own
	Busy         Kind = "busy"         // a limit of this connector; try again
	Quarantine   Kind = "quarantined"  // shut by the tool lock
	Circuit      Kind = "circuit"      // failed too often; closed until a time
	Closed       Kind = "closed"       // Plimsoll is shutting down
	Gone         Kind = "gone"         // a suspended call or a session that is no longer there
)

// Error is every failure that this package hands out. Connector, Tool and the
// text are safe for the caller: secrets are masked and what a server printed or
// said is cut to a few lines.
type Error struct {
	Kind      Kind
	Connector string
	Tool      string          // "" when it is not about one
	Text      string          // what is wrong, why, and what to do
	Code      int             // Upstream: the JSON-RPC code
	Message   string          // Upstream: its message, cut to 2 KiB
	Data      json.RawMessage // Upstream: its data, cut away beyond 64 KiB
	Sent      bool            // of a tool call: it left, and the server may have done some of it
	Err       error
}

func (e *Error) Error() string {
	at := e.Connector
	if e.Tool != "" {
		at += "." + e.Tool
	}
	return fmt.Sprintf("connector %s: %s", at, e.Text)
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }
