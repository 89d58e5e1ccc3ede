package metric_test

import (
	"math"
	"math/rand/v2"
	"sort"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/topology/metric"
)

// truth is the definitions again, written from their words by other means:
// percentiles by ranks, deviation by E[x^2]-E[x]^2 in extended steps, pooled
// gaps by one list.
type truth struct {
	ttft, tpot, itl, latency []float64
	tokens, good, n          int
}

func independent(all []metric.Request, l metric.Limits) truth {
	var t truth
	for _, r := range all {
		n := r.Output
		if n == 0 {
			for _, c := range r.Chunks {
				n += c.Tokens
			}
		}
		if !r.OK || len(r.Chunks) == 0 || n == 0 {
			continue
		}
		firstAt, lastAt := r.Chunks[0].At, r.Chunks[len(r.Chunks)-1].At
		t.n++
		t.tokens += n
		t.ttft = append(t.ttft, firstAt-r.Start)
		t.latency = append(t.latency, lastAt-r.Start)
		per := 0.0
		if n > 1 {
			per = (lastAt - firstAt) / float64(n-1)
			t.tpot = append(t.tpot, per)
		}
		prev := math.NaN()
		for _, c := range r.Chunks {
			if !math.IsNaN(prev) {
				t.itl = append(t.itl, c.At-prev)
			}
			prev = c.At
		}
		bad := l.TTFT > 0 && firstAt-r.Start > l.TTFT || l.TPOT > 0 && per > l.TPOT || l.Latency > 0 && lastAt-r.Start > l.Latency
		if !bad {
			t.good++
		}
	}
	return t
}

func quantile(xs []float64, p float64) float64 {
	ys := append([]float64(nil), xs...)
	sort.Float64s(ys)
	rank := p * float64(len(ys)-1)
	low, high := math.Floor(rank), math.Ceil(rank)
	return ys[int(low)]*(1-(rank-low)) + ys[int(high)]*(rank-low)
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.IsNaN(got) && math.IsNaN(want) {
		return
	}
	if !(math.Abs(got-want) <= 1e-9*max(1, math.Abs(want))) {
		t.Fatalf("%s is %v, and by the definition %v", what, got, want)
	}
}

func same(t *testing.T, what string, s metric.Spread, xs []float64) {
	t.Helper()
	if s.N != len(xs) {
		t.Fatalf("%s has %d samples, want %d", what, s.N, len(xs))
	}
	if len(xs) == 0 {
		if !math.IsNaN(s.Mean) || !math.IsNaN(s.P99) {
			t.Fatalf("%s of nothing is %+v, not unknown", what, s)
		}
		return
	}
	mean, dev := 0.0, 0.0
	for i, x := range xs { // Welford
		d := x - mean
		mean += d / float64(i+1)
		dev += d * (x - mean)
	}
	near(t, what+" mean", s.Mean, mean)
	near(t, what+" std", s.Std, math.Sqrt(dev/float64(len(xs))))
	near(t, what+" median", s.Median, quantile(xs, .5))
	near(t, what+" p90", s.P90, quantile(xs, .9))
	near(t, what+" p95", s.P95, quantile(xs, .95))
	near(t, what+" p99", s.P99, quantile(xs, .99))
}

func TestAThousandRunsAgainstTheDefinitions(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 11))
	one, failed, several := 0, 0, 0
	for range 1000 {
		var all []metric.Request
		for range r.IntN(60) {
			q := metric.Request{Start: r.Float64() * 30, OK: r.IntN(8) > 0}
			if !q.OK {
				failed++
			}
			at := q.Start
			for range r.IntN(40) {
				at += r.ExpFloat64() * .05
				n := 1
				if r.IntN(4) == 0 {
					n = r.IntN(5)
					several++
				}
				q.Chunks = append(q.Chunks, metric.Chunk{At: at, Tokens: n})
			}
			if r.IntN(3) == 0 {
				q.Output = 1 + r.IntN(50)
			}
			if q.Output == 1 {
				one++
			}
			all = append(all, q)
		}
		limits := metric.Limits{TTFT: r.Float64() * .1, TPOT: r.Float64() * .1, Latency: r.Float64() * 3}
		duration := 20 + r.Float64()*40
		got, want := metric.Sum(all, limits, duration), independent(all, limits)
		same(t, "TTFT", got.TTFT, want.ttft)
		same(t, "TPOT", got.TPOT, want.tpot)
		same(t, "ITL", got.ITL, want.itl)
		same(t, "latency", got.Latency, want.latency)
		near(t, "output throughput", got.OutputTPS, float64(want.tokens)/duration)
		near(t, "request rate", got.Rate, float64(want.n)/duration)
		near(t, "goodput", got.Goodput, float64(want.good)/duration)
	}
	if one == 0 || failed == 0 || several == 0 {
		t.Fatalf("the runs lack a case: %d of one token, %d failed, %d chunks of several tokens", one, failed, several)
	}
}

func TestNoDurationIsNoThroughput(t *testing.T) {
	r := metric.Sum([]metric.Request{{OK: true, Chunks: []metric.Chunk{{At: 1, Tokens: 1}}}}, metric.Limits{}, 0)
	if !math.IsNaN(r.OutputTPS) || !math.IsNaN(r.Goodput) {
		t.Errorf("a run of no length gave %+v", r)
	}
}

// The reference's decode-heavy rows leave 8 to 12 seconds that no request saw:
// a cold start. 128 requests of 2,048 tokens; TTFT of about a second.
func TestConsistencyFindsTheColdStart(t *testing.T) {
	c := metric.Check(128, 2048, 8245, .6, .0114)
	if c.Holds || c.Gap < 6 || c.Gap > 12 {
		t.Errorf("the reference's gap is %.1f s, holds %v", c.Gap, c.Holds)
	}
	var all []metric.Request
	for i := range 64 {
		q := metric.Request{OK: true}
		first := .5 + float64(i)*.001
		for k := range 100 {
			q.Chunks = append(q.Chunks, metric.Chunk{At: first + float64(k)*.01, Tokens: 1})
		}
		all = append(all, q)
	}
	if c := metric.Sum(all, metric.Limits{}, .563+.99).Consistency(100); !c.Holds || math.Abs(c.Gap) > .01 {
		t.Errorf("a run that fits is said not to: %+v", c)
	}
	if metric.Check(0, 0, 0, math.NaN(), math.NaN()).Holds {
		t.Error("nothing is consistent with nothing")
	}
}

func TestDefinitionsHaveIDsOfTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, d := range metric.Definitions() {
		if d.ID == "" || d.Text == "" || seen[d.ID] {
			t.Errorf("definition %+v is empty or there twice", d)
		}
		seen[d.ID] = true
	}
}
