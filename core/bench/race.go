package main

import (
	"fmt"
	"slices"
	"time"
)

// racer is something that is measured against others: run makes n calls and says
// how long they took, and the last answer.
type racer struct {
	name  string
	run   func(n int) (time.Duration, []byte, error)
	calls int // of a turn
	turns []time.Duration
}

// turn is how long one turn of a racer lasts, about: long enough for the clock,
// short enough that most turns pass without another process in between.
const turn = 2 * time.Millisecond

// race lets everybody take turns, A B C A B C, so that a busy moment of the
// machine is nobody's in particular. The turns of one round can be compared.
func race(rounds int, all ...*racer) error {
	for _, r := range all {
		if r.calls > 0 {
			continue
		}
		// Warm up, then see how many calls make a turn.
		for n, took := 1, time.Duration(0); took < turn/2; n *= 2 {
			var err error
			if took, _, err = r.run(n); err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
			r.calls = max(1, int(float64(n)*float64(turn)/float64(max(took, 1))))
		}
	}
	for range rounds {
		for _, r := range all {
			took, _, err := r.run(r.calls)
			if err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
			r.turns = append(r.turns, took/time.Duration(r.calls))
		}
	}
	return nil
}

// each is the median time of one call.
func (r *racer) each() time.Duration {
	sorted := slices.Sorted(slices.Values(r.turns))
	return sorted[len(sorted)/2]
}

// undisturbed is the time of one call that a quarter of the turns stay below: what
// a target in nanoseconds is about is the code, not who else is on the machine.
func (r *racer) undisturbed() time.Duration {
	sorted := slices.Sorted(slices.Values(r.turns))
	return sorted[len(sorted)/4]
}

// times is how many times longer r takes than other: the median over the rounds.
func (r *racer) times(other *racer) float64 {
	ratios := make([]float64, min(len(r.turns), len(other.turns)))
	for i := range ratios {
		ratios[i] = float64(r.turns[i]) / float64(other.turns[i])
	}
	slices.Sort(ratios)
	return ratios[len(ratios)/2]
}

// against makes a figure of a ratio; most is its target, 0 for none.
func (r *racer) against(name string, other *racer, most float64) figure {
	ratio := r.times(other)
	f := figure{name, "", fmt.Sprintf("%s, %.3g x %s", brief(r.each()), ratio, brief(other.each())), true}
	if most > 0 {
		f.target, f.holds = fmt.Sprintf("<= %.3g x", most), ratio <= most
	}
	return f
}

// brief writes a duration with three digits.
func brief(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + brief(-d)
	case d < time.Microsecond:
		return d.String()
	case d < time.Millisecond:
		return fmt.Sprintf("%.3gus", float64(d)/1e3)
	case d < time.Second:
		return fmt.Sprintf("%.3gms", float64(d)/1e6)
	}
	return fmt.Sprintf("%.3gs", d.Seconds())
}
