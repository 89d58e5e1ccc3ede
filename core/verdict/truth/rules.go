package main

import (
	"fmt"
	"math"

	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

// rule is a way to decide whether a candidate may take over, and how many items
// it may look at.
type rule struct {
	name   string
	n      int
	method verdict.Method // "" for what people do instead
	decide func(s *sample) decision
}

// sample is one draw from a cell as the rules see it: items in order, and the
// sums that a look at the first n needs.
type sample struct {
	obs     []verdict.Observation // drawn with replacement: future runs
	pool    []verdict.Observation // the cell's rows in a random order: a pool
	rows    int
	sum     []int64 // of D over the first n, millionths
	square  []float64
	worse   []int // losses among the first n
	better  []int
	ternary bool
	memo    map[[3]int]bool
	reaches map[verdict.Method]int // of the cell's pool
	r       random
	scratch []verdict.Observation
}

// reach is that of a pool method over the cell's own pool.
func (s *sample) reach(p verdict.Params) int {
	n, ok := s.reaches[p.Method]
	if !ok {
		n, _ = verdict.Reach(p)
		s.reaches[p.Method] = n
	}
	return n
}

// take reads s.obs into the sums.
func (s *sample) take() {
	for i, o := range s.obs {
		d := o.NotWorse
		s.sum[i+1] = s.sum[i] + d
		s.square[i+1] = s.square[i] + float64(d)*float64(d)
		s.worse[i+1], s.better[i+1] = s.worse[i], s.better[i]
		switch {
		case d < 0:
			s.worse[i+1]++
		case d > 0:
			s.better[i+1]++
		}
	}
}

// widths are the numbers of items at which one-look rules are tried.
var widths = [...]int{1, 5, 10, 20, 50, 100, 200, 400}

const (
	// night is how many items a peeking rule buys between two looks.
	night = 10
	// resamples of a bootstrap where it is not computed exactly.
	resamples     = 500
	bootstrapName = "percentile bootstrap bound"
)

// others are the rules that people use, each in its favour: missing scores are
// read as Plimsoll reads them, and nothing but the rule itself is wrong with it.
func others() []rule {
	out := []rule{{name: "one task on both", n: 1, decide: func(s *sample) decision {
		return decision{s.obs[0].NotWorse >= 0, 1}
	}}}
	for _, k := range []int{3, 5, 10, 20, 50} {
		out = append(out, rule{name: "passes in a row, retried", n: k, decide: func(s *sample) decision {
			for i, run := 0, 0; i < len(s.obs); i++ {
				if run++; s.obs[i].NotWorse < 0 {
					run = 0
				}
				if run == k {
					return decision{true, i + 1}
				}
			}
			return decision{spent: len(s.obs)}
		}})
	}
	for _, n := range widths[1:] { // on one item it is the rule above
		out = append(out, rule{name: "mean gap", n: n, decide: func(s *sample) decision {
			return decision{s.sum[n] > -margin*int64(n), n}
		}})
	}
	logs := newFactorials(deadline)
	for _, n := range widths[1:] {
		out = append(out, rule{name: bootstrapName, n: n, decide: func(s *sample) decision {
			return decision{s.bootstrap(n, logs), n}
		}})
	}
	for _, n := range widths[1:] {
		most := quantile(n - 1)
		out = append(out, rule{name: "paired t-test", n: n, decide: func(s *sample) decision {
			return decision{s.student(n, most), n}
		}})
	}
	for _, n := range widths[1:] {
		out = append(out, rule{name: "Bonett-Price bound", n: n, decide: func(s *sample) decision {
			return decision{verdict.BonettPrice(s.obs[:n]) > -margin, n}
		}})
	}
	var most [deadline + 1]float64
	for n := night; n <= deadline; n += night {
		most[n] = quantile(n - 1)
	}
	for _, n := range []int{50, 100, 200, 400} {
		out = append(out, rule{name: "t-test, looked at every night", n: n, decide: func(s *sample) decision {
			for i := night; i <= n; i += night {
				if s.student(i, most[i]) {
					return decision{true, i}
				}
			}
			return decision{spent: n}
		}})
	}
	return out
}

// ours are the methods of core/verdict, looked at after every item.
func ours() []rule {
	var out []rule
	for _, m := range sampledMethods() {
		for _, n := range []int{100, 200, 400} {
			p := params(m, n)
			reach, _ := verdict.Reach(p)
			out = append(out, rule{name: string(m) + ", every item", n: n, method: m, decide: func(s *sample) decision {
				return sequential(p, s.obs[:n], reach, s.scratch)
			}})
		}
	}
	for _, m := range pooledMethods() {
		for _, n := range []int{100, 200, 400} {
			out = append(out, rule{name: string(m) + ", every item", n: n, method: m, decide: func(s *sample) decision {
				p := params(m, s.rows)
				return sequential(p, s.pool[:min(n, s.rows)], s.reach(p), s.scratch)
			}})
		}
	}
	return out
}

// student is the one-sided paired t-test at 5 % that the mean of the first n is
// above minus the margin; most is its quantile. Without any spread there is no
// t: statistics programs then call any gap significant, and so does this.
func (s *sample) student(n int, most float64) bool {
	mean := float64(s.sum[n]) / float64(n)
	variance := max(0, s.square[n]-mean*mean*float64(n)) / float64(n-1)
	return mean+margin > most*math.Sqrt(variance/float64(n))
}

// bootstrap asks whether the 5 % percentile of resampled means of the first n is
// above minus the margin. For pass/fail it is computed as of endlessly many
// resamples, otherwise from 500.
func (s *sample) bootstrap(n int, logs factorials) bool {
	if s.ternary {
		key := [3]int{n, s.better[n], s.worse[n]}
		moved, ok := s.memo[key]
		if !ok {
			moved = logs.resampled(n, s.better[n], s.worse[n], (int(margin)*n+int(million)-1)/int(million)) < .05
			s.memo[key] = moved
		}
		return moved
	}
	under := 0
	for range resamples {
		sum := int64(0)
		for range n {
			sum += s.obs[s.r.below(n)].NotWorse
		}
		if sum <= -margin*int64(n) {
			under++
		}
	}
	return under < resamples/20
}

// factorials holds ln n! by n.
type factorials []float64

func newFactorials(n int) factorials {
	f := make(factorials, n+1)
	for i := 2; i <= n; i++ {
		f[i] = f[i-1] + math.Log(float64(i))
	}
	return f
}

// resampled is the chance that a bootstrap resample of n items, of which so many
// were won and lost, has at least `least` more losses than wins.
func (f factorials) resampled(n, won, lost, least int) float64 {
	total := 0.0
	f.binomial(n, float64(lost)/float64(n), func(l int, p float64) {
		if l < least || p < 1e-12 {
			return
		}
		if lost == n {
			total += p
			return
		}
		f.binomial(n-l, float64(won)/float64(n-lost), func(w int, q float64) {
			if w <= l-least {
				total += p * q
			}
		})
	})
	return total
}

// binomial calls of for every count with its chance, from the mode outwards
// until nothing is left of it.
func (f factorials) binomial(n int, p float64, of func(k int, chance float64)) {
	if p <= 0 || p >= 1 || n == 0 {
		of(int(math.Round(p))*n, 1)
		return
	}
	mode := min(n, int(float64(n+1)*p))
	top := math.Exp(f[n] - f[mode] - f[n-mode] + float64(mode)*math.Log(p) + float64(n-mode)*math.Log1p(-p))
	odds := p / (1 - p)
	of(mode, top)
	for k, q := mode, top; k < n; k++ {
		if q *= odds * float64(n-k) / float64(k+1); q < 1e-13 {
			break
		}
		of(k+1, q)
	}
	for k, q := mode, top; k > 0; k-- {
		if q *= float64(k) / (odds * float64(n-k+1)); q < 1e-13 {
			break
		}
		of(k-1, q)
	}
}

// quantile is the 95 % point of Student's t with df degrees of freedom, by
// bisection of the integral of its density.
func quantile(df int) float64 {
	v := float64(df)
	a, _ := math.Lgamma((v + 1) / 2)
	b, _ := math.Lgamma(v / 2)
	scale := math.Exp(a-b) / math.Sqrt(v*math.Pi)
	density := func(x float64) float64 { return scale * math.Pow(1+x*x/v, -(v+1)/2) }
	below := func(x float64) float64 { // Simpson, 200 strips of [0, x]
		h, sum := x/200, density(0)+density(x)
		for i := 1; i < 200; i++ {
			sum += density(float64(i)*h) * float64(2+2*(i%2))
		}
		return .5 + sum*h/3
	}
	low, high := 0.0, 10.0
	for range 60 {
		if mid := (low + high) / 2; below(mid) < .95 {
			low = mid
		} else {
			high = mid
		}
	}
	return (low + high) / 2
}

func (r rule) String() string { return fmt.Sprintf("%s, n %d", r.name, r.n) }
