package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

const (
	defaultLimit = 64
	// greeting bounds how long a connection may take to say what it wants.
	greeting = 10 * time.Second
	// lastWords bounds how long a client may take to accept the end of a command
	// that was cut off.
	lastWords = 2 * time.Second
)

// Server answers commands on the socket of one state folder.
type Server struct {
	cfg      Config
	dir      string
	said     Announcement
	listener *net.UnixListener
	places   *semaphore.Weighted
	all      context.Context // of every command
	endAll   context.CancelFunc

	mu       sync.Mutex
	stopping bool
	conns    map[*net.UnixConn]bool
	running  map[*session]bool
	wg       sync.WaitGroup
}

// Listen takes over what a dead engine left and opens the socket. The caller
// holds the state folder's lock, which is what keeps a second engine away.
func Listen(cfg Config) (*Server, error) {
	if cfg.Run == nil || cfg.Now == nil {
		return nil, errors.New("a server needs something to run, and the time")
	}
	if cfg.Limit <= 0 {
		cfg.Limit = defaultLimit
	}
	if err := tidy(cfg.Dir); err != nil {
		return nil, err
	}
	path, err := place(cfg.Dir)
	if err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, dir: cfg.Dir, places: semaphore.NewWeighted(int64(cfg.Limit)),
		conns: map[*net.UnixConn]bool{}, running: map[*session]bool{},
		said: Announcement{PID: os.Getpid(), Version: cfg.Version, Protocol: Protocol, Socket: path, Since: cfg.Now().UTC().Truncate(time.Second)},
	}
	s.all, s.endAll = context.WithCancel(context.Background())
	if s.listener, err = listen(path); err != nil {
		gone(path)
		return nil, err
	}
	if err := announce(cfg.Dir, s.said); err != nil {
		return nil, errors.Join(fmt.Errorf("announcing the engine: %w", err), s.listener.Close())
	}
	return s, nil
}

// Announcement is what others find.
func (s *Server) Announcement() Announcement { return s.said }

// Running counts the commands that run.
func (s *Server) Running() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.running)
}

// Serve answers until Stop. An error is one of the socket.
func (s *Server) Serve() error {
	for {
		conn, err := s.listener.AcceptUnix()
		if err != nil {
			if s.isStopping() || errors.Is(err, net.ErrClosed) {
				return nil
			}
			var pause net.Error
			if errors.As(err, &pause) && pause.Timeout() {
				continue
			}
			// Too many open files, most likely: others end, and this one waits.
			select {
			case <-time.After(100 * time.Millisecond):
				continue
			case <-s.all.Done():
				return err
			}
		}
		s.mu.Lock()
		if s.stopping {
			s.mu.Unlock()
			_ = conn.Close()
			return nil
		}
		s.conns[conn] = true
		s.wg.Add(1)
		s.mu.Unlock()
		go s.answer(conn)
	}
}

func (s *Server) isStopping() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopping
}

// Stop takes no new command, waits for those that run until ctx ends, then ends
// them, and takes the socket away. The state may be closed afterwards.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	s.stopping = true
	s.mu.Unlock()
	// First it can no longer be found, while the state's lock is still held.
	err := errors.Join(s.listener.Close(), tidy(s.dir))
	gone(s.said.Socket)
	idle := make(chan struct{})
	go func() { s.wg.Wait(); close(idle) }()
	select {
	case <-idle:
		s.endAll()
		return err
	case <-ctx.Done():
	}
	s.endAll()
	select {
	case <-idle:
		return err
	case <-time.After(lastWords):
	}
	// What reads no answers is not waited for.
	s.mu.Lock()
	for c := range s.conns {
		_ = c.Close()
	}
	s.mu.Unlock()
	<-idle
	return err
}

