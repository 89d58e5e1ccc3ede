package price

import (
	"fmt"
	"strconv"
	"strings"
)

// Format writes an amount of micro-dollars for people: from one dollar up with
// two decimals and thousands ("$1,234.56"), below with four ("$0.0123"), and
// what would round to nothing there with all six ("$0.000012"). Trailing zeros
// go, down to two decimals. Negative amounts, such as a loss where a saving was
// expected, begin with a minus. Rounding is half away from zero; files carry the
// integer, never this text.
func Format(micro int64) string {
	sign, abs := "", uint64(micro)
	if micro < 0 {
		sign, abs = "-", -abs
	}
	unit, decimals := uint64(1), 6
	switch {
	case abs >= 1_000_000-50: // what four decimals would round to one dollar
		unit, decimals = 10_000, 2
	case abs >= 50:
		unit, decimals = 100, 4
	}
	parts := (abs + unit/2) / unit
	whole, fraction := parts, ""
	for range decimals {
		fraction = strconv.FormatUint(whole%10, 10) + fraction
		whole /= 10
	}
	for len(fraction) > 2 && strings.HasSuffix(fraction, "0") {
		fraction = fraction[:len(fraction)-1]
	}
	return sign + "$" + thousands(whole) + "." + fraction
}

func thousands(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// FormatRate writes the rates of a tier for people: "input $1.00, output $5.00
// per million tokens", "$2.10 per GPU hour", both, "free" or "no price", and what
// long prompts cost.
func FormatRate(r Rates) string {
	if !r.Known {
		return "no price"
	}
	var parts []string
	if t := r.Tokens.format(); t != "" {
		parts = append(parts, t+" per million tokens")
	}
	if r.GPUHour != 0 {
		parts = append(parts, Format(r.GPUHour)+" per GPU hour")
	}
	if parts == nil {
		return "free"
	}
	if r.Above.Prompt > 0 {
		parts = append(parts, fmt.Sprintf("above %s prompt tokens %s", thousands(uint64(r.Above.Prompt)), r.Above.format()))
	}
	return strings.Join(parts, " and ")
}

func (t Tokens) format() string {
	var out []string
	for _, rate := range []struct {
		name  string
		micro int64
	}{{"input", t.Input}, {"output", t.Output}, {"cache read", t.CacheRead}, {"cache write", t.CacheWrite}, {"cache write for an hour", t.CacheWrite1h}} {
		if rate.micro != 0 {
			out = append(out, rate.name+" "+Format(rate.micro))
		}
	}
	return strings.Join(out, ", ")
}

// String is the cost for people, with what is not known of it.
func (c Cost) String() string {
	switch {
	case c.Overflow:
		return "more than can be counted"
	case !c.Known && c.Micro == 0:
		return "unknown"
	case !c.Known && c.Upper:
		return fmt.Sprintf("unknown (the known part is at most %s)", Format(c.Micro))
	case !c.Known:
		return fmt.Sprintf("unknown (the known part is %s)", Format(c.Micro))
	case c.Upper:
		return "at most " + Format(c.Micro)
	}
	return Format(c.Micro)
}
