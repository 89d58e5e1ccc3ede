package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"

	"github.com/plimsoll-dev/plimsoll/core/access"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// The bounds of what a token may say.
const (
	maxRoles   = 128
	maxName    = 256 // bytes of a subject or role
	skewLength = 30 * time.Second
)

// algorithms are the signatures that are taken: all asymmetric. "none" and the
// HMACs are not among them, so that a public key never serves as a secret.
var algorithms = []jose.SignatureAlgorithm{
	jose.ES256, jose.ES384, jose.ES512, jose.EdDSA, jose.PS256, jose.PS384, jose.PS512, jose.RS256, jose.RS384, jose.RS512,
}

// OAuth says whose access tokens are taken and what they must say.
type OAuth struct {
	Issuer   string // claim iss, compared as text
	Audience string // claim aud: this server, compared as text, and nobody beside it
	// JWKSFile is the file with the issuer's public keys, read again when it
	// changes; JWKS is its content, when it comes from elsewhere. One is set.
	JWKSFile string
	JWKS     []byte
	Roles    string   // claim with the roles, or a path of members "realm_access.roles"; default "roles"
	Scopes   []string // each must be in the claim scope (or scp)
	Scope    string   // the tenant of its principals
	// Types are the values of the header typ that are taken; default at+jwt
	// (RFC 9068). An issuer that writes "JWT" there must be named here: its id
	// tokens say the same, and only the audience keeps them apart.
	Types []string
}

type verifier struct {
	OAuth
	watch *watched // nil when the keys are fixed

	mu   sync.RWMutex
	keys keySet
}

func newVerifier(o OAuth, c Config) (*verifier, error) {
	v := &verifier{OAuth: o}
	var errs []error
	if o.Issuer == "" || o.Audience == "" {
		errs = append(errs, errors.New("oauth needs an issuer and an audience"))
	}
	if o.Roles == "" {
		v.Roles = "roles"
	}
	if len(o.Types) == 0 {
		v.Types = []string{"at+jwt"}
	}
	raw := o.JWKS
	if o.JWKSFile != "" {
		v.watch = &watched{path: o.JWKSFile, max: maxJWKS, warn: c.Warn}
		var err error
		if raw, err = v.watch.read(c.Now()); err != nil {
			return nil, errors.Join(append(errs, fmt.Errorf("the key set of oauth: %w", err))...)
		}
	}
	keys, err := parseKeys(raw)
	if err != nil {
		errs = append(errs, fmt.Errorf("oauth: %w", err))
	}
	v.keys = keys
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return v, nil
}

func (v *verifier) current(now time.Time) keySet {
	if v.watch != nil {
		if raw, changed := v.watch.changed(now); changed {
			if keys, err := parseKeys(raw); err != nil {
				v.watch.complain(fmt.Errorf("the file %s: %w; the keys read before stay in force", v.JWKSFile, err))
			} else {
				v.mu.Lock()
				v.keys = keys
				v.mu.Unlock()
			}
		}
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.keys
}

func refused(format string, a ...any) *Refusal {
	return &Refusal{Code: InvalidToken, Reason: fmt.Sprintf(format, a...)}
}

// verify checks a JWT access token. The signature comes first: nothing of the
// claims is looked at before it holds.
func (v *verifier) verify(token string, now time.Time) (access.Principal, *Refusal) {
	jws, err := jose.ParseSignedCompact(token, algorithms)
	if err != nil || len(jws.Signatures) != 1 {
		return access.Principal{}, refused("the token is no signed JWT by an algorithm that is taken here")
	}
	h := jws.Signatures[0].Protected
	if h.JSONWebKey != nil || h.ExtraHeaders["jku"] != nil || h.ExtraHeaders["x5u"] != nil || h.ExtraHeaders["crit"] != nil || h.ExtraHeaders["b64"] != nil {
		return access.Principal{}, refused("the token brings a key or an extension of its own, which is not taken")
	}
	if typ, _ := h.ExtraHeaders[jose.HeaderType].(string); !v.isType(typ) {
		return access.Principal{}, refused("the token is no access token: its typ is not %s", strings.Join(v.Types, " or "))
	}
	k, err := v.current(now).find(h.KeyID, h.Algorithm)
	if err != nil {
		return access.Principal{}, refused("%s", err)
	}
	payload, err := jws.Verify(k.public)
	if err != nil {
		return access.Principal{}, refused("the signature of the token does not hold")
	}
	return v.judge(payload, now)
}

// isType compares as RFC 7515 section 4.1.9 says: without case, "application/"
// may be left out.
func (v *verifier) isType(typ string) bool {
	typ = strings.TrimPrefix(strings.ToLower(typ), "application/")
	return slices.ContainsFunc(v.Types, func(t string) bool { return strings.ToLower(t) == typ })
}

// claims are the members of a JWT, by their exact names.
type claims map[string]json.RawMessage

func (v *verifier) judge(payload []byte, now time.Time) (access.Principal, *Refusal) {
	// canonjson refuses what two readers could read in two ways: duplicate
	// members, text that is not UTF-8.
	canonical, err := canonjson.Transform(payload)
	var c claims
	if err != nil || json.Unmarshal(canonical, &c) != nil || c == nil {
		return access.Principal{}, refused("the claims of the token are no JSON object, or one claim stands there twice")
	}
	if iss, ok := c.text("iss"); !ok || iss != v.Issuer {
		return access.Principal{}, refused("the token is of another issuer")
	}
	if aud, ok := c.list("aud"); !ok || len(aud) != 1 || aud[0] != v.Audience {
		return access.Principal{}, refused("the token is not for this server alone: its audience must be %s", v.Audience)
	}
	if r := c.inTime(now); r != nil {
		return access.Principal{}, r
	}
	name, ok := c.text("sub")
	if !ok || !isName(name) {
		return access.Principal{}, refused("the token names no subject")
	}
	roles, ok := c.roles(v.Roles)
	if !ok {
		return access.Principal{}, refused("the claim with the roles is no text or list of texts")
	}
	if missing := c.missing(v.Scopes); len(missing) > 0 {
		return access.Principal{}, &Refusal{Code: InsufficientScope, Reason: "the token lacks the scope " + strings.Join(missing, " ")}
	}
	return access.Principal{Name: name, Roles: roles, Scope: v.Scope, Kind: access.KindOAuth}, nil
}

// inTime checks exp (required), nbf and iat, with a little room for clocks that
// differ.
func (c claims) inTime(now time.Time) *Refusal {
	exp, ok := c.moment("exp")
	if !ok || exp.IsZero() {
		return refused("the token does not say when it ends")
	}
	if !now.Before(exp.Add(skewLength)) {
		return refused("the token has expired")
	}
	for _, claim := range []string{"nbf", "iat"} {
		at, ok := c.moment(claim)
		if !ok {
			return refused("the claim %s of the token is no time", claim)
		}
		if !at.IsZero() && now.Add(skewLength).Before(at) {
			return refused("the token is not valid yet")
		}
	}
	return nil
}

func (c claims) text(name string) (string, bool) {
	var s string
	raw, ok := c[name]
	return s, ok && decode(raw, &s) && s != ""
}

func decode(raw json.RawMessage, to *string) bool {
	return len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, to) == nil
}

