package gate

import (
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// nextCluster is the length in bytes of the first grapheme cluster of s: what
// a person calls a character (Unicode UAX #29). s must start at a boundary and
// not be empty. Two ASCII bytes always stand apart, except CR LF, so that most
// text never reaches the full algorithm.
func nextCluster(s string) int {
	if s[0] < utf8.RuneSelf && (len(s) == 1 || s[1] < utf8.RuneSelf) {
		if s[0] == '\r' && len(s) > 1 && s[1] == '\n' {
			return 2
		}
		return 1
	}
	c, _, _, _ := uniseg.FirstGraphemeClusterInString(s, -1)
	return len(c)
}

// clusters counts the grapheme clusters of s.
func clusters(s string) int { return clustersUpTo(s, math.MaxInt) }

// clustersUpTo stops counting at most.
func clustersUpTo(s string, most int) int {
	n := 0
	for len(s) > 0 && n < most {
		s = s[nextCluster(s):]
		n++
	}
	return n
}

// ellipsis marks a text that was cut; it counts as one character of the limit.
const ellipsis = "…"

// truncate cuts s to at most limit clusters, the last being an ellipsis. It
// cuts between words when that keeps more than half of what fits, so that a
// reader sees no torn word; a text without spaces is cut anywhere.
func truncate(s string, limit int) string {
	if len(s) <= limit || clusters(s) <= limit {
		return s
	}
	if limit == 0 {
		return ""
	}
	end, word, kept, wordAt := 0, 0, 0, 0
	for kept < limit-1 {
		n := nextCluster(s[end:])
		if r, _ := utf8.DecodeRuneInString(s[end:]); unicode.IsSpace(r) {
			word, wordAt = end, kept
		}
		end += n
		kept++
	}
	if r, _ := utf8.DecodeRuneInString(s[end:]); !unicode.IsSpace(r) && wordAt > kept/2 {
		end = word
	}
	cut := strings.TrimRightFunc(s[:end], func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune(",;:-–—(", r)
	})
	return cut + ellipsis
}
