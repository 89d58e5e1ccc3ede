package verdict

import "testing"

func TestAbleWith(t *testing.T) {
	spec := func(m Method, margin int64, epoch int) Spec {
		return Spec{Params: Params{Method: m, Margin: margin, Alpha: 50_000, Epoch: epoch, N: 1}, Content: ContentReference}
	}
	// Of a pool by hand: 20^(-1/10) is .741, 20^(-1/29) .902, 1/20 .05, 20^(-1/60) .951.
	for _, c := range []struct {
		name        string
		spec        Spec
		items       int
		start, ties int
		finest      int64
	}{
		{"ten items of a pool", spec(Pool2, 100_000, 1), 10, 29, 29, 259_000},
		{"a pool that is just large enough", spec(Pool2, 100_000, 1), 29, 29, 29, 99_000},
		{"none", spec(Pool2, 100_000, 1), 0, 29, 29, 0},
		{"one item proves next to nothing", spec(Pool2, 50_000, 1), 1, 59, 59, 951_000},
		{"sixty at 5 points", spec(Pool2, 50_000, 1), 60, 59, 59, 49_000},
		{"sampled runs", spec(Star2, 50_000, 1), 400, 72, 91, 11_000},
		{"too few runs", spec(Star2, 50_000, 1), 20, 72, 72, 168_000},
	} {
		got := AbleWith(c.spec, c.items)
		if got.Start != c.start || got.Ties != c.ties || got.Finest != c.finest {
			t.Errorf("%s: %+v, want start %d, ties %d, finest %d", c.name, got, c.start, c.ties, c.finest)
		}
	}
}

// What Finest promises is so: at that margin ties are proved in time, at a tenth
// of a point less they are not.
func TestFinestIsTheEdge(t *testing.T) {
	for _, m := range []Method{Pool2, Star2, Grid8} {
		for _, items := range []int{5, 10, 30, 60, 150} {
			s := Spec{Params: Params{Method: m, Margin: 50_000, Alpha: 50_000, Epoch: 2, N: 1}, Content: ContentReference}
			finest := AbleWith(s, items).Finest
			at := func(margin int64) bool {
				p := s.Params
				p.Margin, p.N = margin, items
				_, ok := Reach(p)
				return ok && p.Least() <= items
			}
			if finest == 0 {
				if at(Million - step) {
					t.Errorf("%s with %d items proves 99.9 points, and Finest says nothing", m, items)
				}
				continue
			}
			if !at(finest) || at(finest-step) {
				t.Errorf("%s with %d items: %d is not the edge", m, items, finest)
			}
		}
	}
}
