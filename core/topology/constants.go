package topology

import "github.com/plimsoll-dev/plimsoll/core/topology/step"

// Textbook are the constants before anything was measured.
func Textbook() Calibration { return Calibration{Constants: step.Textbook()} }

// Calibration is what is known of an engine on a hardware beyond data sheets.
type Calibration struct {
	step.Constants
	Cold   float64 // seconds that a burst loses before its first step
	TPOT   float64 // factor from an anchor; 0: 1
	TTFT   float64 // factor from an anchor; 0: 1
	Anchor string  // what was measured, in words; "": nothing
}

func (c Calibration) tpot() float64 {
	if c.TPOT == 0 {
		return 1
	}
	return c.TPOT
}

func (c Calibration) ttft() float64 {
	if c.TTFT == 0 {
		return 1
	}
	return c.TTFT
}
