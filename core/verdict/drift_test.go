package verdict

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"
)

// slow is M by its definition: a process for every night.
type slow struct {
	margin int64
	nights []*gridWorse
}

func (s *slow) m() float64 {
	sum := 1 / float64(len(s.nights)+1)
	for i, g := range s.nights {
		v, block := g.m.value()
		sum += math.Ldexp(v, block*blockBits) / (float64(i+1) * float64(i+2))
	}
	return sum
}

// The eight sums are M, not an approximation of it.
func TestDriftIsItsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		margin := rapid.Int64Range(1_000, 400_000).Draw(t, "margin")
		d, want := newDrift(margin, 1), &slow{margin: margin}
		for range rapid.IntRange(1, 60).Draw(t, "nights") {
			d.Night()
			want.nights = append(want.nights, &gridWorse{m: newMixture(), margin: margin})
			for _, x := range rapid.SliceOfN(rapid.Int64Range(-Million, Million), 0, 12).Draw(t, "pairs") {
				d.Add(x)
				for _, g := range want.nights {
					g.add(x)
				}
				if a, b := d.m(), want.m(); math.Abs(a-b) > 1e-9*(1+b) {
					t.Fatalf("after %d pairs in %d nights M is %g, by its definition %g", d.n, d.nights, a, b)
				}
			}
		}
	})
}

// On the boundary M is fair: its expectation over the next pair is M itself.
// Inside the margin it shrinks. That is all that Ville's inequality asks.
func TestDriftIsASupermartingale(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		margin := rapid.Int64Range(1_000, 400_000).Draw(t, "margin")
		win := rapid.Float64Range(0, 0.29).Draw(t, "win")
		better := rapid.Float64Range(0, float64(margin)/1e6).Draw(t, "better")
		loss := win + float64(margin)/1e6 - better
		d := newDrift(margin, 1)
		for range rapid.IntRange(1, 20).Draw(t, "nights") {
			d.Night()
			for _, x := range rapid.SliceOfN(rapid.SampledFrom([]int64{-Million, 0, Million, -500_000}), 0, 5).Draw(t, "pairs") {
				d.Add(x)
			}
		}
		next := func(x int64) float64 { e := *d; e.Add(x); return e.m() }
		e := win*next(Million) + loss*next(-Million) + (1-win-loss)*next(0)
		if m := d.m(); e > m*(1+1e-12) || better == 0 && math.Abs(e-m) > 1e-12*m {
			t.Fatalf("M is %g and expected to be %g after a pair on the boundary less %g", m, e, better)
		}
		before := d.m()
		d.Night()
		if math.Abs(d.m()-before) > 1e-12*before {
			t.Fatalf("a night without a pair changes M from %g to %g", before, d.m())
		}
	})
}

func TestDriftAlarm(t *testing.T) {
	d, err := NewDrift(50_000, 50_000)
	if err != nil {
		t.Fatal(err)
	}
	if s := d.State(); s.M != Million || s.Need != 20*Million {
		t.Errorf("a new watch: %+v", s)
	}
	for i := 0; i < 100 && !d.Add(-Million); i++ {
	}
	at := d.State()
	if !at.Alarm || at.M < at.Need || at.Pairs > 10 {
		t.Errorf("nothing but losses: %+v", at)
	}
	// It is about now: who looks later sees what the later pairs come to.
	for i := 0; i < 100 && d.Add(Million); i++ {
	}
	if now := d.State(); now.Alarm || now.M >= now.Need || now.Pairs == at.Pairs {
		t.Errorf("an alarm that outlives its reason: %+v", now)
	}
	for i := 0; i < 20_000 && d.sums[7] <= math.MaxFloat64; i++ {
		d.Add(-Million)
	}
	if d.Add(Million); !d.State().Alarm || d.State().M != EMax {
		t.Errorf("beyond all floats: %+v", d.State())
	}
	// A difference that cannot be raises nothing.
	d = newDrift(50_000, 50_000)
	for range 1000 {
		if d.Add(-2 * Million) {
			t.Fatal("impossible differences raised an alarm")
		}
	}
	if _, err := NewDrift(0, 50_000); err == nil {
		t.Error("a margin of nothing was accepted")
	}
}

