package main

import (
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

// The process from zero that is shown beside the watch is E' of core/verdict.
func TestAlone(t *testing.T) {
	for seed := range 20 {
		r, a := random(seed), newAlone()
		var obs []verdict.Observation
		for {
			o := ternary(&r, 20_000, 250_000)
			obs = append(obs, o)
			over := verdict.EWorse(margin, obs) >= million*million/alpha
			if a.add(o.NotWorse) != over {
				t.Fatalf("seed %d: they differ after %d pairs", seed, len(obs))
			}
			if over {
				break
			}
		}
	}
}

// A fall to nothing is noticed within days, one that history hides later, and
// the checks see a watch that is late.
func TestFall(t *testing.T) {
	s := verdict.Slip{Margin: margin, Alpha: alpha, Drop: weak, Discordance: 100_000, RunsPerMonth: 6_000, Share: 200_000}
	mean := func(s verdict.Slip) float64 {
		sum := 0
		for i := range 40 {
			r := random(i)
			sum += fall(&r, s)
		}
		return float64(sum) / 40
	}
	fresh := mean(s)
	s.Good = 2_000
	used := mean(s)
	s.Good, s.Drop = 0, 900_000
	if broken := mean(s); broken > 2 || fresh <= broken || used <= fresh {
		t.Errorf("days to notice: broken %.1f, 15 points %.1f, after 2,000 good pairs %.1f", broken, fresh, used)
	}
}
