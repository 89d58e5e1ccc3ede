package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
	"github.com/spf13/cobra"
)

// patchFlag is --patch FILE of a command. An empty name is refused, since it is
// most often a variable that a script did not set: without this the command
// would do at once what it was asked to propose.
func patchFlag(cmd *cobra.Command, file *string, what string) {
	cmd.Flags().StringVar(file, "patch", "", what)
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		if cmd.Flags().Changed("patch") && *file == "" {
			return usage("--patch: the name of the file is empty; write --patch FILE")
		}
		return nil
	}
}

// patchable refuses a file that no patch may be written to, before anything is
// bought: what is there and is no patch would be lost, and a .hcl file would be
// read as config.
func (c *command) patchable(file string) error {
	if file == "" {
		return nil
	}
	path := c.at(file)
	if strings.HasSuffix(path, ".hcl") || strings.HasSuffix(path, ".hcl.json") {
		return usage("--patch %s: that is a name of config, which a patch would replace; write --patch night.patch", file)
	}
	info, err := os.Stat(c.at(file))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return writable("--patch "+file, filepath.Dir(path))
	case err != nil:
		return fmt.Errorf("--patch %s: %w", file, err)
	case !info.Mode().IsRegular():
		return usage("--patch %s: that is no file; write --patch FILE", file)
	}
	is, err := c.isPatch(file)
	if err != nil {
		return fmt.Errorf("--patch %s: %w", file, err)
	}
	if !is {
		return usage("--patch %s: that file is there and is no patch, so that it would be lost; name another one", file)
	}
	return writable("--patch "+file, filepath.Dir(path))
}

// isPatch tells whether a file is empty or begins as a diff does.
func (c *command) isPatch(file string) (bool, error) {
	f, err := os.Open(c.at(file))
	if err != nil {
		return false, err
	}
	head, err := io.ReadAll(io.LimitReader(f, 16))
	if err = errors.Join(err, f.Close()); err != nil {
		return false, err
	}
	return len(head) == 0 || bytes.HasPrefix(head, []byte("--- ")) || bytes.HasPrefix(head, []byte("diff ")), nil
}

// reportable makes the folder that a person named for reports before anything is
// bought, so that a night whose report cannot be written does not begin.
func (c *command) reportable(out string) error {
	if out == "" {
		return nil
	}
	if err := os.MkdirAll(c.at(out), 0o755); err != nil {
		return fmt.Errorf("making the folder for reports: %w", err)
	}
	return writable("--out "+out, c.at(out))
}

// writable tries a folder by a file, for permissions alone do not say it.
func writable(what, folder string) error {
	f, err := os.CreateTemp(folder, ".plimsoll-*")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: there is no folder %s", what, folder)
	case err != nil:
		return fmt.Errorf("%s: nothing can be written in %s: %w", what, folder, errors.Unwrap(err))
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// writePatch writes a diff where a person asked for it.
func (c *command) writePatch(file, text string) error {
	switch {
	case file == "":
		return nil
	case text == "":
		c.note("There is nothing to patch: %s is not written.", file)
		return nil
	}
	if err := atomicfile.Write(c.at(file), []byte(text), 0o644); err != nil {
		return fmt.Errorf("writing the patch: %w", err)
	}
	c.note("The patch is in %s. Nothing was applied.", file)
	return nil
}
