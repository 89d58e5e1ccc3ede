package cli

import (
	"errors"
	"regexp"

	"github.com/spf13/cobra"
)

// selection is which tests of files run, and whether they run again whenever a
// file changes.
type selection struct {
	pattern string
	run     *regexp.Regexp // nil is all
	watch   bool
}

// flags declares both; tests are what is chosen, of is whose files are watched.
func (s *selection) flags(cmd *cobra.Command, tests, of string) {
	cmd.Flags().StringVar(&s.pattern, "run", "", "only "+tests+" whose name this regular expression finds")
	cmd.Flags().BoolVar(&s.watch, "watch", false, "test again whenever a file of the "+of+" changes, until Ctrl-C")
}

// read takes the flags as they were given.
func (s *selection) read(c *command) error {
	if s.pattern != "" {
		re, err := regexp.Compile(s.pattern)
		if err != nil {
			return usage("--run %q is not a regular expression: %w", s.pattern, err)
		}
		s.run = re
	}
	if s.watch && c.json {
		return usage("--watch and --json do not go together: a watch never ends")
	}
	return nil
}

// leaves tells whether a test is not among those chosen.
func (s *selection) leaves(name string) bool { return s.run != nil && !s.run.MatchString(name) }

// watched says how a run ended that will come again: what a run printed itself is
// not said twice.
func (c *command) watched(dir string, err error) {
	var p *problem
	if err != nil && !errors.As(err, &p) {
		c.note("%s %v", c.red("Error:"), err)
	}
	c.say("\n%s", c.dim("Watching "+c.short(dir)+"; Ctrl-C ends."))
}
