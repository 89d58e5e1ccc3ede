package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/topology/load/result"
	"github.com/spf13/cobra"
)

func (c *command) benchImportCommand() *cobra.Command {
	var o struct{ out, label, model, topology, workload string }
	var gpus int
	var laid *result.Layout
	cmd := &cobra.Command{
		Use: "import FILE ...", Short: "Take over results of `vllm bench serve`",
		Long: "Reads the JSON files that `vllm bench serve --save-result` writes, with --save-detailed\n" +
			"or without, one or several results a file. Every figure keeps an id that says whose\n" +
			"it is, and what a file does not hold is said, not made up.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if gpus < 0 {
				return usage("--gpus %d is negative", gpus)
			}
			var all []result.Result
			var faults []error
			for _, path := range args {
				some, err := result.Read(c.at(path))
				switch {
				case err != nil:
					faults = append(faults, err)
				case len(some) > 0 && some[0].Imported == "":
					faults = append(faults, fmt.Errorf("%s was measured by Plimsoll: it needs no import, copy it with its raw requests", path))
				}
				all = append(all, some...)
			}
			if err := errors.Join(faults...); err != nil {
				return fmt.Errorf("nothing was imported: %w", err)
			}
			if o.topology != "" || o.workload != "" {
				found, err := c.benchBlocks(o.topology, o.model, o.workload)
				if err != nil {
					return err
				}
				if o.out == "" {
					o.out = found.out
				}
				if o.label == "" {
					o.label = found.label
				}
				if gpus == 0 {
					gpus = found.gpus
				}
				laid = found.Options.Layout
				o.model = found.model
				if err := sameLoad(all, found); err != nil {
					return err
				}
			}
			for i := range all {
				r := &all[i]
				if o.label != "" {
					r.Label = o.label
				}
				if gpus > 0 {
					r.GPUs = gpus
				}
				if laid != nil {
					r.Layout = laid
				}
				if o.model != "" && r.Endpoint.Model != o.model {
					if r.Endpoint.Model != "" {
						r.Warnings = append(r.Warnings, fmt.Sprintf("its file names the model %q", r.Endpoint.Model))
					}
					r.Endpoint.Model = o.model
				}
			}
			return c.benchImport(all, o.out, o.topology != "" || o.workload != "")
		},
	}
	cmd.Flags().StringVar(&o.out, "out", "", "folder that keeps them (default: none, they are shown alone)")
	cmd.Flags().StringVar(&o.topology, "topology", "", "a topology block that they are of; then decide reads them")
	cmd.Flags().StringVar(&o.workload, "workload", "", "a workload block that they are of")
	cmd.Flags().StringVar(&o.model, "model", "", "a model block, or a name in the place of the file's")
	cmd.Flags().StringVar(&o.label, "label", "", "what the results are called (default: the file's own label or name)")
	cmd.Flags().IntVar(&gpus, "gpus", 0, "GPUs of the server: the file does not say")
	return cmd
}

// sameLoad refuses results whose lengths are not the block's: decide would take
// them for measurements of what they are not.
func sameLoad(all []result.Result, b benchBlock) error {
	for _, r := range all {
		want := r.Sent()
		want.Input, want.Output = b.input, b.outputTokens
		if b.traced {
			return errors.New("a workload with a trace cannot be imported: the file does not say which arrivals were sent")
		}
		if !want.Close(r.Sent()) {
			return fmt.Errorf("%s has %d tokens in and %d out on average, and workload %q declares %d and %d: it is another workload", r.Name(), r.Workload.Input, r.Workload.Output, b.workload, b.input, b.outputTokens)
		}
	}
	return nil
}

func (c *command) benchImport(all []result.Result, out string, decide bool) error {
	var kept []string
	if out != "" {
		dir := c.at(out)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("making the folder of the results: %w", err)
		}
		names, err := importNames(dir, all)
		if err != nil {
			return err
		}
		for i, r := range all {
			path, err := r.Save(dir, names[i])
			if err != nil {
				return err
			}
			kept = append(kept, filepath.Base(path))
		}
	}
	if c.json {
		doc := benchDocument(all)
		lacks := map[string][]string{}
		for _, r := range all {
			lacks[r.Name()] = r.Lacks()
		}
		doc["out"], doc["files"], doc["lacks"] = filepath.ToSlash(out), append([]string{}, kept...), lacks
		return c.document(doc)
	}
	c.benchText(all, benchSLO{})
	c.say("\nNot in these files: %s.", strings.Join(commonLacks(all), "; "))
	switch {
	case out == "":
		c.next("nothing was kept: give --out DIR, or --topology NAME of a project so that decide reads them.")
	case decide:
		c.say("Kept in %s: %s.", c.short(c.at(out)), strings.Join(kept, ", "))
		c.next("plimsoll topology decide")
	default:
		c.say("Kept in %s: %s.", c.short(c.at(out)), strings.Join(kept, ", "))
		c.next("plimsoll topology bench compare %s OTHER", c.short(c.at(out)))
	}
	return nil
}

// commonLacks is what any of the results lacks, each once.
func commonLacks(all []result.Result) []string {
	var out []string
	seen := map[string]bool{}
	for _, r := range all {
		for _, l := range r.Lacks() {
			if !seen[l] {
				seen[l] = true
				out = append(out, l)
			}
		}
	}
	return out
}

// importNames are names of files that are not there yet: a second result at a pace
// is a measurement of its own, and no file is ever written over.
func importNames(dir string, all []result.Result) ([]string, error) {
	taken := map[string]bool{}
	var out []string
	for _, r := range all {
		base := "imported-" + result.FileName(r.Workload, r.Pace)
		name := base
		for n := 2; ; n++ {
			_, err := os.Stat(filepath.Join(dir, name+".json"))
			if errors.Is(err, fs.ErrNotExist) && !taken[name] {
				break
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, fmt.Errorf("looking for a file's name: %w", err)
			}
			name = fmt.Sprintf("%s-%d", base, n)
		}
		taken[name] = true
		out = append(out, name)
	}
	return out, nil
}
