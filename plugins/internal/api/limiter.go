package api

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// Limits of one backend. A zero limit is none.
type Limits struct {
	Concurrency       int   // calls at a time
	RequestsPerMinute int64 // retries count as requests
	TokensPerMinute   int64 // prompt and output
	Retries           int   // tries after the first one; negative is none
	// Longest is the longest wait between two tries. A server that asks for more
	// gets its error passed on, so that the host can choose. 0 is a minute.
	Longest time.Duration
}

// Limiter lets calls start in the order in which they came, as fast as the
// limits allow. When the server says that it is too much, everybody waits, and
// fewer calls run at a time until calls succeed again.
type Limiter struct {
	limits   Limits
	turn     chan struct{} // held by the first in line; the runtime serves waiters in order
	mu       sync.Mutex
	requests bucket
	tokens   bucket
	running  int
	window   float64   // calls at a time that the server seems to bear; +Inf: not known to be limited
	pause    time.Time // nobody starts before
	changed  chan struct{}
}

// NewLimiter makes a Limiter whose buckets are full.
func NewLimiter(l Limits) *Limiter {
	return &Limiter{
		limits: l, turn: make(chan struct{}, 1), changed: make(chan struct{}, 1), window: math.Inf(1),
		requests: newBucket(l.RequestsPerMinute), tokens: newBucket(l.TokensPerMinute),
	}
}

// Acquire waits until a call of about so many tokens may start. The returned
// function gives the place back and must be called once, with the tokens that
// were really used, or a negative number when that is unknown. It fails at once
// when ctx would be over first.
func (l *Limiter) Acquire(ctx context.Context, tokens int64) (release func(used int64), err error) {
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, cancelled(ctx)
	}
	defer func() { <-l.turn }()
	for {
		if ctx.Err() != nil {
			return nil, cancelled(ctx)
		}
		wait, ready := l.start(time.Now(), tokens)
		if ready {
			return func(used int64) { l.release(tokens, used) }, nil
		}
		if deadline, ok := ctx.Deadline(); ok && wait > 0 && time.Until(deadline) < wait {
			e := backend.Errorf(backend.RateLimited, "the limits of this backend allow the next call in %v, after this call's deadline", wait.Round(time.Millisecond))
			e.RetryAfter = wait
			return nil, e
		}
		if !l.sleep(ctx, wait) {
			return nil, cancelled(ctx)
		}
	}
}

// sleep waits for wait, or for a change when wait is 0. False: ctx is done.
func (l *Limiter) sleep(ctx context.Context, wait time.Duration) bool {
	var alarm <-chan time.Time
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		alarm = timer.C
	}
	select {
	case <-alarm:
	case <-l.changed:
	case <-ctx.Done():
		return false
	}
	return true
}

// start takes a place if there is one; else it says how long to wait, or 0 when
// only the end of another call can help.
func (l *Limiter) start(now time.Time, tokens int64) (time.Duration, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	wait := max(l.pause.Sub(now), l.requests.until(now, 1), l.tokens.until(now, 0))
	if wait > 0 {
		return wait, false
	}
	if l.limits.Concurrency > 0 && l.running >= l.limits.Concurrency || float64(l.running) >= math.Max(1, math.Floor(l.window)) {
		return 0, false
	}
	l.running++
	l.requests.take(1)
	l.tokens.take(float64(tokens))
	return 0, true
}

func (l *Limiter) release(estimate, used int64) {
	l.mu.Lock()
	l.running--
	if used >= 0 {
		l.tokens.take(float64(used - estimate))
	}
	l.mu.Unlock()
	l.notify()
}

func (l *Limiter) notify() {
	select {
	case l.changed <- struct{}{}:
	default: // the one in line has a note waiting already
	}
}

// Succeeded widens the window by about one call per round of calls, and by
// nothing once it is as wide as the limit.
func (l *Limiter) Succeeded() {
	l.mu.Lock()
	if !math.IsInf(l.window, 1) {
		l.window += 1 / math.Max(1, l.window)
		if l.limits.Concurrency > 0 && l.window >= float64(l.limits.Concurrency) {
			l.window = math.Inf(1)
		}
	}
	l.mu.Unlock()
	l.notify()
}

// TooMuch is called when the server asked to slow down: nobody starts within
// wait, and half as many calls run at a time. Calls that fail together count
// once: their server said one thing to all of them.
func (l *Limiter) TooMuch(wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if !l.pause.After(now) {
		l.window = math.Max(1, math.Min(l.window, float64(l.running))/2)
	}
	if until := now.Add(wait); until.After(l.pause) {
		l.pause = until
	}
}

func cancelled(ctx context.Context) error {
	return backend.Errorf(backend.Cancelled, "waiting for its turn under this backend's limits: %v", context.Cause(ctx))
}

// bucket fills evenly and holds a tenth of a minute: servers enforce a limit
// per minute in much smaller windows. It may be overdrawn, so that a call larger
// than the bucket is late, not impossible.
type bucket struct {
	perSecond, most, level float64
	at                     time.Time
}

func newBucket(perMinute int64) bucket {
	most := math.Max(1, float64(perMinute)/10)
	return bucket{perSecond: float64(perMinute) / 60, most: most, level: most}
}

// until is how long it takes before the level is at least need, and over 0.
func (b *bucket) until(now time.Time, need float64) time.Duration {
	if b.perSecond <= 0 {
		return 0
	}
	if !b.at.IsZero() {
		b.level = math.Min(b.most, b.level+now.Sub(b.at).Seconds()*b.perSecond)
	}
	b.at = now
	if b.level >= need && b.level > 0 {
		return 0
	}
	return time.Duration(math.Max(need-b.level, 0)/b.perSecond*float64(time.Second)) + time.Millisecond
}

func (b *bucket) take(n float64) {
	if b.perSecond > 0 {
		b.level = math.Min(b.most, b.level-n)
	}
}
