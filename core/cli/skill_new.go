package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/author/scaffold"
	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/spf13/cobra"
)

func (c *command) skillNewCommand() *cobra.Command {
	var lang, description, in string
	var languages []string
	for _, l := range scaffold.Languages() {
		languages = append(languages, l.Name)
	}
	cmd := &cobra.Command{
		Use: "new NAME", Short: "Start a skill: a folder that validates and tests at once",
		Long: "Writes SKILL.md, skill.hcl, schemas, a template, items and tests into skills/NAME of\nthe project, or into NAME where there is no project. With --lang it writes code as well:\n" +
			strings.Join(languages, ", ") + ". For a skill that is there already, --lang adds code\nto it. A file that exists is never changed.",
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return c.skillNew(args[0], lang, description, in)
		},
	}
	cmd.Flags().StringVar(&lang, "lang", "", "language of the skill's code: "+strings.Join(languages, ", "))
	cmd.Flags().StringVar(&description, "description", "", "what the skill does and when to use it")
	cmd.Flags().StringVar(&in, "in", "", "folder to make the skill's folder in (default: skills, in a project)")
	return cmd
}

func (c *command) skillNew(name, lang, description, in string) error {
	if !skill.NameOK(name) {
		return usage("%q cannot be a skill's name: write lower case letters, digits and single hyphens", name)
	}
	if lang != "" {
		if _, err := scaffold.Find(lang); err != nil {
			return usage("%w", err)
		}
	}
	dir := c.newFolder(name, in)
	o := scaffold.Options{Name: name, Description: description, Lang: lang}
	if _, err := os.Lstat(filepath.Join(dir, "SKILL.md")); err == nil && lang != "" {
		return c.addCode(dir, o)
	}
	done, err := scaffold.New(dir, o)
	if err != nil {
		return err
	}
	next := firstSteps(lang, dir)
	if lang != "" && !skill.IsScript(language(lang).Code) {
		next = append(next, "plimsoll skill build "+c.short(dir))
	}
	return c.written(name, dir, done, append(next, "plimsoll skill test "+c.short(dir)))
}

// firstSteps are what a language needs once, before the first build.
func firstSteps(lang, dir string) []string {
	if lang == "assemblyscript" {
		return []string{"npm install --prefix " + filepath.ToSlash(filepath.Join(dir, "code")) + ", which gets the compiler"}
	}
	return nil
}

func language(name string) scaffold.Language {
	l, err := scaffold.Find(name)
	if err != nil {
		return scaffold.Language{}
	}
	return l
}

// newFolder is where a new skill goes.
func (c *command) newFolder(name, in string) string {
	switch {
	case in != "":
		return filepath.Join(in, name)
	case hasFiles(filepath.Join(c.dir, "*.hcl")) || hasFiles(filepath.Join(c.dir, "skills")):
		return filepath.Join(c.dir, "skills", name)
	}
	return filepath.Join(c.dir, name)
}

func hasFiles(pattern string) bool {
	found, err := filepath.Glob(pattern)
	return err == nil && len(found) > 0
}

// addCode adds code to a skill that has none.
func (c *command) addCode(dir string, o scaffold.Options) error {
	_, s, diags := engine.LoadFolder(dir)
	if s == nil {
		return c.refuse(nil, diags)
	}
	if s.Contract.Code != "" {
		return fmt.Errorf("skill %s has code already: %s. Delete it, and the line code = %q in its skill.hcl, to begin with another language", s.Name, s.Contract.Code, s.Contract.Code)
	}
	done, err := scaffold.AddCode(dir, o)
	if err != nil {
		return err
	}
	lang := language(o.Lang)
	next := []string{fmt.Sprintf("add the line  code = %q  at the top of %s", lang.Code, c.short(filepath.Join(dir, "skill.hcl"))),
		"make the types in " + c.short(filepath.Join(dir, lang.Main)) + " those of your schemas, and delete what you do not need"}
	next = append(next, firstSteps(o.Lang, dir)...)
	if !skill.IsScript(lang.Code) {
		next = append(next, "plimsoll skill build "+c.short(dir))
	}
	return c.written(o.Name, dir, done, append(next, "plimsoll skill test "+c.short(dir)))
}

