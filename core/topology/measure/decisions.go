package main

import (
	"fmt"
	"math"

	"github.com/plimsoll-dev/plimsoll/core/topology"
)

// slos are slices of what is asked: the longest time per output token, in
// milliseconds; 0 asks nothing. They and the grouping were fixed before the
// model ran for the first time, by looking at the rule "fewest GPUs" alone: the
// design names 46 and 68 % for it, and with these it has 48 and 70 %.
var slos = []float64{0, 50, 30, 20, 10}

// option is a topology of a group: what was measured at each concurrency, and
// what is predicted.
type option struct {
	name  string
	gpus  int
	split bool
	rows  []row
	guess []topology.Point // one a row; zero when the model abstains
	knows bool
}

// group is everything between which one decision is taken.
type group struct {
	name    string
	family  string
	options []*option
}

// groups puts rows together; predict is called once a row.
func groups(rows []row, predict func(row) (topology.Point, error)) []group {
	by := map[string]map[string]*option{}
	family := map[string]string{}
	var order []string
	names := map[string][]string{}
	for _, r := range rows {
		if by[r.group] == nil {
			by[r.group] = map[string]*option{}
			order = append(order, r.group)
			family[r.group] = r.family
		}
		key := fmt.Sprintf("%s %d GPUs", r.topo.Name, r.gpus)
		o := by[r.group][key]
		if o == nil {
			o = &option{name: key, gpus: r.gpus, split: r.split, knows: true}
			by[r.group][key] = o
			names[r.group] = append(names[r.group], key)
		}
		p, err := predict(r)
		if err != nil {
			o.knows = false
		}
		o.rows = append(o.rows, r)
		o.guess = append(o.guess, p)
	}
	var out []group
	for _, g := range order {
		if len(by[g]) < 2 {
			continue
		}
		one := group{name: g, family: family[g]}
		for _, k := range names[g] {
			one.options = append(one.options, by[g][k])
		}
		out = append(out, one)
	}
	return out
}

// truth is the most tokens a second and GPU that o was measured to give under
// the SLO; 0 when it never keeps it.
func (o *option) truth(slo float64) float64 {
	best := 0.0
	for _, r := range o.rows {
		if slo == 0 || r.tpot*1e3 <= slo {
			best = max(best, r.perGPU)
		}
	}
	return best
}

// hope is the same as predicted. What is predicted to miss the SLO everywhere
// comes after all that keep it, the least bad first.
func (o *option) hope(slo, tpot, ttft float64) float64 {
	if !o.knows {
		return math.Inf(-1)
	}
	best, least := 0.0, math.Inf(1)
	for i, p := range o.guess {
		t := p.TPOT * tpot
		least = min(least, t)
		if slo == 0 || t*1e3 <= slo {
			r := o.rows[i]
			rate := float64(r.load.Concurrency) / (p.TTFT*ttft + float64(r.load.Output-1)*t)
			best = max(best, rate*float64(r.load.Output)/float64(o.gpus))
		}
	}
	if best == 0 {
		return -least
	}
	return best
}

// score sums up a rule over decisions.
type score struct{ n, right, kept float64 }

func (s *score) add(value, best, weight float64) {
	s.n += weight
	s.kept += weight * value / best
	if value >= best*(1-1e-9) {
		s.right += weight
	}
}

func (s *score) sum(t score) { s.n += t.n; s.right += t.right; s.kept += t.kept }

func (s score) String() string {
	if s.n == 0 {
		return "none"
	}
	return fmt.Sprintf("%.0f %% / %.0f %%", 100*s.right/s.n, 100*s.kept/s.n)
}

// decide plays one group and SLO with a rule that gives each option a worth.
// Equal worths share the decision. No decision is where nothing keeps the SLO.
func (g group) decide(slo float64, worth func(*option) float64) (score, bool) {
	best := 0.0
	for _, o := range g.options {
		best = max(best, o.truth(slo))
	}
	if best == 0 {
		return score{}, false
	}
	top := math.Inf(-1)
	var picked []*option
	for _, o := range g.options {
		switch w := worth(o); {
		case w > top:
			top, picked = w, []*option{o}
		case w == top:
			picked = append(picked, o)
		}
	}
	var s score
	for _, o := range picked {
		s.add(o.truth(slo), best, 1/float64(len(picked)))
	}
	return s, true
}
