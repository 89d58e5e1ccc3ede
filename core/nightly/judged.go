package nightly

import (
	"fmt"

	"github.com/plimsoll-dev/plimsoll/core/evolve"
)

// judgedNote is what a reader has to know of a judged score.
func judgedNote(skill string, res *evolve.Result) string {
	terms := res.Epoch.JudgeTerms
	if terms == nil {
		return skill + " is scored by a judge whose labels allow no proof: it can only hold (plimsoll judge report)"
	}
	text := fmt.Sprintf("%s is scored by a judge: %s", skill, terms.Describe())
	if terms.Simulated {
		text += "; the labels are simulated"
	}
	if of, changed := res.Compared, res.Contradicted; changed > 0 {
		text += fmt.Sprintf("; %d of %d comparisons changed with the order of the two works and count as no difference", changed, of)
	}
	return text
}
