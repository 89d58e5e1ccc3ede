package config

import "strings"

// MatchName tells whether a name of a tool or a skill fits a pattern, whole. In
// a pattern * stands for any run of characters, also none; everything else
// stands for itself, and letters count as they are written. Time is at worst
// proportional to the product of both lengths.
func MatchName(pattern, name string) bool {
	star, back := -1, 0
	p, n := 0, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, back = p, n
			p++
		case p < len(pattern) && pattern[p] == name[n]:
			p++
			n++
		case star >= 0:
			back++
			p, n = star+1, back
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// covers tells whether everything that b matches is matched by a. It never says
// so wrongly: a star of b can only be taken by a star of a.
func covers(a, b string) bool { return MatchName(a, b) }

// overlap tells whether there is a name that both patterns match.
func overlap(a, b string) bool {
	// rest[j]: what is left of a from i on, and of b from j on, can be the same.
	rest := make([]bool, len(b)+1)
	for i := len(a); i >= 0; i-- {
		next := make([]bool, len(b)+1)
		for j := len(b); j >= 0; j-- {
			switch {
			case i == len(a) && j == len(b):
				next[j] = true
			case i < len(a) && a[i] == '*':
				next[j] = rest[j] || j < len(b) && next[j+1]
			case j < len(b) && b[j] == '*':
				next[j] = next[j+1] || i < len(a) && rest[j]
			default:
				next[j] = i < len(a) && j < len(b) && a[i] == b[j] && rest[j+1]
			}
		}
		rest = next
	}
	return rest[0]
}

// meet is overlap with a quick no for patterns that begin differently, which
// most do.
func meet(a, b string) bool {
	x, _, _ := strings.Cut(a, "*")
	y, _, _ := strings.Cut(b, "*")
	n := min(len(x), len(y))
	return x[:n] == y[:n] && overlap(a, b)
}
