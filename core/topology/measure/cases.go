package main

import (
	"fmt"
	"io"

	"github.com/plimsoll-dev/plimsoll/core/bench/figure"
	"github.com/plimsoll-dev/plimsoll/core/topology/published"
)

// cases asks the published deployments again: see core/topology/published.
func cases(_ string, w io.Writer) ([]figure.Figure, error) {
	answers, err := published.Answers()
	if err != nil {
		return nil, err
	}
	right, abstained, negatives, negativesRight := 0, 0, 0, 0
	for _, a := range answers {
		mark := "right"
		if !a.Right {
			mark = "WRONG"
		} else if a.Abstained {
			mark = "abstained"
		}
		fmt.Fprintf(w, "case %2d %-28s %-9s %s\n", a.ID, a.Name, mark, a.Says)
		if a.Right {
			right++
		}
		if a.Abstained {
			abstained++
		}
		if a.Polarity == "negative" {
			negatives++
			if a.Right {
				negativesRight++
			}
		}
	}
	return []figure.Figure{
		{What: "published cases right, or abstained with a reason", Target: ">= 15 of 18", Measured: fmt.Sprintf("%d right, %d abstained of %d", right-abstained, abstained, len(answers)), Holds: right >= 15 && len(answers) == 18},
		{What: "published cases, the negatives", Target: fmt.Sprintf("%d of %d", negatives, negatives), Measured: fmt.Sprintf("%d of %d", negativesRight, negatives), Holds: negativesRight == negatives},
	}, nil
}
