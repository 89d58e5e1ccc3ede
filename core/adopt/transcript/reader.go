package transcript

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// Reader reads any number of files, and knows across them which calls it has
// seen: a session that was resumed is copied into a new file.
type Reader struct {
	opts  Options
	lines Lines
	seen  map[[16]byte]struct{}
}

// New makes a Reader that has read nothing.
func New(o Options) *Reader {
	return &Reader{opts: o, lines: Lines{Unknown: map[string]int64{}}, seen: map[[16]byte]struct{}{}}
}

// Lines are the counts so far.
func (r *Reader) Lines() Lines { return r.lines }

// shape reads the records of one file. It counts each record once.
type shape interface {
	record(f *file, raw []byte)
	// settle completes a call that is about to be handed over.
	settle(f *file, c *Call)
}

// file is what is known of the file that is read.
type file struct {
	r     *Reader
	name  string
	each  func(Call) error
	err   error // of each
	shape shape
	known string
	held  [][]byte // records before the first one whose shape is known
	size  int      // their bytes
	open  []*entry // calls that may change, in order
	byKey map[[16]byte]*entry
	last  time.Time
	ends  bool // the record is the last line of the file
}

type entry struct {
	key  [16]byte
	call Call
}

// What is held before a shape is known.
const (
	maxHeld      = 64
	maxHeldBytes = 8 << 20
)

// Read reads one file. name is what a session without a name is called; each is
// given every call once, in the order of the file as far as it can be. The error
// is that of reading, or the one that each returned.
func (r *Reader) Read(src io.Reader, name string, each func(Call) error) error {
	f := &file{r: r, name: name, each: each, byKey: map[[16]byte]*entry{}}
	r.lines.Files++
	b := bufio.NewReaderSize(src, 256<<10)
	var err error
	if document(b) {
		err = f.documents(b)
	} else {
		err = f.jsonl(b)
	}
	if f.shape == nil {
		f.give()
		r.lines.Strange++
	}
	f.flush(0)
	return errors.Join(err, f.err)
}

// document tells whether a file is JSON over several lines, rather than a record
// a line: its first line is no whole value.
func document(b *bufio.Reader) bool {
	head, _ := b.Peek(64 << 10)
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\ufeff")), " \t\r\n")
	line, _, whole := bytes.Cut(head, []byte("\n"))
	if len(line) == 0 {
		return false
	}
	if line[0] == '[' {
		return true
	}
	// A record over several lines breaks between members. Half of a line breaks
	// anywhere, and nearly always within a word: what follows it must not be lost.
	line = bytes.TrimRight(line, " \t\r")
	return line[0] == '{' && whole && bytes.IndexByte([]byte("{[,"), line[len(line)-1]) >= 0 && !json.Valid(line) && incomplete(line)
}

// incomplete tells the beginning of a value from a broken one.
func incomplete(line []byte) bool {
	d := json.NewDecoder(bytes.NewReader(line))
	for {
		if _, err := d.Token(); err != nil {
			var syntax *json.SyntaxError
			return !errors.As(err, &syntax)
		}
	}
}

func (f *file) jsonl(b *bufio.Reader) error {
	for f.err == nil {
		line, long, err := readLine(b)
		last := errors.Is(err, io.EOF)
		if !long {
			line = bytes.TrimSpace(bytes.TrimPrefix(line, []byte("\ufeff")))
		}
		switch {
		case long:
			f.count(&f.r.lines.TooLong)
		case len(line) == 0:
		case line[0] != '{' || f.shape == nil && !json.Valid(line):
			f.mangled(last)
		default:
			f.ends = last
			f.take(line)
		}
		if last {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading %s: %w", f.name, err)
		}
	}
	return nil
}

// readLine reads one line of at most maxLine bytes; of a longer one it tells only
// that. What it returns is the caller's.
func readLine(b *bufio.Reader) (line []byte, long bool, err error) {
	for {
		part, err := b.ReadSlice('\n')
		if !long {
			line = append(line, part...)
			long = len(line) > maxLine
		}
		if long {
			line = nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, long, err
		}
	}
}