// answer is one connection: a greeting, one command, its exit code.
func (s *Server) answer(conn *net.UnixConn) {
	defer s.wg.Done()
	defer func() {
		s.mu.Lock()
		delete(s.conns, conn)
		s.mu.Unlock()
		_ = conn.Close()
	}()
	w := &wire{rw: conn}
	if err := checkPeer(conn); err != nil {
		_ = w.sendJSON(kindRefuse, refusal{err.Error()})
		return
	}
	_ = conn.SetReadDeadline(s.cfg.Now().Add(greeting))
	var h hello
	if err := w.expect(kindHello, &h); err != nil {
		return
	}
	if err := w.sendJSON(kindWelcome, s.said); err != nil || h.Protocol != Protocol || h.Version != s.cfg.Version {
		return // the client says so, and what to do
	}
	var req Request
	if err := w.expect(kindRun, &req); err != nil {
		if !errors.Is(err, io.EOF) {
			_ = w.sendJSON(kindRefuse, refusal{fmt.Sprintf("the request cannot be read: %v", err)})
		}
		return
	}
	_ = conn.SetReadDeadline(time.Time{})
	if s.isStopping() {
		_ = w.sendJSON(kindRefuse, refusal{"the engine is being stopped; try again once it has ended"})
		return
	}
	s.command(w, req)
}

// command runs one request. The reader ends it when the client interrupts or
// goes away.
func (s *Server) command(w *wire, req Request) {
	ctx, cancel := context.WithCancel(s.all)
	defer cancel()
	x := &session{w: w, cancel: cancel, input: make(chan []byte, 1), values: make(chan value, 1), done: ctx.Done()}
	s.mu.Lock()
	s.running[x] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.running, x)
		s.mu.Unlock()
	}()
	go x.listen()
	if err := s.places.Acquire(ctx, 1); err != nil {
		_ = w.sendJSON(kindRefuse, refusal{"the engine was busy until the command was stopped"})
		return
	}
	defer s.places.Release(1)
	code := s.cfg.Run(ctx, Command{Request: req, In: x, Out: stream{w, kindOut}, Err: stream{w, kindErr}, Lookup: x.lookup})
	_ = w.sendJSON(kindExit, exit{code})
}

// session is a command's side of a connection.
type session struct {
	w      *wire
	cancel context.CancelFunc
	input  chan []byte // answers to kindWant
	values chan value  // answers to kindAsk
	done   <-chan struct{}

	reading sync.Mutex
	rest    []byte
	ended   bool
	asking  sync.Mutex
}

// listen takes what the client sends until it is gone.
func (x *session) listen() {
	defer x.cancel()
	for {
		k, payload, err := x.w.receive()
		if err != nil {
			return
		}
		switch k {
		case kindCancel:
			x.cancel()
		case kindInput:
			select {
			case x.input <- payload:
			default:
				return // nobody asked for it
			}
		case kindValue:
			var v value
			if json.Unmarshal(payload, &v) != nil {
				return
			}
			select {
			case x.values <- v:
			default:
				return
			}
		default:
			return
		}
	}
}

// Read asks the client for input. It is asked only when a command reads, so that
// a loop over a script's lines keeps its own.
func (x *session) Read(p []byte) (int, error) {
	x.reading.Lock()
	defer x.reading.Unlock()
	if len(p) == 0 {
		return 0, nil
	}
	if len(x.rest) == 0 && !x.ended {
		if err := x.w.send(kindWant, nil); err != nil {
			return 0, err
		}
		select {
		case x.rest = <-x.input:
			x.ended = len(x.rest) == 0
		case <-x.done:
			return 0, errors.New("the command was stopped while it read its input")
		}
	}
	if x.ended {
		return 0, io.EOF
	}
	n := copy(p, x.rest)
	x.rest = x.rest[n:]
	return n, nil
}

// lookup asks the client for a variable; a client that is gone has none.
func (x *session) lookup(name string) (string, bool) {
	x.asking.Lock()
	defer x.asking.Unlock()
	if x.w.sendJSON(kindAsk, ask{name}) != nil {
		return "", false
	}
	select {
	case v := <-x.values:
		return v.Value, v.Set
	case <-x.done:
		return "", false
	}
}
