package skill_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/skill"
)

// TestHelloSkill loads examples/hello-skill, as it would be published: its
// SKILL.md breaks no rule, and once its code is built nothing is wrong.
func TestHelloSkill(t *testing.T) {
	example := filepath.Join("..", "..", "examples", "hello-skill")
	p := project(t, "skill \"hello-skill\" {\n  source = \"hello-skill\"\n  policy = preset.standard\n  ladder = ladder.lab\n}\n", map[string]string{"hello-skill/SKILL.md": ""})
	dir := filepath.Join(p.Dir, "hello-skill")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, os.DirFS(example)); err != nil {
		t.Fatal(err)
	}
	code := filepath.Join(dir, "skill.wasm")
	if err := os.RemoveAll(code); err != nil {
		t.Fatal(err)
	}
	if _, diags := skill.Load(p, skill.Options{}); len(diags) != 1 || diags[0].Code != "missing-code" {
		t.Errorf("without its code: %v", diags)
	}
	write(t, code, "\x00asm\x01\x00\x00\x00")
	skills, diags := skill.Load(p, skill.Options{})
	if len(diags) != 0 || len(skills) != 1 || len(skills[0].Files) != 6 {
		t.Errorf("%d skills, %v", len(skills), diags)
	}
	src, err := os.ReadFile(filepath.Join(example, "SKILL.md"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, diags := skill.CheckSkillMD("SKILL.md", "hello-skill", src); len(diags) != 0 {
		t.Errorf("it could not be published: %v", diags)
	}
}
