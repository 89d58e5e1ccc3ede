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
	"time"

	"github.com/plimsoll-dev/plimsoll/core/author/watch"
	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// again runs the tests of a project once, or with --watch after every change of it.
func (s *selection) again(ctx context.Context, c *command, tests func() error) error {
	if !s.watch {
		return tests()
	}
	w := watch.New(300*time.Millisecond, c.dir)
	for {
		c.watched(c.dir, tests())
		if !w.Wait(ctx) {
			return nil
		}
	}
}

// withoutCode loads a project whose rules are tested without running anything:
// code that has to be built first is no reason to refuse, in a fresh checkout
// least of all.
func (c *command) withoutCode() (*engine.Project, error) {
	lo, err := c.loadOptions()
	if err != nil {
		return nil, err
	}
	p, diags := engine.LoadProject(lo)
	diags = slices.DeleteFunc(diags, func(d diag.Diagnostic) bool { return d.Code == "missing-code" })
	if diags.HasErrors() {
		return nil, c.refuse(p, diags)
	}
	return p, nil
}

// testFiles are those that are named, else those in a folder of the project. What
// they hold is said, and shown by an example, when there are none.
func testFiles(p *engine.Project, args []string, dir, what, example string) ([]string, error) {
	if len(args) > 0 {
		return args, nil
	}
	entries, err := os.ReadDir(filepath.Join(p.Dir, dir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("looking for %s: %w", what, err)
	}
	var out []string
	for _, e := range entries {
		if e.Type().IsRegular() && filepath.Ext(e.Name()) == ".hcl" {
			out = append(out, filepath.Join(p.Dir, dir, e.Name()))
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("there are no %s: write %s/NAME.hcl, such as\n\n%s", what, dir, indent(example))
	}
	return out, nil
}

func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" {
			b.WriteString("  ")
		}
		b.WriteString(line)
	}
	return b.String()
}
