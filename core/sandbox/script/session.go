package script

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// Session is what one call, or the start of an image, keeps outside of the
// interpreter: who answers it, and which promises were rejected. It is used by
// one goroutine, once.
type Session struct {
	Host     Host
	MaxText  int // bytes of an answer or a failure; 0 bounds nothing
	Room     int // bytes that Boot leaves free in the image; 0 leaves what is there
	rejected []rejection
	scratch  uint32 // 4 bytes for the length of a string; 0 until there is one
}

// rejection is a promise that was rejected before anything waited for it; most
// are waited for a moment later.
type rejection struct {
	promise uint64 // the value's bits, which are its identity while it is held
	reason  uint32
}

// Rejected takes env.host_promise_rejection: both values are the host's now. They
// are not freed: the end of the call frees everything, and a value that lives
// keeps its bits from being given to another.
func (s *Session) Rejected(m Machine, promise, reason uint32, handled bool) error {
	raw, ok := m.Read(promise, 8)
	if !ok {
		return fmt.Errorf("the interpreter gave a promise at %d, which lies outside of its memory", promise)
	}
	bits := binary.LittleEndian.Uint64(raw)
	if !handled {
		s.rejected = append(s.rejected, rejection{bits, reason})
		return nil
	}
	for i, r := range s.rejected {
		if r.promise == bits {
			s.rejected = append(s.rejected[:i], s.rejected[i+1:]...)
			break
		}
	}
	return nil
}

// unhandled is the reason of the first promise that nothing waits for, or 0.
func (s *Session) unhandled() uint32 {
	if len(s.rejected) == 0 {
		return 0
	}
	return s.rejected[0].reason
}

// Asked takes env.host_call: the prelude asks for something. The result is the
// place of the value that the call gives back.
func (s *Session) Asked(m Machine, argc, argv uint32) (uint32, error) {
	raw, ok := m.Read(argv, 12)
	if argc < 3 || !ok {
		return 0, fmt.Errorf("the prelude asked with %d values; it asks with three", argc)
	}
	kindAt, numberAt, text := binary.LittleEndian.Uint32(raw), binary.LittleEndian.Uint32(raw[4:]), binary.LittleEndian.Uint32(raw[8:])
	// A script can get at the function behind this and pass what it likes. To make a
	// number or a text of an object runs its valueOf or toString, which may ask again:
	// code of the author's must not run from here.
	kind, err := readNumber(m, kindAt)
	if err != nil {
		return 0, err
	}
	number, err := readNumber(m, numberAt)
	if err != nil {
		return 0, err
	}
	if is, err := m.Call("qjs_is_string", uint64(text)); err != nil || is == 0 {
		return 0, errors.Join(err, errAsked)
	}
	d := &driver{machine: m, image: &Image{}, session: s}
	if s.scratch == 0 {
		// Not the image's: that one may hold the arguments of the call that asks.
		s.scratch = d.alloc(4)
	}
	d.image.scratch = s.scratch
	switch kind {
	case askLog:
		ptr, n := d.open(text)
		view, ok := m.Read(ptr, min(n, maxLogged))
		if d.err == nil && ok {
			s.Host.Log(uint32(number), view)
		}
		d.call("qjs_free_cstring", uint64(ptr))
		return d.value("qjs_get_undefined"), d.err
	case askSeed:
		seed := "["
		for i, n := range s.Host.Seed() {
			if i > 0 {
				seed += ","
			}
			seed += strconv.FormatUint(uint64(n), 10)
		}
		return d.make([]byte(seed + "]")), d.err
	case askHost:
		ptr, n := d.open(text)
		if d.err != nil {
			return 0, d.err
		}
		answer, failed := s.Host.Ask(abi.HostOp(number), ptr, n)
		d.call("qjs_free_cstring", uint64(ptr))
		mark := byte('=')
		if failed {
			mark = '!'
		}
		return d.make(append([]byte{mark}, answer...)), d.err
	}
	return 0, fmt.Errorf("the prelude asked for %v, which this host does not know", kind)
}

// maxLogged is how much of one text that is logged is looked at; hosts take no
// more than that for a whole call.
const maxLogged = 64 << 10

// errAsked ends a script that asks the host behind the prelude's back.
var errAsked = errors.New("the host was asked with something other than two numbers and a text")

func readNumber(m Machine, v uint32) (int, error) {
	if is, err := m.Call("qjs_is_number", uint64(v)); err != nil || is == 0 {
		return 0, errors.Join(err, errAsked)
	}
	bits, err := m.Call("qjs_get_float64", uint64(v))
	f := math.Float64frombits(bits)
	if err != nil || f != f || math.Abs(f) > math.MaxInt32 {
		return -1, err
	}
	return int(f), nil
}

// make gives JavaScript a string and frees the bytes that it was made of.
func (d *driver) make(b []byte) uint32 {
	ptr, n := d.text(b)
	v := d.value("qjs_new_string", uint64(ptr), uint64(n))
	d.call("wasm_free", uint64(ptr))
	return v
}
