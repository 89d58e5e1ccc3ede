package cli

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
	"github.com/plimsoll-dev/plimsoll/core/topology/load/page"
	"github.com/plimsoll-dev/plimsoll/core/topology/load/result"
)

// benchText prints results: a table for each load, what the figures mean, what
// speaks against them, and which are on the front.
func (c *command) benchText(all []result.Result, slo benchSLO) {
	for i, group := range result.Groups(all) {
		if i > 0 {
			c.say("")
		}
		c.benchTable(group)
	}
	c.benchNotes(all)
	for _, group := range result.Groups(all) {
		for _, line := range page.Sentences(group, page.Options{Limits: slo.lines}) {
			c.say("%s", line)
		}
	}
}

// wide is how many columns a terminal has at least to get the gaps between chunks
// too, which TPOT says nearly as well.
const wide = 140

// benchTable is one load's results, one a line.
func (c *command) benchTable(all []result.Result) {
	first := all[0]
	c.say("%s", c.bold(benchHead(first)))
	c.say("%s", benchSent(all))
	c.say("")
	gpus := slices.ContainsFunc(all, func(r result.Result) bool { return r.GPUs > 0 })
	goodput := slices.ContainsFunc(all, func(r result.Result) bool { return r.Goodput.Value.Known() })
	several := slices.ContainsFunc(all, func(r result.Result) bool { return r.Label != first.Label })
	front := map[int]bool{}
	if axis, ok := result.AxisOf("TPOT", "", all); ok {
		for _, i := range result.Front(all, axis) {
			front[i] = true
		}
	}
	figures := func(r result.Result, head bool) []string {
		var out []string
		add := func(name, value string) {
			if head {
				value = name
			}
			out = append(out, value)
		}
		if several {
			add("run", r.Label)
		}
		add("pace", r.Pacing())
		add("output tok/s", result.Figure(float64(r.OutputTPS.Value)))
		if gpus {
			add("a GPU", result.Figure(r.PerGPU()))
		}
		add("req/s", result.Figure(float64(r.Rate.Value)))
		add("TTFT ms", meanAndTail(r.TTFT))
		add("TPOT ms", meanAndTail(r.TPOT))
		if c.Width == 0 || c.Width >= wide {
			add("ITL ms", meanAndTail(r.ITL))
		}
		if goodput {
			add("goodput/s", result.Figure(float64(r.Goodput.Value)))
		}
		add("succeeded", fmt.Sprintf("%d of %d", r.Succeeded, r.Requests))
		add("lag", r.Lateness())
		add("fit", r.Fit())
		return out
	}
	rows := [][]string{append(figures(first, true), "")}
	for i, r := range all {
		var marks []string
		if front[i] {
			marks = append(marks, "front")
		}
		if r.Imported != "" {
			marks = append(marks, "imported")
		}
		if !r.Valid {
			marks = append(marks, c.red("INVALID"))
		}
		rows = append(rows, append(figures(r, false), strings.Join(marks, ", ")))
	}
	columns(c.Out, rows)
	c.say("%s", c.dim("TTFT, TPOT, ITL: mean / tail. lag: how late the generator was at p99, of what is allowed. fit: whether throughput and times agree."))
	c.say("%s", c.dim("Definitions: "+strings.Join(benchDefinitions(all), ", ")))
}

func benchHead(r result.Result) string {
	out := r.Endpoint.Model
	if out == "" {
		out = "a model without a name"
	}
	if r.Endpoint.URL != "" {
		out += " at " + r.Endpoint.URL
	}
	if r.Server != "" {
		out += " (version " + r.Server + ")"
	}
	return out
}

// benchSent says what was sent, and how it is known.
func benchSent(all []result.Result) string {
	r := all[0]
	parts := []string{r.Sent().String(), requestsOf(all)}
	if r.Imported != "" {
		return strings.Join(append(parts, "imported from "+r.Imported), ", ")
	}
	parts = append(parts, fmt.Sprintf("warm-up %d", r.Warmup))
	if p := r.Prompt; p != nil && p.Measured && p.PerWord > 0 {
		parts = append(parts, fmt.Sprintf("prompts of %.3g tokens a word by the server's count", p.PerWord))
	}
	return strings.Join(parts, ", ")
}

