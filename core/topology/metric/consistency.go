package metric

import "math"

// Consistency compares two ways to say how long a burst took.
type Consistency struct {
	Tokens float64 // seconds by throughput: N x OSL / TPS
	Times  float64 // seconds by times: max TTFT + (OSL - 1) x TPOT
	Gap    float64 // Tokens - Times: what nobody saw pass, such as a cold start
	Holds  bool    // the gap is under a tenth of the run, or a second
}

// Check is the consistency of a burst of n requests of osl tokens each: everything that is
// reported of the same run must fit together, and where it does not, something
// ran that is not in the figures. NaN fails.
func Check(n int, osl, tps, maxTTFT, tpot float64) Consistency {
	c := Consistency{Tokens: float64(n) * osl / tps, Times: maxTTFT + (osl-1)*tpot}
	c.Gap = c.Tokens - c.Times
	c.Holds = math.Abs(c.Gap) <= max(c.Tokens/10, 1)
	return c
}

// Consistency of a report of requests that were sent at once with osl tokens each.
func (r Report) Consistency(osl int) Consistency {
	return Check(r.Succeeded, float64(osl), r.OutputTPS, r.TTFT.Most, r.TPOT.Mean)
}
