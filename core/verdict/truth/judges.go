package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/plimsoll-dev/plimsoll/core/bench/figure"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/core/verdict/table"
)

// What a judge costs. The public pass/fail tables say how good each output is;
// a simulated judge errs on it, on both arms, with the sensitivity and the
// specificity that a real judge had against people on 95 runs. The shipped code
// sees the judge's scores alone, and gold labels of other outputs, drawn as
// people would draw them: it has to estimate what the judge is worth.
//
// Every score of a judge and every gold label here is simulated.

// errs is how often a judge is right, in millionths.
type errs struct {
	name                     string
	sensitivity, specificity int64
}

func (j errs) score(r *random, good bool) int64 {
	if good == r.chance(right(j, good)) {
		return million
	}
	return 0
}

func right(j errs, good bool) int64 {
	if good {
		return j.sensitivity
	}
	return j.specificity
}

// strong is no judge of the file: it shows what a better one would bring.
var strong = errs{"a judge that is right in 98 of 100", 980_000, 980_000}

// readJudges takes each judge's rates against the column human.
func readJudges(dir string) ([]errs, error) {
	path := filepath.Join(dir, "verdict", "livemcp_judges.csv")
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the judges: %w", err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) < 2 || len(rows[0]) < 4 || rows[0][2] != "human" {
		return nil, fmt.Errorf("reading %s: it has other columns than item, skill, human and judges: %w", path, err)
	}
	var out []errs
	for k := 3; k < len(rows[0]); k++ {
		var of, hit [2]int64
		for _, row := range rows[1:] {
			class := 0
			if row[2] == "1" {
				class = 1
			}
			of[class]++
			if row[k] == row[2] {
				hit[class]++
			}
		}
		out = append(out, errs{rows[0][k], hit[1] * million / max(of[1], 1), hit[0] * million / max(of[0], 1)})
	}
	return out, nil
}

// passes is a cell whose outputs are right or wrong: by item, on the current
// model and on the candidate.
type passes struct {
	name  string
	items [][2]bool
	gap   int64 // sum of D
}

func readPasses(dir string) ([]passes, error) {
	var out []passes
	for _, name := range []string{"routellm_items.csv", "mmlupro_items.csv"} {
		f, err := os.Open(filepath.Join(dir, "verdict", name))
		if err != nil {
			return nil, fmt.Errorf("opening the public tables: %w", err)
		}
		t, err := table.Read(name, f)
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			return nil, fmt.Errorf("reading a public table: %w", err)
		}
		cells, err := add(nil, t)
		if err != nil {
			return nil, err
		}
		for _, c := range cells {
			skill, strong, cheap := split(c.name)
			pairs, err := t.Pairs(skill, strong, cheap, "")
			if err != nil {
				return nil, err
			}
			p := passes{name: c.name, gap: c.gap}
			for _, x := range pairs {
				if x.Cur != nil && x.Cand != nil {
					p.items = append(p.items, [2]bool{*x.Cur == million, *x.Cand == million})
				}
			}
			out = append(out, p)
		}
	}
	return out, nil
}

// split undoes a cell's name, "skill: strong > cheap".
func split(name string) (skill, strong, cheap string) {
	skill, rest, _ := strings.Cut(name, ": ")
	strong, cheap, _ = strings.Cut(rest, " > ")
	return skill, strong, cheap
}

// pairs are simulated gold labels with the judge's scores: pairs from a cell, a
// random sample of 2n inputs on both arms, which are n a class and arm where
// half of the outputs are good; rates n of each class on each arm.
func (j errs) pairs(r *random, c passes, n int) verdict.Gold {
	g := verdict.Gold{Random: true}
	for i := range 2 * n {
		item := c.items[r.below(len(c.items))]
		g.Current = append(g.Current, j.mark(r, i, item[0]))
		g.Candidate = append(g.Candidate, j.mark(r, i, item[1]))
	}
	return g
}

func (j errs) rates(r *random, n int) verdict.Gold {
	var g verdict.Gold
	for i := range n {
		for class, good := range []bool{false, true} {
			g.Current = append(g.Current, j.mark(r, 4*i+class, good))
			g.Candidate = append(g.Candidate, j.mark(r, 4*i+2+class, good))
		}
	}
	return g
}

func (j errs) mark(r *random, item int, good bool) verdict.Mark {
	m := verdict.Mark{Item: fmt.Sprint(item), Score: j.score(r, good)}
	if good {
		m.Gold = million
	}
	return m
}

