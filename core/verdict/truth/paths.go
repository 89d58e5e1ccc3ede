package main

import (
	"fmt"

	"github.com/plimsoll-dev/plimsoll/core/bench/figure"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

// paths computes every method's error without sampling, on tests so short that
// every path of wins, ties and losses can be walked. Levels and margins are
// large, so that so few items can prove at all.
func paths() []figure.Figure {
	type size struct {
		margin, alpha int64
		n             int
	}
	sizes := []size{{200_000, 200_000, 10}, {300_000, 50_000, 10}, {300_000, 500_000, 10}, {500_000, 50_000, 10}}
	var out []figure.Figure
	for _, m := range verdict.Methods() {
		pooled := params(m, 10).Claim() != "future runs"
		type job struct {
			p    verdict.Params
			wins int // of 10 items
		}
		var jobs []job
		for _, s := range sizes {
			for wins := 0; 2*wins+int(s.margin*10/million) <= 10; wins++ {
				jobs = append(jobs, job{verdict.Params{Method: m, Margin: s.margin, Alpha: s.alpha, N: s.n}, wins})
			}
		}
		type errors struct{ proved, disproved float64 }
		for _, j := range jobs {
			if err := j.p.Validate(); err != nil {
				return append(out, figure.Figure{What: "exact error by walking all paths", Target: "valid parameters", Measured: err.Error()})
			}
		}
		got := make([]errors, len(jobs))
		each(len(jobs), func(i int) {
			j := jobs[i]
			losses := j.wins + int(j.p.Margin*10/million)
			w := walker{p: j.p, pooled: pooled, left: [3]int{losses, 10 - j.wins - losses, j.wins}}
			w.walk(w.fresh(), 1)
			got[i] = errors{w.proved, w.disproved}
		})
		worst, alarm, some := 0.0, 0.0, false
		for i, e := range got {
			alpha := float64(jobs[i].p.Alpha) / 1e6
			worst, alarm = max(worst, e.proved/alpha), max(alarm, e.disproved/alpha)
			some = some || e.proved > 0
		}
		out = append(out, figure.Figure{
			What: fmt.Sprintf("exact error by walking all paths of 10 items, worst of %d settings, %s", len(jobs), m), Target: "<= alpha, > 0",
			Measured: fmt.Sprintf("%.4f alpha (false alarm %.4f alpha)", worst, alarm),
			Holds:    worst <= 1+1e-9 && alarm <= 1+1e-9 && some,
		})
	}
	return append(append(out, orders()...), steps()...)
}

// orders walks every order of a pool of 40 items, 2 of them lost,
// which is exactly the margin. (With wins there are too many orders; the
// boundary settings sample those.)
func orders() []figure.Figure {
	methods := pooledMethods()
	out := make([]figure.Figure, len(methods))
	each(len(methods), func(i int) {
		w := walker{p: params(methods[i], 40), pooled: true, left: [3]int{2, 38, 0}}
		w.walk(w.fresh(), 1)
		out[i] = figure.Figure{
			What: fmt.Sprintf("exact error by walking all orders of 40 items, 2 lost, %s", methods[i]), Target: "<= .05",
			Measured: fmt.Sprintf("%.6f (false alarm %.6f)", w.proved, w.disproved), Holds: w.proved <= .05 && w.disproved <= .05,
		}
	})
	return out
}

// walker adds up the chance of the paths on which a test closes. Items are
// drawn from left (losses, ties, wins), with replacement or without.
type walker struct {
	p                 verdict.Params
	pooled            bool
	left              [3]int
	path              []verdict.Observation
	proved, disproved float64
}

func (w *walker) fresh() *verdict.Test {
	t, _ := verdict.NewTest(w.p) // whoever makes a walker has validated its parameters
	for _, o := range w.path {
		t.Add(o)
	}
	return t
}

// walk goes on from t, which has seen the path, with the path's chance.
func (w *walker) walk(t *verdict.Test, chance float64) {
	total := w.left[0] + w.left[1] + w.left[2]
	for v := range 3 {
		if w.left[v] == 0 {
			continue
		}
		p := chance * float64(w.left[v]) / float64(total)
		o := verdict.Same(int64(v-1) * million)
		next := t
		if v < 2 { // the last way on may use t itself: nothing else needs it
			next = w.fresh()
		}
		switch next.Add(o) {
		case verdict.Proved:
			w.proved += p
		case verdict.Disproved:
			w.disproved += p
		case verdict.Open:
			w.path = append(w.path, o)
			if w.pooled {
				w.left[v]--
			}
			w.walk(next, p)
			if w.pooled {
				w.left[v]++
			}
			w.path = w.path[:len(w.path)-1]
		case verdict.Inconclusive:
		}
	}
}

// steps checks the one fact that the whole promise rests on, at the sizes of
// real tests: whatever came before, no next item whose mean the null allows
// makes the wealth grow on average.
func steps() []figure.Figure {
	var out []figure.Figure
	for _, m := range verdict.Methods() {
		up, down := growth(m, 200, 0)
		out = append(out, figure.Figure{
			What: fmt.Sprintf("one step under the null: most that the wealth grows on average, %s", m), Target: "<= 1e-6",
			Measured: fmt.Sprintf("%.1g (worse side %.1g)", up, down), Holds: up <= 1e-6 && down <= 1e-6,
		})
	}
	return out
}

// growth walks so many random paths of m's test and returns the most that the
// wealth of either side grew on average in one step, as a share of it. The next
// item has the null's mean, moved up by better (millionths) for the not-worse
// side and down for the other, and two values, one on either side of it: a step
// is linear in the chances, so any other item is a mixture of such.
func growth(m verdict.Method, tests int, better float64) (up, down float64) {
	type excess struct{ up, down float64 }
	worst := make([]excess, tests)
	each(tests, func(i int) {
		r := random(uint64(i)<<20 | 31)
		p := verdict.Params{Method: m, Margin: pick[int64](&r, 20_000, 50_000, 100_000), Alpha: alpha, N: 100 + r.below(300)}
		win, loss := int64(r.below(300_000)), int64(r.below(300_000))
		w, sum := walker{p: p}, int64(0)
		for range 1 + r.below(p.N-50) {
			o := ternary(&r, win, loss)
			if r.below(3) == 0 {
				o = verdict.Same(int64(r.below(600_001)) - 300_000)
			}
			w.path = append(w.path, o)
			sum += o.NotWorse
			if r.below(8) != 0 {
				continue
			}
			now := w.fresh().State()
			if now.Outcome != verdict.Open {
				break
			}
			mean := float64(-p.Margin)
			if p.Claim() != "future runs" {
				mean = (float64(-int64(p.N)*p.Margin) - float64(sum)) / float64(p.N-len(w.path))
			}
			low, high := -million, pick(&r, 0, million)
			if r.below(2) == 0 {
				low, high = -int64(r.below(int(million))), int64(r.below(int(million)))
			}
			if float64(low) >= mean-better || float64(high) <= mean+better {
				continue // two values cannot have this mean, or a count has refuted the null
			}
			a, b := w.after(low), w.after(high)
			step := func(mean float64, now, low2, high2 int64) float64 {
				q := (mean - float64(low)) / float64(high-low)
				// E is rounded down to 1e-6: two units are lost at most.
				return ((1-q)*float64(low2) + q*float64(high2) - float64(now) - 2) / float64(now+million)
			}
			worst[i].up = max(worst[i].up, step(mean+better, now.E, a.E, b.E))
			worst[i].down = max(worst[i].down, step(mean-better, now.EWorse, a.EWorse, b.EWorse))
		}
	})
	for _, x := range worst {
		up, down = max(up, x.up), max(down, x.down)
	}
	return up, down
}

// after is the state when d follows the path.
func (w *walker) after(d int64) verdict.State {
	t := w.fresh()
	t.Add(verdict.Same(d))
	return t.State()
}
