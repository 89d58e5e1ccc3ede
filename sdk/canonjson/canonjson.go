// Package canonjson writes JSON in its one canonical form, RFC 8785 (JCS), so
// that equal documents have equal bytes and therefore equal digests on any
// machine: members ordered by the UTF-16 units of their names, numbers as
// ECMAScript prints them, no white space, the fewest escapes.
//
// It must not repair anything. What has no canonical form is an error: duplicate
// names, invalid UTF-8, lone surrogates, NaN and infinities, numbers out of the
// range of float64, text behind the value, nesting deeper than MaxDepth. So is
// an integer that float64 cannot carry, such as 9007199254740993: RFC 8785 would
// round it in silence, and two different documents would have one digest. Ids of
// that size belong in strings (RFC 8785, appendix D).
//
//	canonical, err := canonjson.Transform([]byte(`{"b": 1.0, "a": "\u0061"}`)) // {"a":"a","b":1}
//	digest, err := canonjson.Digest(request)                                   // "sha256:..."
package canonjson

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// MaxDepth is how deep arrays and objects may nest.
const MaxDepth = 512

// Marshal returns the canonical form of v, as encoding/json sees v: tags,
// omitempty and Marshalers count. Beyond encoding/json's own errors it refuses
// what the package comment names; a Go string that is not UTF-8 is an error,
// where encoding/json would put U+FFFD in its place.
func Marshal(v any) ([]byte, error) {
	var raw bytes.Buffer
	enc := json.NewEncoder(&raw)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encoding %T as canonical JSON: %w", v, err)
	}
	if err := checkReplaced(raw.Bytes(), v); err != nil {
		return nil, fmt.Errorf("encoding %T as canonical JSON: %w", v, err)
	}
	out, err := Transform(raw.Bytes())
	if err != nil {
		return nil, fmt.Errorf("encoding %T: %w", v, err)
	}
	return out, nil
}

// Transform returns the canonical form of one JSON document. Its errors name the
// byte offset, from 0, at which the document stops having one.
func Transform(raw []byte) ([]byte, error) {
	p := parser{src: raw}
	root, err := p.document()
	if err != nil {
		return nil, fmt.Errorf("canonical JSON: %w", err)
	}
	return root.append(make([]byte, 0, len(raw))), nil
}

// Digest is the SHA-256 of the canonical form of v, as "sha256:" and 64
// lower-case hexadecimal digits. Its errors are those of Marshal.
func Digest(v any) (string, error) {
	canonical, err := Marshal(v)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(canonical)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}
