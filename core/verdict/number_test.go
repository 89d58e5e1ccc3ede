package verdict

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// The package's own ln and exp against the standard library's, to a few ulp.
func TestNumbers(t *testing.T) {
	close := func(got, want float64) bool {
		return got == want || math.Abs(got-want) <= 8*0x1p-53*math.Max(math.Abs(want), 0x1p-60)
	}
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Float64Range(1e-300, 1e300).Draw(t, "x")
		if got := ln(x); !close(got, math.Log(x)) {
			t.Fatalf("ln(%g) = %.17g, want %.17g", x, got, math.Log(x))
		}
		y := rapid.Float64Range(-.999999, 3).Draw(t, "y")
		if got := ln1p(y); !close(got, math.Log1p(y)) {
			t.Fatalf("ln1p(%g) = %.17g, want %.17g", y, got, math.Log1p(y))
		}
		z := rapid.Float64Range(-600, 600).Draw(t, "z")
		if got := exp(z); !close(got, math.Exp(z)) {
			t.Fatalf("exp(%g) = %.17g, want %.17g", z, got, math.Exp(z))
		}
	})
	for _, c := range []struct{ got, want float64 }{
		{ln(1), 0}, {ln1p(0), 0}, {exp(0), 1}, {exp(-1000), 0}, {exp(1000), math.Inf(1)},
	} {
		if c.got != c.want {
			t.Errorf("got %g, want %g", c.got, c.want)
		}
	}
}

func TestRounding(t *testing.T) {
	for _, c := range []struct{ got, want int64 }{
		{need(.05), 20_000_000},
		{need(.05 * 6 / (math.Pi * math.Pi)), 32_898_682}, // 32.8986813..., rounded up
		{eMillionths(19.9999999), 19_999_999},
		{eMillionths(1e12), EMax},
		{mean(5, 2), 3}, {mean(-5, 2), -3}, {mean(0, 0), 0}, {mean(4, 3), 1},
		{millionths(.0000005), 1}, {millionths(-.0000005), -1},
	} {
		if c.got != c.want {
			t.Errorf("got %d, want %d", c.got, c.want)
		}
	}
}

// Wealths far outside float64: 5,000 total losses, then 9,000 total wins.
func TestMixtureNeverUnderflows(t *testing.T) {
	m := newMixture()
	var logs [8]float64
	step := func(ratio float64, n int) {
		for range n {
			m.bet(ratio)
			for k, f := range fractions {
				logs[k] += math.Log1p(f * ratio)
			}
		}
	}
	check := func() {
		t.Helper()
		top := logs[0]
		for _, l := range logs {
			top = max(top, l)
		}
		sum := 0.0
		for _, l := range logs {
			sum += math.Exp(l - top)
		}
		want := top + math.Log(sum/8)
		if got := m.ln(); math.Abs(got-want) > 1e-9*math.Abs(want) {
			t.Fatalf("ln of the mixture = %g, want %g", got, want)
		}
	}
	step(-1, 5000)
	check()
	if m.e() != 0 {
		t.Errorf("after 5,000 losses e = %d", m.e())
	}
	step(1, 9000)
	check()
	if m.e() != EMax {
		t.Errorf("after 9,000 wins e = %d, want it to saturate", m.e())
	}
}
