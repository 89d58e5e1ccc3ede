package canonjson

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// parser reads one document. encoding/json is refused for this: it keeps the
// last of two equal names, takes lone surrogates and invalid UTF-8, and drops
// the text of numbers.
type parser struct {
	src   []byte
	at    int
	depth int
}

func (p *parser) errorf(at int, format string, args ...any) error {
	return fmt.Errorf("at byte %d: "+format, append([]any{at}, args...)...)
}

func (p *parser) document() (node, error) {
	n, err := p.value()
	if err != nil {
		return node{}, err
	}
	p.space()
	if p.at < len(p.src) {
		return node{}, p.errorf(p.at, "there is text behind the value")
	}
	return n, nil
}

func (p *parser) space() {
	for p.at < len(p.src) && strings.IndexByte(" \t\n\r", p.src[p.at]) >= 0 {
		p.at++
	}
}

// peek is the next byte after white space, or 0 at the end.
func (p *parser) peek() byte {
	p.space()
	if p.at == len(p.src) {
		return 0
	}
	return p.src[p.at]
}

func (p *parser) value() (node, error) {
	c := p.peek()
	switch {
	case c == '{' || c == '[':
		if p.depth++; p.depth > MaxDepth {
			return node{}, p.errorf(p.at, "nested deeper than %d", MaxDepth)
		}
		defer func() { p.depth-- }()
		p.at++
		if c == '{' {
			return p.object()
		}
		return p.array()
	case c == '"':
		s, err := p.str()
		return node{kind: 's', text: appendString(nil, s)}, err
	case c == '-' || '0' <= c && c <= '9':
		text, err := p.number()
		return node{kind: 's', text: text}, err
	}
	for _, word := range []string{"true", "false", "null"} {
		if strings.HasPrefix(string(p.src[p.at:min(len(p.src), p.at+len(word))]), word) {
			p.at += len(word)
			return node{kind: 's', text: []byte(word)}, nil
		}
	}
	if p.at == len(p.src) {
		return node{}, p.errorf(p.at, "the document ends where a value is due")
	}
	return node{}, p.errorf(p.at, "no value begins with %q", p.src[p.at])
}

func (p *parser) array() (node, error) {
	n := node{kind: '['}
	if p.peek() == ']' {
		p.at++
		return n, nil
	}
	for {
		kid, err := p.value()
		if err != nil {
			return node{}, err
		}
		n.kids = append(n.kids, kid)
		switch p.peek() {
		case ',':
			p.at++
		case ']':
			p.at++
			return n, nil
		default:
			return node{}, p.errorf(p.at, "an array goes on with a comma or ]")
		}
	}
}

func (p *parser) object() (node, error) {
	type member struct {
		name  string
		at    int
		value node
	}
	var members []member
	if p.peek() == '}' {
		p.at++
		return node{kind: '{'}, nil
	}
	for more := true; more; {
		if p.peek() != '"' {
			return node{}, p.errorf(p.at, "the name of a member is due, in double quotes")
		}
		at := p.at
		name, err := p.str()
		if err != nil {
			return node{}, err
		}
		if p.peek() != ':' {
			return node{}, p.errorf(p.at, "a colon is due after the name %q", name)
		}
		p.at++
		v, err := p.value()
		if err != nil {
			return node{}, err
		}
		members = append(members, member{name, at, v})
		switch p.peek() {
		case ',':
			p.at++
		case '}':
			p.at++
			more = false
		default:
			return node{}, p.errorf(p.at, "an object goes on with a comma or }")
		}
	}
	slices.SortStableFunc(members, func(a, b member) int { return compareUnits(a.name, b.name) })
	n := node{kind: '{', names: make([]string, len(members)), kids: make([]node, len(members))}
	for i, m := range members {
		if i > 0 && members[i-1].name == m.name {
			return node{}, p.errorf(m.at, "the name %q stands twice in one object", m.name)
		}
		n.names[i], n.kids[i] = m.name, m.value
	}
	return n, nil
}

