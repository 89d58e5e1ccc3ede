package sandbox

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/tetratelabs/wazero/api"

	"github.com/plimsoll-dev/plimsoll/core/sandbox/script"
	"github.com/plimsoll-dev/plimsoll/core/sandbox/script/quickjs"
	"github.com/plimsoll-dev/plimsoll/core/sandbox/wasmbin"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// scriptProfile is the name by which the host brings the interpreter.
const scriptProfile = "script"

// scriptRoom is how much free memory an image has, in bytes. A call on 20 KB of
// JSON takes 0.3 MiB.
const scriptRoom = 4 << 20

// scriptStack is what a script's calls may take of the machine's stack, as the
// depth counter counts it, in place of the bound for modules. The counter takes
// the interpreter's one large function for 30 KiB, where it needs 4 to 8: with
// the common bound a script could nest 266 calls, and would get the host's code
// instead of an error of its own. The interpreter's own bound comes first.
const scriptStack = 64 << 20

// AdmitScript admits a program in TypeScript or JavaScript. The interpreter is a
// module as any other and is compiled once for all programs; what is kept for
// each is the memory in which its file has run. The manifest is that of
// skill({...}). The error is an *Error; what the file itself throws has code
// script_error (or the author's own), says where, and is the guest's.
func (h *Host) AdmitScript(ctx context.Context, p *script.Program, o AdmitOptions) (*Admitted, error) {
	if p == nil {
		return nil, fail(abi.Protocol, "there is no program to admit")
	}
	return h.admitSource(ctx, source{digest: p.Digest, module: quickjs.Module(), profile: scriptProfile, program: p}, o)
}

// scripts drives the interpreter of core/sandbox/script.
type scripts struct{}

var _ profile = scripts{}

func (scripts) name() string { return scriptProfile }

// fits is false for every module: only AdmitScript brings the interpreter, with
// a program to run.
func (scripts) fits(*wasmbin.Facts) (bool, error) { return false, nil }

func (scripts) offers() map[string]map[string]hostFunc {
	return map[string]map[string]hostFunc{
		wasiModule: wasiFuncs(),
		"env": {
			"host_call":                {[]api.ValueType{i32, i32, i32, i32, i32}, []api.ValueType{i32}, hostCalled},
			"host_promise_rejection":   {[]api.ValueType{i32, i32, i32}, nil, rejected},
			"host_get_timezone_offset": zero(2), // UTC
			// Switched off: fuel interrupts, and a bundle imports nothing.
			"host_interrupt":        zero(0),
			"host_module_normalize": zero(2),
			"host_module_load":      zero(2),
		},
	}
}

// zero makes an import that always answers 0.
func zero(params int) hostFunc {
	return hostFunc{slices.Repeat([]api.ValueType{i32}, params), []api.ValueType{i32}, func(ctx context.Context, _ api.Module, stack []uint64) {
		of(ctx).charge(0)
		stack[0] = 0
	}}
}

// start runs the program's file. What stays is where its parts lie.
func (scripts) start(in *instance, program any) (any, error) {
	p, ok := program.(*script.Program)
	if !ok {
		return nil, fail(abi.Protocol, "the interpreter was admitted without a program")
	}
	if f := in.function(abi.Initialize); f != nil {
		if err := in.invoke(f, nil); err != nil {
			return nil, err
		}
	}
	s := newScriptCall(in)
	// A quarter of what is left, so that a small limit is not used up by room.
	s.session.Room = int(min(scriptRoom, (in.limits.memory-min(in.limits.memory, in.space.Size()))/4))
	image, err := script.Boot(s, p, &s.session)
	if err != nil {
		return nil, s.explain("its start", err)
	}
	return image, nil
}

func (scripts) call(in *instance, op abi.Op, input []byte) ([]byte, bool, error) {
	image, ok := in.state.(*script.Image)
	if !ok {
		return nil, false, fail(abi.Protocol, "the interpreter was not started")
	}
	s := newScriptCall(in)
	in.open = true
	answer, failed, err := image.Call(s, &s.session, op, input)
	in.open = false
	if err != nil {
		return nil, false, s.explain(op.String(), err)
	}
	return answer, failed, nil
}

// scriptCall is the machine and the host of one call.
type scriptCall struct {
	in      *instance
	session script.Session
	nested  bool     // inside of a host function
	running []string // exports that are being called, the outermost first
}

var (
	_ script.Machine = (*scriptCall)(nil)
	_ script.Host    = (*scriptCall)(nil)
)

