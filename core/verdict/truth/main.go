// Command truth measures how often core/verdict is wrong, and how often it
// finds what it should: the settings of the design's "Proof that it works",
// and the rules that people use instead, beside it.
//
//	go run ./core/verdict/truth                  # everything that needs no data
//	go run ./core/verdict/truth -data DIR        # and the public per-item tables
//	go run ./core/verdict/truth -data DIR -part rates -csv cells.csv -plot rates.svg
//	go run ./core/verdict/truth -part boundary   # one part
//
// It prints one line a figure (what, target, measured, whether it holds), one
// line of summary, and exits 1 when a target is missed. Everything is seeded:
// two runs print the same. It must not tune anything: the methods are fixed in
// core/verdict, and a figure that does not hold is a finding. Every candidate,
// price and night in it is simulated, save the scores of the public tables.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/bench/figure"
)

// size is how much to simulate.
type size struct {
	reps     int // repetitions of each boundary setting
	verdicts int // fuzzed verdicts
	draws    int // draws from each public cell
	quarters int // simulated quarters
	years    int // simulated years after a move down
}

func full() size {
	return size{reps: 20_000, verdicts: 1_000_000, draws: 2_000, quarters: 60, years: 2_000}
}

// bench is one run of the program.
type bench struct {
	size
	data  string    // folder of the public data, which has verdict/*.csv in it; "" skips what needs it
	only  string    // the name of one part; "" runs all
	csv   io.Writer // one line a cell and rule; nil writes none
	plot  io.Writer // SVG of error against cost; nil draws none
	times io.Writer // how long each part took, which two runs do not share; nil is silent
}

// part is one piece of the table. Its figures come in a fixed order and depend
// on the seeds alone, not on the machine.
type part struct {
	name   string
	public bool // needs the public data
	run    func(b bench, w io.Writer) ([]figure.Figure, error)
}

// parts in the order of the table. A part may print a table of its own to w;
// what has a target is a figure.
func parts() []part {
	plain := func(f func(b bench) []figure.Figure) func(bench, io.Writer) ([]figure.Figure, error) {
		return func(b bench, _ io.Writer) ([]figure.Figure, error) { return f(b), nil }
	}
	return []part{
		{name: "identical", run: plain(func(bench) []figure.Figure { return identical() })},
		{name: "exact", run: plain(func(bench) []figure.Figure { return append(exact(), paths()...) })},
		{name: "boundary", run: plain(func(b bench) []figure.Figure { return boundary(b.reps) })},
		{name: "fuzz", run: plain(func(b bench) []figure.Figure { return fuzzed(b.verdicts) })},
		{name: "quarter", run: plain(func(b bench) []figure.Figure { return quarters(b.quarters) })},
		{name: "drift", run: plain(func(b bench) []figure.Figure { return watch(b.years) })},
		{name: "public", public: true, run: func(b bench, _ io.Writer) ([]figure.Figure, error) { return public(b.data, b.draws) }},
		{name: "rates", public: true, run: rateTable},
		{name: "judges", public: true, run: judgeFigures},
	}
}

func main() {
	b := bench{size: full(), times: os.Stderr}
	flag.StringVar(&b.data, "data", os.Getenv("PLIMSOLL_DATA"), "folder of the public data, which has verdict/*.csv in it")
	flag.StringVar(&b.only, "part", "", "run one part only: "+strings.Join(names(), ", "))
	csv := flag.String("csv", "", "write the rate table's per-cell results to this file")
	plot := flag.String("plot", "", "draw error against cost into this SVG file")
	flag.IntVar(&b.reps, "reps", b.reps, "repetitions of each boundary setting")
	flag.IntVar(&b.verdicts, "verdicts", b.verdicts, "fuzzed verdicts")
	flag.IntVar(&b.draws, "draws", b.draws, "draws from each public cell")
	flag.IntVar(&b.quarters, "quarters", b.quarters, "simulated quarters of 960 skills")
	flag.IntVar(&b.years, "years", b.years, "simulated years after a move down")
	flag.Parse()
	ok, err := b.files(os.Stdout, *csv, *plot)
	if err != nil {
		fmt.Fprintln(os.Stderr, "truth:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

func names() []string {
	var out []string
	for _, p := range parts() {
		out = append(out, p.name)
	}
	return out
}

// files runs b with its two output files, which are opened first: ten minutes
// of figures must not end at a folder that is not there.
func (b bench) files(w io.Writer, csv, plot string) (ok bool, err error) {
	for _, f := range []struct {
		path string
		to   *io.Writer
	}{{csv, &b.csv}, {plot, &b.plot}} {
		if f.path == "" {
			continue
		}
		file, err := os.Create(f.path)
		if err != nil {
			return false, fmt.Errorf("opening an output: %w", err)
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		*f.to = file
	}
	return b.run(w)
}

// run prints the table and says whether every target holds. An unknown part is
// an error; parts without their data are named and skipped.
func (b bench) run(w io.Writer) (bool, error) {
	if b.only != "" && !slices.Contains(names(), b.only) {
		return false, fmt.Errorf("there is no part %q: the parts are %s", b.only, strings.Join(names(), ", "))
	}
	var all []figure.Figure
	for _, p := range parts() {
		switch {
		case b.only != "" && p.name != b.only:
			continue
		case p.public && b.data == "":
			fmt.Fprintf(w, "skipped: %s, for want of the public tables (no -data, and PLIMSOLL_DATA is not set)\n", p.name)
			continue
		}
		start := time.Now()
		figures, err := p.run(b, w)
		if err != nil {
			return false, fmt.Errorf("part %s: %w", p.name, err)
		}
		if b.times != nil {
			fmt.Fprintf(b.times, "%s: %d figures in %.1f s\n", p.name, len(figures), time.Since(start).Seconds())
		}
		all = append(all, figures...)
	}
	return figure.Print(w, "truth", all)
}