// number reads a number in JSON's grammar and returns it as ECMAScript's
// Number::toString prints the nearest float64 (RFC 8785, 3.2.2.3).
func (p *parser) number() ([]byte, error) {
	start := p.at
	p.skip('-')
	if !p.skip('0') && !p.digits() {
		return nil, p.errorf(p.at, "a digit is due")
	}
	whole := true
	if p.skip('.') {
		if whole = false; !p.digits() {
			return nil, p.errorf(p.at, "a digit is due after the point")
		}
	}
	if p.skip('e') || p.skip('E') {
		whole = false
		if !p.skip('+') {
			p.skip('-')
		}
		if !p.digits() {
			return nil, p.errorf(p.at, "a digit is due in the exponent")
		}
	}
	text := string(p.src[start:p.at])
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(f, 0) {
		return nil, p.errorf(start, "the number %s is out of the range of a 64-bit float", shorten(text))
	}
	if whole && f != 0 && strconv.FormatFloat(f, 'f', -1, 64) != text {
		return nil, p.errorf(start, "the integer %s cannot be carried exactly by a JSON number: write it as a string", shorten(text))
	}
	return appendNumber(nil, f), nil
}

func (p *parser) skip(c byte) bool {
	if p.at < len(p.src) && p.src[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *parser) digits() bool {
	start := p.at
	for p.at < len(p.src) && '0' <= p.src[p.at] && p.src[p.at] <= '9' {
		p.at++
	}
	return p.at > start
}

func shorten(s string) string {
	if len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}

// str reads a string; p.at stands on its opening quote.
func (p *parser) str() (string, error) {
	open := p.at
	p.at++
	var out []byte
	for p.at < len(p.src) {
		c := p.src[p.at]
		switch {
		case c == '"':
			p.at++
			return string(out), nil
		case c == '\\':
			var err error
			if out, err = p.escape(out); err != nil {
				return "", err
			}
		case c < 0x20:
			return "", p.errorf(p.at, "the control character %#02x stands unescaped in a string", c)
		case c < utf8.RuneSelf:
			out = append(out, c)
			p.at++
		default:
			r, n := utf8.DecodeRune(p.src[p.at:])
			if r == utf8.RuneError && n == 1 {
				return "", p.errorf(p.at, "invalid UTF-8")
			}
			out = append(out, p.src[p.at:p.at+n]...)
			p.at += n
		}
	}
	return "", p.errorf(open, "the string that begins here does not end")
}

// escape reads one escape sequence, or two that make a surrogate pair.
func (p *parser) escape(out []byte) ([]byte, error) {
	start := p.at
	if p.at+1 >= len(p.src) {
		return nil, p.errorf(start, "the document ends in an escape sequence")
	}
	c := p.src[p.at+1]
	if i := strings.IndexByte(escapeLetters, c); i >= 0 {
		p.at += 2
		return append(out, escapeMeans[i]), nil
	}
	r, err := p.unit()
	if err != nil {
		return nil, p.errorf(start, "%w", err)
	}
	if utf16.IsSurrogate(r) {
		low, err := p.unit()
		if r = utf16.DecodeRune(r, low); err != nil || r == utf8.RuneError {
			return nil, p.errorf(start, "a lone surrogate: half a character has no UTF-8 form")
		}
	}
	return utf8.AppendRune(out, r), nil
}

var errEscape = errors.New("an invalid escape sequence")

// unit reads \uXXXX.
func (p *parser) unit() (rune, error) {
	if p.at+6 > len(p.src) || p.src[p.at] != '\\' || p.src[p.at+1] != 'u' {
		return 0, errEscape
	}
	n, err := strconv.ParseUint(string(p.src[p.at+2:p.at+6]), 16, 32)
	if err != nil {
		return 0, errEscape
	}
	p.at += 6
	return rune(n), nil
}
