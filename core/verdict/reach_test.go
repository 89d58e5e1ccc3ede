package verdict

import (
	"strings"
	"testing"
)

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
		{Star2, 50_000, 0, 400, 59, 80},
		{Star2, 50_000, 1, 400, 69, 91},
		{Star2, 20_000, 0, 600, 149, 202},
		{Star2, 100_000, 0, 200, 29, 38},
		{Pool2, 50_000, 0, 400, 59, 61},
		{Pool2, 50_000, 1, 400, 69, 69},
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

// The frontier of the methods that look at N, and what a policy that cannot
// prove in time is told.
func TestReachByDeadline(t *testing.T) {
	for _, c := range []struct {
		method      Method
		n           int
		reach       int
		ok          bool
		wouldDo     int
		wouldDoName string
	}{
		{Star1, 61, 62, false, 62, "the smallest deadline"},
		{Star1, 62, 62, true, 62, "the smallest deadline"},
		{Star1, 100, 68, true, 62, "the smallest deadline"},
		{Star1, 600, 161, true, 62, "the smallest deadline"},
		{Grid8, 93, 94, false, 94, "its reach"},
		{Grid8, 94, 94, true, 94, "its reach"},
		{Pool1, 20, 20, true, 59, "the smallest pool that moves"},
		{Pool1, 62, 48, true, 59, "the smallest pool that moves"},
		{Pool1, 400, 84, true, 59, "the smallest pool that moves"},
		{Star2, 61, 62, false, 62, "the smallest deadline"},
		{Star2, 62, 62, true, 62, "the smallest deadline"},
		{Star2, 100, 65, true, 62, "the smallest deadline"},
		{Star2, 600, 82, true, 62, "the smallest deadline"},
		{Pool2, 20, 20, true, 59, "the smallest pool that moves"},
		{Pool2, 62, 39, true, 59, "the smallest pool that moves"},
		{Pool2, 600, 66, true, 59, "the smallest pool that moves"},
	} {
		p := Params{Method: c.method, Margin: 50_000, Alpha: 50_000, N: c.n}
		if got, ok := Reach(p); got != c.reach || ok != c.ok {
			t.Errorf("Reach(%+v) = %d, %t, want %d, %t", p, got, ok, c.reach, c.ok)
		}
		if got := Deadline(p); got != c.wouldDo {
			t.Errorf("Deadline(%+v) = %d, want %s, %d", p, got, c.wouldDoName, c.wouldDo)
		}
	}
	for _, p := range []Params{{}, {Method: Star1, Margin: -1, Alpha: 50_000, N: 400}} {
		if n, ok := Reach(p); n != 0 || ok || Deadline(p) != 0 {
			t.Errorf("parameters %+v, which Validate refuses, have reach %d", p, n)
		}
	}
}

func TestValidate(t *testing.T) {
	good := Params{Method: Star1, Margin: 50_000, Alpha: 50_000, Epoch: 3, N: 400}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Params){
		"method \"\" is unknown": func(p *Params) { p.Method = "" },
		"margin of 0":            func(p *Params) { p.Margin = 0 },
		"margin of 1000000":      func(p *Params) { p.Margin = Million },
		"alpha of 0":             func(p *Params) { p.Alpha = 0 },
		"alpha of 500001":        func(p *Params) { p.Alpha = 500_001 },
		"epoch -1":               func(p *Params) { p.Epoch = -1 },
		"deadline of 0":          func(p *Params) { p.N = 0 },
		"stop opening epochs":    func(p *Params) { p.Epoch = 1_000_000 },
	} {
		p := good
		change(&p)
		if err := p.Validate(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v, want %q in it", err, name)
		}
		if _, err := NewTest(p); err == nil {
			t.Errorf("a test opens with %+v", p)
		}
	}
}

// Over all epochs a skill can open, the levels stay within its alpha.
func TestLevelsSum(t *testing.T) {
	sum := 0.0
	for j := 1; j <= 5000; j++ {
		sum += Params{Alpha: 50_000, Epoch: j}.AlphaEff()
	}
	if sum > .05 || sum < .0499 {
		t.Errorf("5,000 epochs spend %g of .05", sum)
	}
}
