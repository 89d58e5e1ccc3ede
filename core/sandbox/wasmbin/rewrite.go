package wasmbin

import (
	"fmt"
	"slices"
	"strings"
)

// rewrite meters a module that was decoded.
func rewrite(m *Module, o Options) (*Metered, *Error) {
	if err := admissible(m, o); err != nil {
		return nil, err
	}
	p := &plan{shape: newShape(m, o)}
	if p.memories > 1 {
		return nil, severalMemories(-1)
	}
	if err := p.indices(); err != nil {
		return nil, err
	}
	facts := p.facts()
	p.fuel, p.depth = uint32(len(p.globals)), uint32(len(p.globals))+1
	p.yield, p.overflow = uint32(p.importedFuncs), uint32(p.importedFuncs)+1
	p.shift = 2
	p.helpers = &helpers{first: uint32(len(p.funcs)) + p.shift, known: map[helper]uint32{}}

	s := &scan{shape: p.shape, names: map[uint32]bool{}}
	if err := p.survey(s, &facts); err != nil {
		return nil, err
	}
	out := &Module{
		Types: slices.Clip(m.Types), Imports: slices.Clip(m.Imports), Funcs: slices.Clip(m.Funcs), Tables: slices.Clone(m.Tables), Memories: m.Memories,
		Globals: slices.Clip(m.Globals), Exports: slices.Clip(m.Exports), DataCount: m.DataCount, HasCount: m.HasCount,
		Code: make([]Body, len(m.Code)),
	}
	for f := range m.Code {
		if err := s.body(f, false); err != nil {
			return nil, err
		}
		out.Code[f] = p.body(s, f)
	}
	if n := len(m.Code) + len(p.helpers.list); n > o.MaxFunctions {
		return nil, tooMuch(-1, "functions, with one for each data segment that code copies", uint64(n), uint64(o.MaxFunctions), "")
	}
	p.additions(out, &facts)
	out.Data = m.Data
	if len(s.names) == 0 && len(m.Memories) == 1 {
		if joined, ok := joinData(m.Data, m.Memories[0].Min); ok {
			out.Data, out.HasCount = joined, false
		}
	}
	facts.Segments = len(out.Data)
	for i := range out.Data {
		facts.DataBytes += len(out.Data[i].Data)
	}
	p.judge(s, &facts)
	out.Custom = p.names()
	return &Metered{Code: out.Encode(), Facts: facts}, nil
}

// admissible refuses names that belong to the host, and shapes.
func admissible(m *Module, o Options) *Error {
	for i := range m.Imports {
		if m.Imports[i].Module == RuntimeModule {
			return unsupported(-1, "the module imports %s.%s; the module name %s belongs to the host: give yours another name", RuntimeModule, m.Imports[i].Name, RuntimeModule)
		}
	}
	for i := range m.Exports {
		if strings.HasPrefix(m.Exports[i].Name, Reserved) {
			return unsupported(-1, "the module exports %q; names that begin with %s belong to the host: give yours another name", m.Exports[i].Name, Reserved)
		}
	}
	if n := entries(m); n > uint64(o.MaxTable) {
		return tooMuch(-1, "entries in its tables", n, uint64(o.MaxTable), "")
	}
	return nil
}

// entries is how many the tables begin with.
func entries(m *Module) (n uint64) {
	for i := range m.Imports {
		if t := &m.Imports[i]; t.Kind == TableExtern {
			n += uint64(t.Table.Min)
		}
	}
	for i := range m.Tables {
		n += uint64(m.Tables[i].Min)
	}
	return n
}

