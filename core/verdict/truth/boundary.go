package main

import (
	"fmt"

	"github.com/plimsoll-dev/plimsoll/core/bench/figure"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

const (
	margin   = 50_000
	alpha    = 50_000
	deadline = 400
)

// setting makes one repetition's observations, in the order of measuring. Its
// truth lies on the boundary or beyond it: the candidate is worse by the
// margin, so every proof is an error.
type setting struct {
	name string
	n    int
	draw func(r *random, n int) []verdict.Observation
	edge bool // exactly on the boundary: "disproved" is an error too
}

func params(m verdict.Method, n int) verdict.Params {
	return verdict.Params{Method: m, Margin: margin, Alpha: alpha, N: n}
}

// boundary measures the error of every method in every setting that its claim
// covers. Looks are unlimited: a test is looked at after every item.
func boundary(reps int) []figure.Figure {
	var out []figure.Figure
	for _, s := range sampled() {
		for _, m := range sampledMethods() {
			out = append(out, s.measure(m, reps)...)
		}
	}
	for _, s := range pools() {
		for _, m := range pooledMethods() {
			out = append(out, s.measure(m, reps)...)
		}
	}
	for _, m := range sampledMethods() {
		bad := func(r *random) []verdict.Observation { return losing(r, deadline) }
		out = append(out, epochs(m, deadline, bad, reps/4), budgets(m, deadline, bad, reps/4))
	}
	for _, m := range pooledMethods() {
		bad := func(r *random) []verdict.Observation { return losingPool(r, 200, 20) }
		out = append(out, epochs(m, 200, bad, reps/4), budgets(m, 200, bad, reps/4))
	}
	return out
}

// losing is a candidate worse by the margin: 10 % won, 15 % lost.
func losing(r *random, n int) []verdict.Observation {
	out := make([]verdict.Observation, n)
	for t := range out {
		out[t] = ternary(r, 100_000, 100_000+margin)
	}
	return out
}

// losingPool is a pool in which as many items are lost as the null allows at
// least, in random order.
func losingPool(r *random, n, wins int) []verdict.Observation {
	pool := make([]verdict.Observation, n)
	for i := range wins {
		pool[i] = verdict.Same(million)
	}
	for i := range wins + lostOf(n) {
		pool[wins+i] = verdict.Same(-million)
	}
	shuffle(r, pool)
	return pool
}

func lostOf(n int) int { return (n*margin + int(million) - 1) / int(million) }

func (s setting) measure(m verdict.Method, reps int) []figure.Figure {
	outcomes := make([]verdict.Outcome, reps)
	each(reps, func(i int) {
		r := random(uint64(i)<<20 | uint64(len(s.name)))
		outcomes[i] = look(params(m, s.n), s.draw(&r, s.n))
	})
	out := []figure.Figure{limit(fmt.Sprintf("error: %s, %s", s.name, m), share(outcomes, verdict.Proved), reps)}
	if s.edge {
		out = append(out, limit(fmt.Sprintf("false alarm: %s, %s", s.name, m), share(outcomes, verdict.Disproved), reps))
	}
	return out
}

func look(p verdict.Params, obs []verdict.Observation) verdict.Outcome {
	t, err := verdict.NewTest(p)
	if err != nil {
		return verdict.Outcome(err.Error()) // counted as neither; the small run's test sees it
	}
	for _, o := range obs {
		if out := t.Add(o); out != verdict.Open {
			return out
		}
	}
	return verdict.Open
}

func share(outcomes []verdict.Outcome, of verdict.Outcome) float64 {
	n := 0
	for _, o := range outcomes {
		if o == of {
			n++
		}
	}
	return float64(n) / float64(len(outcomes))
}

// limit is the target of a simulated error: alpha + 3 standard errors.
func limit(what string, rate float64, reps int) figure.Figure {
	most := .05 + 3*se(.05, reps)
	return figure.Figure{
		What: what, Target: fmt.Sprintf("<= .05+3se (%.4f)", most),
		Measured: fmt.Sprintf("%.4f (se %.4f)", rate, se(rate, reps)), Holds: rate <= most,
	}
}

func draws(one func(r *random, t, n int) verdict.Observation) func(r *random, n int) []verdict.Observation {
	return func(r *random, n int) []verdict.Observation {
		out := make([]verdict.Observation, n)
		for t := range out {
			out[t] = one(r, t, n)
		}
		return out
	}
}

func ternary(r *random, win, loss int64) verdict.Observation {
	switch x := int64(r.below(int(million))); {
	case x < win:
		return verdict.Same(million)
	case x < win+loss:
		return verdict.Same(-million)
	}
	return verdict.Observation{}
}

// sampled are the settings of a claim about future runs.
func sampled() []setting {
	var out []setting
	for _, win := range []int64{0, 20_000, 100_000, 250_000, 475_000} {
		out = append(out, setting{
			name: fmt.Sprintf("pass/fail, %g %% wins", float64(win)/10_000), n: deadline, edge: true,
			draw: draws(func(r *random, _, _ int) verdict.Observation { return ternary(r, win, win+margin) }),
		})
	}
	return append(out,
		setting{name: "graded, even", n: deadline, edge: true, draw: draws(func(r *random, _, _ int) verdict.Observation {
			return verdict.Same(int64(r.below(200_001)) - 150_000)
		})},
		setting{name: "graded, wide", n: deadline, edge: true, draw: draws(func(r *random, _, _ int) verdict.Observation {
			return verdict.Same(int64(r.below(1_900_001)) - million)
		})},
		setting{name: "thirds, as of three repeats", n: deadline, edge: true, draw: draws(func(r *random, _, _ int) verdict.Observation {
			sum := int64(0)
			for range 3 {
				sum += ternary(r, 200_000, 200_000+margin).NotWorse
			}
			return verdict.Same(sum / 3)
		})},
		setting{name: "graded, rare disasters", n: deadline, draw: draws(func(r *random, _, _ int) verdict.Observation {
			if r.chance(20_000) {
				return verdict.Same(-million)
			}
			return verdict.Same(-30_613) // 98 % of it and 2 % of -1 make -.05 and a trifle
		})},
		setting{name: "graded, rare wins", n: deadline, draw: draws(func(r *random, _, _ int) verdict.Observation {
			if r.chance(20_000) {
				return verdict.Same(million)
			}
			return verdict.Same(-71_429)
		})},
		setting{name: "drift from 30 points worse", n: deadline, draw: draws(func(r *random, t, n int) verdict.Observation {
			return ternary(r, 100_000, 100_000+margin+250_000*int64(n-t)/int64(n))
		})},
		setting{name: "drift from no wins to many", n: deadline, edge: true, draw: draws(func(r *random, t, n int) verdict.Observation {
			win := 450_000 * int64(t) / int64(n)
			return ternary(r, win, win+margin)
		})},
		// 40 kinds of item, 4 won, 6 lost, and every item of a kind goes the same way.
		setting{name: "clusters", n: deadline, edge: true, draw: draws(func(r *random, _, _ int) verdict.Observation {
			switch k := r.below(40); {
			case k < 4:
				return verdict.Same(million)
			case k < 10:
				return verdict.Same(-million)
			}
			return verdict.Observation{}
		})},
		setting{name: "losses go missing", n: deadline, draw: draws(func(r *random, _, _ int) verdict.Observation {
			return hide(r, ternary(r, 100_000, 150_000), 500_000)
		})},
		setting{name: "shared outages", n: deadline, draw: outages},
		setting{name: "discordance that answers the past", n: deadline, edge: true, draw: answering},
	)
}

// hide makes a share of the lost candidate scores missing, which is how a bad
// candidate would look good if missing pairs were dropped. (As whole scores, a
// loss is 1 against 0; missing, the worse null sees 1 against 1.)
func hide(r *random, o verdict.Observation, share int64) verdict.Observation {
	if o.NotWorse == -million && r.chance(share) {
		o.Worse = 0
	}
	return o
}

// outages miss both scores of ten items in a row, one time in forty.
func outages(r *random, n int) []verdict.Observation { return outage(r, losing(r, n)) }

func outage(r *random, obs []verdict.Observation) []verdict.Observation {
	left := 0
	for t := range obs {
		if left == 0 && r.chance(25_000) {
			left = 10
		}
		if left > 0 {
			obs[t] = verdict.Observation{NotWorse: -million, Worse: million}
			left--
		}
	}
	return obs
}

// answering is worse by the margin on every item, and how it is worse answers
// what came before: while behind, wins and losses are many, so that luck may
// turn; once ahead, nothing but rare losses.
func answering(r *random, n int) []verdict.Observation {
	out := make([]verdict.Observation, n)
	sum := int64(0)
	for t := range out {
		if sum <= 0 {
			out[t] = ternary(r, 475_000, 475_000+margin)
		} else {
			out[t] = ternary(r, 0, margin)
		}
		sum += out[t].NotWorse + margin
	}
	return out
}

// pools are finite: their sum is exactly what the null allows at most, and
// their order is random.
func pools() []setting {
	var out []setting
	for _, n := range []int{60, 110, 400} {
		lost := lostOf(n)
		for _, wins := range []int{0, n / 10, n * 2 / 5} {
			out = append(out, setting{name: fmt.Sprintf("pool of %d, %d won, %d lost", n, wins, wins+lost), n: n, edge: n*margin == lost*int(million),
				draw: func(r *random, n int) []verdict.Observation { return losingPool(r, n, wins) }})
		}
		out = append(out,
			setting{name: fmt.Sprintf("graded pool of %d", n), n: n, edge: true, draw: func(r *random, n int) []verdict.Observation {
				pool := make([]verdict.Observation, n)
				for i := 0; i+1 < n; i += 2 { // pairs around -d, so that the sum is exact
					x := int64(r.below(900_000))
					pool[i], pool[i+1] = verdict.Same(-margin+x), verdict.Same(-margin-x)
				}
				if n%2 == 1 {
					pool[n-1] = verdict.Same(-margin)
				}
				shuffle(r, pool)
				return pool
			}},
			setting{name: fmt.Sprintf("pool of %d, losses go missing", n), n: n, draw: func(r *random, n int) []verdict.Observation {
				pool := make([]verdict.Observation, n)
				for i := range lost + n/10 {
					pool[i] = hide(r, verdict.Same(-million), 500_000)
				}
				for i := range n / 10 {
					pool[lost+n/10+i] = verdict.Same(million)
				}
				shuffle(r, pool)
				return pool
			}},
			// An outage takes what is measured together, whatever it was worth.
			setting{name: fmt.Sprintf("pool of %d, shared outages", n), n: n, draw: func(r *random, n int) []verdict.Observation {
				return outage(r, losingPool(r, n, n/10))
			}})
	}
	return out
}

// epochs opens ten epochs on the same bad candidate, as who changes the prompt
// until it passes: the chance that any of them proves is the chance of ever
// being wrong.
func epochs(m verdict.Method, n int, bad func(r *random) []verdict.Observation, reps int) figure.Figure {
	wrong := make([]verdict.Outcome, reps)
	each(reps, func(i int) {
		r := random(uint64(i)<<20 | 77)
		for j := 1; j <= 10 && wrong[i] != verdict.Proved; j++ {
			p := params(m, n)
			p.Epoch = j
			wrong[i] = look(p, bad(&r))
		}
	})
	return limit(fmt.Sprintf("error: ten epochs, any of them, %s", m), share(wrong, verdict.Proved), reps)
}

// budgets shares half the items that five bad candidates could take, and always
// buys for the one whose E is largest: which skill is measured next depends on
// results, which of its items does not.
func budgets(m verdict.Method, n int, bad func(r *random) []verdict.Observation, reps int) figure.Figure {
	const skills = 5
	wrong := make([]verdict.Outcome, reps*skills)
	each(reps, func(i int) {
		r := random(uint64(i)<<20 | 99)
		var tests [skills]*verdict.Test
		var items [skills][]verdict.Observation
		var wealth [skills]int64
		for k := range tests {
			t, err := verdict.NewTest(params(m, n))
			if err != nil {
				return
			}
			tests[k], items[k], wealth[k] = t, bad(&r), million
		}
		for range skills * n / 2 {
			best, most := -1, int64(-1)
			for k := range tests {
				if wrong[i*skills+k] == verdict.Open && wealth[k] > most {
					best, most = k, wealth[k]
				}
			}
			if best < 0 {
				break
			}
			wrong[i*skills+best] = tests[best].Add(items[best][0])
			items[best], wealth[best] = items[best][1:], tests[best].State().E
		}
	})
	return limit(fmt.Sprintf("error: a budget that follows results, %s", m), share(wrong, verdict.Proved), reps)
}
