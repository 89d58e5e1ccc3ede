package desk

import (
	"bytes"
	"encoding/json"
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

// sanitised takes characters out of every text of a result that a person does not
// see and a model reads.
func sanitised(raw json.RawMessage) (json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	return exact(cleaned(v))
}

func cleaned(v any) any {
	switch x := v.(type) {
	case string:
		return clean(x)
	case map[string]any:
		for k := range x {
			x[k] = cleaned(x[k])
		}
	case []any:
		for i := range x {
			x[i] = cleaned(x[i])
		}
	}
	return v
}
