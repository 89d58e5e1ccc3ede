package result

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
	"time"
)

//go:embed page.html
var pageSource string

//go:embed page.css
var pageStyle string

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
}

type series struct {
	N     int
	Label string
	Note  string // imported from ..., measured
}

type row struct {
	Series                                            int
	Label, Pace, Source, OK                           string
	OutputTPS, PerGPU, Rate, TTFT, TPOT, ITL, Goodput string
	Valid, Front                                      bool
}

type note struct{ Who, Text, Class string }

// mostSeries is how many have a colour of their own; further ones share the last.
const mostSeries = 6

// Page is one self-contained HTML page of all results: throughput against latency
// with the Pareto front, and every figure. It takes nothing from a network.
func Page(all []Result, title string) ([]byte, error) {
	t, err := template.New("page").Parse(pageSource)
	if err != nil {
		return nil, fmt.Errorf("reading the page's template: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, look(all, title)); err != nil {
		return nil, fmt.Errorf("writing the page: %w", err)
	}
	return b.Bytes(), nil
}

func look(all []Result, title string) view {
	all = ordered(all)
	v := view{Title: title, Style: template.CSS(pageStyle)} //nolint:gosec // a file of this package
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
	for _, c := range latencies {
		a, ok := axis(c.name, all, c.of)
		if !ok {
			continue
		}
		at := Front(all, a)
		if v.Front == "" {
			v.Front = a.Name
			for _, i := range at {
				front[i] = true
			}
			v.Sentence = sentence(all, a, at) + within(all)
		}
		if ch, ok := draw(all, of, a, at, c.words, c.asked(all)*1e3); ok {
			v.Charts = append(v.Charts, ch)
		}
	}
	v.rows(all, of, front)
	v.figures(all, len(front))
	v.notes(all)
	return v
}

// ordered by label as they come, and within one by load, so that a line joins
// neighbours.
func ordered(all []Result) []Result {
	place := map[string]int{}
	for i, l := range labels(all) {
		place[l] = i
	}
	rate := func(r Result) float64 {
		if r.Pace.Rate == 0 {
			return math.Inf(1)
		}
		return float64(r.Pace.Rate)
	}
	capped := func(r Result) int {
		if r.Pace.Concurrency == 0 {
			return math.MaxInt
		}
		return r.Pace.Concurrency
	}
	out := slices.Clone(all)
	slices.SortStableFunc(out, func(a, b Result) int {
		return cmp.Or(cmp.Compare(place[a.Label], place[b.Label]), cmp.Compare(rate(a), rate(b)), cmp.Compare(capped(a), capped(b)))
	})
	return out
}

// sentence is the page's first: who has the most throughput, who is fastest.
func sentence(all []Result, a Axis, front []int) string {
	if len(front) == 0 {
		return "No run of these is valid, so nothing can be said of throughput and latency."
	}
	throughput, unit := throughputOf(all)
	slow, fast := all[front[len(front)-1]], all[front[0]]
	most := fmt.Sprintf("Most throughput: %s with %s %s at %s %s ms.", slow.origin(), figure(throughput(slow)), unit, a.Name, figure(a.of(slow)))
	if len(front) == 1 {
		return most + " No other run is better in anything."
	}
	return most + fmt.Sprintf(" Fastest: %s with %s ms, at %s %s.", fast.origin(), figure(a.of(fast)), figure(throughput(fast)), unit)
}

// origin is a result's name, with where it is from when that is not here.
func (r Result) origin() string {
	if r.Imported == "" {
		return r.name()
	}
	return r.name() + ", imported,"
}

// within says which run is best of those that keep the SLO at the page's
// quantiles; "" when none is asked, or results ask for different ones.
func within(all []Result) string {
	var tails []string
	fit := slices.Clone(all)
	for _, c := range latencies {
		limit := c.asked(all)
		if limit == 0 {
			continue
		}
		a, ok := axis(c.name, all, c.of)
		if !ok {
			return ""
		}
		fit = slices.DeleteFunc(fit, func(r Result) bool { return !r.Valid || !(a.of(r) <= limit*1e3) })
		tails = append(tails, a.Name+" <= "+mark(limit*1e3)+" ms")
	}
	if len(tails) == 0 {
		return ""
	}
	slo := " Within the SLO (" + strings.Join(tails, ", ") + ")"
	throughput, unit := throughputOf(all)
	best := -1
	for i, r := range fit {
		if v := throughput(r); !math.IsNaN(v) && (best < 0 || v > throughput(fit[best])) {
			best = i
		}
	}
	if best < 0 {
		return slo + " there is no valid run."
	}
	return slo + fmt.Sprintf(" the best is %s with %s %s.", fit[best].origin(), figure(throughput(fit[best])), unit)
}

// latency is one that a page draws.
type latency struct {
	name, words string
	of          func(Result) Spread
	limit       func(Limits) float64
}

var latencies = []latency{
	{"TPOT", "time per output token", func(r Result) Spread { return r.TPOT }, func(l Limits) float64 { return l.TPOT }},
	{"TTFT", "time to first token", func(r Result) Spread { return r.TTFT }, func(l Limits) float64 { return l.TTFT }},
}

// asked is the limit in seconds that results ask for; 0 when none does, or when
// they differ.
func (l latency) asked(all []Result) float64 {
	asked := 0.0
	for _, r := range all {
		if r.SLO == nil || l.limit(*r.SLO) == 0 {
			continue
		}
		if asked != 0 && asked != l.limit(*r.SLO) {
			return 0
		}
		asked = l.limit(*r.SLO)
	}
	return asked
}

// draw throughput (up) against a latency (right).
func draw(all []Result, of map[string]int, a Axis, front []int, words string, limit float64) (chart, bool) {
	throughput, unit := throughputOf(all)
	var xs, ys []float64
	var at []int
	for i, r := range all {
		if x, y := a.of(r), throughput(r); drawable(x) && drawable(y) {
			xs, ys, at = append(xs, x), append(ys, y), append(at, i)
		}
	}
	if len(at) == 0 {
		return chart{}, false
	}
	x, y := scaleOf(xs), scaleOf(ys)
	c := chart{Title: "Throughput and " + words, X: a.Name + ", ms", Y: unit, ID: strings.ToLower(strings.Fields(a.Name)[0])}
	for _, v := range x.ticks(5) {
		c.Ticks = append(c.Ticks, tick{percent(x.share(v)), mark(v)})
	}
	for _, v := range y.ticks(5) {
		c.Rungs = append(c.Rungs, tick{coordinate(pixel(y.share(v))), mark(v)})
	}
	for _, label := range labels(all) {
		var path strings.Builder
		for k, i := range at {
			if all[i].Label != label {
				continue
			}
			r := all[i]
			if path.Len() == 0 {
				path.WriteString("M")
			} else {
				path.WriteString("L")
			}
			path.WriteString(place(x, y, xs[k], ys[k]))
			state := ""
			if !r.Valid {
				state = ", INVALID"
			}
			c.Points = append(c.Points, point{percent(x.share(xs[k])), coordinate(pixel(y.share(ys[k]))), of[label], !r.Valid, slices.Contains(front, i), fmt.Sprintf("%s: %s %s, %s %s ms%s", r.name(), figure(ys[k]), unit, a.Name, figure(xs[k]), state)})
		}
		c.Lines = append(c.Lines, line{path.String(), of[label]})
	}
	if at := x.share(limit); limit > 0 && at > 0 && at < 1 {
		c.Limit, c.LimitName = percent(at), "SLO "+mark(limit)+" ms"
	}
	c.Front = stairs(all, x, y, a, throughput, front)
	return c, true
}

// stairs of the front: what can be had at a latency is the best up to there.
func stairs(all []Result, x, y scale, a Axis, throughput func(Result) float64, front []int) string {
	var b strings.Builder
	for k, i := range front {
		vx, vy := a.of(all[i]), throughput(all[i])
		if !drawable(vx) || !drawable(vy) {
			continue
		}
		if b.Len() == 0 {
			fmt.Fprintf(&b, "M%s %d", coordinate(1000*x.share(vx)), plotBottom)
		} else {
			fmt.Fprintf(&b, "H%s", coordinate(1000*x.share(vx)))
		}
		fmt.Fprintf(&b, "V%s", coordinate(pixel(y.share(vy))))
		if k == len(front)-1 {
			b.WriteString("H1000")
		}
	}
	return b.String()
}

func labels(all []Result) []string {
	var out []string
	for _, r := range all {
		if !slices.Contains(out, r.Label) {
			out = append(out, r.Label)
		}
	}
	return out
}

func (v *view) rows(all []Result, of map[string]int, front map[int]bool) {
	both := func(s Spread) string {
		tail, name := s.P95, "p95"
		if !tail.Known() {
			tail, name = s.P99, "p99"
		}
		if !s.Mean.Known() && !tail.Known() {
			return "-"
		}
		return figure(1e3*float64(s.Mean)) + " / " + figure(1e3*float64(tail)) + " " + name
	}
	for i, r := range all {
		source := "measured"
		if r.Imported != "" {
			source = "imported"
		}
		v.Rows = append(v.Rows, row{
			Series: of[r.Label], Label: r.Label, Pace: r.Pace.String(), Source: source, OK: fmt.Sprintf("%d of %d", r.Succeeded, r.Requests),
			OutputTPS: figure(float64(r.OutputTPS.Value)), PerGPU: figure(r.PerGPU()), Rate: figure(float64(r.Rate.Value)), TTFT: both(r.TTFT), TPOT: both(r.TPOT), ITL: both(r.ITL),
			Goodput: figure(float64(r.Goodput.Value)), Valid: r.Valid, Front: front[i],
		})
	}
}

func (v *view) figures(all []Result, front int) {
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
func (v *view) notes(all []Result) {
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
				who[n] = append(who[n], r.name())
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
