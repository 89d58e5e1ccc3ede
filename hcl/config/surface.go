package config

import (
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

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

// fillSurface reads what serve says of agents, metrics and traces.
func (l *loader) fillSurface(b *body, out *Serve) {
	b.each("mcp", func(n *body, _ label) {
		s := &Surface{Listen: n.str("listen"), Plaintext: n.boolean("plaintext"), Whole: n.connectors("whole"), Origins: n.distinct("origins"), Anonymous: n.boolean("anonymous"), Range: n.header}
		n.each("tls", func(t *body, _ label) {
			s.TLS = &ServerTLS{Cert: t.str("cert"), Key: l.privateKey(t), Range: t.header}
			if s.TLS.Cert != "" && !certificates(s.TLS.Cert) {
				l.add(wrongType.at(t.rng("cert"), "cert holds a certificate as PEM text, which begins with -----BEGIN CERTIFICATE-----. This has none.").WithSuggestion(t.doc.Attribute("cert").line()))
			}
		})
		l.listen(n, s)
		for _, o := range s.Origins {
			if !origin(o) {
				l.add(badURL.at(n.rng("origins"), "%q is not an origin: scheme, host and perhaps a port, such as \"https://app.example.com\". There is no origin for everybody.", o).WithSuggestion(n.doc.Attribute("origins").line()))
			}
		}
		out.MCP = s
	})
	if out.Metrics = b.str("metrics"); out.Metrics != "" {
		if _, ok := listenAddress(out.Metrics); !ok {
			l.add(badListen.at(b.rng("metrics"), "%q is not HOST:PORT, such as \"127.0.0.1:9464\".", out.Metrics))
		} else if out.MCP != nil && out.MCP.Listen == out.Metrics && !strings.HasSuffix(out.Metrics, ":0") {
			l.add(badListen.at(b.rng("metrics"), "Agents are answered at %s already. Metrics have an address of their own, so that who reads them needs no way to the tools.", out.Metrics).WithSuggestion(b.doc.Attribute("metrics").line()))
		}
	}
	if out.Traces = b.secret("traces"); badHook(out.Traces, false) != "" {
		l.add(badURL.at(b.rng("traces"), "traces are sent by https, or by http to a collector on this machine; a collector's address is a whole URL without a password, such as \"http://127.0.0.1:4318\".").Masked())
		out.Traces = ""
	}
}

// privateKey reads a key that must not lie where the project does.
func (l *loader) privateKey(b *body) string {
	if a := b.attr("key"); a != nil {
		call, isCall := a.Expr.(*hclsyntax.FunctionCallExpr)
		if text, literal := literalString(a.Expr); literal && text != "" || isCall && call.Name == "file" {
			l.add(secretInFile.at(b.rng("key"), "A private key in the project's folder is in the repository, where everybody who reads it can be this server. Hand it over in an environment variable.").WithSuggestion(b.doc.Attribute("key").line()).Masked())
			return ""
		}
	}
	return b.secret("key")
}

// listen checks that nobody is let in over the network by accident.
func (l *loader) listen(b *body, s *Surface) {
	if s.Listen == "" {
		return
	}
	loopback, ok := listenAddress(s.Listen)
	_, open := l.project.Roles()
	known := open || len(l.project.Principals) > 0
	switch {
	case !ok:
		l.add(badListen.at(b.rng("listen"), "%q is not HOST:PORT, such as \"127.0.0.1:7070\".", s.Listen))
	case s.TLS != nil && s.Plaintext:
		l.add(badListen.at(b.rng("plaintext"), "There is a tls block, and plaintext says to speak without. Take one of them out."))
	case !loopback && s.TLS == nil && !s.Plaintext:
		l.add(badListen.at(b.rng("listen"), "%q can be reached from other machines, and without TLS everybody on the way reads tokens and results. Add a tls block; where something in front of it has TLS, say plaintext = true. For this machine alone, listen at 127.0.0.1.", s.Listen).WithSuggestion(b.doc.Block("tls").Example))
	}
	switch {
	case !ok || loopback:
	case s.Anonymous:
		l.add(badListen.at(b.rng("anonymous"), "%q can be reached from other machines, and anonymous would let every one of them in. Remove it, or listen at 127.0.0.1.", s.Listen))
	case !known && !l.table.incomplete:
		l.add(badListen.at(b.rng("listen"), "%q can be reached from other machines, and nothing says who may call: declare a principal or oauth, or listen at 127.0.0.1.", s.Listen).WithSuggestion(principalDoc().Example))
	}
}

// listenAddress says whether an address can be listened at, and whether only
// this machine reaches it. An empty host is every one.
func listenAddress(addr string) (loopback, ok bool) {
	host, port, err := net.SplitHostPort(addr)
	if _, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || strings.ContainsAny(host, "/? ") {
		return false, false
	}
	return thisMachine(host), true
}

func origin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.Scheme+"://"+u.Host == s && !strings.Contains(s, "*")
}

// connectors reads `[connector.a, connector.b]`.
func (b *body) connectors(name string) []*Connector {
	a := b.attr(name)
	if a == nil {
		return nil
	}
	t, ok := a.Expr.(*hclsyntax.TupleConsExpr)
	if !ok {
		x := wrongType.at(convert(a.Expr.Range()), "%s must be a list of references to connectors, such as [connector.github].", name)
		b.d.add(x.WithSuggestion(name + " = [" + oneLine(b.d.text(convert(a.Expr.Range()))) + "]"))
		return nil
	}
	var out []*Connector
	defer b.d.inList(name, len(b.d.diags))
	for _, e := range t.Exprs {
		r, ok := b.d.path(e, name, "connector.NAME")
		if !ok {
			continue
		}
		x := find(b.d, r, name, "connector", &b.d.table.connectors)
		switch {
		case x == nil:
		case slices.Contains(out, x):
			b.d.add(duplicateName.at(r.rng, "%s names %s twice. Remove one of them.", name, r))
		default:
			out = append(out, x)
		}
	}
	return out
}
