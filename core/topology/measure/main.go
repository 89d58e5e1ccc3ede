// Command measure
package main

import (
	"fmt"
	"os"

	"github.com/plimsoll-dev/plimsoll/core/topology"
)

func main() {
	dir := os.Args[1]
	lib := &library{dir: dir}
	rows, err := measured(dir, lib)
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	fams := map[string]bool{}
	for _, r := range rows {
		fams[r.family] = true
	}
	asRow := func(r row) topology.Row {
		return topology.Row{Hardware: r.hw, Model: r.model, Workload: r.load, Topology: r.topo, TTFT: r.ttft, TPOT: r.tpot}
	}
	for _, which := range [][]topology.Constant{nil, topology.Many()} {
		cals := map[string]topology.Calibration{}
		for _, f := range sorted(fams) {
			for _, e := range []string{"vllm", "sglang", "trtllm"} {
				var train []topology.Row
				for i, r := range rows {
					if r.family != f && i%3 == 0 {
						train = append(train, asRow(r))
					}
				}
				c, left := topology.Calibrate(topology.Textbook(), train, which)
				cals[f+e] = c
				fmt.Printf("%s %.3f %+v\n", f, left, c)
			}
		}
		gs := groups(rows, func(r row) (topology.Point, error) {
			return topology.Steady(r.hw, r.model, r.load, r.topo, cals[r.family+r.engine])
		})
		report(gs); anchors(gs)
		if len(os.Args) > 2 && len(which) > 5 {
			if os.Args[2] == "r" {
				residuals(rows, cals)
				continue
			}
			fails(gs, os.Args[2])
		}
	}
}

func report(gs []group) {
	type rule struct {
		name  string
		worth func(slo float64) func(*option) float64
	}
	for _, ru := range []rule{
		{"model s=.2", func(slo float64) func(*option) float64 {
			return func(o *option) float64 { return o.expect(slo, 1, 1, .2) }
		}},
		{"model", func(slo float64) func(*option) float64 {
			return func(o *option) float64 { return o.hope(slo, 1, 1) }
		}},
		{"fewest", func(float64) func(*option) float64 { return func(o *option) float64 { return -float64(o.gpus) } }},
		{"most", func(float64) func(*option) float64 { return func(o *option) float64 { return float64(o.gpus) } }},
		{"random", func(float64) func(*option) float64 { return func(o *option) float64 { return 0 } }},
	} {
		var all score
		line := ""
		fam := map[string]*score{}
		for _, slo := range slos {
			var s score
			for _, g := range gs {
				t, ok := g.decide(slo, ru.worth(slo))
				if ok {
					s.sum(t)
					if fam[g.family] == nil {
						fam[g.family] = &score{}
					}
					fam[g.family].sum(t)
				}
			}
			line += fmt.Sprintf(" [%v: %v n=%.0f]", slo, s, s.n)
			all.sum(s)
		}
		fmt.Println(ru.name, all, all.n, line)
		for _, k := range sorted(fam) {
			fmt.Println("     ", k, *fam[k], fam[k].n)
		}
	}
}
