package command

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// Bounds of what an agent may print. The answer of a large refactoring with all
// its events has a few megabytes.
const (
	maxPrinted = 32 << 20
	maxSaid    = 16 << 10 // of its diagnostics, the end is kept
)

// lingering is how long output may still come after the agent has ended: it is in
// the pipe by then, or somebody who left the group holds the pipe open.
const lingering = 500 * time.Millisecond

// ended is what came of a process.
type ended struct {
	exit    int // -1: killed
	printed []byte
	flooded bool
	log     []string
}

// run starts the agent, waits for its end or that of ctx, and sees to it that
// nothing of its group is left.
func (p *prepared) run(ctx context.Context) (ended, error) {
	var out ended
	stdin, err := os.Open(orNull(p.stdin))
	if err != nil {
		return out, fmt.Errorf("opening the agent's standard input: %w", err)
	}
	defer stdin.Close()
	printed, said := newStream(maxPrinted, false), newStream(maxSaid, true)
	outW, err := printed.open()
	if err != nil {
		return out, err
	}
	errW, err := said.open()
	if err != nil {
		_ = outW.Close()
		printed.close()
		return out, err
	}
	cmd := exec.Command(p.program, p.args...)
	cmd.Dir, cmd.Env = p.work, append(p.env, "PWD="+p.work)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, outW, errW
	g, err := guard(cmd)
	if err == nil {
		if err = cmd.Start(); err != nil {
			g.end(cmd)
		}
	}
	_, _ = outW.Close(), errW.Close()
	if err != nil {
		printed.close()
		said.close()
		return out, backend.Errorf(backend.InvalidRequest, "the agent cannot be started: %v", err)
	}
	waited := make(chan error, 1)
	go func() { waited <- cmd.Wait() }()
	over := true
	select {
	case err = <-waited:
	case <-ctx.Done():
		over = false
	case <-printed.flood:
		over, out.flooded = false, true
	}
	if !over {
		g.kill(cmd)
		err = <-waited
	}
	g.end(cmd)
	out.printed, out.log = printed.close(), lines(said.close())
	out.exit = cmd.ProcessState.ExitCode() // -1 by a signal
	if out.exit == 0 && err != nil {
		return out, fmt.Errorf("waiting for the agent: %w", err)
	}
	select {
	case <-printed.flood: // in the moment of its end
		out.flooded = true
	default:
	}
	return out, nil
}

func orNull(name string) string {
	if name == "" {
		return os.DevNull
	}
	return name
}

// stream reads one end of a pipe in the background. Where it keeps the first
// bytes, more than limit closes flood; where it keeps the last, more is dropped.
type stream struct {
	limit int
	last  bool
	read  *os.File
	flood chan struct{}
	done  chan struct{}

	mu  sync.Mutex
	buf bytes.Buffer
}

func newStream(limit int, last bool) *stream {
	return &stream{limit: limit, last: last, flood: make(chan struct{}), done: make(chan struct{})}
}

func (s *stream) open() (*os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making the agent's pipes: %w", err)
	}
	s.read = r
	go func() {
		defer close(s.done)
		_, _ = io.Copy(s, r)
	}()
	return w, nil
}

// Write takes everything, so that a flood never blocks before it is ended.
func (s *stream) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(b)
	if s.last {
		s.buf.Write(b)
		if over := s.buf.Len() - s.limit; over > 0 {
			s.buf.Next(over)
		}
		return n, nil
	}
	if room := s.limit - s.buf.Len(); n > room {
		b = b[:room]
		select {
		case <-s.flood:
		default:
			close(s.flood)
		}
	}
	s.buf.Write(b)
	return n, nil
}

// close waits for the rest and gives what was kept.
func (s *stream) close() []byte {
	timer := time.NewTimer(lingering)
	defer timer.Stop()
	select {
	case <-s.done:
	case <-timer.C:
	}
	_ = s.read.Close()
	<-s.done
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Bytes()
}

func lines(b []byte) []string {
	text := strings.TrimSpace(strings.ToValidUTF8(string(b), "\uFFFD"))
	if text == "" {
		return nil
	}
	return strings.Split(strings.ReplaceAll(text, "\r", ""), "\n")
}
