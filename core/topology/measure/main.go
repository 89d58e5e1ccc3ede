// Command measure holds core/topology against what other people measured:
// which layout it picks, what that keeps, and how far its times are off.
//
//	go run ./core/topology/measure -data ../shared/data
//	go run ./core/topology/measure -data ../shared/data -part picks
//	make bench-topology DATA=../shared/data
//
// It prints one line a figure (what, target, measured, whether it holds), one
// line of summary, and exits 1 when a target is missed. Nothing in it is
// random: two runs print the same. It must not tune what it reports: constants
// are the textbook's, or fitted on other models than the one that is decided.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/bench/figure"
)

// bench is one run of the program.
type bench struct {
	data string // folder that has topology/*.csv in it
	only string // the name of one part; "" runs all
}

// part is one piece of the table; it may print tables of its own to w.
type part struct {
	name string
	run  func(dir string, w io.Writer) ([]figure.Figure, error)
}

func parts() []part {
	return []part{
		{"picks", picks}, {"held", held}, {"anchor", anchored}, {"modes", modes}, {"errors", timeErrors},
		{"kv", transfers}, {"reduce", reductions}, {"reference", reference}, {"cases", cases},
	}
}

func names() []string {
	var out []string
	for _, p := range parts() {
		out = append(out, p.name)
	}
	return out
}

func main() {
	var b bench
	flag.StringVar(&b.data, "data", os.Getenv("PLIMSOLL_DATA"), "folder of the public data, which has topology/*.csv in it")
	flag.StringVar(&b.only, "part", "", "run one part only: "+strings.Join(names(), ", "))
	flag.Parse()
	ok, err := b.run(os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "topology:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

// run prints the table and says whether every target holds.
func (b bench) run(w io.Writer) (bool, error) {
	if b.only != "" && !slices.Contains(names(), b.only) {
		return false, fmt.Errorf("there is no part %q: the parts are %s", b.only, strings.Join(names(), ", "))
	}
	dir := filepath.Join(b.data, "topology")
	if b.data != "" {
		if _, err := os.Stat(dir); err != nil {
			return false, fmt.Errorf("looking for the public data: %w", err)
		}
	}
	var all []figure.Figure
	for _, p := range parts() {
		switch {
		case b.only != "" && p.name != b.only:
			continue
		case b.data == "" && p.name != "cases":
			fmt.Fprintf(w, "skipped: %s, for want of the public tables (no -data, and PLIMSOLL_DATA is not set)\n", p.name)
			continue
		}
		figures, err := p.run(dir, w)
		if err != nil {
			return false, fmt.Errorf("part %s: %w", p.name, err)
		}
		all = append(all, figures...)
	}
	return figure.Print(w, "topology", all)
}