// indices checks every index outside of function bodies against the original.
func (p *plan) indices() *Error {
	m := p.m
	in := func(what, where string, i uint32, n int) *Error {
		if uint64(i) >= uint64(n) {
			return invalid(-1, "%s names %s %d, and there are %d", where, what, i, n)
		}
		return nil
	}
	expression := func(where string, code []byte) *Error {
		if len(code) == 0 {
			return nil
		}
		r := &reader{b: code, p: 1}
		switch code[0] {
		case opGlobalGet:
			return in("global", where, r.u32(), len(p.globals))
		case opRefFunc:
			return in("function", where, r.u32(), len(p.funcs))
		}
		return nil
	}
	for i := range m.Globals {
		if err := expression("a global", m.Globals[i].Init); err != nil {
			return err
		}
	}
	for i := range m.Exports {
		e := &m.Exports[i]
		n := [...]int{FuncExtern: len(p.funcs), TableExtern: len(p.tables), MemoryExtern: p.memories, GlobalExtern: len(p.globals)}[e.Kind]
		if err := in(e.Kind.String(), fmt.Sprintf("the export %q", e.Name), e.Index, n); err != nil {
			return err
		}
	}
	if m.HasStart {
		if err := in("function", "the start section", m.Start, len(p.funcs)); err != nil {
			return err
		}
		if t := p.types[p.funcs[m.Start]]; len(t.Params)+len(t.Results) > 0 {
			return invalid(-1, "the start function is %s; it must be () -> ()", t)
		}
	}
	for i := range m.Elements {
		e := &m.Elements[i]
		if e.Mode&1 == 0 {
			if err := in("table", "an element segment", e.Table, len(p.tables)); err != nil {
				return err
			}
			if err := expression("an element segment", e.Offset); err != nil {
				return err
			}
		}
		for _, f := range e.Funcs {
			if err := in("function", "an element segment", f, len(p.funcs)); err != nil {
				return err
			}
		}
		for _, x := range e.Exprs {
			if err := expression("an element segment", x); err != nil {
				return err
			}
		}
	}
	for i := range m.Data {
		if m.Data[i].Mode != 1 {
			if err := in("memory", "a data segment", 0, p.memories); err != nil {
				return err
			}
		}
		if err := expression("a data segment", m.Data[i].Offset); err != nil {
			return err
		}
	}
	return nil
}

// facts gathers what is known before the bodies are read.
func (p *plan) facts() Facts {
	m := p.m
	f := Facts{Functions: len(m.Code), Depth: int32(min(int64(p.o.StackBytes), 1<<30))}
	for i := range m.Imports {
		x := Extern{Module: m.Imports[i].Module, Name: m.Imports[i].Name, Kind: m.Imports[i].Kind}
		if x.Kind == FuncExtern {
			x.Func = p.types[m.Imports[i].Func]
		}
		if x.Kind == MemoryExtern {
			f.MemoryMin, f.MemoryMax = m.Imports[i].Memory.Min, m.Imports[i].Memory.Max
		}
		f.Imports = append(f.Imports, x)
	}
	for i := range m.Exports {
		x := Extern{Name: m.Exports[i].Name, Kind: m.Exports[i].Kind}
		if x.Kind == FuncExtern {
			x.Func = p.types[p.funcs[m.Exports[i].Index]]
		}
		f.Exports = append(f.Exports, x)
	}
	if len(m.Memories) == 1 {
		f.MemoryMin, f.MemoryMax = m.Memories[0].Min, m.Memories[0].Max
	}
	return f
}

// survey reads every body once, to find which functions their callers pay for,
// and which have to count their frames.
func (p *plan) survey(s *scan, facts *Facts) *Error {
	p.calls = make([]callee, len(p.funcs))
	type summary struct {
		frame  int64
		direct []uint32
		open   bool // calls what is not known
	}
	sums := make([]summary, len(p.m.Code))
	for f := range p.m.Code {
		if err := s.body(f, true); err != nil {
			return err
		}
		facts.Instructions += s.instructions
		facts.LargestBody = max(facts.LargestBody, len(p.m.Code[f].Code))
		facts.MostLocals = max(facts.MostLocals, s.locals)
		facts.Nesting = max(facts.Nesting, s.nesting)
		c := &p.calls[p.importedFuncs+f]
		frame := s.stack.bytes(s.locals, s.instructions, s.wide)
		c.weight = int32(min(frame, 1<<30))
		sums[f] = summary{frame: frame, open: s.indirect, direct: slices.Clone(s.direct)}
		if cost := s.total() + 1; !s.indirect && len(s.direct) == 0 && !s.work && s.loopCount == 0 && cost <= freeCost {
			c.free = cost
		}
		c.counts = true
	}
	// A function that calls nothing, or only such functions, need not count while
	// the stack that they take together is small.
	under := make([]int64, len(p.funcs))
	for range uncountedRounds {
		for f := range sums {
			c := &p.calls[p.importedFuncs+f]
			if !c.counts || sums[f].open {
				continue
			}
			deepest, counts := int64(0), false
			for _, g := range sums[f].direct {
				deepest = max(deepest, under[g])
				counts = counts || p.calls[g].counts
			}
			if total := sums[f].frame + deepest; !counts && total <= uncountedStack {
				c.counts, under[p.importedFuncs+f] = false, total
			}
		}
	}
	return nil
}

const (
	// uncountedStack is what functions that do not count may take below one that
	// does, in bytes.
	uncountedStack = 16 << 10
	// uncountedRounds bounds the search for functions that call only such as are
	// defined behind them; what is not found counts, which is only slower.
	uncountedRounds = 2
)

