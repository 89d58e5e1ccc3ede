package desk

import (
	"crypto/sha256"
	"encoding/json"
	"sync"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/mcp"
)

// Bounds of the calls that wait for input of their callers.
const (
	roundAge       = 30 * time.Minute
	roundPrincipal = 64   // of one principal
	roundAll       = 4096 // of all
)

// round is a call that waits for input: what let it begin lets it go on, once. A
// state alone would not do: a server that keeps nothing takes the same answer twice,
// and one yes would buy twice.
type round struct {
	principal  string
	definition string // of the tool, when it began
	approval   string // that let it begin; "" when the rules did
	at         time.Time
}

// rounds are those that wait, by the digest of their state. One that is forgotten is
// decided as a new call.
type rounds struct {
	mu   sync.Mutex
	open map[[sha256.Size]byte]round
}

func newRounds() *rounds { return &rounds{open: map[[sha256.Size]byte]round{}} }

func (w *rounds) wait(state string, r round) {
	if state == "" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	mine := 0
	for key, other := range w.open {
		if r.at.Sub(other.at) > roundAge {
			delete(w.open, key)
		} else if other.principal == r.principal {
			mine++
		}
	}
	if mine < roundPrincipal && len(w.open) < roundAll {
		w.open[sha256.Sum256([]byte(state))] = r
	}
}

// take is the call that waits with a state; nobody gets it a second time.
func (w *rounds) take(state string, now time.Time) (round, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := sha256.Sum256([]byte(state))
	r, ok := w.open[key]
	delete(w.open, key)
	return r, ok && now.Sub(r.at) <= roundAge
}

// goesOn finds the call that a caller goes on with.
func (d *Desk) goesOn(caller mcp.Caller, e *Entry, g given, now time.Time) (round, bool) {
	if g.state == "" || e.Connector == "" {
		return round{}, false
	}
	up := d.host.Connector(e.Connector)
	if up == nil || !up.Continues(principal(caller), e.Own, g.arguments, g.state) {
		return round{}, false
	}
	r, ok := d.rounds.take(g.state, now)
	return r, ok && r.principal == principal(caller) && r.definition == e.Definition
}

// stateOf is the requestState of a result; "" without one.
func stateOf(result json.RawMessage) string {
	var v struct {
		State string `json:"requestState"`
	}
	if json.Unmarshal(result, &v) != nil {
		return "" // whoever cannot name it cannot go on either
	}
	return v.State
}
