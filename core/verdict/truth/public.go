package main

import (
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/bench/figure"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/core/verdict/table"
)

// cell is one skill on one pair of models: the table's rows as observations.
type cell struct {
	name string
	obs  []verdict.Observation
	gap  int64 // sum of D over the whole table
}

func (c cell) unsafe() bool   { return c.gap <= -margin*int64(len(c.obs)) }
func (c cell) notWorse() bool { return c.gap >= 0 }

// clear says that the candidate loses twice the margin or more: nobody should
// have to pay long to see that.
func (c cell) clear() bool { return c.gap <= -2*margin*int64(len(c.obs)) }

// public measures wrong and found downgrades on the public per-item tables.
//
// A cell is a skill and two models, the strong one being the one with the
// higher mean over the whole table. With g the cell's full-table mean of D it
// is unsafe at g <= -d, otherwise safe, and not worse at g >= 0. A draw is:
//
//   - pool1 and pool2: a random order of the cell's rows, the pool, of which at most 400
//     are looked at. This is what `plimsoll verdict --max-items 400` does with
//     one seed.
//   - star1, star2 and grid8, which claim future runs: 400 items drawn with
//     replacement, so that the cell's rows are the distribution of the runs.
//     Without replacement, up to the rows there are, is shown beside it.
//
// A draw downgrades when the decision would: proved, not under the floor, and
// the last reach-many items do not lean to worse.
func public(dir string, draws int) ([]figure.Figure, error) {
	cells, err := load(filepath.Join(dir, "verdict"))
	if err != nil {
		return nil, err
	}
	var unsafe, safe, notWorse int
	for _, c := range cells {
		switch {
		case c.unsafe():
			unsafe++
		default:
			safe++
		}
		if c.notWorse() {
			notWorse++
		}
	}
	out := []figure.Figure{{What: "public cells", Measured: fmt.Sprintf("%d: %d unsafe, %d safe, %d of these not worse; %d draws each", len(cells), unsafe, safe, notWorse, draws), Shown: true}}
	out = append(out, rates(cells, verdict.Pool2, false, draws).figures("pool2", true)...)
	out = append(out, rates(cells, verdict.Star2, true, draws).figures("star2", true)...)
	for _, m := range []verdict.Method{verdict.Pool1, verdict.Star1, verdict.Grid8} {
		out = append(out, rates(cells, m, !m.Pool(), draws).figures(string(m), false)...)
	}
	for _, m := range sampledMethods() {
		out = append(out, rates(cells, m, false, draws).figures(string(m)+" without replacement", false)...)
	}
	return append(out, yardstick(cells)...), nil
}

type result struct {
	cells []cell
	rate  []float64 // of downgrades, by cell
	items []float64 // until the test closes or the deadline, mean over draws, by cell
	draws int
}

func rates(cells []cell, m verdict.Method, replace bool, draws int) result {
	out := result{cells: cells, rate: make([]float64, len(cells)), items: make([]float64, len(cells)), draws: draws}
	each(len(cells), func(i int) {
		c := cells[i]
		n := deadline
		if !replace {
			n = min(n, len(c.obs))
		}
		p := params(m, n)
		if m.Pool() {
			p.N = len(c.obs)
		}
		reach, _ := verdict.Reach(p)
		rows := append([]verdict.Observation(nil), c.obs...)
		drawn := make([]verdict.Observation, n)
		scratch := make([]verdict.Observation, 0, n)
		hits, spent := 0, 0
		for k := range draws {
			r := random(uint64(i)<<32 | uint64(k)<<4 | 9)
			if replace {
				for t := range drawn {
					drawn[t] = rows[r.below(len(rows))]
				}
			} else {
				partial(&r, rows, n)
				copy(drawn, rows)
			}
			d := sequential(p, drawn, reach, scratch)
			if spent += d.spent; d.moved {
				hits++
			}
		}
		out.rate[i] = float64(hits) / float64(draws)
		out.items[i] = float64(spent) / float64(draws)
	})
	return out
}

