package main

import (
	"fmt"

	"github.com/plimsoll-dev/plimsoll/core/bench/figure"
)

// floor is a figure that must be at least so much.
func floor(what string, least, got float64, more string) figure.Figure {
	return figure.Figure{What: what, Target: fmt.Sprintf(">= %.3f", least), Measured: fmt.Sprintf("%.4f%s", got, more), Holds: got >= least}
}
