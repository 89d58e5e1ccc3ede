package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/author/suite"
	"github.com/plimsoll-dev/plimsoll/core/author/watch"
	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/spf13/cobra"
)

// testOptions of plimsoll skill test.
type testOptions struct {
	selection
	update bool
}

func (c *command) skillTestCommand() *cobra.Command {
	var o testOptions
	cmd := &cobra.Command{
		Use: "test [SKILL]", Short: "Test a skill by the cases in its folder tests",
		Long: "Runs the cases in tests/*.json: what a model may have written, and what the skill must\nmake of it. No model is called. SKILL is a name in the project or a folder; without it,\nthe folder in which you stand. See docs/skills.md for what a case can say.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.read(c); err != nil {
				return err
			}
			return c.skillTest(cmd.Context(), args, o)
		},
	}
	o.flags(cmd, "cases", "skill")
	cmd.Flags().BoolVar(&o.update, "update", false, "write what came of the cases into their files: outputs, messages, texts")
	return cmd
}

func (c *command) skillTest(ctx context.Context, args []string, o testOptions) error {
	f, err := c.findSkill(args)
	if err != nil {
		return err
	}
	if !o.watch {
		return c.testOnce(ctx, f, o)
	}
	w := watch.New(300*time.Millisecond, f.skill.Dir)
	for {
		c.watched(f.skill.Dir, c.testOnce(ctx, f, o))
		for {
			if !w.Wait(ctx) {
				return nil
			}
			again, err := c.findSkill([]string{f.skill.Dir})
			if err != nil {
				continue // said already; the next save may mend it
			}
			f = again
			break
		}
	}
}

// testOnce loads nothing anew but the cases: f is as the files are.
func (c *command) testOnce(ctx context.Context, f found, o testOptions) error {
	diags := append(f.diags, f.project.CheckSkill(f.skill)...)
	if diags.HasErrors() {
		return c.refuse(f.project, diags)
	}
	files, err := caseFiles(f.skill)
	if err != nil {
		return err
	}
	asOf, err := c.now()
	if err != nil {
		return err
	}
	t, err := engine.OpenTools(ctx, f.project, asOf)
	if err != nil {
		return err
	}
	defer t.Close()
	r := testRun{command: c, skill: f.skill, subject: t.Subject(f.skill), options: o, sources: map[string][]byte{}}
	for _, file := range files {
		if err := r.file(ctx, file); err != nil {
			return err
		}
	}
	return r.end()
}

// caseFiles lists a skill's files of cases.
func caseFiles(s *skill.Skill) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(s.Dir, "tests"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("looking for tests: %w", err)
	}
	var out []string
	for _, e := range entries {
		if e.Type().IsRegular() && filepath.Ext(e.Name()) == ".json" {
			out = append(out, filepath.Join(s.Dir, "tests", e.Name()))
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("skill %s has no tests: write tests/cases.json in its folder, such as\n\n%s", s.Name, firstCase)
	}
	return out, nil
}

const firstCase = `  [
    {
      "name": "a good answer passes",
      "input": {},
      "completion": ["what a model", "may have written"],
      "expect": {"rules": ["len(output) > 0"]}
    }
  ]`

// testRun is one run over all files of cases.
type testRun struct {
	*command
	skill   *skill.Skill
	subject suite.Subject
	options testOptions
	sources map[string][]byte
	passed  int
	failed  int
	skipped int
	updated int // cases whose expectations were taken over
	offered bool
	broken  diag.List
	cases   []map[string]any
}

func (r *testRun) file(ctx context.Context, file string) error {
	src, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("reading tests: %w", err)
	}
	name := r.short(file)
	r.sources[name] = src
	cases, diags := suite.Read(name, src, suite.Options{
		Input: r.skill.InputSchema, Output: r.skill.OutputSchema,
		File: func(rel string) ([]byte, error) { return besideCases(r.skill.Dir, rel) },
	})
	r.broken = append(r.broken, diags...)
	if len(diags) > 0 && !r.json {
		diag.WriteText(r.Err, diags, r.sources, diag.TextOptions{Color: r.Color})
	}
	var results []suite.Result
	for _, k := range cases {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if r.options.leaves(k.Name) {
			r.skipped++
			continue
		}
		result := suite.Run(ctx, r.subject, k)
		results = append(results, result)
		r.tell(result)
	}
	if !r.options.update {
		return nil
	}
	out, changed := suite.Update(src, results)
	if changed == 0 || bytes.Equal(out, src) {
		return nil
	}
	if err := atomicfile.Write(file, out, 0o644); err != nil {
		return fmt.Errorf("updating %s: %w", name, err)
	}
	return nil
}

