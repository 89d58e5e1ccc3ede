// Package wire speaks MCP to one server: framing, bounds, revisions, and which
// message belongs to which call.
//
// It is not the SDK's client, on purpose, after reading that one (v1.8.0): a proxy
// must keep a result's bytes as they came (the SDK's types drop members that they
// do not know, and digests are taken of those bytes), must spill a 100 MB answer
// while it arrives (the SDK holds it two or three times, and ends the session
// beyond 16 MiB), and must know which call a server's question belongs to (the
// SDK's handlers are not told). What is above the wire (params, results,
// capabilities) are the SDK's types, and its everything-server is the test.
//
// It must not decide anything: no access rules, no retries of calls, no catalogue.
//
//	conn, err := wire.Start(ctx, wire.Command{Argv: argv}, wire.Config{Now: clock})
//	defer conn.Close()
//	res, err := conn.Call(ctx, wire.Request{Method: "tools/call", Params: params, Limit: 1 << 20, Spills: true})
//	if res.Over != nil { ... }              // more than Limit: head, digest, bytes
//	var f *wire.Fault; errors.As(err, &f)   // f.Kind
package wire

import (
	"context"
	"encoding/json"
	"io"
	"time"
)

// The revisions that are spoken by name. Older ones are taken when a server
// answers initialize with one of them.
const (
	Stateless = "2026-07-28"
	Legacy    = "2025-11-25"
)

// known are all revisions that a server may choose at initialize, newest first.
var known = []string{Legacy, "2025-06-18", "2025-03-26", "2024-11-05"}

// Blob keeps a result beyond a caller's limit while it arrives.
type Blob interface {
	io.Writer
	Commit() (digest string, err error)
	Abort()
}

// Config is what a session needs to know.
type Config struct {
	Now          func() time.Time
	Name         string          // how the client names itself
	Version      string          //
	Revision     string          // "" finds out; else the only one spoken
	Hint         string          // what the server spoke the last time: tried first
	Capabilities json.RawMessage // of the client; "{}" when empty. 2025-11-25 declares them once, here
	Probe        time.Duration   // how long server/discover may take before initialize is tried; 0 is 5 s
	Hard         int64           // bytes of a result that are kept at all; 0 is 64 MiB
	Create       func() (Blob, error)
	// Notify is told of notifications that belong to no call: list changes, and on
	// stdio log messages. It runs on the reader and must not block.
	Notify func(method string, params json.RawMessage)
	// Ask answers what the server asks. from is the call that it came with, nil
	// when that cannot be told. It runs on a goroutine of its own.
	Ask func(ctx context.Context, from *Request, method string, params json.RawMessage) (any, *Answer)
}

func (c Config) filled() Config {
	if c.Name == "" {
		c.Name = "plimsoll"
	}
	if c.Version == "" {
		c.Version = "dev"
	}
	if len(c.Capabilities) == 0 {
		c.Capabilities = json.RawMessage("{}")
	}
	if c.Probe == 0 {
		c.Probe = 5 * time.Second
	}
	if c.Hard == 0 {
		c.Hard = 64 << 20
	}
	return c
}

// Request is one call.
type Request struct {
	Method string
	Params json.RawMessage // a valid JSON object without _meta, or empty
	Meta   map[string]any  // its _meta; the protocol's own members are added
	Limit  int64           // bytes of the result that are handed back whole; 0 is 1 MiB
	Spills bool            // beyond Limit the result goes to a blob; else it is a TooLarge fault
	// Notify is told of what arrives for this call before its result: progress by
	// token, and over HTTP all of the call's stream. It runs on the caller's
	// goroutine.
	Notify   func(method string, params json.RawMessage)
	Progress bool                   // ask for progress
	LogLevel string                 // 2026-07-28: what may be logged during this call
	Caps     json.RawMessage        // 2026-07-28: the capabilities of this call; Config's when empty
	Header   map[string]string      // HTTP: Mcp-Param-* of the tool
	Name     string                 // HTTP: what Mcp-Name carries; found in Params when empty
	Sent     func()                 // called once the request has left
	Listen   func(subscription any) // subscriptions/listen: called when it is under way
	Owner    any                    // of the caller, untouched; Ask gets it back
}

// Response is a result.
type Response struct {
	Result json.RawMessage // nil when Over
	Over   *Over
}

// Server is what a server said of itself.
type Server struct {
	Revision     string
	Info         json.RawMessage // name, version ...
	Capabilities json.RawMessage
	Instructions string
}

// Conn is one session with one server. It is safe for concurrent use.
type Conn interface {
	Server() Server
	Call(context.Context, Request) (*Response, error)
	Send(ctx context.Context, method string, params any) error // a notification
	Stderr() string                                            // the tail of what the process printed; "" over HTTP
	Life
}

// Life is how a session ends.
type Life interface {
	Done() <-chan struct{} // closed once the session is of no use any more
	Err() error            // why; nil after Close
	Close() error          // ends the process and waits for it
}
