package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/plimsoll-dev/plimsoll/core/access"
)

const (
	issuer   = "https://id.example.com"
	audience = "https://plimsoll.example.com/mcp"
	secretA  = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	secretB  = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

var start = time.Date(2026, 7, 2, 12, 0, 0, 0, time.UTC)

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.at }
func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// keys are made once: RSA takes its time.
var keys = sync.OnceValue(func() (k struct {
	ec, ec2 *ecdsa.PrivateKey
	rsa     *rsa.PrivateKey
	ed      ed25519.PrivateKey
}) {
	k.ec, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	k.ec2, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	k.rsa, _ = rsa.GenerateKey(rand.Reader, 2048)
	_, k.ed, _ = ed25519.GenerateKey(rand.Reader)
	return k
})

func set(t testing.TB, list ...jose.JSONWebKey) []byte {
	t.Helper()
	raw, err := json.Marshal(jose.JSONWebKeySet{Keys: list})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func standardSet(t testing.TB) []byte {
	k := keys()
	return set(t,
		jose.JSONWebKey{Key: k.ec.Public(), KeyID: "ec", Use: "sig", Algorithm: "ES256"},
		jose.JSONWebKey{Key: k.rsa.Public(), KeyID: "rsa", Use: "sig"},
		jose.JSONWebKey{Key: k.ed.Public(), KeyID: "ed", Use: "sig"})
}

type members = map[string]any

func good() members {
	return members{"iss": issuer, "aud": audience, "sub": "user-7", "exp": start.Add(time.Hour).Unix(), "iat": start.Unix(), "scope": "mcp other", "roles": []string{"engineer"}}
}

func with(change members) members {
	c := good()
	for k, v := range change {
		if v == nil {
			delete(c, k)
		} else {
			c[k] = v
		}
	}
	return c
}

// mint signs raw claims under any header.
func mint(t testing.TB, alg jose.SignatureAlgorithm, key any, kid string, header members, claims []byte) string {
	t.Helper()
	o := (&jose.SignerOptions{}).WithType("at+jwt")
	if kid != "" {
		o = o.WithHeader("kid", kid)
	}
	for k, v := range header {
		o = o.WithHeader(jose.HeaderKey(k), v)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, o)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := s.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	token, err := sig.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func checker(t testing.TB, c *clock, change func(*Config)) *Checker {
	t.Helper()
	config := Config{
		Tokens: []Token{
			{Principal: "ci", Roles: []string{"builder"}, SHA256: Digest(secretA)},
			{Principal: "lead", Roles: []string{"lead"}, Env: "LEAD"},
		},
		OAuth:  &OAuth{Issuer: issuer, Audience: audience, JWKS: standardSet(t), Scopes: []string{"mcp"}},
		Now:    c.now,
		Getenv: func(name string) (string, bool) { return secretB, name == "LEAD" },
	}
	if change != nil {
		change(&config)
	}
	out, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func request(authorization ...string) *http.Request {
	r := httptest.NewRequest("POST", audience, strings.NewReader("{}"))
	for _, a := range authorization {
		r.Header.Add("Authorization", a)
	}
	return r
}

func TestTokensOfPrincipals(t *testing.T) {
	c := checker(t, &clock{at: start}, nil)
	for _, tc := range []struct {
		name   string
		header []string
		who    string
		code   Code
	}{
		{"by digest", []string{"Bearer " + secretA}, "ci", ""},
		{"by environment", []string{"Bearer " + secretB}, "lead", ""},
		{"scheme in any case", []string{"bEaReR " + secretA}, "ci", ""},
		{"spaces around", []string{"Bearer   " + secretA + " "}, "ci", ""},
		{"none", nil, "", Missing},
		{"wrong", []string{"Bearer " + secretA + "x"}, "", InvalidToken},
		{"prefix", []string{"Bearer " + secretA[:31]}, "", InvalidToken},
		{"two headers", []string{"Bearer " + secretA, "Bearer " + secretA}, "", InvalidRequest},
		{"two tokens", []string{"Bearer " + secretA + ", Bearer " + secretB}, "", InvalidRequest},
		{"basic", []string{"Basic " + secretA}, "", InvalidRequest},
		{"no token", []string{"Bearer"}, "", InvalidRequest},
		{"empty", []string{""}, "", InvalidRequest},
		{"only padding", []string{"Bearer ==="}, "", InvalidRequest},
		{"huge", []string{"Bearer " + strings.Repeat("a", MaxToken+1)}, "", InvalidRequest},
		{"as large as may be", []string{"Bearer " + strings.Repeat("a", MaxToken)}, "", InvalidToken},
		{"control characters", []string{"Bearer a\tb"}, "", InvalidRequest},
		{"the digest is no token", []string{"Bearer " + Digest(secretA)}, "", InvalidToken},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, refusal := c.Check(request(tc.header...))
			if tc.code == "" {
				if refusal != nil || p.Name != tc.who || p.Kind != access.KindToken {
					t.Fatalf("got %+v, %v", p, refusal)
				}
				return
			}
			if refusal == nil || refusal.Code != tc.code || p.Name != "" {
				t.Fatalf("got %+v, %v; want %s", p, refusal, tc.code)
			}
		})
	}
}

func TestTokenInTheURLIsRefused(t *testing.T) {
	c := checker(t, &clock{at: start}, func(c *Config) { c.Anonymous = &access.Principal{Name: "local", Kind: access.KindLocal} })
	r := httptest.NewRequest("GET", audience+"?access_token="+secretA, nil)
	if p, refusal := c.Check(r); refusal == nil || refusal.Code != InvalidRequest {
		t.Fatalf("got %+v, %v", p, refusal)
	}
}

func TestAnonymous(t *testing.T) {
	c := checker(t, &clock{at: start}, func(c *Config) { c.Anonymous = &access.Principal{Name: "local", Kind: access.KindLocal} })
	if p, refusal := c.Check(request()); refusal != nil || p.Name != "local" {
		t.Fatalf("got %+v, %v", p, refusal)
	}
	// Wrong credentials do not become none.
	if p, refusal := c.Check(request("Bearer wrongwrongwrongwrong")); refusal == nil || refusal.Code != InvalidToken {
		t.Fatalf("got %+v, %v", p, refusal)
	}
}

func TestAccessTokens(t *testing.T) {
	k := keys()
	ec := func(claims members) string { return mint(t, jose.ES256, k.ec, "ec", nil, encode(t, claims)) }
	hmacWithPublicKey := func() string {
		// The classic confusion: the RSA public key as an HMAC secret.
		n := k.rsa.PublicKey.N.Bytes()
		return mint(t, jose.HS256, n, "rsa", nil, encode(t, good()))
	}
	unsigned := func(alg string) string {
		return b64(fmt.Sprintf(`{"alg":%q,"typ":"at+jwt","kid":"ec"}`, alg)) + "." + b64(string(encode(t, good()))) + "."
	}
	tampered := func() string {
		parts := strings.Split(ec(good()), ".")
		return parts[0] + "." + b64(string(encode(t, with(members{"sub": "root"})))) + "." + parts[2]
	}
	for _, tc := range []struct {
		name  string
		token string
		code  Code
		says  string
	}{
		{"ES256", ec(good()), "", ""},
		{"RS256", mint(t, jose.RS256, k.rsa, "rsa", nil, encode(t, good())), "", ""},
		{"PS512", mint(t, jose.PS512, k.rsa, "rsa", nil, encode(t, good())), "", ""},
		{"EdDSA", mint(t, jose.EdDSA, k.ed, "ed", nil, encode(t, good())), "", ""},
		{"typ with application/", mint(t, jose.ES256, k.ec, "ec", members{"typ": "application/AT+JWT"}, encode(t, good())), "", ""},
		{"audience as a list", ec(with(members{"aud": []string{audience}})), "", ""},
		{"scope as scp list", ec(with(members{"scope": nil, "scp": []string{"mcp"}})), "", ""},
		{"no kid, one key fits", mint(t, jose.EdDSA, k.ed, "", nil, encode(t, good())), "", ""},
		{"expired within the skew", ec(with(members{"exp": start.Add(-20 * time.Second).Unix()})), "", ""},
		{"fraction of a second", ec(with(members{"exp": float64(start.Unix()) + 0.5})), "", ""},

		{"expired", ec(with(members{"exp": start.Add(-time.Minute).Unix()})), InvalidToken, "expired"},
		{"expires at the end of the skew", ec(with(members{"exp": start.Add(-30 * time.Second).Unix()})), InvalidToken, "expired"},
		{"no end", ec(with(members{"exp": nil})), InvalidToken, "when it ends"},
		{"end is text", ec(with(members{"exp": "tomorrow"})), InvalidToken, "when it ends"},
		{"end is null", mint(t, jose.ES256, k.ec, "ec", nil, []byte(`{"iss":"`+issuer+`","aud":"`+audience+`","sub":"a","exp":null}`)), InvalidToken, "when it ends"},
		{"end overflows", ec(with(members{"exp": 1e300})), InvalidToken, "when it ends"},
		{"not valid yet", ec(with(members{"nbf": start.Add(time.Minute).Unix()})), InvalidToken, "not valid yet"},
		{"of the future", ec(with(members{"iat": start.Add(time.Hour).Unix()})), InvalidToken, "not valid yet"},
		{"nbf is text", ec(with(members{"nbf": "x"})), InvalidToken, "no time"},
		{"other issuer", ec(with(members{"iss": issuer + "/"})), InvalidToken, "another issuer"},
		{"issuer as a list", ec(with(members{"iss": []string{issuer}})), InvalidToken, "another issuer"},
		{"no issuer", ec(with(members{"iss": nil})), InvalidToken, "another issuer"},
		{"issuer in another case", ec(with(members{"iss": nil, "ISS": issuer})), InvalidToken, "another issuer"},
		{"other audience", ec(with(members{"aud": "https://other.example.com"})), InvalidToken, "not for this server"},
		{"audience beside others", ec(with(members{"aud": []string{audience, "https://other.example.com"}})), InvalidToken, "not for this server"},
		{"audience is a prefix", ec(with(members{"aud": audience + "/x"})), InvalidToken, "not for this server"},
		{"no audience", ec(with(members{"aud": nil})), InvalidToken, "not for this server"},
		{"empty audience", ec(with(members{"aud": []string{}})), InvalidToken, "not for this server"},
		{"no subject", ec(with(members{"sub": nil})), InvalidToken, "no subject"},
		{"subject with a line break", ec(with(members{"sub": "a\nb"})), InvalidToken, "no subject"},
		{"subject is a number", ec(with(members{"sub": 7})), InvalidToken, "no subject"},
		{"subject too long", ec(with(members{"sub": strings.Repeat("a", 300)})), InvalidToken, "no subject"},
		{"roles are numbers", ec(with(members{"roles": []int{1}})), InvalidToken, "roles"},
		{"roles are an object", ec(with(members{"roles": members{"a": true}})), InvalidToken, "roles"},
		{"too many roles", ec(with(members{"roles": slices.Repeat([]string{"a"}, 200)})), InvalidToken, "roles"},
		{"scope missing", ec(with(members{"scope": "other"})), InsufficientScope, "lacks the scope mcp"},
		{"scope is a part of another", ec(with(members{"scope": "mcp:read"})), InsufficientScope, "lacks the scope mcp"},
		{"no scope", ec(with(members{"scope": nil})), InsufficientScope, "lacks the scope mcp"},

		{"id token", mint(t, jose.ES256, k.ec, "ec", members{"typ": "JWT"}, encode(t, good())), InvalidToken, "no access token"},
		{"none", unsigned("none"), InvalidToken, "algorithm"},
		{"None", unsigned("None"), InvalidToken, "algorithm"},
		{"no algorithm", unsigned(""), InvalidToken, "algorithm"},
		{"HMAC with the public key", hmacWithPublicKey(), InvalidToken, "algorithm"},
		{"another key under a known kid", mint(t, jose.ES256, k.ec2, "ec", nil, encode(t, good())), InvalidToken, "signature"},
		{"unknown kid", mint(t, jose.ES256, k.ec, "gone", nil, encode(t, good())), InvalidToken, "key that is not known"},
		{"kid of another kind of key", mint(t, jose.ES256, k.ec, "rsa", nil, encode(t, good())), InvalidToken, "algorithm is not that of its key"},
		{"tampered", tampered(), InvalidToken, "signature"},
		{"brings its own key by URL", mint(t, jose.ES256, k.ec, "ec", members{"jku": "https://evil.example"}, encode(t, good())), InvalidToken, "of its own"},
		{"duplicate claim", mint(t, jose.ES256, k.ec, "ec", nil, []byte(`{"iss":"`+issuer+`","aud":"`+audience+`","sub":"a","sub":"root","exp":9999999999,"scope":"mcp"}`)), InvalidToken, "twice"},
		{"duplicate header", b64(`{"alg":"ES256","alg":"none","typ":"at+jwt"}`) + "." + b64("{}") + ".AAAA", InvalidToken, "algorithm"},
		{"claims are a list", mint(t, jose.ES256, k.ec, "ec", nil, []byte(`[]`)), InvalidToken, "no JSON object"},
		{"claims are null", mint(t, jose.ES256, k.ec, "ec", nil, []byte(`null`)), InvalidToken, "no JSON object"},
		{"claims are no JSON", mint(t, jose.ES256, k.ec, "ec", nil, []byte(`{`)), InvalidToken, "no JSON object"},
		{"garbage with two dots", "a.b.c", InvalidToken, "no signed JWT"},
		{"encrypted", "a.b.c.d.e", InvalidToken, "not known here"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := checker(t, &clock{at: start}, nil)
			p, refusal := c.Check(request("Bearer " + tc.token))
			if tc.code == "" {
				if refusal != nil || p.Name != "user-7" || p.Kind != access.KindOAuth || !slices.Equal(p.Roles, []string{"engineer"}) {
					t.Fatalf("got %+v, %v", p, refusal)
				}
				return
			}
			if refusal == nil || refusal.Code != tc.code || !strings.Contains(refusal.Reason, tc.says) {
				t.Fatalf("got %+v, %v; want %s, %q", p, refusal, tc.code, tc.says)
			}
			if strings.Contains(refusal.Reason, tc.token) {
				t.Error("the refusal repeats the token")
			}
		})
	}
}

