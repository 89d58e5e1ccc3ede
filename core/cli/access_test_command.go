package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/access"
	"github.com/plimsoll-dev/plimsoll/core/author/accesstest"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/spf13/cobra"
)

// accessTestDir is where a project keeps tests of its access rules.
const accessTestDir = "access_tests"

func (c *command) accessCommand() *cobra.Command {
	return group("access", "Test who may call what", c.accessTest())
}

func (c *command) accessTest() *cobra.Command {
	var o selection
	cmd := &cobra.Command{
		Use: "test [FILE ...]", Short: "Test the access rules by cases in files",
		Long: "Runs the cases in access_tests/*.hcl, or in the files that are named: who calls what, and\nwhat must be decided. The decisions are those of the gate before every call; nothing is\ncalled, no server is started, and no state is opened. See docs/access.md.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.read(c); err != nil {
				return err
			}
			return o.again(cmd.Context(), c, func() error { return c.testAccess(cmd.Context(), args, o) })
		},
	}
	o.flags(cmd, "cases", "project")
	return cmd
}

func (c *command) testAccess(ctx context.Context, args []string, o selection) error {
	p, err := c.withoutCode()
	if err != nil {
		return err
	}
	block := p.Config.Accessing()
	policy, diags := access.Compile(block)
	if diags.HasErrors() {
		return c.refuse(p, diags)
	}
	files, err := testFiles(p, args, accessTestDir, "access tests", config.Schema().Access[0].Example)
	if err != nil {
		return err
	}
	r := accessTestRun{command: c, project: p.Config, policy: policy, block: block, options: o, sources: p.Sources, cover: accesstest.NewCover(block)}
	for _, file := range files {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := r.file(file); err != nil {
			return err
		}
	}
	return r.end()
}

// accessTestRun is one run over all files of cases.
type accessTestRun struct {
	*command
	project *config.Project
	policy  *access.Policy
	block   *config.Access
	options selection
	sources map[string][]byte
	cover   *accesstest.Cover
	passed  int
	skipped int
	broken  diag.List
	cases   []map[string]any
	empty   []string // files without a case, which pass nothing
}

func (r *accessTestRun) file(file string) error {
	src, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return usage("there is no file %s", file)
	}
	if err != nil {
		return fmt.Errorf("reading cases: %w", err)
	}
	name := r.short(file)
	r.sources[name] = src
	cases, diags := config.ParseAccessTests(name, src, r.project)
	r.broken = append(r.broken, diags...)
	if len(diags) > 0 && !r.json {
		diag.WriteText(r.Err, diags, r.sources, diag.TextOptions{Color: r.Color})
	}
	if len(cases)+len(diags) == 0 {
		r.empty = append(r.empty, name)
	}
	for _, c := range cases {
		if r.options.leaves(c.Name) {
			r.skipped++
			continue
		}
		result := accesstest.Run(c, r.policy, r.block)
		r.cover.Add(result)
		r.tell(result)
	}
	return nil
}

// tell shows a case that failed; those that pass are only counted.
func (r *accessTestRun) tell(result accesstest.Result) {
	c, d := result.Case, result.Decision
	problems := []map[string]any{}
	for _, p := range result.Problems {
		problems = append(problems, map[string]any{"diagnostic": p.Diagnostic, "notes": append([]string{}, p.Notes...)})
	}
	r.cases = append(r.cases, map[string]any{
		"name": c.Name, "file": c.File, "line": c.Range.Start.Line, "passed": result.Passed(), "problems": problems,
		"effect": d.Effect, "rule": d.Rule, "reason": d.Reason, "visible": result.Seen.Visible(),
	})
	if result.Passed() {
		r.passed++
		return
	}
	if r.json {
		return
	}
	r.note("%s  %s  %s\n", r.red("failed"), r.bold(c.Name), r.dim(fmt.Sprintf("%s:%d", c.File, c.Range.Start.Line)))
	for _, p := range result.Problems {
		diag.WriteText(r.Err, diag.List{p.Diagnostic}, r.sources, diag.TextOptions{Color: r.Color})
		for _, line := range p.Notes {
			r.note("    %s", printable(line))
		}
		if len(p.Notes) > 0 {
			r.note("")
		}
	}
}

func (r *accessTestRun) end() error {
	failed, whole := len(r.cases)-r.passed, r.options.run == nil
	if r.json {
		doc := map[string]any{
			"passed": r.passed, "failed": failed, "skipped": r.skipped, "cases": append([]map[string]any{}, r.cases...),
			"diagnostics": append(diag.List{}, r.broken...),
		}
		if whole {
			doc["coverage"] = append([]*accesstest.Covered{}, r.cover.Rules()...)
		}
		if err := r.document(doc); err != nil {
			return err
		}
	} else {
		r.say("%s", r.summary())
		if hints := r.cover.Hints(); whole && failed == 0 && !r.broken.HasErrors() && len(hints) > 0 {
			r.note("%s %s.", r.dim("Hint:"), strings.Join(hints, ";\n      "))
		}
	}
	switch {
	case len(r.cases) == 0 && !r.broken.HasErrors() && r.skipped > 0:
		return usage("--run finds none of the %s", plural(r.skipped, "case", "cases"))
	case len(r.empty) > 0:
		return fmt.Errorf("there is no case in %s", strings.Join(r.empty, ", "))
	case failed > 0 || r.broken.HasErrors():
		return errSilent
	}
	return nil
}

func (r *accessTestRun) summary() string {
	parts := []string{fmt.Sprintf("%d of %s passed", r.passed, plural(len(r.cases), "case", "cases"))}
	if r.skipped > 0 {
		parts = append(parts, fmt.Sprintf("%d not run", r.skipped))
	}
	if n := r.broken.Count(diag.Error); n > 0 {
		parts = append(parts, plural(n, "problem in the files of cases", "problems in the files of cases"))
	}
	return strings.Join(parts, ", ") + "."
}
