package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/author/build"
	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/spf13/cobra"
)

func (c *command) skillBuildCommand() *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use: "build [SKILL]", Short: "Build a skill's code and admit it",
		Long: "Builds the code of a skill with its language's own toolchain, prints the command, and\nadmits the result to the sandbox as a run would. TypeScript and JavaScript need no\ntoolchain: they are bundled and checked. SKILL is a name in the project or a folder.\n\nA toolchain runs with your rights: build skills of others only when you have read them.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.skillBuild(cmd.Context(), args, dry) },
	}
	cmd.Flags().BoolVarP(&dry, "dry-run", "n", false, "print the command and run nothing")
	return cmd
}

func (c *command) skillBuild(ctx context.Context, args []string, dry bool) error {
	f, err := c.findSkill(args)
	if err != nil {
		return err
	}
	code := f.skill.Contract.Code
	if code == "" {
		return fmt.Errorf("skill %s names no code: add  code = \"skill.wasm\"  (or skill.ts) to its skill.hcl, or start some with\n  plimsoll skill new %s --lang LANGUAGE", f.skill.Name, f.skill.Name)
	}
	command := ""
	if !skill.IsScript(code) {
		recipe, err := build.Find(f.skill.Dir, code)
		if err != nil {
			return err
		}
		command = recipe.String()
		if !c.json {
			c.say("%s", c.dim("cd "+c.short(recipe.Dir)+" && "+command))
		}
		if dry {
			if c.json {
				return c.document(map[string]any{"command": command, "dir": recipe.Dir})
			}
			return nil
		}
		if err := recipe.Run(ctx, c.Err); err != nil {
			return err
		}
	}
	return c.built(ctx, f, command)
}

// built loads the skill again, admits its code and says what it is.
func (c *command) built(ctx context.Context, f found, command string) error {
	p, s, diags := engine.LoadFolder(f.skill.Dir)
	if s == nil || diags.HasErrors() {
		return c.refuse(p, diags)
	}
	if more := p.CheckSkill(s); more.HasErrors() {
		return c.refuse(p, more)
	}
	asOf, err := c.now()
	if err != nil {
		return err
	}
	t, err := engine.OpenTools(ctx, p, asOf)
	if err != nil {
		return err
	}
	defer t.Close()
	facts, err := t.CodeFacts(ctx, s)
	if err != nil {
		return err
	}
	problems := mismatches(s, facts)
	if c.json {
		doc := map[string]any{"skill": s.Name, "code": facts, "command": command, "problems": problems}
		if err := c.document(doc); err != nil {
			return err
		}
	} else {
		c.say("%s: %s is admitted.", s.Name, s.Contract.Code)
		columns(c.Out, factRows(facts))
		for _, problem := range problems {
			c.note("%s %s", c.red("Warning:"), problem)
		}
		c.next("plimsoll skill test %s", c.short(s.Dir))
	}
	return nil
}

// mismatches are names that skill.hcl asks the code for and the code does not
// have: found here, not at the first run.
func mismatches(s *skill.Skill, facts engine.CodeFacts) []string {
	problems := []string{}
	if !facts.Declared {
		return problems
	}
	check := func(kind, name string, has []string) {
		if !slices.Contains(has, name) {
			have := "it has none"
			if len(has) > 0 {
				have = "it has " + strings.Join(has, ", ")
			}
			problems = append(problems, fmt.Sprintf("skill.hcl asks the code for the %s %q; %s.%s", kind, name, have, diag.DidYouMean(name, has)))
		}
	}
	gates := slices.Clone(s.Contract.Gates)
	for _, e := range s.Contract.Eaches {
		gates = append(gates, e.Gates...)
	}
	for _, g := range gates {
		if g.Code != "" {
			check("gate", g.Code, facts.Gates)
		}
	}
	for _, r := range s.Contract.Renders {
		if r.Template == "" {
			check("format", r.Name, facts.Formats)
		}
	}
	return problems
}

// factRows are what people want to know of code.
func factRows(f engine.CodeFacts) [][]string {
	orNone := func(names []string) string {
		if len(names) == 0 {
			return "none"
		}
		return strings.Join(names, ", ")
	}
	size := bytesText(f.Bytes)
	if f.Profile == "script" {
		size += ", run by the interpreter that is part of plimsoll"
	} else if f.MachineBytes > 0 {
		size += ", " + bytesText(f.MachineBytes) + " of machine code"
	}
	rows := [][]string{{"  size", size}, {"  answers", orNone(f.Ops)}}
	if len(f.Gates) > 0 {
		rows = append(rows, []string{"  gates", orNone(f.Gates)})
	}
	if len(f.Formats) > 0 {
		rows = append(rows, []string{"  formats", orNone(f.Formats)})
	}
	call := "is put back as it was, " + bytesText(f.ImageBytes)
	if !f.Restored {
		call = "gets an instance of its own: " + f.Why
	}
	tests := "none"
	if f.SelfTests > 0 {
		tests = fmt.Sprintf("%d passed twice, %d fuel", f.SelfTests, f.SelfTestFuel)
	}
	return append(rows,
		[]string{"  asks for", orNone(f.Capabilities)},
		[]string{"  runs as", fmt.Sprintf("%s; each call %s", f.Profile, call)},
		[]string{"  self-tests", tests},
		[]string{"  limits", fmt.Sprintf("%d MiB of memory, %d ms, %s of answer, %d fuel a call", f.Limits.MemoryMiB, f.Limits.TimeoutMS, bytesText(int64(f.Limits.OutputBytes)), f.Limits.Fuel)},
		[]string{"  digest", f.Digest})
}

// bytesText is a size as people read it.
func bytesText(n int64) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return plural(int(n), "byte", "bytes")
}
