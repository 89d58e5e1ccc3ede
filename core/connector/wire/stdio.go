package wire

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"
)

// Command is a server to start.
type Command struct {
	Argv   []string
	Dir    string
	Env    []string          // NAME=value; the whole environment of the process
	Hide   map[string]string // name -> secret value, masked in everything that is shown
	Warden *Warden           // ends it when the host is killed; may be nil
	Grace  time.Duration     // from the end of its input to SIGTERM, and from there to SIGKILL; 0 is 2 s
}

// stdio is a session with a process. The protocol's pipe is its standard input,
// and the end of that is how it learns that the host has gone; the Warden is for
// those that do not listen.
type stdio struct {
	*table
	cmd    Command
	server Server

	proc   *exec.Cmd
	in     io.WriteCloser
	out    io.ReadCloser
	tail   *tail
	noise  int
	noisy  atomic.Pointer[string] // the first line that was no message
	queue  chan []byte
	exited chan struct{} // the process has ended
	said   chan struct{} // all that it printed is in tail
	dead   chan struct{} // the session has ended
	cause  error
	once   sync.Once
	end    sync.WaitGroup
	closed chan struct{} // Close was called
}

var _ Conn = (*stdio)(nil)

// noiseLines is how many lines that are no messages a server may print: banners
// of launchers, and logs of servers that mistook the stream.
const noiseLines = 200

func launch(cmd Command, cfg Config) (*stdio, error) {
	if len(cmd.Argv) == 0 {
		return nil, fault(NoStart, "the command is empty")
	}
	if cmd.Grace == 0 {
		cmd.Grace = 2 * time.Second
	}
	s := &stdio{table: newTable(cfg), cmd: cmd, tail: &tail{secrets: cmd.Hide}, queue: make(chan []byte, 32),
		exited: make(chan struct{}), said: make(chan struct{}), dead: make(chan struct{}), closed: make(chan struct{})}
	inR, inW, err1 := os.Pipe()
	outR, outW, err2 := os.Pipe()
	errR, errW, err3 := os.Pipe()
	if err := errors.Join(err1, err2, err3); err != nil {
		for _, f := range []*os.File{inR, inW, outR, outW, errR, errW} {
			if f != nil {
				_ = f.Close()
			}
		}
		return nil, fault(NoStart, "making its pipes: %w", err)
	}
	p := exec.Command(cmd.Argv[0], cmd.Argv[1:]...)
	p.Dir, p.Env = cmd.Dir, cmd.Env
	if p.Env == nil {
		p.Env = []string{} // nil would be the host's own
	}
	p.Stdin, p.Stdout, p.Stderr = inR, outW, errW
	group, err := startGroup(p)
	for _, f := range []*os.File{inR, outW, errW} {
		_ = f.Close()
	}
	if err != nil {
		for _, f := range []*os.File{inW, outR, errR} {
			_ = f.Close()
		}
		return nil, fault(NoStart, "starting %s: %w", cmd.Argv[0], err)
	}
	cmd.Warden.watch(p.Process.Pid)
	s.proc, s.in, s.out = p, inW, outR
	s.end.Add(4)
	go s.reap(group, outR, errR)
	go s.read()
	go s.write()
	go func() {
		defer s.end.Done()
		defer close(s.said)
		_, _ = io.Copy(s.tail, errR)
	}()
	return s, nil
}

// lingering is how long output may still come after the process has ended: a
// grandchild can hold the pipe open for ever.
const lingering = 300 * time.Millisecond

func (s *stdio) reap(group *group, out, errs *os.File) {
	defer s.end.Done()
	_ = s.proc.Wait()
	s.cmd.Warden.forget(s.proc.Process.Pid)
	group.kill()
	close(s.exited)
	late := time.NewTimer(lingering)
	defer late.Stop()
	select {
	case <-late.C:
	case <-s.dead:
	}
	_ = out.Close()
	_ = errs.Close()
	s.fail(s.death())
}

func (s *stdio) death() *Fault {
	late := time.NewTimer(lingering)
	defer late.Stop()
	select { // its last words are the reason
	case <-s.said:
	case <-late.C:
	}
	return fault(Died, "the server's process has ended (%s)%s", s.proc.ProcessState, s.tail.shown())
}

