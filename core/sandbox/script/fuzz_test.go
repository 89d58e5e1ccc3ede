package script

import (
	"encoding/json"
	"reflect"
	"testing"
	"testing/fstest"
)

// FuzzReadMap: no map makes the reader panic, and every place that it finds has
// numbers that people can read.
func FuzzReadMap(f *testing.F) {
	p, err := Bundle(fstest.MapFS{"skill.ts": {Data: []byte("export default 1;\n")}}, "skill.ts")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(p.SourceMap)
	f.Add([]byte(`{"version":3,"sources":["a"],"mappings":"AAAA,C;;CACA,EAAE"}`))
	f.Add([]byte(`{"version":3,"sources":["a"],"sourcesContent":[null,"x"],"mappings":"D"}`))
	f.Add([]byte(`{"version":3,"sources":[],"mappings":"ggggggggggggB"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := readMap(raw)
		if err != nil {
			return
		}
		for line := range len(m.lines) + 2 {
			for _, col := range []int{-1, 0, 1, 2, 50, 1 << 40} {
				if at, ok := m.find(line, col); ok && (at.line < 1 || at.col < 1) {
					t.Errorf("%d:%d leads to %+v", line, col, at)
				}
			}
		}
	})
}

// FuzzWellFormed: the JSON means what Go reads, and has no half pair any more.
func FuzzWellFormed(f *testing.F) {
	for _, s := range []string{`"\ud800"`, `"\ud83c\udf37"`, `"\\ud800"`, `"\ud800\ud83c\udf37\udc00"`, `"\uD83C\u0041"`, `{"\udfff":["\\\ud800"]}`, `"\ud8`, `\ud800\`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		out := wellFormed(raw)
		if again := wellFormed(out); string(again) != string(out) {
			t.Errorf("%q becomes %q, and that becomes %q", raw, out, again)
		}
		var a, b any
		if json.Unmarshal(raw, &a) != nil {
			return
		}
		if err := json.Unmarshal(out, &b); err != nil || !reflect.DeepEqual(a, b) {
			t.Errorf("%q becomes %q: %v", raw, out, err)
		}
	})
}