// tell shows a case that failed; those that pass are only counted.
func (r *testRun) tell(result suite.Result) {
	k := result.Case
	problems := []map[string]any{}
	for _, p := range result.Problems {
		problems = append(problems, map[string]any{"diagnostic": p.Diagnostic, "diff": p.Diff})
	}
	r.cases = append(r.cases, map[string]any{"name": k.Name, "op": k.Op, "file": k.File, "line": k.Range.Start.Line, "passed": result.Passed(), "problems": problems})
	if result.Passed() {
		r.passed++
		return
	}
	if r.options.update && result.Updatable() {
		r.updated++
		return
	}
	r.failed++
	r.offered = r.offered || result.Updatable()
	if r.json {
		return
	}
	r.note("%s  %s  %s\n", r.red("failed"), r.bold(k.Name), r.dim(fmt.Sprintf("%s:%d", k.File, k.Range.Start.Line)))
	for _, p := range result.Problems {
		diag.WriteText(r.Err, diag.List{p.Diagnostic}, r.sources, diag.TextOptions{Color: r.Color})
		if p.Diff != "" {
			for _, line := range strings.Split(p.Diff, "\n") {
				r.note("    %s", r.marked(printable(line)))
			}
			r.note("")
		}
	}
}

// marked colours a line of a difference.
func (r *testRun) marked(line string) string {
	switch {
	case strings.HasPrefix(line, "- "):
		return r.red(line)
	case strings.HasPrefix(line, "+ "):
		return r.paint("32", line)
	}
	return line
}

// printable makes text of others harmless to a terminal.
func printable(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' && c != '\t' || c == 0x7f || c >= 0x80 && c < 0xa0 {
			return '\uFFFD'
		}
		return c
	}, s)
}

func (r *testRun) end() error {
	bad := r.failed > 0 || r.broken.HasErrors()
	if r.json {
		doc := map[string]any{
			"skill": r.skill.Name, "passed": r.passed, "failed": r.failed, "skipped": r.skipped, "updated": r.updated,
			"cases": slices.Clip(r.cases), "diagnostics": append(diag.List{}, r.broken...),
		}
		if err := r.document(doc); err != nil {
			return err
		}
	} else {
		r.say("%s: %s", r.skill.Name, r.summary())
	}
	switch {
	case len(r.cases) == 0 && !r.broken.HasErrors() && r.skipped > 0:
		return usage("--run finds none of the %s", plural(r.skipped, "case", "cases"))
	case bad:
		if r.offered && !r.json {
			r.note("plimsoll skill test %s --update takes new outputs and texts over.", r.short(r.skill.Dir))
		}
		return errSilent
	}
	return nil
}

func (r *testRun) summary() string {
	parts := []string{fmt.Sprintf("%d of %s passed", r.passed, plural(len(r.cases), "case", "cases"))}
	if r.updated > 0 {
		parts = append(parts, fmt.Sprintf("%d updated (read the diff before you commit it)", r.updated))
	}
	if r.skipped > 0 {
		parts = append(parts, fmt.Sprintf("%d not run", r.skipped))
	}
	if n := r.broken.Count(diag.Error); n > 0 {
		parts = append(parts, plural(n, "problem in the files of cases", "problems in the files of cases"))
	}
	return strings.Join(parts, ", ") + "."
}

// besideCases reads a file that a case names, inside the skill's folder only.
func besideCases(dir, rel string) ([]byte, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	data, err := root.ReadFile(filepath.FromSlash(rel))
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read (paths lead from the skill's folder): %w", rel, err)
	}
	if len(data) > suite.MaxFile {
		return nil, fmt.Errorf("%s has %d bytes; at most %d are read", rel, len(data), suite.MaxFile)
	}
	return data, nil
}
