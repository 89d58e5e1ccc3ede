package wasmbin

import "strings"

// ValueType is a type of the binary format.
type ValueType byte

// The value types that are run here.
const (
	I32       ValueType = 0x7f
	I64       ValueType = 0x7e
	F32       ValueType = 0x7d
	F64       ValueType = 0x7c
	V128      ValueType = 0x7b
	FuncRef   ValueType = 0x70
	ExternRef ValueType = 0x6f
)

func (t ValueType) String() string {
	switch t {
	case I32:
		return "i32"
	case I64:
		return "i64"
	case F32:
		return "f32"
	case F64:
		return "f64"
	case V128:
		return "v128"
	case FuncRef:
		return "funcref"
	case ExternRef:
		return "externref"
	}
	return "unknown"
}

// Reference tells whether values of the type are references.
func (t ValueType) Reference() bool { return t == FuncRef || t == ExternRef }

// ExternKind is what an import or export is.
type ExternKind byte

// The kinds of imports and exports.
const (
	FuncExtern   ExternKind = 0
	TableExtern  ExternKind = 1
	MemoryExtern ExternKind = 2
	GlobalExtern ExternKind = 3
)

func (k ExternKind) String() string {
	switch k {
	case FuncExtern:
		return "function"
	case TableExtern:
		return "table"
	case MemoryExtern:
		return "memory"
	case GlobalExtern:
		return "global"
	}
	return "unknown"
}

// FuncType is a signature.
type FuncType struct {
	Params, Results []ValueType
}

func (t FuncType) String() string {
	list := func(types []ValueType) string {
		out := make([]string, len(types))
		for i, t := range types {
			out[i] = t.String()
		}
		return "(" + strings.Join(out, ", ") + ")"
	}
	return list(t.Params) + " -> " + list(t.Results)
}

// Limits are the bounds of a table (entries) or memory (pages of 64 KiB).
type Limits struct {
	Min, Max uint32
	HasMax   bool
}

// TableType is the type of a table.
type TableType struct {
	Element ValueType
	Limits
}

// GlobalType is the type of a global.
type GlobalType struct {
	Value   ValueType
	Mutable bool
}

// Import is one import; the field of its kind is set.
type Import struct {
	Module, Name string
	Kind         ExternKind
	Func         uint32 // type index
	Table        TableType
	Memory       Limits
	Global       GlobalType
}

// GlobalDef is a global that the module defines. Init is a constant expression,
// with its end.
type GlobalDef struct {
	GlobalType
	Init []byte
}

// Export is one export.
type Export struct {
	Name  string
	Kind  ExternKind
	Index uint32
}

// Element is an element segment. Mode is the flag number of the binary format,
// 0 to 7, and says which of the other fields are there.
type Element struct {
	Mode   uint32
	Table  uint32
	Offset []byte // constant expression, with its end
	Type   ValueType
	Funcs  []uint32 // when Mode has no bit 4
	Exprs  [][]byte // when it has
}

// Group is a number of locals of one type.
type Group struct {
	Count uint32
	Type  ValueType
}

// Body is the code of a function: its locals, and its instructions with the last
// end.
type Body struct {
	Locals []Group
	Code   []byte
	at     int // of Code in the module
}

// Segment is a data segment. Mode 0 is active, 1 passive, 2 active with the
// memory named, as in the binary format.
type Segment struct {
	Mode   uint32
	Offset []byte // constant expression, with its end
	Data   []byte
}

// Custom is a custom section. After is the id of the section that it follows.
type Custom struct {
	After byte
	Name  string
	Data  []byte
}

// Module is a module taken apart. Byte slices may share memory with what was
// decoded.
type Module struct {
	Types     []FuncType
	Imports   []Import
	Funcs     []uint32 // type indices of the functions that the module defines
	Tables    []TableType
	Memories  []Limits
	Globals   []GlobalDef
	Exports   []Export
	Start     uint32
	HasStart  bool
	Elements  []Element
	DataCount uint32
	HasCount  bool
	Code      []Body
	Data      []Segment
	Custom    []Custom
}
