package config

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// Remote is where a backend runs that somebody else starts.
type Remote struct {
	Address   string // "host:port" or "unix:///PATH"
	Plaintext bool   // without TLS; this machine alone
	TLS       *Certificates
}

// Certificates are PEM text, of both sides of a connection. The key may be empty
// where the project is only read; to call the backend takes it.
type Certificates struct {
	CA, Cert, Key string
	Range         diag.Range
}

func certificatesDoc() *BlockDoc {
	return &BlockDoc{
		Type: "tls", Single: true,
		Doc: "The certificates of a connection to `address`. Both sides show one; TLS 1.3.",
		Attributes: []*AttributeDoc{
			{Name: "ca", Type: String, Required: true, Example: `file("certs/ca.pem")`, Doc: "The authority that signed the backend's certificate, as PEM."},
			{Name: "cert", Type: String, Required: true, Example: `file("certs/host.pem")`, Doc: "The certificate that this side shows, as PEM."},
			{Name: "key", Type: String, Required: true, Example: `env("PLIMSOLL_TLS_KEY", "")`, Doc: "Its private key, as PEM. It must not stand in the repository; empty, the project can be checked, and the backend not called."},
		},
		Example: `tls {
  ca   = file("certs/ca.pem")
  cert = file("certs/host.pem")
  key  = env("PLIMSOLL_TLS_KEY", "")
}`,
	}
}

// secret is str of what may be empty: a variable with a key is set where the
// backend is called, and not where the project is checked.
func (b *body) secret(name string) string {
	v, a, ok := b.get(name)
	if ok && v.Type() != cty.String {
		b.mismatch(name, a.Expr, v)
		ok = false
	}
	if !ok {
		return ""
	}
	return v.AsString()
}

// remote reads what a backend block says of an address; nil without one.
func (b *body) remote(env []string) *Remote {
	var certs *Certificates
	b.each("tls", func(n *body, _ label) {
		certs = &Certificates{CA: n.str("ca"), Cert: n.str("cert"), Key: n.secret("key"), Range: n.header}
	})
	out := &Remote{Address: b.str("address"), Plaintext: b.boolean("plaintext"), TLS: certs}
	bad := func(name, format string, args ...any) { b.d.add(badAddress.at(b.rng(name), format, args...)) }
	if !b.has("address") {
		if certs != nil || out.Plaintext {
			bad("plaintext", "tls and plaintext say how a backend at another address is spoken to, and this one has no address: it is a subprocess. Add address, or take them out.")
		}
		return nil
	}
	loopback, ok := addressOf(out.Address)
	switch {
	case out.Address == "": // reported by the type, or empty
		bad("address", "address is empty. Take it out for a subprocess.")
	case !ok:
		bad("address", "%q is not HOST:PORT, such as \"gpu1.example.com:9443\", nor unix:///PATH.", out.Address)
	case len(env) > 0:
		bad("env", "Nothing can be handed over to a backend that somebody else starts: its variables are set where it runs. Take env out.")
	case certs != nil && out.Plaintext:
		bad("plaintext", "There is a tls block, and plaintext says to speak without. Take one of them out.")
	case certs == nil && !out.Plaintext:
		bad("address", "A backend at an address needs a tls block. One on this machine may have plaintext = true instead.")
	case out.Plaintext && !loopback:
		bad("plaintext", "%q is not on this machine (127.0.0.1, [::1], localhost, a unix socket), and inputs of skills are not sent to another one in the clear. Add a tls block.", out.Address)
	default:
		return out
	}
	return nil
}

// addressOf says whether an address is one, and whether it is this machine's.
func addressOf(addr string) (loopback, ok bool) {
	if path, unix := strings.CutPrefix(addr, "unix://"); unix {
		return true, strings.HasPrefix(path, "/")
	}
	host, port, err := net.SplitHostPort(addr)
	n, bad := strconv.ParseUint(port, 10, 16)
	if err != nil || bad != nil || n == 0 || host == "" || strings.ContainsAny(host, "/%? ") {
		return false, false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback(), true
}
