package config

import (
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strings"
	"unicode"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// Principal is a `principal "NAME"` block: a caller with a bearer token of its
// own.
type Principal struct {
	Name  string
	Roles []string
	Token Token
	Range diag.Range
}

// Token says where a principal's bearer token is. Exactly one is set.
type Token struct {
	Env    string // name of the environment variable with it
	File   string // file with it, absolute; a trailing line break is no part of it
	SHA256 string // of the token, 64 lower-case hexadecimal digits
	Range  diag.Range
}

// OAuth is the `oauth` block: whose access tokens are taken, and what they must
// say. Principals of OAuth need no block of their own.
type OAuth struct {
	Issuer   string   // claim iss, compared as text
	Audience string   // claim aud: this server
	JWKS     string   // JSON Web Key Set with the issuer's public keys
	Roles    string   // name of the claim with the roles; default "roles"
	Scopes   []string // every one must be in the claim scope (or scp); may be empty
	Types    []string // values of the header typ that are taken; nil is at+jwt alone
	Range    diag.Range
}

// Roles are the roles that somebody can have by this project, in the order of
// declaration. open tells that OAuth tokens can bring others.
func (p *Project) Roles() (roles []string, open bool) {
	for _, x := range p.Principals {
		for _, r := range x.Roles {
			if !contains(roles, r) {
				roles = append(roles, r)
			}
		}
	}
	return roles, p.OAuth != nil
}

func (l *loader) fillPrincipal(b *body, out *Principal) {
	out.Range = b.header
	out.Roles = l.roles(b, "roles")
	b.each("token", func(n *body, _ label) {
		out.Token = Token{Env: n.str("env"), File: n.str("file"), SHA256: n.str("sha256"), Range: n.header}
		switch from := l.oneSource(n, []string{"env", "file", "sha256"}, badToken); {
		case from == "env" && out.Token.Env != "" && !validEnv(out.Token.Env):
			l.add(badName.at(n.rng("env"), "env holds the name of an environment variable, never the token itself: that would stand in the repository.").WithSuggestion(n.doc.Attribute("env").line()).Masked())
			out.Token.Env = ""
		case from == "sha256" && out.Token.SHA256 != "":
			l.digest(n, &out.Token)
		}
		out.Token.File = l.secretFile(out.Token.File)
	})
}

// digest checks the digest of a token. What is no digest may be the token, so
// that it is not repeated.
func (l *loader) digest(b *body, t *Token) {
	const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	s := strings.ToLower(strings.TrimPrefix(t.SHA256, "sha256:"))
	switch raw, err := hex.DecodeString(s); {
	case err != nil || len(raw) != 32:
		l.add(badToken.at(b.rng("sha256"), "sha256 holds the SHA-256 of a token, 64 hexadecimal digits, never the token itself. Make it with: printf %%s \"$TOKEN\" | sha256sum").Masked())
		s = ""
	case s == empty:
		l.add(badToken.at(b.rng("sha256"), "This is the SHA-256 of nothing: the variable with the token was empty when it was made."))
		s = ""
	}
	t.SHA256 = s
}

// roles reads a list of names of roles.
func (l *loader) roles(b *body, name string) []string {
	out := b.distinct(name)
	if out != nil && len(out) == 0 && name != "roles" && emptyLiteral(b.attr(name)) {
		l.add(emptyValue.at(b.rng(name), "%s is an empty list, so that nobody could. Name a role, or remove the line.", name))
		return nil
	}
	for _, r := range out {
		if strings.TrimSpace(r) != r || len(r) > maxName || strings.ContainsFunc(r, unicode.IsControl) || strings.Contains(r, "*") {
			l.add(badName.at(b.rng(name), "%q is no role: a role is one name of at most %d characters, without * and without spaces at its ends.", r, maxName))
		}
	}
	return out
}

// checkPrincipals finds callers that nothing tells apart.
func (l *loader) checkPrincipals() {
	seen := map[Token]*Principal{}
	for _, p := range l.project.Principals {
		t := p.Token
		at := t.Range
		t.Range = diag.Range{}
		if t == (Token{}) {
			continue
		}
		if first, again := seen[t]; again {
			l.add(badToken.at(at, "Principals %q and %q have one token, so that nothing tells them apart. Give each its own.", first.Name, p.Name))
			continue
		}
		seen[t] = p
	}
}

func (l *loader) fillOAuth(b *body, out *OAuth) {
	*out = OAuth{Issuer: b.str("issuer"), Audience: b.str("audience"), JWKS: b.str("jwks"), Roles: b.str("roles"), Scopes: b.distinct("scopes"), Types: b.nonEmpty("types"), Range: b.header}
	if out.Roles == "" {
		out.Roles = "roles"
	}
	if u, err := url.Parse(out.Issuer); out.Issuer != "" {
		switch {
		case err != nil || u.Opaque != "" || u.Hostname() == "" || u.User != nil || strings.ContainsAny(out.Issuer, "?#") || u.Scheme != "https" && u.Scheme != "http":
			l.add(badToken.at(b.rng("issuer"), "issuer is the https address that stands in the claim iss of its tokens, without a query.").WithSuggestion(b.doc.Attribute("issuer").line()))
		case u.Scheme == "http" && !thisMachine(u.Hostname()):
			l.add(badToken.at(b.rng("issuer"), "An issuer is an https address (RFC 8414); http is taken on this machine only."))
		}
	}
	for _, s := range out.Scopes {
		if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == '"' || r == '\\' || r >= 0x7f }) {
			l.add(badName.at(b.rng("scopes"), "%q is no scope: scopes are single words. Write each as an element of its own.", s))
		}
	}
	l.keys(b, out)
}

// keys checks a JSON Web Key Set as far as to know that it is one, and that it
// holds public keys alone.
func (l *loader) keys(b *body, out *OAuth) {
	if out.JWKS == "" {
		return
	}
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	if err := json.Unmarshal([]byte(out.JWKS), &set); err != nil || len(set.Keys) == 0 {
		l.add(badToken.at(b.rng("jwks"), "jwks is no JSON Web Key Set: an object with the list keys, and at least one key in it.").WithSuggestion(b.doc.Attribute("jwks").line()).Masked())
		out.JWKS = ""
		return
	}
	for i, k := range set.Keys {
		_, private := k["d"]
		_, symmetric := k["k"]
		if kty, _ := k["kty"].(string); private || symmetric || kty == "oct" {
			l.add(secretInFile.at(b.rng("jwks"), "Key %d of jwks is not a public one: whoever reads it can make tokens. Take the public keys of the issuer, and replace this one.", i+1).Masked())
			out.JWKS = ""
			return
		}
	}
}
