package engine

import (
	"path/filepath"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/gate"
	"github.com/plimsoll-dev/plimsoll/core/lever"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// A folder of the project is changed in its own file, another one is overlaid in
// the project's, and both read as the same gates.
func TestPatchHome(t *testing.T) {
	dir := t.TempDir()
	source := []byte("skills \"team\" {\n  from = \"../team/*\"\n}\n")
	p := &Project{Dir: dir, Config: &config.Project{
		Sources: map[string][]byte{"main.hcl": source},
		Groups:  []*config.Group{{Name: "team", Range: diag.Range{File: "main.hcl"}}},
	}}
	remedy := lever.Remedy{Gate: "status", Each: "output.list", Kind: "one_of", Fix: "normalise", New: true, Spec: gate.Spec{
		Name: "status", Kind: "one_of", Value: "it.status", OneOf: []string{"new", "${x}"}, Fix: "normalise",
	}}
	for name, c := range map[string]struct {
		dir, file, want string
		inFolder        bool
	}{
		"inside": {filepath.Join(dir, "skills", "a"), "skills/a/skill.hcl", `each "output.list" {
  gate "status" {
    value  = "it.status"
    one_of = ["new", "$${x}"]
    fix    = "normalise"
  }
}
`, true},
		"outside": {filepath.Join(t.TempDir(), "a"), "main.hcl", string(source) + `
skill "a" {
  each "output.list" {
    gate "status" {
      value  = "it.status"
      one_of = ["new", "$${x}"]
      fix    = "normalise"
    }
  }
}
`, false},
	} {
		s := &skill.Skill{Name: "a", Dir: c.dir, Group: "team", Contract: &config.Contract{}}
		file, before, err := p.homeOf(s)
		if err != nil || file != c.file {
			t.Fatalf("%s: %q, %v", name, file, err)
		}
		after, err := lay(s, c.inFolder, file, before, remedy)
		if err != nil || string(after) != c.want {
			t.Errorf("%s: %v\n%s", name, err, after)
		}
		contract, err := p.contractWith(s, c.inFolder, file, after, []lever.Remedy{remedy})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		g := gateNamed(contract, "output.list", "status")
		if g == nil || g.Fix != "normalise" || g.OneOf[1] != "${x}" {
			t.Errorf("%s: the contract has %+v", name, g)
		}
		if diff := unified(before, after, file); c.inFolder != (diff[:13] == "--- /dev/null") {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if _, _, err := p.homeOf(&skill.Skill{Name: "b", Dir: filepath.Join(t.TempDir(), "b"), Group: "other"}); err == nil {
		t.Error("a skill that no file declares has a home")
	}
}
