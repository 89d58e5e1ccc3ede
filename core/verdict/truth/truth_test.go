package main

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/bench/figure"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

func small() size { return size{reps: 400, verdicts: 3000, draws: 1, quarters: 2, years: 20} }

// The small version of the whole program: every target but those of the public
// tables, in seconds.
func TestRun(t *testing.T) {
	var out bytes.Buffer
	ok, err := bench{size: small()}.run(&out)
	if err != nil {
		t.Fatal(err)
	}
	text := out.String()
	if !ok || strings.Contains(text, "MISSED") {
		t.Errorf("a target is missed:\n%s", text)
	}
	if !strings.Contains(text, "skipped: public") {
		t.Error("it does not say that the public tables were skipped")
	}
}

// One part alone, its data missing, and a part that is not there.
func TestParts(t *testing.T) {
	var out bytes.Buffer
	if ok, err := (bench{size: small(), only: "identical"}).run(&out); err != nil || !ok || strings.Contains(out.String(), "boundary") || !strings.Contains(out.String(), "identical model") {
		t.Errorf("ok %t, error %v:\n%s", ok, err, out.String())
	}
	out.Reset()
	if _, err := (bench{size: small(), only: "rates"}).run(&out); err != nil || !strings.Contains(out.String(), "skipped: rates") {
		t.Errorf("error %v:\n%s", err, out.String())
	}
	if _, err := (bench{only: "rate"}).run(&out); err == nil || !strings.Contains(err.Error(), "rates") {
		t.Errorf("an unknown part: error %v", err)
	}
	if _, err := (bench{size: small(), only: "identical"}).files(&out, filepath.Join(t.TempDir(), "no", "cells.csv"), ""); err == nil {
		t.Error("a folder that is not there opens")
	}
}

// A missed target has to be seen, by people and by the exit code.
func TestPrintMissed(t *testing.T) {
	var out bytes.Buffer
	ok, err := figure.Print(&out, "truth", []figure.Figure{{What: "a", Target: "0", Measured: "1"}, {What: "b", Holds: true}, {What: "c", Shown: true}})
	if err != nil || ok {
		t.Errorf("ok %t, error %v", ok, err)
	}
	if !strings.Contains(out.String(), "MISSED") || !strings.Contains(out.String(), "truth: 1 of 2 targets hold") {
		t.Errorf("printed:\n%s", out.String())
	}
}

func TestPublic(t *testing.T) {
	data := os.Getenv("PLIMSOLL_DATA")
	if data == "" {
		t.Skip("PLIMSOLL_DATA is not set: the public tables are not measured")
	}
	cells, err := load(filepath.Join(data, "verdict"))
	if err != nil {
		t.Fatal(err)
	}
	if len(cells) != 370 {
		t.Errorf("%d cells, want 370", len(cells))
	}
	for _, m := range []verdict.Method{verdict.Pool2, verdict.Star2} {
		for _, f := range rates(cells, m, !m.Pool(), 30).figures(string(m), true) {
			// 30 draws say nothing about the worst of 300 cells.
			if !f.Shown && !f.Holds && !strings.Contains(f.What, "worst") {
				t.Errorf("%s: %s, want %s", f.What, f.Measured, f.Target)
			}
		}
	}
}

