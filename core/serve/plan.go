package serve

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// Schedule says when something is due; hcl/cron has one.
type Schedule interface {
	Next(after time.Time) time.Time // zero: never
}

// Past is what is known of nights.
type Past struct {
	Since time.Time // when planning began: no night of before it is missing
	Began time.Time // of the last night; zero without one
	Ended time.Time // zero: it was cut off
	Cut   int       // how often in a row
}

// Plan of the next night.
type Plan struct {
	At     time.Time // when it begins; zero: never
	Missed bool      // its hour is gone: asleep, switched off
	Cut    bool      // it goes on with one that was cut off
}

// maxCuts is how often in a row a night that was cut off goes on at once. After
// that it waits for its hour: something may end the engine in every night.
const maxCuts = 3

// late is when a night counts as missed rather than as begun in time.
const late = 5 * time.Minute

// Next plans a night: at the first hour of the schedule since the last one
// began, however many were missed, and not before now. delay is added to the
// hour, see Delay.
func Next(s Schedule, p Past, delay time.Duration, now time.Time) Plan {
	from := p.Since
	if !p.Began.IsZero() {
		from = p.Began
	}
	if from.After(now) {
		from = now // the clock was put back
	}
	if !p.Began.IsZero() && p.Ended.IsZero() && p.Cut > 0 && p.Cut <= maxCuts {
		return Plan{At: now, Cut: true}
	}
	due := s.Next(from)
	if due.IsZero() {
		return Plan{}
	}
	at := due.Add(delay)
	if at.After(now) {
		return Plan{At: at}
	}
	return Plan{At: now, Missed: now.Sub(at) > late}
}

// Delay spreads nights of many projects over up to a span: each project has its
// own, always the same.
func Delay(project string, span time.Duration) time.Duration {
	if span <= 0 {
		return 0
	}
	sum := sha256.Sum256([]byte(project))
	return time.Duration(binary.BigEndian.Uint64(sum[:]) % uint64(span)).Truncate(time.Second)
}
