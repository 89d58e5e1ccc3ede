package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"text/tabwriter"

	"github.com/plimsoll-dev/plimsoll/core/bench/figure"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

// tally is what one rule did on one cell.
type tally struct {
	draws, moved, spent int
}

func (t tally) rate() float64 { return float64(t.moved) / float64(max(t.draws, 1)) }
func (t tally) cost() float64 { return float64(t.spent) / float64(max(t.draws, 1)) }

// gradedShare is how many draws go to one bootstrap of a graded cell: resampling
// 400 items 500 times costs what hundreds of draws of any other rule do.
const gradedShare = 10

// compare draws from every cell and lets every rule decide on the same draws:
// tallies by cell and rule.
func compare(cells []cell, rules []rule, n int) [][]tally {
	out := make([][]tally, len(cells))
	each(len(cells), func(i int) {
		out[i] = make([]tally, len(rules))
		c := cells[i]
		s := newSample(c)
		for k := range n {
			s.draw(c, random(uint64(i)<<32|uint64(k)<<4|11))
			for j, rule := range rules {
				if rule.name == bootstrapName && !s.ternary && k%gradedShare != 0 {
					continue
				}
				d := rule.decide(s)
				t := &out[i][j]
				t.draws++
				t.spent += d.spent
				if d.moved {
					t.moved++
				}
			}
		}
	})
	return out
}

func newSample(c cell) *sample {
	s := &sample{
		obs: make([]verdict.Observation, deadline), pool: append([]verdict.Observation(nil), c.obs...), rows: len(c.obs),
		sum: make([]int64, deadline+1), square: make([]float64, deadline+1), worse: make([]int, deadline+1), better: make([]int, deadline+1),
		ternary: true, memo: map[[3]int]bool{}, reaches: map[verdict.Method]int{}, scratch: make([]verdict.Observation, 0, deadline),
	}
	for _, o := range c.obs {
		if o.NotWorse != 0 && o.NotWorse != million && o.NotWorse != -million {
			s.ternary = false
		}
	}
	return s
}

func (s *sample) draw(c cell, r random) {
	for t := range s.obs {
		s.obs[t] = c.obs[r.below(len(c.obs))]
	}
	partial(&r, s.pool, deadline)
	s.r = r
	s.take()
}

// line is a rule's row of the rate table: shares and items, means over cells.
type line struct {
	rule
	unsafe, unsafeCI float64 // of the draws from an unsafe cell, how many move
	worst            float64
	wrong            float64 // of all moves, how many are of unsafe cells
	safe, safeCI     float64
	notWorse         float64
	notWorseCI       float64
	spent            float64
}

func lines(cells []cell, rules []rule, tallies [][]tally) []line {
	out := make([]line, len(rules))
	for j, rule := range rules {
		l := line{rule: rule}
		var unsafe, safe, notWorse []float64
		wrong, all := 0.0, 0.0
		for i, c := range cells {
			t := tallies[i][j]
			all += t.rate()
			l.spent += t.cost() / float64(len(cells))
			if c.unsafe() {
				unsafe = append(unsafe, t.rate())
				wrong += t.rate()
				l.worst = max(l.worst, t.rate())
				continue
			}
			safe = append(safe, t.rate())
			if c.notWorse() {
				notWorse = append(notWorse, t.rate())
			}
		}
		l.unsafe, l.unsafeCI = average(unsafe)
		l.safe, l.safeCI = average(safe)
		l.notWorse, l.notWorseCI = average(notWorse)
		l.wrong = wrong / max(all, 1e-12)
		out[j] = l
	}
	return out
}

// rateTable is the design's rate table: what people do and what core/verdict
// does, on the same draws from the public cells.
func rateTable(b bench, w io.Writer) ([]figure.Figure, error) {
	cells, err := load(filepath.Join(b.data, "verdict"))
	if err != nil {
		return nil, err
	}
	rules := append(others(), ours()...)
	draws := max(b.draws/2, 1) // the part "public" gives the worst cell all of them
	tallies := compare(cells, rules, draws)
	table := lines(cells, rules, tallies)
	if err := printRates(w, table, len(cells), draws); err != nil {
		return nil, err
	}
	if b.csv != nil {
		if err := writeCells(b.csv, cells, rules, tallies); err != nil {
			return nil, err
		}
	}
	if b.plot != nil {
		if err := drawPlot(b.plot, table); err != nil {
			return nil, err
		}
	}
	return referenced(table), nil
}

