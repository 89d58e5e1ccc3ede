// Package pool lends things that are dear to make and may have one user at a
// time: the instances of skills. It bounds how many of a key and how many in
// all are out at once, serves those who wait in the order in which they came,
// keeps what comes back, and gives the longest unused ones up when the kept
// ones weigh too much or grow too old.
//
// It must not know what it lends, must not read a clock (Tick brings the time)
// and must not start goroutines. It never lends one thing to two holders.
//
//	p, err := pool.New(pool.Config[string, *instance]{
//		PerKey: 4, Running: 64, IdleBytes: 256 << 20, MaxIdle: time.Minute,
//		Make: instantiate, Cost: (*instance).resident, Discard: (*instance).close,
//	})
//	loan, err := p.Get(ctx, digest)
//	loan.Value.call(op, input)
//	p.Put(loan, restored) // false: it is discarded
//
// Who holds a thing and asks for another of the same pool may wait for
// himself: give such a nested Get a context that ends, or a Running bound that
// is larger than the nesting times the callers.
package pool

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrClosed is what Get answers after Close.
var ErrClosed = errors.New("the pool is closed")

// Config says what a pool lends and how much of it. All bounds must be
// positive but for MaxIdle and IdleBytes, where zero means: no eviction by
// age, and nothing is kept.
type Config[K comparable, T any] struct {
	PerKey    int           // at most this many things of one key are out at once
	Running   int           // at most this many things are out at once, over all keys
	IdleBytes int64         // what the things that are kept may weigh together, by Cost
	MaxIdle   time.Duration // a thing that nobody wanted for so long is discarded at the next Tick

	Make    func(ctx context.Context, key K) (T, error) // called outside of the pool's lock, by who asked
	Cost    func(T) int64                               // bytes, asked when a thing comes back; never negative
	Discard func(T)                                     // called outside of the pool's lock, once for each thing made
}

// Pool lends things. All its methods may be called by many goroutines at once.
type Pool[K comparable, T any] struct {
	config Config[K, T]

	mu      sync.Mutex
	closed  bool
	drained chan struct{} // closed when the pool is closed and nothing is out
	now     time.Time     // of the last Tick
	lines   map[K]*line[K, T]
	waiting queue[K]
	idle    idleList[K, T]
	stats   Stats
}

// Loan is one thing that is lent, from Get to Put. It is a value, so that a
// loan of a kept thing allocates nothing, and it knows which loan of the thing
// it is, so that a second Put cannot end the loan of the next holder.
type Loan[K comparable, T any] struct {
	Value  T
	Reused bool // the thing has been out before

	item *thing[K, T]
	turn uint64
}

// Stats are counts since the pool was made, and what it holds now.
type Stats struct {
	Out       int   // things that are lent, and slots of those being made
	Waiting   int   // callers of Get that wait for a slot
	Idle      int   // things that are kept
	IdleBytes int64 // what they weigh
	Made      int64 // things that Make has made
	Reused    int64 // Gets that were served with a kept thing
	Evicted   int64 // kept things that went for weight, age, Trim, Drop or Close
	Discarded int64 // things that were not kept when they came back
}

// New makes an empty pool.
func New[K comparable, T any](config Config[K, T]) (*Pool[K, T], error) {
	switch {
	case config.PerKey <= 0 || config.Running <= 0:
		return nil, fmt.Errorf("a pool lends at least one thing at once: PerKey is %d, Running is %d", config.PerKey, config.Running)
	case config.IdleBytes < 0 || config.MaxIdle < 0:
		return nil, fmt.Errorf("a pool cannot keep less than nothing: IdleBytes is %d, MaxIdle is %s", config.IdleBytes, config.MaxIdle)
	case config.Make == nil || config.Cost == nil || config.Discard == nil:
		return nil, errors.New("a pool needs Make, Cost and Discard")
	}
	return &Pool[K, T]{config: config, drained: make(chan struct{}), lines: map[K]*line[K, T]{}}, nil
}

