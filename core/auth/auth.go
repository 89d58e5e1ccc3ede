// Package auth answers who calls over HTTP: a principal by its bearer token, or
// the subject of an OAuth 2.1 access token that the issuer signed, checked
// without a network against a key set in a file. It is a resource server and
// nothing else: it issues no tokens, and it must never log one, pass one on, or
// take one from a URL. What a principal may do is for core/access to say.
//
// Followed are RFC 6750 (bearer tokens, errors), RFC 9068 (JWT access tokens),
// RFC 8707 (audience), RFC 8725 (JWT best practice) and RFC 9728 (metadata).
//
//	c, err := auth.New(auth.Config{Tokens: tokens, OAuth: &auth.OAuth{Issuer: iss, Audience: url, JWKSFile: path}, Now: clock})
//	mux.Handle(auth.MetadataPath, c.Metadata()); mux.Handle(auth.MetadataPath+"/", c.Metadata())
//	mux.Handle("/mcp", c.Require(surface))
//	// in the surface:
//	principal, ok := auth.From(r.Context())
package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/access"
)

// MaxToken is the longest credential that is looked at, in bytes.
const MaxToken = 16 << 10

// Config says whose credentials are taken.
type Config struct {
	Tokens []Token // of principal blocks; a principal may have several, for rotation
	OAuth  *OAuth  // nil: no access tokens are taken
	// Anonymous is who a request without credentials is, nil: nobody, it is
	// refused. Wrong credentials are refused all the same.
	Anonymous *access.Principal
	// Resource is the URL that clients know this server by, for the metadata
	// document; default OAuth.Audience, when that is a URL.
	Resource string
	Now      func() time.Time
	// Getenv looks up Token.Env; default os.LookupEnv.
	Getenv func(string) (string, bool)
	// Failures is how many wrong credentials one address may send within a minute,
	// 0 is 20. Then it is refused unheard, save with a token that was good before.
	Failures int
	// Judged is told the outcome of every request in one word, for metrics: token,
	// oauth, anonymous, or a Code; optional.
	Judged func(outcome string)
	// Warn is told when a file cannot be read again, and what was read before
	// stays in force; optional. The error holds no secret.
	Warn func(error)
}

// Code is why a request was refused.
type Code string

// The codes. The first three are those of RFC 6750, section 3.1.
const (
	InvalidRequest    Code = "invalid_request"    // 400: a credential in a form that is not taken
	InvalidToken      Code = "invalid_token"      // 401
	InsufficientScope Code = "insufficient_scope" // 403
	Missing           Code = "missing"            // 401: no credential
	TooMany           Code = "too_many_failures"  // 429
)

// Refusal says why, in words that are safe to show to the caller.
type Refusal struct {
	Code   Code
	Reason string
	After  time.Duration // with TooMany: when to come back
}

func (r *Refusal) Error() string { return r.Reason }

// Checker judges credentials. It may be used by many goroutines.
type Checker struct {
	config Config
	tokens *tokens
	oauth  *verifier // nil without OAuth
	limit  *limiter
	about  about
}

// New reads every token and key that the configuration names, and says what is
// wrong with all of them together.
func New(c Config) (*Checker, error) {
	if c.Now == nil {
		return nil, errors.New("auth needs a clock")
	}
	if c.Getenv == nil {
		c.Getenv = os.LookupEnv
	}
	if c.Failures <= 0 {
		c.Failures = 20
	}
	out := &Checker{config: c, limit: newLimiter(c.Failures)}
	var errs []error
	var err error
	if out.tokens, err = newTokens(c); err != nil {
		errs = append(errs, err)
	}
	if c.OAuth != nil {
		if out.oauth, err = newVerifier(*c.OAuth, c); err != nil {
			errs = append(errs, err)
		}
	}
	if out.about, err = newAbout(c); err != nil {
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return out, nil
}

type principalKey struct{}

// With puts a principal into a context: what Require does, and what stdio needs.
func With(ctx context.Context, p access.Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// From is the principal of a request that Require let through.
func From(ctx context.Context) (access.Principal, bool) {
	p, ok := ctx.Value(principalKey{}).(access.Principal)
	return p, ok
}

// Require lets through who proved who they are. The handler finds the principal
// by From; the credential is gone from its request, so that nothing can pass it
// on.
func (c *Checker) Require(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, refusal := c.Check(r)
		if refusal != nil {
			c.judged(string(refusal.Code))
			c.refuse(w, refusal)
			return
		}
		r = r.WithContext(With(r.Context(), p))
		r.Header = r.Header.Clone()
		r.Header.Del("Authorization")
		next.ServeHTTP(w, r)
	})
}

func (c *Checker) judged(outcome string) {
	if c.config.Judged != nil {
		c.config.Judged(outcome)
	}
}

