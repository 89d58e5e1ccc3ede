package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/report"
	"github.com/rivo/uniseg"
)

// A reason of any length keeps to the screen and pushes no number off it.
func TestPlanKeepsToTheScreen(t *testing.T) {
	long := strings.Repeat("a reason that goes on and on, ", 8)
	n := &report.Night{
		Rows: []report.Row{{Skill: "sales-crm-brief", Step: "main", Of: 110}},
		Plan: &report.Plan{Items: 53, Cost: 1_430_000, Priced: true, Moves: 560_000, Rows: []report.Planned{
			{Skill: "sales-crm-brief", Step: "main", Current: "large", Candidate: "medium", Items: 53, Needed: 60, Cost: 1_430_000, Priced: true, Chance: 560_000, PaybackRuns: new(int64(80))},
			{Skill: "humanizer", Step: "main", Current: "medium", Candidate: "small", Why: long},
			{Skill: "proved", Step: "main", Current: "medium", Candidate: "small", Why: "proved: the night would move it", Chance: 1_000_000, PaybackRuns: new(int64(0))},
		}},
	}
	for _, width := range []int{80, 120, 0} {
		var out bytes.Buffer
		c := &command{App: App{Out: &out, Width: width}}
		c.plan(n, false)
		got := out.String()
		for line := range strings.Lines(got) {
			if w := uniseg.StringWidth(strings.TrimRight(line, "\n")); width > 0 && w > width {
				t.Errorf("%d columns on a screen of %d: %s", w, width, line)
			}
		}
		if !strings.Contains(got, "sales-crm-brief  large -> medium  0 of 110  53 of 60  $1.43  56 %    80 runs\n") {
			t.Errorf("at %d columns:\n%s", width, got)
		}
		flat := strings.Join(strings.Fields(got), " ")
		for _, want := range []string{strings.TrimSpace(long), "the measurement has paid", "buy about 53 items for about $1.43, and move about 0.6 of 3 steps"} {
			if !strings.Contains(flat, want) {
				t.Errorf("at %d columns %q is missing:\n%s", width, want, got)
			}
		}
	}
}
