package main

import (
	"fmt"
	"math"
)

func anchors(gs []group) {
	for _, pw := range [][2]float64{{0, 0}, {1, 1}, {.7, .7}, {1, 0}, {1, .5}, {.5, .5}} {
		for _, sp := range []float64{0, .1, .2} {
			var all score
			fam := map[string]*score{}
			for _, g := range gs {
				for _, slo := range slos {
					var acc score
					n := 0.0
					for _, ao := range g.options {
						if !ao.knows {
							continue
						}
						for i, r := range ao.rows {
							ft := math.Pow(r.tpot/ao.guess[i].TPOT, pw[0])
							ff := math.Pow(r.ttft/ao.guess[i].TTFT, pw[1])
							s, ok := g.decide(slo, func(o *option) float64 {
								if sp > 0 {
									return o.expect(slo, ft, ff, sp)
								}
								return o.hope(slo, ft, ff)
							})
							if ok {
								acc.sum(s)
								n++
							}
						}
					}
					if n > 0 {
						s := score{acc.n / n, acc.right / n, acc.kept / n}
						all.sum(s)
						if fam[g.family] == nil {
							fam[g.family] = &score{}
						}
						fam[g.family].sum(s)
					}
				}
			}
			fmt.Printf("anchor pw %v spread %v: %v n=%v  ", pw, sp, all, all.n)
			for _, f := range sorted(fam) {
				fmt.Printf(" %s %v", f[:4], *fam[f])
			}
			fmt.Println()
		}
	}
}
