// Package secret knows what keys and tokens look like, so that one that stands
// in a file of the repository, or in the text of a tool, is found.
//
// It knows shapes alone: it cannot tell whether a key is valid, asks nobody, and
// never hands a secret on: a Match has its place. Placeholders, as documentation
// has them, are no secrets.
//
//	for _, m := range secret.Find(text) {
//		fmt.Printf("%s at byte %d\n", m.Kind, m.Start)
//	}
package secret

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// Match is the place of something that looks like a secret.
type Match struct {
	Kind       string // "GitHub token"
	Start, End int    // bytes, half open
}

// shape is one sort of secret: the literal that it starts with, which is looked
// for, and the pattern that must match from there on.
type shape struct {
	kind, head string
	rest       *regexp.Regexp
}

// shapes after what their issuers publish; the lengths are the least ones.
var shapes = []shape{
	{"AWS access key", "AKIA", regexp.MustCompile(`^AKIA[A-Z2-7]{16}\b`)},
	{"AWS access key", "ASIA", regexp.MustCompile(`^ASIA[A-Z2-7]{16}\b`)},
	{"GitHub token", "ghp_", regexp.MustCompile(`^ghp_[A-Za-z0-9]{36,251}\b`)},
	{"GitHub token", "gho_", regexp.MustCompile(`^gho_[A-Za-z0-9]{36,251}\b`)},
	{"GitHub token", "ghu_", regexp.MustCompile(`^ghu_[A-Za-z0-9]{36,251}\b`)},
	{"GitHub token", "ghs_", regexp.MustCompile(`^ghs_[A-Za-z0-9]{36,251}\b`)},
	{"GitHub token", "github_pat_", regexp.MustCompile(`^github_pat_[A-Za-z0-9_]{50,251}\b`)},
	{"GitLab token", "glpat-", regexp.MustCompile(`^glpat-[A-Za-z0-9_-]{20,64}`)},
	{"Slack token", "xox", regexp.MustCompile(`^xox[abeoprs]-[A-Za-z0-9-]{20,200}`)},
	{"Slack token", "xapp-", regexp.MustCompile(`^xapp-[A-Za-z0-9-]{30,200}`)},
	{"API key", "sk-", regexp.MustCompile(`^sk-(?:ant-|proj-|svcacct-|or-)?[A-Za-z0-9_-]{24,250}`)},
	{"Stripe key", "sk_live_", regexp.MustCompile(`^sk_live_[A-Za-z0-9]{16,250}\b`)},
	{"Stripe key", "rk_live_", regexp.MustCompile(`^rk_live_[A-Za-z0-9]{16,250}\b`)},
	{"webhook secret", "whsec_", regexp.MustCompile(`^whsec_[A-Za-z0-9+/]{32,90}={0,2}`)},
	{"Google API key", "AIza", regexp.MustCompile(`^AIza[0-9A-Za-z_-]{35}`)},
	{"npm token", "npm_", regexp.MustCompile(`^npm_[A-Za-z0-9]{36}\b`)},
	{"PyPI token", "pypi-", regexp.MustCompile(`^pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,250}`)},
	{"Hugging Face token", "hf_", regexp.MustCompile(`^hf_[A-Za-z0-9]{30,64}\b`)},
	{"SendGrid key", "SG.", regexp.MustCompile(`^SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}`)},
	{"Azure storage key", "AccountKey=", regexp.MustCompile(`^AccountKey=[A-Za-z0-9+/]{86}==`)},
	{"JSON Web Token", "eyJ", regexp.MustCompile(`^eyJ[A-Za-z0-9_-]{10,800}\.eyJ[A-Za-z0-9_-]{10,800}\.[A-Za-z0-9_-]{20,800}`)},
	{"private key", "-----BEGIN ", regexp.MustCompile(`^-----BEGIN (?:[A-Z]{2,9} ){0,2}PRIVATE KEY-----\s+[A-Za-z0-9+/=]{16,76}`)},
}

// longest is more than any shape can match: what stands behind it is not looked
// at, which keeps the time linear.
const longest = 2600

// Find gives everything in a text that looks like a secret, in order. Time is
// linear in the length of the text.
func Find(text string) []Match {
	var out []Match
	for _, s := range shapes {
		for at := 0; ; {
			i := strings.Index(text[at:], s.head)
			if i < 0 {
				break
			}
			start := at + i
			at = start + len(s.head)
			if start > 0 && word(text[start-1]) {
				continue // the middle of another word: "task-..." is no "sk-..."
			}
			m := s.rest.FindString(text[start:min(len(text), start+longest)])
			if m == "" || placeholder(m[len(s.head):]) {
				continue
			}
			out = append(out, Match{s.kind, start, start + len(m)})
			at = start + len(m)
		}
	}
	slices.SortFunc(out, func(a, b Match) int { return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End)) })
	return out
}

// In tells whether anything in a text looks like a secret.
func In(text string) bool { return len(Find(text)) > 0 }

func word(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}

// placeholder tells text of a manual from a key: it names itself, or has too few
// different characters. A random key of 20 characters has fewer than 9 different
// ones less often than once in a million.
func placeholder(s string) bool {
	lower := strings.ToLower(s)
	for _, mark := range []string{"example", "xxxx", "your", "1234567890", "abcdefgh", "placeholder", "changeme", "dummy", "redacted", "secret", "token-here", "key-here"} {
		if strings.Contains(lower, mark) {
			return true
		}
	}
	var seen [256]bool
	distinct, digits, capitals := 0, false, false
	for i := range len(s) {
		if c := s[i]; !seen[c] {
			seen[c] = true
			distinct++
		}
		digits = digits || s[i] >= '0' && s[i] <= '9'
		capitals = capitals || s[i] >= 'A' && s[i] <= 'Z'
	}
	// words-joined-by-hyphens are a name, not a key.
	return distinct < 9 || !digits && !capitals
}
