package wire

import (
	"sync"
	"time"
)

// What a server may send unasked: floodBurst messages and floodBytes at once,
// and a second's worth of them every second after.
const (
	floodBurst  = 20_000
	floodPerSec = 4_000
	floodBytes  = 128 << 20
	bytesPerSec = 32 << 20
)

// rate is a pair of buckets. A server that empties one is ended, not slowed: a
// reader that waits would hold up the answers behind the flood.
type rate struct {
	now   func() time.Time
	mu    sync.Mutex
	last  time.Time
	count float64
	bytes float64
}

func newRate(now func() time.Time) *rate {
	return &rate{now: now, last: now(), count: floodBurst, bytes: floodBytes}
}

func (r *rate) take(n int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.now()
	if d := t.Sub(r.last).Seconds(); d > 0 {
		r.count = min(floodBurst, r.count+d*floodPerSec)
		r.bytes = min(floodBytes, r.bytes+d*bytesPerSec)
		r.last = t
	}
	r.count--
	r.bytes -= float64(n)
	if r.count < 0 || r.bytes < 0 {
		return fault(Flood, "it sends more notifications and requests than are allowed (%d at once, then %d a second)", floodBurst, floodPerSec)
	}
	return nil
}
