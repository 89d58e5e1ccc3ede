package sim

import (
	"math"
	"math/rand/v2"
)

// Burst is n equal requests at once.
func Burst(n, input, output int) []Request {
	out := make([]Request, n)
	for i := range out {
		out[i] = Request{Input: input, Output: output}
	}
	return out
}

// Arrivals is n equal requests at rate a second, with gamma gaps of the shape
// given: 1 is Poisson, below is burstier. The same seed gives the same times.
func Arrivals(n, input, output int, rate, shape float64, seed uint64) []Request {
	r := rand.New(rand.NewPCG(seed, 0x706c696d))
	out := Burst(n, input, output)
	var at float64
	for i := range out {
		out[i].Arrive = at
		at += gamma(r, shape) / (shape * rate)
	}
	return out
}

// Vary gives the requests lognormal lengths around their own, which stay the
// means before the cut: prompt and answer together are longest tokens at most.
// The same seed gives the same lengths, whatever the arrivals.
func Vary(requests []Request, spread float64, longest int, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 0x6c656e67))
	draw := func(mean int) int {
		return max(int(math.Round(float64(mean)*math.Exp(spread*r.NormFloat64()-spread*spread/2))), 1)
	}
	for i := range requests {
		q := &requests[i]
		q.Input = min(draw(q.Input), max(longest-1, 1))
		q.Output = min(draw(q.Output), max(longest-q.Input, 1))
	}
}

// gamma draws with scale 1: Marsaglia and Tsang (2000), with their boost for
// shapes under 1.
func gamma(r *rand.Rand, shape float64) float64 {
	if shape == 1 {
		return r.ExpFloat64()
	}
	if shape < 1 {
		return gamma(r, shape+1) * math.Pow(1-r.Float64(), 1/shape)
	}
	d := shape - 1./3
	c := 1 / math.Sqrt(9*d)
	for {
		x := r.NormFloat64()
		v := 1 + c*x
		if v <= 0 {
			continue
		}
		v = v * v * v
		if math.Log(1-r.Float64()) < .5*x*x+d-d*v+d*math.Log(v) {
			return d * v
		}
	}
}
