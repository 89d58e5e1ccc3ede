package skill_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

const base = `
backend "sim" {
  plugin = "sim"
}

ladder "lab" {
  tier "small" {
    backend = backend.sim
    model   = "s"
    family  = "s"
    price   = { input = 1, output = 2 }
  }
  tier "large" {
    backend = backend.sim
    model   = "l"
    family  = "l"
    price   = { input = 2, output = 4 }
  }
}
`

const group = `
skills "desk" {
  from   = "skills/*"
  policy = preset.standard
  ladder = ladder.lab
  tags   = ["ops"]
}
`

const md = "---\nname: %s\ndescription: Does %[1]s.\nlicense: MIT\nmetadata:\n  owner: desk\nallowed-tools: Read Bash(git:*)\n---\n# Steps\n\nDo it.\n"

// project writes files and loads them; keys are paths, SKILL.md files may be
// given as "" for a well-behaved one named after its folder.
func project(tb testing.TB, hcl string, files map[string]string) *config.Project {
	tb.Helper()
	dir := tb.TempDir()
	write(tb, filepath.Join(dir, "main.hcl"), base+hcl)
	for name, text := range files {
		if filepath.Base(name) == "SKILL.md" && text == "" {
			text = fmt.Sprintf(md, filepath.Base(filepath.Dir(name)))
		}
		write(tb, filepath.Join(dir, name), text)
	}
	p, diags := config.Load(dir, config.Options{})
	if diags.HasErrors() {
		tb.Fatal(diags.Err())
	}
	return p
}

func write(tb testing.TB, file, text string) {
	tb.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		tb.Fatal(err)
	}
}

const everything = `code   = "skill.wasm"
input  = "input.schema.json"
output = "output.schema.json"
tags   = ["writing"]

step "draft" {
  prompt = "draft.md"
}

step "copy" {
  output = "copy"
}

gate "shape" {
  schema = "part.schema.json"
}

gate "short" {
  max_chars = 10
}

render "slack" {
  template = "x.tmpl"
}

items {
  prove = "items/*.json"
}
`

func everyFile() map[string]string {
	return map[string]string{
		"skills/a/SKILL.md":           "",
		"skills/a/skill.hcl":          everything,
		"skills/a/skill.wasm":         "\x00asm",
		"skills/a/input.schema.json":  `{"type":"object"}`,
		"skills/a/output.schema.json": `{"type":"object"}`,
		"skills/a/part.schema.json":   `true`,
		"skills/a/draft.md":           "Draft it.",
		"skills/a/x.tmpl":             "{{.output}}",
		"skills/a/items/1.json":       `{"id":"1","input":1}`,
		"skills/README.md":            "not a skill",
		"skills/b/SKILL.md":           "",
	}
}