// additions adds the imports, types, globals, functions and exports of the
// rewrite, and moves what they displace.
func (p *plan) additions(out *Module, facts *Facts) {
	typeOf := func(t FuncType) uint32 {
		out.Types = append(out.Types, t)
		return uint32(len(out.Types) - 1)
	}
	nothing := typeOf(FuncType{})
	for _, name := range []string{YieldImport, OverflowImport} {
		out.Imports = append(out.Imports, Import{Module: RuntimeModule, Name: name, Kind: FuncExtern, Func: nothing})
	}
	for _, k := range p.helpers.list {
		t, b := p.write(k)
		out.Funcs = append(out.Funcs, typeOf(t))
		out.Code = append(out.Code, b)
	}
	share := uint32((uint64(p.o.MaxTable) - entries(p.m)) / uint64(max(len(out.Tables), 1)))
	for i := range out.Tables {
		t := &out.Tables[i]
		if !t.HasMax || t.Max > t.Min+share {
			t.Max, t.HasMax = t.Min+share, true
		}
	}
	move := func(code []byte) []byte {
		if len(code) == 0 || code[0] != opRefFunc {
			return code
		}
		r := &reader{b: code, p: 1}
		return append(appendU32([]byte{opRefFunc}, p.function(r.u32())), opEnd)
	}
	for i := range out.Globals {
		if out.Globals[i].Init[0] == opRefFunc {
			out.Globals = slices.Clone(out.Globals)
			break
		}
	}
	for i := range out.Globals {
		if out.Globals[i].Init[0] == opRefFunc {
			out.Globals[i].Init = move(out.Globals[i].Init)
		}
	}
	imported := len(p.globals) - len(p.m.Globals)
	out.Exports = slices.Clone(out.Exports)
	for i := range out.Exports {
		if out.Exports[i].Kind == FuncExtern {
			out.Exports[i].Index = p.function(out.Exports[i].Index)
		}
	}
	export := func(name string, kind ExternKind, index uint32) {
		out.Exports = append(out.Exports, Export{name, kind, index})
	}
	for i := range p.m.Globals {
		g := &p.m.Globals[i]
		if g.Mutable && g.Value != V128 && !g.Value.Reference() {
			name := fmt.Sprintf("%s%d", GlobalPrefix, len(facts.Globals))
			facts.Globals = append(facts.Globals, Global{name, g.Value})
			export(name, GlobalExtern, uint32(imported+i))
		}
	}
	out.Globals = append(out.Globals,
		GlobalDef{GlobalType{I64, true}, []byte{opI64Const, 0, opEnd}},
		GlobalDef{GlobalType{I32, true}, append(appendSigned([]byte{opI32Const}, int64(facts.Depth)), opEnd)})
	export(FuelGlobal, GlobalExtern, p.fuel)
	export(DepthGlobal, GlobalExtern, p.depth)
	if p.m.HasStart {
		facts.Start = StartExport
		export(StartExport, FuncExtern, p.function(p.m.Start))
	}
	for _, e := range p.m.Elements {
		e.Funcs = slices.Clone(e.Funcs)
		for i := range e.Funcs {
			e.Funcs[i] = p.function(e.Funcs[i])
		}
		e.Exprs = slices.Clone(e.Exprs)
		for i := range e.Exprs {
			e.Exprs[i] = move(e.Exprs[i])
		}
		out.Elements = append(out.Elements, e)
	}
}

// judge says whether memory and the exported globals are all of the state.
func (p *plan) judge(s *scan, facts *Facts) {
	facts.Restorable = true
	not := func(format string, args ...any) {
		if facts.Restorable {
			facts.Restorable, facts.Why = false, fmt.Sprintf(format, args...)
		}
	}
	if s.mutatesTable != "" {
		not("its code changes a table (%s)", s.mutatesTable)
	}
	if s.drops != "" {
		not("its code drops a segment (%s)", s.drops)
	}
	for i := range p.m.Globals {
		if g := &p.m.Globals[i]; g.Mutable && (g.Value == V128 || g.Value.Reference()) {
			not("it has a mutable global of the type %s", g.Value)
		}
	}
	for i := range p.m.Imports {
		switch im := &p.m.Imports[i]; {
		case im.Kind == MemoryExtern || im.Kind == TableExtern:
			not("it imports a %s", im.Kind)
		case im.Kind == GlobalExtern && im.Global.Mutable:
			not("it imports a mutable global")
		}
	}
}
