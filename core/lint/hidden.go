package lint

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean takes out of a text what nobody sees and models read: tag characters,
// direction controls, characters without width, selectors that select nothing,
// and control characters but line breaks and tabs. What emoji and scripts need
// stays. removed is the number of characters taken out; the text is the same
// one where it is 0.
func Clean(text string) (clean string, removed int) {
	spots := scan(text)
	if len(spots) == 0 {
		return text, 0
	}
	var b strings.Builder
	b.Grow(len(text))
	last := 0
	for _, s := range spots {
		b.WriteString(text[last:s.start])
		last = s.end
	}
	b.WriteString(text[last:])
	return b.String(), len(spots)
}

// spot is one character that is not seen.
type spot struct {
	start, end int
	r          rune
	sort       sort
}

type sort int

const (
	seen sort = iota
	tag
	direction
	zeroWidth
	variation
	control
)

// scan finds hidden characters that nothing around them needs.
func scan(text string) []spot {
	var out []spot
	var before rune // the last character that is seen, or that belongs to one
	for i := 0; i < len(text); {
		c := text[i]
		if c >= ' ' && c < 0x7f || c == '\n' || c == '\t' {
			before = rune(c)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		if r == 0x1F3F4 { // a black flag: a region's letters may follow
			i += size + region(text[i+size:])
			before = r
			continue
		}
		s := sortOf(r)
		next, _ := utf8.DecodeRuneInString(text[i+size:])
		switch {
		case s == seen, i == 0 && r == 0xFEFF, r == '\r' && next == '\n':
			before = r
		case s == zeroWidth && joins(r, before, next), s == variation && varies(r, before):
			before = r
		default:
			out = append(out, spot{i, i + size, r, s})
		}
		i += size
	}
	return out
}

func sortOf(r rune) sort {
	switch {
	case r >= 0xE0000 && r <= 0xE007F:
		return tag
	case r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069:
		return direction
	case r == 0x200B, r == 0x200C, r == 0x200D, r == 0x2060, r >= 0x2061 && r <= 0x2064, r == 0xFEFF, r == 0x180E,
		r == 0x034F, r == 0x115F, r == 0x1160, r == 0x3164, r == 0xFFA0, r >= 0x206A && r <= 0x206F:
		return zeroWidth
	case r >= 0xFE00 && r <= 0xFE0F, r >= 0xE0100 && r <= 0xE01EF, r >= 0x180B && r <= 0x180D:
		return variation
	case r < ' ' && r != '\n' && r != '\t', r >= 0x7f && r < 0xA0:
		return control
	}
	return seen
}

// region is the length of a flag of a region: tag letters and the end of them.
func region(rest string) int {
	n := 0
	for count := 0; count < 8; count++ {
		r, size := utf8.DecodeRuneInString(rest[n:])
		switch {
		case r == 0xE007F && count > 1:
			return n + size
		case r >= 0xE0030 && r <= 0xE0039, r >= 0xE0061 && r <= 0xE007A:
			n += size
		default:
			return 0
		}
	}
	return 0
}

// joins tells whether a joiner stands where one belongs: between parts of an
// emoji, or in a script that is written with joiners (Arabic, Persian, the
// scripts of India and South-East Asia, Mongolian).
func joins(r, before, next rune) bool {
	switch r {
	case 0x200D:
		return pictured(before) && pictured(next) || joined(before)
	case 0x200C:
		return joined(before) && joined(next)
	case 0x180E:
		return unicode.Is(unicode.Mongolian, before)
	case 0x200B: // breaks lines where words have no spaces between
		return unicode.In(before, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
	case 0x115F, 0x1160:
		return unicode.Is(unicode.Hangul, before) || unicode.Is(unicode.Hangul, next)
	}
	return false
}

func joined(r rune) bool {
	return unicode.In(r, unicode.Arabic, unicode.Syriac, unicode.Mongolian, unicode.Nko, unicode.Devanagari, unicode.Bengali, unicode.Gurmukhi,
		unicode.Gujarati, unicode.Oriya, unicode.Tamil, unicode.Telugu, unicode.Kannada, unicode.Malayalam, unicode.Sinhala, unicode.Tibetan, unicode.Khmer, unicode.Myanmar)
}

// pictured tells whether a character is, or ends, a picture.
func pictured(r rune) bool {
	return r == 0xFE0F || r == 0x20E3 || r == 0x2139 || unicode.Is(unicode.So, r) || unicode.Is(unicode.Sk, r) || r >= 0x2190 && r <= 0x2BFF || r >= 0x1F000 && r <= 0x1FAFF
}

// varies tells whether a selector has something to select: pictures and signs
// of text have two forms, ideographs many.
func varies(r, before rune) bool {
	switch {
	case r == 0xFE0E || r == 0xFE0F:
		return pictured(before) && before != 0xFE0F || before >= '0' && before <= '9' || before == '#' || before == '*' || unicode.Is(unicode.P, before) || unicode.Is(unicode.S, before)
	case r >= 0x180B && r <= 0x180D:
		return unicode.Is(unicode.Mongolian, before)
	case r >= 0xFE00 && r <= 0xFE02:
		return unicode.Is(unicode.Han, before) || unicode.Is(unicode.Sm, before) || unicode.Is(unicode.Myanmar, before) || before == '0'
	case r >= 0xE0100:
		return unicode.Is(unicode.Han, before)
	}
	return false
}

var hiddenRules = map[sort]struct{ id, what string }{
	tag:       {"hidden-tag", "a tag character, which is never shown"},
	direction: {"hidden-direction", "a character that turns the direction of writing"},
	zeroWidth: {"hidden-zero-width", "a character without width"},
	variation: {"hidden-variation", "a variation selector with nothing to vary"},
	control:   {"hidden-control", "a control character"},
}

// hidden reports what is not seen: characters in a row are one finding.
func (r *reader) hidden(f field) {
	spots := scan(f.text)
	for i := 0; i < len(spots); {
		j := i + 1
		for j < len(spots) && spots[j].start == spots[j-1].end && (spots[j].sort == spots[i].sort) {
			j++
		}
		s, end, n := spots[i], spots[j-1].end, j-i
		rule := hiddenRules[s.sort]
		i = j
		if r.full(rule.id, f) {
			continue
		}
		evidence := around(f.text, s.start, min(end, s.start+24))
		switch {
		case s.sort == tag && n > 1:
			r.add("hidden-tag", f, s.start, end, untag(spots[j-n:j]), "The %s holds %d tag characters in a row, which nobody sees and models read.", f.name, n)
		case s.sort == zeroWidth && n > 2:
			r.add("hidden-run", f, s.start, end, evidence, "The %s holds %d characters without width in a row, which is a message rather than an accident.", f.name, n)
		case s.sort == control && n == 1 && s.r == '\r', s.sort == control && s.r == '\f':
			// line ends of old systems, and page breaks of texts of all ages
		default:
			r.add(rule.id, f, s.start, end, evidence, "The %s holds %s (U+%04X).", f.name, rule.what, s.r)
		}
	}
}

// untag writes tag characters as the letters that they stand for.
func untag(spots []spot) string {
	var b strings.Builder
	for _, s := range spots {
		if c := s.r - 0xE0000; c >= ' ' && c < 0x7f {
			b.WriteRune(c)
		}
	}
	return cut(visible(fmt.Sprintf("reads %q", b.String())))
}

// evidenceLimit bounds what is shown of a text.
const evidenceLimit = 120

// around is the text of a place with a little of what stands before and behind.
func around(text string, start, end int) string {
	const margin = 24
	from, to := max(0, start-margin), min(len(text), end+margin)
	if to-from > 2*evidenceLimit {
		to = from + 2*evidenceLimit
	}
	for from > 0 && !utf8.RuneStart(text[from]) {
		from--
	}
	for to < len(text) && !utf8.RuneStart(text[to]) {
		to++
	}
	out := visible(text[from:to])
	if from > 0 {
		out = "…" + out
	}
	if to < len(text) {
		out += "…"
	}
	return cut(out)
}

// cut keeps evidence short.
func cut(s string) string {
	n := 0
	for i := range s {
		if n == evidenceLimit-1 {
			return s[:i] + "…"
		}
		n++
	}
	return s
}

// visible writes out every character that is not seen, so that evidence is what
// it looks like.
func visible(s string) string {
	clean := true
	for _, r := range s {
		if r == utf8.RuneError || sortOf(r) != seen || r == '\n' || r == '\t' || r == 0x200E || r == 0x200F || r == 0xAD || r == 0x2028 || r == 0x2029 {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n', r == '\t':
			b.WriteByte(' ')
		case r == utf8.RuneError:
			b.WriteString("\\ufffd")
		case sortOf(r) != seen, r == 0x200E, r == 0x200F, r == 0xAD, r == 0x2028, r == 0x2029:
			if r > 0xFFFF {
				fmt.Fprintf(&b, "\\U%08X", r)
			} else {
				fmt.Fprintf(&b, "\\u%04X", r)
			}
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
