package sandbox_test

import (
	"fmt"

	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// A small assembler, so that hostile modules stand in the tests as what they are
// and need no toolchain.

// Opcodes that the tests use.
const (
	opUnreachable = 0x00
	opLoop        = 0x03
	opBr          = 0x0c
	opDrop        = 0x1a
	opCall        = 0x10
	opGet         = 0x20
	opSet         = 0x21
	opTee         = 0x22
	opBrIf        = 0x0d
	opI32Sub      = 0x6b
	opGlobalGet   = 0x23
	opGlobalSet   = 0x24
	opI32Const    = 0x41
	opI64Const    = 0x42
	opI64Eqz      = 0x50
	opI32DivS     = 0x6d
	opI64Add      = 0x7c
	opIf          = 0x04
	opEnd         = 0x0b
	opGrow        = 0x40
	opStore8      = 0x3a
	opLoad8       = 0x2d
	opI64Extend   = 0xad
	empty         = 0x40
	tI32          = 0x7f
	tI64          = 0x7e
)

// asm is a module; what is left out is that of a well-behaved guest, which
// answers every call with answer.
type asm struct {
	imports  []byte // contents of the import section, whole, or nil
	imported int    // functions among them
	pages    uint32
	alloc    []byte // body of plim_alloc; constant 1024 when nil
	call     []byte // body of plim_call; nil gives Pack(4096, len(answer), failed)
	answer   string
	failed   bool
	init     []byte            // body of _initialize; nil has none
	start    bool              // _initialize is the start section as well
	exports  map[string]string // renames or, by "", removes exports
	callType []byte            // type of plim_call
	noDesc   bool              // without a manifest
	bomb     int               // so many functions, each calling the next one twice, the first from plim_call
}

func leb(v uint64) []byte {
	var b []byte
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

func sleb(v int64) []byte {
	var b []byte
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if (v == 0 && c&0x40 == 0) || (v == -1 && c&0x40 != 0) {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

func cat(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			b = append(b, byte(p))
		case []byte:
			b = append(b, p...)
		case string:
			b = append(append(b, leb(uint64(len(p)))...), p...)
		default:
			panic(fmt.Sprintf("%T", p))
		}
	}
	return b
}

func i32(v int32) []byte { return cat(opI32Const, sleb(int64(v))) }
func i64(v int64) []byte { return cat(opI64Const, sleb(v)) }

func sized(b []byte) []byte { return cat(leb(uint64(len(b))), b) }

func (a asm) bytes() []byte {
	sec := func(id int, body []byte) []byte { return cat(id, sized(body)) }
	callType := a.callType
	if callType == nil {
		callType = cat(0x60, 3, tI32, tI32, tI32, 1, tI64)
	}
	types := cat(6, cat(0x60, 0, 0), cat(0x60, 1, tI32, 1, tI32), callType, cat(0x60, 3, tI32, tI32, tI32, 0), cat(0x60, 2, tI32, tI32, 1, tI32), cat(0x60, 0, 1, tI32))
	pages := a.pages
	if pages == 0 {
		pages = 2
	}
	alloc, call := a.alloc, a.call
	if alloc == nil {
		alloc = i32(1024)
	}
	if call == nil {
		call = i64(abi.Pack(4096, uint32(len(a.answer)), a.failed))
	}
	first := a.imported + 4 // of the bomb
	if a.bomb > 0 {
		call = cat(opCall, leb(uint64(first)), i64(0))
	}
	bodies := [][]byte{nil, alloc, call, a.init}
	signatures := cat(0, 1, 2, 0)
	for n := range a.bomb {
		next := cat(opCall, leb(uint64(first+n+1)))
		if n == a.bomb-1 {
			next = nil
		}
		bodies, signatures = append(bodies, cat(next, next)), cat(signatures, 0)
	}
	code := leb(uint64(len(bodies)))
	for _, b := range bodies {
		code = cat(code, sized(cat(0, b, opEnd)))
	}
	exports, n := []byte(nil), 0
	add := func(name string, kind, index int) {
		if to, ok := a.exports[name]; ok {
			name = to
		}
		if name != "" {
			exports, n = cat(exports, name, kind, index), n+1
		}
	}
	add("memory", 2, 0)
	add("plim_abi_1", 0, a.imported)
	add("plim_alloc", 0, a.imported+1)
	add("plim_call", 0, a.imported+2)
	if a.init != nil && !a.start {
		add("_initialize", 0, a.imported+3)
	}
	m := []byte("\x00asm\x01\x00\x00\x00")
	m = cat(m, sec(1, types))
	if a.imports != nil {
		m = cat(m, sec(2, a.imports))
	}
	m = cat(m, sec(3, cat(leb(uint64(len(bodies))), signatures)), sec(5, cat(1, 0, leb(uint64(pages)))))
	m = cat(m, sec(6, cat(1, tI64, 1, i64(0), opEnd))) // one mutable global
	m = cat(m, sec(7, cat(n, exports)))
	if a.start {
		m = cat(m, sec(8, cat(a.imported+3)))
	}
	m = cat(m, sec(10, code))
	if a.answer != "" {
		m = cat(m, sec(11, cat(1, 0, i32(4096), opEnd, a.answer)))
	}
	if a.noDesc {
		return m
	}
	m, err := abi.WithManifest(m, abi.Manifest{ABI: 1, Ops: []string{"prepare", "finish", "check", "render"}})
	if err != nil {
		panic(err)
	}
	return m
}

// importFunc is an import section with one function of type index typ.
func importFunc(module, name string, typ int) []byte { return cat(1, module, name, 0, typ) }
