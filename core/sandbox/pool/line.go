package pool

import (
	"context"
	"fmt"
	"time"
)

// thing is one thing of the pool.
type thing[K comparable, T any] struct {
	value        T
	key          K
	generation   uint64
	turn         uint64 // goes up when the thing comes back: loans of earlier turns are over
	cost         int64
	since        time.Time
	older, newer *thing[K, T]
}

// line is what the pool knows of one key. It goes when it is empty.
type line[K comparable, T any] struct {
	out        int
	idle       []*thing[K, T] // in the order in which they came back
	generation uint64         // things of an earlier one are not kept
}

// get reserves a slot, waits for it if it must, and fills it.
func (p *Pool[K, T]) get(ctx context.Context, key K, kept bool) (Loan[K, T], error) {
	if err := ctx.Err(); err != nil {
		return Loan[K, T]{}, fmt.Errorf("waiting for a free place in the pool: %w", context.Cause(ctx))
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return Loan[K, T]{}, ErrClosed
	}
	if p.room(key) {
		p.reserve(key)
	} else {
		w := p.waiting.join(key)
		p.mu.Unlock()
		if err := p.wait(ctx, w); err != nil {
			return Loan[K, T]{}, err
		}
		p.mu.Lock()
	}
	l := p.lines[key]
	if n := len(l.idle); kept && n > 0 {
		item := l.idle[n-1]
		l.idle[n-1] = nil
		l.idle = l.idle[:n-1]
		p.unlist(item)
		p.stats.Reused++
		p.mu.Unlock()
		return Loan[K, T]{Value: item.value, Reused: true, item: item, turn: item.turn}, nil
	}
	generation := l.generation
	p.mu.Unlock()
	return p.fill(ctx, key, generation)
}

// fill makes the thing of a reserved slot. The slot is given back when Make
// fails, and when it panics.
func (p *Pool[K, T]) fill(ctx context.Context, key K, generation uint64) (Loan[K, T], error) {
	made := false
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if made {
			p.stats.Made++
			return
		}
		p.release(key)
	}()
	value, err := p.config.Make(ctx, key)
	if err != nil {
		return Loan[K, T]{}, err
	}
	made = true
	return Loan[K, T]{Value: value, item: &thing[K, T]{value: value, key: key, generation: generation}}, nil
}

// room is true when one more of key may be out. The lock is held, here and
// below.
func (p *Pool[K, T]) room(key K) bool {
	if p.stats.Out >= p.config.Running {
		return false
	}
	l := p.lines[key]
	return l == nil || l.out < p.config.PerKey
}

func (p *Pool[K, T]) reserve(key K) {
	l := p.lines[key]
	if l == nil {
		l = &line[K, T]{}
		p.lines[key] = l
	}
	l.out++
	p.stats.Out++
}

// release gives a slot back and hands what is free now to those who wait.
// After it nobody waits who could be served: this is why a Get that finds room
// need not look at the queue.
func (p *Pool[K, T]) release(key K) {
	l := p.lines[key]
	l.out--
	p.stats.Out--
	p.waiting.serve(func(key K) bool {
		if !p.room(key) {
			return false
		}
		p.reserve(key)
		return true
	}, func() bool { return p.stats.Out < p.config.Running })
	p.forget(key)
	if p.closed && p.stats.Out == 0 {
		close(p.drained)
	}
}

func (p *Pool[K, T]) forget(key K) {
	if l := p.lines[key]; l != nil && l.out == 0 && len(l.idle) == 0 {
		delete(p.lines, key)
	}
}

func (p *Pool[K, T]) keep(item *thing[K, T]) {
	l := p.lines[item.key]
	l.idle = append(l.idle, item)
	p.idle.push(item)
	p.stats.Idle++
	p.stats.IdleBytes += item.cost
}

func (p *Pool[K, T]) unlist(item *thing[K, T]) {
	p.idle.remove(item)
	p.stats.Idle--
	p.stats.IdleBytes -= item.cost
}

// evict takes a kept thing out. It is the longest unused one of its key, so it
// stands first in its line.
func (p *Pool[K, T]) evict(item *thing[K, T]) *thing[K, T] {
	l := p.lines[item.key]
	copy(l.idle, l.idle[1:])
	l.idle[len(l.idle)-1] = nil
	l.idle = l.idle[:len(l.idle)-1]
	p.unlist(item)
	p.forget(item.key)
	p.stats.Evicted++
	return item
}

// shed evicts until the rest weighs at most bytes. Below zero everything goes,
// things without weight too.
func (p *Pool[K, T]) shed(bytes int64) []*thing[K, T] {
	var leaving []*thing[K, T]
	for p.idle.oldest != nil && p.stats.IdleBytes > bytes {
		leaving = append(leaving, p.evict(p.idle.oldest))
	}
	return leaving
}

func (p *Pool[K, T]) discard(leaving []*thing[K, T]) {
	for _, item := range leaving {
		p.config.Discard(item.value)
	}
}

// idleList is every kept thing, from the longest unused to the last one.
// Its links are in the items, so keeping a thing allocates nothing.
type idleList[K comparable, T any] struct {
	oldest, newest *thing[K, T]
}

func (l *idleList[K, T]) push(item *thing[K, T]) {
	item.older, item.newer = l.newest, nil
	if l.newest == nil {
		l.oldest = item
	} else {
		l.newest.newer = item
	}
	l.newest = item
}

func (l *idleList[K, T]) remove(item *thing[K, T]) {
	if item.older == nil {
		l.oldest = item.newer
	} else {
		item.older.newer = item.newer
	}
	if item.newer == nil {
		l.newest = item.older
	} else {
		item.newer.older = item.older
	}
	item.older, item.newer = nil, nil
}
