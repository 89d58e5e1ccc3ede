package lint

import (
	"net/netip"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/plimsoll-dev/plimsoll/hcl/secret"
)

// urls finds addresses that are not what they look like.
func (r *reader) urls(f field) {
	for at := 0; at < len(f.text); {
		i := strings.Index(f.text[at:], "://")
		if i < 0 {
			break
		}
		sign := at + i
		at = sign + 3
		start := sign
		for start > 0 && sign-start < 12 && (lowerLetter(f.text[start-1]) || f.text[start-1] == '+') {
			start--
		}
		end := at
		for end < len(f.text) && end-at < 2048 && !ends(f.text[end]) {
			end++
		}
		r.address(f, start, end, strings.ToLower(f.text[start:sign]), f.text[at:end])
	}
	r.schemes(f)
	r.beacons(f)
}

func lowerLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// ends tells what no address has.
func ends(c byte) bool {
	return c <= ' ' || c == '"' || c == '\'' || c == '<' || c == '>' || c == '`' || c == ')' || c == ']' || c == '\\' || c == '|'
}

func (r *reader) address(f field, start, end int, scheme, rest string) {
	switch scheme {
	case "http", "https", "ws", "wss", "ftp", "git":
	default:
		return // others name what they are, such as postgres:// with a manual's password
	}
	authority := rest
	if i := strings.IndexAny(authority, "/?#"); i >= 0 {
		authority = authority[:i]
	}
	host := authority
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		host = authority[i+1:]
		if login := authority[:i]; host != "" && !r.full("url-login", f) && !manual(login) && !manual(host) {
			r.add("url-login", f, start, end, cut(visible(scheme+"://"+mask(login)+"@"+host)), "The %s holds an address with a name before its host: it leads to %s.", f.name, cut(visible(host)))
		}
	}
	if h, _, ok := strings.Cut(host, ":"); ok && !strings.HasPrefix(host, "[") {
		host = h
	}
	host = strings.TrimRight(strings.Trim(host, "[]"), ".,;:")
	switch a, err := netip.ParseAddr(host); {
	case err == nil:
		if foreign(a) {
			r.at("url-address", f, start, end, "The %s holds an address of numbers, %s.", f.name, a)
		}
		return
	case host != "" && strings.Trim(strings.ToLower(host), "0123456789abcdefx.") == "" && strings.Trim(host, "0123456789.") == "" && len(host) > 6:
		r.at("url-address", f, start, end, "The %s holds an address of numbers, which hides where it leads.", f.name)
		return
	}
	for label := range strings.SplitSeq(strings.ToLower(host), ".") {
		mixed := false
		for _, w := range words(label) {
			mixed = mixed || w.mixed
		}
		if strings.HasPrefix(label, "xn--") || mixed {
			r.at("url-lookalike", f, start, end, "The %s holds an address whose host, %s, can look like another.", f.name, cut(visible(host)))
			return
		}
	}
}

