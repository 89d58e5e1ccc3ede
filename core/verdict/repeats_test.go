package verdict

import "testing"

func TestMeasureNoise(t *testing.T) {
	// Twelve items, half of them at +.2 and half at -.2: a variance of .48/11. Run
	// noise of .04 an item, two repeats: .02 of it is the runs'.
	var ds, runs []int64
	for i := range 12 {
		ds, runs = append(ds, 200_000-400_000*int64(i%2)), append(runs, 40_000)
	}
	n, ok := MeasureNoise(ds, runs, 2)
	if want := (Noise{Items: 12, Between: 23_636, Within: 40_000}); !ok || n != want {
		t.Errorf("%+v, %t, want %+v", n, ok, want)
	}
	if n, ok = MeasureNoise(ds, runs, 1); ok {
		t.Errorf("one run of each item tells %+v", n)
	}
	if _, ok = MeasureNoise(ds[:9], runs[:9], 2); ok {
		t.Error("nine items tell a variance")
	}
	if _, ok = MeasureNoise(ds, runs[:11], 2); ok {
		t.Error("an item without its runs counts")
	}
	for i := range runs {
		runs[i] = 400_000
	}
	if n, _ = MeasureNoise(ds, runs, 2); n.Between != 0 {
		t.Errorf("more run noise than there is variance leaves %d", n.Between)
	}
}

func TestRepeats(t *testing.T) {
	sampled := Params{Method: Star2, Margin: 50_000, Alpha: 50_000, Epoch: 1, N: 400}
	for _, c := range []struct {
		name      string
		n         int
		noise     Noise
		item, run int64
		repeats   int
		ok        bool
	}{
		{"clones", 400, Noise{}, 0, 100, 1, true},
		{"runs cost and items do not", 2000, Noise{Between: 10_000, Within: 200_000}, 0, 100, 1, true},
		{"items cost much more than runs", 2000, Noise{Between: 10_000, Within: 200_000}, 100_000, 100, 5, true},
		{"all spread is between items", 2000, Noise{Between: 200_000}, 0, 100, 1, true},
		// By hand: 2 (3.493+2)/.0025 v: 400 items fit a variance of .09, .01 + .2/3.
		{"too few items for one run each", 400, Noise{Between: 10_000, Within: 200_000}, 0, 100, 3, true},
		{"nothing fits", 100, Noise{Between: 300_000, Within: 300_000}, 0, 100, 5, false},
		{"worse by the margin", 400, Noise{Mean: -50_000, Within: 100_000}, 0, 100, 0, false},
		{"impossible", 400, Noise{Within: -1}, 0, 100, 0, false},
	} {
		p := sampled
		p.N = c.n
		best, all, ok := Repeats(p, c.noise, c.item, c.run)
		if best.Repeats != c.repeats || ok != c.ok {
			t.Errorf("%s: %+v, %t of %+v, want %d, %t", c.name, best, ok, all, c.repeats, c.ok)
		}
	}
}