func (r result) figures(name string, target bool) []figure.Figure {
	pick := func(of func(cell) bool) (rates []float64) {
		for i, c := range r.cells {
			if of(c) {
				rates = append(rates, r.rate[i])
			}
		}
		return rates
	}
	unsafe := pick(cell.unsafe)
	safe := pick(func(c cell) bool { return !c.unsafe() })
	worst, wrong, all := 0.0, 0.0, 0.0
	for _, x := range unsafe {
		worst, wrong, all = max(worst, x), wrong+x, all+x
	}
	for _, x := range safe {
		all += x
	}
	low, high := wilson(worst, r.draws)
	mean, ci := average(unsafe)
	out := []figure.Figure{
		{What: "public: unsafe cells moved, mean, " + name, Target: "<= 0.5 %", Measured: percent(mean, ci), Holds: mean <= .005},
		{What: "public: unsafe cells moved, worst, " + name, Target: "<= 5 %", Measured: fmt.Sprintf("%.2f %% (%.2f..%.2f)", 100*worst, 100*low, 100*high), Holds: worst <= .05},
	}
	mean, ci = average(safe)
	out = append(out, figure.Figure{What: "public: safe cells found, " + name, Target: ">= 60 %", Measured: percent(mean, ci), Holds: mean >= .6})
	mean, ci = average(pick(cell.notWorse))
	out = append(out, figure.Figure{What: "public: not-worse cells found, " + name, Target: ">= 90 %", Measured: percent(mean, ci), Holds: mean >= .9})
	took := func(whose string, of func(cell) bool) figure.Figure {
		var items []float64
		for i, c := range r.cells {
			if of(c) {
				items = append(items, r.items[i])
			}
		}
		mean, ci := average(items)
		return figure.Figure{What: fmt.Sprintf("public: items to close a %s, %s", whose, name), Measured: fmt.Sprintf("%.1f +- %.1f", mean, ci), Shown: true, Holds: mean <= 120}
	}
	clear := took("clear loser (twice the margin or more)", cell.clear)
	clear.Target = "<= 120"
	out = append(out, clear)
	for i := range out {
		out[i].Shown = !target
	}
	out = append(out,
		took("loser by less", func(c cell) bool { return c.unsafe() && !c.clear() }),
		took("safe cell", func(c cell) bool { return !c.unsafe() }),
		took("not-worse cell", cell.notWorse))
	return append(out, figure.Figure{What: "public: wrong among downgrades, " + name, Measured: fmt.Sprintf("%.2f %%", 100*wrong/max(all, 1e-12)), Shown: true})
}

// average is a mean over cells with the half width of its 95 % interval, the
// cells taken as a sample; the draws' own noise is inside it.
func average(x []float64) (mean, half float64) {
	if len(x) < 2 {
		return math.NaN(), math.NaN() // no comparison with it holds
	}
	for _, v := range x {
		mean += v / float64(len(x))
	}
	square := 0.0
	for _, v := range x {
		square += (v - mean) * (v - mean) / float64(len(x)-1)
	}
	return mean, 1.96 * math.Sqrt(square/float64(len(x)))
}

func percent(mean, half float64) string { return fmt.Sprintf("%.2f %% +- %.2f", 100*mean, 100*half) }

func load(dir string) ([]cell, error) {
	var out []cell
	for _, name := range []string{"routellm_items.csv", "mmlupro_items.csv"} {
		f, err := os.Open(filepath.Join(dir, name))
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
		if out, err = add(out, t); err != nil {
			return nil, err
		}
	}
	// WildBench scores 1..10, a column per model, judge and judge's version. Two
	// judges score separately; the first version holds all models.
	for _, judge := range []string{"|gpt-4-turbo-2024-04-09|v2.0522", "|gpt-4o-2024-05-13|v2.0522"} {
		t, err := wild(filepath.Join(dir, "wildbench_scores.csv"), judge)
		if err != nil {
			return nil, err
		}
		if out, err = add(out, t); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func wild(path, judge string) (*table.Table, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("opening the public tables: %w", err)
	}
	rows, err := csv.NewReader(strings.NewReader(string(raw))).ReadAll()
	if err != nil || len(rows) == 0 {
		return nil, fmt.Errorf("reading %s: it is empty or not CSV: %w", path, err)
	}
	var b strings.Builder
	for i, row := range rows {
		b.WriteString(row[0])
		for k, name := range rows[0] {
			if !strings.HasSuffix(name, judge) {
				continue
			}
			text := row[k]
			if i == 0 {
				text = strings.TrimSuffix(name, judge)
			} else if text != "" {
				v, err := strconv.ParseFloat(text, 64)
				if err != nil {
					return nil, fmt.Errorf("reading %s, line %d: %w", path, i+1, err)
				}
				text = strconv.FormatFloat((v-1)/9, 'f', 9, 64)
			}
			b.WriteString("," + text)
		}
		b.WriteByte('\n')
	}
	return table.Read("wildbench"+judge, strings.NewReader(b.String()))
}

// add appends every skill of t on every two of its models.
func add(cells []cell, t *table.Table) ([]cell, error) {
	total := map[string]float64{}
	for _, m := range t.Models {
		sum, n := 0.0, 0
		for _, skill := range t.Skills {
			pairs, err := t.Pairs(skill, m, m, "")
			if err != nil {
				return nil, err
			}
			for _, p := range pairs {
				if p.Cur != nil {
					sum += float64(*p.Cur)
					n++
				}
			}
		}
		total[m] = sum / float64(max(n, 1))
	}
	for _, skill := range t.Skills {
		for i, a := range t.Models {
			for _, b := range t.Models[i+1:] {
				strong, cheap := a, b
				if total[b] > total[a] {
					strong, cheap = b, a
				}
				pairs, err := t.Pairs(skill, strong, cheap, "")
				if err != nil {
					return nil, err
				}
				c := cell{name: skill + ": " + strong + " > " + cheap}
				for _, p := range pairs {
					o := p.Observe()
					c.obs = append(c.obs, o)
					c.gap += o.NotWorse
				}
				cells = append(cells, c)
			}
		}
	}
	return cells, nil
}
