package connector

import "time"

// circuit counts failures in a row: a start waits min, doubling up to max; after
// trips of them nothing is tried for max, then once. It is pure.
type circuit struct {
	min, max time.Duration
	trips    int

	failures int
	until    time.Time
	why      string
}

func (c *circuit) fail(now time.Time, why string) {
	c.failures++
	c.why = why
	wait := c.max
	if c.failures < c.trips {
		wait = c.min
		for i := 1; i < c.failures && wait < c.max; i++ {
			wait *= 2
		}
		wait = min(wait, c.max)
	}
	c.until = now.Add(wait)
}

func (c *circuit) ok() { c.failures, c.until, c.why = 0, time.Time{}, "" }

// wait is how long a start has to be put off; open says that it is no use to
// wait for it.
func (c *circuit) wait(now time.Time) (d time.Duration, open bool) {
	if c.failures == 0 || !now.Before(c.until) {
		return 0, false
	}
	return c.until.Sub(now), c.failures >= c.trips
}
