package main

import (
	"fmt"
	"math"

	"github.com/plimsoll-dev/plimsoll/core/bench/figure"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

// exact computes grid8's error without sampling. Its wealth depends on the
// counts of wins and losses only, so the chance of every pair of counts can be
// carried from item to item, with the paths that closed taken out. It is
// written from the design's formula, not from core/verdict's code. (The
// others depend on the path; they are sampled, and walked where tests are short.)
func exact() []figure.Figure {
	wins := []float64{0, .02, .05, .1, .25, .475}
	type errors struct{ proved, disproved float64 }
	got := make([]errors, len(wins))
	each(len(wins), func(i int) { got[i].proved, got[i].disproved = gridError(wins[i], wins[i]+.05, deadline) })
	var out []figure.Figure
	for i, w := range wins {
		out = append(out, figure.Figure{
			What: fmt.Sprintf("exact error: pass/fail, %g %% wins, grid8", w*100), Target: "<= .05",
			Measured: fmt.Sprintf("%.6f (false alarm %.6f)", got[i].proved, got[i].disproved),
			Holds:    got[i].proved <= .05 && got[i].disproved <= .05,
		})
	}
	return out
}

func gridError(win, loss float64, n int) (proved, disproved float64) {
	const d, level = .05, .05
	fractions := [8]float64{.02, .05, .1, .2, .35, .55, .75, .95}
	// powers of the eight factors for a win, a tie and a loss, for both sides
	var up, down [3][8][]float64
	for k, f := range fractions {
		for v, x := range []float64{1, 0, -1} {
			up[v][k], down[v][k] = powers(1+f/(1-d)*(x+d), n), powers(1-f/(1+d)*(x+d), n)
		}
	}
	mix := func(side *[3][8][]float64, wins, ties, losses int) float64 {
		sum := 0.0
		for k := range fractions {
			sum += side[0][k][wins] * side[1][k][ties] * side[2][k][losses]
		}
		return sum / 8
	}
	at := make([]float64, (n+1)*(n+1)) // by wins and losses
	at[0] = 1
	for t := 1; t <= n; t++ {
		for w := t; w >= 0; w-- {
			for l := t - w; l >= 0; l-- {
				p := at[w*(n+1)+l] * (1 - win - loss) // in place: fewer wins or losses are updated later
				if w > 0 {
					p += at[(w-1)*(n+1)+l] * win
				}
				if l > 0 {
					p += at[w*(n+1)+l-1] * loss
				}
				switch {
				case p == 0:
				case mix(&down, w, t-w-l, l) >= 1/level:
					disproved += p
					p = 0
				case mix(&up, w, t-w-l, l) >= 1/level:
					proved += p
					p = 0
				}
				at[w*(n+1)+l] = p
			}
		}
	}
	return proved, disproved
}

func powers(x float64, n int) []float64 {
	out := make([]float64, n+1)
	for i := range out {
		out[i] = math.Pow(x, float64(i))
	}
	return out
}

// identical runs the same model against itself, through the whole decision.
func identical() []figure.Figure {
	planted := make([]verdict.Pair, 20)
	pairs := make([]verdict.Pair, deadline)
	for i := range pairs {
		pairs[i] = verdict.Pair{Order: i, Item: fmt.Sprintf("item-%03d", i), Cur: new(million), Cand: new(million)}
	}
	for i := range planted {
		planted[i] = verdict.Pair{Order: i, Item: pairs[i].Item, Cur: new(million), Cand: new(int64(0))}
	}
	var out []figure.Figure
	for _, m := range verdict.Methods() {
		p := params(m, deadline)
		r := verdict.Decide(verdict.Assess(verdict.Spec{Params: p, Content: verdict.ContentReference}, pairs, planted), verdict.Rules{}, verdict.Money{})
		reach, ok := verdict.Reach(p)
		f := figure.Figure{
			What: fmt.Sprintf("identical model: items to a downgrade, %s", m), Target: fmt.Sprintf("<= its reach (%d), >= the floor (59)", reach),
			Measured: fmt.Sprint(r.N), Holds: ok && r.Decision == verdict.Downgrade && r.N <= max(reach, 59) && r.N >= 59,
		}
		if m == verdict.Star2 || m == verdict.Pool2 {
			f.Target, f.Holds = "<= 80, "+f.Target, f.Holds && r.N <= 80
		}
		out = append(out, f)
	}
	frontier := ""
	for _, n := range []int{62, 100, 200, 400, 600} {
		frontier += fmt.Sprintf(" N %d:", n)
		for _, m := range []verdict.Method{verdict.Star1, verdict.Star2, verdict.Pool1, verdict.Pool2} {
			r, _ := verdict.Reach(params(m, n))
			frontier += fmt.Sprintf(" %d", r)
		}
	}
	return append(out, figure.Figure{What: "frontier: reach of star1, star2, pool1, pool2 by N", Measured: frontier[1:], Shown: true})
}
