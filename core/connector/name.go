package connector

import (
	"crypto/sha256"
	"encoding/hex"
)

// MaxName is how long a public name may be, in bytes.
const MaxName = 128

// PublicName makes the name that a tool is offered under: the prefix, an
// underscore, and the server's own name. Letters, digits, '_', '-', '.' and '/'
// stay; anything else becomes '_'. A name that had to be changed, or is longer
// than MaxName, ends in '_' and eight hexadecimal digits of the SHA-256 of the
// own name, so that it stays the same for ever and differs from its neighbours.
func PublicName(prefix, own string) string {
	name := own
	if prefix != "" {
		name = prefix + "_" + own
	}
	b := []byte(name)
	changed := false
	for i, c := range b {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-', c == '.', c == '/':
		default:
			b[i], changed = '_', true
		}
	}
	if !changed && len(b) <= MaxName {
		return name
	}
	sum := sha256.Sum256([]byte(own))
	tail := "_" + hex.EncodeToString(sum[:4])
	if room := MaxName - len(tail); len(b) > room {
		b = b[:room]
	}
	return string(b) + tail
}
