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
	// reach[j]: what stands before i of a and before j of b can be the same text.
	reach := make([]bool, len(b)+1)
	reach[0] = true
	for j := 0; j < len(b) && b[j] == '*'; j++ {
		reach[j+1] = true
	}
	for i := range len(a) {
		next := make([]bool, len(b)+1)
		if a[i] == '*' {
			// Nothing, or any one element of b after what was reached.
			for j := range next {
				next[j] = reach[j] || j > 0 && next[j-1]
			}
		} else {
			for j := range b {
				if b[j] == '*' {
					next[j] = next[j] || reach[j]
					next[j+1] = next[j+1] || next[j] || reach[j+1]
				} else if b[j] == a[i] {
					next[j+1] = next[j+1] || reach[j]
				}
			}
		}
		for j := range b {
			if b[j] == '*' && next[j] {
				next[j+1] = true
			}
		}
		reach = next
	}
	return reach[len(b)]
}
