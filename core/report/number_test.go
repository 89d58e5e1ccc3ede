package report

import (
	"math"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

func TestNumbers(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{count(0), "0"}, {count(-1234567), "-1,234,567"}, {count(int64(math.MinInt64)), "-9,223,372,036,854,775,808"}, {count(999), "999"}, {count(1000), "1,000"},
		{plural(1, "item", "items"), "1 item"}, {plural(0, "item", "items"), "0 items"}, {plural(12000, "item", "items"), "12,000 items"},
		{tenths(12_300), "1.2"}, {tenths(12_500), "1.3"}, {tenths(-400), "0"}, {tenths(50_000), "5"}, {tenths(-196_000), "-19.6"},
		{points(10_000), "1 point"}, {points(-10_000), "-1 point"}, {points(0), "0 points"}, {points(50_000), "5 points"},
		{signed(12_000), "+1.2 points"}, {signed(-12_000), "−1.2 points"}, {signed(0), "0 points"}, {signed(300), "0 points"},
		{percent(985_000), "98.5\u00a0%"}, {percent(1_000_000), "100\u00a0%"},
		{figure(32_900_000), "32.9"}, {figure(verdict.EMax), "over a billion"}, {figure(math.MaxInt64), "over a billion"}, {figure(12), "under 0.001"}, {figure(0), "0"}, {figure(1_234_567_890), "1,235"}, {figure(243_000), "0.243"}, {figure(512_345_678), "512"},
		{money(1_412_000, true), "$1.41"}, {money(1_412_000, false), "at least $1.41"}, {money(0, false), "not known"}, {money(0, true), "$0.00"},
		{atMost(30_000, 50_000), "loses at most 3 points"}, {atMost(49_990, 50_000), "loses less than 5 points"}, {atMost(50_010, 50_000), "may lose just over 5 points"}, {atMost(50_000, 50_000), "loses at most 5 points"},
		{coordinate(0), "0"}, {coordinate(-0.04), "0"}, {coordinate(12.345), "12.3"}, {coordinate(math.NaN()), "0"},
		{coordinate(math.Inf(1)), "100000"}, {coordinate(math.Inf(-1)), "-100000"}, {coordinate(1e300), "100000"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestSteps(t *testing.T) {
	for n, want := range map[int][]int{0: {0}, 4: {0, 1, 2, 3, 4}, 62: {0, 20, 40, 60}, 400: {0, 100, 200, 300, 400}, 600: {0, 200, 400, 600}, 1200: {0, 500, 1000}} {
		got := steps(n)
		if len(got) != len(want) {
			t.Errorf("steps(%d) = %v, want %v", n, got, want)
			continue
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("steps(%d) = %v, want %v", n, got, want)
			}
		}
	}
	if got := steps(math.MaxInt); len(got) > 8 || got[len(got)-1] < 0 {
		t.Errorf("steps(MaxInt) = %v", got)
	}
}

func TestThinKeepsTheLast(t *testing.T) {
	var all []Point
	for i := range 1001 {
		all = append(all, Point{N: i + 1})
	}
	got := thin(all, 120)
	if len(got) != 120 || got[119].N != 1001 {
		t.Errorf("%d points, the last is %d", len(got), got[len(got)-1].N)
	}
	for i := 1; i < len(got); i++ {
		if got[i].N <= got[i-1].N {
			t.Fatalf("point %d goes back", i)
		}
	}
}

func TestPlotStaysInside(t *testing.T) {
	p := plot{lo: -1, hi: 1, left: 10, width: 80}
	for v, want := range map[float64]string{-1: "10%", 0: "50%", 1: "90%", 7: "90%", math.Inf(-1): "10%", math.Inf(1): "90%"} {
		if got := p.x(v); got != want {
			t.Errorf("x(%v) = %s, want %s", v, got, want)
		}
	}
	if got := p.x(math.NaN()); got != "10%" {
		t.Errorf("x(NaN) = %s", got)
	}
	if got := (plot{lo: 1, hi: 1, left: 5, width: 90}).x(1); got != "5%" {
		t.Errorf("an empty range: %s", got)
	}
}