// Golden: courses of a year, compared to the byte.
func TestGoldenDrift(t *testing.T) {
	rows := [][]string{{"course", "night", "pairs", "m", "mean_d", "discordance", "alarm"}}
	for _, c := range []struct {
		name        string
		perNight    int
		fall        int
		win, loss   int64
		win2, loss2 int64
	}{
		{"identical", 5, 999, 0, 0, 0, 0},
		{"even", 5, 999, 50_000, 50_000, 0, 0},
		{"falls-at-once", 10, 0, 50_000, 50_000, 50_000, 200_000},
		{"falls-after-100", 10, 10, 50_000, 50_000, 50_000, 200_000},
		{"falls-after-2000", 10, 200, 50_000, 50_000, 50_000, 200_000},
		{"boundary", 10, 999, 50_000, 100_000, 0, 0},
	} {
		d, r := newDrift(50_000, 50_000), splitmix(len(c.name))
		for night := range 300 {
			d.Night()
			win, loss := c.win, c.loss
			if night >= c.fall {
				win, loss = c.win2, c.loss2
			}
			for range c.perNight {
				if d.Add(ternary(win, loss)(&r, 0).Worse) {
					break
				}
			}
			if s := d.State(); night%20 == 0 || s.Alarm {
				rows = append(rows, []string{c.name, fmt.Sprint(night + 1), fmt.Sprint(s.Pairs), fmt.Sprint(s.M), fmt.Sprint(s.MeanD), fmt.Sprint(s.Discordance), fmt.Sprint(s.Alarm)})
				if s.Alarm {
					break
				}
			}
		}
	}
	var got bytes.Buffer
	w := csv.NewWriter(&got)
	if err := w.WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	compare(t, "golden_drift.csv", got.Bytes())
}

func compare(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; run with -update and read the diff", name)
	}
}

// What is promised is kept: an independent course, with runs drawn one by one,
// is caught within the promised p90 about nine times in ten.
func TestDelayIsKept(t *testing.T) {
	for _, good := range []int{0, 100, 2000} {
		s := Slip{Margin: 50_000, Alpha: 50_000, Drop: 150_000, Discordance: 100_000, Good: good, RunsPerMonth: 3000, Share: 200_000}
		promise := s.Delay()
		if !promise.OK {
			t.Fatalf("after %d good pairs: %+v", good, promise)
		}
		const reps = 300
		kept, sum := 0, 0
		for rep := range reps {
			r := splitmix(1<<40 + rep)
			d := newDrift(s.Margin, s.Alpha)
			seen, night := 0, 0
			for ; seen < good; night++ {
				d.Night()
				for range 100 {
					if r.chance(200_000) && seen < good {
						d.Add(ternary(50_000, 50_000)(&r, 0).Worse)
						seen++
					}
				}
			}
			days := 0
			for ; !d.State().Alarm && days < 400; days++ {
				d.Night()
				for range 100 {
					if r.chance(200_000) {
						d.Add(ternary(50_000, 200_000)(&r, 0).Worse)
					}
				}
			}
			sum += days
			if days <= promise.P90 {
				kept++
			}
		}
		t.Logf("after %d good pairs: promised %+v, kept %d of %d, mean %d", good, promise, kept, reps, sum/reps)
		if kept < reps*84/100 {
			t.Errorf("after %d good pairs a delay of %d days was kept by %d of %d", good, promise.P90, kept, reps)
		}
		if mean := float64(sum) / reps; math.Abs(mean-float64(promise.Mean)) > 0.15*mean+1 {
			t.Errorf("after %d good pairs the mean delay was %.1f, promised %d", good, mean, promise.Mean)
		}
	}
}

