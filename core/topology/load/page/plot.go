package page

import (
	"math"
	"slices"
	"strconv"

	"github.com/plimsoll-dev/plimsoll/core/topology/load/result"
)

// A chart is drawn with shares of the width for x and pixels for y, so that it
// fills a phone and a wide screen alike without scaling its text. Lines, for which
// SVG knows no shares, are drawn 0..1000 wide in a nested svg that is stretched.
type chart struct {
	Title, X, Y, ID string
	Ticks           []tick // of x
	Rungs           []tick // of y
	Lines           []line
	Points          []point
	Front           string // path of the Pareto front
	Limit           string // x of the SLO, in percent; "": none, or outside
	LimitName       string
	LimitAnchor     string // of its name, so that it stays within the drawing
	Beyond          string // a sentence where the limit lies outside of the drawing
}

// Pixels of a chart: height of all, and the rectangle's top and bottom.
const (
	chartHeight = 320
	plotTop     = 16
	plotBottom  = 276
)

type tick struct{ At, Text string }

type line struct {
	Path   string
	Series int
}

type point struct {
	X, Y    string
	Series  int
	Invalid bool
	Front   bool
	Title   string
}

// drawable tells a value that can stand on an axis: files may say anything.
func drawable(v float64) bool { return v >= 1e-9 && v <= 1e15 }

// scale maps lo..hi to 0..1, by logarithms when the values span more than 20 x.
type scale struct {
	lo, hi float64
	log    bool
}

func scaleOf(vs []float64) scale {
	lo, hi := slices.Min(vs), slices.Max(vs)
	s := scale{lo: 0, hi: hi * 1.08}
	if lo > 0 && hi/lo > 20 {
		return scale{lo: lo / 1.3, hi: hi * 1.3, log: true}
	}
	if hi <= 0 {
		s.hi = 1
	}
	return s
}

func (s scale) share(v float64) float64 {
	if s.log {
		return math.Log(v/s.lo) / math.Log(s.hi/s.lo)
	}
	return (v - s.lo) / (s.hi - s.lo)
}

// kind says of a logarithmic axis that it is one.
func (s scale) kind() string {
	if s.log {
		return ", logarithmic"
	}
	return ""
}

// ticks of about n round values.
func (s scale) ticks(n int) []float64 {
	var out []float64
	if s.log {
		for p := math.Floor(math.Log10(s.lo)); p <= math.Log10(s.hi); p++ {
			for _, m := range []float64{1, 3} {
				if v := m * math.Pow(10, p); v >= s.lo && v <= s.hi {
					out = append(out, v)
				}
			}
		}
		return out
	}
	step := math.Pow(10, math.Floor(math.Log10(s.hi/float64(n))))
	for _, m := range []float64{1, 2, 2.5, 5, 10} {
		if s.hi/(step*m) <= float64(n) {
			step *= m
			break
		}
	}
	for i := 0; float64(i)*step <= s.hi && i <= 2*n; i++ {
		out = append(out, float64(i)*step)
	}
	return out
}

func coordinate(v float64) string { return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64) }

func percent(share float64) string { return coordinate(100 * share) }

func pixel(share float64) float64 { return plotBottom - (plotBottom-plotTop)*share }

// place of a value pair in the stretched svg of lines.
func place(x, y scale, vx, vy float64) string {
	return coordinate(1000*x.share(vx)) + " " + coordinate(pixel(y.share(vy)))
}

// mark is a tick's text: as many digits as it needs.
func mark(v float64) string {
	if math.Abs(v) >= 1000 {
		return result.Figure(v)
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}
