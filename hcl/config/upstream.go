package config

import (
	"encoding/pem"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/hcl/secret"
)

const (
	maxPrefix  = 64
	maxTimeout = 24 * time.Hour
)

func (l *loader) fillConnector(b *body, out *Connector) {
	out.Range, out.URLRange, out.ToolRange = b.header, b.rng("url"), b.rng("tools")
	out.Kind = kind(b.str("kind"))
	out.Command, out.URL, out.Env = b.nonEmpty("command"), b.secret("url"), b.distinct("env")
	out.Prefix = out.Name
	if b.has("prefix") {
		out.Prefix = b.secret("prefix")
	}
	if !toolName(out.Prefix) && out.Prefix != "" || len(out.Prefix) > maxPrefix {
		l.add(badName.at(b.rng("prefix"), "Names of tools begin with the prefix, so it has letters, digits, - _ and ., at most %d; %q is no such prefix. Give the connector a prefix of its own.", maxPrefix, out.Prefix).WithSuggestion(`prefix = "github"`))
		out.Prefix = out.Name[:min(len(out.Name), maxPrefix)] // some name that is its own, so that no clash is reported beside
	}
	out.Tools = b.nonEmpty("tools")
	l.toolPatterns(b, out)
	out.Timeout = b.duration("timeout", out.Kind.Timeout)
	if out.Timeout < time.Millisecond || out.Timeout > maxTimeout {
		l.add(outOfRange.at(b.rng("timeout"), "timeout must be from 1ms to 24h: a call that may take no time always fails, and one that may take for ever never does.").WithSuggestion(b.doc.Attribute("timeout").line()))
		out.Timeout = out.Kind.Timeout
	}
	if out.OutputLimit = b.size("output_limit"); out.OutputLimit == 0 {
		out.OutputLimit = out.Kind.OutputLimit
	}
	out.Concurrency = b.integerOr("concurrency", out.Kind.Concurrency)
	out.Idle = b.duration("idle", out.Kind.Idle)
	out.Private = l.ranges(b)
	out.Plaintext, out.CA = b.boolean("plaintext"), b.str("ca")
	if out.Revision = b.str("revision"); out.Revision == "" {
		out.Revision = "auto"
	}
	out.ReadOnly = b.boolOr("read_only", out.Kind.ReadOnly)
	out.Strict = b.boolOr("strict", out.Kind.Strict)
	out.Sanitise = b.boolOr("sanitise", out.Kind.Sanitise)
	out.MaxTools = b.integerOr("max_tools", out.Kind.MaxTools)
	out.Job, out.Rollback = l.ownTool(b, "job"), l.ownTool(b, "rollback")
	if out.Job != "" && !out.Offers(out.Job) {
		l.add(notAllowed.at(b.rng("job"), "Callers ask %s how their call goes, and tools does not offer it. Add it there.", out.Job))
	}
	out.Headers = l.headers(b)
	l.session(b, out)
	l.target(b, out)
}

// boolOr is a bool that has another default than false.
func (b *body) boolOr(name string, fallback bool) bool {
	if _, _, ok := b.get(name); !ok {
		return fallback
	}
	return b.boolean(name)
}

