// Package watch looks after a step that was moved down: which production runs
// are tried on the former tier too, what their differences have come to, how
// long a fall in quality could go unnoticed, and when a row of failures is one.
//
// It is pure logic over lines of evidence. It must not call models, read files,
// stores or clocks, or move anything: core/evolve tries, core/engine records and
// escalates.
//
//	w := watch.Watch{Skill: "digest", Step: "main", Former: "ladder.l.big", Present: "ladder.l.small", Since: moved, Margin: 50_000, Alpha: 50_000}
//	if w.Chosen(runID, share) { ... } // before anything of the run is known
//	state, err := w.Drift(log.Shadows)
//	if state.Alarm { ... } // back to the former tier
//
// Quality figures are in millionths, money is in micro-dollars.
package watch

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

// Watch is one step after one move down. Another move, margin or level is
// another watch, whose evidence starts at nothing.
type Watch struct {
	Skill, Step     string
	Former, Present string // tiers, as references
	Since           time.Time
	Margin, Alpha   int64
}

// Of is the watch that a step's history calls for: its last event is a move down
// to the tier that it stands on. ok is false otherwise: nothing was moved, it
// went up again, or a person placed it.
func Of(events []evidence.Event, skill, step, present string, margin, alpha int64) (w Watch, ok bool) {
	var last evidence.Event
	for _, ev := range events {
		if ev.Step == step && (ev.Event == evidence.Moved || ev.Event == evidence.Escalated) {
			last = ev
		}
	}
	if last.Event != evidence.Moved || last.To != present || last.From == "" || last.From == present {
		return Watch{}, false
	}
	return Watch{Skill: skill, Step: step, Former: last.From, Present: present, Since: last.At, Margin: margin, Alpha: alpha}, true
}

// ID names the watch in lines of evidence. It is readable, and it is the seed of
// everything that is drawn.
func (w Watch) ID() string {
	return fmt.Sprintf("%s<%s@%s/%d/%d", w.Present, w.Former, w.Since.UTC().Format(time.RFC3339), w.Margin, w.Alpha)
}

// Chosen tells whether a production run is tried on the former tier too. It
// depends on the run's name alone, which is made before the run, so that nothing
// of its outcome can choose it.
func (w Watch) Chosen(run string, share int64) bool {
	return w.draw(run, "run")%uint64(verdict.Million) < uint64(max(share, 0))
}

// Canary is the place of the item, of n, that stands in for a run whose content
// nothing can measure: drawn for each run with replacement, so that every pair
// has the same mean whatever came before it.
func (w Watch) Canary(run string, n int) int { return int(w.draw(run, "canary") % uint64(n)) }

func (w Watch) draw(run, what string) uint64 {
	h := sha256.New()
	for _, part := range []string{w.Skill, w.Step, w.ID(), run, what} {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(part)))
		h.Write(n[:])
		h.Write([]byte(part))
	}
	return binary.BigEndian.Uint64(h.Sum(nil))
}

// Drift is where the watch stands after all its lines, which may be those of
// many watches, sorted as evidence.Parse sorts them. Nights count as far as they
// have pairs. Only what M is after the last line raises the alarm: M does not
// depend on the order within a night, so a line that arrives late cannot make a
// crossing by where it is put.
//
// Why the chance of a false alarm is at most alpha however often this is asked:
// a line is put under its night before its outcome is known and multiplies the
// process of each night up to that one by a factor whose mean is at most 1, so M
// in the order in which lines arrive is a supermartingale from 1, and what is
// looked at is that M (Ville). This takes the weights of nights as fixed, and in
// one checkout they are: a new night comes after the others. Where k checkouts
// watched the same move apart and their lines are merged, a night's number only
// grows, so that no night ever weighs more than in the checkout that measured
// it, and the bound is k times alpha.
func (w Watch) Drift(lines []evidence.Shadow) (verdict.DriftState, error) {
	d, err := verdict.NewDrift(w.Margin, w.Alpha)
	if err != nil {
		return verdict.DriftState{}, err
	}
	night := ""
	for _, l := range w.Lines(lines) {
		if l.Night != night {
			d.Night()
			night = l.Night
		}
		d.Add(l.Worse())
	}
	return d.State(), nil
}

// Lines are those of this watch.
func (w Watch) Lines(lines []evidence.Shadow) []evidence.Shadow {
	var out []evidence.Shadow
	id := w.ID()
	for _, l := range lines {
		if l.Step == w.Step && l.Watch == id {
			out = append(out, l)
		}
	}
	return out
}
