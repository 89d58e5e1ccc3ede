// Command recall measures what core/harness finds on public queries, how fast,
// what it learns from use and when it abstains: the tables of the design's
// harness page, with their floors.
//
//	go run ./core/harness/recall -data DIR             # everything
//	go run ./core/harness/recall -data DIR -part learn # one part
//
// It prints one line a figure (what, target, measured, whether it holds), one
// line of summary, and exits 1 when a target is missed. All but the speed is
// seeded: two runs print the same. It must not tune anything: the weights are
// fixed in core/harness, and a figure that does not hold is a finding. No model
// takes part in any figure.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/bench/figure"
)

// bench is one run of the program.
type bench struct {
	data string // folder of the public data, which has retrieval/ in it
	only string // the name of one part; "" runs all
	// What a quick run has less of: the least that shows that a part works.
	queries int // of MetaTool's queries, spread over all; 0 means all
	seeds   int
	repeats int
}

func full() bench { return bench{seeds: 5, repeats: 9} }

type part struct {
	name string
	run  func(b bench) ([]figure.Figure, error)
}

func parts() []part {
	return []part{
		{"recall", recalls},
		{"bodies", bodies},
		{"learn", learning},
		{"step", steps},
		{"abstain", abstention},
		{"speed", speed},
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
	b := full()
	flag.StringVar(&b.data, "data", os.Getenv("PLIMSOLL_DATA"), "folder of the public data, which has retrieval/ in it")
	flag.StringVar(&b.only, "part", "", "run one part only: "+strings.Join(names(), ", "))
	flag.Parse()
	ok, err := b.run(os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "recall:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

// run prints the table and says whether every target holds. Without the data
// there is nothing to measure, which is said and is no failure.
func (b bench) run(out, progress io.Writer) (bool, error) {
	if b.only != "" && !slices.Contains(names(), b.only) {
		return false, fmt.Errorf("there is no part %q: the parts are %s", b.only, strings.Join(names(), ", "))
	}
	if _, err := os.Stat(filepath.Join(b.data, "retrieval")); b.data == "" || err != nil {
		_, err := fmt.Fprintf(out, "skipped: every part needs the public data, and there is no folder %q (-data, or PLIMSOLL_DATA)\n", filepath.Join(b.data, "retrieval"))
		return true, err
	}
	var all []figure.Figure
	for _, p := range parts() {
		if b.only != "" && p.name != b.only {
			continue
		}
		start := time.Now()
		figures, err := p.run(b)
		if err != nil {
			return false, fmt.Errorf("part %s: %w", p.name, err)
		}
		fmt.Fprintf(progress, "%s: %d figures in %.1f s\n", p.name, len(figures), time.Since(start).Seconds())
		all = append(all, figures...)
	}
	return figure.Print(out, "recall", all)
}
