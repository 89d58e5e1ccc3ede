package config

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// seed adds every file of the golden cases and of the valid examples.
func seed(f *testing.F) {
	f.Helper()
	cases, _ := filepath.Glob("testdata/cases/*.txtar")
	for _, path := range cases {
		a, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range a.Files {
			if filepath.Ext(file.Name) == ".hcl" {
				f.Add(file.Data)
			}
		}
	}
	for _, pattern := range []string{"testdata/valid/*/*.hcl", "testdata/valid/*/skills/*/*.hcl"} {
		paths, _ := filepath.Glob(pattern)
		for _, path := range paths {
			src, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(src)
		}
	}
	for _, src := range []string{"", "\xef\xbb\xbf", "a = <<E\n${x}\nE\n", "a{b=1", "skill \"x\" { tags = [\"\x00\"] }", "each \"${a}\" {\n}\n", "locals {\n a = local.b\n b = local.a\n}\n"} {
		f.Add([]byte(src))
	}
}

// sound checks what must hold for any diagnostics: ranges inside the files, and
// a text that can be written.
func sound(t *testing.T, diags diag.List, sources map[string][]byte) {
	t.Helper()
	for _, d := range diags {
		checkRange(t, d, sources)
	}
	var b bytes.Buffer
	diag.WriteText(&b, diags, sources, diag.TextOptions{})
	if len(diags) > 0 && b.Len() == 0 {
		t.Error("nothing was written")
	}
	if bytes.ContainsRune(b.Bytes(), 0x1b) {
		t.Error("an escape sequence reaches the terminal")
	}
}

func FuzzLoad(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "main.hcl"), src)
		p, diags := Load(dir, Options{Vars: map[string]string{"x": "[1"}})
		sound(t, diags, p.Sources)
		if diags.HasErrors() {
			return
		}
		for _, q := range p.Policies {
			if q.Margin <= 0 || q.Margin >= 1 || q.Alpha <= 0 || q.MaxItems < 1 || q.Budget < -1 {
				t.Errorf("a policy passed with %+v", q)
			}
		}
	})
}

func FuzzParseContract(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		c, diags := ParseContract("skill.hcl", src, ContractOptions{Skill: "s"})
		sound(t, diags, map[string][]byte{"skill.hcl": withoutBOM(src)})
		for _, g := range c.Gates {
			if g.Rule != nil {
				r := g.Rule.At(1, 3)
				sound(t, diag.List{diag.Errorf(r, "rule", "Rule", "x")}, map[string][]byte{"skill.hcl": withoutBOM(src)})
			}
			if len(g.Command) > 0 {
				t.Error("a skill.hcl came through with a command")
			}
		}
		if !diags.HasErrors() {
			for _, g := range c.Gates {
				if g.Kind == "" {
					t.Errorf("gate %s passed without a kind", g.Name)
				}
			}
		}
	})
}

func FuzzGuard(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		sound(t, Guard("x.hcl", src), map[string][]byte{"x.hcl": src})
		out, diags := Format("x.hcl", src)
		sound(t, diags, map[string][]byte{"x.hcl": withoutBOM(src)})
		if diags.HasErrors() {
			if !bytes.Equal(out, src) {
				t.Error("a file that cannot be read was changed")
			}
			return
		}
		if again, diags := Format("x.hcl", out); !bytes.Equal(again, out) || diags.HasErrors() {
			t.Errorf("formatting again changes %q to %q: %v", out, again, diags)
		}
	})
}
