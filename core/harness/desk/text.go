package desk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"unicode/utf8"

	"github.com/plimsoll-dev/plimsoll/core/lint"
)

// clean makes a stranger's text safe to repeat: valid UTF-8 without characters
// that nobody sees.
func clean(s string) string {
	s, _ = lint.Clean(strings.ToValidUTF8(s, ""))
	return s
}

// line is a text in one line.
func line(s string) string { return strings.Join(strings.Fields(clean(s)), " ") }

// clip cuts a text to at most n bytes, at a word where there is one near.
func clip(s string, n int) string {
	const more = " …"
	if len(s) <= n {
		return s
	}
	cut := n - len(more)
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	if i := strings.LastIndexByte(s[:cut], ' '); i > cut-40 && i > 0 {
		cut = i
	}
	return s[:cut] + more
}

// exact is the JSON of a value in which texts keep their characters: what is passed
// through must be what was approved.
func exact(v any) (json.RawMessage, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(out.Bytes(), "\n"), nil
}

// sanitised takes characters out of every text of a result, and out of the names of
// its members, that a person does not see and a model reads. What the server wants
// back as it was is left alone: a cursor, and the state of a request.
func sanitised(raw json.RawMessage) (json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	whole, _ := v.(map[string]any)
	back := map[string]any{}
	for _, name := range []string{"nextCursor", "requestState"} {
		if own, ok := whole[name].(string); ok {
			back[name] = own
		}
	}
	v, err := cleaned(v)
	if err != nil {
		return nil, err
	}
	if whole, ok := v.(map[string]any); ok {
		maps.Copy(whole, back)
	}
	return exact(v)
}

func cleaned(v any) (any, error) {
	var err error
	switch x := v.(type) {
	case string:
		return clean(x), nil
	case map[string]any:
		out := make(map[string]any, len(x))
		for k := range x {
			name := clean(k)
			if _, twice := out[name]; twice {
				return nil, fmt.Errorf("without characters that nobody sees it has two members %q", name)
			}
			if out[name], err = cleaned(x[k]); err != nil {
				return nil, err
			}
		}
		return out, nil
	case []any:
		for i := range x {
			if x[i], err = cleaned(x[i]); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}
