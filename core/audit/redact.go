package audit

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
)

// SaltSize is the length of a salt in bytes. It is fixed, so that no other split
// of salt and value has the same hash, and long enough that a short value cannot
// be guessed from its hash.
const SaltSize = 32

type redactable struct {
	Redactable string `json:"redactable"` // "sha256:" and 64 hexadecimal digits
}

// Redactable makes the field that stands in an audit entry in place of a secret
// or personal value: {"redactable": SHA-256(salt, value)}. Keep value and salt
// under store.TableRedactable in the same commit: while they are there,
// [Reveals] proves what was logged; once they are deleted, the record still has
// its proof and nobody can tell the value.
func Redactable(value []byte) (field json.RawMessage, salt []byte, err error) {
	salt = make([]byte, SaltSize)
	if _, err := rand.Read(salt); err != nil {
		return nil, nil, fmt.Errorf("salting a redactable value: %w", err)
	}
	field, err = json.Marshal(redactable{saltedHash(salt, value)})
	if err != nil {
		return nil, nil, fmt.Errorf("encoding a redactable value: %w", err)
	}
	return field, salt, nil
}

// Reveals tells whether a field made by Redactable stands for this value.
func Reveals(field json.RawMessage, salt, value []byte) bool {
	var r redactable
	if len(salt) != SaltSize || json.Unmarshal(field, &r) != nil || !strings.HasPrefix(r.Redactable, "sha256:") {
		return false
	}
	return subtle.ConstantTimeCompare([]byte(r.Redactable), []byte(saltedHash(salt, value))) == 1
}

func saltedHash(salt, value []byte) string {
	h := sha256.New()
	h.Write(salt)
	h.Write(value)
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}
