package cli

import (
	"github.com/plimsoll-dev/plimsoll/core/price"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

// explainRegret says what a move costs beside its measurement.
func (c *command) explainRegret(r *verdict.Record) {
	if r.CacheRegret > 0 {
		c.say("  cache        the move gives up a warm cache: %s once, counted in the payback", price.Format(r.CacheRegret))
	}
}
