package access

import "time"

// steps is how finely a window slides. 16 steps cost 17 counters, and forget a call
// at most a sixteenth of the window late; an exact log of calls would cost one time
// per call allowed.
const steps = 16

// window counts calls in the last steps+1 steps of time, so that the whole of
// `within` is always covered.
type window struct {
	width  int64 // of a step, nanoseconds; at least 1
	last   int64 // number of the latest step
	counts [steps + 1]int32
}

// move takes the window to a time, which goes back only when the clock did (see
// Meter.clock).
func (w *window) move(at time.Time) {
	step := floorDiv(at.UnixNano(), w.width)
	switch {
	case step > w.last:
		for i := max(w.last+1, step-steps); i <= step; i++ {
			w.counts[slot(i)] = 0
		}
		w.last = step
	case step < w.last: // the clock went back: what was counted counts as made now
		sum := w.sum()
		w.counts = [steps + 1]int32{}
		w.last = step
		w.counts[slot(step)] = sum
	}
}

func (w *window) sum() int32 {
	var n int32
	for _, c := range w.counts {
		n += c
	}
	return n
}

// add counts n calls.
func (w *window) add(at time.Time, n int32) {
	w.move(at)
	w.counts[slot(w.last)] += n
}

// giveBack takes back a call that was counted a moment before, and perhaps a step.
func (w *window) giveBack() {
	for i := w.last; i >= w.last-steps; i-- {
		if c := &w.counts[slot(i)]; *c > 0 {
			*c--
			return
		}
	}
}

// full tells whether no further call fits, and when the next one does.
func (w *window) full(at time.Time, calls int) (until time.Time, full bool) {
	w.move(at)
	over := int64(w.sum()) - int64(calls)
	if over < 0 {
		return time.Time{}, false
	}
	for i := w.last - steps; i <= w.last; i++ {
		if over -= int64(w.counts[slot(i)]); over < 0 {
			return time.Unix(0, (i+steps+1)*w.width).UTC(), true
		}
	}
	return at, true
}

func slot(step int64) int64 { return step - floorDiv(step, steps+1)*(steps+1) }

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
