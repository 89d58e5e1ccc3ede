package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// The drawing's size and the frame of its axes, in pixels.
const (
	plotWidth, plotHeight     = 960, 600
	plotLeft, plotRight       = 92, 700
	plotTop, plotBottom       = 64, 530
	plotLeast, plotMost       = 0.0001, 1.0 // shares on the y axis; less is drawn at the least
	plotFewest, plotMany      = 1.0, 500.0  // items on the x axis
	axisInk, gridInk, textInk = "#444", "#e4e4e4", "#222"
	targetShare, targetInk    = .005, "#0a7d3c"
	otherFont                 = "font-family=\"system-ui, sans-serif\""
)

// Inks are told apart by people who do not see red and green as different (Okabe,
// Ito 2008): warm and grey for what people do instead, cold and
// thick for the methods of core/verdict.
var (
	otherInks = [...]string{"#d55e00", "#e69f00", "#cc79a7", "#999999", "#8b5a2b", "#b04a5a", "#222222"}
	ourInks   = [...]string{"#009e73", "#56b4e9", "#0072b2", "#7a5cc6", "#1b7f8c"}
)

// drawPlot is error against cost: a point for each rule and number of items, the
// points of one rule joined.
func drawPlot(w io.Writer, table []line) error {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img">`, plotWidth, plotHeight, plotWidth, plotHeight)
	p(`<title>Error against cost of rules for moving a skill down</title>`)
	p(`<rect width="100%%" height="100%%" fill="#ffffff"/>`)
	p(`<text x="%d" y="28" %s font-size="18" font-weight="600" fill="%s">Error against cost: unsafe cells moved, by mean items spent</text>`, plotLeft, otherFont, textInk)
	p(`<text x="%d" y="48" %s font-size="12" fill="%s">Public per-item tables, margin 5 points. Lower is safer, left is cheaper; the label gives the share of truly not-worse cells found at the last point.</text>`, plotLeft, otherFont, axisInk)
	axes(p)
	for _, c := range series(table) {
		c.draw(p)
	}
	legend(p, series(table))
	p(`</svg>`)
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("drawing the plot: %w", err)
	}
	return nil
}

func plotX(items float64) float64 {
	return plotLeft + (plotRight-plotLeft)*math.Log(items/plotFewest)/math.Log(plotMany/plotFewest)
}

func plotY(share float64) float64 {
	share = min(max(share, plotLeast), plotMost)
	return plotBottom - (plotBottom-plotTop)*math.Log(share/plotLeast)/math.Log(plotMost/plotLeast)
}

func axes(p func(string, ...any)) {
	for _, share := range []float64{1, .1, .01, .001, .0001} {
		y := plotY(share)
		label := fmt.Sprintf("%g %%", 100*share)
		if share == plotLeast {
			label = "<= " + label
		}
		p(`<line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="%s"/>`, plotLeft, y, plotRight, y, gridInk)
		p(`<text x="%d" y="%.1f" %s font-size="12" fill="%s" text-anchor="end">%s</text>`, plotLeft-8, y+4, otherFont, axisInk, strings.ReplaceAll(label, "<", "&lt;"))
	}
	for _, n := range widths {
		x := plotX(float64(n))
		p(`<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="%s"/>`, x, plotTop, x, plotBottom, gridInk)
		p(`<text x="%.1f" y="%d" %s font-size="12" fill="%s" text-anchor="middle">%d</text>`, x, plotBottom+18, otherFont, axisInk, n)
	}
	y := plotY(targetShare)
	p(`<line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="%s" stroke-dasharray="6 4"/>`, plotLeft, y, plotRight, y, targetInk)
	p(`<text x="%d" y="%.1f" %s font-size="12" fill="%s">target: 0.5 %% of draws</text>`, plotLeft+6, y-6, otherFont, targetInk)
	p(`<path d="M%d %d V%d H%d" fill="none" stroke="%s"/>`, plotLeft, plotTop, plotBottom, plotRight, axisInk)
	p(`<text x="%d" y="%d" %s font-size="13" fill="%s" text-anchor="middle">mean items spent on a cell (log scale)</text>`, (plotLeft+plotRight)/2, plotBottom+42, otherFont, textInk)
	p(`<text transform="translate(18 %d) rotate(-90)" %s font-size="13" fill="%s" text-anchor="middle">unsafe cells moved, mean share of draws (log scale)</text>`, (plotTop+plotBottom)/2, otherFont, textInk)
}

// curve is one rule over its numbers of items.
type curve struct {
	name   string
	ours   bool
	ink    string
	points []line
}

// series groups the table by rule, in the table's order.
func series(table []line) []curve {
	var out []curve
	var own, foreign int
	for _, l := range table {
		i := slices.IndexFunc(out, func(c curve) bool { return c.name == l.name })
		if i < 0 {
			i = len(out)
			c := curve{name: l.name, ours: l.method != ""}
			if c.ours {
				c.ink = ourInks[own%len(ourInks)]
				own++
			} else {
				c.ink = otherInks[foreign%len(otherInks)]
				foreign++
			}
			out = append(out, c)
		}
		out[i].points = append(out[i].points, l)
	}
	return out
}

func (c curve) draw(p func(string, ...any)) {
	width, radius := 1.2, 3.0
	if c.ours {
		width, radius = 2.4, 4.5
	}
	var path strings.Builder
	for i, l := range c.points {
		verb := "L"
		if i == 0 {
			verb = "M"
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", verb, plotX(max(l.spent, plotFewest)), plotY(l.unsafe))
	}
	if len(c.points) > 1 {
		p(`<path d="%s" fill="none" stroke="%s" stroke-width="%.1f" stroke-linejoin="round"/>`, path.String(), c.ink, width)
	}
	for _, l := range c.points {
		p(`<circle cx="%.1f" cy="%.1f" r="%.1f" fill="%s"><title>%s: unsafe moved %.2f %%, items %.0f, not worse found %.0f %%</title></circle>`,
			plotX(max(l.spent, plotFewest)), plotY(l.unsafe), radius, c.ink, l.String(), 100*l.unsafe, l.spent, 100*l.notWorse)
	}
}

func legend(p func(string, ...any), all []curve) {
	x, y := plotRight+20, plotTop+8
	for _, c := range all {
		last := c.points[len(c.points)-1]
		weight := "400"
		if c.ours {
			weight = "600"
		}
		p(`<circle cx="%d" cy="%d" r="5" fill="%s"/>`, x, y, c.ink)
		p(`<text x="%d" y="%d" %s font-size="13" font-weight="%s" fill="%s">%s</text>`, x+12, y+4, otherFont, weight, textInk, c.name)
		p(`<text x="%d" y="%d" %s font-size="11" fill="%s">n %s: finds %.0f %% at n %d</text>`, x+12, y+19, otherFont, axisInk, spread(c.points), 100*last.notWorse, last.n)
		y += 42
	}
}

func spread(points []line) string {
	if len(points) == 1 {
		return fmt.Sprint(points[0].n)
	}
	return fmt.Sprintf("%d..%d", points[0].n, points[len(points)-1].n)
}
