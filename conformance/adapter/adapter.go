// Package adapter speaks the host kit's line protocol (conformance/host,
// PROTOCOL.md) for core/sandbox: the host of this house under its own test, and
// an example for adapters of other hosts.
//
// It must not know any case, and must not make the host look better than it is:
// every number is measured around the call that it belongs to.
//
//	err := adapter.Serve(ctx, os.Stdin, os.Stdout, adapter.Options{CacheDir: dir})
package adapter

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/plimsoll-dev/plimsoll/conformance/host"
	"github.com/plimsoll-dev/plimsoll/core/sandbox"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// Limits of the host under test. The kit asks for less: limits narrow, never widen.
const (
	memoryMiB = 64
	timeout   = 10 * time.Second
	maxLine   = 16 << 20
)

// Options of Serve.
type Options struct {
	CacheDir string // compiled code; "" takes a folder of its own that is removed at the end
	Version  string
}

// server is one run of Serve.
type server struct {
	ctx    context.Context
	host   *sandbox.Host
	pauses *pauses

	write sync.Mutex
	out   *json.Encoder

	mu      sync.Mutex
	next    int
	modules map[string]*sandbox.Admitted
}

// Serve answers requests until the input ends. The error is that the input or the
// output broke, or that there is no sandbox; what modules do is answered.
func Serve(ctx context.Context, in io.Reader, out io.Writer, o Options) (err error) {
	h, err := sandbox.New(sandbox.Config{CacheDir: o.CacheDir, MemoryMiB: memoryMiB, Timeout: timeout})
	if err != nil {
		return fmt.Errorf("serving the host kit: %w", err)
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	s := &server{ctx: ctx, host: h, pauses: newPauses(), out: json.NewEncoder(out), modules: map[string]*sandbox.Admitted{}}
	s.out.SetEscapeHTML(false)
	defer s.pauses.stop()
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	var broken atomic.Pointer[error]
	var under sync.WaitGroup
	defer under.Wait()
	for lines.Scan() {
		var r host.Request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return fmt.Errorf("serving the host kit: a line is no request: %w", err)
		}
		under.Go(func() {
			a := s.answer(r, o)
			a.ID = r.ID
			s.write.Lock()
			defer s.write.Unlock()
			if err := s.out.Encode(a); err != nil {
				broken.Store(&err)
			}
		})
		if e := broken.Load(); e != nil {
			return fmt.Errorf("serving the host kit: %w", *e)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("serving the host kit: %w", err)
	}
	return nil
}

func (s *server) answer(r host.Request, o Options) host.Response {
	switch {
	case r.Hello != nil:
		return host.Response{Hello: &host.Hello{
			Protocol: host.Protocol, Name: "plimsoll core/sandbox", Version: o.Version,
			Features: []string{host.FeatureFuel, host.FeatureLog, host.FeatureOffers, host.FeaturePause, host.FeatureParallel},
		}}
	case r.Admit != "":
		return s.admit(r)
	case r.Call != "":
		return s.call(r)
	case r.Drop != "":
		return s.drop(r)
	}
	return failed(errors.New("the request is neither hello, admit, call nor drop"))
}

// failed tells an *sandbox.Error as it is; anything else is none of the ABI's
// codes, and the kit will say so.
func failed(err error) host.Response {
	var e *sandbox.Error
	if errors.As(err, &e) {
		return host.Response{Error: &host.Failure{Code: e.Code, Message: e.Message, Guest: e.Guest}}
	}
	return host.Response{Error: &host.Failure{Code: "adapter", Message: err.Error()}}
}

func (s *server) admit(r host.Request) host.Response {
	module, err := os.ReadFile(r.Admit)
	if err != nil {
		return failed(err)
	}
	var o sandbox.AdmitOptions
	if l := r.Limits; l != nil {
		o.Limits = abi.Limits{MemoryMiB: l.MemoryMiB, TimeoutMS: l.TimeoutMS, OutputBytes: l.OutputBytes, Fuel: l.Fuel}
	}
	a, err := s.host.Admit(s.ctx, module, o)
	if err != nil {
		return failed(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	name := "m" + strconv.Itoa(s.next)
	s.modules[name] = a
	return host.Response{Module: name}
}

func (s *server) find(name string, forget bool) (*sandbox.Admitted, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.modules[name]
	if !ok {
		return nil, fmt.Errorf("there is no module %q", name)
	}
	if forget {
		delete(s.modules, name)
	}
	return a, nil
}

func (s *server) drop(r host.Request) host.Response {
	a, err := s.find(r.Drop, true)
	if err == nil {
		err = a.Close()
	}
	if err != nil {
		return failed(err)
	}
	return host.Response{}
}

func (s *server) call(r host.Request) host.Response {
	a, err := s.find(r.Call, false)
	if err != nil {
		return failed(err)
	}
	var used sandbox.Used
	var logged int64
	o := sandbox.CallOptions{Seed: r.Seed, Used: &used, Host: offers(r.Offers), Log: func(l sandbox.Line) { logged += int64(len(l.Text)) + 1 }}
	if r.Time != "" {
		if o.Time, err = time.Parse(time.RFC3339Nano, r.Time); err != nil {
			return failed(err)
		}
	}
	pause := s.pauses.begin()
	start := time.Now()
	raw, err := a.Call(s.ctx, abi.Op(r.Op), r.Input, o)
	took := time.Since(start)
	longest := s.pauses.end(pause)
	out := host.Response{Answer: raw}
	if err != nil {
		out = failed(err)
	}
	out.Fuel, out.LogBytes, out.PauseUS = used.Fuel, logged, longest.Microseconds()
	out.Millis = float64(took.Microseconds()) / 1000
	return out
}

// offers answers host calls with what the request gives; nil offers nothing.
func offers(from map[string]host.Offer) sandbox.HostFunc {
	if len(from) == 0 {
		return nil
	}
	return func(_ context.Context, op abi.HostOp, _ []byte) ([]byte, error) {
		o, ok := from[strconv.Itoa(int(op))]
		switch {
		case !ok:
			return nil, &sandbox.Error{Code: string(abi.Capability), Message: op.String() + " is not granted"}
		case o.Error != nil:
			return nil, &sandbox.Error{Code: o.Error.Code, Message: o.Error.Message}
		}
		return o.Answer, nil
	}
}
