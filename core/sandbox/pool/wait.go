package pool

import (
	"context"
	"fmt"
)

// waiter is a caller of Get for whom there was no room. Whoever takes it out
// of the queue has answered it: by a slot that is reserved for it, or by a
// refusal.
type waiter[K comparable] struct {
	key            K
	answered       chan struct{} // closed with the fields below set
	refused        bool
	queued         bool
	before, behind *waiter[K]
}

// queue is who waits, in the order of arrival. One list and not one per key:
// the order over all keys is what makes the common bound fair, and a scan past
// those whose key is full costs nanoseconds each.
type queue[K comparable] struct {
	first, last *waiter[K]
	length      int
}

func (q *queue[K]) join(key K) *waiter[K] {
	w := &waiter[K]{key: key, answered: make(chan struct{}), queued: true, before: q.last}
	if q.last == nil {
		q.first = w
	} else {
		q.last.behind = w
	}
	q.last = w
	q.length++
	return w
}

func (q *queue[K]) leave(w *waiter[K]) {
	if w.before == nil {
		q.first = w.behind
	} else {
		w.before.behind = w.behind
	}
	if w.behind == nil {
		q.last = w.before
	} else {
		w.behind.before = w.before
	}
	w.before, w.behind, w.queued = nil, nil, false
	q.length--
}

// serve answers, from the first on, everybody for whom take finds a slot,
// as long as there can be one.
func (q *queue[K]) serve(take func(K) bool, any func() bool) {
	for w := q.first; w != nil && any(); {
		next := w.behind
		if take(w.key) {
			q.leave(w)
			close(w.answered)
		}
		w = next
	}
}

func (q *queue[K]) refuse() {
	for q.first != nil {
		w := q.first
		q.leave(w)
		w.refused = true
		close(w.answered)
	}
}

// wait returns nil when the waiter's slot is reserved.
func (p *Pool[K, T]) wait(ctx context.Context, w *waiter[K]) error {
	select {
	case <-w.answered:
		if w.refused {
			return ErrClosed
		}
		return nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case w.queued:
		p.waiting.leave(w)
	case !w.refused:
		p.release(w.key) // the slot came at the same moment: it goes to the next
	}
	return fmt.Errorf("waiting for a free place in the pool: %w", context.Cause(ctx))
}