func newScriptCall(in *instance) *scriptCall {
	s := &scriptCall{in: in}
	s.session = script.Session{Host: s, MaxText: in.limits.output}
	in.own = s
	return s
}

// explain gives the package's errors the codes of the ABI.
func (s *scriptCall) explain(where string, err error) error {
	var failure *script.Failure
	var long *script.LongError
	switch {
	case errors.As(err, &failure):
		f := failure.Failure
		return &Error{Code: f.Code, Message: clip(f.Message, maxDetail), Detail: clip(f.Detail, maxDetail), Guest: true, Retryable: f.Retryable}
	case errors.As(err, &long):
		return fail(abi.OutputLimit, fmt.Sprintf("the answer to %s has %d bytes; the limit is %d", where, long.Bytes, s.in.limits.output))
	case errors.Is(err, script.ErrMemory):
		return fail(abi.OutOfMemory, fmt.Sprintf("the script wanted more than %d MiB of memory in %s", s.in.limits.memory>>20, where))
	}
	return err
}

// Call calls an export of the interpreter. From inside of a host function the
// depth of the guest's calls goes on from where it is: a new start with each
// host call would let a script nest without bounds.
func (s *scriptCall) Call(export string, args ...uint64) (uint64, error) {
	f := s.in.function(export)
	if f == nil {
		return 0, fail(abi.Protocol, "the interpreter does not export "+export)
	}
	// The engine's function objects have one stack each: to call one from within
	// itself writes over the frames that it will return to.
	if slices.Contains(s.running, export) {
		return 0, fail(abi.Trap, "the script was entered a second time from a host call ("+export+")")
	}
	s.running = append(s.running, export)
	defer func() { s.running = s.running[:len(s.running)-1] }()
	var stack [6]uint64
	used := stack[:max(copy(stack[:], args), 1)]
	if !s.nested {
		s.in.depth.Set(scriptStack)
	}
	if err := f.CallWithStack(s.in, used); err != nil {
		s.in.spent = true
		return 0, err
	}
	return used[0], nil
}

// Read gives a view of the interpreter's memory.
func (s *scriptCall) Read(ptr, n uint32) ([]byte, bool) { return s.in.memory.Read(ptr, n) }

// Write writes into the interpreter's memory.
func (s *scriptCall) Write(ptr uint32, data []byte) bool { return s.in.memory.Write(ptr, data) }

// Log takes what console.log says, line by line.
func (s *scriptCall) Log(level uint32, text []byte) {
	s.in.charge(len(text))
	for len(text) > 0 {
		line := text
		if i := bytes.IndexByte(text, '\n'); i >= 0 {
			line, text = text[:i], text[i+1:]
		} else {
			text = nil
		}
		s.in.log.line(Level(min(level, uint32(LevelError))), line)
	}
}

// Seed is drawn from the call's random numbers.
func (s *scriptCall) Seed() [4]uint32 {
	var b [16]byte
	_, _ = s.in.rng().Read(b[:]) // cannot fail
	var seed [4]uint32
	for i := range seed {
		seed[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	seed[0] |= 1 // a generator of this kind never leaves zero
	return seed
}

// Ask carries a host call under the rules of every profile.
func (s *scriptCall) Ask(op abi.HostOp, ptr, n uint32) ([]byte, bool) {
	s.in.charge(int(min(n, abi.MaxPayload)))
	answer, failed := s.in.ask(op, ptr, n)
	s.in.charge(len(answer))
	return answer, failed
}

// hostCalled is env.host_call(name, length, this, argc, argv) -> value.
func hostCalled(ctx context.Context, _ api.Module, stack []uint64) {
	in := of(ctx)
	in.charge(0)
	s := in.own.(*scriptCall)
	s.nested = true
	v, err := s.session.Asked(s, uint32(stack[3]), uint32(stack[4]))
	s.nested = false
	s.stop(err)
	stack[0] = uint64(v)
}

// rejected is env.host_promise_rejection(promise, reason, handled).
func rejected(ctx context.Context, _ api.Module, stack []uint64) {
	in := of(ctx)
	in.charge(0)
	s := in.own.(*scriptCall)
	s.stop(s.session.Rejected(s, uint32(stack[0]), uint32(stack[1]), uint32(stack[2]) != 0))
}

// stop ends the guest where a host function cannot go on: the error of a call
// into the guest is that of the call around it.
func (s *scriptCall) stop(err error) {
	if err != nil {
		s.in.spent = true
		panic(err)
	}
}
