package engine

import (
	"maps"
	"slices"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/adopt"
)

// Twice is a skill of which a log and this project's own state may have the same
// runs.
type Twice struct {
	Skill string `json:"skill"`
	Runs  int    `json:"runs_here"` // that were not imported, from the time of the log
}

// beside is how far a run may lie from the calls of its log: it is recorded when
// its agent is done, and begins before its first call.
const beside = time.Hour

// CountedTwice names the skills of a log that have recorded runs, or runs of this
// engine, from the same time. Which of them are the same nobody can tell: a record
// has no call's name, and what a runner's agent writes has no run's.
func (e *Engine) CountedTwice(logged adopt.Spend) ([]Twice, error) {
	type window struct{ first, last time.Time }
	windows := map[string]window{}
	for _, r := range logged.Rows {
		if r.First.IsZero() {
			continue
		}
		w, seen := windows[r.Skill]
		if !seen || r.First.Before(w.first) {
			w.first = r.First
		}
		if r.Last.After(w.last) {
			w.last = r.Last
		}
		windows[r.Skill] = w
	}
	out := []Twice{}
	for _, name := range slices.Sorted(maps.Keys(windows)) {
		w := windows[name]
		notes, err := e.skillRuns(name, w.first.Add(-beside))
		if err != nil {
			return nil, err
		}
		notes = slices.DeleteFunc(ownRuns(notes), func(n runNote) bool { return n.At.After(w.last.Add(beside)) })
		if len(notes) > 0 {
			out = append(out, Twice{name, len(notes)})
		}
	}
	return out, nil
}
