package page

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/topology/load/result"
)

// sentence is the page's first: who has the most throughput, who is fastest.
func sentence(all []result.Result, a result.Axis, front []int) string {
	if len(front) == 0 {
		return "No run of these is valid, so nothing can be said of throughput and latency."
	}
	throughput, unit := result.Throughput(all)
	slow, fast := all[front[len(front)-1]], all[front[0]]
	most := fmt.Sprintf("Most throughput: %s with %s %s at %s %s ms.", origin(slow), result.Figure(throughput(slow)), unit, a.Name, result.Figure(a.Of(slow)))
	if len(front) == 1 {
		return most + " No other valid run is better in either of the two."
	}
	return most + fmt.Sprintf(" Fastest: %s with %s ms, at %s %s.", origin(fast), result.Figure(a.Of(fast)), result.Figure(throughput(fast)), unit)
}

// origin is a result's name, with where it is from when that is not here.
func origin(r result.Result) string {
	if r.Imported == "" {
		return r.Name()
	}
	return r.Name() + ", imported,"
}

// within says which run is best of those that keep the SLO; "" when none is asked.
func within(all []result.Result, lines []limited, missing []string) string {
	if len(missing) > 0 {
		return " Which runs keep the SLO cannot be said: not all have the figures that it asks for."
	}
	var asked []string
	fit := slices.Clone(all)
	for _, l := range lines {
		if l.limit == 0 {
			continue
		}
		fit = slices.DeleteFunc(fit, func(r result.Result) bool { return !r.Valid || !(l.axis.Of(r) <= l.limit) })
		asked = append(asked, l.axis.Name+" <= "+mark(l.limit)+" ms")
	}
	if len(asked) == 0 {
		return ""
	}
	slo := " Within the SLO (" + strings.Join(asked, ", ") + ")"
	throughput, unit := result.Throughput(all)
	best := -1
	for i, r := range fit {
		if v := throughput(r); !math.IsNaN(v) && (best < 0 || v > throughput(fit[best])) {
			best = i
		}
	}
	if best < 0 {
		return slo + " there is no valid run."
	}
	return slo + fmt.Sprintf(" the best is %s with %s %s.", origin(fit[best]), result.Figure(throughput(fit[best])), unit)
}

// Sentences are what the page says first, for those who read no page: who has the
// most throughput, who is fastest, and who is best within the SLO.
func Sentences(all []result.Result, o Options) []string {
	lines, missing := lines(all, o.Limits)
	if len(lines) == 0 {
		return missing
	}
	return append([]string{sentence(all, lines[0].axis, result.Front(all, lines[0].axis)) + within(all, lines, missing)}, missing...)
}
