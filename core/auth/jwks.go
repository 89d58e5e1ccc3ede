package auth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// The bounds of a key set.
const (
	maxJWKS    = 256 << 10 // bytes
	maxKeys    = 64
	minRSA     = 2048 // bits; NIST SP 800-131A
	maxRSA     = 8192 // bits: a larger one only costs time
	maxRSAExpo = 1<<31 - 1
)

// keySet is the issuer's public keys that can sign.
type keySet struct {
	byID map[string]key
	bare []key // without a key id
}

type key struct {
	id     string
	alg    string // "" when the set does not say
	public any
}

// parseKeys reads a JSON Web Key Set (RFC 7517). Keys for encryption and of kinds
// that are not known are passed over, as section 5 asks; private and shared keys
// are refused, because they have no business in that file, and a shared one
// would let anybody who reads it sign.
func parseKeys(raw []byte) (keySet, error) {
	set := keySet{byID: map[string]key{}}
	if len(raw) > maxJWKS {
		return set, fmt.Errorf("the key set has %d bytes, at most %d are read", len(raw), maxJWKS)
	}
	var file struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		return set, fmt.Errorf("the key set is no JSON Web Key Set: %w", err)
	}
	if len(file.Keys) > maxKeys {
		return set, fmt.Errorf("the key set has %d keys, at most %d are read", len(file.Keys), maxKeys)
	}
	for i, one := range file.Keys {
		k, ok, err := parseKey(one)
		if err != nil {
			return set, fmt.Errorf("key %d of the key set: %w", i+1, err)
		}
		if !ok {
			continue
		}
		if k.id == "" {
			set.bare = append(set.bare, k)
			continue
		}
		if _, twice := set.byID[k.id]; twice {
			return set, fmt.Errorf("key %d of the key set has the kid %q, which an earlier one has", i+1, k.id)
		}
		set.byID[k.id] = k
	}
	if len(set.byID)+len(set.bare) == 0 {
		return set, errors.New("the key set has no key that can check a signature")
	}
	return set, nil
}

func parseKey(raw json.RawMessage) (key, bool, error) {
	var head struct {
		Kty string          `json:"kty"`
		Use string          `json:"use"`
		Kid string          `json:"kid"`
		D   json.RawMessage `json:"d"`
		K   json.RawMessage `json:"k"`
		Ops []string        `json:"key_ops"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return key{}, false, fmt.Errorf("it is no key: %w", err)
	}
	switch {
	case head.Kty == "oct" || head.K != nil:
		return key{}, false, errors.New("it is a shared secret: take it out, only public keys belong there")
	case head.D != nil:
		return key{}, false, errors.New("it is a private key: take it out, change that key, and put the public one there")
	case head.Use != "" && head.Use != "sig", head.Ops != nil && !slices.Contains(head.Ops, "verify"), !slices.Contains([]string{"RSA", "EC", "OKP"}, head.Kty):
		return key{}, false, nil
	}
	var k jose.JSONWebKey
	if err := k.UnmarshalJSON(raw); err != nil {
		return key{}, false, fmt.Errorf("kid %q: %w", head.Kid, err)
	}
	switch p := k.Key.(type) {
	case *rsa.PublicKey:
		if bits := p.N.BitLen(); bits < minRSA || bits > maxRSA {
			return key{}, false, fmt.Errorf("kid %q: an RSA key of %d bits, %d to %d are right", head.Kid, bits, minRSA, maxRSA)
		}
		if p.E < 3 || p.E&1 == 0 || p.E > maxRSAExpo {
			return key{}, false, fmt.Errorf("kid %q: an RSA key with the exponent %d", head.Kid, p.E)
		}
	case *ecdsa.PublicKey, ed25519.PublicKey:
	default:
		return key{}, false, nil
	}
	return key{id: k.KeyID, alg: k.Algorithm, public: k.Key}, true, nil
}

// find picks the key of a token. Without a kid there must be no choice.
func (s keySet) find(kid, alg string) (key, error) {
	var candidates []key
	if kid != "" {
		if k, ok := s.byID[kid]; ok {
			candidates = append(candidates, k)
		}
	} else {
		for _, k := range s.byID {
			if k.fits(alg) {
				candidates = append(candidates, k)
			}
		}
		for _, k := range s.bare {
			if k.fits(alg) {
				candidates = append(candidates, k)
			}
		}
	}
	switch {
	case len(candidates) == 0:
		return key{}, errUnknownKey
	case len(candidates) > 1:
		return key{}, errors.New("the token names no key, and the issuer has several")
	case !candidates[0].fits(alg):
		return key{}, errors.New("the token's algorithm is not that of its key")
	}
	return candidates[0], nil
}

var errUnknownKey = errors.New("the token is signed by a key that is not known here")

// fits tells whether a key can have signed by that algorithm: the kind of key
// decides, never the token (RFC 8725, section 3.1).
func (k key) fits(alg string) bool {
	if k.alg != "" && k.alg != alg {
		return false
	}
	switch p := k.public.(type) {
	case *rsa.PublicKey:
		return strings.HasPrefix(alg, "RS") || strings.HasPrefix(alg, "PS")
	case *ecdsa.PublicKey:
		return alg == map[int]string{256: "ES256", 384: "ES384", 521: "ES512"}[p.Curve.Params().BitSize]
	case ed25519.PublicKey:
		return alg == "EdDSA"
	}
	return false
}