// list reads a text, or a list of texts.
func (c claims) list(name string) ([]string, bool) {
	raw, ok := c[name]
	if !ok {
		return nil, false
	}
	return texts(raw)
}

func texts(raw json.RawMessage) ([]string, bool) {
	var one string
	if decode(raw, &one) {
		return []string{one}, true
	}
	var items []json.RawMessage
	if len(raw) == 0 || raw[0] != '[' || json.Unmarshal(raw, &items) != nil {
		return nil, false
	}
	out := make([]string, len(items))
	for i, item := range items {
		if !decode(item, &out[i]) {
			return nil, false
		}
	}
	return out, true
}

// moment reads a NumericDate (RFC 7519, section 2). The zero time is none; ok is
// false for what is no time.
func (c claims) moment(name string) (at time.Time, ok bool) {
	raw, there := c[name]
	if !there {
		return time.Time{}, true
	}
	var seconds float64
	if bytes.Equal(raw, []byte("null")) || json.Unmarshal(raw, &seconds) != nil || seconds < 1 || seconds > 253402300799 {
		return time.Time{}, false
	}
	whole := int64(seconds)
	return time.Unix(whole, int64((seconds-float64(whole))*1e9)).UTC(), true
}

// roles finds the claim by its whole name first, because names that are URLs
// have dots, then as a path of members.
func (c claims) roles(path string) ([]string, bool) {
	raw, there := c[path]
	if !there {
		at := c
		parts := strings.Split(path, ".")
		for i, part := range parts {
			if raw, there = at[part]; !there {
				return nil, true
			}
			if i == len(parts)-1 {
				break
			}
			var next claims
			if json.Unmarshal(raw, &next) != nil || next == nil {
				return nil, false
			}
			at = next
		}
	}
	if bytes.Equal(raw, []byte("null")) {
		return nil, true
	}
	list, ok := texts(raw)
	if !ok {
		return nil, false
	}
	if len(list) == 1 && raw[0] == '"' {
		list = strings.Fields(list[0]) // "a b", as scope is written
	}
	if len(list) > maxRoles || slices.ContainsFunc(list, func(r string) bool { return !isName(r) }) {
		return nil, false
	}
	return list, true
}

// missing are the scopes that are wanted and not there.
func (c claims) missing(wanted []string) []string {
	var granted []string
	for _, claim := range []string{"scope", "scp"} {
		if list, ok := c.list(claim); ok {
			for _, s := range list {
				granted = append(granted, strings.Fields(s)...)
			}
		}
	}
	var out []string
	for _, s := range wanted {
		if !slices.Contains(granted, s) {
			out = append(out, s)
		}
	}
	return out
}

// isName keeps names out that would spoil a log or a page.
func isName(s string) bool {
	return s != "" && len(s) <= maxName && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) })
}
