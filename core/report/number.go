package report

import (
	"math"
	"strconv"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/price"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

// count writes a whole number with thousands: "12,345".
func count[T int | int64](n T) string {
	s := strconv.FormatInt(int64(n), 10)
	sign := ""
	if s[0] == '-' {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// plural is a counted noun: "1 item", "1,200 items".
func plural[T int | int64](n T, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + many
}

// money writes micro-dollars; an amount of which some part is not known is a
// lower bound and says so, and nothing is no bound.
func money(micro int64, priced bool) string {
	switch {
	case priced:
		return price.Format(micro)
	case micro == 0:
		return "not known"
	}
	return "at least " + price.Format(micro)
}

// tenths writes millionths as points of a hundred with at most one decimal:
// 12300 is "1.2". Halves round away from zero.
func tenths(millionths int64) string {
	text := strconv.FormatFloat(math.Round(float64(millionths)/1000)/10, 'f', -1, 64)
	if text == "-0" {
		return "0"
	}
	return text
}

// points is tenths with its unit.
func points(millionths int64) string {
	text := tenths(millionths)
	if text == "1" || text == "-1" {
		return text + " point"
	}
	return text + " points"
}

// signed is points with a plus where it is a win.
func signed(millionths int64) string {
	text := points(millionths)
	if text[0] != '-' && text != "0 points" {
		return "+" + text
	}
	return strings.Replace(text, "-", "−", 1)
}

// percent writes millionths of one as a share: 985000 is "98.5 %".
func percent(millionths int64) string { return tenths(millionths) + "\u00a0%" }

// figure writes an e-value, in millionths, with three digits.
func figure(e int64) string {
	if e >= verdict.EMax {
		return "over a billion"
	}
	x := float64(e) / float64(verdict.Million)
	if math.Abs(x) >= 1000 {
		return count(int64(math.Round(x)))
	}
	if math.Abs(x) >= 100 {
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	if math.Abs(x) < 0.001 && x != 0 {
		return "under 0.001"
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}

// coordinate writes a length of a drawing with one decimal at most. What is no
// number, and what would lie far outside any drawing, becomes an edge: a chart
// may be clipped, but its path is always a path.
func coordinate(x float64) string {
	const edge = 100_000
	switch {
	case math.IsNaN(x):
		x = 0
	case x > edge:
		x = edge
	case x < -edge:
		x = -edge
	}
	x = math.Round(x*10) / 10
	if x == 0 {
		x = 0 // no "-0"
	}
	return strconv.FormatFloat(x, 'f', -1, 64)
}
