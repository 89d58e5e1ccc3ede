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
