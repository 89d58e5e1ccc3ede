package scaffold

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/sandbox/script"
)

func TestNew(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "digest")
	done, err := New(dir, Options{Name: "digest"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"SKILL.md", "skill.hcl", "input.schema.json", "output.schema.json", "plain.tmpl", "tests/cases.json", "items/leak.json"} {
		if !slices.Contains(done.Written, want) {
			t.Errorf("%s was not written; there are %v", want, done.Written)
		}
	}
	md, err := os.ReadFile(filepath.Join(dir, "SKILL.md"))
	if err != nil || !strings.HasPrefix(string(md), "---\nname: digest\ndescription: Says what") {
		t.Errorf("SKILL.md: %v\n%s", err, md)
	}
	if _, err := New(dir, Options{Name: "digest"}); err == nil || !strings.Contains(err.Error(), "has files in it") {
		t.Errorf("a second time: %v", err)
	}
}

// Every placeholder is filled, in every language, and every text ends with a
// newline.
func TestNothingLeftToFill(t *testing.T) {
	langs := []string{""}
	for _, l := range Languages() {
		langs = append(langs, l.Name)
	}
	for _, lang := range langs {
		dir := filepath.Join(t.TempDir(), "digest")
		done, err := New(dir, Options{Name: "digest", Lang: lang, Description: "Makes: digests"})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range done.Written {
			data, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			for _, left := range []string{"__NAME__", "__DESCRIPTION__", "__CODE__"} {
				if strings.Contains(string(data), left) {
					t.Errorf("%s %s has %s in it", lang, name, left)
				}
			}
			if !strings.HasSuffix(string(data), "\n") {
				t.Errorf("%s %s does not end with a newline", lang, name)
			}
		}
		if lang == "" {
			continue
		}
		l, err := Find(lang)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(done.Written, l.Main) {
			t.Errorf("%s has no %s; there are %v", lang, l.Main, done.Written)
		}
	}
}

func TestAddCodeOverwritesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "digest")
	if _, err := New(dir, Options{Name: "digest"}); err != nil {
		t.Fatal(err)
	}
	mine := filepath.Join(dir, "code", "main.go")
	if err := os.MkdirAll(filepath.Dir(mine), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(mine, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(dir, "skill.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	done, err := AddCode(dir, Options{Name: "digest", Lang: "go"})
	if err != nil || !slices.Equal(done.Kept, []string{"code/main.go"}) {
		t.Errorf("kept %v, %v", done.Kept, err)
	}
	if got, err := os.ReadFile(mine); err != nil || string(got) != "mine" {
		t.Errorf("code/main.go became %q, %v", got, err)
	}
	if after, err := os.ReadFile(filepath.Join(dir, "skill.hcl")); err != nil || string(after) != string(before) {
		t.Errorf("skill.hcl was changed: %v", err)
	}
}

// The code of a new Go skill builds and tests on a machine without a network.
func TestGoBuildsOffline(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("there is no go command")
	}
	dir := filepath.Join(t.TempDir(), "digest")
	if _, err := New(dir, Options{Name: "digest", Lang: "go"}); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"test", "./..."}, {"vet", "./..."}} {
		cmd := exec.Command("go", args...)
		cmd.Dir = filepath.Join(dir, "code")
		cmd.Env = append(os.Environ(), "GOPROXY=off", "GOFLAGS=", "GOTOOLCHAIN=local", "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("go %v: %v\n%s", args, err, out)
		}
	}
}

func TestUnknownLanguage(t *testing.T) {
	_, err := New(filepath.Join(t.TempDir(), "x"), Options{Name: "x", Lang: "cc"})
	if err == nil || !strings.Contains(err.Error(), `Did you mean "c"?`) {
		t.Errorf("%v", err)
	}
}

func TestYAMLText(t *testing.T) {
	for in, want := range map[string]string{
		"plain words":   "plain words",
		"with: a colon": `"with: a colon"`,
		`says "so"`:     `"says \"so\""`,
		"two\nlines":    "two lines",
		"- a list":      `"- a list"`,
	} {
		if got := yamlText(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

// The code of a new TypeScript skill bundles as it stands.
func TestScriptBundles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "digest")
	done, err := New(dir, Options{Name: "digest", Lang: "ts"})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(done.Written, "tsconfig.json") || !slices.Contains(done.Written, "types/plimsoll.d.ts") {
		t.Errorf("editors find no types among %v", done.Written)
	}
	if _, err := script.Bundle(os.DirFS(dir), "skill.ts"); err != nil {
		t.Error(err)
	}
}