// requestsOf runs, which may have had different numbers of them.
func requestsOf(all []result.Result) string {
	lo, hi := all[0].Requests, all[0].Requests
	for _, r := range all {
		lo, hi = min(lo, r.Requests), max(hi, r.Requests)
	}
	if lo != hi {
		return fmt.Sprintf("%d to %d requests a run", lo, hi)
	}
	return plural(lo, "request", "requests") + " a run"
}

func meanAndTail(s result.Spread) string {
	tail, name := s.P95, "p95"
	if !tail.Known() {
		tail, name = s.P99, "p99"
	}
	if !s.Mean.Known() && !tail.Known() {
		return "-"
	}
	return result.Figure(1e3*float64(s.Mean)) + " / " + result.Figure(1e3*float64(tail)) + " " + name
}

// benchDefinitions are the ids of the table's columns.
func benchDefinitions(all []result.Result) []string {
	var out []string
	for _, r := range all {
		for _, id := range []string{r.OutputTPS.Definition, r.Rate.Definition, r.TTFT.Definition, r.TPOT.Definition, r.ITL.Definition, r.Goodput.Definition} {
			if id != "" && !slices.Contains(out, id) {
				out = append(out, id)
			}
		}
	}
	return out
}

// benchNotes says what speaks against results, the same sentence once.
func (c *command) benchNotes(all []result.Result) {
	type note struct{ mark, text string }
	who := map[note][]string{}
	var order []note
	for _, r := range all {
		add := func(mark string, texts []string) {
			for _, t := range texts {
				n := note{mark, t}
				if who[n] == nil {
					order = append(order, n)
				}
				who[n] = append(who[n], r.Name())
			}
		}
		add("INVALID", r.Invalid)
		add("note", r.Warnings)
	}
	c.say("")
	for _, n := range order {
		names := who[n]
		of := strings.Join(names[:min(3, len(names))], ", ")
		switch more := len(names) - 3; {
		case len(names) == len(all) && len(all) > 1:
			of = "all runs"
		case more > 0:
			of += fmt.Sprintf(" and %d more", more)
		}
		mark := n.mark
		if mark == "INVALID" {
			mark = c.red(mark)
		}
		c.say("%s: %s: %s", mark, of, n.text)
	}
	if len(order) > 0 {
		c.say("")
	}
}

// benchDocument is results as JSON.
func benchDocument(all []result.Result) map[string]any {
	type group struct {
		Load  result.Load     `json:"load"`
		Axis  string          `json:"front_axis,omitempty"`
		Front []int           `json:"front"` // of runs
		Runs  []result.Result `json:"runs"`
	}
	groups := []group{}
	for _, of := range result.Groups(all) {
		g := group{Load: of[0].Sent(), Front: []int{}, Runs: of}
		if axis, ok := result.AxisOf("TPOT", "", of); ok {
			g.Axis, g.Front = axis.Name, append(g.Front, result.Front(of, axis)...)
		}
		groups = append(groups, g)
	}
	return map[string]any{"loads": groups, "valid": benchInvalid(all) == 0}
}

// benchPages writes the page and the table of one load into a folder, and gives
// their names.
func (c *command) benchPages(dir string, all []result.Result, slo benchSLO) ([]string, error) {
	src, err := page.HTML(all, page.Options{Title: benchTitle(all), Limits: slo.lines})
	if err != nil {
		return nil, err
	}
	for _, f := range []struct {
		name string
		src  []byte
	}{{"runs.csv", result.CSV(all)}, {"index.html", src}} {
		if err := atomicfile.Write(filepath.Join(c.at(dir), f.name), f.src, 0o644); err != nil {
			return nil, fmt.Errorf("writing %s: %w", f.name, err)
		}
	}
	return []string{"index.html", "runs.csv"}, nil
}
