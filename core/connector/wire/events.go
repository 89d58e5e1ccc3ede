package wire

import (
	"bytes"
	"io"
	"strconv"
	"time"
)

// events reads server-sent events, each of which is one message. An event of any
// length is handed on while it arrives; a line that is no data is bounded.
type events struct {
	body      io.Reader
	assembler *assembler
	id        string
	retry     time.Duration

	buf   []byte // read and not looked at
	from  int
	field []byte // the line so far, when it is no data
	state int    // where in a line
	data  bool   // the event has data
	skip  bool   // the event has another name than "message"
	ended error
}

const (
	lineStart = iota
	lineField // reading "data:", "id: 7" ...
	lineData  // behind "data:"
	lineCR
)

// fieldLimit is how long a line that is no data may be.
const fieldLimit = 8 << 10

// next is the next message. io.EOF and read errors are the connection's, Faults
// the content's.
func (e *events) next() (*envelope, error) {
	if e.buf == nil {
		e.buf = make([]byte, 0, 32<<10)
	}
	for {
		for e.from < len(e.buf) {
			env, err := e.step()
			if env != nil || err != nil {
				return env, err
			}
		}
		if e.ended != nil {
			e.assembler.abort()
			return nil, e.ended
		}
		n, err := e.body.Read(e.buf[:cap(e.buf)])
		e.buf, e.from, e.ended = e.buf[:n], 0, err
	}
}

// step takes a piece of the buffer.
func (e *events) step() (*envelope, error) {
	p := e.buf[e.from:]
	switch e.state {
	case lineData:
		end := bytes.IndexAny(p, "\r\n")
		piece := p
		if end >= 0 {
			piece = p[:end]
		}
		e.from += len(piece)
		if !e.skip {
			if err := e.assembler.write(piece); err != nil {
				e.assembler.abort()
				return nil, asFault(err, Protocol)
			}
		}
		if end < 0 {
			return nil, nil
		}
		if !e.skip { // lines of one event are joined with newlines
			if err := e.assembler.write([]byte{'\n'}); err != nil {
				e.assembler.abort()
				return nil, asFault(err, Protocol)
			}
		}
		e.data = true
		e.from++
		e.lineEnd(p[end])
		return nil, nil
	case lineCR:
		e.state = lineStart
		if p[0] == '\n' {
			e.from++
			return nil, nil
		}
		fallthrough
	case lineStart:
		if p[0] == '\n' || p[0] == '\r' {
			e.from++
			e.state = lineStart
			if p[0] == '\r' {
				e.state = lineCR
			}
			return e.dispatch()
		}
		e.state, e.field = lineField, e.field[:0]
		return nil, nil
	}
	c := p[0]
	e.from++
	if c == '\n' || c == '\r' {
		e.take()
		e.lineEnd(c)
		return nil, nil
	}
	if len(e.field) >= fieldLimit {
		return nil, fault(Protocol, "a line of its event stream is longer than %d bytes", fieldLimit)
	}
	e.field = append(e.field, c)
	if string(e.field) == "data:" {
		e.state = lineData
	}
	return nil, nil
}

func (e *events) lineEnd(c byte) {
	e.state = lineStart
	if c == '\r' {
		e.state = lineCR
	}
}

// take reads a line that is no data. Comments and unknown fields are nothing.
func (e *events) take() {
	name, value, _ := bytes.Cut(e.field, []byte(":"))
	text := string(bytes.TrimPrefix(value, []byte(" ")))
	switch string(name) {
	case "id":
		e.id = text
	case "event":
		e.skip = text != "" && text != "message"
	case "retry":
		if n, err := strconv.ParseInt(text, 10, 32); err == nil && n >= 0 {
			e.retry = time.Duration(n) * time.Millisecond
		}
	}
}

func (e *events) dispatch() (*envelope, error) {
	had, skip := e.data, e.skip
	e.data, e.skip = false, false
	if !had || skip {
		e.assembler.abort()
		return nil, nil
	}
	if e.assembler.split == nil && len(bytes.TrimSpace(e.assembler.buf)) == 0 {
		e.assembler.reset() // a priming event: an id and no message
		return nil, nil
	}
	head := append([]byte(nil), e.assembler.buf[:min(len(e.assembler.buf), 200)]...)
	env, err := e.assembler.finish()
	if err != nil {
		return nil, fault(Protocol, "an event of its stream cannot be read (%w): %s", err, Show(string(head), 120))
	}
	return env, nil
}
