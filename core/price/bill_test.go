package price

import (
	"testing"

	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// inclusive is usage as OpenAI reports it: prompt tokens with the cached ones in
// them, completion tokens with the reasoning ones in them.
type inclusive struct{ prompt, cached, completion, reasoning int64 }

func (u inclusive) usage() message.Usage {
	return message.Usage{Input: u.prompt - u.cached, CachedInput: u.cached, Output: u.completion, Reasoning: u.reasoning}
}

// exclusive is usage as Anthropic reports it: input tokens beside those read from
// the cache and written to it, the latter by how long they are kept.
type exclusive struct{ input, read, write5m, write1h, output int64 }

func (u exclusive) usage() message.Usage {
	return message.Usage{Input: u.input, CachedInput: u.read, CacheWrite: u.write5m + u.write1h, CacheWrite1h: u.write1h, Output: u.output}
}

// List prices of 2026-07-02, in micro-dollars per million tokens.
var (
	opus     = Rates{Known: true, Tokens: Tokens{Input: 5_000_000, Output: 25_000_000, CacheRead: 500_000, CacheWrite: 6_250_000, CacheWrite1h: 10_000_000}}
	gpt55    = Rates{Known: true, Tokens: Tokens{Input: 5_000_000, Output: 30_000_000, CacheRead: 500_000}, Above: Step{272_000, Tokens{Input: 10_000_000, Output: 60_000_000, CacheRead: 1_000_000}}}
	nano     = Rates{Known: true, Tokens: Tokens{Input: 200_000, Output: 1_250_000, CacheRead: 20_000}}
	deepseek = Rates{Known: true, Tokens: Tokens{Input: 140_000, Output: 280_000, CacheRead: 2_800}}
	gemini   = Rates{Known: true, Tokens: Tokens{Input: 2_000_000, Output: 12_000_000, CacheRead: 200_000}, Above: Step{200_000, Tokens{Input: 4_000_000, Output: 24_000_000, CacheRead: 400_000}}}
)

// Bills that were computed by hand, from both vendors' shapes. One dollar per
// million tokens is one micro-dollar a token.
func TestBills(t *testing.T) {
	for _, c := range []struct {
		name  string
		rates Rates
		usage message.Usage
		want  Cost
	}{
		// 1,200 x 5 + 310 x 25 = 6,000 + 7,750
		{"opus, nothing cached", opus, exclusive{input: 1200, output: 310}.usage(), Cost{Micro: 13_750, Known: true}},
		// 200 x 5 + 10,000 x 0.5 + 310 x 25 = 1,000 + 5,000 + 7,750
		{"opus, warm cache", opus, exclusive{input: 200, read: 10_000, output: 310}.usage(), Cost{Micro: 13_750, Known: true}},
		// 200 x 5 + 10,000 x 6.25 + 310 x 25 = 1,000 + 62,500 + 7,750
		{"opus, cold cache for five minutes", opus, exclusive{input: 200, write5m: 10_000, output: 310}.usage(), Cost{Micro: 71_250, Known: true}},
		// 200 x 5 + 10,000 x 10 + 310 x 25 = 1,000 + 100,000 + 7,750
		{"opus, cold cache for an hour", opus, exclusive{input: 200, write1h: 10_000, output: 310}.usage(), Cost{Micro: 108_750, Known: true}},
		// 7 x 5 + 2,048 x 0.5 + 1,024 x 6.25 + 512 x 10 + 3 x 25 = 35 + 1,024 + 6,400 + 5,120 + 75
		{"opus, all at once", opus, exclusive{input: 7, read: 2048, write5m: 1024, write1h: 512, output: 3}.usage(), Cost{Micro: 12_654, Known: true}},
		// 1,200 x 5 + 310 x 30 = 6,000 + 9,300
		{"gpt-5.5, nothing cached", gpt55, inclusive{prompt: 1200, completion: 310}.usage(), Cost{Micro: 15_300, Known: true}},
		// (10,200 - 10,000) x 5 + 10,000 x 0.5 + 310 x 30 = 1,000 + 5,000 + 9,300
		{"gpt-5.5, cached tokens are in the prompt's", gpt55, inclusive{prompt: 10_200, cached: 10_000, completion: 310}.usage(), Cost{Micro: 15_300, Known: true}},
		// 1,000 x 5 + 4,000 x 30 = 5,000 + 120,000: reasoning is paid once, as output
		{"gpt-5.5, reasoning is in the completion's", gpt55, inclusive{prompt: 1000, completion: 4000, reasoning: 3900}.usage(), Cost{Micro: 125_000, Known: true}},
		// 2,000 x 5 + 270,000 x 0.5 + 100 x 30 = 10,000 + 135,000 + 3,000
		{"gpt-5.5, at the step", gpt55, inclusive{prompt: 272_000, cached: 270_000, completion: 100}.usage(), Cost{Micro: 148_000, Known: true}},
		// 2,001 x 10 + 270,000 x 1 + 100 x 60 = 20,010 + 270,000 + 6,000: all of it is dearer
		{"gpt-5.5, a token above the step", gpt55, inclusive{prompt: 272_001, cached: 270_000, completion: 100}.usage(), Cost{Micro: 296_010, Known: true}},
		// 200,001 x 4 + 10 x 24 = 800,004 + 240
		{"gemini, a token above its step", gemini, inclusive{prompt: 200_001, completion: 10}.usage(), Cost{Micro: 800_244, Known: true}},
		// 33 x 0.2 + 7 x 1.25 = 6.6 + 8.75 = 15.35
		{"nano, parts of a micro-dollar", nano, inclusive{prompt: 33, completion: 7}.usage(), Cost{Micro: 15, Known: true}},
		// (1,000 - 960) x 0.14 + 960 x 0.0028 + 50 x 0.28 = 5.6 + 2.688 + 14 = 22.288
		{"deepseek, cached", deepseek, inclusive{prompt: 1000, cached: 960, completion: 50}.usage(), Cost{Micro: 22, Known: true}},
		// 1,000 x 0.0028 = 2.8, and half a micro-dollar rounds up
		{"deepseek, all of it cached", deepseek, inclusive{prompt: 1000, cached: 1000}.usage(), Cost{Micro: 3, Known: true}},
		// gpt-5.5 states no price for writing a cache: at most 100 x 5 x 2, and perhaps nothing
		{"gpt-5.5, a write that its list does not price", gpt55, exclusive{input: 100, write5m: 100}.usage(), Cost{Micro: 1500, Known: true, Upper: true, Unsure: 1000}},
		{"a model without a price", Rates{}, inclusive{prompt: 1200, completion: 310}.usage(), Cost{}},
		{"more cached than there was", gpt55, inclusive{prompt: 10, cached: 11, completion: 1}.usage(), Cost{}},
	} {
		if got := Of(c.rates, c.usage, 0); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}
