package verdict

import (
	"bytes"
	"encoding/csv"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden tables")

// splitmix is SplitMix64 (Steele, Lea, Flood 2014): the tests' own generator,
// so that golden sequences never change with the standard library.
type splitmix uint64

func (s *splitmix) next() uint64 {
	*s += 0x9e3779b97f4a7c15
	z := uint64(*s)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below is a number in [0, n); the bias of 2^-40 does not matter here.
func (s *splitmix) below(n int64) int64 { return int64(s.next() >> 24 % uint64(n)) }

// chance is true in that many millionths of cases.
func (s *splitmix) chance(millionths int64) bool { return s.below(Million) < millionths }

type sequence struct {
	name   string
	margin int64
	epoch  int
	n      int
	draw   func(r *splitmix, t int) Observation
}

func ternary(win, loss int64) func(*splitmix, int) Observation {
	return func(r *splitmix, _ int) Observation {
		switch x := r.below(Million); {
		case x < win:
			return Same(Million)
		case x < win+loss:
			return Same(-Million)
		}
		return Observation{}
	}
}

func sequences() []sequence {
	return []sequence{
		{"ties", 50_000, 0, 160, ternary(0, 0)},
		{"few-losses", 100_000, 1, 160, ternary(10_000, 20_000)},
		{"boundary", 50_000, 0, 160, ternary(100_000, 150_000)},
		{"worse", 50_000, 2, 160, ternary(20_000, 320_000)},
		{"graded", 20_000, 1, 160, func(r *splitmix, _ int) Observation { return Same(r.below(160_001) - 70_000) }},
		{"missing", 50_000, 1, 160, func(r *splitmix, _ int) Observation {
			if r.chance(50_000) {
				return Observation{NotWorse: -Million, Worse: Million}
			}
			return Same(r.below(3)*100_000 - 60_000)
		}},
		{"late-losses", 50_000, 0, 40, func(_ *splitmix, t int) Observation {
			if t < 38 {
				return Observation{}
			}
			return Same(-Million)
		}},
		{"alternating", 50_000, 0, 160, func(_ *splitmix, t int) Observation {
			return Same(Million * int64(1-2*(t%2)))
		}},
	}
}

// goldenRows walks every sequence to its closing and three items beyond.
func goldenRows(t *testing.T, m Method) [][]string {
	rows := [][]string{{"seq", "t", "d_not_worse", "d_worse", "margin", "epoch", "n", "ln_e", "ln_e_worse", "e_value", "e_worse", "threshold", "bound", "outcome"}}
	for _, s := range sequences() {
		p := Params{Method: m, Margin: s.margin, Alpha: 50_000, Epoch: s.epoch, N: s.n}
		test, err := NewTest(p)
		if err != nil {
			t.Fatal(err)
		}
		r := splitmix(len(s.name))
		var obs []Observation
		for i, after := 0, 0; i < s.n && after < 3; i++ {
			o := s.draw(&r, i)
			if test.State().Outcome == Open {
				obs = append(obs, o)
			} else {
				after++
			}
			test.Add(o)
			st := test.State()
			bound := ""
			if b, ok := Bound(p, obs); ok && (i%20 == 19 || st.ClosedAt == i+1) {
				bound = strconv.FormatInt(b, 10)
			}
			rows = append(rows, []string{
				s.name, strconv.Itoa(i + 1), strconv.FormatInt(o.NotWorse, 10), strconv.FormatInt(o.Worse, 10),
				strconv.FormatInt(s.margin, 10), strconv.Itoa(s.epoch), strconv.Itoa(s.n),
				fmt.Sprintf("%.6f", st.LnE), fmt.Sprintf("%.6f", st.LnEWorse),
				strconv.FormatInt(st.E, 10), strconv.FormatInt(st.EWorse, 10), strconv.FormatInt(st.Need, 10), bound, string(st.Outcome),
			})
		}
	}
	return rows
}

// Each method's golden table, to the byte: what other machines have to get.
func TestGolden(t *testing.T) {
	for _, m := range Methods() {
		t.Run(string(m), func(t *testing.T) {
			var b bytes.Buffer
			w := csv.NewWriter(&b)
			if err := w.WriteAll(goldenRows(t, m)); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", "golden_"+string(m)+".csv")
			if *update {
				if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(b.Bytes(), want) {
				t.Errorf("%s differs; the method's numbers have changed, which needs a new method name", path)
			}
		})
	}
}

// The formulas of the design page once more, as naively as they stand there:
// in plain floats with the standard library's logarithm.
func TestGoldenAgainstThePage(t *testing.T) {
	for _, m := range Methods() {
		for _, s := range sequences() {
			p := Params{Method: m, Margin: s.margin, Alpha: 50_000, Epoch: s.epoch, N: s.n}
			test, err := NewTest(p)
			if err != nil {
				t.Fatal(err)
			}
			r := splitmix(len(s.name))
			up, down := naive(p, 1), naive(p, -1)
			for i := range s.n {
				o := s.draw(&r, i)
				if test.Add(o) != Open && test.State().ClosedAt != i+1 {
					break
				}
				e, ew := up(float64(o.NotWorse)/1e6), down(float64(o.Worse)/1e6)
				st := test.State()
				if math.Abs(st.LnE-e) > 2e-6 && !(st.Certain && math.IsInf(e, 1)) {
					t.Fatalf("%s %s item %d: ln E %.7f, by the page %.7f", m, s.name, i+1, st.LnE, e)
				}
				if math.Abs(st.LnEWorse-ew) > 2e-6 && !(st.Certain && math.IsInf(ew, 1)) {
					t.Fatalf("%s %s item %d: ln E' %.7f, by the page %.7f", m, s.name, i+1, st.LnEWorse, ew)
				}
				wantOutcome := Open
				switch {
				case ew >= math.Log(1/.05):
					wantOutcome = Disproved
				case e >= math.Log(1/p.AlphaEff()):
					wantOutcome = Proved
				case i+1 == s.n:
					wantOutcome = Inconclusive
				}
				if st.Outcome != wantOutcome {
					t.Fatalf("%s %s item %d: %q, by the page %q", m, s.name, i+1, st.Outcome, wantOutcome)
				}
			}
		}
	}
}

func naive(p Params, sign float64) func(d float64) float64 {
	d, n := float64(p.Margin)/1e6, float64(p.N)
	wealth := []float64{0, 0, 0, 0, 0, 0, 0, 0}
	mix := func() float64 {
		sum := 0.0
		for _, w := range wealth {
			sum += math.Exp(w)
		}
		return math.Log(sum / 8)
	}
	goal := math.Log(1 / p.AlphaEff())
	if sign < 0 {
		goal = math.Log(1e6 / float64(p.Alpha))
	}
	var seen []float64 // of sign*D
	// stake is star2's and pool2's, for a null of mean m and rest items to go.
	stake := func(w, m, rest float64) float64 {
		t, sum, q, square, clone := float64(len(seen)), 0.0, 0.0, 0.0, sign > 0 && float64(len(seen))*d >= 1-1e-12
		for _, y := range seen {
			sum, q, square = sum+y-m, q+(y-m)*(y-m), square+y*y
			clone = clone && y == 0
		}
		v := math.Max((.6+square)/(t+6)-m*m, .02)
		l := math.Max(.9*math.Sqrt(2*(goal-w)/(rest*v)), sum/(1+q))
		if sign > 0 {
			l = math.Max(.9*math.Sqrt(2*(goal-w)/(rest*v)), (sum-1.5*math.Sqrt(q))/(6+q))
		}
		if clone {
			l = math.Max(l, .8/(1+m))
		}
		return math.Min(l, .95/(1+m))
	}
	switch {
	case p.Method == Star2:
		w := 0.0
		return func(x float64) float64 {
			y := sign * x
			w += math.Log(1 + stake(w, -sign*d, n-float64(len(seen)))*(y+sign*d))
			seen = append(seen, y)
			return w
		}
	case p.Method == Pool2:
		w, sum, sure := 0.0, 0.0, false
		return func(x float64) float64 {
			y := sign * x
			r, a := n-float64(len(seen)), -sign*n*d-sum
			if m := a / r; m > -1+1e-12 {
				w += math.Log(1 + stake(w, m, r/4)*(y-m))
			} else if m > -1-1e-12 && y > -1 {
				sure = true
			}
			sum += y
			seen = append(seen, y)
			if sure = sure || -sign*n*d-sum < -(r-1)-1e-9; sure {
				return math.Inf(1)
			}
			return w
		}
	case p.Method == Pool1:
		t, sum, sure := 0.0, 0.0, false
		return func(x float64) float64 {
			x *= sign
			r, a := n-t, -sign*n*d-sum
			if m := a / r; m > -1+1e-12 {
				for k, f := range fractions {
					wealth[k] += math.Log(1 + f/(1+m)*(x-m))
				}
			} else if m > -1-1e-12 && x > -1 {
				sure = true
			}
			t++
			sum += x
			if sure = sure || -sign*n*d-sum < -(n-t)-1e-9; sure {
				return math.Inf(1)
			}
			return mix()
		}
	case p.Method == Star1 && sign > 0:
		t, square, w := 0.0, 0.0, 0.0
		return func(x float64) float64 {
			v := math.Max((0.6+square)/(t+6)-d*d, .02)
			l := math.Min(.95/(1-d), math.Sqrt(2*(math.Log(1/p.AlphaEff())-w)/((n-t)*v)))
			w += math.Log(1 + l*(x+d))
			square += x * x
			t++
			return w
		}
	}
	return func(x float64) float64 {
		for k, f := range fractions {
			wealth[k] += math.Log(1 + sign*f/(1-sign*d)*(x+d))
		}
		return mix()
	}
}

// The public reference table: grid8 and the Bonett-Price bound to 1e-6.
func TestGoldenReference(t *testing.T) {
	dir := os.Getenv("PLIMSOLL_DATA")
	if dir == "" {
		t.Skip("PLIMSOLL_DATA is not set: the public golden table golden_eprocess.csv is not compared")
	}
	f, err := os.Open(filepath.Join(dir, "verdict", "golden_eprocess.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	number := func(s string) float64 {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	var up *gridNotWorse
	var down *gridWorse
	var obs []Observation
	last, checked := "", 0
	for _, r := range rows[1:] {
		d, margin := millionths(number(r[2])), millionths(number(r[5]))
		if r[0] != last {
			last, obs = r[0], nil
			up, down = &gridNotWorse{m: newMixture(), margin: margin}, &gridWorse{m: newMixture(), margin: margin}
		}
		up.add(d)
		down.add(d)
		obs = append(obs, Same(d))
		for _, c := range []struct {
			name      string
			got, want float64
		}{
			{"ln E", up.ln(), number(r[6])},
			{"ln E'", down.ln(), number(r[7])},
			{"Bonett-Price", float64(BonettPrice(obs)) / 1e6, number(r[8])},
		} {
			if math.Abs(c.got-c.want) > 1.0000001e-6 {
				t.Fatalf("sequence %s, t %s: %s is %.7f, the table has %.6f", r[0], r[1], c.name, c.got, c.want)
			}
		}
		checked++
	}
	if checked != 1500 {
		t.Errorf("compared %d rows, the table has 1500", checked)
	}
}
