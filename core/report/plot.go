package report

import (
	"math"
	"strings"
)

// Charts are drawn with shares of the width for x and pixels for y, so that they
// fill a phone and a sheet of paper alike without scaling their text. Paths, for
// which SVG knows no shares, are drawn 0..pathWidth wide in a nested svg that
// is stretched to the same rectangle.
const pathWidth = 1000

// plot maps values to a drawing: lo..hi to left..left+width percent.
type plot struct {
	lo, hi      float64
	left, width float64
}

// share is where v lies in the range, 0..1, at its ends when outside or no number.
func (p plot) share(v float64) float64 {
	if !(p.hi > p.lo) || math.IsNaN(v) {
		return 0
	}
	return min(max((v-p.lo)/(p.hi-p.lo), 0), 1)
}

func (p plot) percent(v float64) float64 { return p.left + p.width*p.share(v) }

func (p plot) x(v float64) string { return coordinate(p.percent(v)) + "%" }

// span is a width between two values.
func (p plot) span(from, to float64) string {
	return coordinate(max(0, p.percent(to)-p.percent(from))) + "%"
}

// anchor is how a text at v stays inside the drawing.
func (p plot) anchor(v float64) string {
	switch s := p.share(v); {
	case s < 0.15:
		return "start"
	case s > 0.8:
		return "end"
	}
	return "middle"
}

// rise maps values to pixels that grow downwards.
type rise struct {
	lo, hi      float64
	top, height float64
}

func (r rise) pixel(v float64) float64 {
	p := plot{lo: r.lo, hi: r.hi}
	return r.top + r.height*(1-p.share(v))
}

func (r rise) y(v float64) string { return coordinate(r.pixel(v)) }

// path is a line through points; its y are relative to the rectangle's top.
func path(points []Point, x plot, y rise, of func(Point) float64) string {
	var b strings.Builder
	for i, p := range points {
		if i == 0 {
			b.WriteByte('M')
		} else {
			b.WriteByte('L')
		}
		b.WriteString(coordinate(pathWidth * x.share(float64(p.N))))
		b.WriteByte(' ')
		b.WriteString(coordinate(y.pixel(of(p)) - y.top))
	}
	return b.String()
}

// thin keeps at most most points, evenly, the last always: it is where the test
// closed. The JSON report has them all.
func thin(points []Point, most int) []Point {
	if len(points) <= most {
		return points
	}
	out := make([]Point, 0, most)
	for i := range most {
		out = append(out, points[(i+1)*len(points)/most-1])
	}
	return out
}
