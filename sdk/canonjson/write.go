package canonjson

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// node is a parsed value. Scalars carry their canonical text; an object carries
// its members already in canonical order.
type node struct {
	kind  byte // '{', '[' or 's' for a scalar
	text  []byte
	names []string
	kids  []node
}

// append writes n's canonical form behind dst.
func (n node) append(dst []byte) []byte {
	switch n.kind {
	case 's':
		return append(dst, n.text...)
	case '[':
		dst = append(dst, '[')
		for i, kid := range n.kids {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = kid.append(dst)
		}
		return append(dst, ']')
	}
	dst = append(dst, '{')
	for i, kid := range n.kids {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, n.names[i]), ':')
		dst = kid.append(dst)
	}
	return append(dst, '}')
}

// compareUnits orders by UTF-16 units, which differs from the order of runes and
// of UTF-8 bytes for names outside the basic plane.
func compareUnits(a, b string) int {
	for a != "" && b != "" {
		ra, na := utf8.DecodeRuneInString(a)
		rb, nb := utf8.DecodeRuneInString(b)
		if ra != rb {
			if (ra > 0xFFFF) == (rb > 0xFFFF) {
				return int(ra - rb)
			}
			return int(firstUnit(ra) - firstUnit(rb))
		}
		a, b = a[na:], b[nb:]
	}
	return len(a) - len(b)
}

func firstUnit(r rune) rune {
	if r > 0xFFFF {
		r, _ = utf16.EncodeRune(r)
	}
	return r
}

// appendNumber writes f as ECMAScript's Number::toString does (RFC 8785, 3.2.2.3).
func appendNumber(dst []byte, f float64) []byte {
	if f == 0 {
		return append(dst, '0') // minus zero too
	}
	if abs := math.Abs(f); abs >= 1e-6 && abs < 1e21 {
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	// Go pads the exponent to two digits, ECMAScript does not.
	s := strconv.FormatFloat(f, 'e', -1, 64)
	i := strings.IndexByte(s, 'e') + 2
	if s[i] == '0' {
		s = s[:i] + s[i+1:]
	}
	return append(dst, s...)
}

// The short escapes and what they stand for, byte by byte.
const (
	escapeLetters = `"\/bfnrt`
	escapeMeans   = "\"\\/\b\f\n\r\t"
)

const hexDigits = "0123456789abcdef"

// appendString writes s with the escapes of RFC 8785, 3.2.2.2, and no others.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c >= 0x20:
			dst = append(dst, c)
		case strings.IndexByte(escapeMeans, c) >= 0:
			dst = append(dst, '\\', escapeLetters[strings.IndexByte(escapeMeans, c)])
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(dst, '"')
}
