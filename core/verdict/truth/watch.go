package main

import (
	"fmt"
	"slices"

	"github.com/plimsoll-dev/plimsoll/core/bench/figure"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

// watch measures what happens after a move: a candidate that silently weakens is
// caught within the delay that was promised, one that does not change never, but
// for alpha, and so with the fuse. All of it is simulated. Nothing here shares
// code with the promise: pairs, runs and nights are drawn by this program.
func watch(years int) []figure.Figure {
	var out []figure.Figure
	out = append(out, blindness(max(years/4, 40))...)
	out = append(out, promises(years)...)
	out = append(out, unchanged(years)...)
	return append(out, fuses(years)...)
}

// weak is how far the candidate falls.
const weak = 150_000

// promises holds simulated falls against Slip.Delay, for the skill's own
// discordance and after 0, 100 and 2,000 good pairs.
func promises(falls int) []figure.Figure {
	var out []figure.Figure
	for _, discord := range []int64{20_000, 100_000, 300_000} {
		for _, good := range []int{0, 100, 2_000} {
			s := verdict.Slip{Margin: margin, Alpha: alpha, Drop: weak, Discordance: discord, Good: good, RunsPerMonth: 6_000, Share: 200_000}
			promise := s.Delay()
			days := make([]int, falls)
			each(falls, func(i int) {
				r := random(uint64(i)<<24 | uint64(good)<<4 | 51)
				days[i] = fall(&r, s)
			})
			late, sum := 0, 0
			for _, d := range days {
				sum += d
				if d > promise.P90 {
					late++
				}
			}
			share := float64(late) / float64(falls)
			// The promise is itself simulated, from 400 falls: its p90 stands at .10 +- .015.
			most := .1 + 3*(se(.1, falls)+se(.1, 400))
			out = append(out, figure.Figure{
				What:   fmt.Sprintf("drift (simulated): 15 points weaker after %d good pairs, discordance %g %%, later than promised", good, float64(discord)/1e4),
				Target: fmt.Sprintf("<= .10+3se (%.3f)", most),
				Measured: fmt.Sprintf("%.3f (promised within %d days, 40 shadow pairs a day; mean %.1f days, promised %d)",
					share, promise.P90, float64(sum)/float64(falls), promise.Mean),
				Holds: promise.OK && share <= most,
			})
		}
	}
	return out
}

// fall is the day on which the watch notices, the first being 1: a history of
// good pairs, then a fall with the first run of a day. Runs are shadowed one by
// one; a false alarm before the fall begins a new watch. When it falls, ties turn
// into losses and wins stay.
func fall(r *random, s verdict.Slip) int {
	newWatch := func() *verdict.Drift {
		d, _ := verdict.NewDrift(s.Margin, s.Alpha) // this program's own margin and level
		return d
	}
	d := newWatch()
	perDay := int(s.RunsPerMonth / 30)
	before := verdict.Slip{Gap: s.Gap, Discordance: s.Discordance}
	after := verdict.Slip{Gap: s.Gap - s.Drop, Discordance: s.Discordance + s.Drop}
	pair := func(q verdict.Slip) int64 {
		return ternary(r, (q.Discordance+q.Gap)/2, (q.Discordance-q.Gap)/2).NotWorse
	}
	for pairs := 0; pairs < s.Good; {
		d.Night()
		for range perDay {
			if pairs < s.Good && r.chance(s.Share) {
				pairs++
				if d.Add(pair(before)) {
					d = newWatch()
				}
			}
		}
	}
	for day := 1; day <= verdict.DelayLimit; day++ {
		started := false
		for range perDay {
			if !r.chance(s.Share) {
				continue
			}
			if !started {
				d.Night()
				started = true
			}
			if d.Add(pair(after)) {
				return day
			}
		}
	}
	return verdict.DelayLimit
}

// blindness is why the watch restarts every night: one process from zero, beside
// it, in the design's setting of one pair a look.
func blindness(reps int) []figure.Figure {
	var out []figure.Figure
	for _, good := range []int{0, 2_000} {
		restarted, single := make([]int, reps), make([]int, reps)
		each(reps, func(i int) {
			r := random(uint64(i)<<24 | uint64(good)<<4 | 52)
			d, _ := verdict.NewDrift(margin, alpha)
			alone := newAlone()
			for t := range good {
				if t%10 == 0 {
					d.Night()
				}
				o := ternary(&r, 50_000, 50_000).NotWorse
				if d.Add(o) {
					d, _ = verdict.NewDrift(margin, alpha)
				}
				alone.add(o)
			}
			for t := 1; t <= 50_000 && (restarted[i] == 0 || single[i] == 0); t++ {
				if t%10 == 1 {
					d.Night()
				}
				o := ternary(&r, 50_000, 50_000+weak).NotWorse
				if d.Add(o) && restarted[i] == 0 {
					restarted[i] = t
				}
				if alone.add(o) && single[i] == 0 {
					single[i] = t
				}
			}
		})
		out = append(out, figure.Figure{
			What:     fmt.Sprintf("drift (simulated): pairs until 15 points are noticed after %d good ones, median; one process from zero", good),
			Target:   "published 411; 1,640 (after 2,000)",
			Measured: fmt.Sprintf("%d; %d", median(restarted), median(single)), Shown: true,
		})
	}
	return out
}

func median(x []int) int {
	slices.Sort(x)
	return x[len(x)/2]
}

// alone is E' from zero and never restarted, written from the design's formula.
type alone [8]float64

func newAlone() *alone { return &alone{1, 1, 1, 1, 1, 1, 1, 1} }

// add says whether the mean of the eight wealths is at 1/alpha.
func (a *alone) add(d int64) bool {
	sum := 0.0
	for k, f := range [...]float64{.02, .05, .1, .2, .35, .55, .75, .95} {
		a[k] *= 1 - f/(1+float64(margin)/1e6)*float64(d+margin)/1e6
		sum += a[k]
	}
	return sum/8 >= 1e6/float64(alpha)
}

// unchanged watches a year of nights in which nothing got worse by more than the
// margin: every alarm is false.
func unchanged(years int) []figure.Figure {
	const nights = 365
	type quiet struct {
		name string
		pair func(r *random, night int) int64
		few  func(r *random) int // pairs of a night
	}
	ten := func(*random) int { return 10 }
	plain := func(win, loss int64) func(*random, int) int64 {
		return func(r *random, _ int) int64 { return ternary(r, win, loss).Worse }
	}
	settings := []quiet{
		{"as good, 15 % discordant", plain(75_000, 75_000), ten},
		{"identical", plain(0, 0), ten},
		{"worse by exactly the margin, no wins", plain(0, margin), ten},
		{"worse by exactly the margin, 10 % wins", plain(100_000, 100_000+margin), ten},
		{"worse by exactly the margin, 47.5 % wins", plain(475_000, 475_000+margin), ten},
		{"worse by exactly the margin, graded", func(r *random, _ int) int64 { return int64(r.below(200_001)) - 150_000 }, ten},
		{"worse by exactly the margin, one pair a night", plain(100_000, 100_000+margin), func(*random) int { return 1 }},
		{"worse by exactly the margin, nights of 0 to 40 pairs", plain(100_000, 100_000+margin), func(r *random) int { return r.below(41) }},
		{"wins by season, worse by the margin every night", func(r *random, night int) int64 {
			win := int64(450_000 * (night % 60) / 60)
			return ternary(r, win, win+margin).Worse
		}, ten},
		{"as good, the former tier's log fails one night in ten", func(r *random, night int) int64 {
			if night%10 == 3 {
				return million // a missing current score, as the worse null reads it
			}
			return ternary(r, 75_000, 75_000).Worse
		}, ten},
	}
	var out []figure.Figure
	for k, s := range settings {
		alarms := make([]verdict.Outcome, years)
		each(years, func(i int) {
			r := random(uint64(i)<<24 | uint64(k)<<4 | 53)
			d, err := verdict.NewDrift(margin, alpha)
			if err != nil {
				return
			}
			for night := range nights {
				n := s.few(&r)
				if n > 0 {
					d.Night()
				}
				for range n {
					if d.Add(s.pair(&r, night)) {
						alarms[i] = verdict.Disproved
						return
					}
				}
			}
		})
		out = append(out, limit("drift (simulated): false alarm in a year of nights, "+s.name, share(alarms, verdict.Disproved), years))
	}
	return out
}

// fuses measures the chance that a fuse computed from what was known before
// trips in a year in which the failure rate stays what it was, over everything
// that is random: the known runs too.
func fuses(years int) []figure.Figure {
	const runs = 36_500
	var out []figure.Figure
	for _, rate := range []int64{1_000, 20_000, 100_000} {
		for _, known := range []int{100, 1_000} {
			trips := make([]verdict.Outcome, years)
			lengths := make([]int, years)
			each(years, func(i int) {
				r := random(uint64(i)<<24 | uint64(known)<<8 | uint64(rate%251))
				failed := 0
				for range known {
					if r.chance(rate) {
						failed++
					}
				}
				fuse := verdict.FuseRates{Runs: known, Failed: failed, RunsPerYear: runs, Alpha: alpha}.Fuse()
				lengths[i] = fuse.Length
				for row, left := 0, runs; fuse.OK && left > 0; left-- {
					if row++; !r.chance(rate) {
						row = 0
					}
					if row == fuse.Length {
						trips[i] = verdict.Disproved
						return
					}
				}
			})
			f := limit(fmt.Sprintf("fuse (simulated): false trip in a year of %d runs, %g %% fail, %d known before", runs, float64(rate)/1e4, known), share(trips, verdict.Disproved), years)
			slices.Sort(lengths)
			f.Measured += fmt.Sprintf(", length %d..%d, median %d", lengths[0], lengths[len(lengths)-1], lengths[len(lengths)/2])
			out = append(out, f)
		}
	}
	return out
}
