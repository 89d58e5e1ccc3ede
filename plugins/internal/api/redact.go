package api

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// maxText bounds a message that comes from a server.
const maxText = 600

// Redactor takes secrets out of texts that people and logs see. The zero value
// knows no secret of its own and takes out only what looks like a key.
type Redactor struct{ secrets []string }

// keyLike are the keys of the well-known APIs, also with stars in the middle as
// servers quote them, and bearer headers that a proxy quotes back.
var keyLike = regexp.MustCompile(`(?i)\b(?:sk|pk|rk|xai|gsk|hf|sess)[-_][a-z0-9*_\-.]{6,}|\bbearer\s+[a-z0-9._\-*~+/]{6,}=*`)

// NewRedactor makes one that also knows the given secrets; empty ones are
// ignored.
func NewRedactor(secrets ...string) Redactor {
	var r Redactor
	for _, s := range secrets {
		if s != "" {
			r.secrets = append(r.secrets, s)
		}
	}
	return r
}

// Text is t without secrets, in one line of valid UTF-8, at most 600 bytes.
func (r Redactor) Text(t string) string {
	t = strings.Join(strings.Fields(strings.ToValidUTF8(t, "\uFFFD")), " ")
	for _, s := range r.secrets {
		t = strings.ReplaceAll(t, s, "[key]")
	}
	// A secret that is no text may have been half of a character.
	t = strings.ToValidUTF8(keyLike.ReplaceAllString(t, "[key]"), "\uFFFD")
	if len(t) > maxText {
		cut := maxText
		for !utf8.RuneStart(t[cut]) {
			cut--
		}
		t = t[:cut] + " ..."
	}
	return t
}
