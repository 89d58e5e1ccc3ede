package nightly

import "context"

// overall bounds the calls that a round begins with, over all backends: far more
// than one machine's backends have places for, and few enough to hold in memory.
const overall = 256

// defaultPlaces is how many calls a backend gets at a time when nobody says.
const defaultPlaces = 16

// screenPairs is what a screen reserves of a budget: see evolve.Comparison.Screen.
const screenPairs = 10

// purse is money of tonight: a policy's budget, or the slice of it that belongs
// to one comparison alone.
type purse struct {
	limit    int64 // below 0 is no bound
	spent    int64
	reserved int64 // by batches under way
}

// purse is where a comparison is paid from.
func (n *night) purse(e entry) *purse {
	if p := n.slices[e.rank]; p != nil {
		return p
	}
	p := n.purses[e.Policy.Name]
	if p == nil {
		p = &purse{limit: e.Policy.Budget, spent: n.options.Spent[e.Policy.Name]}
		n.purses[e.Policy.Name] = p
	}
	return p
}

// left is what a comparison may still spend tonight; below 0 is no bound.
func (n *night) left(e entry) int64 {
	p := n.purse(e)
	if p.limit < 0 {
		return -1
	}
	return max(0, p.limit-p.spent-p.reserved)
}

// pay counts what was spent.
func (n *night) pay(l *lane, amount int64) { n.purse(l.entry()).spent += amount }

// price of a pair, for what is reserved: as bought, or as estimated.
func (n *night) price(l *lane) int64 {
	e := l.entry()
	if p := l.c.Price(); p > 0 || e.ToBuy == 0 {
		return p
	}
	return e.Cost / int64(e.ToBuy)
}

// cut gives every comparison that shares items with another one, under a policy
// that bounds the share of wrong moves, a slice of the night's budget of its own:
// see the package comment. The slices are by items, and fixed before anything is
// bought.
func (n *night) cut(candidates []Candidate) {
	items := map[string]int64{}
	for _, c := range candidates {
		items[c.Policy.Name] += int64(c.ToBuy)
	}
	for rank, c := range candidates {
		if !c.Policy.Fleet || !c.Shared || c.Policy.Budget < 0 || items[c.Policy.Name] == 0 {
			continue
		}
		own := n.purse(entry{c, rank})
		if own.limit < 0 {
			continue
		}
		budget := max(0, c.Policy.Budget-n.options.Spent[c.Policy.Name])
		slice := int64(float64(budget) * float64(c.ToBuy) / float64(items[c.Policy.Name]))
		own.limit -= slice
		n.slices[rank] = &purse{limit: slice}
	}
}

// desks are the trials under way for each place of a backend: beside the one
// whose call runs, others are prepared and checked, so that no place waits for
// the engine. Two rounds are under way at a time; more would only hold memory.
const desks = 3

// desk is the channel whose room is the trials of a backend that may be under
// way. It belongs to the night's own goroutine.
func (n *night) desk(backend string) chan struct{} {
	if n.desks[backend] == nil {
		n.desks[backend] = make(chan struct{}, desks*n.places(backend))
	}
	return n.desks[backend]
}

// seat waits for one of a backend's places, for one call.
func (n *night) seat(ctx context.Context, backend string) (leave func(), err error) {
	n.seating.Lock()
	free := n.free[backend]
	if free == nil {
		free = make(chan struct{}, n.places(backend))
		n.free[backend] = free
	}
	n.seating.Unlock()
	select {
	case free <- struct{}{}:
		return func() { <-free }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (n *night) places(backend string) int {
	if n.options.Places != nil {
		return max(1, n.options.Places(backend))
	}
	return defaultPlaces
}
