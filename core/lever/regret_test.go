package lever_test

import (
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/lever"
	"github.com/plimsoll-dev/plimsoll/core/price"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

func TestRegret(t *testing.T) {
	warm := []message.Usage{{Input: 500, CacheWrite: 4000}, {Input: 500, CachedInput: 4000}, {Input: 100, CachedInput: 6000}}
	automatic := price.Rates{Known: true, Tokens: price.Tokens{Input: 1_000_000, CacheRead: 100_000}}
	for name, c := range map[string]struct {
		uses  []message.Usage
		rates price.Rates
		micro int64
		known bool
	}{
		"written at 1.25, read at 0.1": {warm, rates, 5000*125/100 - 500, true},
		"kept by the vendor itself":    {warm, automatic, 4500, true},
		"nothing was cached":           {[]message.Usage{{Input: 9}}, rates, 0, true},
		"no call at all":               {nil, rates, 0, true},
		"the candidate has no cache":   {warm, price.Rates{Known: true, Tokens: price.Tokens{Input: 1_000_000}}, 0, true},
		"the candidate has no price":   {warm, price.Rates{Tokens: price.Tokens{CacheRead: 1, CacheWrite: 1}}, 0, false},
	} {
		if micro, known := lever.Regret(c.uses, c.rates); micro != c.micro || known != c.known {
			t.Errorf("%s: %d, %v", name, micro, known)
		}
	}
}
