package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/author/policytest"
	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/spf13/cobra"
)

// policyTestDir is where a project keeps tests of its policies.
const policyTestDir = "policy_tests"

type policyTestOptions struct {
	selection
	explain bool
}

func (c *command) policyTest() *cobra.Command {
	var o policyTestOptions
	cmd := &cobra.Command{
		Use: "test [FILE ...]", Short: "Test the rules of policies by cases in files",
		Long: "Runs the tests in policy_tests/*.hcl, or in the files that are named: what was measured,\nwhat happened meanwhile, and what a night must decide. The decisions are made by the code\nof a night; no model is called, and no state is opened. See docs/policies.md.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.read(c); err != nil {
				return err
			}
			return o.again(cmd.Context(), c, func() error { return c.testPolicies(cmd.Context(), args, o) })
		},
	}
	o.flags(cmd, "tests", "project")
	cmd.Flags().BoolVar(&o.explain, "explain", false, "print what the rules saw in every night, and the verdict")
	return cmd
}

func (c *command) testPolicies(ctx context.Context, args []string, o policyTestOptions) error {
	p, err := c.withoutCode()
	if err != nil {
		return err
	}
	house, diags := p.Rehearsals()
	if diags.HasErrors() {
		return c.refuse(p, diags)
	}
	files, err := testFiles(p, args, policyTestDir, "policy tests", config.Schema().Tests[0].Example)
	if err != nil {
		return err
	}
	r := policyTestRun{command: c, project: p, house: house, options: o, sources: p.Sources, paths: map[string]string{}, cover: policytest.NewCover(p.Config.Policies)}
	for _, file := range files {
		if err := r.file(ctx, file); err != nil {
			return err
		}
	}
	return r.end()
}

// policyTestRun is one run over all files of tests.
type policyTestRun struct {
	*command
	project *engine.Project
	house   policytest.House
	options policyTestOptions
	sources map[string][]byte
	paths   map[string]string // of files, by the name that is shown
	cover   *policytest.Cover
	passed  int
	failed  int
	skipped int
	broken  diag.List
	tests   []map[string]any
	empty   []string // files without a test, which pass nothing
}

func (r *policyTestRun) file(ctx context.Context, file string) error {
	src, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return usage("there is no file %s", file)
	}
	if err != nil {
		return fmt.Errorf("reading tests: %w", err)
	}
	name := r.short(file)
	r.sources[name], r.paths[name] = src, file
	tests, diags := config.ParsePolicyTests(name, src, r.project.Config)
	r.broken = append(r.broken, diags...)
	if len(diags) > 0 && !r.json {
		diag.WriteText(r.Err, diags, r.sources, diag.TextOptions{Color: r.Color})
	}
	if len(tests)+len(diags) == 0 {
		r.empty = append(r.empty, name)
	}
	for _, t := range tests {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if r.options.leaves(t.Name) {
			r.skipped++
			continue
		}
		result := policytest.Run(t, r.house, policytest.Options{File: r.beside})
		r.cover.Add(result)
		if err := r.tell(result); err != nil {
			return err
		}
	}
	return nil
}

// beside reads a file next to a file of tests, and no other.
func (r *policyTestRun) beside(tests, name string) ([]byte, error) {
	root, err := os.OpenRoot(filepath.Dir(r.paths[tests]))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.ReadFile(filepath.FromSlash(name))
}

// tell shows a test that failed; those that pass are only counted.
func (r *policyTestRun) tell(result policytest.Result) error {
	t := result.Test
	nights, err := r.nights(result)
	if err != nil {
		return err
	}
	problems := []map[string]any{}
	for _, p := range result.Problems {
		problems = append(problems, map[string]any{"diagnostic": p.Diagnostic, "notes": append([]string{}, p.Notes...)})
	}
	r.tests = append(r.tests, map[string]any{"name": t.Name, "file": t.File, "line": t.Range.Start.Line, "passed": result.Passed(), "problems": problems, "nights": nights})
	if result.Passed() {
		r.passed++
	} else {
		r.failed++
	}
	if r.json {
		return nil
	}
	if !result.Passed() {
		r.note("%s  %s  %s\n", r.red("failed"), r.bold(t.Name), r.dim(fmt.Sprintf("%s:%d", t.File, t.Range.Start.Line)))
	}
	for _, p := range result.Problems {
		diag.WriteText(r.Err, diag.List{p.Diagnostic}, r.sources, diag.TextOptions{Color: r.Color})
		for _, line := range p.Notes {
			r.note("    %s", printable(line))
		}
		if len(p.Notes) > 0 {
			r.note("")
		}
	}
	return nil
}

// nights are those of a test as a document; with --explain they are printed.
func (r *policyTestRun) nights(result policytest.Result) ([]map[string]any, error) {
	out := []map[string]any{}
	for _, n := range result.Nights {
		saw, err := policytest.Saw(n)
		if err != nil {
			return nil, err
		}
		night := map[string]any{"at": n.At, "decision": n.Decision(), "reason": n.Reason(), "causes": append(n.Causes()[:0:0], n.Causes()...), "from": n.From, "to": n.To, "epoch": n.Epoch, "saw": saw}
		if !n.CooldownUntil.IsZero() {
			night["cooldown_until"] = n.CooldownUntil
		}
		out = append(out, night)
		if !r.options.explain || r.json {
			continue
		}
		r.say("%s  %s  %s", r.bold(result.Test.Name), n.At.Format("2006-01-02 15:04"), n.Decision())
		for _, line := range policytest.Lines(saw) {
			r.say("    %s", printable(line))
		}
		r.say("")
	}
	return out, nil
}

func (r *policyTestRun) end() error {
	whole := r.options.run == nil
	if r.json {
		doc := map[string]any{
			"passed": r.passed, "failed": r.failed, "skipped": r.skipped, "tests": slices.Clip(r.tests),
			"diagnostics": append(diag.List{}, r.broken...),
		}
		if r.tests == nil {
			doc["tests"] = []any{}
		}
		if whole {
			doc["coverage"] = append([]*policytest.Covered{}, r.cover.Rules()...)
		}
		if err := r.document(doc); err != nil {
			return err
		}
	} else {
		r.say("%s", r.summary())
		if hints := r.cover.Hints(); whole && r.failed == 0 && !r.broken.HasErrors() && len(hints) > 0 {
			r.note("%s %s.", r.dim("Hint:"), strings.Join(hints, ";\n      "))
		}
	}
	switch {
	case len(r.tests) == 0 && !r.broken.HasErrors() && r.skipped > 0:
		return usage("--run finds none of the %s", plural(r.skipped, "test", "tests"))
	case len(r.empty) > 0:
		return fmt.Errorf("there is no test in %s", strings.Join(r.empty, ", "))
	case r.failed > 0 || r.broken.HasErrors():
		return errSilent
	}
	return nil
}

func (r *policyTestRun) summary() string {
	parts := []string{fmt.Sprintf("%d of %s passed", r.passed, plural(len(r.tests), "test", "tests"))}
	if r.skipped > 0 {
		parts = append(parts, fmt.Sprintf("%d not run", r.skipped))
	}
	if n := r.broken.Count(diag.Error); n > 0 {
		parts = append(parts, plural(n, "problem in the files of tests", "problems in the files of tests"))
	}
	return strings.Join(parts, ", ") + "."
}
