package config

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

func accessProject(t testing.TB) (*Project, []byte) {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "main.hcl"), []byte(`
connector "github" {
  command = ["github-mcp"]
}
connector "hub" {
  command = ["hub"]
  prefix  = "github_hub"
}
principal "ci" {
  roles = ["builder"]
  token {
    env = "CI_TOKEN"
  }
}
locals {
  night = "2026-11-20T23:00:00+01:00"
}
`))
	p, diags := Load(dir, Options{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	a, err := txtar.ParseFile("testdata/cases/access-tests.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range a.Files {
		if f.Name == "access_tests/good.hcl" {
			return p, f.Data
		}
	}
	t.Fatal("there is no good file")
	return nil, nil
}

// What a case does not say comes from the project.
func TestAccessCases(t *testing.T) {
	p, good := accessProject(t)
	cases, diags := ParseAccessTests("t.hcl", good, p)
	if len(diags) > 0 || len(cases) != 2 {
		t.Fatalf("%v %v", cases, diags)
	}
	c := cases[0]
	if string(c.Args) != `{"labels":["a",null],"n":3,"repo":"acme/site"}` || c.At.Hour() != 22 || c.Session.Age != 10*time.Minute || *c.Annotations.ReadOnly || c.Annotations.Destructive != nil || !c.Pinned || c.Connector != "github" || !*c.Visible {
		t.Errorf("%+v", c)
	}
	if c := cases[1]; string(c.Args) != `"text"` || c.Principal != "somebody" || c.Kind != "oauth" || c.At != caseTime || c.Connector != "" {
		t.Errorf("%+v", c)
	}
	cases, diags = ParseAccessTests("t.hcl", []byte("case \"a\" {\n  principal = \"ci\"\n  tool      = \"github_hub_x\"\n  expect    = \"allow\"\n}\ncase \"b\" {\n  principal = \"ci\"\n  roles     = []\n  tool      = \"other\"\n  expect    = \"allow\"\n  pinned    = false\n}\n"), p)
	if len(diags) > 0 || len(cases) != 2 {
		t.Fatalf("%v %v", cases, diags)
	}
	if a := cases[0]; a.Kind != "token" || len(a.Roles) != 1 || a.Connector != "hub" {
		t.Errorf("%+v", a)
	}
	if b := cases[1]; len(b.Roles) != 0 || b.Connector != "" || b.Pinned {
		t.Errorf("%+v", b)
	}
	if cases, diags := ParseAccessTests("t.hcl", good, &Project{Dir: t.TempDir()}); len(cases) != 1 || !diags.HasErrors() {
		t.Errorf("without a project: %v %v", cases, diags)
	}
}

func FuzzAccessTests(f *testing.F) {
	p, good := accessProject(f)
	f.Add(good)
	a, err := txtar.ParseFile("testdata/cases/access-tests.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range a.Files {
		f.Add(file.Data)
	}
	if src, err := os.ReadFile(filepath.Join(root, "examples", "ops-desk", "policy_tests", "standard.hcl")); err == nil {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		cases, diags := ParseAccessTests("t.hcl", src, p)
		sound(t, diags, map[string][]byte{"t.hcl": withoutBOM(src)})
		for _, c := range cases {
			if c.Tool == "" && c.Skill == "" || c.At.IsZero() || c.Expect == "" && c.Visible == nil {
				t.Errorf("case %q cannot fail: %+v", c.Name, c)
			}
		}
	})
}
