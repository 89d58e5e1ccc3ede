package connector

import "time"

// State is how a connector is.
type State string

// The states. Only Quarantined is set from outside.
const (
	Cold        State = "cold"        // not started, or stopped for idleness; the next call starts it
	Starting    State = "starting"    // the first handshake is under way
	Up          State = "up"          // answers, and its catalogue is fresh
	Degraded    State = "degraded"    // its catalogue is the last good one, or it is waiting to be restarted
	Quarantined State = "quarantined" // shut by the tool lock: no call goes out until it is released
	Broken      State = "broken"      // failed too often in a row; tried again, once, after Health.Until
)

// Health is how a connector is, and why.
type Health struct {
	Connector string    `json:"connector"`
	State     State     `json:"state"`
	Reason    string    `json:"reason,omitempty"` // a sentence: what happened and what to do
	Since     time.Time `json:"since"`
	Until     time.Time `json:"until,omitzero"` // no start before then
	Revision  string    `json:"revision,omitempty"`
	Server    string    `json:"server,omitempty"` // name and version as it gave them
	Listed    time.Time `json:"listed,omitzero"`  // when the catalogue in use was received
	Stale     bool      `json:"stale,omitempty"`
	Running   int       `json:"running"`          // upstream sessions
	Calls     int       `json:"calls"`            // under way
	Suspended int       `json:"suspended"`        // calls that wait for their caller's input
	Stderr    string    `json:"stderr,omitempty"` // the tail of what it printed; secrets masked
}

// Health never blocks.
func (c *Connector) Health() Health {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.host.Now()
	cat := c.at()
	h := Health{Connector: c.config.Name, State: Cold, Revision: c.revision, Server: c.server, Running: 0, Calls: len(c.slots), Suspended: len(c.suspended)}
	starting := false
	stderr := c.stderr
	for k, l := range c.lanes {
		select {
		case <-l.ready:
			h.Running++
			if k == (laneKey{}) && l.conn != nil {
				stderr = l.conn.Stderr()
			}
		default:
			starting = true
		}
	}
	h.Stderr = c.mask(stderr)
	if cat != nil {
		h.Listed, h.Stale = cat.At, cat.Stale
	}
	wait, open := c.circuit.wait(now)
	if wait > 0 {
		h.Until = c.circuit.until
	}
	switch {
	case c.quarantine != "":
		h.State, h.Reason = Quarantined, c.quarantine
	case open:
		h.State, h.Reason = Broken, c.circuit.why
	case h.Running > 0 && cat != nil && cat.Stale, wait > 0:
		h.State, h.Reason = Degraded, c.circuit.why
		if c.listErr != nil && h.Reason == "" {
			h.Reason = oneLine(c.listErr)
		}
		if h.Reason == "" && cat != nil {
			h.Reason = cat.Reason
		}
	case h.Running > 0:
		h.State = Up
	case starting:
		h.State = Starting
	case c.listErr != nil:
		h.State, h.Reason = Degraded, oneLine(c.listErr)
	}
	if h.State != c.was {
		c.was, c.since = h.State, now
	}
	h.Since = c.since
	return h
}