// target checks where the connector is, and that nothing is said about another
// sort of connector.
func (l *loader) target(b *body, out *Connector) {
	hasCommand, hasURL := b.has("command"), b.has("url")
	switch {
	case hasCommand && hasURL:
		l.add(badConnector.at(b.rng("url"), "%s has both command and url. It is either a program that is started here or a server that is called: remove one of them, or make two connectors.", b.title))
		return
	case !hasCommand && !hasURL:
		l.add(badConnector.at(b.header, "%s says not where its tools come from: it needs command, a program that is started here, or url, a server that is called.", b.title).WithSuggestion(b.doc.Attribute("command").line()))
		return
	}
	wrong := func(name, why string) {
		if b.has(name) {
			l.add(badConnector.at(b.rng(name), "%s Remove %s.", why, name))
		}
	}
	if hasCommand {
		for _, name := range []string{"private", "plaintext", "ca"} {
			wrong(name, name+" is about a url, and this connector is a program that is started here.")
		}
		if len(out.Headers) > 0 {
			l.add(badConnector.at(out.Headers[0].Range, "A header is sent over HTTP, and this connector is a program that is started here. Hand a secret over with env, which names the variables that it sees.").WithSuggestion(b.doc.Attribute("env").line()))
		}
		l.envNames(b, out.Env)
		if secret.In(l.text(b.rng("command"))) {
			l.add(secretInFile.at(b.rng("command"), "Something in command looks like a secret, and everybody who reads the repository or lists processes would have it. Name an environment variable in env, and let the program read it.").WithSuggestion(b.doc.Attribute("env").line()).Masked())
		}
		return
	}
	wrong("env", "Nothing can be handed over to a server that somebody else runs; what it must know stands in a header block.")
	l.checkURL(b, out)
	if out.CA != "" && !certificates(out.CA) {
		l.add(wrongType.at(b.rng("ca"), "ca holds certificates as PEM text, which begins with -----BEGIN CERTIFICATE-----. This has none.").WithSuggestion(b.doc.Attribute("ca").line()))
		out.CA = ""
	}
}

func (l *loader) envNames(b *body, names []string) {
	for _, name := range names {
		if !validEnv(name) {
			l.add(badName.at(b.rng("env"), "env holds names of environment variables, never values: a value would stand in the repository. One of these is no name.").WithSuggestion(b.doc.Attribute("env").line()).Masked())
			return
		}
	}
}

// checkURL says why a URL is not called. Its text is not repeated: it may hold a
// secret. It is empty where the variable with it is not set, and nothing is
// called.
func (l *loader) checkURL(b *body, out *Connector) {
	if out.URL == "" {
		return
	}
	bad := func(format string, args ...any) {
		l.add(badConnector.at(b.rng("url"), format, args...).Masked())
		out.URL = ""
	}
	u, err := url.Parse(out.URL)
	switch {
	case err != nil || u.Opaque != "" || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		bad("url is not a web address. Write it whole, such as \"https://mcp.example.com/mcp\".")
		return
	case u.User != nil:
		bad("url has a name or a password before its host, which would stand in logs and in the repository. Use a header block.")
		return
	case u.Fragment != "" || strings.Contains(out.URL, "#"):
		bad("url has a part behind #, which is never sent. Remove it.")
		return
	case u.Scheme == "http" && !out.Plaintext:
		bad("url is http, so that everybody on the way can read and change what is said. Use https, or say plaintext = true.")
		return
	case u.Scheme == "https" && out.Plaintext:
		l.add(badConnector.warn(b.rng("plaintext"), "plaintext allows http, and url is https. A redirect to http would be followed. Remove plaintext."))
	}
	if written := l.text(b.rng("url")); secret.In(written) || keyInQuery(written) {
		l.add(secretInFile.at(b.rng("url"), "url holds what looks like a secret, and it would stand in the repository and in logs. Use a header block, or env(\"NAME\", \"\").").WithSuggestion(b.doc.Block("header").Example).Masked())
	}
	if addr, ok := literalAddress(u.Hostname()); ok && !public(addr) && !within(addr, out.Private) {
		l.add(badConnector.at(b.rng("url"), "%s is not a public address, and such addresses are called only when they are declared, so that nobody can be led to what lies behind your firewall.", addr).WithSuggestion("private = [\"" + around(addr) + "\"]"))
	}
}

// keyInQuery tells whether a URL as it is written carries a key in its query.
func keyInQuery(written string) bool {
	_, query, ok := strings.Cut(strings.ToLower(written), "?")
	if !ok {
		return false
	}
	for part := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(part, "=")
		value = strings.Trim(value, `"`)
		for _, word := range []string{"key", "token", "secret", "password", "signature"} {
			if value != "" && !strings.HasPrefix(value, "${") && strings.HasSuffix(name, word) {
				return true
			}
		}
	}
	return false
}

func literalAddress(host string) (netip.Addr, bool) {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1}), true
	}
	a, err := netip.ParseAddr(host)
	return a.Unmap().WithZone(""), err == nil
}

