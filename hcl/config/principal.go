package config

import "github.com/plimsoll-dev/plimsoll/hcl/diag"

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
