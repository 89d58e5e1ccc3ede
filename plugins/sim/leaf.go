package sim

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// leaf is a fact of a JSON document: a value that holds no other. Empty lists
// and objects are leaves too.
type leaf struct {
	path    []any  // string keys and int indexes
	pattern string // the path without its indexes: "tweets[].status"
	place   string // the pattern with the ids of list elements that have one: "tweets[t1].status"
	value   any
}

// leaves lists the facts in a fixed order.
func leaves(v any) []leaf { return walk(leaf{value: v}, nil) }

func walk(l leaf, out []leaf) []leaf {
	switch v := l.value.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			out = walk(leaf{
				path: append(slices.Clip(l.path), k), value: v[k],
				pattern: strings.TrimPrefix(l.pattern+"."+k, "."), place: strings.TrimPrefix(l.place+"."+k, "."),
			}, out)
		}
		if len(v) > 0 {
			return out
		}
	case []any:
		for i, x := range v {
			out = walk(leaf{
				path: append(slices.Clip(l.path), i), value: x,
				pattern: l.pattern + "[]", place: l.place + "[" + identity(x) + "]",
			}, out)
		}
		if len(v) > 0 {
			return out
		}
	}
	return append(out, l)
}

// identity is the id of a list element, or nothing: such elements are told
// apart by their facts alone, because an index moves when one before it is left
// out.
func identity(v any) string {
	m, _ := v.(map[string]any)
	switch id := m["id"].(type) {
	case string:
		return id
	case json.Number:
		return id.String()
	}
	return ""
}

// lists returns the paths of all lists that hold something, in a fixed order.
func lists(v any) [][]any { return walkLists(nil, v, nil) }

func walkLists(path []any, v any, out [][]any) [][]any {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			out = walkLists(append(slices.Clip(path), k), v[k], out)
		}
	case []any:
		if len(v) > 0 {
			out = append(out, path)
		}
		for i, x := range v {
			out = walkLists(append(slices.Clip(path), i), x, out)
		}
	}
	return out
}

// get follows a path that exists.
func get(v any, path []any) any {
	for _, step := range path {
		switch s := step.(type) {
		case string:
			v = v.(map[string]any)[s]
		case int:
			v = v.([]any)[s]
		}
	}
	return v
}

// with replaces the value at a path and returns the document.
func with(v any, path []any, value any) any {
	if len(path) == 0 {
		return value
	}
	switch s := path[0].(type) {
	case string:
		m := v.(map[string]any)
		m[s] = with(m[s], path[1:], value)
	case int:
		l := v.([]any)
		l[s] = with(l[s], path[1:], value)
	}
	return v
}

// patternOf is the pattern of a path.
func patternOf(path []any) string {
	var b strings.Builder
	for _, step := range path {
		if k, ok := step.(string); ok {
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(k)
			continue
		}
		b.WriteString("[]")
	}
	return b.String()
}

// matches compares a gate's path with a pattern; "output." in front and list
// marks are a matter of spelling.
func matches(gatePath, pattern string) bool {
	plain := func(s string) string {
		s = strings.NewReplacer("[]", "", "[*]", "").Replace(s)
		return strings.TrimPrefix(s, "output.")
	}
	return gatePath != "" && plain(gatePath) == plain(pattern)
}

// decode reads JSON with its numbers as they are written.
func decode(raw []byte) (any, bool) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil || d.More() {
		return nil, false
	}
	return v, true
}

// encode writes JSON with sorted keys and its numbers as they were written.
// Canonical JSON was refused: it has no way to write an id above 2^53.
func encode(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil {
		return "" // not a value that decode gives
	}
	return strings.TrimSuffix(b.String(), "\n")
}
