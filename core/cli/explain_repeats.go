package cli

import (
	"fmt"
	"math"

	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/price"
)

// explainNoise says how many runs of each item a next epoch should make, where
// an epoch with repeats has told how much runs of the same item differ.
func (c *command) explainNoise(n *engine.Noise) {
	if n == nil {
		return
	}
	share := 0.0
	if all := float64(n.Noise.Between + n.Noise.Within); all > 0 {
		share = float64(n.Noise.Within) / all
	}
	what := fmt.Sprintf("%.0f %% of what one run differs by is the run and not the item (%s, %d runs each)", math.Round(100*share), plural(n.Noise.Items, "item", "items"), n.Repeats)
	c.say("  noise        %s", what)
	switch {
	case n.Best.Repeats == 0:
		c.say("  repeats      no number of runs would prove it: it does worse by the margin")
	case !n.OK:
		c.say("  repeats      even %s of each item would take about %s, and there are %d", plural(n.Best.Repeats, "run", "runs"), plural(n.Best.Items, "item", "items"), n.Limit)
	default:
		c.say("  repeats      %d: about %s and %s to a proof; %d now", n.Best.Repeats, plural(n.Best.Items, "item", "items"), price.Format(n.Best.Cost), n.Repeats)
	}
}
