package main

import "fmt"

func fails(gs []group, family string) {
	for _, g := range gs {
		if g.family != family {
			continue
		}
		for _, slo := range slos {
			s, ok := g.decide(slo, func(o *option) float64 { return o.hope(slo, 1, 1) })
			if !ok || s.right > .9 {
				continue
			}
			fmt.Printf("== %s slo %v kept %.2f\n", g.name, slo, s.kept)
			for _, o := range g.options {
				fmt.Printf("   %-48s truth %8.1f hope %8.1f  ", o.name, o.truth(slo), o.hope(slo, 1, 1))
				for i, r := range o.rows {
					fmt.Printf(" c%d:%.1f/%.1f,%.2f/%.2fs", r.load.Concurrency, o.guess[i].TPOT*1e3, r.tpot*1e3, o.guess[i].TTFT, r.ttft)
				}
				fmt.Println()
			}
		}
	}
}