func TestEmbeddedKeyIsNotBelieved(t *testing.T) {
	k := keys()
	o := (&jose.SignerOptions{EmbedJWK: true}).WithType("at+jwt")
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: k.ec2}, o)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := s.Sign(encode(t, good()))
	if err != nil {
		t.Fatal(err)
	}
	token, err := sig.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	if p, refusal := checker(t, &clock{at: start}, nil).Check(request("Bearer " + token)); refusal == nil {
		t.Fatalf("a token that brought its own key made %+v", p)
	}
}

func TestRolesClaim(t *testing.T) {
	for _, tc := range []struct {
		path   string
		claims members
		want   []string
		bad    bool
	}{
		{"", members{"roles": "one two"}, []string{"one", "two"}, false},
		{"", members{"roles": []string{"with space"}}, []string{"with space"}, false},
		{"", members{"roles": nil}, nil, false},
		{"realm_access.roles", members{"realm_access": members{"roles": []string{"a", "b"}}}, []string{"a", "b"}, false},
		{"realm_access.roles", members{"realm_access": members{}}, nil, false},
		{"realm_access.roles", members{"realm_access": "flat"}, nil, true},
		{"https://example.com/roles", members{"https://example.com/roles": []string{"url"}}, []string{"url"}, false},
		{"a.b.c", members{"a": members{"b": members{"c": "deep"}}}, []string{"deep"}, false},
	} {
		c := checker(t, &clock{at: start}, func(c *Config) { c.OAuth.Roles = tc.path })
		p, refusal := c.Check(request("Bearer " + mint(t, jose.ES256, keys().ec, "ec", nil, encode(t, with(tc.claims)))))
		if tc.bad != (refusal != nil) {
			t.Errorf("%s %v: %v", tc.path, tc.claims, refusal)
		}
		if !tc.bad && !slices.Equal(p.Roles, tc.want) {
			t.Errorf("%s: roles %v, want %v", tc.path, p.Roles, tc.want)
		}
	}
}

