package main

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

// Student's 95 % points, from any table.
func TestQuantile(t *testing.T) {
	for df, want := range map[int]float64{1: 6.314, 4: 2.132, 9: 1.833, 19: 1.729, 99: 1.660, 399: 1.649} {
		if got := quantile(df); math.Abs(got-want) > .0015 {
			t.Errorf("quantile(%d) = %.4f, want %.3f", df, got, want)
		}
	}
}

// The exact bootstrap against resampling, and by hand: of five items with one
// lost, a resample is without a loss with chance .8^5.
func TestResampled(t *testing.T) {
	logs := newFactorials(200)
	if got := logs.resampled(5, 0, 1, 1); math.Abs(got-(1-math.Pow(.8, 5))) > 1e-9 {
		t.Errorf("one of five lost: %g", got)
	}
	if got := logs.resampled(5, 5, 0, 1); got != 0 {
		t.Errorf("all won: %g", got)
	}
	if got := logs.resampled(5, 0, 5, 1); got != 1 {
		t.Errorf("all lost: %g", got)
	}
	for _, c := range [][4]int{{50, 5, 9, 3}, {200, 10, 14, 10}, {20, 0, 2, 1}} {
		n, won, lost, least := c[0], c[1], c[2], c[3]
		r, hits := random(n), 0
		const times = 40_000
		for range times {
			gap := 0
			for range n {
				switch k := r.below(n); {
				case k < won:
					gap--
				case k < won+lost:
					gap++
				}
			}
			if gap >= least {
				hits++
			}
		}
		want := float64(hits) / times
		if got := logs.resampled(n, won, lost, least); math.Abs(got-want) > 4*se(want, times)+1e-4 {
			t.Errorf("%v: %g, resampling says %g", c, got, want)
		}
	}
}

// made are cells with a known truth, in place of the public tables.
func made() []cell {
	var out []cell
	for i, lost := range []int{0, 2, 10, 30} {
		c := cell{name: fmt.Sprint("made ", i)}
		for k := range 100 {
			o := verdict.Same(0)
			if k < lost {
				o = verdict.Same(-million)
			}
			c.obs = append(c.obs, o)
			c.gap += o.NotWorse
		}
		out = append(out, c)
	}
	graded := cell{name: "made, graded"}
	for k := range 100 {
		o := verdict.Same(int64(k)*4000 - 198_000)
		graded.obs = append(graded.obs, o)
		graded.gap += o.NotWorse
	}
	return append(out, graded)
}

// On cells whose answer is plain the rules do what their names say.
func TestRates(t *testing.T) {
	cells, rules := made(), append(others(), ours()...)
	tallies := compare(cells, rules, 60)
	byName := map[string][]tally{}
	for j, r := range rules {
		for i := range cells {
			byName[r.String()] = append(byName[r.String()], tallies[i][j])
		}
	}
	one := byName["one task on both, n 1"]
	if one[0].moved != 60 || one[0].spent != 60 || one[3].moved < 25 || one[3].moved == 60 {
		t.Errorf("one task: %+v", one)
	}
	if got := byName["passes in a row, retried, n 5"]; got[3].moved < 58 {
		t.Errorf("five in a row, one time in four hundred: %+v", got)
	}
	for _, m := range verdict.Methods() {
		got := byName[string(m)+", every item, n 400"]
		if got[0].moved != 60 || got[3].moved != 0 {
			t.Errorf("%s on an identical model and one 30 points worse: %+v", m, got)
		}
	}
	table := lines(cells, rules, tallies)
	for _, f := range referenced(table) {
		if strings.Contains(f.Measured, "NaN") || f.Measured == "" {
			t.Errorf("%+v", f)
		}
	}

	var out bytes.Buffer
	if err := writeCells(&out, cells, rules, tallies); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil || len(rows) != 1+len(cells)*len(rules) {
		t.Errorf("%d lines, error %v", len(rows), err)
	}
	out.Reset()
	if err := drawPlot(&out, table); err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(bytes.NewReader(out.Bytes())); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the drawing is not XML: %v", err)
		}
	}
	if strings.Contains(out.String(), "NaN") || !strings.Contains(out.String(), "star1, every item") {
		t.Error("the drawing lacks its numbers or names")
	}
}