// written says what was written and what to do next.
func (c *command) written(name, dir string, done scaffold.Done, next []string) error {
	block := c.blockFor(name, dir)
	if c.json {
		return c.document(map[string]any{"skill": name, "dir": dir, "written": done.Written, "kept": done.Kept, "next": next, "block": block})
	}
	vendored := 0
	for _, f := range done.Written {
		if strings.HasPrefix(f, "code/plimsoll/") {
			vendored++
			continue
		}
		c.say("wrote %s", c.short(filepath.Join(dir, f)))
	}
	if vendored > 0 {
		c.say("wrote %s of the SDK into %s", plural(vendored, "file", "files"), c.short(filepath.Join(dir, "code", "plimsoll")))
	}
	for _, f := range done.Kept {
		c.say("kept  %s, which was there already", c.short(filepath.Join(dir, f)))
	}
	if block != "" {
		c.say("\nNo block of this project brings it in yet. Add to one of its .hcl files:\n\n%s", block)
	}
	c.steps(next)
	return nil
}

// steps ends a command that leaves several things to do.
func (c *command) steps(next []string) {
	if len(next) == 1 {
		c.next("%s", next[0])
		return
	}
	c.say("\n%s", c.bold("Next:"))
	for i, n := range next {
		c.say("  %d. %s", i+1, n)
	}
}

// blockFor is the block that brings a skill into the project; "" where there is
// no project, or where a block does already.
func (c *command) blockFor(name, dir string) string {
	o, err := c.loadOptions()
	if err != nil {
		return ""
	}
	p, diags := engine.LoadProject(o)
	if p == nil || p.Config == nil || p.Empty() {
		return ""
	}
	for _, s := range p.Skills {
		if s.Name == name {
			return ""
		}
	}
	if diags.HasErrors() && len(p.Skills) == 0 {
		return "" // the project cannot be read, and validate will say so
	}
	ladder := "NAME"
	if len(p.Config.Ladders) > 0 {
		ladder = p.Config.Ladders[0].Name
	}
	source := dir
	if abs, err := filepath.Abs(dir); err == nil {
		if rel, err := filepath.Rel(p.Dir, abs); err == nil && filepath.IsLocal(rel) {
			source = "./" + filepath.ToSlash(rel)
		}
	}
	return fmt.Sprintf("skill %q {\n  source = %q\n  policy = preset.standard\n  ladder = ladder.%s\n}", name, source, ladder)
}

// found is a skill that a command was given by name or by folder.
type found struct {
	project *engine.Project
	skill   *skill.Skill
	diags   diag.List
}

// findSkill takes the name of a skill of the project, or a skill's folder; with
// nothing it is the folder in which one stands.
func (c *command) findSkill(args []string) (found, error) {
	if len(args) == 0 {
		if _, err := os.Lstat(filepath.Join(c.dir, "SKILL.md")); err != nil {
			return found{}, usage("say which skill: its name in the project, or its folder")
		}
		return c.openFolder(c.dir)
	}
	if strings.ContainsAny(args[0], `/\`) || args[0] == "." || args[0] == ".." {
		return c.openFolder(args[0])
	}
	return c.findNamed(args[0])
}

func (c *command) openFolder(dir string) (found, error) {
	p, s, diags := engine.LoadFolder(dir)
	if s == nil {
		return found{}, c.refuse(p, diags)
	}
	return found{p, s, diags}, nil
}

// findNamed takes the project's skill of that name, with what the project says
// about it; a folder that no block brings in is where skill new put it.
func (c *command) findNamed(name string) (found, error) {
	o, err := c.loadOptions()
	if err != nil {
		return found{}, err
	}
	o.Only = name
	p, diags := engine.LoadProject(o)
	var s *skill.Skill
	if p.Config != nil {
		if s, err = p.Skill(name); err == nil {
			return found{p, s, diags}, nil
		}
	}
	for _, folder := range []string{name, filepath.Join(c.dir, "skills", name)} {
		if _, err := os.Lstat(filepath.Join(folder, "SKILL.md")); err == nil {
			return c.openFolder(folder)
		}
	}
	switch {
	case p.Empty():
		return found{}, fmt.Errorf("%s is no skill's folder, and %s is no Plimsoll project", name, p.Dir)
	case p.Config == nil || len(p.Skills) == 0 && diags.HasErrors():
		return found{}, c.refuse(p, diags)
	}
	return found{p, nil, diags}, err
}
