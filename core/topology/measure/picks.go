package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"

	"github.com/plimsoll-dev/plimsoll/core/bench/figure"
	"github.com/plimsoll-dev/plimsoll/core/topology"
)

// rule gives every option a worth; the decision takes the highest.
type rule struct {
	name  string
	worth func(slo float64) func(*option) float64
}

func rules() []rule {
	fixed := func(f func(*option) float64) func(float64) func(*option) float64 {
		return func(float64) func(*option) float64 { return f }
	}
	return []rule{
		{"model", func(slo float64) func(*option) float64 {
			return func(o *option) float64 { return o.hope(slo, 1, 1) }
		}},
		{"fewest GPUs", fixed(func(o *option) float64 { return -float64(o.gpus) })},
		{"most GPUs", fixed(func(o *option) float64 { return float64(o.gpus) })},
		{"random", fixed(func(*option) float64 { return 0 })},
	}
}

// tally is a rule's score over all decisions, by SLO and by model.
type tally struct {
	all    score
	slo    map[float64]*score
	family map[string]*score
}

func newTally() tally { return tally{slo: map[float64]*score{}, family: map[string]*score{}} }

func (t *tally) add(slo float64, family string, s score) {
	t.all.sum(s)
	if t.slo[slo] == nil {
		t.slo[slo] = &score{}
	}
	if t.family[family] == nil {
		t.family[family] = &score{}
	}
	t.slo[slo].sum(s)
	t.family[family].sum(s)
}

func play(gs []group, r rule) tally {
	t := newTally()
	for _, g := range gs {
		for _, slo := range slos {
			if s, ok := g.decide(slo, r.worth(slo)); ok {
				t.add(slo, g.family, s)
			}
		}
	}
	return t
}

func (t tally) print(w io.Writer, name string) {
	fmt.Fprintf(w, "%-34s %s of %.0f decisions, by SLO", name, t.all, t.all.n)
	for _, slo := range slos {
		if s := t.slo[slo]; s != nil {
			fmt.Fprintf(w, "  %s %s", sloName(slo), s)
		}
	}
	fmt.Fprintln(w)
	for _, f := range sorted(t.family) {
		fmt.Fprintf(w, "    %-30s %s of %.0f\n", f, t.family[f], t.family[f].n)
	}
}

func sloName(slo float64) string {
	if slo == 0 {
		return "none"
	}
	return fmt.Sprintf("%.0f ms", slo)
}

// textbook predicts with constants that were never fitted to anything here.
func textbook(r row) (topology.Point, error) {
	return topology.Steady(r.hw, r.model, r.load, r.topo, topology.Textbook())
}

// picks is the main figure: textbook constants, every row counted.
func picks(dir string, w io.Writer) ([]figure.Figure, error) {
	rows, err := measured(dir, &library{dir: dir})
	if err != nil {
		return nil, err
	}
	gs := groups(rows, textbook)
	fmt.Fprintln(w, "picked the best / kept of the best throughput a GPU; textbook constants")
	by := map[string]tally{}
	for _, r := range rules() {
		by[r.name] = play(gs, r)
		by[r.name].print(w, r.name)
	}
	m, few := by["model"], by["fewest GPUs"]
	beats, worst := 0, ""
	for _, slo := range slos {
		a, b := m.slo[slo], few.slo[slo]
		if a.right/a.n > b.right/b.n && a.kept/a.n > b.kept/b.n {
			beats++
		} else {
			worst += " not " + sloName(slo)
		}
	}
	out := m.targets("textbook constants, nothing fitted", .70, .90)
	right, kept := interval(gs, rules()[0])
	out = append(out, figure.Show("both, 95 % interval over groups drawn anew", fmt.Sprintf("%s, %s", right, kept)))
	out = append(out, figure.Figure{What: "beats fewest GPUs, SLO slices", Target: "5 of 5", Measured: fmt.Sprintf("%d of %d%s", beats, len(slos), worst), Holds: beats == len(slos)})
	for _, r := range rules()[1:] {
		out = append(out, figure.Show("picked the best / kept, "+r.name, by[r.name].all.String()))
	}
	clean := slices.DeleteFunc(slices.Clone(rows), row.impossible)
	t := play(groups(clean, textbook), rules()[0])
	return append(out, figure.Show(fmt.Sprintf("picked / kept without %d rows that beat the data sheet", len(rows)-len(clean)), fmt.Sprintf("%.1f %% / %.1f %% of %.0f", 100*t.all.right/t.all.n, 100*t.all.kept/t.all.n, t.all.n))), nil
}

// interval is how far both figures go when the groups are drawn anew, with replacement:
// decisions of one group hang together, so groups are what is drawn (the percentile
// bootstrap, 2,000 draws of one seed).
func interval(gs []group, r rule) (right, kept string) {
	each := make([]score, len(gs))
	for i, g := range gs {
		t := play([]group{g}, r)
		each[i] = t.all
	}
	dice := rand.New(rand.NewPCG(1, 2))
	const draws = 2000
	var a, b []float64
	for range draws {
		var s score
		for range each {
			s.sum(each[dice.IntN(len(each))])
		}
		a, b = append(a, s.right/s.n), append(b, s.kept/s.n)
	}
	between := func(x []float64) string {
		slices.Sort(x)
		return fmt.Sprintf("%.1f .. %.1f %%", 100*x[draws*25/1000], 100*x[draws*975/1000-1])
	}
	return between(a), between(b)
}

// targets are the two of a tally.
func (t tally) targets(what string, right, kept float64) []figure.Figure {
	a, b := t.all.right/t.all.n, t.all.kept/t.all.n
	return []figure.Figure{
		{What: "picked the best: " + what, Target: fmt.Sprintf(">= %.0f %%", right*100), Measured: fmt.Sprintf("%.1f %% of %.0f", a*100, t.all.n), Holds: a >= right},
		{What: "kept of the best throughput: " + what, Target: fmt.Sprintf(">= %.0f %%", kept*100), Measured: fmt.Sprintf("%.1f %%", b*100), Holds: b >= kept},
	}
}

// calibrations are constants for each family, fitted on the rows of all others.
func calibrations(rows []row, which []topology.Constant) map[string]topology.Calibration {
	out := map[string]topology.Calibration{}
	for _, r := range rows {
		if _, ok := out[r.family]; ok {
			continue
		}
		var train []topology.Row
		for i, x := range rows {
			if x.family != r.family && i%3 == 0 { // a third is enough, and three times as fast
				train = append(train, x.fit())
			}
		}
		out[r.family], _ = topology.Calibrate(topology.Textbook(), train, which)
	}
	return out
}

// held leaves one model out at a time.
func held(dir string, w io.Writer) ([]figure.Figure, error) {
	rows, err := measured(dir, &library{dir: dir})
	if err != nil {
		return nil, err
	}
	var out []figure.Figure
	for _, c := range []struct {
		name  string
		which []topology.Constant
	}{{"three constants", topology.Three()}, {"eight constants", topology.Many()}} {
		cal := calibrations(rows, c.which)
		gs := groups(rows, func(r row) (topology.Point, error) {
			return topology.Steady(r.hw, r.model, r.load, r.topo, cal[r.family])
		})
		t := play(gs, rules()[0])
		t.print(w, "leave one model out, "+c.name)
		out = append(out, figure.Show("picked / kept, fitted on the other models, "+c.name, t.all.String()))
	}
	return out, nil
}
