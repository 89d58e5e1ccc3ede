package load

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// glance is what is needed of an ordinary chunk. Decoding was a sixth of the
// generator's processor time at 10,000 chunks a second (2026-11-21); a look costs
// less than half of it. Whatever is not ordinary is left to encoding/json: usage,
// errors, escaped or repeated keys, anything malformed.
type glance struct {
	model   []byte
	finish  []byte
	choices bool // there is one at least
	says    bool // it has something of the answer in it
}

// look reads a chunk; false means that encoding/json has to.
func look(src []byte) (g glance, ok bool) {
	s := scan{src: src}
	var seen [4]bool
	ok = s.object(func(key []byte) bool {
		switch string(key) {
		case "model":
			var text bool
			g.model, text = s.text()
			return text && once(&seen[0])
		case "choices":
			return once(&seen[1]) && s.choices(&g)
		case "usage":
			return once(&seen[2]) && s.literal("null")
		case "error":
			return once(&seen[3]) && s.literal("null")
		case "object":
			kind, text := s.text()
			return text && string(kind) != "error"
		}
		return s.skip(0)
	})
	s.space()
	return g, ok && s.at == len(src)
}

func once(seen *bool) bool {
	first := !*seen
	*seen = true
	return first
}

// choices takes the first choice, and skips others.
func (s *scan) choices(g *glance) bool {
	var seen [3]bool
	return s.array(func(i int) bool {
		if i > 0 {
			return s.skip(0)
		}
		g.choices = true
		return s.object(func(key []byte) bool {
			switch string(key) {
			case "text":
				return once(&seen[0]) && s.says(g)
			case "delta":
				return once(&seen[1]) && s.delta(g)
			case "finish_reason":
				if !once(&seen[2]) {
					return false
				}
				if s.literal("null") {
					return true
				}
				var text bool
				g.finish, text = s.text()
				return text
			}
			return s.skip(0)
		})
	})
}

func (s *scan) delta(g *glance) bool {
	return s.object(func(key []byte) bool {
		switch string(key) {
		case "content", "reasoning", "reasoning_content":
			return s.says(g)
		case "tool_calls":
			return s.literal("null") // calls are rare: left to encoding/json
		}
		return s.skip(0)
	})
}

// says takes a text that is a part of the answer unless it is empty or null.
func (s *scan) says(g *glance) bool {
	if s.literal("null") {
		return true
	}
	from := s.at
	if !s.pass() {
		return false
	}
	g.says = g.says || s.at-from > 2
	return true
}

// scan walks through JSON.
type scan struct {
	src []byte
	at  int
}

func (s *scan) space() {
	for s.at < len(s.src) && (s.src[s.at] == ' ' || s.src[s.at] == '\n' || s.src[s.at] == '\t' || s.src[s.at] == '\r') {
		s.at++
	}
}

// take c after space.
func (s *scan) take(c byte) bool {
	s.space()
	if s.at < len(s.src) && s.src[s.at] == c {
		s.at++
		return true
	}
	return false
}

func (s *scan) literal(word string) bool {
	s.space()
	if rest := s.src[s.at:]; len(rest) >= len(word) && string(rest[:len(word)]) == word {
		s.at += len(word)
		return true
	}
	return false
}

// pass over a string.
func (s *scan) pass() bool {
	if !s.take('"') {
		return false
	}
	for s.at < len(s.src) {
		switch c := s.src[s.at]; {
		case c == '"':
			s.at++
			return true
		case c == '\\':
			s.at += 2
		case c < ' ':
			return false
		default:
			s.at++
		}
	}
	return false
}

// text is a string of valid UTF-8 without escapes, as it stands.
func (s *scan) text() ([]byte, bool) {
	s.space()
	from := s.at + 1
	if !s.pass() {
		return nil, false
	}
	text := s.src[from : s.at-1]
	return text, bytes.IndexByte(text, '\\') < 0 && utf8.Valid(text)
}

// object calls of for each key, which takes the value. Keys that encoding/json
// might match otherwise (capitals, beyond ASCII) are refused.
func (s *scan) object(of func(key []byte) bool) bool {
	if !s.take('{') {
		return false
	}
	for first := true; !s.take('}'); first = false {
		if !first && !s.take(',') {
			return false
		}
		key, ok := s.text()
		if !ok || !plain(key) || !s.take(':') || !of(key) {
			return false
		}
	}
	return true
}

func plain(key []byte) bool {
	for _, c := range key {
		if c >= 'A' && c <= 'Z' || c > '~' {
			return false
		}
	}
	return true
}

func (s *scan) array(of func(i int) bool) bool {
	if !s.take('[') {
		return false
	}
	for i := 0; !s.take(']'); i++ {
		if i > 0 && !s.take(',') || !of(i) {
			return false
		}
	}
	return true
}

// skip any value, 16 levels deep at most.
func (s *scan) skip(depth int) bool {
	s.space()
	if s.at >= len(s.src) || depth > 16 {
		return false
	}
	switch s.src[s.at] {
	case '"':
		return s.pass()
	case '{':
		return s.object(func([]byte) bool { return s.skip(depth + 1) })
	case '[':
		return s.array(func(int) bool { return s.skip(depth + 1) })
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	}
	from := s.at
	for s.at < len(s.src) && strings.IndexByte("+-0123456789.eE", s.src[s.at]) >= 0 {
		s.at++
	}
	return s.at > from
}
