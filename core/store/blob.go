package store

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

const digestPrefix = "sha256:"

// Digest is the name of a blob: "sha256:" and the 64 lower-case hexadecimal
// digits of its SHA-256.
func Digest(data []byte) string {
	sum := sha256.Sum256(data)
	return digestPrefix + hex.EncodeToString(sum[:])
}

// CheckDigest tells why a text is not a blob's name.
func CheckDigest(digest string) error {
	digits, ok := strings.CutPrefix(digest, digestPrefix)
	if !ok {
		return fmt.Errorf("%q is no digest: it must begin with %q", digest, digestPrefix)
	}
	raw, err := hex.DecodeString(digits)
	if err != nil || len(raw) != sha256.Size || strings.ToLower(digits) != digits {
		return fmt.Errorf("%q is no digest: after %q stand 64 digits of 0-9 and a-f", digest, digestPrefix)
	}
	return nil
}
