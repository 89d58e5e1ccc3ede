package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/plimsoll-dev/plimsoll/hcl/policyfile"
	"github.com/spf13/cobra"
)

func (c *command) fmtCommand() *cobra.Command {
	var check, diff bool
	cmd := &cobra.Command{
		Use: "fmt [PATH ...]", Short: "Format .hcl files in place",
		Long: "Formats the project's .hcl files and every skill.hcl below it, or the files and\nfolders that are named. What cannot be parsed is left as it is and reported.",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{c.dir}
			}
			files, err := hclFiles(args)
			if err != nil {
				return err
			}
			return c.format(files, check, diff)
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "change nothing; exit 1 when a file is not formatted")
	cmd.Flags().BoolVar(&diff, "diff", false, "change nothing; print what would change")
	return cmd
}

func (c *command) format(files []string, check, diff bool) error {
	var diags diag.List
	sources := map[string][]byte{}
	changed := 0
	for _, name := range files {
		src, err := os.ReadFile(name)
		if err != nil {
			return fmt.Errorf("reading %s: %w", name, err)
		}
		sources[name] = src
		out, more := config.Format(name, src)
		diags = append(diags, more...)
		if more.HasErrors() || bytes.Equal(out, src) {
			continue
		}
		changed++
		switch {
		case diff:
			fmt.Fprint(c.Out, policyfile.Diff(src, out, c.short(name)))
		case check:
			c.say("%s", c.short(name))
		default:
			info, err := os.Stat(name)
			if err != nil {
				return err
			}
			if err := atomicfile.Write(name, out, info.Mode().Perm()); err != nil {
				return fmt.Errorf("writing %s: %w", name, err)
			}
			c.say("%s", c.short(name))
		}
	}
	if len(diags) > 0 {
		diag.WriteText(c.Err, diags, sources, diag.TextOptions{Color: c.Color})
	}
	if diags.HasErrors() || changed > 0 && check {
		return errSilent
	}
	return nil
}

// hclFiles lists the .hcl files of folders, and of the folders below them but
// hidden ones. The lock file has a form of its own.
func hclFiles(paths []string) ([]string, error) {
	var out []string
	for _, path := range paths {
		err := filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && name != path && d.Name()[0] == '.':
				return fs.SkipDir
			case !d.IsDir() && filepath.Ext(name) == ".hcl" && d.Name() != "plimsoll.lock.hcl":
				out = append(out, name)
			}
			return nil
		})
		if errors.Is(err, fs.ErrNotExist) {
			return nil, usage("there is no %s", path)
		}
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}
