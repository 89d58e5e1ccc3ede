package load

import (
	"math"
	"math/rand/v2"
	"time"
)

// item is one request before it is sent.
type item struct {
	at            time.Duration // scheduled, from the run's start
	input, output int
}

// schedule lays all requests on the time line, the same for the same seed.
func (c Config) schedule() []item {
	if len(c.Workload.Trace) > 0 {
		return c.replay()
	}
	w := c.Workload
	arrive, length := rand.New(rand.NewPCG(w.Seed, 1)), rand.New(rand.NewPCG(w.Seed, 2))
	out := make([]item, w.Prompts)
	at := 0.0
	for i := range out {
		out[i] = item{at: time.Duration(at * 1e9), input: max(vary(length, w.Input, w.Spread), w.SharedPrefix), output: vary(length, w.Output, w.Spread)}
		if !c.burst() {
			at += interval(arrive, float64(c.Pace.Rate), c.Pace.Burstiness)
		}
	}
	return out
}

func (c Config) replay() []item {
	speed := c.Pace.Speed
	if speed == 0 {
		speed = 1
	}
	out := make([]item, len(c.Workload.Trace))
	for i, a := range c.Workload.Trace {
		out[i] = item{at: time.Duration(float64(a.At-c.Workload.Trace[0].At) / speed), input: a.Input, output: a.Output}
	}
	return out
}

// vary is a length uniform in (1-spread..1+spread) of n, at least 1.
func vary(r *rand.Rand, n int, spread float64) int {
	if spread == 0 {
		return n
	}
	lo, hi := math.Floor(float64(n)*(1-spread)), math.Ceil(float64(n)*(1+spread))
	return max(1, int(lo)+r.IntN(int(hi-lo)+1))
}

// interval is seconds to the next arrival: gamma with shape burstiness and mean
// 1/rate, as `vllm bench serve` draws it; shape 1 is exponential, which is Poisson.
func interval(r *rand.Rand, rate, burstiness float64) float64 {
	if burstiness == 0 || burstiness == 1 {
		return r.ExpFloat64() / rate
	}
	return gamma(r, burstiness) / (burstiness * rate)
}

// gamma draws with the given shape and scale 1 (Marsaglia and Tsang, 2000).
func gamma(r *rand.Rand, shape float64) float64 {
	if shape < 1 {
		return gamma(r, shape+1) * math.Pow(1-r.Float64(), 1/shape)
	}
	d := shape - 1.0/3
	c := 1 / math.Sqrt(9*d)
	for {
		x := r.NormFloat64()
		v := 1 + c*x
		if v <= 0 {
			continue
		}
		v = v * v * v
		u := 1 - r.Float64()
		if math.Log(u) < x*x/2+d-d*v+d*math.Log(v) {
			return d * v
		}
	}
}
