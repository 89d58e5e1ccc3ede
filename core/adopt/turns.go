package adopt

import (
	"time"

	"github.com/plimsoll-dev/plimsoll/core/adopt/transcript"
)

// Turn is what one request for a skill came to: the calls of a turn of an agent,
// or one call of a request log.
type Turn struct {
	Skill   string
	Shape   string
	Started time.Time // UTC, of its first call
	Ended   time.Time
	Calls   []transcript.Call // at least one, in the order of the log
}

// Key names the turn by its first call: the same one in a copy of the log, and in
// a log that has grown since.
func (t *Turn) Key() string { return t.Calls[0].Key }

// Input is what was asked first, "" where it was not kept or is no whole task.
func (t *Turn) Input() string {
	first := t.Calls[0]
	for _, c := range t.Calls {
		if c.At.Before(first.At) {
			first = c
		}
	}
	return first.Input
}

// Output is the text of the last answer that has one.
func (t *Turn) Output() string {
	for i := len(t.Calls) - 1; i >= 0; i-- {
		if t.Calls[i].Output != "" {
			return t.Calls[i].Output
		}
	}
	return ""
}

// openTurns bounds how many turns wait for more of their calls: agents and their
// sub-agents write side by side.
const openTurns = 256

// Turns gathers calls into turns. Calls without a skill or without a time belong
// to none. Give is called for every turn, when it is over or Flush is called.
type Turns struct {
	Give func(*Turn) error
	open []*Turn
	ids  []turnID
}

type turnID struct{ shape, session, agent, turn, skill string }

// Add takes a call. The error is one of Give.
func (t *Turns) Add(c transcript.Call) error {
	if c.Skill == "" || c.At.IsZero() {
		return nil
	}
	fresh := &Turn{Skill: c.Skill, Shape: c.Shape, Started: c.At, Ended: c.At, Calls: []transcript.Call{c}}
	if c.Turn == "" {
		return t.Give(fresh) // a request log has no turns: each call is one
	}
	id := turnID{c.Shape, c.Session, c.Agent, c.Turn, c.Skill}
	for i, known := range t.ids {
		if known == id {
			o := t.open[i]
			o.Calls = append(o.Calls, c)
			if c.At.After(o.Ended) {
				o.Ended = c.At
			}
			return nil
		}
	}
	t.open, t.ids = append(t.open, fresh), append(t.ids, id)
	if len(t.open) > openTurns {
		return t.flush(len(t.open) - openTurns)
	}
	return nil
}

// Flush gives all that is open: at the end of a file.
func (t *Turns) Flush() error { return t.flush(len(t.open)) }

func (t *Turns) flush(n int) error {
	for _, o := range t.open[:n] {
		if err := t.Give(o); err != nil {
			return err
		}
	}
	t.open, t.ids = append([]*Turn(nil), t.open[n:]...), append([]turnID(nil), t.ids[n:]...)
	return nil
}
