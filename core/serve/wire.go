package serve

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"sync"
)

// kind of a frame: a byte, then the length in four, then so many bytes.
type kind byte

const (
	// From the client.
	kindHello  kind = 'H' // hello
	kindRun    kind = 'R' // Request
	kindInput  kind = 'I' // input that was wanted; empty at its end
	kindValue  kind = 'V' // value, the answer to kindAsk
	kindCancel kind = 'C' // interrupt
	// From the server.
	kindWelcome kind = 'w' // Announcement
	kindRefuse  kind = 'n' // refusal
	kindOut     kind = 'o' // bytes of standard output
	kindErr     kind = 'e' // bytes of standard error
	kindWant    kind = 'i' // a chunk of input, please
	kindAsk     kind = 'v' // ask
	kindExit    kind = 'x' // exit: the last frame
)

const (
	chunk    = 32 << 10 // of streams
	maxFrame = 8 << 20  // of a request: arguments are bounded by the system at a few MiB
)

type hello struct {
	Protocol int    `json:"protocol"`
	Version  string `json:"version"`
}

type refusal struct {
	Why string `json:"why"`
}

type ask struct {
	Name string `json:"name"`
}

type value struct {
	Value string `json:"value"`
	Set   bool   `json:"set"`
}

type exit struct {
	Code int `json:"code"`
}

// wire sends and receives frames. Sending is safe for many goroutines; receiving
// is for one.
type wire struct {
	mu sync.Mutex
	rw io.ReadWriter
}

func (w *wire) send(k kind, payload []byte) error {
	frame := make([]byte, 5, 5+len(payload))
	frame[0] = byte(k)
	binary.BigEndian.PutUint32(frame[1:], uint32(len(payload)))
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err := w.rw.Write(append(frame, payload...))
	return err
}

func (w *wire) sendJSON(k kind, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return w.send(k, raw)
}

// receive reads one frame, of bounded length whatever the other side says.
func (w *wire) receive() (kind, []byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(w.rw, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > maxFrame {
		return 0, nil, fmt.Errorf("a frame of %d bytes; at most %d are read", n, maxFrame)
	}
	// Growing with what really comes: a length alone reserves nothing.
	payload, err := io.ReadAll(io.LimitReader(w.rw, int64(n)))
	if err == nil && len(payload) < int(n) {
		err = io.ErrUnexpectedEOF
	}
	return kind(head[0]), payload, err
}

// expect reads a frame of one kind into v.
func (w *wire) expect(k kind, v any) error {
	got, payload, err := w.receive()
	switch {
	case err != nil:
		return err
	case got != k:
		return fmt.Errorf("a frame %q where %q belongs", got, k)
	}
	return json.Unmarshal(payload, v)
}

// stream is an io.Writer whose bytes travel as frames.
type stream struct {
	w *wire
	k kind
}

func (s stream) Write(p []byte) (int, error) {
	for done := 0; ; {
		part := p[done:min(len(p), done+chunk)]
		if len(part) == 0 {
			return done, nil
		}
		if err := s.w.send(s.k, part); err != nil {
			return done, err
		}
		done += len(part)
	}
}
