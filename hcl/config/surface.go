package config

import "github.com/plimsoll-dev/plimsoll/hcl/diag"

// Surface is the `mcp` block of serve: where agents are answered over HTTP.
type Surface struct {
	Listen    string     // "host:port"; port 0 takes a free one
	TLS       *ServerTLS // nil on loopback or with Plaintext
	Plaintext bool       // off loopback without TLS: something in front has it
	Whole     []*Connector
	Origins   []string // of browsers that may call, each "https://host[:port]"; empty allows none
	// Anonymous lets callers without credentials in beside principals, as
	// "local" and without roles. Where neither principals nor oauth are
	// declared they are in anyway.
	Anonymous bool
	Range     diag.Range
}

// ServerTLS is a server's certificate as PEM text. The key may be empty where
// the project is only read; to serve takes it.
type ServerTLS struct {
	Cert, Key string
	Range     diag.Range
}