func TestKeySets(t *testing.T) {
	k := keys()
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	pub := func(key crypto.PublicKey, id string) jose.JSONWebKey {
		return jose.JSONWebKey{Key: key, KeyID: id, Use: "sig"}
	}
	many := make([]jose.JSONWebKey, maxKeys+1)
	for i := range many {
		many[i] = pub(k.ec.Public(), fmt.Sprint(i))
	}
	for _, tc := range []struct {
		name string
		raw  []byte
		says string
	}{
		{"good", standardSet(t), ""},
		{"unknown kinds are passed over", []byte(`{"keys":[{"kty":"PQ","kid":"x"},` + string(encode(t, pub(k.ec.Public(), "a"))) + `]}`), ""},
		{"encryption keys are passed over", set(t, jose.JSONWebKey{Key: k.ec.Public(), KeyID: "enc", Use: "enc"}, pub(k.ed.Public(), "a")), ""},
		{"small RSA", set(t, pub(small.Public(), "a")), "1024 bits"},
		{"shared secret", []byte(`{"keys":[{"kty":"oct","k":"c2VjcmV0c2VjcmV0c2VjcmV0"}]}`), "shared secret"},
		{"private key", set(t, jose.JSONWebKey{Key: k.ec, KeyID: "a"}), "private key"},
		{"one kid twice", set(t, pub(k.ec.Public(), "a"), pub(k.ec2.Public(), "a")), "which an earlier one has"},
		{"none", []byte(`{"keys":[]}`), "no key that can check"},
		{"no set", []byte(`[]`), "no JSON Web Key Set"},
		{"too many", set(t, many...), "at most 64"},
		{"too large", []byte(`{"keys":[],"x":"` + strings.Repeat("a", maxJWKS) + `"}`), "at most 262144"},
		{"point off the curve", []byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE","y":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"}]}`), "key 1"},
	} {
		_, err := parseKeys(tc.raw)
		if tc.says == "" && err != nil || tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says)) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.says)
		}
	}
}

func TestKeyFileIsReadAgain(t *testing.T) {
	k, at := keys(), &clock{at: start}
	path := filepath.Join(t.TempDir(), "jwks.json")
	write := func(raw []byte, age time.Duration) {
		t.Helper()
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		// The times of files may be coarse.
		if err := os.Chtimes(path, start.Add(age), start.Add(age)); err != nil {
			t.Fatal(err)
		}
	}
	write(set(t, jose.JSONWebKey{Key: k.ec.Public(), KeyID: "one"}), 0)
	var warned []error
	c := checker(t, at, func(c *Config) {
		c.OAuth.JWKS, c.OAuth.JWKSFile = nil, path
		c.Warn = func(err error) { warned = append(warned, err) }
	})
	one := "Bearer " + mint(t, jose.ES256, k.ec, "one", nil, encode(t, good()))
	two := "Bearer " + mint(t, jose.ES256, k.ec2, "two", nil, encode(t, good()))
	expect := func(header string, ok bool) {
		t.Helper()
		if _, refusal := c.Check(request(header)); (refusal == nil) != ok {
			t.Fatalf("got %v, want ok %v", refusal, ok)
		}
	}
	expect(one, true)
	expect(two, false)
	write(set(t, jose.JSONWebKey{Key: k.ec.Public(), KeyID: "one"}, jose.JSONWebKey{Key: k.ec2.Public(), KeyID: "two"}), time.Minute)
	expect(two, false) // it is looked at once a second
	at.pass(2 * time.Second)
	expect(two, true)
	write([]byte("{"), 2*time.Minute)
	at.pass(2 * time.Second)
	expect(two, true)
	if len(warned) != 1 || !strings.Contains(warned[0].Error(), "stay in force") {
		t.Fatalf("warned %v", warned)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	at.pass(2 * time.Second)
	expect(one, true)
	at.pass(2 * time.Second)
	expect(one, true)
	if len(warned) != 2 {
		t.Fatalf("a file that is gone is told once, not %d times: %v", len(warned)-1, warned)
	}
	write(set(t, jose.JSONWebKey{Key: k.ec2.Public(), KeyID: "two"}), 3*time.Minute)
	at.pass(2 * time.Second)
	expect(one, false)
	expect(two, true)
}

func TestTokenRotation(t *testing.T) {
	at, path := &clock{at: start}, filepath.Join(t.TempDir(), "token")
	write := func(text string, age time.Duration) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, start.Add(age), start.Add(age)); err != nil {
			t.Fatal(err)
		}
	}
	write(secretA+"\n", 0)
	c := checker(t, at, func(c *Config) { c.Tokens = []Token{{Principal: "ci", File: path}} })
	ok := func(token string) bool { _, refusal := c.Check(request("Bearer " + token)); return refusal == nil }
	if !ok(secretA) || ok(secretB) {
		t.Fatal("the first token")
	}
	write(secretA+"\n"+secretB+"\n", time.Minute)
	at.pass(2 * time.Second)
	if !ok(secretA) || !ok(secretB) {
		t.Fatal("both tokens hold while they change")
	}
	write(secretB+"\n", 2*time.Minute)
	at.pass(2 * time.Second)
	if ok(secretA) || !ok(secretB) {
		t.Fatal("the old token must be gone")
	}
}

func TestConfigurationsThatAreRefused(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, []byte(strings.Repeat("a", 5*(MaxToken+2))), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name  string
		token []Token
		says  string
	}{
		{"short", []Token{{Principal: "a", Env: "SHORT"}}, "at least 16"},
		{"unset", []Token{{Principal: "a", Env: "UNSET"}}, "UNSET is not set"},
		{"nothing", []Token{{Principal: "a"}}, "neither env nor file nor sha256"},
		{"digest", []Token{{Principal: "a", SHA256: "abc"}}, "64 hexadecimal digits"},
		{"no file", []Token{{Principal: "a", File: filepath.Join(dir, "none")}}, "reading it"},
		{"large file", []Token{{Principal: "a", File: large}}, "at most"},
		{"one token of two", []Token{{Principal: "a", SHA256: Digest(secretA)}, {Principal: "b", Env: "A"}}, `"a" and "b" have the same token`},
	} {
		_, err := New(Config{Tokens: tc.token, Now: (&clock{at: start}).now, Getenv: func(name string) (string, bool) {
			v := map[string]string{"SHORT": "short", "A": secretA}[name]
			return v, v != ""
		}})
		if err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.says)
		}
		if err != nil && strings.Contains(err.Error(), secretA) {
			t.Errorf("%s: the error repeats the token", tc.name)
		}
	}
}

func TestMiddleware(t *testing.T) {
	var outcomes []string
	c := checker(t, &clock{at: start}, func(c *Config) { c.Judged = func(o string) { outcomes = append(outcomes, o) } })
	server := httptest.NewServer(c.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, ok := From(r.Context())
		fmt.Fprint(w, ok, " ", p.Name, " ", r.Header.Get("Authorization"))
	})))
	defer server.Close()
	get := func(header string) (int, http.Header, string) {
		t.Helper()
		r, err := http.NewRequest("GET", server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		if header != "" {
			r.Header.Set("Authorization", header)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, resp.Header, string(body)
	}
	if status, _, body := get("Bearer " + secretA); status != 200 || body != "true ci " {
		t.Errorf("%d %q: the principal is handed on and the credential is not", status, body)
	}
	meta := `resource_metadata="https://plimsoll.example.com/.well-known/oauth-protected-resource/mcp"`
	status, header, _ := get("")
	if h := header.Get("WWW-Authenticate"); status != 401 || !strings.Contains(h, meta) || strings.Contains(h, "error=") || !strings.Contains(h, `scope="mcp"`) {
		t.Errorf("%d %s", status, h)
	}
	status, header, body := get("Bearer wrong-wrong-wrong")
	if h := header.Get("WWW-Authenticate"); status != 401 || !strings.Contains(h, `error="invalid_token"`) || strings.Contains(h+body, "wrong-wrong") {
		t.Errorf("%d %s %s", status, h, body)
	}
	status, header, _ = get("Bearer " + mint(t, jose.ES256, keys().ec, "ec", nil, encode(t, with(members{"scope": ""}))))
	if h := header.Get("WWW-Authenticate"); status != 403 || !strings.Contains(h, `error="insufficient_scope"`) {
		t.Errorf("%d %s", status, h)
	}
	if status, header, _ = get("Digest x"); status != 400 || !strings.Contains(header.Get("WWW-Authenticate"), `error="invalid_request"`) {
		t.Errorf("%d", status)
	}
	if want := []string{"token", "missing", "invalid_token", "insufficient_scope", "invalid_request"}; !slices.Equal(outcomes, want) {
		t.Errorf("outcomes %v, want %v", outcomes, want)
	}
}

func TestMetadata(t *testing.T) {
	c := checker(t, &clock{at: start}, nil)
	for path, want := range map[string]int{
		MetadataPath: 200, MetadataPath + "/": 200, MetadataPath + "/mcp": 200, MetadataPath + "/mcp/github": 200,
		MetadataPath + "/mcpx": 404, MetadataPath + "x": 404, MetadataPath + "/other": 404,
	} {
		w := httptest.NewRecorder()
		c.Metadata().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
		if want != 200 {
			continue
		}
		if got, wanted := w.Body.String(), `{"resource":"https://plimsoll.example.com/mcp","authorization_servers":["https://id.example.com"],"scopes_supported":["mcp"],"bearer_methods_supported":["header"],"resource_name":"Plimsoll"}`; got != wanted {
			t.Errorf("%s: %s", path, got)
		}
	}
	w := httptest.NewRecorder()
	c.Metadata().ServeHTTP(w, httptest.NewRequest("POST", MetadataPath, nil))
	if w.Code != 405 {
		t.Errorf("POST: %d", w.Code)
	}
	plain := checker(t, &clock{at: start}, func(c *Config) { c.OAuth = nil })
	w = httptest.NewRecorder()
	plain.Metadata().ServeHTTP(w, httptest.NewRequest("GET", MetadataPath, nil))
	if w.Code != 404 {
		t.Errorf("without oauth: %d", w.Code)
	}
}

func TestGuessingIsLimited(t *testing.T) {
	at := &clock{at: start}
	c := checker(t, at, func(c *Config) { c.Failures = 5 })
	from := func(remote, token string) Code {
		r := request("Bearer " + token)
		r.RemoteAddr = remote
		_, refusal := c.Check(r)
		if refusal == nil {
			return ""
		}
		return refusal.Code
	}
	if got := from("192.0.2.1:1", secretA); got != "" {
		t.Fatalf("a good token: %s", got)
	}
	for i := range 5 {
		if got := from("192.0.2.1:2", fmt.Sprintf("guess-guess-guess-%d", i)); got != InvalidToken {
			t.Fatalf("guess %d: %s", i, got)
		}
	}
	if got := from("192.0.2.1:3", "guess-guess-guess-6"); got != TooMany {
		t.Fatalf("the sixth guess: %s", got)
	}
	if got := from("192.0.2.1:3", secretB); got != TooMany {
		t.Fatalf("a good guess is not heard either: %s", got)
	}
	if got := from("192.0.2.1:3", secretA); got != "" {
		t.Fatalf("who proved it before goes on: %s", got)
	}
	if got := from("192.0.2.2:3", secretB); got != "" {
		t.Fatalf("another address: %s", got)
	}
	at.pass(time.Minute)
	if got := from("192.0.2.1:3", secretB); got != "" {
		t.Fatalf("after a minute: %s", got)
	}
	// A /64 is one address.
	for i := range 5 {
		from(fmt.Sprintf("[2001:db8::%d]:1", i+1), "guess-guess-guess")
	}
	if got := from("[2001:db8::99]:1", "guess-guess-guess"); got != TooMany {
		t.Fatalf("the same /64: %s", got)
	}
	if got := from("[2001:db8:0:1::1]:1", "guess-guess-guess"); got != InvalidToken {
		t.Fatalf("another /64: %s", got)
	}
}

func TestLimiterMemoryIsBounded(t *testing.T) {
	l := newLimiter(5)
	for i := range 3 * maxSeen {
		l.failed(address(fmt.Sprintf("10.%d.%d.%d:1", i>>16&255, i>>8&255, i&255)), start.Add(time.Duration(i)))
		l.proved(sum(fmt.Sprint(i)), start)
	}
	if len(l.seen) > maxSeen || len(l.proof) > maxSeen {
		t.Errorf("%d addresses and %d proofs are kept", len(l.seen), len(l.proof))
	}
}

func FuzzCheck(f *testing.F) {
	k := keys()
	f.Add("Bearer " + secretA)
	f.Add("Bearer " + mint(f, jose.ES256, k.ec, "ec", nil, encode(f, good())))
	f.Add("bearer a.b.c")
	f.Add("Bearer " + b64(`{"alg":"none"}`) + "." + b64(`{}`) + ".")
	c := checker(f, &clock{at: start}, func(c *Config) { c.Failures = 1 << 30 })
	f.Fuzz(func(t *testing.T, header string) {
		r := &http.Request{Header: http.Header{"Authorization": {header}}, RemoteAddr: "192.0.2.1:1"}
		p, refusal := c.Check(r)
		if (refusal == nil) == (p.Name == "") {
			t.Fatalf("%q: %+v, %v", header, p, refusal)
		}
	})
}

func FuzzClaims(f *testing.F) {
	f.Add(encode(f, good()))
	f.Add([]byte(`{"exp":1e400}`))
	f.Add([]byte(`{"iss":"https://id.example.com","aud":["https://plimsoll.example.com/mcp"],"sub":"a","exp":99999999999,"scope":"mcp","roles":{"a":[]}}`))
	c := checker(f, &clock{at: start}, nil)
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, refusal := c.oauth.judge(raw, start)
		if refusal == nil && (p.Name == "" || len(p.Roles) > maxRoles) {
			t.Fatalf("%q made %+v", raw, p)
		}
	})
}

func FuzzKeySet(f *testing.F) {
	f.Add(standardSet(f))
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := parseKeys(raw)
		if err == nil && len(s.byID)+len(s.bare) == 0 {
			t.Fatal("an empty set was taken")
		}
	})
}
