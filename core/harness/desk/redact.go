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

// params is what the record keeps of a request that is no tool call. Patterns speak of
// the arguments themselves, which stand a level deeper there; a completion has its one
// argument apart from its name.
func (c *Catalogue) params(raw json.RawMessage) any {
	var p map[string]json.RawMessage
	if json.Unmarshal(raw, &p) != nil {
		return c.arguments(raw)
	}
	inner := func(of map[string]json.RawMessage) error {
		arguments, ok := of["arguments"]
		if !ok {
			return nil
		}
		hidden, err := json.Marshal(c.arguments(arguments))
		of["arguments"] = hidden
		return err
	}
	err := inner(p)
	var deep map[string]json.RawMessage
	if err == nil && json.Unmarshal(p["context"], &deep) == nil && deep != nil {
		if err = inner(deep); err == nil {
			p["context"], err = json.Marshal(deep)
		}
	}
	var one struct {
		Name  string          `json:"name"`
		Value json.RawMessage `json:"value"`
	}
	if err == nil && json.Unmarshal(p["argument"], &one) == nil && one.Value != nil {
		p["argument"], err = json.Marshal(map[string]json.RawMessage{one.Name: one.Value})
		if err == nil {
			p["argument"], err = json.Marshal(c.arguments(p["argument"]))
		}
	}
	if err == nil {
		raw, err = json.Marshal(p)
	}
	if err != nil {
		return map[string]any{"not_json_bytes": len(raw)}
	}
	return c.arguments(raw)
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
