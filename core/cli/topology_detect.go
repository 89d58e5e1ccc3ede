package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
	"github.com/plimsoll-dev/plimsoll/core/topology/detect"
	"github.com/spf13/cobra"
)

// topologyDetectCommand writes the blocks that describe the machine. It needs no
// project: it is how one begins.
func (c *command) topologyDetectCommand() *cobra.Command {
	var models []string
	var write string
	cmd := &cobra.Command{
		Use: "detect", Short: "Write hardware and model blocks from the machine itself",
		Long: "Asks nvidia-smi, nvcc, vLLM and the container runtimes what there is, reads the\n" +
			"config.json of models, and prints the blocks that say the same. It changes nothing\n" +
			"but the file that --write names, and never one that is there.\n\n" +
			"It ends with 1 when a block has to be filled in before it can be used.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			file, err := c.detectFile(cmd.Flags().Changed("write"), write)
			if err != nil {
				return err
			}
			for i, dir := range models {
				if dir == "" {
					return usage("--models: the name of the folder is empty")
				}
				models[i] = c.at(dir)
			}
			m := detect.Look(cmd.Context(), detect.Config{Runner: detect.Programs{}, Models: models, Env: c.lookup})
			return c.detected(m, file)
		},
	}
	cmd.Flags().StringArrayVar(&models, "models", nil, "folder with models: every config.json below it becomes a block; may be repeated")
	cmd.Flags().StringVar(&write, "write", "", "write the blocks to this file of the project instead of printing them")
	return cmd
}

// detectFile is where --write goes: below the project, and nothing may be there.
func (c *command) detectFile(given bool, name string) (string, error) {
	if !given {
		return "", nil
	}
	if !strings.HasSuffix(name, ".hcl") {
		return "", usage("--write %q: a file of config ends in .hcl; write --write topology.hcl", name)
	}
	path := c.at(name)
	if !filepath.IsAbs(name) {
		path = filepath.Join(c.at(c.dir), name)
	}
	switch _, err := os.Lstat(path); {
	case err == nil:
		return "", usage("--write %s: that file is there, and it may have been edited; name another one, or take it away first", name)
	case !errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("--write %s: %w", name, err)
	}
	return path, nil
}

func (c *command) detected(m detect.Machine, file string) error {
	folder := c.at(c.dir)
	if file != "" {
		folder = filepath.Dir(file)
	}
	text := m.HCL(detect.Block{Folder: folder})
	if file != "" {
		if err := atomicfile.Write(file, []byte(text), 0o644); err != nil {
			return fmt.Errorf("writing %s: %w", c.short(file), err)
		}
	}
	if c.json {
		doc := map[string]any{"machine": m, "hcl": text, "complete": m.Whole()}
		if file != "" {
			doc["wrote"] = c.short(file)
		}
		if err := c.document(doc); err != nil {
			return err
		}
	} else {
		c.describe(m, text, file)
	}
	if !m.Whole() {
		return errSilent
	}
	return nil
}

// describe prints the blocks alone on standard output, so that they can be sent
// into a file; what was not found goes beside it.
func (c *command) describe(m detect.Machine, text, file string) {
	if file == "" {
		fmt.Fprint(c.Out, text)
	} else {
		c.say("Wrote %s: %s, %s.", c.short(file), plural(len(m.GPUs), "GPU", "GPUs"), plural(len(m.Models), "model", "models"))
	}
	if len(m.Gaps) > 0 {
		c.note("\nNot found, or not as expected:")
	}
	for _, g := range m.Gaps {
		c.note("  %s: %s %s", c.bold(g.What), g.Why, g.Do)
	}
	switch {
	case !m.Whole() && file != "":
		c.note("\n%s fill in what stands in comments in %s, then plimsoll validate", c.bold("Next:"), c.short(file))
	case !m.Whole():
		c.note("\n%s plimsoll topology detect --write topology.hcl, fill in what stands in comments, then plimsoll validate", c.bold("Next:"))
	case file == "":
		c.note("\n%s plimsoll topology detect --write topology.hcl%s", c.bold("Next:"), c.withModels(m))
	case len(m.Models) == 0:
		c.note("\n%s add a model block to %s with the path of its config.json, then plimsoll topology decide", c.bold("Next:"), c.short(file))
	default:
		c.note("\n%s plimsoll topology decide", c.bold("Next:"))
	}
}

func (c *command) withModels(m detect.Machine) string {
	if len(m.Models) > 0 {
		return " with the same --models"
	}
	return " --models DIR, where the models lie in DIR"
}