func TestDelayOutOfReach(t *testing.T) {
	base := Slip{Margin: 50_000, Alpha: 50_000, Drop: 150_000, Discordance: 100_000, RunsPerMonth: 3000, Share: Million}
	for name, change := range map[string]func(*Slip){
		"within the margin": func(s *Slip) { s.Drop = 50_000 },
		"made up for":       func(s *Slip) { s.Gap = 200_000 },
		"no traffic":        func(s *Slip) { s.RunsPerMonth = 0 },
		"no share":          func(s *Slip) { s.Share = 0 },
		"a run a month":     func(s *Slip) { s.RunsPerMonth = 1 },
		"bad margin":        func(s *Slip) { s.Margin = 0 },
	} {
		s := base
		change(&s)
		if d := s.Delay(); d != (Delay{}) {
			t.Errorf("%s: %+v", name, d)
		}
	}
	if share, ok := base.ShareFor(1); ok || share != Million {
		t.Errorf("a day: %d, %v", share, ok)
	}
	share, ok := base.ShareFor(30)
	if !ok || share <= 0 || share >= Million/2 {
		t.Fatalf("30 days at 100 runs a day: %d, %v", share, ok)
	}
	base.Share = share
	if d := base.Delay(); d.P90 > 30 {
		t.Errorf("the share of %d promises %+v", share, d)
	}
	base.Share = share / 2
	if d := base.Delay(); d.OK && d.P90 <= 30 {
		t.Errorf("half of the least share would do: %+v", d)
	}
}

func TestUpperRate(t *testing.T) {
	for _, c := range []struct {
		failed, runs int
		want         float64
	}{
		{0, 0, 1}, {0, 1, .95}, {0, 100, 1 - math.Pow(.05, .01)}, {1, 1, 1}, {5, 5, 1},
		{5, 100, .10225}, {50, 100, .58638}, {1, 10000, .00047433}, {9990, 10000, .99946},
	} {
		if got := float64(UpperRate(c.failed, c.runs)) / 1e6; math.Abs(got-c.want) > 1.5e-5 {
			t.Errorf("%d of %d: %.6f, want %.6f", c.failed, c.runs, got, c.want)
		}
	}
}

func TestFuse(t *testing.T) {
	f := FuseRates{Runs: 100, RunsPerYear: 12_000, Alpha: 50_000}.Fuse()
	if !f.OK || f.Length != 4 || f.FalseTrip > 50_000 || f.Explicit {
		t.Errorf("%+v", f)
	}
	if g := (FuseRates{Runs: 100, RunsPerYear: 12_000, Alpha: 50_000, Length: 3}).Fuse(); !g.OK || g.Length != 3 || g.FalseTrip <= 50_000 || !g.Explicit {
		t.Errorf("explicit: %+v", g)
	}
	if g := (FuseRates{RunsPerYear: 12_000, Alpha: 50_000}).Fuse(); g.OK || g.Length != 0 {
		t.Errorf("nothing known: %+v", g)
	}
	if g := (FuseRates{Runs: 100, Failed: 95, RunsPerYear: 12_000, Alpha: 50_000}).Fuse(); g.OK {
		t.Errorf("gates that mostly fail: %+v", g)
	}
	rapid.Check(t, func(t *rapid.T) {
		r := FuseRates{Runs: rapid.IntRange(1, 5000).Draw(t, "runs"), RunsPerYear: rapid.Int64Range(0, 10_000_000).Draw(t, "n"), Alpha: rapid.Int64Range(1, 500_000).Draw(t, "alpha")}
		r.Failed = rapid.IntRange(0, r.Runs).Draw(t, "failed")
		f := r.Fuse()
		if !f.OK {
			return
		}
		want := float64(max(r.RunsPerYear, 1)) * math.Pow(float64(f.Rate)/1e6, float64(f.Length))
		if want > float64(r.Alpha)/1e6*(1+1e-9) {
			t.Fatalf("%+v gives %+v, whose n p^k is %g", r, f, want)
		}
		if f.Length > 1 && want/(float64(f.Rate)/1e6) <= float64(r.Alpha-1)/1e6 {
			t.Fatalf("%+v gives %+v, and one less would do", r, f)
		}
	})
}

func BenchmarkDelay(b *testing.B) {
	for _, good := range []int{0, 4000} {
		b.Run(fmt.Sprint(good), func(b *testing.B) {
			s := Slip{Margin: 50_000, Alpha: 50_000, Drop: 150_000, Discordance: 100_000, Good: good, RunsPerMonth: 3000, Share: 200_000}
			for b.Loop() {
				s.Delay()
			}
		})
	}
}
