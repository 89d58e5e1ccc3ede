package report

import (
	"strings"

	"github.com/rivo/uniseg"
)

// clip cuts at width columns; what is cut ends in "…".
func clip(s string, width int) string {
	if uniseg.StringWidth(s) <= width {
		return s
	}
	if width < 1 {
		return ""
	}
	var b strings.Builder
	used := 0
	for g := uniseg.NewGraphemes(s); g.Next(); {
		if used+g.Width() > width-1 {
			break
		}
		used += g.Width()
		b.WriteString(g.Str())
	}
	return strings.TrimRight(b.String(), " ") + "…"
}

// pad clips to width and fills with blanks up to it, left in front.
func pad(s string, width int) string {
	s = clip(s, width)
	return s + strings.Repeat(" ", max(0, width-uniseg.StringWidth(s)))
}

func left(s string, width int) string {
	s = clip(s, width)
	return strings.Repeat(" ", max(0, width-uniseg.StringWidth(s))) + s
}

// wrap breaks at blanks into lines of at most width columns; most is how many
// lines, 0 as many as it takes, and the last is clipped.
func wrap(s string, width, most int) []string {
	words := strings.Fields(s)
	var lines []string
	line := ""
	for i, w := range words {
		switch {
		case line == "":
			line = w
		case uniseg.StringWidth(line)+1+uniseg.StringWidth(w) <= width:
			line += " " + w
		case most > 0 && len(lines) == most-1:
			return append(lines, clip(line+" "+strings.Join(words[i:], " "), width))
		default:
			lines, line = append(lines, clip(line, width)), w
		}
	}
	if line != "" {
		lines = append(lines, clip(line, width))
	}
	return lines
}
