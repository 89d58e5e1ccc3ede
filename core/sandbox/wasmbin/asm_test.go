package wasmbin_test

import (
	"github.com/plimsoll-dev/plimsoll/core/sandbox/wasmbin"
)

// A small assembler, so that modules stand in the tests as what they are and
// need no toolchain.

const (
	opUnreachable  = 0x00
	opBlock        = 0x02
	opLoop         = 0x03
	opIf           = 0x04
	opElse         = 0x05
	opEnd          = 0x0b
	opBr           = 0x0c
	opBrIf         = 0x0d
	opBrTable      = 0x0e
	opReturn       = 0x0f
	opCall         = 0x10
	opCallIndirect = 0x11
	opDrop         = 0x1a
	opSelect       = 0x1b
	opGet          = 0x20
	opSet          = 0x21
	opTee          = 0x22
	opGlobalGet    = 0x23
	opGlobalSet    = 0x24
	opTableSet     = 0x26
	opI32Load      = 0x28
	opI64Load      = 0x29
	opI32Load8     = 0x2d
	opI32Store     = 0x36
	opI64Store     = 0x37
	opI32Store8    = 0x3a
	opMemorySize   = 0x3f
	opMemoryGrow   = 0x40
	opI32Const     = 0x41
	opI64Const     = 0x42
	opI32Eqz       = 0x45
	opI32LtS       = 0x48
	opI32LtU       = 0x49
	opI32Add       = 0x6a
	opI32Sub       = 0x6b
	opI32Mul       = 0x6c
	opI32DivS      = 0x6d
	opI32And       = 0x71
	opI32Or        = 0x72
	opI32Xor       = 0x73
	opI32Shl       = 0x74
	opI32ShrU      = 0x76
	opI32Rotl      = 0x77
	opI32Rotr      = 0x78
	opI64Add       = 0x7c
	opI64Mul       = 0x7e
	opRefNull      = 0xd0
	opRefFunc      = 0xd2
	opMisc         = 0xfc
	opVector       = 0xfd
	none           = 0x40 // block type
	i32            = wasmbin.I32
	i64            = wasmbin.I64
)

func u32(v uint32) []byte {
	var b []byte
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

func s64(v int64) []byte {
	var b []byte
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

// cat puts instructions together: ints are bytes, the rest is bytes already.
func cat(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			b = append(b, byte(p))
		case byte:
			b = append(b, p)
		case wasmbin.ValueType:
			b = append(b, byte(p))
		case []byte:
			b = append(b, p...)
		default:
			panic(p)
		}
	}
	return b
}

func get(l int) []byte      { return cat(opGet, u32(uint32(l))) }
func set(l int) []byte      { return cat(opSet, u32(uint32(l))) }
func tee(l int) []byte      { return cat(opTee, u32(uint32(l))) }
func call(f int) []byte     { return cat(opCall, u32(uint32(f))) }
func c32(v int32) []byte    { return cat(opI32Const, s64(int64(v))) }
func c64(v int64) []byte    { return cat(opI64Const, s64(v)) }
func load(at int) []byte    { return cat(c32(int32(at)), opI32Load, 2, 0) }
func br(depth int) []byte   { return cat(opBr, u32(uint32(depth))) }
func brif(depth int) []byte { return cat(opBrIf, u32(uint32(depth))) }

func repeat(n int, code ...any) []byte {
	one := cat(code...)
	var b []byte
	for range n {
		b = append(b, one...)
	}
	return b
}

// counted runs code from local i = n down to 1.
func counted(i int, n []byte, code ...any) []byte {
	return cat(n, set(i), opLoop, none, cat(code...), get(i), c32(1), opI32Sub, tee(i), brif(0), opEnd)
}

// fn is a function for program.
type fn struct {
	export          string
	params, results []wasmbin.ValueType
	locals          []wasmbin.Group
	code            []byte // without the last end
}

func types(n int, t wasmbin.ValueType) []wasmbin.ValueType {
	out := make([]wasmbin.ValueType, n)
	for i := range out {
		out[i] = t
	}
	return out
}

func locals(n int, t wasmbin.ValueType) []wasmbin.Group {
	return []wasmbin.Group{{Count: uint32(n), Type: t}}
}

// program is a module of functions with a memory of pages pages, a table that
// holds them all, and two mutable globals (i32, i64). Function i has type i.
func program(pages uint32, fns ...fn) *wasmbin.Module {
	m := &wasmbin.Module{
		Memories: []wasmbin.Limits{{Min: pages}},
		Tables:   []wasmbin.TableType{{Element: wasmbin.FuncRef, Limits: wasmbin.Limits{Min: uint32(len(fns))}}},
		Globals: []wasmbin.GlobalDef{
			{GlobalType: wasmbin.GlobalType{Value: i32, Mutable: true}, Init: cat(c32(7), opEnd)},
			{GlobalType: wasmbin.GlobalType{Value: i64, Mutable: true}, Init: cat(c64(9), opEnd)},
		},
		Exports: []wasmbin.Export{{Name: "memory", Kind: wasmbin.MemoryExtern}, {Name: "g0", Kind: wasmbin.GlobalExtern}, {Name: "g1", Kind: wasmbin.GlobalExtern, Index: 1}},
	}
	e := wasmbin.Element{Offset: cat(c32(0), opEnd), Type: wasmbin.FuncRef}
	for i, f := range fns {
		m.Types = append(m.Types, wasmbin.FuncType{Params: f.params, Results: f.results})
		m.Funcs = append(m.Funcs, uint32(i))
		m.Code = append(m.Code, wasmbin.Body{Locals: f.locals, Code: cat(f.code, opEnd)})
		if f.export != "" {
			m.Exports = append(m.Exports, wasmbin.Export{Name: f.export, Index: uint32(i)})
		}
		e.Funcs = append(e.Funcs, uint32(i))
	}
	m.Elements = []wasmbin.Element{e}
	return m
}
