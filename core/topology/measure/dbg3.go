package main

import "fmt"

func grid(gs []group) {
	for _, sp := range []float64{0, .05, .1, .2, .3} {
		for _, m := range []float64{1, 1.1, 1.2, 1.3, 1.4} {
			var all score
			fam := map[string]*score{}
			per := map[float64]*score{}
			for _, g := range gs {
				for _, slo := range slos {
					s, ok := g.decide(slo, func(o *option) float64 {
						if sp == 0 {
							return o.hope(slo, m, 1)
						}
						return o.expect(slo, m, 1, sp)
					})
					if ok {
						all.sum(s)
						if fam[g.family] == nil {
							fam[g.family] = &score{}
						}
						if per[slo] == nil {
							per[slo] = &score{}
						}
						fam[g.family].sum(s)
						per[slo].sum(s)
					}
				}
			}
			fmt.Printf("spread %.2f margin %.1f: %v  ", sp, m, all)
			for _, f := range sorted(fam) {
				fmt.Printf(" %s %v", f[:4], *fam[f])
			}
			for _, f := range slos {
				fmt.Printf(" |%v %v", f, *per[f])
			}
			fmt.Println()
		}
	}
}
