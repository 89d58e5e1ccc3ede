package page

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/topology/load/result"
)

type row struct {
	Series                                            int
	Label, Pace, OK                                   string
	OutputTPS, PerGPU, Rate, TTFT, TPOT, ITL, Goodput string
	Lag, Fits                                         string
	Valid, Front                                      bool
}

type note struct{ Who, Text, Class string }

func (v *view) rows(all []result.Result, of map[string]int, front map[int]bool) {
	both := func(s result.Spread) string {
		tail, name := s.P95, "p95"
		if !tail.Known() {
			tail, name = s.P99, "p99"
		}
		if !s.Mean.Known() && !tail.Known() {
			return "-"
		}
		return result.Figure(1e3*float64(s.Mean)) + " / " + result.Figure(1e3*float64(tail)) + " " + name
	}
	for i, r := range all {
		v.GPUs = v.GPUs || r.GPUs > 0
		v.Goodput = v.Goodput || r.Goodput.Value.Known()
		v.Rows = append(v.Rows, row{
			Series: of[r.Label], Label: r.Label, Pace: r.Pacing(), OK: fmt.Sprintf("%d of %d", r.Succeeded, r.Requests),
			OutputTPS: result.Figure(float64(r.OutputTPS.Value)), PerGPU: result.Figure(r.PerGPU()), Rate: result.Figure(float64(r.Rate.Value)), TTFT: both(r.TTFT), TPOT: both(r.TPOT), ITL: both(r.ITL),
			Goodput: result.Figure(float64(r.Goodput.Value)), Lag: r.Lateness(), Fits: r.Fit(), Valid: r.Valid, Front: front[i],
		})
	}
}

func (v *view) figures(all []result.Result, front int) {
	valid, imported := 0, 0
	var first, last time.Time
	models, workloads := []string{}, []string{}
	add := func(list *[]string, s string) {
		if s != "" && !slices.Contains(*list, s) {
			*list = append(*list, s)
		}
	}
	for _, r := range all {
		if r.Valid {
			valid++
		}
		if r.Imported != "" {
			imported++
		}
		add(&models, r.Endpoint.Model)
		add(&workloads, fmt.Sprintf("%d tokens in, %d out", r.Workload.Input, r.Workload.Output))
		if !r.Started.IsZero() && (first.IsZero() || r.Started.Before(first)) {
			first = r.Started
		}
		if r.Started.After(last) {
			last = r.Started
		}
	}
	v.Figures = [][2]string{{fmt.Sprint(len(all)), "runs"}, {fmt.Sprint(valid), "valid"}, {fmt.Sprint(front), "on the Pareto front"}}
	if imported > 0 {
		v.Figures = append(v.Figures, [2]string{fmt.Sprint(imported), "imported, not measured here"})
	}
	parts := []string{strings.Join(models, ", "), strings.Join(workloads, "; ")}
	if !first.IsZero() {
		when := first.UTC().Format("2 January 2006 15:04")
		if last.Sub(first) > time.Minute {
			when += " to " + last.UTC().Format("2 January 2006 15:04")
		}
		parts = append(parts, when+" UTC")
	}
	v.Subtitle = strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " · ")
}

// notes of all runs, the same sentence once, and the definitions that are used.
func (v *view) notes(all []result.Result) {
	defined := map[string]string{}
	who := map[note][]string{}
	var order []note
	for _, r := range all {
		for class, texts := range map[string][]string{"invalid": r.Invalid, "warning": r.Warnings} {
			for _, t := range texts {
				n := note{Text: t, Class: class}
				if who[n] == nil {
					order = append(order, n)
				}
				who[n] = append(who[n], r.Name())
			}
		}
		for _, id := range []string{r.TTFT.Definition, r.TPOT.Definition, r.ITL.Definition, r.OutputTPS.Definition, r.Goodput.Definition} {
			if r.Definitions[id] != "" {
				defined[id] = r.Definitions[id]
			}
		}
	}
	slices.SortStableFunc(order, func(a, b note) int {
		return strings.Compare(a.Class, b.Class)
	})
	for _, n := range order {
		names := who[n]
		n.Who = strings.Join(names[:min(3, len(names))], ", ")
		if more := len(names) - 3; more > 0 {
			n.Who += fmt.Sprintf(" and %d more", more)
		}
		v.Notes = append(v.Notes, n)
	}
	for id, text := range defined {
		v.Defined = append(v.Defined, [2]string{id, text})
	}
	slices.SortFunc(v.Defined, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
}
