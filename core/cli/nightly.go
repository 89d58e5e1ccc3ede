package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/evolve"
	"github.com/plimsoll-dev/plimsoll/core/report"
	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
	"github.com/spf13/cobra"
)

func (c *command) nightlyCommand() *cobra.Command {
	var o nightFlags
	cmd := &cobra.Command{
		Use: "nightly", Short: "Measure what may move down, move what is proved, report",
		Long: "One night: measures every step that may move, moves those whose verdict allows it in\nthe policy file, and writes a report as Markdown, JSON and one HTML page. A night in\nwhich everything holds is a success.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.night(cmd.Context(), o) },
	}
	cmd.Flags().StringVarP(&o.out, "out", "o", "", "folder for the reports (default .plimsoll/reports/DATE in the project)")
	cmd.Flags().BoolVar(&o.detailed, "detailed-exitcode", false, "exit 3 when the policy file was changed, or would be")
	patchFlag(cmd, &o.patch, "write the policy change to this `FILE` for git apply, and leave the policy file as it is")
	return cmd
}

func (c *command) evolveCommand() *cobra.Command {
	var o nightFlags
	cmd := &cobra.Command{
		Use: "evolve SKILL", Short: "The same as a night, for one skill",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.only = args[0]
			return c.night(cmd.Context(), o)
		},
	}
	cmd.Flags().StringVarP(&o.out, "out", "o", "", "folder for the reports (default .plimsoll/reports/DATE in the project)")
	return cmd
}

// nightFlags are what a night was asked for.
type nightFlags struct {
	only     string // one skill
	out      string
	patch    string // file
	detailed bool
}

func (c *command) night(ctx context.Context, o nightFlags) error {
	if err := errors.Join(c.patchable(o.patch), c.reportable(o.out)); err != nil {
		return err
	}
	e, err := c.open(ctx, "")
	if err != nil {
		return err
	}
	defer e.Close()
	if o.only != "" {
		if _, err := e.Project.Skill(o.only); err != nil {
			return err
		}
	}
	p := &progress{c: c}
	night, err := e.Nightly(ctx, engine.NightOptions{Only: o.only, Patch: o.patch != "", Watch: p.skill, Items: p.items, Waiting: c.waitingForNight})
	p.clear()
	if err != nil {
		return err
	}
	out := c.at(o.out)
	if o.out == "" {
		out = freshFolder(filepath.Join(e.Project.Dir, engine.StateDir, "reports", night.AsOf.Format("2006-01-02")))
	}
	files, err := writeReports(out, *night)
	if err != nil {
		return err
	}
	if o.patch != "" {
		// Empty when nothing moves: a patch of an earlier night must not stay behind.
		if err := atomicfile.Write(c.at(o.patch), []byte(night.Policy), 0o644); err != nil {
			return fmt.Errorf("writing the patch: %w", err)
		}
	}
	if err := c.showNight(e, *night, files, o.patch); err != nil {
		return err
	}
	if len(night.Problems) > 0 {
		return fmt.Errorf("the night went on without what is broken:\n%s", strings.Join(night.Problems, "\n"))
	}
	if o.detailed && night.Totals.Moved > 0 {
		return &problem{code: exitPending, silent: true}
	}
	return nil
}

func (c *command) showNight(e *engine.Engine, n report.Night, files []string, patch string) error {
	if c.json {
		raw, err := report.JSON(n)
		if err != nil {
			return err
		}
		_, err = c.Out.Write(raw)
		return err
	}
	report.Terminal(c.Out, n, report.TerminalOptions{Width: c.Width, Color: c.Color})
	c.say("")
	for _, f := range files {
		c.say("report    %s", c.short(f))
	}
	if patch != "" {
		c.say("patch     %s", c.short(c.at(patch)))
		if n.Policy == "" {
			c.next("the patch is empty: nothing would change. plimsoll plan shows what the next night would buy.")
		} else {
			c.next("git apply %s, then commit it with the evidence folder. Until then the next night proposes the same and buys nothing for it.", c.short(c.at(patch)))
		}
		return nil
	}
	if n.Policy != "" {
		c.say("changed   %s", c.short(filepath.Join(e.Project.Dir, engine.PolicyFile)))
	}
	if n.Totals.Moved > 0 {
		c.next("review %s and the evidence folder like any other diff, then commit both.", engine.PolicyFile)
	} else {
		c.next("plimsoll plan shows what the next night would buy; plimsoll explain SKILL says why one holds.")
	}
	return nil
}

// short is a path as seen from the working directory, where that is shorter.
func (c *command) short(path string) string {
	wd, err := c.at("."), error(nil)
	if wd == "." {
		wd, err = os.Getwd()
	}
	if err != nil {
		return path
	}
	abs, err := filepath.Abs(c.at(path))
	if err != nil {
		return path
	}
	rel, err := filepath.Rel(wd, abs)
	if err != nil || len(rel) > len(abs) {
		return path
	}
	return filepath.ToSlash(rel)
}

// freshFolder is the name of a folder that does not exist yet: a second night of
// a day must not take away the report of the first, which told what moved.
func freshFolder(base string) string {
	name := base
	for n := 2; ; n++ {
		if _, err := os.Stat(name); err != nil {
			return name
		}
		name = fmt.Sprintf("%s-%d", base, n)
	}
}

// writeReports writes the three forms of a report.
func writeReports(dir string, n report.Night) ([]string, error) {
	doc, err := report.JSON(n)
	if err != nil {
		return nil, err
	}
	page, err := report.HTML(n)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("making the folder for reports: %w", err)
	}
	var files []string
	var errs []error
	for _, f := range []struct {
		name string
		data []byte
	}{{"night.html", page}, {"night.md", report.Markdown(n)}, {"night.json", doc}} {
		path := filepath.Join(dir, f.name)
		errs = append(errs, atomicfile.Write(path, f.data, 0o644))
		files = append(files, path)
	}
	return files, errors.Join(errs...)
}

// progress draws one line on a terminal's standard error; elsewhere it is silent
// but for one line a skill.
type progress struct {
	c    *command
	line string
}

func (p *progress) skill(done, of int, what string) {
	if what == "" {
		return
	}
	p.line = fmt.Sprintf("[%d/%d] %s", done+1, of, what)
	if p.c.Live {
		fmt.Fprintf(p.c.Err, "\r\x1b[K%s", p.line)
		return
	}
	if !p.c.json {
		p.c.note("%s", p.line)
	}
}

func (p *progress) items(i evolve.Progress) {
	if p.c.Live {
		fmt.Fprintf(p.c.Err, "\r\x1b[K%s -> %s: %d of at most %d items", p.line, i.Candidate, i.Items, i.Of)
	}
}

func (p *progress) clear() {
	if p.c.Live {
		fmt.Fprint(p.c.Err, "\r\x1b[K")
	}
}
