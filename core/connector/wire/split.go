package wire

import (
	"encoding/json"
	"errors"
)

// envelopeLimit is what a message may have beside its result, and what a
// notification, a question or an error may have at all.
const envelopeLimit = 4 << 20

var (
	errEnvelope = errors.New("it is larger than 4 MiB without being a result")
	errBalance  = errors.New("it is not valid JSON")
)

// splitter takes a message of any length apart while it arrives: the value of
// the top member "result" goes to an overflow, all else is kept. It checks
// strings and brackets and leaves the rest to the reader of the parts.
type splitter struct {
	over *overflow

	env     []byte
	depth   int
	inStr   bool
	escaped bool
	key     []byte // of the top member that is being read
	keyOpen bool   // reading such a name
	wantKey bool   // at depth 1, the next string is a name
	result  bool   // inside the value of "result"
	had     bool   // there was one already
	started bool
	ended   bool
}

func (s *splitter) write(p []byte) error {
	for len(p) > 0 {
		if s.result {
			n, err := s.scanResult(p)
			if err != nil {
				return err
			}
			s.over.write(p[:n])
			p = p[n:]
			continue
		}
		if err := s.step(p[0]); err != nil {
			return err
		}
		p = p[1:]
	}
	return nil
}

// scanResult tells how many bytes of p belong to the result, and leaves s.result
// when it has ended.
func (s *splitter) scanResult(p []byte) (int, error) {
	for i, c := range p {
		switch {
		case s.inStr:
			switch {
			case s.escaped:
				s.escaped = false
			case c == '\\':
				s.escaped = true
			case c == '"':
				s.inStr = false
			}
		case c == '"':
			s.inStr = true
		case c == '{' || c == '[':
			s.depth++
		case c == '}' || c == ']':
			if s.depth == 1 { // the message's own end
				s.result = false
				return i, nil
			}
			s.depth--
		case c == ',' && s.depth == 1:
			s.result = false
			return i, nil
		}
	}
	return len(p), nil
}

func (s *splitter) step(c byte) error {
	if len(s.env) >= envelopeLimit {
		return errEnvelope
	}
	if s.ended && c != ' ' && c != '\t' && c != '\r' && c != '\n' {
		return errBalance
	}
	s.env = append(s.env, c)
	switch {
	case s.inStr:
		switch {
		case s.escaped:
			s.escaped = false
		case c == '\\':
			s.escaped = true
		case c == '"':
			s.inStr, s.keyOpen = false, false
			return nil
		}
		if s.keyOpen {
			s.key = append(s.key, c)
		}
	case c == '"':
		s.inStr = true
		if s.depth == 1 && s.wantKey {
			s.keyOpen, s.wantKey, s.key = true, false, s.key[:0]
		}
	case c == '{' || c == '[':
		if !s.started && c != '{' {
			return errShape
		}
		s.depth++
		s.started = true
		s.wantKey = s.depth == 1
	case c == '}' || c == ']':
		s.depth--
		if s.depth < 0 {
			return errBalance
		}
		s.ended = s.depth == 0
	case c == ',' && s.depth == 1:
		s.wantKey = true
	case c == ':' && s.depth == 1 && string(s.key) == "result":
		if s.had { // two results: readers would differ on which one counts
			return errBalance
		}
		s.env = append(s.env, "null"...)
		s.result, s.had = true, true
	}
	return nil
}

// finish reads the parts.
func (s *splitter) finish() (*envelope, error) {
	if s.depth != 0 || s.inStr || !s.ended {
		s.over.abort()
		return nil, errBalance
	}
	var e envelope
	if err := json.Unmarshal(s.env, &e); err != nil {
		s.over.abort()
		return nil, err
	}
	if s.over.n == 0 { // an error or a notification after all
		s.over.abort()
		return &e, e.check()
	}
	over, err := s.over.finish()
	if err != nil {
		return nil, err
	}
	e.Result, e.over = nil, over
	return &e, e.check()
}

// assembler collects one message: in memory up to inline bytes, then through a
// splitter.
type assembler struct {
	inline func() int64 // the most that any waiting call takes whole
	hard   int64
	create func() (Blob, error)

	buf   []byte
	split *splitter
	n     int64
}

// runaway is how far beyond the hard bound a message may go on before the
// session is given up: it is counted and thrown away until then.
const runaway = 8

func (a *assembler) write(p []byte) error {
	a.n += int64(len(p))
	if a.n > runaway*a.hard {
		return fault(Flood, "a message of more than %d bytes: the session is given up", runaway*a.hard)
	}
	if a.split != nil {
		return a.split.write(p)
	}
	if limit := a.inline(); int64(len(a.buf))+int64(len(p)) > limit+64<<10 {
		a.split = &splitter{over: newOverflow(limit, a.hard, a.create)}
		if err := a.split.write(a.buf); err != nil {
			return err
		}
		a.buf = nil
		return a.split.write(p)
	}
	a.buf = append(a.buf, p...)
	return nil
}

func (a *assembler) finish() (*envelope, error) {
	if a.split != nil {
		e, err := a.split.finish()
		a.reset()
		return e, err
	}
	e, err := decode(a.buf)
	a.reset()
	return e, err
}

// reset keeps a small buffer for the next message. What decode made refers to
// copies: json.RawMessage is appended, never aliased.
func (a *assembler) reset() {
	if cap(a.buf) > 256<<10 {
		a.buf = nil
	}
	a.buf, a.split, a.n = a.buf[:0], nil, 0
}

func (a *assembler) abort() {
	if a.split != nil {
		a.split.over.abort()
	}
	a.reset()
}