// documents reads values that may stand over many lines, and the elements of
// arrays as records.
func (f *file) documents(b *bufio.Reader) error {
	limited := &meter{r: b}
	d := json.NewDecoder(limited)
	for depth := 0; f.err == nil; {
		limited.left = maxLine
		if depth == 0 || !d.More() {
			t, err := d.Token()
			switch {
			case errors.Is(err, io.EOF):
				return nil
			case err != nil:
				return f.broken(err, limited)
			case t == json.Delim('['):
				depth++
				continue
			case t == json.Delim(']'):
				depth--
				continue
			case t == json.Delim('{'):
				// The brace is gone: the members are read one by one.
				raw, err := members(d)
				if err != nil {
					return f.broken(err, limited)
				}
				f.take(raw)
				continue
			}
			f.count(&f.r.lines.Broken) // a bare word or number
			continue
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return f.broken(err, limited)
		}
		if raw[0] != '{' {
			f.count(&f.r.lines.Broken)
			continue
		}
		f.take(raw)
	}
	return nil
}

// members rebuilds an object whose brace was read.
func members(d *json.Decoder) ([]byte, error) {
	out := []byte{'{'}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		name, err := json.Marshal(key)
		if err != nil {
			return nil, err
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, name...), ':'), value...)
	}
	_, err := d.Token()
	return append(out, '}'), err
}

// broken ends a document that cannot be read on: what stands behind the place is
// one record that was not understood.
func (f *file) broken(err error, m *meter) error {
	switch {
	case errors.Is(err, errLong):
		f.count(&f.r.lines.TooLong)
	case errors.Is(err, io.ErrUnexpectedEOF):
		f.count(&f.r.lines.Torn)
	case m.err != nil && !errors.Is(m.err, io.EOF):
		return fmt.Errorf("reading %s: %w", f.name, m.err)
	default:
		f.count(&f.r.lines.Broken)
	}
	return nil
}

var errLong = errors.New("a record is too long")

// meter bounds how much one value may take.
type meter struct {
	r    io.Reader
	left int
	err  error
}

func (m *meter) Read(p []byte) (int, error) {
	if m.left <= 0 {
		return 0, errLong
	}
	n, err := m.r.Read(p[:min(len(p), m.left)])
	m.left -= n
	if err != nil {
		m.err = err
	}
	return n, err
}

// mangled counts a line that is no JSON.
func (f *file) mangled(last bool) {
	if last {
		f.count(&f.r.lines.Torn)
	} else {
		f.count(&f.r.lines.Broken)
	}
}

// odd counts a record that does not have the form of its shape, or is no JSON:
// which of them is found out only then, since most lines are neither.
func (f *file) odd(raw []byte, kind string) {
	if !json.Valid(raw) {
		f.mangled(f.ends)
		return
	}
	f.unknown(kind)
}

// count counts a record as one thing.
func (f *file) count(class *int64) {
	f.r.lines.Read++
	*class++
}

func (f *file) unknown(kind string) {
	f.r.lines.Read++
	kind = f.kind(kind)
	if _, ok := f.r.lines.Unknown[kind]; !ok && len(f.r.lines.Unknown) >= maxKinds {
		kind = "others"
	}
	f.r.lines.Unknown[kind]++
}

// kind is a kind as it is shown: short.
func (f *file) kind(s string) string {
	if s = f.fit(s); s == "" {
		return "without a type"
	}
	if len(s) > 60 {
		return strings.ToValidUTF8(s[:60], "")
	}
	return s
}

// take hands a record to the file's shape, and finds that out first.
func (f *file) take(raw []byte) {
	if f.shape != nil {
		f.shape.record(f, raw)
		return
	}
	f.shape, f.known = f.recognise(raw)
	f.held = append(f.held, bytes.Clone(raw))
	f.size += len(raw)
	if f.shape != nil || len(f.held) >= maxHeld || f.size > maxHeldBytes {
		f.give()
	}
}

// give takes what was held. Records that nothing can be made of are unknown.
func (f *file) give() {
	held := f.held
	f.held, f.size = nil, 0
	for _, raw := range held {
		if f.shape != nil {
			f.shape.record(f, raw)
			continue
		}
		f.unknown(word(object(raw), "type", "object", "kind"))
	}
}

