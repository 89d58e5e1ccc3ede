package lock

import (
	"fmt"
	"strings"
	"unicode"
)

// Visible shows every character that people cannot see, or that changes how others
// are shown, as its number: [U+200B]. Line breaks stay.
func Visible(s string) string {
	var b strings.Builder
	for _, r := range s {
		if hidden(r) && r != '\n' {
			fmt.Fprintf(&b, "[U+%04X]", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// hidden tells whether a character has no shape of its own: controls, formats (zero
// width, direction, tags), variation selectors, blanks other than the space, fillers,
// characters for private use, and what no UTF-8 decodes to.
func hidden(r rune) bool {
	switch {
	case r == ' ':
		return false
	case r == unicode.ReplacementChar, r == 0x034F, r == 0x115F, r == 0x1160, r == 0x17B4, r == 0x17B5, r == 0x2800, r == 0x3164, r == 0xFFA0:
		return true
	case 0xFE00 <= r && r <= 0xFE0F, 0xE0000 <= r && r <= 0xE0FFF, 0x180B <= r && r <= 0x180F:
		return true
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp, unicode.Zs) || !unicode.IsGraphic(r)
}
