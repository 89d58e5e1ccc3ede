package gate

import (
	"fmt"
	"strings"
)

// Limits of the text that goes back to a model. A model mends what it is shown
// first; a page of complaints costs tokens and mends no more.
const (
	maxFeedbackGates = 10
	maxFeedbackIDs   = 5
	maxFeedbackText  = 300
)

// Feedback is what goes back to the model after a failed check: which gate
// failed, on which elements, and why. It is "" when nothing failed, short, and
// the same for equal results.
func (r Result) Feedback() string {
	if len(r.Failed) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "The output fails %s of %d. Mend this, keep the rest, and answer with the whole output again:\n", plural(len(r.Failed), "check"), r.Total)
	lines := map[string]int{}
	gates := 0
	for _, c := range r.Checks {
		if c.Passed {
			continue
		}
		if lines[c.Gate] == 0 {
			gates++
		}
		lines[c.Gate]++
		if gates > maxFeedbackGates || lines[c.Gate] > maxFeedbackIDs {
			continue
		}
		name := c.Gate
		if c.ID != "" {
			name += " [" + c.ID + "]"
		}
		fmt.Fprintf(&b, "- %s: %s\n", name, shorten(c.Reason, maxFeedbackText))
		if lines[c.Gate] == maxFeedbackIDs {
			if more := r.failures(c.Gate) - maxFeedbackIDs; more > 0 {
				fmt.Fprintf(&b, "- %s: and %s\n", c.Gate, plural(more, "more element"))
			}
		}
	}
	if more := gates - maxFeedbackGates; more > 0 {
		fmt.Fprintf(&b, "- and %s\n", plural(more, "more check"))
	}
	return b.String()
}

// failures is how many elements fail a gate.
func (r Result) failures(gate string) int {
	n := 0
	for _, c := range r.Checks {
		if c.Gate == gate && !c.Passed {
			n++
		}
	}
	return n
}
