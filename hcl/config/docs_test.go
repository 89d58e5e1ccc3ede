package config

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/hashicorp/hcl/v2"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

const root = "../.."

// Every hcl example of the documentation means something. A fence tagged `hcl`
// is a project file of its own, `hcl skill` a skill.hcl, `hcl test` a file of
// policy tests, `hcl case` one of access tests, and `hcl fragment` a piece of any, of which only the syntax is
// checked.
func TestExamplesInDocs(t *testing.T) {
	found := 0
	for _, page := range pages(t) {
		src, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range fences(string(src)) {
			found++
			var diags diag.List
			sources := map[string][]byte{"main.hcl": []byte(f.text)}
			switch f.tag {
			case "hcl":
				dir := t.TempDir()
				write(t, filepath.Join(dir, "main.hcl"), []byte(f.text))
				write(t, filepath.Join(dir, "jwks.json"), []byte(`{"keys": [{"kty": "RSA", "n": "x", "e": "AQAB"}]}`))
				_, diags = Load(dir, Options{Environ: func(name string) (string, bool) { return "x", !strings.HasPrefix(name, envPrefix) }})
			case "hcl skill":
				_, diags = ParseContract("main.hcl", []byte(f.text), ContractOptions{Skill: "example"})
			case "hcl test": // of the policies of examples/ops-desk
				desk, problems := Load(filepath.Join(root, "examples", "ops-desk"), Options{})
				_, diags = ParsePolicyTests("main.hcl", []byte(f.text), desk)
				diags = append(diags, problems...)
			case "hcl case":
				_, diags = ParseAccessTests("main.hcl", []byte(f.text), &Project{Dir: t.TempDir()})
			case "hcl fragment":
				_, _, diags = parse("main.hcl", []byte(f.text))
			default:
				t.Errorf("%s line %d: a fence tagged %q; tag it hcl, hcl skill, hcl test, hcl case or hcl fragment", page, f.line, f.tag)
			}
			// An example's folders are not there.
			diags = slices.DeleteFunc(diags, func(d diag.Diagnostic) bool { return d.Code == missingFolder.code })
			if len(diags) > 0 {
				var b bytes.Buffer
				diag.WriteText(&b, diags, sources, diag.TextOptions{})
				t.Errorf("%s, fence on line %d:\n%s", page, f.line, b.String())
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d examples were found", found)
	}
}

func pages(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, dir := range []string{"docs", "sdk", "examples", "plugins", "conformance"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, e fs.DirEntry, err error) error {
			if err == nil && !e.IsDir() && strings.HasSuffix(path, ".md") {
				out = append(out, path)
			}
			return nil // a folder that is not there yet has no pages
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(root, "README.md")); err == nil {
		out = append(out, filepath.Join(root, "README.md"))
	}
	return out
}

type fence struct {
	tag, text string
	line      int
}

// fences are the code blocks whose tag starts with hcl.
func fences(page string) []fence {
	var out []fence
	lines := strings.Split(page, "\n")
	for i := 0; i < len(lines); i++ {
		open := strings.TrimSpace(lines[i])
		if !strings.HasPrefix(open, "```") {
			continue
		}
		f := fence{tag: strings.TrimSpace(strings.TrimLeft(open, "`")), line: i + 1}
		marks := open[:len(open)-len(strings.TrimLeft(open, "`"))]
		var text []string
		for i++; i < len(lines) && strings.TrimSpace(lines[i]) != marks; i++ {
			text = append(text, lines[i])
		}
		f.text = strings.Join(text, "\n") + "\n"
		if strings.HasPrefix(f.tag, "hcl") {
			out = append(out, f)
		}
	}
	return out
}

// The reference in docs/config.md is the schema, word for word.
func TestReference(t *testing.T) {
	path := filepath.Join(root, "docs", "config.md")
	comparePart(t, path, "<!-- schema:", "<!-- end of schema -->", Schema().Markdown(2))
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range allCodes(t) {
		if !bytes.Contains(src, []byte("`"+code+"`")) {
			t.Errorf("docs/config.md does not explain the code %s", code)
		}
	}
	for name := range functions("", nil) {
		if !bytes.Contains(src, []byte(name+"(")) {
			t.Errorf("docs/config.md does not name the function %s", name)
		}
	}
}

// comparePart compares what stands between two marks of a page, each on a line
// of its own.
func comparePart(t *testing.T, path, begin, end, want string) {
	t.Helper()
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	from, to := bytes.Index(src, []byte(begin)), bytes.Index(src, []byte(end))
	if from < 0 || to < from {
		t.Fatalf("%s: the marks %s and %s are gone", path, begin, end)
	}
	from += bytes.IndexByte(src[from:], '\n') + 1
	want = "\n" + want + "\n"
	if *update {
		write(t, path, []byte(string(src[:from])+want+string(src[to:])))
		return
	}
	if string(src[from:to]) != want {
		t.Errorf("%s is not what the code says; run go test ./hcl/config -update", path)
	}
}

// The table is complete, its examples are examples of what they describe, and
// its defaults are values.
func TestSchema(t *testing.T) {
	blocks := 0
	var check func(b *BlockDoc, path string)
	check = func(b *BlockDoc, path string) {
		blocks++
		path += "/" + b.Type
		if !strings.HasSuffix(b.Doc, ".") {
			t.Errorf("%s: no sentence", path)
		}
		seen := map[string]bool{}
		for _, a := range b.Attributes {
			if seen[a.Name] || b.Block(a.Name) != nil {
				t.Errorf("%s: %s is described twice", path, a.Name)
			}
			seen[a.Name] = true
			if !strings.HasSuffix(a.Doc, ".") {
				t.Errorf("%s.%s: no sentence", path, a.Name)
			}
			checkAttribute(t, path+"."+a.Name, a)
		}
		if b.Example != "" {
			checkExample(t, path, b)
		}
		for _, n := range b.Blocks {
			check(n, path)
		}
	}
	s := Schema()
	for _, b := range s.Project {
		check(b, "")
	}
	check(s.Skill, "skill.hcl")
	for _, b := range s.Tests {
		check(b, "policy_tests")
	}
	for _, b := range s.Access {
		check(b, "access_tests")
	}
	if blocks < 25 || s.Version != SchemaVersion {
		t.Errorf("%d blocks, version %d", blocks, s.Version)
	}
}

func checkAttribute(t *testing.T, path string, a *AttributeDoc) {
	t.Helper()
	if a.Example == "" && a.Default == "" && len(a.Allowed) == 0 {
		t.Errorf("%s: neither example, default nor allowed values", path)
	}
	if a.Required && a.Example == "" {
		t.Errorf("%s is required and has no example", path)
	}
	for _, text := range []string{a.Example, a.Default} {
		if text == "" || text == a.Default && strings.Contains(text, " ") && text[0] != '[' {
			continue // a default in words
		}
		expr, problems := hclsyntax.ParseExpression([]byte(text), "", hcl.InitialPos)
		if problems.HasErrors() {
			t.Errorf("%s: %s: %v", path, text, problems)
			continue
		}
		v, problems := expr.Value(nil)
		if problems.HasErrors() {
			continue // a reference
		}
		switch a.Type {
		case Number, Integer, Money:
			f := 0.0
			if v.Type() == cty.Number {
				f, _ = v.AsBigFloat().Float64()
			}
			if v.Type() != cty.Number || !holds(a.Range, f) && a.Default != text {
				t.Errorf("%s: %s is no %s in %s", path, text, a.Type, a.Range)
			}
		case String, Rule, Pattern, Duration:
			if v.Type() != cty.String || len(a.Allowed) > 0 && !contains(a.Allowed, v.AsString()) {
				t.Errorf("%s: %s is no %s, or not allowed", path, text, a.Type)
			}
		}
	}
}

func checkExample(t *testing.T, path string, b *BlockDoc) {
	t.Helper()
	src := []byte(b.Example + "\n")
	syn, broken, diags := parse("x", src)
	if broken || len(diags) > 0 || len(syn.Blocks) != 1 || syn.Blocks[0].Type != b.Type {
		t.Errorf("%s: the example is not one %s block: %v", path, b.Type, diags)
		return
	}
	d := &decoder{sources: map[string][]byte{"x": src}, table: newTable()}
	d.open(b, syn.Blocks[0].Body, b.Type, diag.Range{})
	if _, ok := d.labelOf(b, syn.Blocks[0]); !ok || len(d.diags) > 0 {
		t.Errorf("%s: %+v", path, d.diags)
	}
	if got := canonical(src); !bytes.Equal(got, src) {
		t.Errorf("%s: the example is not in canonical form:\n%s", path, got)
	}
}

func TestIntervals(t *testing.T) {
	for _, c := range []struct {
		interval string
		in, out  []float64
		words    string
	}{
		{"(0,1)", []float64{0.5}, []float64{0, 1, -1, 2}, "above 0 and below 1"},
		{"[0,1]", []float64{0, 1}, []float64{-0.1, 1.1}, "at least 0 and at most 1"},
		{"(0,0.5]", []float64{0.5}, []float64{0, 0.51}, "above 0 and at most 0.5"},
		{"[1,)", []float64{1, 1e9}, []float64{0}, "at least 1"},
	} {
		for _, x := range c.in {
			if !holds(c.interval, x) {
				t.Errorf("%s does not hold %g", c.interval, x)
			}
		}
		for _, x := range c.out {
			if holds(c.interval, x) {
				t.Errorf("%s holds %g", c.interval, x)
			}
		}
		if got := inWords(c.interval); got != c.words {
			t.Errorf("%s: %q", c.interval, got)
		}
	}
	if !holds("", 1e300) {
		t.Error("no interval")
	}
}