func TestLoad(t *testing.T) {
	p := project(t, group+`
skill "a" {
  tags = ["customer-facing", "ops"]
  pin  = ladder.lab.large

  step "draft" {
    pin = ladder.lab.small
  }

  gate "short" {
    max_chars = 20
  }

  gate "mine" {
    command = ["true"]
  }
}
`, everyFile())
	sources := map[string][]byte{}
	skills, diags := skill.Load(p, skill.Options{Sources: sources})
	if len(diags) > 0 || len(skills) != 2 {
		t.Fatalf("%d skills, %v", len(skills), diags)
	}
	a, b := skills[0], skills[1]
	if a.Name != "a" || a.Description != "Does a." || a.Body != "# Steps\n\nDo it." || a.License != "MIT" || a.Metadata["owner"] != "desk" ||
		strings.Join(a.AllowedTools, "|") != "Read|Bash(git:*)" || a.Group != "desk" || a.Source != skill.SourceGroup || a.Path != "skills/a" {
		t.Errorf("a is %+v", a)
	}
	if got := strings.Join(a.Binding.Tags, " "); got != "ops writing customer-facing" {
		t.Errorf("tags %q", got)
	}
	if len(a.Contract.Gates) != 3 || *a.Contract.Gates[1].MaxChars != 20 || !a.Contract.Gates[2].FromProject {
		t.Errorf("gates were not laid over: %+v", a.Contract.Gates)
	}
	if a.Binding.Policy == nil || a.Binding.Ladder == nil || a.Binding.Ladder.Name != "lab" {
		t.Errorf("binding %+v", a.Binding)
	}
	steps := a.Steps()
	if len(steps) != 2 || steps[0].Pin.Name != "small" || steps[1].Pin.Name != "large" || steps[0].Prompt != "draft.md" {
		t.Errorf("steps %+v", steps)
	}
	if a.Contract.Steps[1].Pin != nil {
		t.Error("Steps changed the contract")
	}
	if steps := b.Steps(); len(steps) != 1 || steps[0].Name != "main" || steps[0].Pin != nil {
		t.Errorf("b has steps %+v", steps)
	}
	if text, err := a.Prompt(steps[0]); err != nil || text != "Draft it." {
		t.Errorf("prompt of draft: %q %v", text, err)
	}
	if text, err := a.Prompt(steps[1]); err != nil || text != a.Body {
		t.Errorf("prompt of copy: %q %v", text, err)
	}
	if code, err := a.Code(); err != nil || string(code) != "\x00asm" {
		t.Errorf("code %q %v", code, err)
	}
	if code, err := b.Code(); err != nil || code != nil {
		t.Errorf("b has code %q %v", code, err)
	}
	if len(a.Files) != 8 || len(b.Files) != 1 || string(a.InputSchema) != `{"type":"object"}` || b.OutputSchema != nil {
		t.Errorf("files %v and %v", a.Files, b.Files)
	}
	if len(sources["skills/a/skill.hcl"]) == 0 || len(sources["skills/b/SKILL.md"]) == 0 {
		t.Error("the sources for snippets are missing")
	}
	if _, err := a.Read("items/1.json"); err == nil {
		t.Error("a file that the skill does not declare was read")
	}
}

// TestHash changes each file in turn: every one that makes an epoch must change
// the hash, items and strangers must not.
func TestHash(t *testing.T) {
	files := everyFile()
	p := project(t, group, files)
	index := filepath.Join(p.Dir, ".plimsoll", "index.json")
	load := func() *skill.Skill {
		skills, diags := skill.Load(p, skill.Options{IndexPath: index})
		if diags.HasErrors() {
			t.Fatal(diags.Err())
		}
		return skills[0]
	}
	before := load()
	if again := load(); again.Hash != before.Hash {
		t.Error("the hash changed and no file did")
	}
	for name, same := range map[string]bool{
		"SKILL.md": false, "skill.hcl": false, "skill.wasm": false, "input.schema.json": false, "output.schema.json": false,
		"part.schema.json": false, "draft.md": false, "x.tmpl": false, "items/1.json": true, "notes.txt": true,
	} {
		file := filepath.Join(p.Dir, "skills", "a", name)
		old, _ := os.ReadFile(file)
		write(t, file, string(old)+"\n")
		after := load()
		if (after.Hash == before.Hash) != same {
			t.Errorf("after a change of %s the hash is %s, before %s", name, after.Hash, before.Hash)
		}
		if _, err := before.Read(name); err == nil {
			t.Errorf("%s has changed, and the old skill read it", name)
		}
		write(t, file, string(old))
	}
	if again := load(); again.Hash != before.Hash {
		t.Error("with the old content back, the hash is another")
	}
}

