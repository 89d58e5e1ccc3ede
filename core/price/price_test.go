package price

import (
	"math"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/message"
	"pgregory.net/rapid"
)

var (
	haiku = Rates{Known: true, Tokens: Tokens{Input: 1_000_000, Output: 5_000_000, CacheRead: 100_000, CacheWrite: 1_250_000, CacheWrite1h: 2_000_000}}
	steep = Rates{Known: true, Tokens: Tokens{Input: 5_000_000, Output: 30_000_000, CacheRead: 500_000}, Above: Step{272_000, Tokens{Input: 10_000_000, Output: 45_000_000, CacheRead: 1_000_000}}}
	local = Rates{Known: true, GPUHour: 2_100_000}
)

func TestOf(t *testing.T) {
	const most = math.MaxInt64
	cases := []struct {
		name    string
		rates   Rates
		usage   message.Usage
		elapsed time.Duration
		want    Cost
	}{
		{"nothing used", haiku, message.Usage{}, 0, Cost{Known: true}},
		{"input and output", haiku, message.Usage{Input: 1200, Output: 310}, 0, Cost{Micro: 1200 + 1550, Known: true}},
		{"reasoning is in the output", haiku, message.Usage{Output: 310, Reasoning: 300}, 0, Cost{Micro: 1550, Known: true}},
		{"cached input", haiku, message.Usage{Input: 200, CachedInput: 1000, Output: 310}, 0, Cost{Micro: 200 + 100 + 1550, Known: true}},
		{"cache write", haiku, message.Usage{CacheWrite: 1000}, 0, Cost{Micro: 1250, Known: true}},
		{"cache write for an hour", haiku, message.Usage{CacheWrite: 1000, CacheWrite1h: 600}, 0, Cost{Micro: 500 + 1200, Known: true}},
		{"more for an hour than at all", haiku, message.Usage{CacheWrite: 1000, CacheWrite1h: 1001}, 0, Cost{}},
		{"at the step", steep, message.Usage{Input: 2_000, CachedInput: 270_000, Output: 100}, 0, Cost{Micro: 10_000 + 135_000 + 3_000, Known: true}},
		{"above the step, all of it", steep, message.Usage{Input: 2_001, CachedInput: 270_000, Output: 100}, 0, Cost{Micro: 20_010 + 270_000 + 4_500, Known: true}},
		{"above the step, unstated", steep, message.Usage{Input: 272_000, CacheWrite: 1}, 0, Cost{Micro: 2_720_000 + 20, Known: true, Upper: true, Unsure: 20}},
		{"half rounds up", Rates{Known: true, Tokens: Tokens{Input: 500_000}}, message.Usage{Input: 1}, 0, Cost{Micro: 1, Known: true}},
		{"under half rounds down", Rates{Known: true, Tokens: Tokens{Input: 499_999}}, message.Usage{Input: 1}, 0, Cost{Micro: 0, Known: true}},
		{"rounded once, not per part", Rates{Known: true, Tokens: Tokens{Input: 400_000, Output: 400_000}}, message.Usage{Input: 1, Output: 1}, 0, Cost{Micro: 1, Known: true}},
		{"free", Rates{Known: true}, message.Usage{Input: 1e9}, time.Hour, Cost{Known: true}},
		{"unpriced", Rates{Tokens: Tokens{Input: 5}}, message.Usage{Input: 1e9}, time.Hour, Cost{}},
		{"GPU time", local, message.Usage{Input: 5000}, 90 * time.Second, Cost{Micro: 52_500, Known: true, GPU: 90 * time.Second}},
		{"GPU time to the nanosecond", Rates{Known: true, GPUHour: 3_600_000_000}, message.Usage{}, 1499 * time.Nanosecond, Cost{Micro: 1, Known: true, GPU: 1499}},
		{"GPU and tokens, rounded together", Rates{Known: true, Tokens: Tokens{Input: 400_000}, GPUHour: 3_600_000_000}, message.Usage{Input: 1}, 400 * time.Nanosecond, Cost{Micro: 1, Known: true, GPU: 400}},
		{"token tiers take no GPU time", haiku, message.Usage{}, time.Hour, Cost{Known: true}},
		{"unstated cache read", Rates{Known: true, Tokens: Tokens{Input: 1_000_000}}, message.Usage{CachedInput: 1000}, 0, Cost{Micro: 1000, Known: true, Upper: true, Unsure: 1000}},
		{"unstated cache write", Rates{Known: true, Tokens: Tokens{Input: 1_000_000}}, message.Usage{CacheWrite: 1000}, 0, Cost{Micro: 2000, Known: true, Upper: true, Unsure: 2000}},
		{"unstated but unused", Rates{Known: true, Tokens: Tokens{Input: 1_000_000}}, message.Usage{Input: 1000}, 0, Cost{Micro: 1000, Known: true}},
		{"negative usage", haiku, message.Usage{Input: 1000, Output: -1}, 0, Cost{}},
		{"negative time", local, message.Usage{}, -1, Cost{}},
		{"negative rate", Rates{Known: true, Tokens: Tokens{Output: -1}}, message.Usage{}, 0, Cost{}},
		{"beyond 64 bits on the way", Rates{Known: true, Tokens: Tokens{Input: most}}, message.Usage{Input: 1_000_000}, 0, Cost{Micro: most, Known: true}},
		{"overflow", Rates{Known: true, Tokens: Tokens{Input: most}}, message.Usage{Input: 1_000_001}, 0, Cost{Micro: most, Overflow: true}},
		{"everything at its largest", Rates{true, Tokens{most, most, most, most, most}, most, Step{}}, message.Usage{Input: most, CachedInput: most, CacheWrite: most, Output: most}, most, Cost{Micro: most, Overflow: true, GPU: most}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := Of(c.rates, c.usage, c.elapsed); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestUpper(t *testing.T) {
	cases := []struct {
		name              string
		rates             Rates
		prompt, maxOutput int64
		elapsed           time.Duration
		want              Cost
	}{
		{"dearest prompt rate", haiku, 976, 1000, 0, Cost{Micro: 4000 + 5000, Known: true, Upper: true}},
		{"unstated cache writes", Rates{Known: true, Tokens: Tokens{Input: 1_000_000}}, 976, 1, 0, Cost{Micro: 4000, Known: true, Upper: true}},
		{"may be above the step", steep, 272_000, 100, 0, Cost{Micro: 5_460_480 + 4_500, Known: true, Upper: true}},
		{"cannot be above the step", steep, 270_976, 100, 0, Cost{Micro: 2_720_000 + 3_000, Known: true, Upper: true}},
		{"rounds up", Rates{Known: true, Tokens: Tokens{Output: 1}}, 0, 1, 0, Cost{Micro: 1, Known: true, Upper: true}},
		{"GPU time", local, 10, 10, 90 * time.Second, Cost{Micro: 52_500, Known: true, Upper: true, GPU: 90 * time.Second}},
		{"no limit, no bound", haiku, 976, 0, 0, Cost{Upper: true}},
		{"unpriced", Rates{}, 976, 1000, 0, Cost{Upper: true}},
		{"overflow", Rates{Known: true, Tokens: Tokens{Input: math.MaxInt64}}, math.MaxInt64, math.MaxInt64, 0, Cost{Micro: math.MaxInt64, Upper: true, Overflow: true}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.want.Unsure = c.want.Micro // nobody knows whether any of it was charged
			if got := Upper(c.rates, c.prompt, c.maxOutput, c.elapsed); got != c.want {
				t.Errorf("got %#v, want %#v", got, c.want)
			}
		})
	}
}

func TestSum(t *testing.T) {
	five, some := Cost{Micro: 5, Known: true, GPU: time.Second}, Cost{Micro: 7, Known: true, Upper: true, Unsure: 3}
	most := Cost{Micro: math.MaxInt64, Known: true, GPU: math.MaxInt64}
	cases := []struct {
		name  string
		costs []Cost
		want  Cost
	}{
		{"nothing", nil, Cost{Known: true}},
		{"known", []Cost{five, five}, Cost{Micro: 10, Known: true, GPU: 2 * time.Second}},
		{"a bound is contagious", []Cost{five, some}, Cost{Micro: 12, Known: true, Upper: true, Unsure: 3, GPU: time.Second}},
		{"unknown is contagious, the known part stays", []Cost{five, {}, some}, Cost{Micro: 12, Upper: true, Unsure: 3, GPU: time.Second}},
		{"saturates and says so", []Cost{most, five}, Cost{Micro: math.MaxInt64, Overflow: true, GPU: math.MaxInt64}},
		{"overflow is contagious", []Cost{{Overflow: true, Micro: math.MaxInt64}, {Known: true}}, Cost{Micro: math.MaxInt64, Overflow: true}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := Sum(c.costs...); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestFormat(t *testing.T) {
	for micro, want := range map[int64]string{
		0:              "$0.00",
		1:              "$0.000001",
		12:             "$0.000012",
		49:             "$0.000049",
		50:             "$0.0001",
		12_300:         "$0.0123",
		12_345:         "$0.0123",
		12_350:         "$0.0124",
		50_000:         "$0.05",
		120_000:        "$0.12",
		999_949:        "$0.9999",
		999_950:        "$1.00",
		1_000_000:      "$1.00",
		1_004_999:      "$1.00",
		1_005_000:      "$1.01",
		999_999_999:    "$1,000.00",
		1_234_560_000:  "$1,234.56",
		-12_300:        "-$0.0123",
		-1_234_560_000: "-$1,234.56",
		math.MaxInt64:  "$9,223,372,036,854.78",
		math.MinInt64:  "-$9,223,372,036,854.78",
	} {
		if got := Format(micro); got != want {
			t.Errorf("Format(%d) = %s, want %s", micro, got, want)
		}
	}
}

func TestFormatRate(t *testing.T) {
	for rates, want := range map[Rates]string{
		haiku: "input $1.00, output $5.00, cache read $0.10, cache write $1.25, cache write for an hour $2.00 per million tokens",
		local: "$2.10 per GPU hour",
		steep: "input $5.00, output $30.00, cache read $0.50 per million tokens and above 272,000 prompt tokens input $10.00, output $45.00, cache read $1.00",
		{Known: true, Tokens: Tokens{Input: 75_000}, GPUHour: 2_000}: "input $0.075 per million tokens and $0.002 per GPU hour",
		{Known: true}:                      "free",
		{Tokens: Tokens{Input: 1_000_000}}: "no price",
	} {
		if got := FormatRate(rates); got != want {
			t.Errorf("%+v: %s, want %s", rates, got, want)
		}
	}
}

func TestCostString(t *testing.T) {
	for cost, want := range map[Cost]string{
		{Known: true, Micro: 12_300}:              "$0.0123",
		{Known: true}:                             "$0.00",
		{Known: true, Upper: true, Micro: 12_300}: "at most $0.0123",
		{}:                                     "unknown",
		{Micro: 12_300}:                        "unknown (the known part is $0.0123)",
		{Micro: 12_300, Upper: true}:           "unknown (the known part is at most $0.0123)",
		{Micro: math.MaxInt64, Overflow: true}: "more than can be counted",
	} {
		if got := cost.String(); got != want {
			t.Errorf("%+v: %s, want %s", cost, got, want)
		}
	}
}

func drawTokens(t *rapid.T, name string) Tokens {
	n := rapid.Int64Range(0, 1e9)
	return Tokens{n.Draw(t, name+"input"), n.Draw(t, name+"output"), n.Draw(t, name+"read"), n.Draw(t, name+"write"), n.Draw(t, name+"write for an hour")}
}

func drawRates(t *rapid.T) Rates {
	return Rates{Known: true, Tokens: drawTokens(t, ""), GPUHour: rapid.Int64Range(0, 1e9).Draw(t, "gpu")}
}

// drawSteep has a step somewhere among the prompts of drawUsage, to rates that
// are nowhere cheaper.
func drawSteep(t *rapid.T) Rates {
	r := drawRates(t)
	more := drawTokens(t, "more ")
	add := func(rate, more int64) int64 {
		if rate == 0 {
			return 0 // not stated stays so
		}
		return rate + more
	}
	r.Above = Step{rapid.Int64Range(1, 4e7).Draw(t, "step"), Tokens{
		r.Input + more.Input, r.Output + more.Output, add(r.CacheRead, more.CacheRead), add(r.CacheWrite, more.CacheWrite), add(r.CacheWrite1h, more.CacheWrite1h),
	}}
	return r
}

func drawUsage(t *rapid.T) message.Usage {
	n := rapid.Int64Range(0, 1e7)
	u := message.Usage{Input: n.Draw(t, "in"), CachedInput: n.Draw(t, "cached"), CacheWrite: n.Draw(t, "write"), Output: n.Draw(t, "out")}
	u.CacheWrite1h = rapid.Int64Range(0, u.CacheWrite).Draw(t, "for an hour")
	return u
}

// Cutting a call in two changes the cost by a rounding, one micro-dollar at most;
// using more never costs less.
func TestOfIsAdditiveAndMonotone(t *testing.T) {
	span := rapid.Map(rapid.Int64Range(0, int64(time.Hour)), func(n int64) time.Duration { return time.Duration(n) })
	rapid.Check(t, func(t *rapid.T) {
		r, a, b := drawRates(t), drawUsage(t), drawUsage(t)
		ta, tb := span.Draw(t, "a"), span.Draw(t, "b")
		whole, parts := Of(r, a.Add(b), ta+tb), Sum(Of(r, a, ta), Of(r, b, tb))
		if d := whole.Micro - parts.Micro; d < -1 || d > 1 {
			t.Fatalf("whole %d, parts %d", whole.Micro, parts.Micro)
		}
		if whole.Known != parts.Known || whole.Upper != parts.Upper || whole.GPU != parts.GPU {
			t.Fatalf("whole %+v, parts %+v", whole, parts)
		}
		if one := Of(r, a, ta); one.Micro > whole.Micro {
			t.Fatalf("%d for a part of what costs %d", one.Micro, whole.Micro)
		}
	})
}

// A dearer step never makes a larger call cheaper.
func TestStepsAreMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, a, b := drawSteep(t), drawUsage(t), drawUsage(t)
		if r.CacheRead == 0 || r.CacheWrite == 0 || r.CacheWrite1h == 0 {
			return // what is not stated is a bound, and bounds may cross
		}
		if part, whole := Of(r, a, 0), Of(r, a.Add(b), 0); part.Micro > whole.Micro {
			t.Fatalf("%d for a part of what costs %d", part.Micro, whole.Micro)
		}
	})
}

// The bound for a lost call holds for every usage that the call can have had.
func TestUpperBoundsOf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, u := drawSteep(t), drawUsage(t)
		if rapid.Bool().Draw(t, "cache rates unstated") {
			r.CacheRead, r.CacheWrite, r.CacheWrite1h = 0, 0, 0
			r.Above.CacheRead, r.Above.CacheWrite, r.Above.CacheWrite1h = 0, 0, 0
		}
		prompt := max(0, u.Input+u.CachedInput+u.CacheWrite-hiddenTokens)
		bound := Upper(r, prompt, u.Output+1, time.Minute)
		if cost := Of(r, u, time.Minute); cost.Micro > bound.Micro || !bound.Known || !bound.Upper {
			t.Fatalf("%+v costs more than its bound %+v", cost, bound)
		}
	})
}

func BenchmarkOf(b *testing.B) {
	u := message.Usage{Input: 1200, CachedInput: 900, Output: 310}
	b.ReportAllocs()
	for b.Loop() {
		Of(haiku, u, time.Second)
	}
}
