// Package sse reads server-sent events and says when each of them was there.
//
// It takes the time as soon as a read returns, before anything is parsed, so that
// what the reader costs does not stand in what it measures. It must not know what
// an event means.
//
//	r := sse.New(body, 1<<20, clock)
//	for {
//		event, err := r.Next() // event.Data is good until the next call
//		if err != nil { return err } // io.EOF, io.ErrUnexpectedEOF, ErrLine
//	}
//
// Lines end in \n, \r\n or \r; data lines of one event are joined by \n; comments
// and other fields are skipped (WHATWG HTML, 9.2.6).
package sse

import (
	"bytes"
	"errors"
	"io"
	"time"
)

// ErrLine is an event that is longer than it may be.
var ErrLine = errors.New("an event of the stream is longer than allowed")

// Event is the data of one event, and when its last byte was read.
type Event struct {
	Data []byte
	At   time.Duration
}

// Reader splits a stream into events.
type Reader struct {
	from  io.Reader
	now   func() time.Duration
	most  int
	buf   []byte // buf[at:] is read and not yet parsed
	at    int
	seen  int // how far a line's end was looked for, from at
	when  time.Duration
	data  []byte
	any   bool // data has a data line, perhaps an empty one
	skip  bool // a \n directly after a \r belongs to it
	ended error
}

// chunk is how much is read at once: several events of a busy stream.
const chunk = 16 << 10

// New reads events of at most most bytes from r. now is asked once a read.
func New(r io.Reader, most int, now func() time.Duration) *Reader {
	return &Reader{from: r, now: now, most: most, buf: make([]byte, 0, chunk)}
}

// Next is the next event that has data. At a clean end it is io.EOF; a stream
// that ends within an event gives io.ErrUnexpectedEOF, except for a last
// `[DONE]` whose blank line is missing, which several servers leave out.
func (r *Reader) Next() (Event, error) {
	r.data, r.any = r.data[:0], false
	for {
		line, ok := r.line()
		if !ok {
			if r.ended != nil {
				return r.last()
			}
			if len(r.buf)-r.at+len(r.data) > r.most {
				return Event{}, ErrLine
			}
			r.fill()
			continue
		}
		if len(line) == 0 {
			if r.any {
				return Event{Data: r.data, At: r.when}, nil
			}
			continue
		}
		r.field(line)
		if len(r.data) > r.most {
			return Event{}, ErrLine
		}
	}
}

// last is what is left when the stream has ended.
func (r *Reader) last() (Event, error) {
	rest := r.buf[r.at:]
	if len(rest) > 0 {
		r.field(rest)
		r.at, r.seen = len(r.buf), 0
	}
	if r.any && string(bytes.TrimSpace(r.data)) == "[DONE]" {
		return Event{Data: r.data, At: r.when}, nil
	}
	if errors.Is(r.ended, io.EOF) && (r.any || len(rest) > 0) {
		return Event{}, io.ErrUnexpectedEOF
	}
	return Event{}, r.ended
}

// field takes over a line that is not blank.
func (r *Reader) field(line []byte) {
	value, ok := bytes.CutPrefix(line, []byte("data"))
	if !ok {
		return
	}
	switch {
	case len(value) == 0:
	case value[0] == ':':
		value = value[1:]
		if len(value) > 0 && value[0] == ' ' {
			value = value[1:]
		}
	default:
		return // another field that begins alike
	}
	if r.any {
		r.data = append(r.data, '\n')
	}
	r.data, r.any = append(r.data, value...), true
}

// line is the next whole line without its end.
func (r *Reader) line() ([]byte, bool) {
	if r.skip && r.at < len(r.buf) {
		r.skip = false
		if r.buf[r.at] == '\n' {
			r.at++
		}
	}
	rest := r.buf[r.at:]
	i := bytes.IndexAny(rest[r.seen:], "\r\n")
	if i < 0 {
		r.seen = len(rest)
		return nil, false
	}
	i += r.seen
	r.seen = 0
	r.skip = rest[i] == '\r'
	r.at += i + 1
	return rest[:i], true
}

// fill reads once, and takes the time.
func (r *Reader) fill() {
	if r.at > 0 {
		r.buf = r.buf[:copy(r.buf, r.buf[r.at:])]
		r.at = 0
	}
	if cap(r.buf)-len(r.buf) < chunk/4 {
		r.buf = append(make([]byte, 0, 2*cap(r.buf)), r.buf...)
	}
	n, err := r.from.Read(r.buf[len(r.buf):cap(r.buf)])
	r.when = r.now()
	r.buf = r.buf[:len(r.buf)+n]
	r.ended = err
}
