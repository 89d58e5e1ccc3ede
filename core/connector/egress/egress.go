// Package egress makes the HTTP clients that may leave the machine: to MCP
// servers, to an embeddings endpoint, to a witness. It refuses addresses that
// nobody declared, whatever a name resolves to and wherever a redirect leads.
//
// It uses no proxy, keeps no cookies, and adds no credential but the declared
// headers. It must not be bypassed by a transport of one's own.
//
//	client, err := egress.New(egress.Config{URL: "https://mcp.example.com/mcp",
//		Headers: []egress.Header{{Name: "Authorization", Env: "MCP_TOKEN", Prefix: "Bearer "}}})
//	resp, err := client.Get("https://mcp.example.com/mcp")
//	var e *egress.Error; if errors.As(err, &e) { ... } // e.Rule: "private", "scheme", "redirect" ...
package egress

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// Header is a request header whose value is a secret by reference: it is read
// when it is used, so that a renewed token needs no restart.
type Header struct {
	Name   string
	Prefix string // "Bearer "
	Env    string // the variable that holds it
	File   string // or the file; surrounding white space is dropped
	Value  string // or the text itself, for what is no secret
}

// DialFunc and LookupFunc replace the network in tests.
type (
	DialFunc   func(ctx context.Context, network, address string) (net.Conn, error)
	LookupFunc func(ctx context.Context, host string) ([]netip.Addr, error)
)

// Config is what a client may do.
type Config struct {
	URL       string // the endpoint; declared headers go to its origin only
	Headers   []Header
	Private   []string                         // CIDR ranges that are not public and yet allowed, loopback included
	Plaintext bool                             // http allowed
	CA        []byte                           // PEM; in place of the system's roots
	BodyLimit int64                            // bytes of one response body; 0 is 64 MiB; below 0 is left to the caller
	Redirects int                              // followed at most; 0 is 5, below 0 is none
	Dialling  time.Duration                    // 0 is 10 s
	Answer    time.Duration                    // until the response's header; 0 is 60 s
	Quiet     time.Duration                    // between two bytes of a body, in either direction; 0 is 5 min
	Conns     int                              // per host; 0 is 64
	Lookup    func(name string) (string, bool) // environment; os.LookupEnv when nil
	Look      LookupFunc
	Dial      DialFunc
}

// Error says which rule refused a request.
type Error struct {
	Rule string // "scheme", "private", "redirect", "dns", "secret", "size", "quiet", "url"
	Text string
}

func (e *Error) Error() string { return e.Text }

// New checks the declaration and makes a client. Client.Timeout is left at none,
// since streams last; use a context.
func New(c Config) (*http.Client, error) { return build(c) }