func printRates(w io.Writer, table []line, cells, draws int) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "rates: margin 5 points, level 5 %%, %d cells of the public tables, %d draws each\n", cells, draws)
	fmt.Fprintln(t, "rule\tn\tunsafe moved, mean\tworst cell\twrong of moves\tsafe found\tnot worse found\titems spent\t")
	for _, l := range table {
		fmt.Fprintf(t, "%s\t%d\t%.2f %% +- %.2f\t%.1f %%\t%.1f %%\t%.1f %% +- %.1f\t%.1f %% +- %.1f\t%.0f\t\n",
			l.name, l.n, 100*l.unsafe, 100*l.unsafeCI, 100*l.worst, 100*l.wrong, 100*l.safe, 100*l.safeCI, 100*l.notWorse, 100*l.notWorseCI, l.spent)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("printing the rate table: %w", err)
	}
	return nil
}

func (c cell) class() string {
	switch {
	case c.unsafe():
		return "unsafe"
	case c.notWorse():
		return "not worse"
	}
	return "safe"
}

// writeCells writes a line for each cell and rule.
func writeCells(w io.Writer, cells []cell, rules []rule, tallies [][]tally) error {
	out := csv.NewWriter(w)
	if err := out.Write([]string{"cell", "rows", "gap", "class", "rule", "n", "draws", "moved", "moved_share", "mean_items"}); err != nil {
		return fmt.Errorf("writing the cells: %w", err)
	}
	for i, c := range cells {
		for j, rule := range rules {
			t := tallies[i][j]
			err := out.Write([]string{
				c.name, strconv.Itoa(len(c.obs)), strconv.FormatFloat(float64(c.gap)/1e6/float64(len(c.obs)), 'f', 6, 64), c.class(),
				rule.name, strconv.Itoa(rule.n), strconv.Itoa(t.draws), strconv.Itoa(t.moved),
				strconv.FormatFloat(t.rate(), 'f', 6, 64), strconv.FormatFloat(t.cost(), 'f', 2, 64),
			})
			if err != nil {
				return fmt.Errorf("writing the cells: %w", err)
			}
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("writing the cells: %w", err)
	}
	return nil
}

// referenced puts the figures that the design names beside what was measured.
// The published run's cells, draws and schedule of looks are not known in full,
// so these lines are shown; what has a target are core/verdict's own.
func referenced(table []line) []figure.Figure {
	at := func(name string, n int) line {
		for _, l := range table {
			if l.name == name && l.n == n {
				return l
			}
		}
		return line{}
	}
	out := []figure.Figure{{What: "rates: unsafe cells moved, one task on both", Target: "published 80 %", Measured: fmt.Sprintf("%.1f %%", 100*at("one task on both", 1).unsafe), Shown: true}}
	for _, ref := range []struct {
		name      string
		n         int
		published string
	}{
		{"one task on both", 1, "54"},
		{bootstrapName, 5, "43"},
		{"t-test, looked at every night", deadline, "20"},
		{"passes in a row, retried", 5, "56"},
	} {
		l := at(ref.name, ref.n)
		out = append(out, figure.Figure{
			What: "rates: wrong among downgrades, " + l.String(), Target: "published " + ref.published + " %",
			Measured: fmt.Sprintf("%.1f %% (unsafe cells moved %.1f %%)", 100*l.wrong, 100*l.unsafe), Shown: true,
		})
	}
	for _, l := range table {
		if l.method != "" && l.n == deadline {
			out = append(out, figure.Figure{
				What: "rates: unsafe cells moved, mean, " + l.String(), Target: "<= 0.5 %",
				Measured: percent(l.unsafe, l.unsafeCI), Holds: l.unsafe <= .005,
			})
		}
	}
	return out
}
