package config

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

func TestGuard(t *testing.T) {
	deep := func(open string) string { return "a = " + strings.Repeat(open, 100_000) }
	for name, c := range map[string]struct {
		src  string
		code string
	}{
		"fine":                       {"a = [[[1]]]\n", ""},
		"empty":                      {"", ""},
		"at the limit":               {"a = " + strings.Repeat("[", 64) + strings.Repeat("]", 64), ""},
		"one too deep":               {"a = " + strings.Repeat("[", 65) + strings.Repeat("]", 65), "too-deep"},
		"100,000 brackets":           {deep("["), "too-deep"},
		"100,000 braces":             {deep("{"), "too-deep"},
		"100,000 parentheses":        {deep("("), "too-deep"},
		"100,000 blocks":             {strings.Repeat("a{\n", 80_000), "too-deep"},
		"templates":                  {deep("\"${")[:200_000], "too-deep"},
		"directives":                 {"a = \"" + strings.Repeat("%{ if x }", 20_000) + "\"", "too-deep"},
		"signs":                      {deep("!"), "too-deep"},
		"minus":                      {deep("-"), "too-deep"},
		"conditions":                 {deep("1?1:"[:4])[:200_000], "too-deep"},
		"a quarter of a megabyte":    {strings.Repeat("#", MaxFile), ""},
		"a byte more":                {strings.Repeat("#", MaxFile+1), "too-large"},
		"a million lines":            {strings.Repeat("\n", 1_000_000), "too-large"},
		"lines up to the limit":      {strings.Repeat("\n", MaxFile), ""},
		"open comments":              {strings.Repeat("/*", MaxFile/2), ""},
		"open heredocs":              {strings.Repeat("<<A\n", MaxFile/4), ""},
		"not UTF-8":                  {"a = 1\nb = \"\xff\"\n", "not-utf8"},
		"UTF-16":                     {"\xff\xfea\x00", "not-utf8"},
		"many brackets side by side": {"a = [" + strings.Repeat("[1],", 20_000) + "]", ""},
	} {
		t.Run(name, func(t *testing.T) {
			diags := Guard("x.hcl", []byte(c.src))
			switch {
			case c.code == "" && len(diags) > 0:
				t.Errorf("refused: %+v", diags)
			case c.code != "" && (len(diags) != 1 || diags[0].Code != c.code || !diags.HasErrors()):
				t.Errorf("want %s, got %+v", c.code, diags)
			}
			for _, d := range diags {
				checkRange(t, d, map[string][]byte{"x.hcl": []byte(c.src)})
			}
		})
	}
}

func TestGuardNamesTheByte(t *testing.T) {
	d := Guard("x.hcl", []byte("a = 1\nb = \"\xff\"\n"))[0]
	if d.Range.Start != (diag.Pos{Line: 2, Column: 6, Byte: 11}) || !strings.Contains(d.Detail, "Byte 11 (on line 2)") {
		t.Errorf("%+v", d)
	}
}

// Everything that parses files stands behind the guard.
func TestGuardIsEverywhere(t *testing.T) {
	bomb := []byte("a = " + strings.Repeat("[", 100_000))
	if _, diags := ParseContract("skill.hcl", bomb, ContractOptions{}); diags[0].Code != "too-deep" {
		t.Errorf("ParseContract: %v", diags)
	}
	if out, diags := Format("x.hcl", bomb); diags[0].Code != "too-deep" || !bytes.Equal(out, bomb) {
		t.Errorf("Format: %v", diags)
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.hcl"), bomb)
	write(t, filepath.Join(dir, "b.hcl"), bytes.Repeat([]byte("#"), MaxFile*3))
	write(t, filepath.Join(dir, "c.hcl"), []byte("variable \"v\" {\n  type = list(string)\n}\n"))
	_, diags := Load(dir, Options{Vars: map[string]string{"v": strings.Repeat("[", 100_000)}})
	var codes []string
	for _, d := range diags {
		codes = append(codes, d.Code)
	}
	if got := strings.Join(codes, " "); got != "too-deep too-large bad-variable" {
		t.Errorf("Load: %s", got)
	}
}

// What the guard lets through at its limits must not exhaust the parser or the
// evaluator.
func TestLargestThatPass(t *testing.T) {
	for name, src := range map[string]string{
		"a long sum":        "locals {\n  a = 1" + strings.Repeat("+1", 120_000) + "\n}\n",
		"many indexes":      "locals {\n  a = [1]" + strings.Repeat("[0]", 60_000) + "\n}\n",
		"many splats":       "locals {\n  a = [1]" + strings.Repeat("[*]", 60_000) + "\n}\n",
		"a chain of locals": chain(8_000),
		"large exponents":   "locals {\n  a = 1e999999999\n  b = 1e-999999999\n}\ntier_policy \"p\" {\n  budget = 1e999999999\n  margin = 1e-999999999\n}\n",
		"many errors":       strings.Repeat("a = `\n", 30_000),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "main.hcl"), []byte(src))
			p, diags := Load(dir, Options{})
			if len(diags) > 200 {
				t.Errorf("%d diagnostics", len(diags))
			}
			for _, d := range diags {
				checkRange(t, d, p.Sources)
			}
		})
	}
}

func chain(n int) string {
	var b strings.Builder
	b.WriteString("locals {\n  a0 = []\n")
	for i := 1; i < n; i++ {
		fmt.Fprintf(&b, "  a%d = [local.a%d]\n", i, i-1)
	}
	b.WriteString("}\n")
	return b.String()
}

func TestByteOrderMark(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "main.hcl"), []byte("\xef\xbb\xbfbackend \"b\" { plugin = 4 }\n"))
	p, diags := Load(dir, Options{})
	if len(diags) != 1 || diags[0].Range.Start.Column != 24 {
		t.Fatalf("%+v", diags)
	}
	checkRange(t, diags[0], p.Sources)
	out, diags := Format("x.hcl", []byte("\xef\xbb\xbfa=1\n"))
	if string(out) != "a = 1\n" || len(diags) > 0 {
		t.Errorf("%q %v", out, diags)
	}
}

func TestFormat(t *testing.T) {
	messy := "skills \"a\"   {\n from=\"x\"\n      policy    = preset.bold # why\n\n\n}\n"
	want := "skills \"a\" {\n  from   = \"x\"\n  policy = preset.bold # why\n\n\n}\n"
	got, diags := Format("x.hcl", []byte(messy))
	if string(got) != want || len(diags) > 0 {
		t.Errorf("got %q, %v", got, diags)
	}
	if again, _ := Format("x.hcl", got); !bytes.Equal(again, got) {
		t.Errorf("a second pass changes it: %q", again)
	}
	broken := []byte("skills \"a\" {\n from=\n}\n")
	if got, diags := Format("x.hcl", broken); !bytes.Equal(got, broken) || !diags.HasErrors() {
		t.Errorf("a broken file was changed: %q, %v", got, diags)
	}
}
