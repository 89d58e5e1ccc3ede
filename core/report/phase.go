package report

import (
	"fmt"
	"strings"
)

// Phase is hardware that models take turns on, since they cannot be loaded side
// by side.
type Phase struct {
	Hardware string   `json:"hardware"`
	Tiers    []string `json:"tiers,omitempty"` // of a plan: who takes turns
	Switches int      `json:"switches"`        // of a night: how often a model was loaded
}

// String says it in a sentence.
func (p Phase) String() string {
	if len(p.Tiers) > 0 {
		return fmt.Sprintf("%s holds one model at a time: %s take turns, and everything that needs one goes together", harmless(p.Hardware), harmless(strings.Join(p.Tiers, " and ")))
	}
	return fmt.Sprintf("%s was given to another model %s", harmless(p.Hardware), plural(p.Switches, "time", "times"))
}
