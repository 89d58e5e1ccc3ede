package sandbox

import "unicode/utf8"

// scan reads JSON once. well is true when it is valid JSON in UTF-8 without
// escapes of half surrogate pairs; false says nothing: texts that are nested
// deeper than scanDepth are among those. output is true when it is an object with
// a member "output", written so.
//
// It is here because every call reads its input and its answer: encoding/json
// took 40 % of a call at 0.6 KB (2026-11), in four passes.
func scan(raw []byte) (well, output bool) {
	var stack [scanDepth]bool // true: in an object
	depth, at := 0, skipSpace(raw, 0)
	for {
		// A value begins at at.
		if at >= len(raw) {
			return false, false
		}
		switch c := raw[at]; {
		case c == '{' || c == '[':
			if depth == scanDepth {
				return false, false
			}
			stack[depth] = c == '{'
			depth++
			at = skipSpace(raw, at+1)
			if at < len(raw) && raw[at] == c+2 { // the closing one
				depth--
				at++
				break
			}
			if c == '[' {
				continue
			}
			next, is := key(raw, at, depth)
			if next < 0 {
				return false, false
			}
			output = output || is
			at = next
			continue
		case c == '"':
			at = scanString(raw, at)
		case c == '-' || c >= '0' && c <= '9':
			at = scanNumber(raw, at)
		case c == 't':
			at = word(raw, at, "true")
		case c == 'f':
			at = word(raw, at, "false")
		case c == 'n':
			at = word(raw, at, "null")
		default:
			return false, false
		}
		if at < 0 {
			return false, false
		}
		// A value has ended at at.
		for {
			at = skipSpace(raw, at)
			if depth == 0 {
				return at == len(raw), output
			}
			if at >= len(raw) {
				return false, false
			}
			c, object := raw[at], stack[depth-1]
			at++
			if c == ',' {
				at = skipSpace(raw, at)
				if object {
					next, is := key(raw, at, depth)
					if next < 0 {
						return false, false
					}
					output = output || is
					at = next
				}
				break
			}
			if object && c != '}' || !object && c != ']' {
				return false, false
			}
			depth--
		}
	}
}

const scanDepth = 256

// key reads a member's name and the colon behind it, and tells where the value
// begins, or -1.
func key(raw []byte, at, depth int) (next int, output bool) {
	if at >= len(raw) || raw[at] != '"' {
		return -1, false
	}
	end := scanString(raw, at)
	if end < 0 {
		return -1, false
	}
	output = depth == 1 && string(raw[at:end]) == `"output"`
	if end = skipSpace(raw, end); end >= len(raw) || raw[end] != ':' {
		return -1, false
	}
	return skipSpace(raw, end+1), output
}

func skipSpace(raw []byte, at int) int {
	for at < len(raw) && (raw[at] == ' ' || raw[at] == '\n' || raw[at] == '\t' || raw[at] == '\r') {
		at++
	}
	return at
}

func word(raw []byte, at int, w string) int {
	if len(raw)-at < len(w) || string(raw[at:at+len(w)]) != w {
		return -1
	}
	return at + len(w)
}

// scanString reads a string from its quote on and tells where it has ended, or
// -1.
func scanString(raw []byte, at int) int {
	for at++; at < len(raw); {
		switch c := raw[at]; {
		case c == '"':
			return at + 1
		case c == '\\':
			if at = escape(raw, at); at < 0 {
				return -1
			}
		case c < ' ':
			return -1
		case c < utf8.RuneSelf:
			at++
		default:
			r, n := utf8.DecodeRune(raw[at:])
			if r == utf8.RuneError && n == 1 {
				return -1
			}
			at += n
		}
	}
	return -1
}

func escape(raw []byte, at int) int {
	if at+1 >= len(raw) {
		return -1
	}
	switch raw[at+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return at + 2
	case 'u':
	default:
		return -1
	}
	unit, ok := unit(raw, at)
	switch {
	case !ok || unit >= 0xDC00 && unit <= 0xDFFF:
		return -1
	case unit < 0xD800 || unit > 0xDBFF:
		return at + 6
	}
	if low, ok := unitAt(raw, at+6); !ok || low < 0xDC00 || low > 0xDFFF {
		return -1
	}
	return at + 12
}

// unitAt reads \uXXXX.
func unitAt(raw []byte, at int) (int, bool) {
	if at+1 >= len(raw) || raw[at] != '\\' || raw[at+1] != 'u' {
		return 0, false
	}
	return unit(raw, at)
}

func unit(raw []byte, at int) (v int, ok bool) {
	if at+6 > len(raw) {
		return 0, false
	}
	for _, c := range raw[at+2 : at+6] {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
			return 0, false
		}
	}
	return hex4(raw[at+2 : at+6]), true
}

func scanNumber(raw []byte, at int) int {
	digits := func() bool {
		from := at
		for at < len(raw) && raw[at] >= '0' && raw[at] <= '9' {
			at++
		}
		return at > from
	}
	if raw[at] == '-' {
		at++
	}
	zero := at < len(raw) && raw[at] == '0'
	from := at
	if !digits() || zero && at > from+1 {
		return -1
	}
	if at < len(raw) && raw[at] == '.' {
		at++
		if !digits() {
			return -1
		}
	}
	if at < len(raw) && (raw[at] == 'e' || raw[at] == 'E') {
		at++
		if at < len(raw) && (raw[at] == '+' || raw[at] == '-') {
			at++
		}
		if !digits() {
			return -1
		}
	}
	return at
}
