// Package price turns what a model call used into what it cost, exact to the
// micro-dollar: rates and costs are int64 micro-dollars, and a sum is rounded
// once, at its end.
//
// It must not hold prices: those are config, dated and owned by people. And it
// must not take an unknown cost for zero: an unpriced tier, an impossible usage
// or a lost call make a Cost that says so, and a sum with one in it says so too.
//
//	rates := price.Rates{Known: true, Tokens: price.Tokens{Input: 1_000_000, Output: 5_000_000}} // USD 1 and 5 per million
//	cost := price.Of(rates, response.Usage, elapsed)
//	total := price.Sum(cost, price.Upper(rates, promptBytes, maxOutput, timeout))
//	fmt.Println(total) // "at most $0.0123"
package price

import (
	"math"
	"math/big"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// Rates are the prices of one tier. Token rates are micro-dollars per million
// tokens (USD 1 per million tokens is 1_000_000), GPUHour is micro-dollars per
// hour of the tier's hardware. Known is false when nobody gave a price; a tier
// that is free has Known and zeros.
type Rates struct {
	Known bool
	Tokens
	GPUHour int64
	Above   Step
}

// Tokens are the rates of tokens by what they are.
//
// A cache rate of 0 beside an Input rate means "not stated", since no vendor
// gives cached tokens away: cached input is then taken at the Input rate, and
// cache writes at twice that, the dearest multiple that any vendor asks (for
// writes kept one hour). Both are bounds, and the Cost says so.
type Tokens struct {
	Input, Output, CacheRead int64
	CacheWrite               int64 // kept for minutes
	CacheWrite1h             int64 // kept for an hour
}

// Step is where a model gets dearer: a call whose prompt (fresh, read from the
// cache and written to it, together) has more than Prompt tokens is charged at
// these rates, all of it. Prompt 0 is no step.
type Step struct {
	Prompt int64
	Tokens
}

// Cost of one or several calls.
//
// Micro is in micro-dollars and never negative. With Known false it is only the
// part that is known, and a budget must not take it for the whole.
type Cost struct {
	Micro    int64         `json:"micro"`
	Known    bool          `json:"known"`
	Upper    bool          `json:"upper,omitempty"`    // Micro is an upper bound
	Unsure   int64         `json:"unsure,omitempty"`   // the part of Micro that may not have been charged: at least Micro - Unsure was
	Overflow bool          `json:"overflow,omitempty"` // more than an int64 holds: Micro stands at its largest value, Known is false
	GPU      time.Duration `json:"gpu_ns,omitempty"`   // hardware time; savings are shown in GPU hours too
}

// The terms of a cost are added as integers over one denominator: tokens times
// micro-dollars per million, and nanoseconds times micro-dollars per hour.
const (
	perMillion  = 1_000_000
	perHour     = int64(time.Hour) // 3.6e12
	tokenFactor = perHour / perMillion
)

// Of is the cost of one call: tokens times their rates, plus elapsed times
// GPUHour, rounded half up once. A usage or rate that is negative, or one that
// contradicts itself, is nobody's measurement: the cost is unknown then.
func Of(r Rates, u message.Usage, elapsed time.Duration) Cost {
	c := Cost{Known: r.valid() && plausible(u) && elapsed >= 0}
	if !c.Known {
		return c
	}
	t := r.Tokens
	if r.Above.Prompt > 0 && saturated(saturated(u.Input, u.CachedInput), u.CacheWrite) > r.Above.Prompt {
		t = r.Above.Tokens
	}
	sum, bound := newSum(), newSum()
	c.Upper = sum.usage(t, u, bound)
	if r.GPUHour > 0 {
		sum.add(int64(elapsed), r.GPUHour, 1)
		c.GPU = elapsed
	}
	if !c.Upper {
		return sum.cost(c, perHour/2)
	}
	bound.total.Add(bound.total, sum.total)
	c = bound.cost(c, perHour/2)
	c.Unsure = c.Micro - sum.cost(Cost{}, perHour/2).Micro
	return c
}

// usage adds the tokens of a call: those whose rate is not stated to bound, and
// it tells whether there were any.
func (s sum) usage(t Tokens, u message.Usage, bound sum) (upper bool) {
	short := u.CacheWrite - u.CacheWrite1h
	s.tokens(u.Input, t.Input)
	s.tokens(u.Output, t.Output)
	if t.CacheRead == 0 && t.Input > 0 {
		bound.tokens(u.CachedInput, t.Input)
		upper = u.CachedInput > 0
	} else {
		s.tokens(u.CachedInput, t.CacheRead)
	}
	for _, w := range []struct{ tokens, rate int64 }{{short, t.CacheWrite}, {u.CacheWrite1h, t.CacheWrite1h}} {
		if w.rate > 0 || t.Input == 0 {
			s.tokens(w.tokens, w.rate)
			continue
		}
		// Two terms, since twice the rate may not fit.
		bound.tokens(w.tokens, t.Input)
		bound.tokens(w.tokens, t.Input)
		upper = upper || w.tokens > 0
	}
	return upper
}

func plausible(u message.Usage) bool {
	return min(u.Input, u.CachedInput, u.CacheWrite, u.CacheWrite1h, u.Output) >= 0 && u.CacheWrite1h <= u.CacheWrite
}

// hiddenTokens is the most that vendors are known to put before a prompt without
// showing it (system text for tool use: up to 804 tokens in the vendors' tables
// of 2025), with some room.
const hiddenTokens = 1024

// Upper bounds the cost of a call whose usage was lost: no answer came back, but
// the vendor may have charged for one. promptBytes is the size of the request as
// sent; a token is at least one byte of it, and the JSON around each message is
// longer than what a chat template adds. maxOutput is the limit of output tokens
// that the request carried, elapsed the longest time that the hardware may have
// been busy. All prompt tokens are taken at the dearest rate, rounded up.
//
// Without a limit on the output there is no bound: maxOutput <= 0, like unknown
// rates, makes the cost unknown.
func Upper(r Rates, promptBytes, maxOutput int64, elapsed time.Duration) Cost {
	c := Cost{Known: r.valid() && maxOutput > 0 && min(promptBytes, int64(elapsed)) >= 0, Upper: true}
	if !c.Known {
		return c
	}
	// A token is at least a byte, so that a prompt of fewer bytes cannot reach a
	// step; a longer one may have done so or not, and the dearer is the bound.
	dearest := boundOf(r.Tokens, promptBytes, maxOutput)
	if r.Above.Prompt > 0 && saturated(promptBytes, hiddenTokens) > r.Above.Prompt {
		if above := boundOf(r.Above.Tokens, promptBytes, maxOutput); above.total.Cmp(dearest.total) > 0 {
			dearest = above
		}
	}
	if r.GPUHour > 0 {
		dearest.add(int64(elapsed), r.GPUHour, 1)
		c.GPU = elapsed
	}
	c = dearest.cost(c, perHour-1)
	c.Unsure = c.Micro
	return c
}

// boundOf takes every token of a prompt at the dearest rate it may have had.
func boundOf(t Tokens, promptBytes, maxOutput int64) sum {
	s := newSum()
	prompt := func(rate int64, times int64) {
		s.add(promptBytes, rate, tokenFactor*times)
		s.add(hiddenTokens, rate, tokenFactor*times)
	}
	stated := max(t.Input, t.CacheRead, t.CacheWrite, t.CacheWrite1h)
	if (t.CacheWrite == 0 || t.CacheWrite1h == 0) && stated/2 < t.Input {
		prompt(t.Input, 2) // unstated cache writes, as in Of
	} else {
		prompt(stated, 1)
	}
	s.tokens(maxOutput, t.Output)
	return s
}

// Sum adds costs. One unknown part makes the sum unknown, one bound makes it a
// bound; Micro keeps what is known. No cost at all is a known zero.
func Sum(costs ...Cost) Cost {
	out := Cost{Known: true}
	for _, c := range costs {
		out.Known = out.Known && c.Known
		out.Upper = out.Upper || c.Upper
		out.Overflow = out.Overflow || c.Overflow
		if c.Micro > math.MaxInt64-out.Micro {
			out.Known, out.Overflow = false, true
		}
		out.Micro, out.Unsure = saturated(out.Micro, c.Micro), saturated(out.Unsure, c.Unsure)
		out.GPU = time.Duration(saturated(int64(out.GPU), int64(c.GPU)))
	}
	return out
}

// saturated adds two numbers that are not negative.
func saturated(a, b int64) int64 {
	if b > math.MaxInt64-a {
		return math.MaxInt64
	}
	return a + b
}

func (r Rates) valid() bool {
	return r.Known && r.Tokens.least() >= 0 && r.Above.least() >= 0 && min(r.GPUHour, r.Above.Prompt) >= 0
}

func (t Tokens) least() int64 {
	return min(t.Input, t.Output, t.CacheRead, t.CacheWrite, t.CacheWrite1h)
}

// sum is a numerator over perHour. Products of two int64 pass 64 bits at once,
// and three pass 128, so it is a big integer; a cost is computed once per model
// call, where a microsecond does not show.
type sum struct{ total, term, factor *big.Int }

func newSum() sum { return sum{new(big.Int), new(big.Int), new(big.Int)} }

// tokens adds n tokens at a rate per million.
func (s sum) tokens(n, rate int64) { s.add(n, rate, tokenFactor) }

func (s sum) add(n, rate, factor int64) {
	s.term.Mul(s.term.SetInt64(n), s.factor.SetInt64(rate))
	s.total.Add(s.total, s.term.Mul(s.term, s.factor.SetInt64(factor)))
}

// cost divides, after adding what rounds, and fills in c.
func (s sum) cost(c Cost, rounding int64) Cost {
	s.total.Add(s.total, s.term.SetInt64(rounding))
	s.total.Div(s.total, s.term.SetInt64(perHour))
	if !s.total.IsInt64() {
		c.Micro, c.Known, c.Overflow = math.MaxInt64, false, true
		return c
	}
	c.Micro = s.total.Int64()
	return c
}
