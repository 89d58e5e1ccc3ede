package result

import (
	"fmt"
	"math"
	"strings"
)

// Comparison is several results side by side, the first being what others are
// compared with.
type Comparison struct {
	Results []Result
	Rows    []Row
	Caveats []string // why two of them may not be comparable
}

// Row is one figure of all results.
type Row struct {
	Name, Unit string
	Values     []float64 // NaN: not known
	Higher     bool      // higher is better
}

// Change of result i against the first, as a share; NaN when either is not known.
func (r Row) Change(i int) float64 {
	if r.Values[0] == 0 {
		return math.NaN()
	}
	return r.Values[i]/r.Values[0] - 1
}

// Compare results. Nothing is left out because runs differ; Caveats says so.
func Compare(all []Result) Comparison {
	c := Comparison{Results: all}
	row := func(name, unit string, higher bool, of func(Result) float64) {
		r := Row{Name: name, Unit: unit, Higher: higher}
		known := false
		for _, x := range all {
			v := of(x)
			r.Values = append(r.Values, v)
			known = known || !math.IsNaN(v)
		}
		if known {
			c.Rows = append(c.Rows, r)
		}
	}
	row("output throughput", "tokens/s", true, func(r Result) float64 { return float64(r.OutputTPS.Value) })
	row("output throughput a GPU", "tokens/s", true, Result.PerGPU)
	row("requests", "1/s", true, func(r Result) float64 { return float64(r.Rate.Value) })
	row("goodput", "1/s", true, func(r Result) float64 { return float64(r.Goodput.Value) })
	for _, s := range []struct {
		name string
		of   func(Result) Spread
	}{{"TTFT", func(r Result) Spread { return r.TTFT }}, {"TPOT", func(r Result) Spread { return r.TPOT }}, {"ITL", func(r Result) Spread { return r.ITL }}, {"latency", func(r Result) Spread { return r.Latency }}} {
		row(s.name+" mean", "ms", false, func(r Result) float64 { return 1e3 * float64(s.of(r).Mean) })
		row(s.name+" p95", "ms", false, func(r Result) float64 { return 1e3 * float64(s.of(r).P95) })
		row(s.name+" p99", "ms", false, func(r Result) float64 { return 1e3 * float64(s.of(r).P99) })
	}
	c.caveats()
	return c
}

func (c *Comparison) caveats() {
	say := func(format string, args ...any) { c.Caveats = append(c.Caveats, fmt.Sprintf(format, args...)) }
	for i, r := range c.Results {
		if !r.Valid {
			say("%s is marked invalid: %s", r.Name(), strings.Join(r.Invalid, "; "))
		}
		if r.Imported != "" {
			say("%s is imported from %s, whose definitions have ids of their own", r.Name(), r.Imported)
		}
		if i == 0 {
			continue
		}
		a := c.Results[0]
		differ := func(what string, x, y any) {
			if x != y {
				say("%s and %s differ in %s: %v and %v", a.Name(), r.Name(), what, x, y)
			}
		}
		differ("the model", a.Endpoint.Model, r.Endpoint.Model)
		differ("input tokens", a.Workload.Input, r.Workload.Input)
		differ("output tokens", a.Workload.Output, r.Workload.Output)
		differ("pace", a.Pacing(), r.Pacing())
		if a.Imported == "" && r.Imported == "" {
			differ("the API", a.Endpoint.API, r.Endpoint.API)
			differ("warm-up", a.Warmup, r.Warmup)
		}
		if a.GPUs > 0 && r.GPUs > 0 && a.GPUs != r.GPUs {
			say("%s has %d GPUs and %s has %d: compare what is said for each GPU", a.Name(), a.GPUs, r.Name(), r.GPUs)
		}
	}
}

// Name of a result in a sentence.
func (r Result) Name() string {
	if r.Label == "" {
		return r.Pacing()
	}
	return r.Label + " (" + r.Pacing() + ")"
}

// Text is the comparison for a terminal.
func (c Comparison) Text() string {
	if len(c.Results) == 0 {
		return "nothing to compare\n"
	}
	table := [][]string{{""}}
	for _, r := range c.Results {
		table[0] = append(table[0], r.Name())
	}
	for _, r := range c.Rows {
		line := []string{r.Name + ", " + r.Unit}
		for i, v := range r.Values {
			cell := Figure(v)
			if d := r.Change(i); i > 0 && !math.IsNaN(d) {
				cell += fmt.Sprintf(" (%+.1f %%)", 100*d)
			}
			line = append(line, cell)
		}
		table = append(table, line)
	}
	width := make([]int, len(table[0]))
	for _, line := range table {
		for i, cell := range line {
			width[i] = max(width[i], len([]rune(cell)))
		}
	}
	var b strings.Builder
	for _, line := range table {
		var out strings.Builder
		for i, cell := range line {
			out.WriteString(cell + strings.Repeat(" ", width[i]-len([]rune(cell))+2))
		}
		b.WriteString(strings.TrimRight(out.String(), " ") + "\n")
	}
	for _, s := range c.Caveats {
		b.WriteString("note: " + s + "\n")
	}
	return b.String()
}

// Figure writes a value with three or four digits that matter; - when it is not known.
func Figure(v float64) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "-"
	case a >= 1000:
		return thousands(int64(math.Round(v)))
	case a >= 100:
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	case a >= 1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

func thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
