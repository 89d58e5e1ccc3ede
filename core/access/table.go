package access

import (
	"container/list"
	"time"
)

// table holds counters by key, a bounded number of them. Keys whose time has run out
// make room; when none has, further keys share one entry, the crowd.
type table[T any] struct {
	max   int
	idle  time.Duration
	by    map[string]*list.Element
	order *list.List // of *entry[T], latest use first
	crowd T
	now   time.Time // of the latest use
}

type entry[T any] struct {
	key   string
	used  time.Time
	value T
}

func newTable[T any](size int, idle time.Duration) *table[T] {
	return &table[T]{max: max(1, size), idle: idle, by: map[string]*list.Element{}, order: list.New()}
}

// get finds or makes the entry of a key. A clock that goes back moves no entry back.
func (t *table[T]) get(key string, at time.Time) *T {
	if at.After(t.now) || t.now.Sub(at) > t.idle {
		t.now = at // forward, or so far back that the clock was wrong before
	}
	if el, ok := t.by[key]; ok {
		e := el.Value.(*entry[T])
		e.used = t.now
		t.order.MoveToFront(el)
		return &e.value
	}
	for last := t.order.Back(); last != nil && t.over(last); last = t.order.Back() {
		delete(t.by, last.Value.(*entry[T]).key)
		t.order.Remove(last)
	}
	if len(t.by) >= t.max {
		return &t.crowd
	}
	e := &entry[T]{key: key, used: t.now}
	t.by[key] = t.order.PushFront(e)
	return &e.value
}

// peek is get without making anything.
func (t *table[T]) peek(key string, at time.Time) *T {
	if el, ok := t.by[key]; ok {
		return &el.Value.(*entry[T]).value
	}
	if len(t.by) >= t.max && !t.over(t.order.Back()) {
		return &t.crowd
	}
	return new(T)
}

func (t *table[T]) over(el *list.Element) bool {
	return t.now.Sub(el.Value.(*entry[T]).used) > t.idle
}