// The shortcut that the public draws take decides as Decide does.
func TestDowngrades(t *testing.T) {
	seen := map[bool]int{}
	for i := range 600 {
		r := random(i)
		m := verdict.Methods()[i%len(verdict.Methods())]
		n := 40 + r.below(200)
		p := params(m, n)
		win, loss := pick[int64](&r, 0, 50_000, 300_000), pick[int64](&r, 0, 20_000, 150_000)
		obs := draws(func(r *random, _, _ int) verdict.Observation { return ternary(r, win, loss) })(&r, n)
		pairs := make([]verdict.Pair, n)
		for k, o := range obs {
			pairs[k] = verdict.Pair{Order: k, Item: fmt.Sprint(k), Cur: new(max(0, -o.NotWorse)), Cand: new(max(0, o.NotWorse))}
		}
		reach, _ := verdict.Reach(p)
		got := sequential(p, obs, reach, nil).moved
		rec := verdict.Decide(verdict.Assess(verdict.Spec{Params: p, Content: "reference", NoPlanted: true}, pairs, nil), verdict.Rules{}, verdict.Money{})
		if got != (rec.Decision == verdict.Downgrade) {
			t.Fatalf("case %d: the shortcut says %t, the decision is %s: %s", i, got, rec.Decision, rec.Reason)
		}
		seen[got]++
	}
	if seen[true] < 50 || seen[false] < 50 {
		t.Errorf("%d downgrades and %d others compare too little", seen[true], seen[false])
	}
}

// Every setting lies on the boundary it says: its mean, as the not-worse null
// sees it, is the margin or worse, and exactly the margin where it says edge.
func TestSettings(t *testing.T) {
	for _, s := range append(sampled(), pools()...) {
		r := random(1)
		sum, square, n := 0.0, 0.0, 0
		for range 2000 {
			for _, o := range s.draw(&r, s.n) {
				d := float64(o.NotWorse) / 1e6
				sum += d
				square += d * d
				n++
			}
		}
		mean := sum / float64(n)
		slack := 4*math.Sqrt(square/float64(n)/float64(n)) + 1e-7
		if strings.Contains(s.name, "pool") {
			slack = 1e-9 // a pool's sum is fixed
		}
		if mean > -.05+slack || s.edge && mean < -.05-slack {
			t.Errorf("%s has a mean of %.6f, slack %.6f", s.name, mean, slack)
		}
	}
}

// Two cases by hand: with losses only grid8 needs 94 ties, so that 93 items
// prove nothing and 94 prove on the one path without a loss.
func TestGridError(t *testing.T) {
	if proved, _ := gridError(0, .05, 93); proved != 0 {
		t.Errorf("93 items prove with chance %g, want 0", proved)
	}
	if proved, _ := gridError(0, .05, 94); math.Abs(proved-math.Pow(.95, 94)) > 1e-12 {
		t.Errorf("94 items prove with chance %g, want %g", proved, math.Pow(.95, 94))
	}
}

// The check of one step sees a candidate that is a point better than the null
// allows: it can fail.
func TestGrowth(t *testing.T) {
	for _, m := range verdict.Methods() {
		if up, down := growth(m, 20, 0); up > 1e-6 || down > 1e-6 {
			t.Errorf("%s grows by %g and %g under its null", m, up, down)
		}
		if up, down := growth(m, 20, 10_000); up < 1e-5 || down < 1e-5 {
			t.Errorf("%s grows by %g and %g a point off its null, so the check sees nothing", m, up, down)
		}
	}
}

// Three items, by hand: at margin .5 and level .5 grid8 proves on ties alone
// where its mixture first reaches 2.
func TestWalk(t *testing.T) {
	p := verdict.Params{Method: verdict.Grid8, Margin: 500_000, Alpha: 500_000, N: 10}
	reach, ok := verdict.Reach(p)
	if !ok || reach > 10 {
		t.Fatalf("reach %d, %t", reach, ok)
	}
	w := walker{p: p, left: [3]int{5, 5, 0}}
	w.walk(w.fresh(), 1)
	if w.proved < math.Pow(.5, float64(reach)) || w.proved > .5 {
		t.Errorf("proved with chance %g, reach %d", w.proved, reach)
	}
	w = walker{p: p, left: [3]int{0, 10, 0}} // ties only
	w.walk(w.fresh(), 1)
	if w.proved != 1 || w.disproved != 0 {
		t.Errorf("ties prove with chance %g and disprove with %g, want 1 and 0", w.proved, w.disproved)
	}
}
