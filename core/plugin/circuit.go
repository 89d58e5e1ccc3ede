package plugin

import "time"

// Restart says how long to wait before a failed plugin is launched again: Min
// doubling up to Max, and after Trips failures in a row no launch at all for
// Max, then a single try.
type Restart struct {
	Min, Max time.Duration
	Trips    int
}

func (r Restart) orDefault() Restart {
	if r == (Restart{}) {
		return Restart{Min: time.Second, Max: 2 * time.Minute, Trips: 5}
	}
	return r
}

// circuit counts failures in a row. It is pure: time comes in as an argument.
type circuit struct {
	Restart
	failures int
	until    time.Time
	lastErr  string
}

// fail notes a failed launch or a crash.
func (c *circuit) fail(now time.Time, why string) {
	c.failures++
	c.lastErr = why
	wait := c.Max
	if c.failures < c.Trips {
		wait = c.Min
		for i := 1; i < c.failures && wait < c.Max; i++ {
			wait *= 2
		}
		wait = min(wait, c.Max)
	}
	c.until = now.Add(wait)
}

// ok closes the circuit: a call was answered.
func (c *circuit) ok() { c.failures, c.until = 0, time.Time{} }

// wait is how long a launch has to be put off; open says not to wait for it.
func (c *circuit) wait(now time.Time) (d time.Duration, open bool) {
	if c.failures == 0 || !now.Before(c.until) {
		return 0, false
	}
	return c.until.Sub(now), c.failures >= c.Trips
}
