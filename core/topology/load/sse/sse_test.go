package sse_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/topology/load/sse"
)

func clock() func() time.Duration {
	n := time.Duration(0)
	return func() time.Duration { n++; return n }
}

func all(r io.Reader, most int) (data []string, err error) {
	events := sse.New(r, most, clock())
	for {
		e, err := events.Next()
		if err != nil {
			return data, err
		}
		data = append(data, string(e.Data))
	}
}

func TestEvents(t *testing.T) {
	for _, c := range []struct {
		name, stream string
		want         []string
		err          error
	}{
		{"plain", "data: a\n\ndata: b\n\n", []string{"a", "b"}, io.EOF},
		{"line ends", "data: a\r\n\r\ndata:b\r\rdata: c\n\n", []string{"a", "b", "c"}, io.EOF},
		{"several lines", "data: a\ndata\ndata:  b\n\n", []string{"a\n\n b"}, io.EOF},
		{"other fields", ": hello\nevent: x\nid: 4\ndatabase: no\nretry: 1\n\ndata: a\n\n", []string{"a"}, io.EOF},
		{"done without a blank line", "data: a\n\ndata: [DONE]", []string{"a", "[DONE]"}, io.EOF},
		{"done with one line end", "data: a\n\ndata: [DONE]\n", []string{"a", "[DONE]"}, io.EOF},
		{"torn", "data: a\n\ndata: {\"b\"", []string{"a"}, io.ErrUnexpectedEOF},
		{"torn after its line", "data: a\n", nil, io.ErrUnexpectedEOF},
		{"nothing", "", nil, io.EOF},
		{"too long", "data: a\n\ndata: " + strings.Repeat("x", 70_000) + "\n\n", []string{"a"}, sse.ErrLine},
		{"too long by lines", strings.Repeat("data: xxxxxxxxxxxxxxxx\n", 5_000), nil, sse.ErrLine},
	} {
		for name, r := range map[string]io.Reader{"whole": strings.NewReader(c.stream), "bytes": iotest.OneByteReader(strings.NewReader(c.stream)), "halves": iotest.HalfReader(strings.NewReader(c.stream)), "with error": iotest.DataErrReader(strings.NewReader(c.stream))} {
			got, err := all(r, 65_536)
			if !errors.Is(err, c.err) || strings.Join(got, "|") != strings.Join(c.want, "|") {
				t.Errorf("%s, %s: %q, %v", c.name, name, got, err)
			}
		}
	}
}

// TestTimes: events of one read share its time, and an event has that of its end.
func TestTimes(t *testing.T) {
	pieces := []string{"data: a\n\ndata: b\n\nda", "ta: c", "\n\n"}
	r := sse.New(iotest.DataErrReader(&parts{pieces}), 1000, clock())
	for _, want := range []struct {
		data string
		at   time.Duration
	}{{"a", 1}, {"b", 1}, {"c", 3}} {
		e, err := r.Next()
		if err != nil || string(e.Data) != want.data || e.At != want.at {
			t.Errorf("%q at %d, %v; want %q at %d", e.Data, e.At, err, want.data, want.at)
		}
	}
}

type parts struct{ left []string }

func (p *parts) Read(b []byte) (int, error) {
	if len(p.left) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.left[0])
	p.left = p.left[1:]
	return n, nil
}

// FuzzReader: however a stream is cut into reads, it has the same events and the
// same end, and nothing is longer than allowed.
func FuzzReader(f *testing.F) {
	f.Add([]byte("data: a\r\n\r\ndata: b\n\n: c\n\ndata: [DONE]"), 3)
	f.Add([]byte("data\ndata:\r\rdata: x"), 1)
	f.Fuzz(func(t *testing.T, stream []byte, cut int) {
		const most = 512
		whole, err := all(bytes.NewReader(stream), most)
		var left []string
		for step := 1 + (cut%7+7)%7; len(stream) > 0; stream = stream[min(step, len(stream)):] {
			left = append(left, string(stream[:min(step, len(stream))]))
		}
		pieces, err2 := all(&parts{left}, most)
		if errors.Is(err, sse.ErrLine) || errors.Is(err2, sse.ErrLine) {
			return // how much of a long event is there when it is refused depends on the reads
		}
		if !errors.Is(err2, err) || strings.Join(whole, "\x00") != strings.Join(pieces, "\x00") {
			t.Fatalf("whole: %q, %v; in pieces: %q, %v", whole, err, pieces, err2)
		}
		for _, d := range whole {
			if len(d) > most {
				t.Fatalf("an event of %d bytes", len(d))
			}
		}
	})
}
