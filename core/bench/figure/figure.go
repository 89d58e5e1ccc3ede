// Package figure prints what a benchmark has measured: a table of figures, each
// with its target, and one line that says how many targets hold. It measures
// nothing and decides nothing: whoever measures says whether a target holds.
//
//	held, err := figure.Print(os.Stdout, "recall", []figure.Figure{
//		figure.Show("tools", "2,797"),
//		{What: "recall@5", Target: ">= 0.630", Measured: "0.6412", Holds: true},
//	})
package figure

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Figure is one line of the table.
type Figure struct {
	What, Target, Measured string
	Shown                  bool // it has no target: it is only shown
	Holds                  bool // the target
}

// Show is a figure without a target.
func Show(what, measured string) Figure { return Figure{What: what, Measured: measured, Shown: true} }

// Print writes the table of a benchmark of that name, and tells whether every
// target holds. The error is that of the writer.
func Print(w io.Writer, name string, all []Figure) (held bool, err error) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "figure\ttarget\tmeasured\t")
	holds, targets := 0, 0
	for _, f := range all {
		mark := "MISSED"
		switch {
		case f.Shown:
			mark = "shown"
		case f.Holds:
			mark = "holds"
		}
		if !f.Shown {
			targets++
			if f.Holds {
				holds++
			}
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", f.What, f.Target, f.Measured, mark)
	}
	if err := t.Flush(); err != nil {
		return false, fmt.Errorf("printing the table: %w", err)
	}
	if _, err := fmt.Fprintf(w, "%s: %d of %d targets hold\n", name, holds, targets); err != nil {
		return false, fmt.Errorf("printing the summary: %w", err)
	}
	return holds == targets, nil
}
