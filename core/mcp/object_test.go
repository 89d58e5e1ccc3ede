package mcp

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// FuzzObject: what is read is written again with the same meaning, and compact
// input to the byte.
func FuzzObject(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":1,"b":[1,2],"a":2}`, `{"é\n":{"x":null}}`, ` { "n" : 1e999 } `, `[`, `7`, `{"a":`, `{"a":1}x`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := readObject(data)
		if err != nil {
			return
		}
		out := o.bytes()
		if !json.Valid(out) {
			t.Fatalf("%q became %q", data, out)
		}
		again, err := readObject(out)
		if err != nil || !bytes.Equal(again.bytes(), out) {
			t.Fatalf("%q is read differently: %q, %v", out, again.bytes(), err)
		}
	})
}

func TestDress(t *testing.T) {
	for _, c := range []struct{ in, method, revision, want string }{
		{`{"tools":[]}`, "tools/list", rev2026, `{"tools":[],"resultType":"complete","ttlMs":0,"cacheScope":"private"}`},
		{`{"tools":[],"ttlMs":5,"cacheScope":"public"}`, "tools/list", rev2026, `{"tools":[],"ttlMs":5,"cacheScope":"public","resultType":"complete"}`},
		{`{"resultType":"complete","tools":[],"ttlMs":5,"cacheScope":"public"}`, "tools/list", rev2025, `{"tools":[]}`},
		{`{"content":[]}`, "tools/call", rev2026, `{"content":[],"resultType":"complete"}`},
		{`{"resultType":"input_required","inputRequests":{}}`, "resources/read", rev2026, `{"resultType":"input_required","inputRequests":{}}`},
	} {
		o, err := readObject([]byte(c.in))
		if err != nil {
			t.Fatal(err)
		}
		if got := string(dress(o, c.method, c.revision).bytes()); got != c.want {
			t.Errorf("%s for %s: %s, want %s", c.in, c.revision, got, c.want)
		}
	}
}

func TestShort(t *testing.T) {
	for in, want := range map[string]string{
		"plain": "plain", "a\x00b\x1b[31mc\nd": "ab[31mcd", "\xff\xfe": "", "é\u202ex": "éx",
		strings.Repeat("é", 400): strings.Repeat("é", 128),
	} {
		if got := short(in); got != want {
			t.Errorf("%.20q: %.40q, want %.40q", in, got, want)
		}
	}
}
