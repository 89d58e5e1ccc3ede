package nightly

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/plimsoll-dev/plimsoll/core/evolve"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

// task is what a lane does in a round: a batch of its comparison, or the screen
// of a candidate that was held.
type task struct {
	lane     *lane
	batch    *evolve.Batch
	screen   bool
	screened *evolve.Screened
	err      error
	spent    int64 // of the comparison, before
	reserved int64 // of the policy's budget, while it runs
	left     int64 // of it for a screen; below 0 is no bound
}

// round is a set of tasks that run side by side. Its calls may begin at once;
// what it writes waits for may, so that the log has one order whatever answers
// come back first.
type round struct {
	tasks []*task
	load  map[string]int // calls that it begins with, by backend
	calls int
	keys  map[string]bool // hardware that it uses
	mixed []string        // of it, what a screen calls both models on
	may   chan struct{}
	over  chan struct{}
}

func newRound() *round {
	return &round{load: map[string]int{}, keys: map[string]bool{}, may: make(chan struct{}), over: make(chan struct{})}
}

// uses tells whether a round needs hardware that a candidate needs too; no round
// needs any.
func (r *round) uses(c Candidate) bool {
	return r != nil && slices.ContainsFunc(hardware(c), func(k string) bool { return r.keys[k] })
}

// rounds works until nothing is due. Two rounds are under way at a time: while
// one is written down the other's calls run, and what the next one is made of is
// decided when the first has been kept, whatever the second has come to. Nobody
// writes while a round may: so the same night has the same log, and the same
// evidence to the byte, in whatever order answers come.
func (n *night) rounds(ctx context.Context) error {
	var flying *round
	for {
		next := newRound()
		if !n.draining() {
			next = n.pick(ctx, flying)
		}
		if len(next.tasks) > 0 {
			n.launch(ctx, next)
		} else {
			next = nil
		}
		if flying == nil {
			if flying = next; flying == nil {
				if n.draining() {
					return ErrStopped
				}
				return ctx.Err()
			}
			continue
		}
		close(flying.may)
		<-flying.over
		if ctx.Err() != nil {
			if next != nil {
				close(next.may)
				<-next.over // its calls are being given up
			}
			return ctx.Err()
		}
		n.kept(ctx, flying)
		flying = next
	}
}

// draining tells whether nothing more is to be begun.
func (n *night) draining() bool {
	select {
	case <-n.options.Drain:
		return true
	default:
		return false
	}
}

// pick fills a round with what is worth most, as far as backends have places.
func (n *night) pick(ctx context.Context, flying *round) *round {
	r := newRound()
	for _, l := range n.lanes {
		l.waits = false
	}
	for ctx.Err() == nil {
		l := n.best(ctx, r, flying)
		if l == nil {
			return r
		}
		n.take(ctx, r, l)
		if !l.busy || !l.hardware() {
			continue
		}
		// Where models take turns on hardware, everything that needs it goes
		// together: one turn of each model serves all.
		for _, other := range n.lanes {
			for !other.over() && !other.busy && !other.opened() && shares(l.entry().Candidate, other.entry().Candidate) {
				n.open(ctx, other)
			}
			if other.working() && !other.waits && !flying.uses(other.entry().Candidate) && shares(l.entry().Candidate, other.entry().Candidate) {
				n.take(ctx, r, other)
			}
		}
	}
	return r
}

// best is the lane to take next: the one worth most of those that are open and
// the best of those that are not, which is opened only when its estimate is
// above what the open ones are worth.
func (n *night) best(ctx context.Context, r, flying *round) *lane {
	for {
		var best *lane
		for _, l := range n.lanes {
			if l.working() && !l.waits && n.fits(r, flying, l.entry().Candidate) && (best == nil || l.worth > best.worth) {
				best = l
			}
		}
		var head *lane
		var worth int64
		for _, l := range n.lanes {
			if l.over() || l.opened() || l.busy || !n.fits(r, flying, l.entry().Candidate) {
				continue
			}
			if w := int64(l.entry().worth()); head == nil || w > worth {
				head, worth = l, w
			}
		}
		if head == nil || best != nil && best.worth >= worth {
			return best
		}
		n.open(ctx, head)
		if ctx.Err() != nil {
			return nil
		}
	}
}

