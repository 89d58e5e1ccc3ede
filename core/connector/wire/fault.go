package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Kind is what went wrong with a session or a call.
type Kind string

// The kinds; core/connector uses the same words.
const (
	NoStart      Kind = "start"
	Died         Kind = "died"
	Timeout      Kind = "timeout"
	Cancelled    Kind = "cancelled"
	Protocol     Kind = "protocol"
	Flood        Kind = "flood"
	TooLarge     Kind = "too-large"
	Refused      Kind = "refused"
	Network      Kind = "network"
	Unauthorised Kind = "unauthorised"
	Upstream     Kind = "upstream"
	Gone         Kind = "gone"
)

// Fault is every error of this package.
type Fault struct {
	Kind   Kind
	Text   string
	Answer *Answer // Upstream
	Unsent bool    // the server cannot have seen the request
	Err    error
}

func (f *Fault) Error() string { return f.Text }

// Unwrap is the cause.
func (f *Fault) Unwrap() error { return f.Err }

func fault(k Kind, format string, a ...any) *Fault {
	f := &Fault{Kind: k, Text: fmt.Errorf(format, a...).Error()}
	for _, v := range a {
		if err, ok := v.(error); ok {
			f.Err = err
		}
	}
	return f
}

func asFault(err error, k Kind) *Fault {
	var f *Fault
	if errors.As(err, &f) {
		return f
	}
	return &Fault{Kind: k, Text: err.Error(), Err: err}
}

// Answer is a JSON-RPC error.
type Answer struct {
	Code    int             `json:"code"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data,omitempty"`
}

func (a *Answer) Error() string { return fmt.Sprintf("%s (code %d)", Show(a.Message, 2048), a.Code) }

// JSON-RPC's and MCP's codes that are used here.
const (
	CodeNoMethod           = -32601
	CodeParams             = -32602
	CodeInternal           = -32603
	CodeUnsupportedVersion = -32022
)

// Show makes a server's text fit for a message: valid UTF-8, no control
// characters, at most n bytes.
func Show(text string, n int) string {
	if len(text) > 4*n {
		text = text[:4*n]
	}
	text = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		if r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0xfffd || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	if len(text) > n {
		text = strings.ToValidUTF8(text[:n], "") + " ..."
	}
	return text
}
