package wasmbin

// module-wide facts that scanning and writing bodies need.
type shape struct {
	m *Module
	o Options

	types         []FuncType
	funcs         []uint32 // type of every function, imported ones first
	importedFuncs int
	globals       []GlobalType // all, imported ones first
	tables        []ValueType  // all, by element type
	memories      int
	declared      []bool // functions that code may take references to
}

func newShape(m *Module, o Options) *shape {
	s := &shape{m: m, o: o, types: m.Types}
	for i := range m.Imports {
		switch im := &m.Imports[i]; im.Kind {
		case FuncExtern:
			s.funcs = append(s.funcs, im.Func)
		case TableExtern:
			s.tables = append(s.tables, im.Table.Element)
		case MemoryExtern:
			s.memories++
		case GlobalExtern:
			s.globals = append(s.globals, im.Global)
		}
	}
	s.importedFuncs = len(s.funcs)
	s.funcs = append(s.funcs, m.Funcs...)
	for i := range m.Tables {
		s.tables = append(s.tables, m.Tables[i].Element)
	}
	s.memories += len(m.Memories)
	for i := range m.Globals {
		s.globals = append(s.globals, m.Globals[i].GlobalType)
	}
	s.declared = make([]bool, len(s.funcs))
	s.declare()
	return s
}

// declare finds the functions that are named outside of bodies: code may take
// references to no other. The rewrite exports the start function, which would
// declare it.
func (s *shape) declare() {
	add := func(f uint32) {
		if int(f) < len(s.declared) {
			s.declared[f] = true
		}
	}
	expression := func(code []byte) {
		if len(code) > 0 && code[0] == opRefFunc {
			add((&reader{b: code, p: 1}).u32())
		}
	}
	for i := range s.m.Exports {
		if s.m.Exports[i].Kind == FuncExtern {
			add(s.m.Exports[i].Index)
		}
	}
	for i := range s.m.Globals {
		expression(s.m.Globals[i].Init)
	}
	for i := range s.m.Elements {
		for _, f := range s.m.Elements[i].Funcs {
			add(f)
		}
		for _, x := range s.m.Elements[i].Exprs {
			expression(x)
		}
	}
}