// fits tells whether a round has places for a batch of a candidate. A round that
// is empty takes anything, so that no lane waits for ever.
func (n *night) fits(r, flying *round, c Candidate) bool {
	if flying.uses(c) {
		return false // its models take turns, and it is the other round's
	}
	if len(r.tasks) == 0 || n.options.DryRun {
		return true
	}
	if r.calls+2*n.bench.Parallel > overall {
		return false
	}
	// What a batch really takes is known once it is taken: a pair where no price is
	// known yet, and seldom what places are there for. So a round is full when it has
	// a call for every place, and seats see to it that no backend gets more.
	for _, t := range []*config.Tier{c.Current, c.Tier} {
		if r.load[t.Backend.Name] >= n.places(t.Backend.Name) {
			return false
		}
	}
	return true
}

// take puts a lane's next batch into a round, or stops it for want of money.
func (n *night) take(ctx context.Context, r *round, l *lane) {
	e := l.entry()
	left := n.left(e)
	t := &task{lane: l, spent: l.c.Spent(), left: left}
	if l.screen {
		t.screen, t.reserved = true, screenPairs*n.price(l)
		if left >= 0 {
			t.reserved = min(t.reserved, left)
		}
	} else {
		size := n.bench.Parallel
		if l.hardware() {
			size = max(size, min(l.c.Assessment().Wants, l.c.Wants()))
		}
		if l.c.Wants() > 0 {
			size = l.c.Affordable(min(size, l.c.Wants()), left)
			if size == 0 && n.purse(e).reserved > 0 {
				l.waits = true
				return
			}
			if size == 0 {
				l.c.Stop("the budget is used up")
				n.settle(ctx, l)
				return
			}
		} else if l.c.Due() { // the planted arm
			t.reserved = l.c.PlantCost()
			if left >= 0 && t.reserved > left {
				if l.waits = n.purse(e).reserved > 0; !l.waits {
					l.c.Forgo(unpaid)
					n.settle(ctx, l)
				}
				return
			}
		}
		if t.batch = l.c.Next(size); t.batch == nil {
			n.settle(ctx, l)
			return
		}
		t.reserved += int64(t.batch.Items()) * n.price(l)
	}
	n.purse(e).reserved += t.reserved
	l.busy = true
	l.c.Await(r.may)
	r.tasks = append(r.tasks, t)
	for _, tier := range []*config.Tier{e.Current, e.Tier} {
		items := 1
		if t.batch != nil {
			items = max(1, t.batch.Items())
		}
		r.load[tier.Backend.Name] += items
		r.calls += items
	}
	for _, k := range hardware(e.Candidate) {
		r.keys[k] = true
	}
}

// kept writes down what a round found, in the order in which it was picked.
func (n *night) kept(ctx context.Context, r *round) {
	for _, t := range r.tasks {
		l := t.lane
		l.busy = false
		l.c.Await(nil)
		purse := n.purse(l.entry())
		purse.reserved -= t.reserved
		err := t.err
		if t.batch != nil {
			err = l.c.Keep(ctx, t.batch)
		}
		n.pay(l, l.c.Spent()-t.spent)
		switch {
		case err != nil:
			n.broken(l, err)
			continue
		case t.screen:
			l.screen = false
			n.pay(l, t.screened.Spent)
			l.row.Spent += t.screened.Spent
			l.row.Bought += t.screened.Bought
			codify(&l.row, t.screened)
		default:
			l.worth = n.worthOf(l)
		}
		n.settle(ctx, l)
	}
}

