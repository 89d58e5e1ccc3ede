package report

import (
	"math"
	"slices"

	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

// evidenceChart is the wealth of both sides against the items. The scale is
// logarithmic, as wealth multiplies; it begins at e 1, a fair bet before the
// first item.
type evidenceChart struct {
	ID, Title, Desc  string
	Height, Base     string // of the drawing; where the x axis lies
	Left, Width      string // of the plot
	Top, PlotHeight  string
	NotWorse, Worse  string // paths
	ProofY, ProvesAt string // the line that proves, and its label
	ZoneHeight       string // of the region beyond it
	WorseY, WorseAt  string // the line that disproves
	SideX, Side      string // where the labels of both lines are: away from the last point
	Ticks            []tick
	Items            []tick
	Ends             []end
}

// tick is a line of a scale with its label; Anchor matters along x only.
type tick struct{ At, Label, Anchor string }

// end is the last point of a line, labelled.
type end struct{ Class, X, Y, LabelY, Label, Anchor string }

const (
	evidenceTop    = 16
	evidenceHeight = 216
	evidenceFoot   = 36
	evidencePoints = 120
	plotLeft       = 10.0 // percent
	plotWidth      = 86.0
)

// The scale reaches from a hundredth to beyond every line that decides, and not
// further: past both ends only the fact matters.
const evidenceLeast = 0.01

func newEvidenceChart(id string, r Row) *evidenceChart {
	if r.Record == nil || len(r.Series) == 0 {
		return nil
	}
	series := thin(r.Series, evidencePoints)
	last := series[len(series)-1]
	series = append([]Point{{}}, series...) // before the first item both are 1
	bottom := slices.MinFunc(series, func(a, b Point) int { return compareFinite(lowest(a), lowest(b)) })
	worse := worseTarget(r.Record.Alpha)
	y := rise{
		lo: math.Max(math.Log(evidenceLeast), math.Min(math.Log(0.3), finite(lowest(bottom)))) - 0.8,
		hi: math.Min(25, math.Max(math.Log(100), math.Max(finite(r.Target), worse))) + 0.5, top: evidenceTop, height: evidenceHeight,
	}
	x := plot{lo: 0, hi: float64(max(r.Of, last.N, 1)), left: plotLeft, width: plotWidth}
	c := &evidenceChart{
		ID: id, Title: "Evidence about " + r.name(),
		Height: coordinate(evidenceTop + evidenceHeight + evidenceFoot), Base: coordinate(evidenceTop + evidenceHeight),
		Left: coordinate(plotLeft) + "%", Width: coordinate(plotWidth) + "%", Top: coordinate(evidenceTop), PlotHeight: coordinate(evidenceHeight),
		NotWorse: path(series, x, y, func(p Point) float64 { return finite(p.NotWorse) }),
		Worse:    path(series, x, y, func(p Point) float64 { return finite(p.Worse) }),
	}
	c.Desc = "After " + plural(last.N, "item", "items") + " of " + count(r.Of) + " the e-value for not worse is " + figure(r.Record.EValue) + ", the e-value for worse is " + figure(r.Record.EWorse) + "."
	if r.Target > 0 {
		c.ProofY, c.ProvesAt = y.y(finite(r.Target)), "proves at "+figure(r.Record.Threshold)
		c.ZoneHeight = coordinate(y.pixel(finite(r.Target)) - evidenceTop)
		c.Desc += " At " + figure(r.Record.Threshold) + " it is proved."
	}
	if worse > 0 {
		c.WorseY, c.WorseAt = y.y(worse), "shows worse at "+figure(int64(math.Exp(worse)*1e6+0.5))
	}
	for e, label := 0.01, []string{"0.01", "0.1", "1", "10", "100", "1,000", "10⁴", "10⁵", "10⁶"}; len(label) > 0; e, label = e*10, label[1:] {
		if v := math.Log(e); v >= y.lo-1e-9 && v <= y.hi {
			c.Ticks = append(c.Ticks, tick{At: y.y(v), Label: label[0]})
		}
	}
	for _, n := range steps(int(x.hi)) {
		c.Items = append(c.Items, tick{At: x.x(float64(n)), Label: count(n), Anchor: "middle"})
	}
	c.SideX, c.Side = "11%", "start"
	if x.share(float64(last.N)) < 0.5 {
		c.SideX, c.Side = "95.5%", "end"
	}
	c.Ends = ends(r, last, x, y)
	return c
}

// ends label both last points, the upper one above and the lower one below, so
// that the labels do not meet.
func ends(r Row, last Point, x plot, y rise) []end {
	up, down := y.pixel(finite(last.NotWorse)), y.pixel(finite(last.Worse))
	at := func(class, label string, pixel float64, above bool) end {
		e := end{Class: class, X: x.x(float64(last.N)), Y: coordinate(pixel), Label: label, Anchor: x.anchor(float64(last.N))}
		if above {
			e.LabelY = coordinate(math.Max(11, pixel-9))
		} else {
			e.LabelY = coordinate(math.Min(evidenceTop+evidenceHeight-3, pixel+18))
		}
		return e
	}
	return []end{
		at("worse", "worse: e "+figure(r.Record.EWorse), down, down < up),
		at("proof", "not worse: e "+figure(r.Record.EValue), up, up <= down),
	}
}

// worseTarget is ln(1/alpha), where the worse side closes the test.
func worseTarget(alpha int64) float64 {
	if alpha <= 0 || alpha >= verdict.Million {
		return 0
	}
	return math.Log(float64(verdict.Million) / float64(alpha))
}

// steps are about five round counts from 0 to n.
func steps(n int) []int {
	n = min(n, 1<<40) // far from where v overflows
	by := 1
	for n/by > 5 {
		switch by / int(math.Pow10(int(math.Log10(float64(by))))) {
		case 1:
			by *= 2
		case 2:
			by = by / 2 * 5
		default:
			by *= 2
		}
	}
	var out []int
	for v := 0; v <= n && len(out) < 8; v += by {
		out = append(out, v)
	}
	return out
}

func lowest(p Point) float64 { return math.Min(finite(p.NotWorse), finite(p.Worse)) }

// finite is v inside what a scale may show; no number is a fair bet.
func finite(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return math.Max(-1e6, math.Min(1e6, v))
}

func compareFinite(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