// TestDiagnostics has one mistake each; the code and the words that help must
// be there, and the range must lie in a file that exists.
func TestDiagnostics(t *testing.T) {
	one := map[string]string{"skills/a/SKILL.md": ""}
	with := func(more ...string) map[string]string {
		m := map[string]string{"skills/a/SKILL.md": ""}
		for i := 0; i < len(more); i += 2 {
			m[more[i]] = more[i+1]
		}
		return m
	}
	for name, c := range map[string]struct {
		hcl       string
		files     map[string]string
		code, say string
		warning   bool
	}{
		"overlay of nothing":     {group + "skill \"aa\" {\n}\n", one, "unknown-skill", `Did you mean "a"?`, false},
		"other name":             {"skill \"x\" {\n  source = \"skills/a\"\n  policy = preset.bold\n  ladder = ladder.lab\n}\n", one, "wrong-name", `named "a", not "x"`, false},
		"no policy":              {"skill \"a\" {\n  source = \"skills/a\"\n}\n", one, "missing-policy", "preset.standard", false},
		"no ladder":              {"skill \"a\" {\n  source = \"skills/a\"\n  policy = preset.bold\n}\n", one, "missing-ladder", "There is ladder.lab.", false},
		"same source twice":      {"skill \"a\" {\n  source = \"skills/a\"\n}\nskill \"b\" {\n  source = \"./skills/a/\"\n}\n", one, "duplicate-skill", "main.hcl:", false},
		"two groups":             {group + strings.ReplaceAll(group, "desk", "desk2"), one, "duplicate-skill", "main.hcl:", false},
		"two folders, one name":  {group, with("skills/b/SKILL.md", fmt.Sprintf(md, "a")), "duplicate-skill", "skills/a and skills/b", false},
		"folder without SKILL":   {group, with("skills/b/notes.md", "x"), "no-skill-md", "skills/b", true},
		"empty group":            {strings.ReplaceAll(group, "skills/*", "skilz/*"), one, "no-skills", "skilz/*", true},
		"deep pattern":           {strings.ReplaceAll(group, "skills/*", "skills/**"), one, "bad-glob", "skills/*/*", false},
		"broken pattern":         {strings.ReplaceAll(group, "skills/*", "skills/[a"), one, "bad-glob", "not a pattern", false},
		"no front matter":        {group, map[string]string{"skills/a/SKILL.md": "Do it."}, "no-front-matter", "name: ... description", true},
		"other folder":           {group, map[string]string{"skills/a/SKILL.md": fmt.Sprintf(md, "b")}, "name-mismatch", `"b"`, true},
		"bad name":               {group, map[string]string{"skills/a/SKILL.md": fmt.Sprintf(md, "My Skill")}, "renamed", `named "a"`, true},
		"not text":               {group, map[string]string{"skills/a/SKILL.md": "\xff\xfe"}, "not-utf8", "UTF-8", false},
		"skill.hcl with a typo":  {group, with("skills/a/skill.hcl", "inptu = \"x\"\n"), "unknown-attribute", "input", false},
		"missing schema":         {group, with("skills/a/skill.hcl", "input = \"in.json\"\n"), "missing-file", "skills/a/in.json", false},
		"schema is no JSON":      {group, with("skills/a/skill.hcl", "input = \"in.json\"\n", "skills/a/in.json", "{"), "not-a-schema", "not JSON", false},
		"schema is no schema":    {group, with("skills/a/skill.hcl", "output = \"in.json\"\n", "skills/a/in.json", `{"type":"strnig"}`), "not-a-schema", "type", false},
		"schema refers outside":  {group, with("skills/a/skill.hcl", "output = \"in.json\"\n", "skills/a/in.json", `{"$ref":"https://example.com/x.json"}`), "not-a-schema", "$defs", false},
		"missing template":       {group, with("skills/a/skill.hcl", "render \"x\" {\n  template = \"x.tmpl\"\n}\n"), "missing-file", `the template of format "x"`, false},
		"missing prompt":         {group, with("skills/a/skill.hcl", "step \"s\" {\n  prompt = \"s.md\"\n}\n"), "missing-file", `step "s"`, false},
		"missing gate schema":    {group, with("skills/a/skill.hcl", "gate \"g\" {\n  schema = \"s.json\"\n}\n"), "missing-file", `gate "g"`, false},
		"code is not built":      {group, with("skills/a/skill.hcl", "code = \"skill.wasm\"\n", "skills/a/code/main.go", "package main\n"), "missing-code", "-buildmode=c-shared -o skills/a/skill.wasm ./skills/a/code", false},
		"code is a script":       {group, with("skills/a/skill.hcl", "code = \"skill.sh\"\n", "skills/a/skill.sh", "x"), "code-kind", ".wasm", false},
		"code escapes":           {group, with("skills/a/skill.hcl", "code = \"../../etc/x.wasm\"\n"), "path-escape", "its own files only", false},
		"schema escapes":         {group, with("skills/a/skill.hcl", "input = \"../../main.hcl\"\n"), "path-escape", "its own files only", false},
		"template is absolute":   {group, with("skills/a/skill.hcl", "render \"x\" {\n  template = \"/etc/passwd\"\n}\n"), "path-escape", "its own files only", false},
		"template is the folder": {group, with("skills/a/skill.hcl", "render \"x\" {\n  template = \".\"\n}\n"), "unreadable", "not a file", false},
	} {
		t.Run(name, func(t *testing.T) {
			p := project(t, c.hcl, c.files)
			sources := map[string][]byte{}
			for n, src := range p.Sources {
				sources[n] = src
			}
			_, diags := skill.Load(p, skill.Options{Sources: sources})
			for _, d := range diags {
				if d.Code != c.code || !strings.Contains(d.Detail+d.Suggest, c.say) {
					continue
				}
				if (d.Severity == diag.Warning) != c.warning {
					t.Errorf("%s is %s", d.Code, d.Severity)
				}
				if src, ok := sources[d.Range.File]; !ok || d.Range.End.Byte > len(src) {
					t.Errorf("the place %s is in no file", d.Range)
				}
				return
			}
			t.Errorf("no %s with %q in %+v", c.code, c.say, diags)
		})
	}
}

