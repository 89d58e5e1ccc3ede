package desk

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean makes a stranger's text safe to repeat: valid UTF-8 without characters
// that are not seen.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.Is(unicode.Cf, r) || unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}

// line is a text in one line.
func line(s string) string { return strings.Join(strings.Fields(clean(s)), " ") }

// clip cuts a text to at most n bytes, at a word where there is one near.
func clip(s string, n int) string {
	const more = " …"
	if len(s) <= n {
		return s
	}
	cut := n - len(more)
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	if i := strings.LastIndexByte(s[:cut], ' '); i > cut-40 && i > 0 {
		cut = i
	}
	return s[:cut] + more
}
