package sandbox

import (
	"bytes"
	"strings"
	"unicode"
)

// Level of a log line.
type Level uint32

// The levels, as guests number them.
const (
	LevelDebug Level = iota
	LevelInfo
	LevelWarn
	LevelError
)

// Line is something that a guest logged: one line, without control characters,
// so that a guest cannot paint a terminal.
type Line struct {
	Level Level
	Text  string
}

const (
	maxLog  = 64 << 10 // bytes of all lines of a call
	maxTail = 2 << 10  // bytes of the last lines that an error quotes
)

// log collects what a guest says, up to maxLog; what comes then is dropped with
// one line that says so. Nothing is allocated for a caller who does not listen.
type log struct {
	send    func(Line)
	used    int
	cut     bool
	pending [2][]byte // unfinished lines of fd 1 and 2
	last    []byte    // the end of all that was said, as it came
}

func (l *log) reset(send func(Line)) {
	l.send, l.used, l.cut = send, 0, false
	l.pending[0], l.pending[1], l.last = l.pending[0][:0], l.pending[1][:0], l.last[:0]
}

func (l *log) line(level Level, text []byte) {
	if l.cut {
		return
	}
	text = text[:min(len(text), maxLog)]
	l.remember(text)
	var clean string
	size := len(text)
	if l.send != nil || !plain(text) {
		clean = strings.Map(printable, strings.ToValidUTF8(string(text), "\uFFFD"))
		size = len(clean)
	}
	if l.used += size + 1; l.used > maxLog {
		l.cut = true
		level, clean = LevelWarn, "(the log of this call is cut here: it is longer than 64 KiB)"
	}
	if l.send != nil {
		l.send(Line{level, clean})
	}
}

// plain tells whether cleaning would change nothing.
func plain(text []byte) bool {
	for _, c := range text {
		if c < ' ' && c != '\t' || c > '~' {
			return false
		}
	}
	return true
}

// remember keeps the last maxTail bytes.
func (l *log) remember(text []byte) {
	text = text[max(0, len(text)-maxTail):]
	if extra := len(l.last) + len(text) + 1 - maxTail; extra > 0 {
		l.last = l.last[:copy(l.last, l.last[min(extra, len(l.last)):])]
	}
	l.last = append(append(l.last, text...), '\n')
}

func printable(r rune) rune {
	if r == '\t' || unicode.IsPrint(r) {
		return r
	}
	return '\uFFFD'
}

// write takes what went to fd 1 (stdout, logged as info) or 2 (stderr, as warn).
func (l *log) write(fd uint32, b []byte) {
	if l.cut {
		return
	}
	p := l.pending[fd-1]
	p = append(p, b[:min(len(b), maxLog+1)]...)
	rest := p
	for !l.cut {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 && len(rest) <= maxLog {
			break
		}
		if i < 0 {
			i = len(rest) - 1
		}
		l.line(Level(fd), bytes.TrimRight(rest[:i], "\r"))
		rest = rest[i+1:]
	}
	l.pending[fd-1] = p[:copy(p, rest)]
}

// flush gives out lines that did not end.
func (l *log) flush() {
	for i := range l.pending {
		if len(l.pending[i]) > 0 {
			l.line(Level(i+1), l.pending[i])
			l.pending[i] = l.pending[i][:0]
		}
	}
}

// tail is the last that the guest said, one line each.
func (l *log) tail() string {
	lines := strings.Split(strings.ToValidUTF8(string(l.last), "\uFFFD"), "\n")
	for i, line := range lines {
		lines[i] = strings.Map(printable, line)
	}
	return strings.Join(lines, "\n")
}
