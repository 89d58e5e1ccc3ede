package suite

import "strings"

const (
	diffContext = 3
	maxDiffSide = 600 // lines; the comparison costs the product of both sides
	maxDiffText = 60  // lines that are shown
)

// Diff shows how two texts differ, line by line: "- " expected, "+ " got, "  "
// both. Long stretches that are equal are left out, and the end of a long
// difference, which is said.
func Diff(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	if len(a) > maxDiffSide || len(b) > maxDiffSide {
		return firstDifference(a, b)
	}
	return show(script(a, b))
}

type diffLine struct {
	mark byte
	text string
}

// script is the shortest edit from a to b by the longest common subsequence.
func script(a, b []string) []diffLine {
	common := make([][]int, len(a)+1)
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var out []diffLine
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			out = append(out, diffLine{' ', a[i]})
			i, j = i+1, j+1
		case i < len(a) && (j == len(b) || common[i+1][j] >= common[i][j+1]):
			out = append(out, diffLine{'-', a[i]})
			i++
		default:
			out = append(out, diffLine{'+', b[j]})
			j++
		}
	}
	return out
}

func show(lines []diffLine) string {
	near := make([]bool, len(lines))
	for i, l := range lines {
		if l.mark == ' ' {
			continue
		}
		for k := max(0, i-diffContext); k <= min(len(lines)-1, i+diffContext); k++ {
			near[k] = true
		}
	}
	var out []string
	skipped := false
	for i, l := range lines {
		if !near[i] {
			skipped = true
			continue
		}
		if skipped {
			out = append(out, "  ...")
			skipped = false
		}
		out = append(out, string(l.mark)+" "+l.text)
	}
	if len(out) > maxDiffText {
		out = append(out[:maxDiffText], "  ... and more")
	}
	return strings.Join(out, "\n")
}

func firstDifference(a, b []string) string {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	var out []string
	if i > 0 {
		out = append(out, "  ...")
	}
	for _, l := range a[i:min(len(a), i+10)] {
		out = append(out, "- "+l)
	}
	for _, l := range b[i:min(len(b), i+10)] {
		out = append(out, "+ "+l)
	}
	return strings.Join(append(out, "  ... and more"), "\n")
}
