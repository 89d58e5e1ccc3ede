package lever

import (
	"github.com/plimsoll-dev/plimsoll/core/price"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// Regret is what a move to another tier loses once of the current tier's warm
// cache, in micro-dollars: what a call reads there from the cache, on average of
// those that read anything, has to be written to the candidate's cache by the first
// call, at its price for that, where a warm call would have read it.
//
// uses are those of calls on the current tier. known is false where the candidate's
// price is not, or where it bounds. Nothing was cached, nothing is lost: 0, true.
func Regret(uses []message.Usage, candidate price.Rates) (micro int64, known bool) {
	var cached, calls int64
	for _, u := range uses {
		if u.CachedInput > 0 {
			cached, calls = cached+u.CachedInput, calls+1
		}
	}
	if calls == 0 {
		return 0, true
	}
	tokens := cached / calls
	cold := message.Usage{CacheWrite: tokens}
	if candidate.CacheWrite == 0 { // it keeps prefixes by itself, or not at all
		cold = message.Usage{Input: tokens}
	}
	warm := message.Usage{CachedInput: tokens}
	if candidate.CacheRead == 0 {
		// It states no price for reading: what the current tier's cache saves is lost
		// at every call, which the trials' costs say already. Nothing is lost once.
		return 0, true
	}
	a, b := price.Of(candidate, cold, 0), price.Of(candidate, warm, 0)
	if !a.Known || !b.Known || a.Upper || b.Upper {
		return 0, false
	}
	return max(a.Micro-b.Micro, 0), true
}
