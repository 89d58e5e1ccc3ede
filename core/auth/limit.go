package auth

import (
	"net/netip"
	"sync"
	"time"
)

// The limiter's memory: both tables are cut down by age when they are full, so
// that an attacker with many addresses costs some hundred kilobytes.
const (
	window    = time.Minute
	maxSeen   = 4096
	keptProof = time.Hour
)

// limiter refuses addresses that guess. A token that was good before is judged
// all the same, so that who guesses behind a proxy does not lock out those who
// work behind it.
type limiter struct {
	failures int

	mu    sync.Mutex
	seen  map[netip.Addr]*guesser
	proof map[[32]byte]time.Time
}

type guesser struct {
	since time.Time
	count int
}

func newLimiter(failures int) *limiter {
	return &limiter{failures: failures, seen: map[netip.Addr]*guesser{}, proof: map[[32]byte]time.Time{}}
}

// address is the client's, for IPv6 its /64: one customer has at least that.
// The header X-Forwarded-For is not believed.
func address(remote string) netip.Addr {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Addr{} // a Unix socket, or a test: all share one limit
	}
	ip := ap.Addr().Unmap().WithZone("")
	if ip.Is6() {
		if p, err := ip.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return ip
}

func (l *limiter) allow(from netip.Addr, digest [32]byte, now time.Time) (time.Duration, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.seen[from]
	if g == nil || g.count < l.failures {
		return 0, true
	}
	left := g.since.Add(window).Sub(now)
	if left <= 0 || left > window {
		delete(l.seen, from)
		return 0, true
	}
	if at, ok := l.proof[digest]; ok && now.Sub(at) < keptProof {
		return 0, true
	}
	return left, false
}

func (l *limiter) failed(from netip.Addr, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.seen[from]
	if g == nil || now.Sub(g.since) >= window || now.Before(g.since) {
		if len(l.seen) >= maxSeen {
			l.forget(now)
		}
		g = &guesser{since: now}
		l.seen[from] = g
	}
	g.count++
}

// forget drops what is past its window, and when nothing is, the address that
// began to guess first: refusing newcomers would let an attacker lock others out.
func (l *limiter) forget(now time.Time) {
	var oldest netip.Addr
	var since time.Time
	for a, g := range l.seen {
		if now.Sub(g.since) >= window {
			delete(l.seen, a)
		} else if since.IsZero() || g.since.Before(since) {
			oldest, since = a, g.since
		}
	}
	if len(l.seen) >= maxSeen {
		delete(l.seen, oldest)
	}
}

func (l *limiter) proved(digest [32]byte, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.proof) >= maxSeen {
		if _, ok := l.proof[digest]; !ok {
			clear(l.proof) // who works proves it again with the next request
		}
	}
	l.proof[digest] = now
}
