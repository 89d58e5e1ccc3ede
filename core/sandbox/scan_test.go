package sandbox

import (
	"encoding/json"
	"testing"
	"unicode/utf8"
)

// FuzzScan: what scan calls well is what encoding/json takes, in UTF-8 and
// without half pairs; and apart from deep nesting it is all of it.
func FuzzScan(f *testing.F) {
	for _, s := range []string{
		`{"output":1}`, ` [1, -0.5e+3, "a\u00e9\ud83d\ude00", {"a":[]}, {}] `, `{"a":{"output":1}}`, `01`, `-`, `1.`, `1e`, `"\ud800"`, `"\udc00\ud800"`,
		`[1,]`, `{"a":1,}`, `{"a"}`, `[`, `]`, `{`, `"`, `"\`, `"\u12`, "\"\x01\"", "\"\xff\"", `nul`, `true false`, ``, `{"output":null,"output":2}`, "[[[[]]]]", `"\ud83d\u0041"`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		well, output := scan(raw)
		want := utf8.Valid(raw) && json.Valid(raw) && !loneSurrogate(raw)
		if well && !want {
			t.Fatalf("scan takes %q", raw)
		}
		if want && !well && len(raw) < scanDepth {
			t.Fatalf("scan does not take %q", raw)
		}
		if well && output {
			var m map[string]json.RawMessage
			if err := json.Unmarshal(raw, &m); err != nil || len(m["output"]) == 0 {
				t.Fatalf("scan sees an output in %q", raw)
			}
		}
	})
}
