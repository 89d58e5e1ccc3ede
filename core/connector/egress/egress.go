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
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
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
	Answer    time.Duration                    // until the response's header; 0 is 60 s, below 0 is none
	Quiet     time.Duration                    // between two bytes of a body, in either direction; 0 is 5 min, below 0 is none when reading
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

// Refused tells that a rule of the declaration was in the way, not the network.
func (e *Error) Refused() bool {
	switch e.Rule {
	case "scheme", "private", "redirect", "url", "secret":
		return true
	}
	return false
}

func refuse(rule, format string, a ...any) *Error {
	return &Error{Rule: rule, Text: fmt.Sprintf(format, a...)}
}

// New checks the declaration and makes a client. Client.Timeout is left at none,
// since streams last; use a context.
func New(c Config) (*http.Client, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, refuse("url", "the address cannot be read: %v", withoutURL(err))
	}
	if err := checkURL(u, c.Plaintext); err != nil {
		return nil, err
	}
	allowed, err := ranges(c.Private)
	if err != nil {
		return nil, err
	}
	roots, err := pool(c.CA)
	if err != nil {
		return nil, err
	}
	for _, h := range c.Headers {
		if err := h.check(); err != nil {
			return nil, err
		}
	}
	d := &dialer{allowed: allowed, look: c.Look, dial: c.Dial, timeout: or(c.Dialling, 10*time.Second), stall: or(max(0, c.Quiet), time.Minute)}
	t := &http.Transport{
		Proxy:                  nil, // the environment does not choose where secrets go
		DialContext:            d.context,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  max(0, or(c.Answer, time.Minute)),
		ExpectContinueTimeout:  time.Second,
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConns:           or(c.Conns, 64),
		MaxIdleConnsPerHost:    or(c.Conns, 64),
		MaxConnsPerHost:        or(c.Conns, 64),
		MaxResponseHeaderBytes: 256 << 10,
	}
	g := &guard{Config: c, origin: origin(u), next: t}
	redirects := or(c.Redirects, 5)
	return &http.Client{Transport: g, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		return g.redirect(r, via, redirects)
	}}, nil
}

func or[T int | int64 | time.Duration](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}

func pool(pem []byte) (*x509.CertPool, error) {
	if len(pem) == 0 {
		return nil, nil
	}
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM(pem) {
		return nil, refuse("url", "ca holds no certificate in PEM form")
	}
	return p, nil
}

func checkURL(u *url.URL, plaintext bool) error {
	switch {
	case u.Host == "" || u.Opaque != "" || u.Hostname() == "":
		return refuse("url", "the address %q names no host", u.Redacted())
	case u.User != nil:
		return refuse("url", "the address of %s holds a credential: put it into a header block", u.Hostname())
	case u.Scheme == "https":
		return nil
	case u.Scheme != "http":
		return refuse("scheme", "%s uses %q: only https is allowed, and http where plaintext = true", u.Hostname(), u.Scheme)
	case !plaintext:
		return refuse("scheme", "http to %s is not allowed: use https, or declare plaintext = true", u.Hostname())
	}
	return nil
}

// origin is scheme, host and port, in one spelling.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(net.JoinHostPort(u.Hostname(), port))
}

// withoutURL drops the address from an error: its query may be a secret.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
