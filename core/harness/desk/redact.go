package desk

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// redaction says which members of arguments are kept as salted hashes only.
type redaction struct {
	names map[string]bool // members of that name, however deep
	paths [][]string      // from the top; * is any member or element
}

func redactionOf(patterns []string) redaction {
	r := redaction{names: map[string]bool{}}
	for _, p := range patterns {
		if !strings.Contains(p, ".") {
			r.names[p] = true
			continue
		}
		r.paths = append(r.paths, strings.Split(p, "."))
	}
	return r
}

// apply replaces what the patterns name. What is no JSON has no members.
func (r redaction) apply(raw json.RawMessage) (json.RawMessage, error) {
	if len(r.names) == 0 && len(r.paths) == 0 || len(raw) == 0 {
		return raw, nil
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, fmt.Errorf("reading arguments that are to be redacted: %w", err)
	}
	salt := make([]byte, 16)
	if _, err := rand.Read(salt); err != nil {
		return nil, fmt.Errorf("salting what is redacted: %w", err)
	}
	v, err := r.walk(v, nil, salt)
	if err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

func (r redaction) walk(v any, path []string, salt []byte) (any, error) {
	if len(path) > 0 && r.hides(path) {
		canonical, err := canonjson.Marshal(v)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(append(bytes.Clone(salt), canonical...))
		return map[string]any{"redacted": "sha256:" + hex.EncodeToString(sum[:])}, nil
	}
	var err error
	switch x := v.(type) {
	case map[string]any:
		for k := range x {
			if x[k], err = r.walk(x[k], append(path, k), salt); err != nil {
				return nil, err
			}
		}
	case []any:
		for i := range x {
			if x[i], err = r.walk(x[i], append(path, strconv.Itoa(i)), salt); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

func (r redaction) hides(path []string) bool {
	if r.names[path[len(path)-1]] {
		return true
	}
	for _, p := range r.paths {
		if len(p) != len(path) {
			continue
		}
		all := true
		for i := range p {
			all = all && (p[i] == "*" || p[i] == path[i])
		}
		if all {
			return true
		}
	}
	return false
}