// launch lets a round's trials run, as many at a time as backends have places,
// and turn about where models share hardware.
func (n *night) launch(ctx context.Context, r *round) {
	turns := map[string]map[string][]placed{} // by hardware, by model
	var free, last []placed
	for _, t := range r.tasks {
		trials := []evolve.Trial{{Save: func(context.Context) {}, Do: func(ctx context.Context) { t.screened, t.err = t.lane.c.Screen(ctx, evolve.Budget{Left: t.left}) }}}
		if t.batch != nil {
			trials = t.batch.Trials()
		}
		for _, trial := range trials {
			p := placed{Trial: trial}
			if trial.Tier == nil && t.lane.hardware() {
				// It calls what it finds that it needs: by itself, when all turns are over.
				last = append(last, p)
				if t.screen {
					r.mixed = append(r.mixed, hardware(t.lane.entry().Candidate)...)
				}
				continue
			}
			if trial.Tier == nil {
				free = append(free, p)
				continue
			}
			p.desks = n.desk(trial.Tier.Backend.Name)
			if h := trial.Tier.Hardware; h == "" {
				free = append(free, p)
			} else if turns[h] == nil {
				turns[h] = map[string][]placed{model(trial.Tier): {p}}
			} else {
				turns[h][model(trial.Tier)] = append(turns[h][model(trial.Tier)], p)
			}
		}
	}
	var wg sync.WaitGroup
	for _, t := range free {
		wg.Go(func() { t.run(ctx) })
	}
	var turned sync.WaitGroup
	for h, byModel := range turns {
		order := n.turns(h, byModel)
		turned.Go(func() {
			for _, m := range order {
				var turn sync.WaitGroup
				for _, t := range byModel[m] {
					turn.Go(func() { t.run(ctx) })
				}
				turn.Wait()
			}
		})
	}
	for _, h := range r.mixed {
		n.switches[h]++
		n.loaded[h] = "" // whichever of the two it called last
	}
	wg.Go(func() {
		turned.Wait()
		for _, t := range last {
			t.run(ctx)
		}
	})
	go func() {
		wg.Wait()
		close(r.over)
	}()
}

// placed is a trial with the desks of its backend.
type placed struct {
	evolve.Trial
	desks chan struct{}
}

// run makes a trial once there is a desk for it. Its calls wait for places of
// their own, see seat: a trial that is being prepared or checked keeps none. The
// desk is given back before anything waits to be written: the round before may
// need it to come to its end. A night that is stopped still runs it: it finds the
// context done, and says so.
func (p placed) run(ctx context.Context) {
	if p.desks == nil {
		p.Do(ctx)
		p.Save(ctx)
		return
	}
	held := false
	select {
	case p.desks <- struct{}{}:
		held = true
	case <-ctx.Done():
	}
	p.Do(ctx)
	if held {
		<-p.desks
	}
	p.Save(ctx)
}

// turns is the order in which models get a piece of hardware: the one that has
// it goes on, so that the last of a round is the first of the next.
func (n *night) turns(hardware string, byModel map[string][]placed) []string {
	var order []string
	for m := range byModel {
		order = append(order, m)
	}
	slices.SortFunc(order, func(a, b string) int {
		return cmp.Or(-cmp.Compare(b2i(a == n.loaded[hardware]), b2i(b == n.loaded[hardware])), cmp.Compare(a, b))
	})
	for _, m := range order {
		if m != n.loaded[hardware] {
			n.switches[hardware]++
			n.loaded[hardware] = m
		}
	}
	return order
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// model is what a piece of hardware has to hold for a tier.
func model(t *config.Tier) string { return t.Backend.Name + "\x00" + t.Model }

// hardware is what a candidate's two tiers need, by name.
func hardware(c Candidate) []string {
	var out []string
	for _, t := range []*config.Tier{c.Current, c.Tier} {
		if t.Hardware != "" && !slices.Contains(out, t.Hardware) {
			out = append(out, t.Hardware)
		}
	}
	return out
}

// shares tells whether two candidates need the same hardware.
func shares(a, b Candidate) bool {
	return slices.ContainsFunc(hardware(a), func(h string) bool { return slices.Contains(hardware(b), h) })
}
