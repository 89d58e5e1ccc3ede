package config

import (
	"net/textproto"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/plimsoll-dev/plimsoll/hcl/secret"
)

// secretHeaders always carry credentials, whatever they look like.
var secretHeaders = []string{"Authorization", "Cookie", "Proxy-Authorization", "X-Api-Key", "Api-Key", "X-Auth-Token", "X-Access-Token", "Private-Token"}

// ownHeaders are set by what sends: HTTP itself, and MCP.
var ownHeaders = []string{"Host", "Content-Length", "Content-Type", "Content-Encoding", "Transfer-Encoding", "Connection", "Te", "Trailer", "Upgrade", "Expect", "Accept", "Accept-Encoding", "Mcp-Session-Id", "Mcp-Protocol-Version", "Mcp-Method", "Mcp-Name", "Last-Event-Id", "Origin", "Traceparent"}

// headers reads the header blocks of a connector, or of the embeddings.
func (l *loader) headers(b *body) []*Header {
	var out []*Header
	seen := map[string]diag.Range{}
	b.each("header", func(n *body, at label) {
		h := &Header{Name: textproto.CanonicalMIMEHeaderKey(at.text), Range: n.header}
		if !l.once(seen, label{h.Name, at.rng}, "header") {
			return
		}
		if slices.Contains(ownHeaders, h.Name) {
			l.add(badHeader.at(at.rng, "%s is set by what sends the request. Remove the block.", h.Name))
			return
		}
		h.Env, h.File, h.Value, h.Prefix = n.str("env"), n.str("file"), n.str("value"), n.str("prefix")
		if l.oneSource(n, []string{"env", "file", "value"}, badHeader) != "" && l.headerValue(n, h) {
			out = append(out, h)
		}
	})
	return out
}

func (l *loader) headerValue(n *body, h *Header) bool {
	switch {
	case n.has("env") && !validEnv(h.Env):
		if h.Env != "" {
			l.add(badName.at(n.rng("env"), "env holds the name of an environment variable, never the value itself: that would stand in the repository.").WithSuggestion(n.doc.Attribute("env").line()).Masked())
		}
		return false
	case n.has("value") && n.has("prefix"):
		l.add(badHeader.at(n.rng("prefix"), "prefix stands before what comes from env or file. A value is written whole.").Masked())
	case n.has("value") && (slices.Contains(secretHeaders, h.Name) || secret.In(h.Value)):
		l.add(secretInFile.at(n.rng("value"), "%s carries a secret, and a value that stands here is in the repository for ever. Name the environment variable or the file that has it.", h.Name).WithSuggestion(n.doc.Example).Masked())
		h.Value = ""
		return false
	case n.has("prefix") && secret.In(h.Prefix):
		l.add(secretInFile.at(n.rng("prefix"), "prefix looks like the secret itself. It holds what stands before it, such as \"Bearer \".").WithSuggestion(n.doc.Attribute("prefix").line()).Masked())
		return false
	case strings.ContainsFunc(h.Value+h.Prefix, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
		l.add(badHeader.at(n.header, "A header has one line without control characters."))
		return false
	}
	h.File = l.secretFile(h.File)
	return true
}

// oneSource says which of several attributes is given, or "" and reports when
// it is not exactly one.
func (l *loader) oneSource(b *body, names []string, sort finding) string {
	var given []string
	for _, name := range names {
		if b.has(name) {
			given = append(given, name)
		}
	}
	switch len(given) {
	case 1:
		return given[0]
	case 0:
		l.add(sort.at(b.header, "%s needs exactly one of %s.", b.title, strings.Join(names, ", ")).WithSuggestion(b.doc.Attribute(names[0]).line()))
	default:
		l.add(sort.at(b.rng(given[1]), "%s has %s. It takes exactly one of %s.", b.title, strings.Join(given, " and "), strings.Join(names, ", ")).Masked())
	}
	return ""
}

// secretFile is the place of a file that is read when it is needed. It may lie
// outside the project, and need not be there where the project is only checked.
func (l *loader) secretFile(path string) string {
	if path == "" {
		return ""
	}
	path = filepath.FromSlash(path)
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(l.project.Dir, path)
}

// validHeader follows RFC 9110: a token.
func validHeader(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return s != "" && len(s) <= maxName
}
