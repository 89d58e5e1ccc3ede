// Command truth measures how often core/verdict is wrong, and how often it
// finds what it should: the settings of the design's "Proof that it works".
//
//	go run ./core/verdict/truth                 # boundary settings and fuzzed verdicts
//	go run ./core/verdict/truth -data DIR       # and the public per-item tables
//
// It prints one line a figure (what, target, measured, whether it holds), one
// line of summary, and exits 1 when a target is missed. Everything is seeded:
// two runs print the same. It must not tune anything: the methods are fixed in
// core/verdict, and a figure that does not hold is a finding.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
)

// size is how much to simulate.
type size struct {
	reps     int // repetitions of each boundary setting
	verdicts int // fuzzed verdicts
	draws    int // draws from each public cell
}

func main() {
	var s size
	data := flag.String("data", os.Getenv("PLIMSOLL_DATA"), "folder of the public data, which has verdict/*.csv in it")
	flag.IntVar(&s.reps, "reps", 20_000, "repetitions of each boundary setting")
	flag.IntVar(&s.verdicts, "verdicts", 1_000_000, "fuzzed verdicts")
	flag.IntVar(&s.draws, "draws", 2_000, "draws from each public cell")
	flag.Parse()
	ok, err := run(os.Stdout, s, *data)
	if err != nil {
		fmt.Fprintln(os.Stderr, "truth:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

// figure is one line of the table. A figure without a target is only shown.
type figure struct {
	what, target, measured string
	shown, holds           bool
}

func run(w io.Writer, s size, data string) (bool, error) {
	var all []figure
	all = append(all, identical()...)
	all = append(all, exact()...)
	all = append(all, boundary(s.reps)...)
	all = append(all, fuzzed(s.verdicts)...)
	if data == "" {
		fmt.Fprintln(w, "skipped: the public tables (no -data, and PLIMSOLL_DATA is not set)")
	} else {
		figures, err := public(data, s.draws)
		if err != nil {
			return false, err
		}
		all = append(all, figures...)
	}
	return print(w, all)
}

func print(w io.Writer, all []figure) (bool, error) {
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
	if _, err := fmt.Fprintf(w, "truth: %d of %d targets hold\n", held, targets); err != nil {
		return false, fmt.Errorf("printing the summary: %w", err)
	}
	return held == targets, nil
}
