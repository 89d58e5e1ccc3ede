package main

import (
	"fmt"
	"math"
	"sort"

	"github.com/plimsoll-dev/plimsoll/core/topology"
)

func residuals(rows []row, cals map[string]topology.Calibration) {
	for _, key := range []func(r row) string{
		func(r row) string { return "family " + r.family },
		func(r row) string { return "engine " + r.engine },
		func(r row) string { return "system " + r.hw.Name },
		func(r row) string { return fmt.Sprint("split ", r.split) },
		func(r row) string {
			return fmt.Sprintf("conc %3.0f", math.Exp2(math.Floor(math.Log2(float64(r.load.Concurrency))/2)*2))
		},
		func(r row) string { return fmt.Sprintf("gpus %3d", r.gpus) },
		func(r row) string {
			return fmt.Sprintf("in/out %3.0f", math.Exp2(math.Floor(math.Log2(float64(r.load.Input)/float64(r.load.Output))/2)*2)*100)
		},
		func(r row) string { return r.family + " " + r.engine },
		func(r row) string { return r.family + " " + r.engine + " " + r.topo.Name },
	} {
		m := map[string][][2]float64{}
		for _, r := range rows {
			p, err := topology.Steady(r.hw, r.model, r.load, r.topo, cals[r.family+r.engine])
			if err == nil {
				m[key(r)] = append(m[key(r)], [2]float64{math.Log(p.TPOT / r.tpot), math.Log(p.TTFT / r.ttft)})
			}
		}
		for _, k := range sorted(m) {
			if len(m[k]) < 8 {
				continue
			}
			var s [2]float64
			var q [2]float64
			var a [2][]float64
			for _, x := range m[k] {
				for i := range 2 {
					s[i] += x[i] / float64(len(m[k]))
					a[i] = append(a[i], x[i])
				}
			}
			for i := range 2 {
				sort.Float64s(a[i])
				for _, x := range a[i] {
					q[i] += (x - s[i]) * (x - s[i]) / float64(len(a[i]))
				}
			}
			fmt.Printf("%-60s n=%4d tpot mean %+.2f sd %.2f [%+.2f %+.2f %+.2f]  ttft %+.2f sd %.2f\n", k, len(m[k]), s[0], math.Sqrt(q[0]), a[0][len(a[0])/10], a[0][len(a[0])/2], a[0][len(a[0])*9/10], s[1], math.Sqrt(q[1]))
		}
		fmt.Println()
	}
}