func TestSymlinks(t *testing.T) {
	p := project(t, group, map[string]string{
		"skills/a/SKILL.md":  "",
		"skills/a/skill.hcl": "input = \"in.json\"\noutput = \"sub/out.json\"\n",
		"secret.json":        `{}`,
		"outside/out.json":   `{}`,
	})
	for link, to := range map[string]string{"skills/a/in.json": "../../secret.json", "skills/a/sub": "../../outside"} {
		if err := os.Symlink(to, filepath.Join(p.Dir, link)); err != nil {
			t.Skip("symbolic links cannot be made here:", err)
		}
	}
	skills, diags := skill.Load(p, skill.Options{})
	if diags.Count(diag.Error) != 2 || diags[0].Code != "symlink" || len(skills) != 1 {
		t.Errorf("%+v", diags)
	}
	if skills[0].InputSchema != nil || skills[0].OutputSchema != nil {
		t.Error("a file outside of the folder was read")
	}
}

func TestFind(t *testing.T) {
	p := project(t, group+"skill \"c\" {\n  source = \"elsewhere/c\"\n  policy = preset.careful\n  ladder = ladder.lab\n}\n", map[string]string{
		"skills/a/SKILL.md": "", "skills/b/SKILL.md": "", "skills/d/SKILL.md": fmt.Sprintf(md, "b"), "elsewhere/c/SKILL.md": "",
	})
	o := skill.Options{IndexPath: filepath.Join(p.Dir, ".plimsoll", "index.json")}
	for range 2 {
		for _, name := range []string{"a", "c"} {
			s, diags := skill.Find(p, name, o)
			if s == nil || s.Name != name || diags.HasErrors() {
				t.Errorf("%s: %+v %v", name, s, diags)
			}
		}
		if _, diags := skill.Find(p, "b", o); diags.Count(diag.Error) != 1 || diags[0].Code != "duplicate-skill" {
			t.Errorf("two skills b: %v", diags)
		}
		s, diags := skill.Find(p, "aa", o)
		if s != nil || !strings.Contains(fmt.Sprint(diags), `Did you mean`) {
			t.Errorf("aa: %v %v", s, diags)
		}
	}
	all, _ := skill.Load(p, o)
	found, _ := skill.Find(p, "a", o)
	for _, s := range all {
		if s.Name == "a" && s.Hash != found.Hash {
			t.Error("Find and Load disagree about the hash")
		}
	}
}

