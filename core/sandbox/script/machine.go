package script

import (
	"bytes"
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

//go:embed prelude.js
var prelude string

// Machine is an instance of the interpreter as this package needs it. Errors of
// Call are those of whatever runs the instance (a trap, no more fuel) and are
// handed through as they are.
type Machine interface {
	// Call calls an export with at most one result.
	Call(export string, args ...uint64) (uint64, error)
	// Read gives a view of memory; it holds until the next Call.
	Read(ptr, n uint32) (view []byte, ok bool)
	Write(ptr uint32, data []byte) (ok bool)
}

// Host is what a script finds outside of the interpreter.
type Host interface {
	// Log takes a line; levels are those of the ABI: 0 debug to 3 error.
	Log(level uint32, text []byte)
	// Seed is where the call's random numbers begin; not all are 0.
	Seed() [4]uint32
	// Ask carries a host call whose payload has n bytes at ptr; an answer that
	// failed is an abi.Failure.
	Ask(op abi.HostOp, ptr, n uint32) (answer []byte, failed bool)
}

// ErrMemory says that the interpreter found no more memory.
var ErrMemory = errors.New("the interpreter has no more memory")

// LongError says that an answer, or what was thrown, has more bytes than
// Session.MaxText.
type LongError struct{ Bytes int }

// Error says how long the text is.
func (e *LongError) Error() string { return fmt.Sprintf("the text has %d bytes", e.Bytes) }

// maxStack is how deep scripts may nest, in bytes of the interpreter's own stack,
// which has 1 MiB: some 1,000 plain calls, or 300 with callbacks between them.
// Beyond it a script gets a RangeError that it can catch, with a place. Whoever
// runs the interpreter must allow more than the 8 MiB of machine stack that this
// takes (32 bytes for each; wazero 1.12, amd64, 2026-11), or his bound comes first.
const maxStack = 256 << 10

// What the prelude's function does, besides the ops of the ABI.
const (
	doLoad     = -1
	doTick     = -2
	doRejected = -3
	doThrown   = -4
	doLast     = int(abi.OpRun)
)

// What the prelude asks of its host.
const (
	askLog = iota
	askSeed
	askHost
)

// Image is a program loaded into an interpreter: where its parts lie in memory.
// It holds for every memory that is restored to what Boot left.
type Image struct {
	program *Program
	entry   uint32                        // the prelude's function
	none    uint32                        // undefined
	scratch uint32                        // 16 bytes: arguments, lengths
	numbers [doLast - doThrown + 1]uint32 // doThrown..doLast as values
}

// Boot starts the interpreter in m, after its _initialize, and runs the
// program's file. What the file throws is a *Failure.
func Boot(m Machine, p *Program, h *Session) (*Image, error) {
	i := &Image{program: p}
	d := &driver{machine: m, image: i, session: h}
	if status := d.call("qjs_init"); int32(status) != 0 && d.err == nil {
		d.err = ErrMemory
	}
	d.call("qjs_set_max_stack_size", maxStack)
	d.call("qjs_set_promise_rejection_handler", 1)
	i.none = d.value("qjs_get_undefined")
	i.scratch = d.alloc(16)
	for n := range i.numbers {
		i.numbers[n] = d.value("qjs_new_number", math.Float64bits(float64(n+doThrown)))
	}
	name, n := d.text([]byte("plimsoll"))
	native := d.value("qjs_new_host_function", uint64(name), uint64(n), 0)
	boot := d.eval([]byte(prelude), "prelude.js")
	i.entry = d.invoke(boot, native, 0)
	if d.err != nil {
		return nil, fmt.Errorf("starting the interpreter: %w", d.err)
	}
	module := d.eval(p.Code, mapFile)
	if d.err == nil && d.threw(module) {
		return nil, d.thrown()
	}
	loaded := d.invoke(i.entry, i.number(doLoad), module)
	if d.err == nil && d.threw(loaded) {
		return nil, d.thrown()
	}
	raw := d.string(loaded)
	if d.err == nil && len(raw) > 0 && raw[0] == '!' {
		return nil, p.failure(raw[1:])
	}
	raw, err := d.settle()
	if err != nil {
		return nil, err
	}
	if len(raw) > 0 && raw[0] == '!' {
		return nil, p.failure(raw[1:])
	}
	d.room(h.Room)
	return i, d.err
}

// Call answers one op with the text that the skill gave. failed says that the
// text is a failure, with its places led back to the author's files.
func (i *Image) Call(m Machine, s *Session, op abi.Op, input []byte) (answer []byte, failed bool, err error) {
	if op < 0 || int(op) > doLast {
		return nil, false, fmt.Errorf("op %d is none of this ABI", op)
	}
	d := &driver{machine: m, image: i, session: s}
	ptr, n := d.text(wellFormed(input))
	value := d.value("qjs_new_string", uint64(ptr), uint64(n))
	called := d.invoke(i.entry, i.number(int(op)), value)
	if d.err != nil {
		return nil, false, d.err
	}
	if d.threw(called) {
		return i.failed(d.thrown())
	}
	raw, err := d.settle()
	switch {
	case err != nil:
		return i.failed(err)
	case len(raw) == 0:
		return i.failed(&Failure{abi.Failure{Code: codeScript, Message: fmt.Sprintf("%s returned a promise that nothing settles: the call is done, and it still waits", op)}})
	case raw[0] == '!':
		return i.failed(i.program.failure(raw[1:]))
	}
	return raw[1:], false, nil
}

// failed makes an answer of a *Failure; other errors stay errors.
func (i *Image) failed(err error) ([]byte, bool, error) {
	var f *Failure
	if !errors.As(err, &f) {
		return nil, false, err
	}
	body, err := json.Marshal(f.Failure)
	return body, true, err
}

func (i *Image) number(n int) uint32 { return i.numbers[n-doThrown] }

// driver makes a series of calls; after the first error the rest do nothing.
type driver struct {
	machine Machine
	image   *Image
	session *Session
	err     error
}

func (d *driver) call(export string, args ...uint64) uint64 {
	if d.err != nil {
		return 0
	}
	var v uint64
	v, d.err = d.machine.Call(export, args...)
	return v
}

// value is a call whose result is the place of a JavaScript value.
func (d *driver) value(export string, args ...uint64) uint32 {
	v := uint32(d.call(export, args...))
	if v == 0 && d.err == nil {
		d.err = ErrMemory
	}
	return v
}

func (d *driver) alloc(n int) uint32 { return d.value("wasm_malloc", uint64(n)) }

// room has the interpreter's allocator hold free memory. A memory that had to
// grow during a call cannot be restored in place; free memory that nobody wrote
// to costs nothing.
func (d *driver) room(n int) {
	if n == 0 {
		return
	}
	if ptr := d.call("wasm_malloc", uint64(n)); ptr != 0 {
		d.call("wasm_free", ptr)
	}
}

// text puts bytes into memory, with the 0 behind them that C wants.
func (d *driver) text(b []byte) (ptr, n uint32) {
	ptr = d.alloc(len(b) + 1)
	if d.err == nil && (!d.machine.Write(ptr, b) || !d.machine.Write(ptr+uint32(len(b)), []byte{0})) {
		d.err = fmt.Errorf("the interpreter gave memory at %d, which it does not have", ptr)
	}
	return ptr, uint32(len(b))
}

func (d *driver) eval(code []byte, name string) uint32 {
	ptr, n := d.text(code)
	file, _ := d.text([]byte(name))
	return d.value("qjs_eval", uint64(ptr), uint64(n), uint64(file), 0)
}

// invoke calls a JavaScript function with one argument, or two.
func (d *driver) invoke(f, a, b uint32) uint32 {
	args := binary.LittleEndian.AppendUint32(make([]byte, 0, 8), a)
	n := 1
	if b != 0 {
		args, n = binary.LittleEndian.AppendUint32(args, b), 2
	}
	if d.err == nil && !d.machine.Write(d.image.scratch, args) {
		d.err = fmt.Errorf("the interpreter's memory does not reach %d", d.image.scratch)
	}
	return d.value("qjs_call", uint64(f), uint64(d.image.none), uint64(n), uint64(d.image.scratch))
}

func (d *driver) is(export string, v uint32) bool { return d.call(export, uint64(v)) != 0 }

func (d *driver) threw(v uint32) bool { return d.is("qjs_is_exception", v) }

// string copies a JavaScript string out; other values give nil.
func (d *driver) string(v uint32) []byte {
	if !d.is("qjs_is_string", v) || d.err != nil {
		return nil
	}
	ptr, n := d.open(v)
	if most := d.session.MaxText; d.err == nil && most > 0 && int(n) > most {
		d.err = &LongError{int(n)}
	}
	if d.err != nil {
		return nil
	}
	view, ok := d.machine.Read(ptr, n)
	if !ok {
		d.err = fmt.Errorf("the interpreter gave a string at %d, which lies outside of its memory", ptr)
		return nil
	}
	out := bytes.Clone(view)
	d.call("qjs_free_cstring", uint64(ptr))
	return out
}

// open has the interpreter make UTF-8 of a string; it is there until
// qjs_free_cstring.
func (d *driver) open(v uint32) (ptr, n uint32) {
	ptr = d.value("qjs_get_string_len", uint64(v), uint64(d.image.scratch))
	size, ok := d.machine.Read(d.image.scratch, 4)
	if d.err == nil && !ok {
		d.err = fmt.Errorf("the interpreter's memory does not reach %d", d.image.scratch)
	}
	if d.err != nil {
		return 0, 0
	}
	return ptr, binary.LittleEndian.Uint32(size)
}

// settle runs what was put off, promises before timers, until nothing is left,
// and gives what the prelude has by then: nothing when a promise still waits.
func (d *driver) settle() ([]byte, error) {
	for {
		for d.call("qjs_is_job_pending") != 0 {
			if int32(d.call("qjs_execute_pending_job")) < 0 {
				return nil, d.thrown()
			}
		}
		v := d.invoke(d.image.entry, d.image.number(doTick), 0)
		if d.err != nil {
			return nil, d.err
		}
		if d.threw(v) {
			return nil, d.thrown()
		}
		if d.is("qjs_is_bool", v) { // a timer ran
			continue
		}
		raw := d.string(v)
		if d.err != nil {
			return nil, d.err
		}
		if reason := d.session.unhandled(); reason != 0 && (len(raw) == 0 || raw[0] != '!') {
			return nil, d.told(doRejected, reason)
		}
		return raw, nil
	}
}

// thrown is what was thrown last, as an error.
func (d *driver) thrown() error {
	if d.err != nil {
		return d.err
	}
	e := d.value("qjs_get_exception")
	if d.err != nil {
		return d.err
	}
	return d.told(doThrown, e)
}

// told has the prelude say what a JavaScript value that was thrown is.
func (d *driver) told(what int, v uint32) error {
	said := d.invoke(d.image.entry, d.image.number(what), v)
	if d.err == nil && d.threw(said) {
		// Not even that worked: there is no memory or no stack to say it with.
		return ErrMemory
	}
	raw := d.string(said)
	if d.err != nil {
		return d.err
	}
	if len(raw) == 0 || raw[0] != '!' {
		return fmt.Errorf("the prelude answered %q where it should say what was thrown", raw)
	}
	err := d.image.program.failure(raw[1:])
	var f *Failure
	if what == doRejected && errors.As(err, &f) {
		f.Message = "a promise was rejected and nothing waited for it (is an await missing?): " + f.Message
	}
	return err
}
