package trial

import (
	"fmt"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
)

// Genuine checks that every pair of an epoch stands at the place that the
// epoch's seed gives its item: evidence from which items were taken away, or
// into which others were put, proves nothing. It is for whoever has the pool
// that the epoch was opened on; another pool says nothing about it.
func Genuine(pool []Item, o *evidence.Opened) error {
	if Digest(pool) != o.Pool {
		return nil
	}
	order := Order(pool, o.Seed())
	for _, p := range o.Pairs {
		if p.Order >= len(order) || order[p.Order].Digest != p.Item {
			return fmt.Errorf("in epoch %s the item at place %d is not the one that the epoch's seed gives", o.ID(), p.Order)
		}
	}
	return nil
}
