package gate

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// links are the http(s) links of a text, in order, as they stand in it; a link
// that occurs twice is there twice.
//
// A link starts at http:// or https:// (any case) that does not continue a
// word, and needs a letter, digit or [ behind it. It ends before white space,
// a control character, one of <>"`|\, typographic quotes or CJK punctuation,
// before a closing bracket that it did not open, and before a comma or
// semicolon that another link follows. Punctuation at its end belongs to the
// sentence. The label of a Markdown link that is itself a link is not counted:
// [https://a.example](https://a.example) is one.
func links(s string) []string {
	var out []string
	for at := 0; ; {
		start, host := nextScheme(s, at)
		if start < 0 {
			return out
		}
		end := linkEnd(s, host)
		link := trimLink(s[start:end])
		at = max(end, host)
		if len(link) <= host-start || !startsHost(link[host-start:]) {
			at = host
			continue
		}
		if strings.HasPrefix(s[end:], "](") {
			continue
		}
		out = append(out, link)
	}
}

// nextScheme finds the next http:// or https:// at or after at: where it
// starts, and where the host behind it does.
func nextScheme(s string, at int) (start, host int) {
	for {
		i := strings.Index(s[at:], "://")
		if i < 0 {
			return -1, -1
		}
		i += at
		at = i + 3
		for _, scheme := range []string{"https", "http"} {
			start := i - len(scheme)
			if start < 0 || !strings.EqualFold(s[start:i], scheme) {
				continue
			}
			if r, _ := utf8.DecodeLastRuneInString(s[:start]); start == 0 || !unicode.IsLetter(r) && !unicode.IsDigit(r) {
				return start, at
			}
		}
	}
}

func linkEnd(s string, from int) int {
	var open []rune
	for i, r := range s[from:] {
		switch {
		case unicode.IsSpace(r), unicode.IsControl(r), strings.ContainsRune("<>\"`|\\“”„«»", r), r >= 0x3000 && r <= 0x303F, r >= 0xFF00 && r <= 0xFF0F:
			return from + i
		case r == '(' || r == '[' || r == '{':
			open = append(open, closing(r))
		case r == ')' || r == ']' || r == '}':
			if len(open) == 0 || open[len(open)-1] != r {
				return from + i
			}
			open = open[:len(open)-1]
		case r == ',' || r == ';':
			if start, _ := nextScheme(s[from+i+1:min(len(s), from+i+9)], 0); start == 0 {
				return from + i
			}
		}
	}
	return len(s)
}

func closing(r rune) rune {
	switch r {
	case '(':
		return ')'
	case '[':
		return ']'
	}
	return '}'
}

func trimLink(link string) string { return strings.TrimRight(link, ".,;:!?'*_~…([{") }

func startsHost(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '['
}
