package wasmbin

// Encode writes the module down, with numbers in their shortest form. What
// Decode made of a module comes out as a module that means the same.
func (m *Module) Encode() []byte {
	size := 1024
	for i := range m.Code {
		size += len(m.Code[i].Code) + 2*len(m.Code[i].Locals) + 10
	}
	for i := range m.Data {
		size += len(m.Data[i].Data) + 16
	}
	w := &writer{m: m, b: append(make([]byte, 0, size), "\x00asm\x01\x00\x00\x00"...)}
	w.custom(customSection)
	section(w, typeSection, m.Types, func(b []byte, t FuncType) []byte {
		return appendTypes(appendTypes(append(b, 0x60), t.Params), t.Results)
	})
	section(w, importSection, m.Imports, appendImport)
	section(w, funcSection, m.Funcs, appendU32)
	section(w, tableSection, m.Tables, appendTable)
	section(w, memorySection, m.Memories, appendLimits)
	section(w, globalSection, m.Globals, func(b []byte, g GlobalDef) []byte {
		return append(appendGlobal(b, g.GlobalType), g.Init...)
	})
	section(w, exportSection, m.Exports, func(b []byte, e Export) []byte {
		return appendU32(append(appendName(b, e.Name), byte(e.Kind)), e.Index)
	})
	if m.HasStart {
		w.section(startSection, appendU32(nil, m.Start))
	}
	section(w, elementSection, m.Elements, appendElement)
	if m.HasCount {
		w.section(dataCountSection, appendU32(nil, m.DataCount))
	}
	section(w, codeSection, m.Code, appendBody)
	section(w, dataSection, m.Data, func(b []byte, s Segment) []byte {
		b = appendU32(b, s.Mode)
		if s.Mode == 2 {
			b = append(b, 0)
		}
		return append(appendU32(append(b, s.Offset...), uint32(len(s.Data))), s.Data...)
	})
	return w.b
}

type writer struct {
	m *Module
	b []byte
}

// section writes a section and the custom sections that follow it. A vector
// without items is left out with its section, which means the same.
func section[T any](w *writer, id byte, items []T, add func([]byte, T) []byte) {
	if len(items) == 0 {
		w.custom(id)
		return
	}
	// The size goes before the contents and is not known yet: room for its
	// longest form is left, and taken back below.
	const room = 5
	w.b = append(w.b, id)
	size := len(w.b)
	w.b = append(w.b, make([]byte, room)...)
	w.b = appendU32(w.b, uint32(len(items)))
	for _, item := range items {
		w.b = add(w.b, item)
	}
	w.close(size, room)
	w.custom(id)
}

func (w *writer) close(size, room int) {
	n := len(w.b) - size - room
	short := len(appendU32(w.b[:size], uint32(n)))
	copy(w.b[short:], w.b[size+room:])
	w.b = w.b[:short+n]
}

func (w *writer) section(id byte, body []byte) {
	w.b = append(appendU32(append(w.b, id), uint32(len(body))), body...)
	w.custom(id)
}

func (w *writer) custom(after byte) {
	for _, c := range w.m.Custom {
		if c.After == after {
			w.b = appendU32(append(w.b, customSection), uint32(len(appendU32(nil, uint32(len(c.Name))))+len(c.Name)+len(c.Data)))
			w.b = append(appendName(w.b, c.Name), c.Data...)
		}
	}
}

func appendTypes(b []byte, types []ValueType) []byte {
	b = appendU32(b, uint32(len(types)))
	for _, t := range types {
		b = append(b, byte(t))
	}
	return b
}

func appendLimits(b []byte, l Limits) []byte {
	if !l.HasMax {
		return appendU32(append(b, 0), l.Min)
	}
	return appendU32(appendU32(append(b, 1), l.Min), l.Max)
}

func appendTable(b []byte, t TableType) []byte {
	return appendLimits(append(b, byte(t.Element)), t.Limits)
}

func appendGlobal(b []byte, g GlobalType) []byte {
	b = append(b, byte(g.Value), 0)
	if g.Mutable {
		b[len(b)-1] = 1
	}
	return b
}

func appendImport(b []byte, i Import) []byte {
	b = append(appendName(appendName(b, i.Module), i.Name), byte(i.Kind))
	switch i.Kind {
	case FuncExtern:
		return appendU32(b, i.Func)
	case TableExtern:
		return appendTable(b, i.Table)
	case MemoryExtern:
		return appendLimits(b, i.Memory)
	default:
		return appendGlobal(b, i.Global)
	}
}

func appendElement(b []byte, e Element) []byte {
	b = appendU32(b, e.Mode)
	if e.Mode&1 == 0 {
		if e.Mode&2 != 0 {
			b = appendU32(b, e.Table)
		}
		b = append(b, e.Offset...)
	}
	if e.Mode&3 != 0 {
		if e.Mode&4 != 0 {
			b = append(b, byte(e.Type))
		} else {
			b = append(b, 0)
		}
	}
	if e.Mode&4 != 0 {
		b = appendU32(b, uint32(len(e.Exprs)))
		for _, x := range e.Exprs {
			b = append(b, x...)
		}
		return b
	}
	b = appendU32(b, uint32(len(e.Funcs)))
	for _, f := range e.Funcs {
		b = appendU32(b, f)
	}
	return b
}

func appendBody(b []byte, f Body) []byte {
	size := len(appendU32(nil, uint32(len(f.Locals)))) + len(f.Code)
	for _, g := range f.Locals {
		size += len(appendU32(nil, g.Count)) + 1
	}
	b = appendU32(appendU32(b, uint32(size)), uint32(len(f.Locals)))
	for _, g := range f.Locals {
		b = append(appendU32(b, g.Count), byte(g.Type))
	}
	return append(b, f.Code...)
}