// public tells whether an address is one of the internet at large.
func public(a netip.Addr) bool {
	return a.IsGlobalUnicast() && !a.IsPrivate() && !netip.MustParsePrefix("100.64.0.0/10").Contains(a) && a != netip.IPv4Unspecified()
}

func within(a netip.Addr, ranges []netip.Prefix) bool {
	for _, r := range ranges {
		if r.Contains(a) {
			return true
		}
	}
	return false
}

// around is the range to suggest for an address.
func around(a netip.Addr) string {
	if a.IsLoopback() && a.Is4() {
		return "127.0.0.0/8"
	}
	return netip.PrefixFrom(a, a.BitLen()).String()
}

var metadata = netip.AddrFrom4([4]byte{169, 254, 169, 254})

// ranges reads private.
func (l *loader) ranges(b *body) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range b.distinct("private") {
		p, err := netip.ParsePrefix(s)
		if a, single := netip.ParseAddr(s); err != nil && single == nil {
			l.add(badRange.at(b.rng("private"), "%q is one address; private takes ranges.", s).WithSuggestion("private = [\"" + around(a.WithZone("")) + "\"]"))
			continue
		}
		switch {
		case err != nil:
			l.add(badRange.at(b.rng("private"), "%q is not a range of addresses, such as \"10.0.0.0/8\" or \"fd00::/8\". Names cannot be given: they lead where their owner says.", s).WithSuggestion(b.doc.Attribute("private").line()))
		case p != p.Masked():
			l.add(badRange.at(b.rng("private"), "%q has bits behind its first %d: it is not clear which range is meant.", s, p.Bits()).WithSuggestion("private = [\"" + p.Masked().String() + "\"]"))
		case p.Bits() == 0:
			l.add(badRange.at(b.rng("private"), "%q is every address there is, so that nothing would be protected. Name the ranges that the server is in.", s).WithSuggestion(b.doc.Attribute("private").line()))
		default:
			if p.Contains(metadata) {
				l.add(badRange.warn(b.rng("private"), "%q holds 169.254.169.254, where clouds hand out credentials of the machine. Name a narrower range.", s))
			}
			out = append(out, p)
		}
	}
	return out
}

// certificates tells whether a text has a PEM certificate.
func certificates(text string) bool {
	for rest := []byte(text); ; {
		block, more := pem.Decode(rest)
		if block == nil {
			return false
		}
		if block.Type == "CERTIFICATE" {
			return true
		}
		rest = more
	}
}

// ownTool reads the name of a tool of the connector itself.
func (l *loader) ownTool(b *body, name string) string {
	s := b.str(name)
	if s == "" || toolName(s) {
		return s
	}
	l.add(badName.at(b.rng(name), "%s is the name of one of the connector's tools, without the prefix; %q is none.", name, s).WithSuggestion(b.doc.Attribute(name).line()))
	return ""
}

func (l *loader) session(b *body, out *Connector) {
	if k := out.Kind.Session; k != nil {
		out.Session = &Session{Lifetime: k.Lifetime, Max: k.Max, Range: b.header}
	}
	b.each("session", func(n *body, _ label) {
		s := kind("stateful_session").Session
		out.Session = &Session{Lifetime: n.duration("lifetime", s.Lifetime), Max: n.integerOr("max", s.Max), Range: n.header}
		if out.Kind.Session == nil {
			l.add(badConnector.at(n.header, "A session block bounds the sessions of a stateful_session, and this connector is a %s.", out.Kind.Name).WithSuggestion(`kind = "stateful_session"`))
		}
	})
}

// toolPatterns checks tools, and what its names become with the prefix.
func (l *loader) toolPatterns(b *body, out *Connector) {
	l.patterns(b, "tools", out.Tools)
	for _, t := range out.Tools {
		if n := len(out.Prefixed(t)); n > MaxToolName && !strings.Contains(t, "*") {
			l.add(badName.at(b.rng("tools"), "With its prefix %q has %d characters, and agents take at most %d. Give the connector a shorter prefix.", t, n, MaxToolName))
		}
	}
}
