package diag

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxName bounds what Closest compares: names are short, and the comparison
// costs the product of the lengths.
const maxName = 128

// Closest is the name in among that a person most probably meant by name: the
// one with the fewest edits (insert, delete, replace, swap neighbours), case
// and the difference between - and _ ignored. It is "" when nothing is near: at
// most one edit for names of two to five characters, none for shorter ones, else
// a third of the length.
// Ties go to the earlier entry.
func Closest(name string, among []string) string {
	n := utf8.RuneCountInString(name)
	if n == 0 || len(name) > maxName {
		return ""
	}
	limit := max(min(1, n-1), n/3)
	best, found := "", limit+1
	for _, candidate := range among {
		if candidate == name {
			continue
		}
		if len(candidate) > maxName {
			continue
		}
		if m := utf8.RuneCountInString(candidate); m-n >= found || n-m >= found {
			continue
		}
		if d := distance(fold(name), fold(candidate)); d < found {
			best, found = candidate, d
		}
	}
	return best
}

// DidYouMean is ` Did you mean "x"?` with the closest name, or "". It starts
// with a space, to be appended to a sentence.
func DidYouMean(name string, among []string) string {
	c := Closest(name, among)
	if c == "" {
		return ""
	}
	return fmt.Sprintf(" Did you mean %q?", c)
}

func fold(s string) []rune {
	return []rune(strings.ReplaceAll(strings.ToLower(s), "_", "-"))
}

// distance is the optimal string alignment distance: Levenshtein's with swaps
// of neighbours, because a swap is the commonest slip of all.
func distance(a, b []rune) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
