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
// one line that says so.
type log struct {
	send    func(Line)
	used    int
	cut     bool
	pending [2][]byte // unfinished lines of fd 1 and 2
	last    []byte
}

func (l *log) line(level Level, text []byte) {
	if l.cut {
		return
	}
	text = text[:min(len(text), maxLog)]
	clean := strings.Map(printable, strings.ToValidUTF8(string(text), "\uFFFD"))
	l.last = append(append(l.last, clean...), '\n')
	if extra := len(l.last) - maxTail; extra > 0 {
		l.last = l.last[:copy(l.last, l.last[extra:])]
	}
	if l.used += len(clean) + 1; l.used > maxLog {
		l.cut = true
		level, clean = LevelWarn, "(the log of this call is cut here: it is longer than 64 KiB)"
	}
	if l.send != nil {
		l.send(Line{level, clean})
	}
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
	p := &l.pending[fd-1]
	*p = append(*p, b[:min(len(b), maxLog+1)]...)
	for {
		i := bytes.IndexByte(*p, '\n')
		if i < 0 && len(*p) <= maxLog {
			return
		}
		if i < 0 {
			i = len(*p) - 1
		}
		l.line(Level(fd), bytes.TrimRight((*p)[:i], "\r"))
		*p = (*p)[:copy(*p, (*p)[i+1:])]
	}
}

// flush gives out lines that did not end.
func (l *log) flush() {
	for i := range l.pending {
		if len(l.pending[i]) > 0 {
			l.line(Level(i+1), l.pending[i])
			l.pending[i] = nil
		}
	}
}

// tail is the last that the guest said.
func (l *log) tail() string {
	return strings.ToValidUTF8(string(l.last), "")
}
