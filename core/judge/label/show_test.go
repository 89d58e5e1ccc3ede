package label

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func TestShow(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"text", "one\ntwo\n\nthree", "p:one\ntwo|p:three"},
		{"heading", "# Big #\n###### small\n#no", "h1:Big|h6:small|p:#no"},
		{"list", "- a\n  * b\n12. c\n1234567890. d", "li:a|li1:b|li(12.):c|p:1234567890. d"},
		{"code", "```go\na := `b`\n```\n~~~\nopen", "code:a := `b`|code:open"},
		{"quote and rule", "> said\n---\n***", "quote:said|rule:|rule:"},
		{"styles", "a **b** *c* `d*e*` 2 * 3 * 4 **", "p:a <b>b</> <i>c</> <code>d*e*</> 2 * 3 * 4 **"},
		{"table", "| a | b |\n|---|---|\nend", "code:| a | b |\n|---|---||p:end"},
		{"markup stays text", "<img src=x onerror=alert(1)> [x](javascript:alert(1))", "p:<img src=x onerror=alert(1)> [x](javascript:alert(1))"},
		{"unseen", "a\u202eb\x1b[31m\x00", "p:a\ufffdb\ufffd[31m\ufffd"},
		{"object", `{"b": "x\ny", "a": {"n": 1.50, "none": null, "list": [true, "z"], "empty": {}}}`, "field(b):x\ny|field(a):|field1(n):<code>1.50</>|field1(none):<code>null</>|field1(list):|field2(1.):<code>true</>|field2(2.):z|field1(empty):<code>{}</>"},
		{"list of texts", `["a", ""]`, `field(1.):a|field(2.):<code>""</>`},
		{"empty", `{}`, `field:<code>{}</>`},
		{"no JSON", `{"a": 1} and more`, `p:{"a": 1} and more`},
		{"nothing", "", ""},
	} {
		if got := flat(show(c.text).Blocks); got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}

func flat(blocks []Block) string {
	var out []string
	for _, b := range blocks {
		s := b.Kind
		if b.Level > 0 {
			s += string(rune('0' + b.Level))
		}
		if b.Key != "" {
			s += "(" + b.Key + ")"
		}
		s += ":"
		for _, x := range b.Spans {
			if x.Style != "" {
				x.Text = "<" + x.Style + ">" + x.Text + "</>"
			}
			s += x.Text
		}
		out = append(out, s)
	}
	return strings.Join(out, "|")
}

// Whatever an output is, the page gets blocks that it knows, and no letter that
// was there is lost from the other view.
func FuzzShow(f *testing.F) {
	for _, s := range []string{"# a\n- b\n```\nc", `{"a":[1,{"b":null}]}`, "**a** `b` *c", "| a |", "[[[[[[[[1]]]]]]]]", "> \xff\u202e"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := show(text)
		for _, b := range got.Blocks {
			if !slices.Contains([]string{"p", "h", "li", "quote", "code", "rule", "field"}, b.Kind) || b.Level < 0 || b.Level > deepest {
				t.Fatalf("%+v", b)
			}
			for _, s := range b.Spans {
				if !slices.Contains([]string{"", "b", "i", "code"}, s.Style) {
					t.Fatalf("%+v", s)
				}
			}
		}
		if !json.Valid([]byte(text)) && got.Raw != visible(text) {
			t.Fatalf("%q became %q", text, got.Raw)
		}
	})
}