// recognise tells the shape of a file by one of its records, nil where this one
// says nothing.
func (f *file) recognise(raw []byte) (shape, string) {
	m := object(raw)
	has := func(names ...string) bool {
		return slices.ContainsFunc(names, func(n string) bool { _, ok := m[n]; return ok })
	}
	kind := word(m, "type")
	switch {
	case has("payload") && codexTypes[kind]:
		return &codex{}, Codex
	case has("sessionId") && kind != "", kind == "assistant" && has("message") && has("session_id", "uuid", "requestId", "timestamp"), kind == "system" && has("session_id") && has("subtype"):
		return &claude{turns: map[string]*turn{}}, Claude
	case has("resourceSpans", "resource_spans"), has("attributes") && has("traceId", "trace_id", "spanId", "span_id", "context"):
		return &spans{known: map[string]parent{}}, Span
	case f.r.opts.Mapping != nil && f.r.opts.Mapping.names(m):
		return mapped{f.r.opts.Mapping}, Mapped
	case exchanged(m):
		return exchanges{}, Exchange
	}
	return nil, ""
}

// keyOf names a call by what makes it one.
func keyOf(parts ...string) [16]byte {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return [16]byte(sum[:16])
}

// knows tells whether a call was counted before, and merges what a further line
// of an open answer adds: usage grows while an answer is streamed.
func (f *file) knows(key [16]byte, more *Call) bool {
	if e := f.byKey[key]; e != nil {
		e.call.Usage = larger(e.call.Usage, more.Usage)
		e.call.Counted = e.call.Counted || more.Counted
		e.call.Tools = append(e.call.Tools, more.Tools...)
		e.call.Opened = append(e.call.Opened, more.Opened...)
		f.text(&e.call.Output, more.Output, &e.call.Cut)
		return true
	}
	_, ok := f.r.seen[key]
	return ok
}

func larger(a, b message.Usage) message.Usage {
	return message.Usage{
		Input: max(a.Input, b.Input), CachedInput: max(a.CachedInput, b.CachedInput), CacheWrite: max(a.CacheWrite, b.CacheWrite),
		CacheWrite1h: max(a.CacheWrite1h, b.CacheWrite1h), Output: max(a.Output, b.Output), Reasoning: max(a.Reasoning, b.Reasoning),
	}
}

// text appends within the bound.
func (f *file) text(to *string, more string, cut *bool) {
	switch {
	case *cut || more == "":
	case len(*to)+len(more) > maxContent:
		*to, *cut = "", true
	default:
		*to += more
	}
}

// put takes a new call; knows must have said no. ordered tells that records stand
// in order of time.
func (f *file) put(key [16]byte, c Call, window int, ordered bool) {
	f.r.seen[key] = struct{}{}
	c.Key, c.Shape = hex.EncodeToString(key[:]), f.known
	c.Session, c.Agent, c.Model, c.Provider = f.fit(c.Session), f.fit(c.Agent), f.fit(c.Model), f.fit(c.Provider)
	if c.Session == "" {
		c.Session = f.fit(f.name)
	}
	if c.At.IsZero() {
		f.count(&f.r.lines.Undated)
	} else {
		f.count(&f.r.lines.Used)
		if ordered && c.At.Before(f.last.Add(-time.Minute)) {
			f.r.lines.Backward++
		}
		if c.At.After(f.last) {
			f.last = c.At
		}
		if now := f.r.opts.Now; !now.IsZero() && c.At.After(now.Add(24*time.Hour)) {
			f.r.lines.Future++
		}
	}
	e := &entry{key: key, call: c}
	f.open = append(f.open, e)
	f.byKey[key] = e
	f.flush(window)
}

// flush hands calls over, but for the newest of them.
func (f *file) flush(keep int) {
	for len(f.open) > keep {
		e := f.open[0]
		f.open[0] = nil
		f.open = f.open[1:]
		delete(f.byKey, e.key)
		if f.err != nil {
			continue
		}
		if f.shape != nil {
			f.shape.settle(f, &e.call)
		}
		for i, s := range e.call.Tools {
			e.call.Tools[i] = f.fit(s)
		}
		e.call.Skill = f.fit(e.call.Skill)
		if f.r.opts.Content {
			for _, s := range []*string{&e.call.Input, &e.call.Output} {
				clean, n := Redact(*s)
				*s = clean
				f.r.lines.Redacted += int64(n)
			}
		}
		f.err = f.each(e.call)
	}
}

// credible refuses counts that nobody measured.
func credible(u message.Usage) bool {
	for _, n := range []int64{u.Input, u.CachedInput, u.CacheWrite, u.CacheWrite1h, u.Output, u.Reasoning} {
		if n < 0 || n > maxTokens {
			return false
		}
	}
	return u.CacheWrite1h <= u.CacheWrite
}
