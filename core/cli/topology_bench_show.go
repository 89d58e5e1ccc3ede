package cli

import (
	"errors"
	"fmt"

	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
	"github.com/plimsoll-dev/plimsoll/core/topology/load/page"
	"github.com/plimsoll-dev/plimsoll/core/topology/load/result"
	"github.com/spf13/cobra"
)

func (c *command) benchShowCommand() *cobra.Command {
	var html, csv string
	cmd := &cobra.Command{
		Use: "show PATH ...", Short: "Print results that were kept, or that another tool wrote",
		Long: "Reads result files and folders of them: those of `plimsoll topology bench` and those of\n`vllm bench serve`. Raw requests that lie beside a result must be those that it was\ncomputed from.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			all, err := c.benchRead(args)
			if len(all) == 0 {
				return err
			}
			return errors.Join(c.benchShow(all, html, csv), err)
		},
	}
	cmd.Flags().StringVar(&html, "html", "", "write a page of them to this file")
	cmd.Flags().StringVar(&csv, "csv", "", "write a table of them to this file")
	return cmd
}

// benchRead reads results of files and folders. With an error there may be results
// too: those of the files that could be read.
func (c *command) benchRead(paths []string) ([]result.Result, error) {
	var at []string
	for _, p := range paths {
		at = append(at, c.at(p))
	}
	all, faults := result.Collect(at)
	return all, errors.Join(faults...)
}

func (c *command) benchShow(all []result.Result, html, csv string) error {
	groups := result.Groups(all)
	if html != "" && len(groups) > 1 {
		return usage("--html: these are results of %d loads, such as %s and %s, whose throughput cannot stand on one page: name fewer", len(groups), loadOf(groups[0]), loadOf(groups[1]))
	}
	var files []string
	if html != "" {
		src, err := page.HTML(all, page.Options{Title: benchTitle(all)})
		if err != nil {
			return err
		}
		if err := atomicfile.Write(c.at(html), src, 0o644); err != nil {
			return fmt.Errorf("writing the page: %w", err)
		}
		files = append(files, html)
	}
	if csv != "" {
		if err := atomicfile.Write(c.at(csv), result.CSV(all), 0o644); err != nil {
			return fmt.Errorf("writing the table: %w", err)
		}
		files = append(files, csv)
	}
	if c.json {
		doc := benchDocument(all)
		doc["files"] = append([]string{}, files...)
		return c.document(doc)
	}
	c.benchText(all, benchSLO{})
	for _, f := range files {
		c.say("Wrote %s.", f)
	}
	if html == "" {
		c.next("plimsoll topology bench compare A B says which of two is better; show --html FILE draws them.")
	} else {
		c.next("open %s", html)
	}
	return nil
}

// loadOf a group in words, with its model.
func loadOf(group []result.Result) string {
	l := group[0].Sent()
	if l.Model == "" {
		return l.String()
	}
	return fmt.Sprintf("%s (%s)", l, l.Model)
}