// judgedDraw is one life of a skill: labels, then up to 400 judged items.
func judgedDraw(r *random, j errs, c passes, cal verdict.Calibration, d int64) bool {
	if cal.Margin <= 0 {
		return false
	}
	_, tests := verdict.ShareAlpha(alpha)
	labels := verdict.LabelAlpha(alpha, 1, 1)
	terms := &verdict.JudgeTerms{Code: d - d/2, Judge: d / 2, Margin: cal.Margin, JLow: cal.JLow, Bias: cal.Bias, LabelAlpha: labels, TestAlpha: tests}
	p := params(verdict.Star1, deadline)
	p.Margin = d
	s := verdict.Spec{Params: p, Content: verdict.ContentDimension, Judged: true, Terms: terms, NoPlanted: true}
	if _, ok := verdict.ReachOf(s); !ok {
		return false
	}
	one := million
	pairs := make([]verdict.Pair, deadline)
	for i := range pairs {
		item := c.items[r.below(len(c.items))]
		cur, cand := j.score(r, item[0]), j.score(r, item[1])
		pairs[i] = verdict.Pair{Order: i, Item: fmt.Sprint(i), Cur: &cur, Cand: &cand, Code: verdict.Part{Cur: &one, Cand: &one}, Judged: verdict.Part{Cur: &cur, Cand: &cand}}
	}
	return verdict.Decide(verdict.Assess(s, pairs, nil), verdict.Rules{}, verdict.Money{}).Decision == verdict.Downgrade
}

// labelSizes are gold labels a class and arm.
var labelSizes = [3]int{100, 200, 400}

// judgeFigures is the part of the table about judges. Each cell is drawn so
// often for each judge and number of labels.
func judgeFigures(b bench, w io.Writer) ([]figure.Figure, error) {
	judges, err := readJudges(b.data)
	if err != nil {
		return nil, err
	}
	cells, err := readPasses(b.data)
	if err != nil {
		return nil, err
	}
	draws := max(b.draws/400, 1) // each a calibration and a test of up to 400 items, for every cell, judge and size
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "simulated judges on %d cells of pass/fail items, labels of pairs, %d draws of each cell, judge and size; every score and label is simulated\n", len(cells), draws)
	fmt.Fprintln(t, "judge\tsensitivity\tspecificity\tmargin\tlabels a class and arm\tlabels leave a margin\tof not-worse cells\tmedian margin there\tunsafe moved\tsafe found\tnot worse found\t")
	var out []figure.Figure
	for _, d := range []int64{margin, 2 * margin} {
		for _, how := range []string{verdict.Pairs, verdict.Rates} {
			var all []judged
			for k, j := range append(slices.Clone(judges), strong) {
				for _, n := range labelSizes {
					res := j.over(cells, how, n, d, draws, uint64(k))
					if how == verdict.Pairs { // error rates leave nothing, for any of them: the figures below say so
						fmt.Fprintf(t, "%s\t%.2f\t%.2f\t%.0f\t%d\t%.1f %%\t%.1f %%\t%s\t%.2f %%\t%.1f %%\t%.1f %%\t\n", j.name, float64(j.sensitivity)/1e6, float64(j.specificity)/1e6, float64(d)/1e4, n, 100*res.allowed, 100*res.left(), middle(res.margins), 100*res.unsafe(), 100*res.found(false), 100*res.found(true))
					}
					if k < len(judges) {
						all = append(all, res)
					}
				}
			}
			out = append(out, wrongs(all, how, d)...)
		}
	}
	if err := t.Flush(); err != nil {
		return nil, fmt.Errorf("printing the judges: %w", err)
	}
	return out, nil
}

// judged is what one judge and number of labels came to.
type judged struct {
	cells   []passes
	d       int64
	n       int
	rate    []float64 // of downgrades, by cell
	allowed float64   // share of calibrations that leave a margin
	// Of cells where the candidate is not worse: how many calibrations there were,
	// and what those that left a margin left, in millionths of quality: the price.
	tries   int
	margins []int
}

// left is the share of calibrations of not-worse cells that leave a margin.
func (x judged) left() float64 { return float64(len(x.margins)) / float64(max(x.tries, 1)) }

// middle is the median of margins in words.
func middle(margins []int) string {
	if len(margins) == 0 {
		return "none"
	}
	return fmt.Sprintf("%.2f points", float64(median(slices.Clone(margins)))/1e4)
}

