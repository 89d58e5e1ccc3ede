package page

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/topology/load/result"
)

// reach is how far beyond the slowest run a limit may lie and still be drawn; one
// that is farther would press all runs against the left edge, and its title says
// that every run keeps it.
const reach = 2

// draw throughput (up) against a latency (right).
func draw(all []result.Result, of map[string]int, l limited, front []int) (chart, bool) {
	throughput, unit := result.Throughput(all)
	a := l.axis
	var xs, ys []float64
	var at []int
	for i, r := range all {
		if x, y := a.Of(r), throughput(r); drawable(x) && drawable(y) {
			xs, ys, at = append(xs, x), append(ys, y), append(at, i)
		}
	}
	if len(at) == 0 {
		return chart{}, false
	}
	span := xs
	if drawable(l.limit) && l.limit <= reach*slices.Max(xs) && l.limit >= slices.Min(xs)/reach {
		span = append(slices.Clone(xs), l.limit)
	}
	x, y := scaleOf(span), scaleOf(ys)
	c := chart{Title: "Throughput and " + l.words, X: a.Name + ", ms" + x.kind(), Y: unit + y.kind(), ID: strings.ToLower(strings.ReplaceAll(a.Name, " ", "-"))}
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
			c.Points = append(c.Points, point{percent(x.share(xs[k])), coordinate(pixel(y.share(ys[k]))), of[label], !r.Valid, slices.Contains(front, i), fmt.Sprintf("%s: %s %s, %s %s ms%s", r.Name(), result.Figure(ys[k]), unit, a.Name, result.Figure(xs[k]), state)})
		}
		c.Lines = append(c.Lines, line{path.String(), of[label]})
	}
	if share := x.share(l.limit); l.limit > 0 {
		switch {
		case share > 0 && share < 1:
			c.Limit, c.LimitName, c.LimitAnchor = percent(share), "SLO "+mark(l.limit)+" ms", "middle"
			if share > 0.8 {
				c.LimitAnchor = "end"
			} else if share < 0.2 {
				c.LimitAnchor = "start"
			}
		case share >= 1:
			c.Beyond = "The SLO of " + mark(l.limit) + " ms lies beyond the right edge: every run drawn keeps it."
		default:
			c.Beyond = "The SLO of " + mark(l.limit) + " ms lies left of every run drawn: none keeps it."
		}
	}
	c.Front = stairs(all, x, y, a, throughput, front)
	return c, true
}

// stairs of the front: what can be had at a latency is the best up to there.
func stairs(all []result.Result, x, y scale, a result.Axis, throughput func(result.Result) float64, front []int) string {
	var b strings.Builder
	for k, i := range front {
		vx, vy := a.Of(all[i]), throughput(all[i])
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
