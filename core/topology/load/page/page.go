// Package page draws results of benchmarks as one page of HTML: throughput against
// latency with the Pareto front and the SLO, every figure, and what speaks against
// any of them.
//
// It must not compute a figure, which core/topology/load/result does, and the page
// must need nothing but itself: no script, no font, no network. The same results
// give the same bytes.
//
//	all, err := result.Read("topology/qwen/dp2/chat/rate-4.json")
//	src, err := page.HTML(all, page.Options{
//		Title: "DP2 against TP2", Limits: []page.Limit{{Figure: "TPOT", Quantile: "p95", Seconds: .02}},
//	})
//	err = os.WriteFile("index.html", src, 0o644)
package page

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"slices"

	"github.com/plimsoll-dev/plimsoll/core/topology/load/result"
)

//go:embed page.html
var pageSource string

//go:embed page.css
var pageStyle string

// Options are what results do not say of themselves.
type Options struct {
	Title string
	// Limits are an SLO's. Without them those that every result was measured with
	// are drawn, at the quantile that all results have.
	Limits []Limit
}

// Limit is one line of an SLO.
type Limit struct {
	Figure   string  // TTFT, TPOT, ITL, latency
	Quantile string  // p50, p90, p95, p99, mean; "": the one that all results have
	Seconds  float64 // > 0
}

// view is what the page's template shows.
type view struct {
	Title    string
	Style    template.CSS
	Sentence string
	Figures  [][2]string // value, what it is
	Series   []series
	Charts   []chart
	Front    string // the axis that the front's sentence is about
	Rows     []row
	Notes    []note
	Defined  [][2]string
	Subtitle string
	GPUs     bool // the table has columns for these
	Goodput  bool
	Missing  []string // sentences: what of the SLO is not drawn
}

type series struct {
	N     int
	Label string
	Note  string // imported from ..., measured
}

// mostSeries is how many have a colour of their own; further ones share the last.
const mostSeries = 6

// HTML is the page. It escapes whatever a result's file says.
func HTML(all []result.Result, o Options) ([]byte, error) {
	t, err := template.New("page").Parse(pageSource)
	if err != nil {
		return nil, fmt.Errorf("reading the page's template: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, look(all, o)); err != nil {
		return nil, fmt.Errorf("writing the page: %w", err)
	}
	return b.Bytes(), nil
}

func look(all []result.Result, o Options) view {
	all = result.Ordered(all)
	v := view{Title: o.Title, Style: template.CSS(pageStyle)} //nolint:gosec // a file of this package
	of := map[string]int{}
	for _, r := range all {
		if _, ok := of[r.Label]; ok {
			continue
		}
		of[r.Label] = min(len(v.Series), mostSeries-1)
		from := "measured"
		if r.Imported != "" {
			from = "imported from " + r.Imported
		}
		v.Series = append(v.Series, series{of[r.Label], r.Label, from})
	}
	front := map[int]bool{}
	lines, missing := lines(all, o.Limits)
	v.Missing = missing
	for _, l := range lines {
		at := result.Front(all, l.axis)
		if v.Front == "" {
			v.Front = l.axis.Name
			for _, i := range at {
				front[i] = true
			}
			v.Sentence = sentence(all, l.axis, at) + within(all, lines, missing)
		}
		if c, ok := draw(all, of, l, at); ok {
			v.Charts = append(v.Charts, c)
		}
	}
	v.rows(all, of, front)
	v.figures(all, len(front))
	v.notes(all)
	return v
}

// limited is a latency that is drawn, with its limit in milliseconds; 0: none.
type limited struct {
	axis  result.Axis
	words string
	limit float64
}

// figures that may be drawn. The first two always are, the others where an SLO
// asks for them.
var figures = []struct {
	name, words string
	asked       func(result.Limits) float64
}{
	{"TPOT", "time per output token", func(l result.Limits) float64 { return l.TPOT }},
	{"TTFT", "time to first token", func(l result.Limits) float64 { return l.TTFT }},
	{"ITL", "gaps between chunks", func(result.Limits) float64 { return 0 }},
	{"latency", "time of a whole request", func(l result.Limits) float64 { return l.Latency }},
}

// lines are the axes to draw. Several limits of one figure, at several quantiles,
// give a chart each. missing says which limits not all results have a figure for.
func lines(all []result.Result, limits []Limit) (out []limited, missing []string) {
	for i, f := range figures {
		drawn := false
		add := func(quantile string, seconds float64) bool {
			a, ok := result.AxisOf(f.name, quantile, all)
			if ok {
				out = append(out, limited{a, f.words, seconds * 1e3})
				drawn = true
			}
			return ok
		}
		for _, l := range limits {
			if l.Figure != f.name || !drawable(l.Seconds*1e3) {
				continue
			}
			if !add(l.Quantile, l.Seconds) && len(all) > 0 {
				missing = append(missing, fmt.Sprintf("The SLO asks for %s %s <= %s ms, and not every run has that figure: it is not drawn.", f.name, l.Quantile, mark(l.Seconds*1e3)))
			}
		}
		asked := 0.0
		if len(limits) == 0 {
			asked = common(all, f.asked)
		}
		if !drawn && (i < 2 || asked > 0) {
			add("", asked)
		}
	}
	return out, missing
}

// common is the limit in seconds that results were measured with; 0 when none was
// or when they differ.
func common(all []result.Result, of func(result.Limits) float64) float64 {
	asked := 0.0
	for _, r := range all {
		if r.SLO == nil || of(*r.SLO) == 0 {
			continue
		}
		if asked != 0 && asked != of(*r.SLO) {
			return 0
		}
		asked = of(*r.SLO)
	}
	return asked
}

func labels(all []result.Result) []string {
	var out []string
	for _, r := range all {
		if !slices.Contains(out, r.Label) {
			out = append(out, r.Label)
		}
	}
	return out
}