// TestIndex checks that the index is believed only where it may be.
func TestIndex(t *testing.T) {
	p := project(t, group, everyFile())
	path := filepath.Join(p.Dir, ".plimsoll", "index.json")
	o := skill.Options{IndexPath: path}
	old := time.Now().Add(-time.Hour)
	age := func(name string) {
		if err := os.Chtimes(filepath.Join(p.Dir, name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	hashOf := func() string {
		skills, diags := skill.Load(p, o)
		if diags.HasErrors() {
			t.Fatal(diags.Err())
		}
		return skills[0].Hash
	}
	first := hashOf()
	// Same size, written within the time step of the index: must be seen.
	write(t, filepath.Join(p.Dir, "skills/a/draft.md"), "Draft at.")
	if hashOf() == first {
		t.Error("a change just after the index was written was missed")
	}
	write(t, filepath.Join(p.Dir, "skills/a/draft.md"), "Draft it.")
	for name := range everyFile() {
		age(name)
	}
	if again := hashOf(); again != first || hashOf() != again {
		t.Error("the hash depends on the time of files")
	}
	// Proof that the index is used: what it says of an untouched file is believed.
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lie := strings.Replace(string(raw), `"n":"b"`, `"n":"z"`, 1)
	if lie == string(raw) {
		t.Fatalf("the index does not have b: %s", raw)
	}
	write(t, path, lie)
	if _, diags := skill.Find(p, "b", o); !diags.HasErrors() {
		t.Error("the index was not used")
	}
	// Lost, cut or of another version, it costs only time.
	for _, text := range []string{"", "{", `{"version":99,"files":{}}`, string(raw[:len(raw)/2]), `[]`, "\x00\xff"} {
		write(t, path, text)
		if hashOf() != first {
			t.Errorf("with the index %.20q the hash is another", text)
		}
		if now, err := os.ReadFile(path); err != nil || !strings.Contains(string(now), `"version":2`) {
			t.Errorf("a broken index was not written anew: %v", err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if s, diags := skill.Find(p, "b", o); s == nil || diags.HasErrors() {
		t.Errorf("without an index: %v", diags)
	}
}

// BenchmarkFindWarm is what a command that names one of 1,000 skills waits for;
// BenchmarkLoadCold reads them all without an index. Run both in one go.
func BenchmarkFindWarm(b *testing.B) {
	p, o := thousand(b)
	skill.Load(p, o)
	for b.Loop() {
		if s, diags := skill.Find(p, "skill-0500", o); s == nil || diags.HasErrors() {
			b.Fatal(diags.Err())
		}
	}
}

func BenchmarkLoadWarm(b *testing.B) {
	p, o := thousand(b)
	skill.Load(p, o)
	for b.Loop() {
		if all, diags := skill.Load(p, o); len(all) != 1000 {
			b.Fatal(diags.Err())
		}
	}
}

func BenchmarkLoadCold(b *testing.B) {
	p, o := thousand(b)
	o.IndexPath = ""
	for b.Loop() {
		if all, diags := skill.Load(p, o); len(all) != 1000 {
			b.Fatal(diags.Err())
		}
	}
}

// thousand makes 1,000 skills with a contract, two schemas, a template and 256
// KiB of code each.
func thousand(b *testing.B) (*config.Project, skill.Options) {
	b.Helper()
	files := map[string]string{}
	code := "\x00asm" + strings.Repeat("x", 256<<10)
	body := strings.Repeat("A line of instructions, of which a skill has many.\n", 80)
	for i := range 1000 {
		dir := fmt.Sprintf("skills/skill-%04d/", i)
		files[dir+"SKILL.md"] = fmt.Sprintf(md, filepath.Base(dir)) + body
		files[dir+"skill.hcl"] = everything
		files[dir+"skill.wasm"] = code
		files[dir+"input.schema.json"] = fmt.Sprintf(`{"type":"object","title":"%d"}`, i)
		files[dir+"output.schema.json"] = fmt.Sprintf(`{"type":"object","title":"%d"}`, i)
		files[dir+"part.schema.json"] = `true`
		files[dir+"draft.md"] = "Draft it."
		files[dir+"x.tmpl"] = "{{.output}}"
	}
	p := project(b, group, files)
	old := time.Now().Add(-time.Hour)
	for name := range files {
		if err := os.Chtimes(filepath.Join(p.Dir, name), old, old); err != nil {
			b.Fatal(err)
		}
	}
	return p, skill.Options{IndexPath: filepath.Join(p.Dir, ".plimsoll", "index.json")}
}
