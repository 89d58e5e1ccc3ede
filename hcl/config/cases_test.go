package config

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

var update = flag.Bool("update", false, "rewrite golden parts")

// Each case is a txtar archive: config files, then `want`, what people see.
// `vars` and `env` hold NAME=VALUE lines. A file called skill.hcl is read as a
// contract, files below policy_tests and access_tests as tests, everything else as one project.
func TestCases(t *testing.T) {
	paths, err := filepath.Glob("testdata/cases/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	seen := map[string]bool{}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got, diags, sources := runCase(t, archive)
			for _, d := range diags {
				seen[d.Code] = true
				checkRange(t, d, sources)
			}
			compareGolden(t, path, archive, got)
		})
	}
	if t.Failed() || *update {
		return
	}
	// Bytes and sizes do not fit a text file: guard_test.go has them. Methods
	// meet items in CheckMethod.
	elsewhere := map[string]bool{"method-source": true, "unreadable": true, "too-large": true, "not-utf8": true, "too-deep": true}
	for _, code := range allCodes(t) {
		if !seen[code] && !elsewhere[code] {
			t.Errorf("no case shows the code %s", code)
		}
	}
}

func runCase(t *testing.T, archive *txtar.Archive) (string, diag.List, map[string][]byte) {
	t.Helper()
	dir := t.TempDir()
	o := Options{}
	env := map[string]string{}
	o.Environ = func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	contract := []byte(nil)
	var tests []txtar.File
	for _, f := range archive.Files {
		if strings.HasPrefix(f.Name, "policy_tests/") || strings.HasPrefix(f.Name, "access_tests/") {
			tests = append(tests, f)
			continue
		}
		switch f.Name {
		case "want":
		case "vars":
			o.Vars = pairs(f.Data)
		case "env":
			env = pairs(f.Data)
		case "skill.hcl":
			contract = f.Data
		default:
			write(t, filepath.Join(dir, filepath.FromSlash(f.Name)), f.Data)
		}
	}
	var diags diag.List
	var sources map[string][]byte
	if contract != nil {
		_, diags = ParseContract("skill.hcl", contract, ContractOptions{Skill: "digest"})
		sources = map[string][]byte{"skill.hcl": contract}
	} else {
		var p *Project
		p, diags = Load(dir, o)
		sources = p.Sources
		for _, f := range tests {
			sources[f.Name] = f.Data
			read := func() diag.List { _, more := ParsePolicyTests(f.Name, f.Data, p); return more }
			if strings.HasPrefix(f.Name, "access_tests/") {
				read = func() diag.List { _, more := ParseAccessTests(f.Name, f.Data, p); return more }
			}
			diags = append(diags, read()...)
		}
	}
	var b bytes.Buffer
	diag.WriteText(&b, diags, sources, diag.TextOptions{Base: dir})
	b.WriteString(diag.Summary(diags) + "\n")
	return b.String(), diags, sources
}

func pairs(data []byte) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(string(data)) {
		name, value, _ := strings.Cut(strings.TrimRight(line, "\n"), "=")
		out[name] = value
	}
	return out
}

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func compareGolden(t *testing.T, path string, archive *txtar.Archive, got string) {
	t.Helper()
	for i, f := range archive.Files {
		if f.Name != "want" {
			continue
		}
		if *update {
			archive.Files[i].Data = []byte(got)
			write(t, path, txtar.Format(archive))
			return
		}
		if string(f.Data) != got {
			t.Errorf("got:\n%s\nwant:\n%s", got, f.Data)
		}
		return
	}
	t.Fatal("the case has no `want`")
}

// allCodes reads the codes from the source, so that a new one cannot be
// forgotten here.
func allCodes(t *testing.T) []string {
	t.Helper()
	src, err := os.ReadFile("finding.go")
	if err != nil {
		t.Fatal(err)
	}
	codes := []string{"unknown-name"}
	for _, m := range regexp.MustCompile(`finding\{"([a-z0-9-]+)"`).FindAllStringSubmatch(string(src), -1) {
		codes = append(codes, m[1])
	}
	if len(codes) < 30 {
		t.Fatalf("found %d codes only", len(codes))
	}
	return codes
}

// checkRange: every range lies inside its file, in order, and its line and byte
// agree.
func checkRange(t *testing.T, d diag.Diagnostic, sources map[string][]byte) {
	t.Helper()
	if d.Summary == "" || d.Code == "" || d.Detail == "" {
		t.Errorf("diagnostic says too little: %+v", d)
	}
	r := d.Range
	if r.Start.Line == 0 {
		return
	}
	src, ok := sources[r.File]
	if !ok {
		t.Errorf("%s: no such file: %+v", r.File, d)
		return
	}
	if r.Start.Byte < 0 || r.Start.Byte > r.End.Byte || r.End.Byte > len(src) {
		t.Errorf("range %+v lies outside of the %d bytes of %s: %s", r, len(src), r.File, d.Summary)
		return
	}
	for _, p := range []diag.Pos{r.Start, r.End} {
		if line := 1 + bytes.Count(src[:p.Byte], []byte("\n")); line != p.Line {
			t.Errorf("byte %d of %s is on line %d, not %d: %s", p.Byte, r.File, line, p.Line, d.Summary)
		}
	}
}
