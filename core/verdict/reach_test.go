package verdict

import "testing"

// The figures of the design page, "Floor and reach".
func TestReach(t *testing.T) {
	for _, c := range []struct {
		method       Method
		margin       int64
		epoch, n     int
		floor, reach int
	}{
		{Grid8, 100_000, 0, 400, 29, 46},
		{Grid8, 50_000, 0, 400, 59, 94},
		{Grid8, 20_000, 0, 400, 149, 238},
		{Grid8, 100_000, 1, 400, 34, 52},
		{Grid8, 50_000, 1, 400, 69, 106},
		{Grid8, 20_000, 1, 400, 173, 268},
		{Star1, 50_000, 0, 400, 59, 130},
		{Star1, 50_000, 1, 400, 69, 139},
		{Star1, 50_000, 0, 62, 59, 62},
	} {
		p := Params{Method: c.method, Margin: c.margin, Alpha: 50_000, Epoch: c.epoch, N: c.n}
		if got, ok := Reach(p); got != c.reach || !ok {
			t.Errorf("Reach(%+v) = %d, %t, want %d", p, got, ok, c.reach)
		}
		if got := Floor(c.margin, p.AlphaEff()); got != c.floor {
			t.Errorf("Floor(%d, %.4f) = %d, want %d", c.margin, p.AlphaEff(), got, c.floor)
		}
	}
}
func TestX(t *testing.T) {
	for _, n := range []int{59, 60, 61, 62, 70, 80, 100, 200, 400, 1000} {
		for _, m := range []Method{Star1, Pool1} {
			p := Params{Method: m, Margin: 50_000, Alpha: 50_000, N: n}
			a, ok := Reach(p)
			t.Log(m, n, a, ok)
		}
	}
	for _, n := range []int{1, 2, 5, 10, 19, 20, 21, 40} {
		p := Params{Method: Pool1, Margin: 50_000, Alpha: 50_000, N: n}
		a, ok := Reach(p)
		t.Log(n, a, ok)
	}
}