// foreign tells whether an address is neither this machine, nor a network that
// is not public, nor one of examples. The address that clouds give credentials
// out at is.
func foreign(a netip.Addr) bool {
	a = a.Unmap()
	if a == netip.AddrFrom4([4]byte{169, 254, 169, 254}) {
		return true
	}
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, p := range examples {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// examples are the ranges of RFC 5737 and RFC 3849, and those of known resolvers.
var examples = []netip.Prefix{
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("1.1.1.1/32"), netip.MustParsePrefix("8.8.8.8/32"), netip.MustParsePrefix("1.2.3.4/32"), netip.MustParsePrefix("100.64.0.0/10"),
}

// manual tells a part of an address as manuals write them.
func manual(s string) bool {
	low := strings.ToLower(s)
	if strings.ContainsAny(s, "{}$<>*[]%") {
		return true
	}
	if strings.Contains(low, ".") && !strings.Contains(low, ":") {
		return false // a host before the host
	}
	for _, w := range []string{"user", "pass", "token", "name", "login", "key", "secret", "host", "proxy", "foo", "admin", "xxx", "..."} {
		if strings.Contains(low, w) {
			return true
		}
	}
	return false
}

func mask(s string) string {
	if name, pass, ok := strings.Cut(s, ":"); ok && pass != "" {
		return name + ":" + strings.Repeat("*", min(8, len(pass)))
	}
	return s
}

var dataAddress = regexp.MustCompile(`^data:[a-z]{2,20}/[a-z0-9.+-]{2,60}[;,]`)

// schemes finds addresses that are what they hold.
func (r *reader) schemes(f field) {
	low := strings.ToLower(f.text)
	if len(low) != len(f.text) {
		low = f.text
	}
	for _, s := range []string{"javascript:", "vbscript:", "data:"} {
		for at := 0; ; {
			i := strings.Index(low[at:], s)
			if i < 0 {
				break
			}
			start := at + i
			at = start + len(s)
			if start > 0 && (lowerLetter(low[start-1]) || low[start-1] == '-' || low[start-1] == '_' || low[start-1] == '.') || at >= len(low) {
				continue
			}
			window := low[start:min(len(low), start+96)]
			if s == "data:" && !dataAddress.MatchString(window) || s != "data:" && (ends(low[at]) || low[at] == '*' || low[at] == ',') {
				continue
			}
			r.at("url-scheme", f, start, min(len(f.text), at+16), "The %s holds a %s address.", f.name, s)
		}
	}
}

// beacons finds pictures in Markdown whose address is to be filled in.
func (r *reader) beacons(f field) {
	for at := 0; ; {
		i := strings.Index(f.text[at:], "![")
		if i < 0 {
			return
		}
		start := at + i
		at = start + 2
		window := f.text[at:min(len(f.text), at+300)]
		mid := strings.Index(window, "](")
		if mid < 0 {
			continue
		}
		target := window[mid+2:]
		if stop := strings.IndexAny(target, ") \n"); stop >= 0 {
			target = target[:stop]
		}
		_, query, ok := strings.Cut(target, "?")
		if ok && strings.Contains(target, "://") && strings.ContainsAny(query, "{<$") {
			r.at("url-beacon", f, start, at+mid+2+len(target), "The %s asks for a picture whose address carries data.", f.name)
		}
	}
}

// secrets finds keys. What was found is not shown.
func (r *reader) secrets(f field) {
	for _, m := range secret.Find(f.text) {
		shown := f.text[m.Start:min(m.End, m.Start+4)] + "…"
		r.add("secret", f, m.Start, m.End, visible(shown), "The %s holds what looks like a %s.", f.name, m.Kind)
	}
}

// blobs finds long stretches of encoded text.
func (r *reader) blobs(f field) {
	const long = 160
	start := 0
	var upper, small, digit, slash int
	flush := func(end int) {
		n := end - start
		if n >= long && digit > n/40 && slash < n/12 && (upper > n/10 && small > n/10 || upper+small < n*6/10) && upper+small > 0 {
			r.at("encoded-text", f, start, end, "The %s holds %d characters of encoded text in a row.", f.name, n)
		}
		upper, small, digit, slash = 0, 0, 0, 0
	}
	for i := 0; i < len(f.text); i++ {
		switch c := f.text[i]; {
		case c >= 'A' && c <= 'Z':
			upper++
		case c >= 'a' && c <= 'z':
			small++
		case c >= '0' && c <= '9':
			digit++
		case c == '/' || c == '+' || c == '=' || c == '-' || c == '_':
			slash++
		default:
			flush(i)
			start = i + 1
		}
	}
	flush(len(f.text))
	if !utf8.ValidString(f.text) {
		i := 0
		for i < len(f.text) {
			c, size := utf8.DecodeRuneInString(f.text[i:])
			if c == utf8.RuneError && size == 1 {
				break
			}
			i += size
		}
		r.at("hidden-control", f, i, i+1, "The %s holds bytes that are no UTF-8.", f.name)
	}
}