// Check judges the credential of a request. It does not change the request.
func (c *Checker) Check(r *http.Request) (access.Principal, *Refusal) {
	token, present, refusal := credential(r)
	if refusal != nil {
		return access.Principal{}, refusal
	}
	if !present {
		if c.config.Anonymous != nil {
			c.judged("anonymous")
			return *c.config.Anonymous, nil
		}
		return access.Principal{}, &Refusal{Code: Missing, Reason: "this server wants a bearer token: send Authorization: Bearer TOKEN"}
	}
	now, from := c.config.Now(), address(r.RemoteAddr)
	digest := sum(token)
	if after, ok := c.limit.allow(from, digest, now); !ok {
		return access.Principal{}, &Refusal{Code: TooMany, After: after, Reason: "too many wrong credentials came from this address: wait, then try again"}
	}
	p, refusal := c.verify(token, digest, now)
	if refusal != nil && refusal.Code == InvalidToken {
		c.limit.failed(from, now)
	}
	if refusal != nil {
		return access.Principal{}, refusal
	}
	c.limit.proved(digest, now)
	c.judged(p.Kind)
	return p, nil
}

func (c *Checker) verify(token string, digest [32]byte, now time.Time) (access.Principal, *Refusal) {
	if p, ok := c.tokens.find(digest, now); ok {
		return p, nil
	}
	if c.oauth != nil && strings.Count(token, ".") == 2 {
		return c.oauth.verify(token, now)
	}
	return access.Principal{}, &Refusal{Code: InvalidToken, Reason: "the token is not known here"}
}

// credential reads the one bearer token of a request.
func credential(r *http.Request) (token string, present bool, refusal *Refusal) {
	bad := func(format string, a ...any) (string, bool, *Refusal) {
		return "", false, &Refusal{Code: InvalidRequest, Reason: fmt.Sprintf(format, a...)}
	}
	// RFC 6750, section 2.3, allows it and advises against it; OAuth 2.1 forbids it:
	// URLs end up in logs.
	if r.URL != nil && strings.Contains(r.URL.RawQuery, "access_token") && r.URL.Query().Has("access_token") {
		return bad("a token in the URL is not taken, and whoever reads a log can now use this one: change it, and send the next as Authorization: Bearer TOKEN")
	}
	values := r.Header.Values("Authorization")
	switch {
	case len(values) == 0:
		return "", false, nil
	case len(values) > 1:
		return bad("the request has %d Authorization headers: send one", len(values))
	case len(values[0]) > MaxToken+len("Bearer "):
		return bad("the credential is longer than %d bytes", MaxToken)
	}
	scheme, token, found := strings.Cut(values[0], " ")
	token = strings.Trim(token, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return bad("this server takes bearer tokens only: send Authorization: Bearer TOKEN")
	}
	if !found || !isToken(token) {
		return bad("the Authorization header carries no bearer token (letters, digits and -._~+/ only)")
	}
	return token, true, nil
}

// isToken tells whether s is a b64token of RFC 6750, section 2.1.
func isToken(s string) bool {
	s = strings.TrimRight(s, "=")
	if s == "" {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~+/", c) >= 0) {
			return false
		}
	}
	return true
}

// refuse answers a request that was not let through.
func (c *Checker) refuse(w http.ResponseWriter, r *Refusal) {
	status := http.StatusUnauthorized
	switch r.Code {
	case InvalidRequest:
		status = http.StatusBadRequest
	case InsufficientScope:
		status = http.StatusForbidden
	case TooMany:
		status = http.StatusTooManyRequests
		w.Header().Set("Retry-After", fmt.Sprint(int64(max(r.After, time.Second)+time.Second-1)/int64(time.Second)))
	}
	if r.Code != TooMany {
		w.Header().Set("WWW-Authenticate", c.challenge(r))
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// The client is gone when this fails, and there is nobody to tell.
	_ = json.NewEncoder(w).Encode(map[string]string{"error": string(r.Code), "error_description": r.Reason})
}

// challenge is the WWW-Authenticate header. A request without a credential gets
// no error code (RFC 6750, section 3.1).
func (c *Checker) challenge(r *Refusal) string {
	parts := []string{`realm="plimsoll"`}
	if c.about.url != "" {
		parts = append(parts, quoted("resource_metadata", c.about.url))
	}
	if c.oauth != nil && len(c.oauth.Scopes) > 0 {
		parts = append(parts, quoted("scope", strings.Join(c.oauth.Scopes, " ")))
	}
	if r.Code != Missing {
		parts = append(parts, quoted("error", string(r.Code)), quoted("error_description", r.Reason))
	}
	return "Bearer " + strings.Join(parts, ", ")
}

// quoted keeps what a quoted-string of a header can carry.
func quoted(name, value string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r == '"' || r == '\\':
			return '\''
		case r < 0x20 || r > 0x7e:
			return '?'
		}
		return r
	}, value)
	return name + `="` + clean + `"`
}
