package wasmbin

import "math"

// Section ids of the binary format.
const (
	customSection    = 0
	typeSection      = 1
	importSection    = 2
	funcSection      = 3
	tableSection     = 4
	memorySection    = 5
	globalSection    = 6
	exportSection    = 7
	startSection     = 8
	elementSection   = 9
	codeSection      = 10
	dataSection      = 11
	dataCountSection = 12
	tagSection       = 13
)

// place is the order that sections stand in; 0 for ids that are not known.
var place = [...]int{typeSection: 1, importSection: 2, funcSection: 3, tableSection: 4, memorySection: 5, globalSection: 6,
	exportSection: 7, startSection: 8, elementSection: 9, dataCountSection: 10, codeSection: 11, dataSection: 12, tagSection: 0}

// Decode takes a module apart. It is strict about lengths, counts, the order of
// sections and the forms of numbers, and knows the features that are run here
// (WebAssembly 2.0); it does not look into function bodies. The error is an
// *Error. The module shares memory with the bytes given.
func Decode(module []byte) (*Module, error) {
	m, err := decode(module, Options{}.withDefaults())
	if err != nil {
		return nil, err
	}
	return m, nil
}

func decode(module []byte, o Options) (*Module, *Error) {
	if len(module) > o.MaxModule {
		return nil, tooMuch(-1, "bytes", uint64(len(module)), uint64(o.MaxModule), "Build it without debug information, or strip it")
	}
	if len(module) < 8 || string(module[:4]) != "\x00asm" {
		return nil, invalid(0, `it does not begin with "\0asm"; is it a .wasm file?`)
	}
	switch v := string(module[4:8]); v {
	case "\x01\x00\x00\x00":
	case "\x0d\x00\x01\x00":
		return nil, unsupported(4, "the module is a component; this host runs core modules: build it for wasm32-unknown-unknown or wasip1, or take the core module out of it")
	default:
		return nil, invalid(4, "its version is %x; it must be 1", v)
	}
	d := &decoder{m: &Module{}, o: o}
	r := &reader{b: module, p: 8}
	last := byte(customSection)
	for !r.done() {
		at := r.at()
		id := r.u8()
		size := r.u32()
		start := r.p
		body := r.take(size)
		if r.err != nil {
			break
		}
		s := &reader{b: body, base: start}
		if id == customSection {
			name := s.name()
			if s.err != nil {
				return nil, s.err
			}
			d.m.Custom = append(d.m.Custom, Custom{last, name, body[s.p:]})
			continue
		}
		switch {
		case id == tagSection:
			return nil, unsupported(at, "the module uses exceptions; this host does not run them: build it without (-fno-exceptions, or panic=abort)")
		case int(id) >= len(place) || place[id] == 0:
			return nil, invalid(at, "there is no section with the number %d", id)
		case last != customSection && place[id] <= place[last]:
			return nil, invalid(at, "section %d stands behind section %d, or is there twice", id, last)
		}
		last = id
		d.section(id, s)
		if s.err == nil && s.p != len(s.b) {
			s.fail("section %d has %d bytes left over", id, len(s.b)-s.p)
		}
		if s.err != nil {
			return nil, s.err
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	m := d.m
	if len(m.Funcs) != len(m.Code) {
		return nil, invalid(-1, "%d functions are declared and %d have code", len(m.Funcs), len(m.Code))
	}
	if m.HasCount && int(m.DataCount) != len(m.Data) {
		return nil, invalid(-1, "%d data segments are announced and %d are there", m.DataCount, len(m.Data))
	}
	return m, nil
}

type decoder struct {
	m *Module
	o Options
}

func (d *decoder) section(id byte, r *reader) {
	m := d.m
	switch id {
	case typeSection:
		m.Types = list(r, "types", d.o.MaxTypes, d.funcType)
	case importSection:
		m.Imports = list(r, "imports", d.o.MaxImports, d.imported)
	case funcSection:
		m.Funcs = list(r, "functions", d.o.MaxFunctions, func(r *reader) uint32 {
			t := r.u32()
			if int(t) >= len(m.Types) {
				r.fail("there is no type %d", t)
			}
			return t
		})
	case tableSection:
		m.Tables = list(r, "tables", maxTables, tableType)
	case memorySection:
		m.Memories = list(r, "memories", math.MaxInt32, memoryLimits)
		if len(m.Memories) > 1 {
			r.err = severalMemories(r.base)
		}
	case globalSection:
		m.Globals = list(r, "globals", d.o.MaxGlobals, func(r *reader) GlobalDef {
			t := globalType(r)
			return GlobalDef{t, constant(r)}
		})
	case exportSection:
		m.Exports = list(r, "exports", d.o.MaxExports, func(r *reader) Export {
			name := r.name()
			kind := ExternKind(r.u8())
			if r.err == nil && kind > GlobalExtern {
				r.fail("an export is of the kind %d, which does not exist", kind)
			}
			return Export{name, kind, r.u32()}
		})
	case startSection:
		m.Start, m.HasStart = r.u32(), true
	case elementSection:
		entries := 0
		m.Elements = list(r, "element segments", d.o.MaxElements, func(r *reader) Element {
			e := d.element(r)
			if entries += len(e.Funcs) + len(e.Exprs); r.err == nil && entries > d.o.MaxEntries {
				r.err = tooMuch(r.at(), "entries in its element segments", uint64(entries), uint64(d.o.MaxEntries), "")
			}
			return e
		})
	case dataCountSection:
		m.DataCount, m.HasCount = r.u32(), true
	case codeSection:
		m.Code = list(r, "functions", d.o.MaxFunctions, d.body)
	case dataSection:
		m.Data = list(r, "data segments", d.o.MaxSegments, dataSegment)
	}
}

// list reads a vector.
func list[T any](r *reader, what string, limit int, read func(*reader) T) []T {
	n := r.count(what, limit)
	if n == 0 {
		return nil
	}
	out := make([]T, n)
	for i := range out {
		if out[i] = read(r); r.err != nil {
			return nil
		}
	}
	return out
}

func severalMemories(at int) *Error {
	return unsupported(at, "the module has more than one memory; this host runs modules with one: build it without multi-memory")
}

func valueType(r *reader) ValueType {
	at := r.at()
	t := ValueType(r.u8())
	if r.err == nil && t.String() == "unknown" {
		if t >= 0x60 && t < 0x70 {
			r.err = unsupported(at, "the module uses typed references or garbage collected types (value type %#x); this host does not run them: build it for WebAssembly 2.0", byte(t))
		} else {
			r.fail("%#x is not a value type", byte(t))
		}
	}
	return t
}

func refType(r *reader) ValueType {
	t := valueType(r)
	if r.err == nil && !t.Reference() {
		r.fail("%s is not a reference type", t)
	}
	return t
}

func (d *decoder) funcType(r *reader) FuncType {
	at := r.at()
	switch form := r.u8(); {
	case r.err != nil || form == 0x60:
	case form == 0x50 || form == 0x4f || form == 0x4e || form == 0x5e || form == 0x5f:
		r.err = unsupported(at, "the module uses garbage collected types (type form %#x); this host does not run them: build it for WebAssembly 2.0", form)
	default:
		r.fail("%#x is not the form of a function type", form)
	}
	return FuncType{list(r, "parameters in one signature", d.o.MaxParameters, valueType), list(r, "results in one signature", d.o.MaxParameters, valueType)}
}

func (d *decoder) imported(r *reader) Import {
	i := Import{Module: r.name(), Name: r.name()}
	at := r.at()
	i.Kind = ExternKind(r.u8())
	switch i.Kind {
	case FuncExtern:
		i.Func = r.u32()
		if r.err == nil && int(i.Func) >= len(d.m.Types) {
			r.fail("there is no type %d", i.Func)
		}
	case TableExtern:
		i.Table = tableType(r)
	case MemoryExtern:
		i.Memory = memoryLimits(r)
	case GlobalExtern:
		i.Global = globalType(r)
	case 4:
		r.err = unsupported(at, "the module imports an exception tag; this host does not run exceptions: build it without")
	default:
		r.fail("an import is of the kind %d, which does not exist", i.Kind)
	}
	return i
}

func tableType(r *reader) TableType {
	at := r.at()
	if r.err == nil && r.p < len(r.b) && r.b[r.p] == 0x40 {
		r.err = unsupported(at, "the module gives a table an initial value (function references); this host does not run that: build it for WebAssembly 2.0")
	}
	t := TableType{Element: refType(r)}
	t.Limits = limits(r, "table")
	return t
}

func memoryLimits(r *reader) Limits {
	l := limits(r, "memory")
	if r.err == nil && (l.Min > maxPages || l.HasMax && l.Max > maxPages) {
		r.fail("a memory has at most %d pages", maxPages)
	}
	return l
}

// maxPages is 4 GiB, all that 32 bits can name.
const maxPages = 1 << 16

func limits(r *reader, what string) Limits {
	at := r.at()
	var l Limits
	switch flags := r.u8(); {
	case r.err != nil || flags == 0:
	case flags == 1:
		l.HasMax = true
	case flags == 2 || flags == 3:
		r.err = unsupported(at, "the module has a shared %s (threads); this host runs one thread for each instance: build it without threads and atomics", what)
	case flags >= 4 && flags <= 7:
		r.err = unsupported(at, "the module has a 64-bit %s (memory64); this host runs 32-bit modules: build it for wasm32", what)
	default:
		r.fail("%#x are not flags of a %s", flags, what)
	}
	l.Min = r.u32()
	if l.HasMax {
		l.Max = r.u32()
		if r.err == nil && l.Max < l.Min {
			r.fail("a %s begins with %d and may have %d", what, l.Min, l.Max)
		}
	}
	return l
}

func globalType(r *reader) GlobalType {
	t := GlobalType{Value: valueType(r)}
	switch c := r.u8(); {
	case r.err != nil || c == 0:
	case c == 1:
		t.Mutable = true
	default:
		r.fail("%#x does not say whether a global is mutable", c)
	}
	return t
}

// constant reads a constant expression: one instruction and the end.
func constant(r *reader) []byte {
	from := r.p
	at := r.at()
	switch op := r.u8(); op {
	case opI32Const:
		r.signed(32)
	case opI64Const:
		r.signed(64)
	case opF32Const:
		r.take(4)
	case opF64Const:
		r.take(8)
	case opGlobalGet, opRefFunc:
		r.u32()
	case opRefNull:
		refType(r)
	case opVector:
		if sub := r.u32(); r.err == nil && sub != vecConst {
			r.fail("vector instruction %d in a constant expression", sub)
		}
		r.take(16)
	default:
		r.fail("instruction %#x in a constant expression", op)
	}
	if r.err == nil && r.p < len(r.b) && r.b[r.p] != opEnd {
		r.err = unsupported(at, "the module computes in a constant expression (extended-const); this host does not run that: build it for WebAssembly 2.0")
	}
	if r.u8(); r.err != nil {
		return nil
	}
	return r.b[from:r.p:r.p]
}

func (d *decoder) element(r *reader) Element {
	e := Element{Mode: r.u32(), Type: FuncRef}
	if r.err == nil && e.Mode > 7 {
		r.fail("%d are not flags of an element segment", e.Mode)
	}
	if e.Mode&1 == 0 {
		if e.Mode&2 != 0 {
			e.Table = r.u32()
		}
		e.Offset = constant(r)
	}
	if e.Mode&3 != 0 {
		if e.Mode&4 != 0 {
			e.Type = refType(r)
		} else if kind := r.u8(); r.err == nil && kind != 0 {
			r.fail("%#x is not a kind of elements", kind)
		}
	}
	if e.Mode&4 != 0 {
		e.Exprs = list(r, "entries in an element segment", int(d.o.MaxTable), constant)
	} else {
		e.Funcs = list(r, "entries in an element segment", int(d.o.MaxTable), (*reader).u32)
	}
	return e
}

func (d *decoder) body(r *reader) Body {
	at := r.at()
	size := r.u32()
	if r.err == nil && uint64(size) > uint64(d.o.MaxBody) {
		r.err = tooMuch(at, "bytes in one function", uint64(size), uint64(d.o.MaxBody), "Split the function")
	}
	start := r.at()
	s := &reader{b: r.take(size), base: start}
	if r.err != nil {
		return Body{}
	}
	// A group takes two bytes and may stand for none, so the bytes bound their number.
	locals := list(s, "groups of locals in one function", d.o.MaxLocals, func(r *reader) Group { return Group{r.u32(), valueType(r)} })
	if s.err == nil && (s.p == len(s.b) || s.b[len(s.b)-1] != opEnd) {
		s.fail("a function does not finish with an end")
	}
	r.err = s.err
	return Body{locals, s.b[s.p:], s.at()}
}

func dataSegment(r *reader) Segment {
	at := r.at()
	s := Segment{Mode: r.u32()}
	switch {
	case r.err != nil:
	case s.Mode == 2:
		if r.u32() != 0 {
			r.err = severalMemories(at)
		}
		s.Offset = constant(r)
	case s.Mode == 0:
		s.Offset = constant(r)
	case s.Mode != 1:
		r.fail("%d are not flags of a data segment", s.Mode)
	}
	s.Data = r.take(r.u32())
	return s
}