func (j errs) over(cells []passes, how string, n int, d int64, draws int, seed uint64) judged {
	out := judged{cells: cells, d: d, n: n, rate: make([]float64, len(cells))}
	labels := verdict.LabelAlpha(alpha, 1, 1)
	grants := make([]verdict.Calibration, draws) // error rates are no cell's
	if how == verdict.Rates {
		each(draws, func(k int) {
			r := random(seed<<48 | uint64(n)<<36 | uint64(k)<<4 | 12)
			grants[k] = verdict.Calibrate(j.rates(&r, n), d/2, labels)
		})
	}
	allowed := make([][]int, len(cells))
	each(len(cells), func(i int) {
		hits := 0
		for k := range draws {
			r := random(seed<<48 | uint64(n)<<36 | uint64(i)<<16 | uint64(k)<<4 | 11)
			cal := grants[k]
			if how == verdict.Pairs {
				gold := j.pairs(&r, cells[i], n)
				if !verdict.Allows(gold, d/2, labels) {
					continue
				}
				cal = verdict.Calibrate(gold, d/2, labels)
			}
			if cal.Margin > 0 {
				allowed[i] = append(allowed[i], int(cal.Margin*million/cal.JLow)) // in points of quality
			}
			if judgedDraw(&r, j, cells[i], cal, d) {
				hits++
			}
		}
		out.rate[i] = float64(hits) / float64(draws)
	})
	for i, margins := range allowed {
		out.allowed += float64(len(margins)) / float64(draws*len(cells))
		if cells[i].gap >= 0 {
			out.tries, out.margins = out.tries+draws, append(out.margins, margins...)
		}
	}
	return out
}

func (c passes) isUnsafe(d int64) bool { return c.gap <= -d*int64(len(c.items)) }

func (x judged) unsafe() float64 {
	return x.mean(func(c passes) bool { return c.isUnsafe(x.d) })
}

// found is the share of the safe cells that moved, or of the not worse ones.
func (x judged) found(notWorse bool) float64 {
	return x.mean(func(c passes) bool { return !c.isUnsafe(x.d) && (!notWorse || c.gap >= 0) })
}

func (x judged) mean(of func(passes) bool) float64 {
	sum, n := 0.0, 0
	for i, c := range x.cells {
		if of(c) {
			sum, n = sum+x.rate[i], n+1
		}
	}
	return sum / float64(max(n, 1))
}

// wrongs are the figures with targets: by number of labels, over the judges of
// the file.
func wrongs(all []judged, how string, d int64) []figure.Figure {
	var out []figure.Figure
	for _, n := range labelSizes {
		mean, safe, notWorse, count := 0.0, 0.0, 0.0, 0.0
		var worst float64
		var by []float64
		var price judged
		for _, x := range all {
			if x.n != n {
				continue
			}
			count++
			price.tries, price.margins = price.tries+x.tries, append(price.margins, x.margins...)
			mean, safe, notWorse = mean+x.unsafe(), safe+x.found(false), notWorse+x.found(true)
			if by == nil {
				by = make([]float64, len(x.cells))
			}
			for i, c := range x.cells {
				if c.isUnsafe(d) {
					by[i] += x.rate[i]
				}
			}
		}
		for _, x := range by {
			worst = max(worst, x/count)
		}
		name := fmt.Sprintf("judged, %s, %d labels, margin %.0f", how, n, float64(d)/1e4)
		out = append(out,
			figure.Figure{What: name + ": unsafe cells moved, mean", Target: "<= 1 %", Measured: fmt.Sprintf("%.3f %%", 100*mean/count), Holds: mean/count <= .01},
			figure.Figure{What: name + ": unsafe cells moved, worst cell", Target: "<= 6 %", Measured: fmt.Sprintf("%.2f %%", 100*worst), Holds: worst <= .06},
			figure.Figure{What: name + ": safe and not-worse cells found", Measured: fmt.Sprintf("%.2f %%, %.2f %%", 100*safe/count, 100*notWorse/count), Shown: true},
			figure.Figure{What: fmt.Sprintf("%s: what is left of the judged part's %.1f points, not-worse cells, median", name, float64(d/2)/1e4), Measured: fmt.Sprintf("%s where anything is, in %.0f %% of them", middle(price.margins), 100*price.left()), Shown: true})
	}
	return out
}
