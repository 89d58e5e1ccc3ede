package plain

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// What Quote writes, Parse reads: as an attribute in NFC, as a label exactly.
func TestQuoteRoundTrip(t *testing.T) {
	check := func(t interface {
		Helper()
		Fatalf(string, ...any)
	}, s string) {
		t.Helper()
		body, diags := Parse("f", []byte("b "+Quote(s)+" {\n  a = "+Quote(s)+"\n}\n"), 1<<20)
		if len(diags) > 0 {
			t.Fatalf("%q: %v", s, diags.Err())
		}
		b := body.Blocks[0]
		if got, d := String(b.Body.Attributes["a"]); d != nil || got != Normal(s) {
			t.Fatalf("%q as an attribute became %q (%v)", s, got, d)
		}
		if got := b.Labels[0]; got != Valid(s) {
			t.Fatalf("%q as a label became %q", s, got)
		}
	}
	for _, s := range []string{"", "$", "%", "${", "%{", "$${", "$$${x}", "%%{", "$%{", "\\", `\${`, `"`, "\x00\x1f\x7f\u0085\u2028\ufeff", "\xff", "e\u0301", "\U0001F600", "a\r\nb\tc"} {
		check(t, s)
	}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.SampledFrom([]rune("$%{}\\\"\nu0aé")), 0, 20, -1)).Draw(t, "s")
		check(t, s)
	})
}

func TestGuard(t *testing.T) {
	cases := []struct{ name, src, code string }{
		{"fits", strings.Repeat("#", 1000), ""},
		{"too large", strings.Repeat("#", 1001), "file-too-large"},
		{"deepest", "a = " + strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth), ""},
		{"too deep", "a = " + strings.Repeat("[", MaxDepth+1) + strings.Repeat("]", MaxDepth+1), "nested-too-deep"},
		{"brackets in a string", `a = "` + strings.Repeat("[", 500) + `"`, ""},
		{"brackets in a comment", "# " + strings.Repeat("[", 500), ""},
		{"more closed than opened", strings.Repeat("}", 500), "syntax"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, diags := Parse("f", []byte(c.src), 1000)
			code := ""
			if len(diags) > 0 {
				code = diags[0].Code
			}
			if code != c.code {
				t.Errorf("got %q, want %q: %v", code, c.code, diags.Err())
			}
		})
	}
}

// What the quick look lets pass, the lexer must pass; and what real files hold,
// the quick look must let pass.
func TestCalm(t *testing.T) {
	block := "assignment \"a\" \"b\" { # head {{{\n  tier = ladder.x.y // \"(((\n  reason = \"[ \\\" [\" /* { */\n}\n"
	cases := []struct {
		name, src string
		want      bool
	}{
		{"empty", "", true},
		{"many blocks", strings.Repeat(block, 1000), true},
		{"comment at the end", "# {", true},
		{"open comment", "/* {", false},
		{"open string", "a = \"x\n\"", false},
		{"open string at the end", "a = \"x\\", false},
		{"template", "a = \"${x}\"", false},
		{"directive", "a = \"%{if x}\"", false},
		{"heredoc", "a = <<E\nE\n", false},
		{"deep", "a = " + strings.Repeat("[", MaxDepth+1), false},
		{"closed too often", "}", false},
		{"long", "a = " + strings.Repeat("-", maxStatement), false},
		{"long over lines", "a = (" + strings.Repeat("-\n", maxStatement) + "1)", false},
		{"long over lines in an object", "a = {\n b = [" + strings.Repeat("1,\n", maxStatement) + "]\n}", false},
		{"many strings", "a = [" + strings.Repeat("\"\"", maxStatement) + "]", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := calm([]byte(c.src)); got != c.want {
				t.Errorf("calm is %v", got)
			}
			if _, ok := checkTokens(Tokens("f", []byte(c.src))); c.want && !ok {
				t.Error("the lexer does not agree")
			}
		})
	}
}

func TestNotUTF8NamesThePlace(t *testing.T) {
	_, diags := Parse("f", []byte("# é\n# é\xff"), 1000)
	if len(diags) != 1 || diags[0].Range.Start.Line != 2 || diags[0].Range.Start.Column != 4 || diags[0].Range.Start.Byte != 9 {
		t.Errorf("%+v", diags)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("a \"b\" {\n  c = \"${d}\" # e\n}\n"))
	f.Add([]byte("a = [[[{(\"${<<E\nE\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		body, diags := Parse("f", src, 1<<20)
		if body == nil && !diags.HasErrors() {
			t.Fatal("neither a body nor a reason")
		}
		if calm(src) {
			if d, ok := checkTokens(Tokens("f", src)); !ok {
				t.Fatalf("calm, yet %s: %s", d.Code, d.Detail)
			}
		}
	})
}
