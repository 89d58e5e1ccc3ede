package skill_test

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/skill"
)

// TestScripts: what a script brings in is part of the skill, found again from
// the index, and nothing else of the folder is.
func TestScripts(t *testing.T) {
	files := map[string]string{
		"skills/a/SKILL.md":            "---\nname: a\ndescription: A skill that is written in TypeScript.\n---\nDo it.\n",
		"skills/a/skill.hcl":           "code = \"skill.ts\"\n",
		"skills/a/skill.ts":            "import { b } from \"./lib/b\";\nimport data from './data.json' with { type: 'json' };\nexport * from \"./c.js\";\nimport \"./missing\";\nimport '../b/outside.ts';\n",
		"skills/a/lib/b.ts":            "import\n  { d }\nfrom `../d.mts`; export const b = 1;",
		"skills/a/c.ts":                "import \"./lib/b.ts\"; // round in a circle is fine\nimport \"./skill\";",
		"skills/a/d.mts":               "const x = await import(\"./e\");",
		"skills/a/e/index.ts":          "export {};",
		"skills/a/data.json":           "{}",
		"skills/a/tests/skill.test.ts": "import \"../skill\";",
		"skills/b/outside.ts":          "x",
		"skills/b/SKILL.md":            "---\nname: b\ndescription: Another skill beside the first one.\n---\nDo it.\n",
	}
	p := project(t, group, files)
	o := skill.Options{IndexPath: filepath.Join(t.TempDir(), "index.json")}
	want := []string{"SKILL.md", "c.ts", "d.mts", "data.json", "e/index.ts", "lib/b.ts", "skill.hcl", "skill.ts"}
	old := time.Now().Add(-time.Hour)
	for name := range files {
		if err := os.Chtimes(filepath.Join(p.Dir, name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	var first string
	for turn := range 3 { // read, written to the index, taken from the index
		s, diags := skill.Find(p, "a", o)
		if s == nil || diags.HasErrors() {
			t.Fatal(diags)
		}
		if got := slices.Sorted(maps.Keys(s.Files)); !slices.Equal(got, want) {
			t.Errorf("turn %d: files %v, want %v", turn, got, want)
		}
		if turn == 0 {
			first = s.Hash
		}
		if s.Hash != first {
			t.Errorf("turn %d: another hash", turn)
		}
		if data, err := fs.ReadFile(s.FS(), "lib/b.ts"); err != nil || string(data) != files["skills/a/lib/b.ts"] {
			t.Errorf("lib/b.ts: %q %v", data, err)
		}
		for _, name := range []string{"tests/skill.test.ts", "../b/outside.ts", "nothing.ts", "lib", "."} {
			if _, err := fs.ReadFile(s.FS(), name); err == nil {
				t.Errorf("%s is there", name)
			}
		}
	}
	write(t, filepath.Join(p.Dir, "skills/a/e/index.ts"), "export const changed = 1;")
	s, _ := skill.Find(p, "a", o)
	if s.Hash == first {
		t.Error("a change of an import of an import does not change the hash")
	}
	write(t, filepath.Join(p.Dir, "skills/a/d.mts"), "export const later = 2;")
	if _, err := fs.ReadFile(s.FS(), "d.mts"); err == nil || !strings.Contains(err.Error(), "has changed since") {
		t.Errorf("a file that changed after loading: %v", err)
	}
	if _, err := s.FS().Open("../x"); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("a path out of the folder: %v", err)
	}
}

func TestCandidates(t *testing.T) {
	for from, c := range map[string]struct {
		spec, want string
	}{
		"skill.ts":  {"./lib/b.js", "lib/b.js lib/b.ts"},
		"lib/b.ts":  {"../d", "d d.ts d.mts d.js d.mjs d.json d/index.ts d/index.js"},
		"lib/b.mts": {"./x.mjs", "lib/x.mjs lib/x.mts"},
	} {
		if got := strings.Join(skill.Candidates(from, c.spec), " "); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s from %s: %s", c.spec, from, got)
		}
	}
}
