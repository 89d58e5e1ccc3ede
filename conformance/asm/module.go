// Package asm builds small WASM modules by hand, so that hostile and broken
// guests need no toolchain and come out as the same bytes everywhere.
//
// It writes what it is told and checks nothing: most of what the kits need is
// wrong on purpose. It must not know the ABI beyond what Guest spells out, and
// reads no modules.
//
//	g := asm.Guest{Manifest: `{"abi":1,"ops":["finish"]}`}
//	g.Call = asm.Cat(asm.Loop, asm.Void, asm.Br, 0, asm.End, asm.Unreachable)
//	module := g.Bytes()
package asm

import "fmt"

// Types of values.
const (
	TI32  = 0x7f
	TI64  = 0x7e
	TF32  = 0x7d
	TF64  = 0x7c
	TV128 = 0x7b
	TFunc = 0x70
	Void  = 0x40 // the type of a block without a result
)

// Opcodes, by the names of the specification's text format.
const (
	Unreachable  = 0x00
	Nop          = 0x01
	Block        = 0x02
	Loop         = 0x03
	If           = 0x04
	Else         = 0x05
	End          = 0x0b
	Br           = 0x0c
	BrIf         = 0x0d
	BrTable      = 0x0e
	Return       = 0x0f
	Call         = 0x10
	CallIndirect = 0x11
	ReturnCall   = 0x12
	Drop         = 0x1a
	Select       = 0x1b
	Get          = 0x20
	Set          = 0x21
	Tee          = 0x22
	GlobalGet    = 0x23
	GlobalSet    = 0x24
	TableGet     = 0x25
	TableSet     = 0x26
	I32Load      = 0x28
	I64Load      = 0x29
	I32Load8     = 0x2d
	I32Store     = 0x36
	I64Store     = 0x37
	I32Store8    = 0x3a
	MemorySize   = 0x3f
	MemoryGrow   = 0x40
	OpI32Const   = 0x41
	OpI64Const   = 0x42
	OpF64Const   = 0x44
	I32Eqz       = 0x45
	I32Eq        = 0x46
	I32Ne        = 0x47
	I32LtU       = 0x49
	I32GeU       = 0x4f
	I64Eqz       = 0x50
	I64Eq        = 0x51
	I64Ne        = 0x52
	I32Add       = 0x6a
	I32Sub       = 0x6b
	I32DivS      = 0x6d
	I32And       = 0x71
	I32ShrU      = 0x76
	I64Add       = 0x7c
	I64DivU      = 0x80
	I64And       = 0x83
	I64Or        = 0x84
	I64Shl       = 0x86
	I64ShrU      = 0x88
	F64Sqrt      = 0x9f
	F64Add       = 0xa0
	F64Mul       = 0xa2
	F64Div       = 0xa3
	I32WrapI64   = 0xa7
	I64ExtendU   = 0xad
	F64ConvertI  = 0xb9 // f64.convert_i64_s
	RefNull      = 0xd0
	RefFunc      = 0xd2
	Misc         = 0xfc // prefix of bulk memory and tables
	Vector       = 0xfd // prefix of v128
)

// Misc's second bytes.
const (
	MemoryInit = 8
	DataDrop   = 9
	MemoryCopy = 10
	MemoryFill = 11
	TableInit  = 12
	ElemDrop   = 13
	TableCopy  = 14
	TableGrow  = 15
	TableSize  = 16
	TableFill  = 17
)

// Ids of sections.
const (
	SecCustom = iota
	SecType
	SecImport
	SecFunction
	SecTable
	SecMemory
	SecGlobal
	SecExport
	SecStart
	SecElement
	SecCode
	SecData
	SecDataCount
)

// Header is what a module begins with.
const Header = "\x00asm\x01\x00\x00\x00"

// Uleb is v as unsigned LEB128.
func Uleb(v uint64) []byte {
	var b []byte
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

// Sleb is v as signed LEB128.
func Sleb(v int64) []byte {
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

// Cat joins parts: an int is one byte, bytes are themselves, a string is a name
// with its length before it. Anything else is a mistake in the program that
// calls it, and panics.
func Cat(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			b = append(b, byte(p))
		case []byte:
			b = append(b, p...)
		case string:
			b = append(append(b, Uleb(uint64(len(p)))...), p...)
		default:
			panic(fmt.Sprintf("asm.Cat: a part of type %T", p))
		}
	}
	return b
}

// Times repeats b.
func Times(n int, b []byte) []byte {
	out := make([]byte, 0, n*len(b))
	for range n {
		out = append(out, b...)
	}
	return out
}

// Const32 is i32.const.
func Const32(v int32) []byte { return Cat(OpI32Const, Sleb(int64(v))) }

// Const64 is i64.const.
func Const64(v int64) []byte { return Cat(OpI64Const, Sleb(v)) }

// CallTo is a call of the function with that index.
func CallTo(index int) []byte { return Cat(Call, Uleb(uint64(index))) }

// Sized is b with its length before it.
func Sized(b []byte) []byte { return append(Uleb(uint64(len(b))), b...) }

// Section is one section.
func Section(id int, body []byte) []byte { return Cat(id, Sized(body)) }

// Custom is a custom section.
func Custom(name string, body []byte) []byte {
	return Section(SecCustom, append(Cat(name), body...))
}

// List is a list: how many, then the entries.
func List(entries ...[]byte) []byte {
	b := Uleb(uint64(len(entries)))
	for _, e := range entries {
		b = append(b, e...)
	}
	return b
}

// FuncType is a type of functions.
func FuncType(params, results []byte) []byte {
	return Cat(0x60, Sized(params), Sized(results))
}

// Body is one entry of the code section: locals as (count, type) pairs, then
// code without its last end.
func Body(locals, code []byte) []byte {
	if locals == nil {
		locals = []byte{0}
	}
	return Sized(Cat(locals, code, End))
}

// Locals declares n locals of one type.
func Locals(n uint32, typ int) []byte { return Cat(1, Uleb(uint64(n)), typ) }
