package diag

import (
	"bytes"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestClosest(t *testing.T) {
	for _, c := range []struct {
		name, want string
		among      []string
	}{
		{"cluade", "claude", []string{"openai", "claude"}},
		{"max_char", "max_chars", []string{"min_chars", "max_chars", "max_items"}},
		{"Margin", "margin", []string{"margin"}},
		{"max-items", "max_items", []string{"max_items"}},
		{"standrad", "standard", []string{"careful", "standard", "bold"}},
		{"ab", "", []string{"xy", "cd"}},
		{"a", "", []string{"b"}},
		{"A", "a", []string{"b", "a"}},
		{"frobnicate", "", []string{"backend", "ladder"}},
		{"same", "", []string{"same"}},
		{"", "", []string{"a"}},
		{"x", "", nil},
		{strings.Repeat("x", 10_000), "", []string{strings.Repeat("x", 9_999)}},
		{"überall", "uberall", []string{"uberall"}},
	} {
		if got := Closest(c.name, c.among); got != c.want {
			t.Errorf("Closest(%.20q, %v) = %q, want %q", c.name, c.among, got, c.want)
		}
	}
	if got := DidYouMean("cluade", []string{"claude"}); got != ` Did you mean "claude"?` {
		t.Errorf("%q", got)
	}
	if got := DidYouMean("zzzzzz", []string{"claude"}); got != "" {
		t.Errorf("%q", got)
	}
}

// distance is a metric as far as one can ask of it, and one edit costs one.
func TestDistance(t *testing.T) {
	word := rapid.SliceOfN(rapid.RuneFrom([]rune("abcä")), 0, 8)
	rapid.Check(t, func(t *rapid.T) {
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		d := distance(a, b)
		if d != distance(b, a) {
			t.Fatalf("not symmetric: %d and %d", d, distance(b, a))
		}
		if (d == 0) != (string(a) == string(b)) {
			t.Fatalf("distance %d of %q and %q", d, string(a), string(b))
		}
		if longest := max(len(a), len(b)); d > longest || d < longest-min(len(a), len(b)) {
			t.Fatalf("distance %d of %q and %q", d, string(a), string(b))
		}
		at := rapid.IntRange(0, len(a)).Draw(t, "at")
		longer := append(append(append([]rune{}, a[:at]...), 'z'), a[at:]...)
		if got := distance(a, longer); got != 1 {
			t.Fatalf("one insertion costs %d", got)
		}
	})
}

const text = "first\nskill \"日本語\" { tags = 5 }\n\tindented\nlast"

func rng(line, from, to int) Range {
	start := 0
	for range line - 1 {
		start += strings.Index(text[start:], "\n") + 1
	}
	return Range{File: "main.hcl", Start: Pos{line, from + 1, start + from}, End: Pos{line, to + 1, start + to}}
}

func shown(l List, o TextOptions) string {
	var b bytes.Buffer
	WriteText(&b, l, map[string][]byte{"main.hcl": []byte(text)}, o)
	return b.String()
}

func TestWriteText(t *testing.T) {
	wide := rng(2, strings.Index(text, "5")-6, strings.Index(text, "5")-5)
	l := List{
		Warnf(rng(3, 1, 9), "w", "Odd", "Short."),
		Errorf(wide, "e", "Wrong type", "%s", strings.Repeat("word ", 20)+"end.\n  a list\n  stays").WithSuggestion("tags = [\"5\"]\nsecond\n"),
	}
	want := `Error: Wrong type
  on main.hcl line 2:
  2 | skill "日本語" { tags = 5 }
    |                         ^

word word word word word word word word word word word word word word word
word word word word word end.
  a list
  stays

Write instead:
    tags = ["5"]
    second

Warning: Odd
  on main.hcl line 3:
  3 |   indented
    |   ^^^^^^^^

Short.

`
	if got := shown(l, TextOptions{}); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if got := shown(l, TextOptions{Color: true}); !strings.Contains(got, "\x1b[1;31mError:\x1b[0m \x1b[1mWrong type\x1b[0m") {
		t.Errorf("no colours: %q", got)
	}
}

func TestWriteTextPlaces(t *testing.T) {
	base, err := filepath.Abs("project")
	if err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(filepath.Dir(base), "other.hcl")
	several := rng(1, 0, 5)
	several.End = rng(3, 0, 4).End
	for name, c := range map[string]struct {
		r    Range
		want string
	}{
		"several lines":    {several, "  1 | first\n    | ^^^^^\n  2 | skill"},
		"no line":          {Range{File: "main.hcl"}, "Error: S\n  on main.hcl:\n\nD\n"},
		"nowhere":          {Range{}, "Error: S\n\nD\n"},
		"no source":        {Range{File: "other.hcl", Start: Pos{9, 1, 80}, End: Pos{9, 2, 81}}, "  on other.hcl line 9:\n\nD\n"},
		"behind the end":   {Range{File: "main.hcl", Start: Pos{99, 1, 9999}, End: Pos{99, 2, 99999}}, "line 99:\n\nD\n"},
		"wrong bytes":      {Range{File: "main.hcl", Start: Pos{2, 1, 500}, End: Pos{2, 2, 3}}, "  2 | skill"},
		"absolute":         {Range{File: filepath.Join(base, "skills", "x", "skill.hcl")}, "on skills/x/skill.hcl:"},
		"absolute outside": {Range{File: outside}, "on " + outside + ":"},
	} {
		if got := shown(List{Errorf(c.r, "c", "S", "D")}, TextOptions{Base: base}); !strings.Contains(got, c.want) {
			t.Errorf("%s: got:\n%s\nwant:\n%s", name, got, c.want)
		}
	}
}

// A value that may be a secret is not repeated where builds write their logs.
func TestMasked(t *testing.T) {
	d := Errorf(rng(3, 1, 5), "c", "S", "D").Masked()
	got := shown(List{d}, TextOptions{})
	if !strings.Contains(got, "****nted") || strings.Contains(got, "inde") {
		t.Errorf("got:\n%s", got)
	}
	d.Range.End.Byte = 1 << 20
	if got := shown(List{d}, TextOptions{}); strings.Contains(got, "inde") {
		t.Errorf("behind the end: got:\n%s", got)
	}
}

// Nothing that a file holds reaches the terminal as more than characters.
func TestHarmless(t *testing.T) {
	src := "a = \"\x1b[2J\u009b\u202e\"\n"
	d := Errorf(Range{File: "f\x1b.hcl", Start: Pos{1, 5, 4}, End: Pos{1, 9, len(src) - 1}}, "c", "S\x1b", "D\x1b %s", "\u202ex").WithSuggestion("\x1b]0;title\a")
	var b bytes.Buffer
	WriteText(&b, List{d}, map[string][]byte{"f\x1b.hcl": []byte(src)}, TextOptions{})
	if strings.ContainsAny(b.String(), "\x1b\a\u009b\u202e") {
		t.Errorf("%q", b.String())
	}
}

func TestLongLines(t *testing.T) {
	src := strings.Repeat("a", 5000) + "WRONG" + strings.Repeat("b", 5000)
	var b bytes.Buffer
	WriteText(&b, List{Errorf(Range{File: "f", Start: Pos{1, 5001, 5000}, End: Pos{1, 5006, 5005}}, "c", "S", "D")}, map[string][]byte{"f": []byte(src)}, TextOptions{})
	lines := strings.Split(b.String(), "\n")
	if len(lines[2]) > maxWidth+20 {
		t.Errorf("a line of %d bytes", len(lines[2]))
	}
	at := strings.Index(lines[2], "WRONG")
	if at < 0 || strings.Index(lines[3], "^^^^^") != at {
		t.Errorf("the mark is not under the word:\n%s\n%s", lines[2], lines[3])
	}
}

// WriteText never panics and marks something, wherever ranges point.
func TestWriteTextProperties(t *testing.T) {
	pos := rapid.Custom(func(t *rapid.T) Pos {
		return Pos{rapid.IntRange(-1, 9).Draw(t, "line"), rapid.IntRange(-1, 40).Draw(t, "column"), rapid.IntRange(-3, 80).Draw(t, "byte")}
	})
	rapid.Check(t, func(t *rapid.T) {
		d := Errorf(Range{File: "main.hcl", Start: pos.Draw(t, "start"), End: pos.Draw(t, "end")}, "c", "S", "%s", rapid.String().Draw(t, "detail"))
		if got := shown(List{d}, TextOptions{}); !strings.HasPrefix(got, "Error: S\n") || !utf8.ValidString(got) {
			t.Fatalf("%q", got)
		}
	})
}

func TestSummary(t *testing.T) {
	e, w := Errorf(Range{}, "c", "S", "D"), Warnf(Range{}, "c", "S", "D")
	for want, l := range map[string]List{
		"no problems": nil, "1 error": {e}, "2 errors, 1 warning": {e, w, e}, "3 warnings": {w, w, w},
	} {
		if got := Summary(l); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestWriteJSON(t *testing.T) {
	var b bytes.Buffer
	if err := WriteJSON(&b, List{Warnf(rng(2, 0, 5), "w", "W", "<d>"), Errorf(rng(1, 0, 5), "e", "E", "d").WithSuggestion("s")}); err != nil {
		t.Fatal(err)
	}
	var got Document
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Version != 1 || got.Valid || got.Errors != 1 || got.Warnings != 1 || len(got.Diagnostics) != 2 || got.Diagnostics[0].Code != "e" {
		t.Errorf("%+v", got)
	}
	if got.Diagnostics[0].Range != rng(1, 0, 5) || got.Diagnostics[0].Suggest != "s" || !strings.Contains(b.String(), "<d>") {
		t.Errorf("%s", b.String())
	}
	b.Reset()
	if err := WriteJSON(&b, nil); err != nil || !strings.Contains(b.String(), `"diagnostics": []`) || !strings.Contains(b.String(), `"valid": true`) {
		t.Errorf("%v %s", err, b.String())
	}
	if WriteJSON(broken{}, nil) == nil {
		t.Error("a broken writer goes unnoticed")
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("broken") }

func TestListErr(t *testing.T) {
	if (List{Warnf(Range{}, "c", "S", "D")}).Err() != nil {
		t.Error("a warning is an error")
	}
	err := List{Errorf(rng(2, 0, 5), "c", "B", "b"), Errorf(rng(1, 0, 5), "c", "A", "a")}.Err()
	if err == nil || err.Error() != "main.hcl:1:1: A: a\nmain.hcl:2:1: B: b" {
		t.Errorf("%v", err)
	}
}

// Where a literal is exact, a place in its text and the place in the file hold
// the same characters; elsewhere the whole literal is given.
func TestLiteralProperties(t *testing.T) {
	line := rapid.StringMatching(`[a-zä日.=<>&" \\]{0,12}`)
	rapid.Check(t, func(t *rapid.T) {
		body := line.Draw(t, "text")
		src := "x = \"" + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(body) + "\"\n"
		r := Range{File: "f", Start: Pos{1, 5, 4}, End: Pos{1, 0, len(src) - 1}}
		l := NewLiteral(r, []byte(src), body)
		if exact := !strings.ContainsAny(body, `"\`); exact != (len(l.Lines) == 1) {
			t.Fatalf("%q in %q: exact is not %v", body, src, exact)
		}
		column := rapid.IntRange(-1, 20).Draw(t, "column")
		got := l.At(1, column)
		if len(l.Lines) == 0 {
			if got != r {
				t.Fatalf("%v", got)
			}
			return
		}
		if got.Start.Byte < 4 || got.End.Byte > len(src)-1 || got.Start.Byte > got.End.Byte {
			t.Fatalf("%v outside of the literal", got)
		}
		if runes := []rune(body); column >= 1 && column <= len(runes) {
			if found := src[got.Start.Byte:]; !strings.HasPrefix(found, string(runes[column-1:])) {
				t.Fatalf("column %d of %q is %q in the file", column, body, found)
			}
		}
	})
}

func TestLiteralHeredoc(t *testing.T) {
	src := "x = <<-E\n    one\n\n      two three\n  E\n"
	r := Range{File: "f", Start: Pos{1, 5, 4}, End: Pos{5, 4, len(src) - 1}}
	l := NewLiteral(r, []byte(src), "one\n\n  two three\n")
	if got := l.At(3, 7); src[got.Start.Byte:got.End.Byte] != "three" || got.Start.Line != 4 || got.Start.Column != 11 {
		t.Errorf("%q at %v", src[got.Start.Byte:got.End.Byte], got)
	}
	if got := l.At(2, 1); got.Start.Line != 3 || src[got.Start.Byte] != '\n' {
		t.Errorf("%v", got)
	}
	if l := NewLiteral(r, []byte(src), "one\n\ntwo three\n"); len(l.Lines) != 0 {
		t.Errorf("taken for exact: %v", l.Lines)
	}
	for _, bad := range []Range{{}, {Start: Pos{1, 1, 5}, End: Pos{1, 1, 4}}, {Start: Pos{1, 1, -1}, End: Pos{1, 1, 4}}, {End: Pos{1, 1, 9999}}} {
		if l := NewLiteral(bad, []byte(src), "x"); len(l.Lines) != 0 || l.At(1, 1) != bad {
			t.Errorf("%v: %v", bad, l)
		}
	}
}