// Get lends a thing of key: the one that came back last, or a new one. While
// the bounds are reached it waits, in the order of the calls among those that
// could be served. It fails with the error of ctx, of Make, or ErrClosed.
func (p *Pool[K, T]) Get(ctx context.Context, key K) (Loan[K, T], error) {
	return p.get(ctx, key, true)
}

// Fresh is Get that never takes a kept thing.
func (p *Pool[K, T]) Fresh(ctx context.Context, key K) (Loan[K, T], error) {
	return p.get(ctx, key, false)
}

// Put takes a thing back. With keep it is lent again later; without, it is
// discarded before Put returns. So is what no longer fits beside it. To put a
// thing that is not out is a mistake of the program that could give it two
// holders, and panics.
func (p *Pool[K, T]) Put(loan Loan[K, T], keep bool) {
	var cost int64
	if keep {
		cost = p.config.Cost(loan.Value)
	}
	p.mu.Lock()
	item := loan.item
	if item == nil || loan.turn != item.turn {
		p.mu.Unlock()
		panic("pool: a thing was put back that is not out")
	}
	item.turn++
	l := p.lines[item.key]
	keep = keep && !p.closed && item.generation == l.generation && cost <= p.config.IdleBytes
	var leaving []*thing[K, T]
	if keep {
		item.cost, item.since = cost, p.now
		p.keep(item)
		leaving = p.shed(p.config.IdleBytes)
	} else {
		p.stats.Discarded++
		leaving = []*thing[K, T]{item}
	}
	p.release(item.key)
	p.mu.Unlock()
	p.discard(leaving)
}

// Tick tells the pool the time, discards what nobody wanted for MaxIdle, and
// says how many that were. A thing's age counts from the last Tick before it
// came back. A time before the last one is taken for the last one.
func (p *Pool[K, T]) Tick(now time.Time) int {
	p.mu.Lock()
	if p.now.IsZero() { // what is here came before the first time
		for i := p.idle.oldest; i != nil; i = i.newer {
			i.since = now
		}
	}
	if now.After(p.now) {
		p.now = now
	}
	var leaving []*thing[K, T]
	for i := p.idle.oldest; i != nil && p.config.MaxIdle > 0 && p.now.Sub(i.since) >= p.config.MaxIdle; i = p.idle.oldest {
		leaving = append(leaving, p.evict(i))
	}
	p.mu.Unlock()
	p.discard(leaving)
	return len(leaving)
}

// Trim discards the longest unused things until those that are kept weigh at
// most bytes, and says how many that were: what to do when the machine refuses
// memory.
func (p *Pool[K, T]) Trim(bytes int64) int {
	p.mu.Lock()
	leaving := p.shed(bytes)
	p.mu.Unlock()
	p.discard(leaving)
	return len(leaving)
}

// Drop discards the kept things of key at once, and those that are out when
// they come back. Later Gets of key make new ones.
func (p *Pool[K, T]) Drop(key K) {
	p.mu.Lock()
	var leaving []*thing[K, T]
	if l := p.lines[key]; l != nil {
		l.generation++
		for len(l.idle) > 0 {
			leaving = append(leaving, p.evict(l.idle[0]))
		}
	}
	p.mu.Unlock()
	p.discard(leaving)
}

// Close refuses everything new, sends those who wait away with ErrClosed,
// discards what is kept, and waits until all that is out has come back (where
// Put discards it) or ctx ends, whose error it returns then. It may be called
// again to go on waiting.
func (p *Pool[K, T]) Close(ctx context.Context) error {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		p.waiting.refuse()
		if p.stats.Out == 0 {
			close(p.drained)
		}
	}
	leaving := p.shed(-1)
	p.mu.Unlock()
	p.discard(leaving)
	select {
	case <-p.drained:
		return nil
	default:
	}
	select {
	case <-p.drained:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for what is still out of the pool: %w", context.Cause(ctx))
	}
}

// Stats gives the counts of this moment.
func (p *Pool[K, T]) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.stats
	s.Waiting = p.waiting.length
	return s
}
