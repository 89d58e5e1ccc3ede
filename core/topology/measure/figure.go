package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// figure is one line of the table. A figure without a target is only shown.
type figure struct {
	what, target, measured string
	shown, holds           bool
}

func show(what, measured string) figure { return figure{what: what, measured: measured, shown: true} }

func table(w io.Writer, all []figure) (bool, error) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "figure\ttarget\tmeasured\t")
	held, targets := 0, 0
	for _, f := range all {
		mark := "MISSED"
		switch {
		case f.shown:
			mark = "shown"
		case f.holds:
			mark = "holds"
		}
		if !f.shown {
			targets++
			if f.holds {
				held++
			}
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", f.what, f.target, f.measured, mark)
	}
	if err := t.Flush(); err != nil {
		return false, fmt.Errorf("printing the table: %w", err)
	}
	if _, err := fmt.Fprintf(w, "topology: %d of %d targets hold\n", held, targets); err != nil {
		return false, fmt.Errorf("printing the summary: %w", err)
	}
	return held == targets, nil
}
