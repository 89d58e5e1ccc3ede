package script

import "bytes"

// wellFormed gives JSON in which no escape is half a surrogate pair: JavaScript
// would keep the half, hand it on, and the host would then refuse an answer for
// what stood in the input. What counts is Go's reading, U+FFFD. Nearly no input
// has such escapes; then it is given back as it is.
func wellFormed(raw []byte) []byte {
	if !bytes.Contains(raw, []byte(`\ud`)) && !bytes.Contains(raw, []byte(`\uD`)) {
		return raw
	}
	out := bytes.Clone(raw)
	for i := 0; i < len(out); i++ {
		if out[i] != '\\' {
			continue
		}
		switch half(out[i:]) {
		case 'h':
			if half(out[min(i+6, len(out)):]) == 'l' {
				i += 11
				continue
			}
			fallthrough
		case 'l':
			copy(out[i:], `\ufffd`)
			i += 5
		default:
			i++ // whatever is escaped is no backslash of its own
		}
	}
	return out
}

// half tells whether s begins with the escape of the high ('h') or the low ('l')
// half of a surrogate pair.
func half(s []byte) byte {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' || s[2]|0x20 != 'd' || !hexDigit(s[4]) || !hexDigit(s[5]) {
		return 0
	}
	switch c := s[3] | 0x20; {
	case s[3] == '8' || s[3] == '9' || c == 'a' || c == 'b':
		return 'h'
	case c >= 'c' && c <= 'f':
		return 'l'
	}
	return 0
}

func hexDigit(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}