func (s *stdio) read() {
	defer s.end.Done()
	r := bufio.NewReaderSize(s.out, 64<<10)
	a := &assembler{inline: s.inline, hard: s.cfg.Hard, create: s.cfg.Create}
	for {
		part, err := r.ReadSlice('\n')
		if len(part) > 0 {
			if bad := a.write(part); bad != nil {
				a.abort()
				s.fail(s.broken(bad, part))
				return
			}
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil {
			cut := a.n > 0
			a.abort()
			select {
			case <-s.exited:
			case <-time.After(lingering): // it closed its output and lives on
			}
			f := fault(Died, "the server has closed its output%s", s.tail.shown())
			select {
			case <-s.exited:
				f = s.death()
			default:
			}
			if cut {
				f.Text += "\n  it ended in the middle of a message"
			}
			s.fail(f)
			return
		}
		if err := s.line(a); err != nil {
			s.fail(err)
			return
		}
	}
}

func (s *stdio) line(a *assembler) error {
	if a.split == nil {
		text := bytes.TrimSpace(a.buf)
		if len(text) == 0 {
			a.reset()
			return nil
		}
		if text[0] != '{' {
			s.noise++
			if s.noise == 1 {
				first := Show(s.tail.hide(string(text[:min(len(text), 400)])), 100)
				s.noisy.Store(&first)
			}
			a.reset()
			if s.noise > noiseLines || text[0] == '[' {
				return fault(Protocol, "it prints lines that are no messages, the first was %q", *s.noisy.Load())
			}
			return nil
		}
	}
	head := append([]byte(nil), a.buf[:min(len(a.buf), 200)]...)
	e, err := a.finish()
	if err != nil {
		return s.broken(err, head)
	}
	return s.incoming(e, nil, func(ctx context.Context, o outgoing) error { return s.send(ctx, o) })
}

func (s *stdio) broken(err error, head []byte) error {
	var f *Fault
	if errors.As(err, &f) {
		return f
	}
	return fault(Protocol, "it sent a message that cannot be read (%w): %s%s", err, Show(s.tail.hide(string(head[:min(len(head), 200)])), 120), s.tail.shown())
}

func (s *stdio) write() {
	defer s.end.Done()
	defer func() { _ = s.in.Close() }()
	for {
		select {
		case b := <-s.queue:
			if _, err := s.in.Write(b); err != nil {
				// What killed it is for the reader to say; only when it cannot, this
				// is the cause.
				select {
				case <-s.dead:
				case <-time.After(2 * lingering):
					s.fail(fault(Died, "writing to the server: %w", err))
				}
				return
			}
		case <-s.closed:
			return
		case <-s.dead:
			return
		}
	}
}

func (s *stdio) send(ctx context.Context, o outgoing) error {
	b, err := encode(o)
	if err != nil {
		return err
	}
	return s.put(ctx, b)
}

func (s *stdio) put(ctx context.Context, b []byte) error {
	select {
	case s.queue <- b:
		return nil
	case <-ctx.Done():
		f := ended(ctx)
		f.Text += ": the server does not read what is sent to it"
		f.Unsent = true
		return f
	case <-s.dead:
		return &Fault{Kind: Died, Text: s.Err().Error(), Unsent: true}
	}
}

// Call sends a request and waits for its answer.
func (s *stdio) Call(ctx context.Context, r Request) (*Response, error) {
	return s.callAs(ctx, r, s.server.Revision)
}

func (s *stdio) callRaw(ctx context.Context, r Request, revision string) (*Response, error) {
	return s.callAs(ctx, r, revision)
}

func (s *stdio) callAs(ctx context.Context, r Request, revision string) (*Response, error) {
	p, err := s.add(&r)
	if err != nil {
		return nil, err
	}
	params, err := withMeta(&r, &s.cfg, revision, p.wireToken())
	if err != nil {
		s.drop(p)
		return nil, fault(Protocol, "the parameters of %s: %w", r.Method, err)
	}
	b, err := encodeCall(p.id, r.Method, params)
	if err == nil {
		err = s.put(ctx, b)
	}
	if err != nil {
		s.drop(p)
		return nil, err
	}
	if r.Sent != nil {
		r.Sent()
	}
	res, err := s.await(ctx, p)
	if err != nil && ctx.Err() != nil && r.Method != "initialize" {
		// The wire learns of it; a full queue means that the server does not read,
		// and then it would not read this either.
		if b, bad := encode(outgoing{Method: "notifications/cancelled", Params: mustJSON(map[string]any{"requestId": p.id, "reason": ended(ctx).Text})}); bad == nil {
			select {
			case s.queue <- b:
			default:
			}
		}
	}
	return res, err
}

// Send sends a notification.
func (s *stdio) Send(ctx context.Context, method string, params any) error {
	o := outgoing{Method: method}
	if params != nil {
		b, err := marshal(params)
		if err != nil {
			return err
		}
		o.Params = b
	}
	return s.send(ctx, o)
}

func (s *stdio) Server() Server        { return s.server }
func (s *stdio) Stderr() string        { return s.tail.shown() }
func (s *stdio) Done() <-chan struct{} { return s.dead }

func (s *stdio) Err() error {
	select {
	case <-s.dead:
		return s.cause
	default:
		return nil
	}
}

// fail ends the session, and the process with it: a server that broke the
// protocol is of no use any more.
func (s *stdio) fail(why error) {
	s.once.Do(func() {
		select {
		case <-s.closed:
			s.cause = nil
			why = &Fault{Kind: Died, Text: "the session was closed"}
		default:
			s.cause = why
		}
		s.shut(why)
		close(s.dead)
		if s.cause != nil {
			killTree(s.proc)
		}
	})
}

// Close ends the process: the end of its input, then SIGTERM, then SIGKILL, and
// its whole group after it.
func (s *stdio) Close() error {
	s.mu.Lock()
	select {
	case <-s.closed:
		s.mu.Unlock()
		s.end.Wait()
		s.askGroup.Wait()
		return nil
	default:
		close(s.closed)
	}
	s.mu.Unlock()
	for _, stop := range []func(){func() {}, func() { terminate(s.proc) }, func() { killTree(s.proc) }} {
		stop()
		t := time.NewTimer(s.cmd.Grace)
		select {
		case <-s.exited:
			t.Stop()
		case <-t.C:
			continue
		}
		break
	}
	s.fail(&Fault{Kind: Died, Text: "the session was closed"})
	s.end.Wait()
	s.askGroup.Wait()
	return nil
}

func mustJSON(v any) []byte {
	b, err := marshal(v)
	if err != nil {
		return []byte("{}") // of numbers and strings only
	}
	return b
}
