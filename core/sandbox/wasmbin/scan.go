package wasmbin

import "math"

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

// segment is a stretch of a body that is paid for at once: what runs when its
// first instruction does, leaving out loops, which pay for themselves.
type segment struct {
	parent int32 // the segment that runs whenever this one does
	event  int32 // where its charge is written
	cost   int64
	loop   bool
	dead   bool // behind an unconditional branch
	merged bool // its parent pays
}

// event is a place where the rewritten body differs from the original.
type event struct {
	from, to int // bytes of the body that are replaced; empty for an insertion
	kind     eventKind
	sub      byte // number behind opMisc
	a, b     uint32
	segment  int32
}

type eventKind byte

const (
	eventCharge   eventKind = iota // beginning of a segment
	eventLoop                      // beginning of a loop
	eventCall                      // a: function
	eventIndirect                  // verbatim, but depth goes before
	eventRefFunc                   // a: function
	eventGrow
	eventBulk  // memory.copy, memory.fill, memory.init
	eventTable // instructions on tables with a length on top of the stack
)

// block is an open block of a body.
type block struct {
	op      byte
	segment int32 // at its beginning
	out     int   // outermost block that a branch inside of it leads to
	target  bool  // a branch leads to it
	node    int   // of the frame's analysis, of a loop
	to      int32 // edges that wait for its end
	other   int32 // edges that wait for its else
	base    int   // height of operands below it
	results int
}

// scan is what one pass over a body finds.
type scan struct {
	*shape
	r      reader
	params int
	locals int // with parameters
	wide   bool

	segments []segment
	events   []event
	blocks   []block
	cur      int32

	instructions int
	nesting      int
	loops        int // open
	loopCount    int
	direct       []uint32 // functions called
	indirect     bool
	work         bool // does something that is paid by length
	stack        frame

	mutatesTable, drops string
	names               map[uint32]bool // data segments named by code
}

// leave adds a branch to the block that is depth labels out.
func (s *scan) leave(depth uint32) {
	if uint64(depth) >= uint64(len(s.blocks)) {
		s.r.fail("a branch leads %d blocks out, and %d are open", depth, len(s.blocks))
		return
	}
	to := len(s.blocks) - 1 - int(depth)
	s.blocks[to].target = true
	top := &s.blocks[len(s.blocks)-1]
	top.out = min(top.out, to)
	if b := &s.blocks[to]; b.op == opLoop {
		s.stack.edge(b.node)
	} else {
		b.to = s.stack.wait(b.to)
	}
}

// base is the height of operands at the beginning of the innermost block.
func (s *scan) base() int {
	if len(s.blocks) == 0 {
		return 0
	}
	return s.blocks[len(s.blocks)-1].base
}

// operands follows the operand stack.
func (s *scan) operands(pop, push int) { s.stack.operands(pop, push, s.base()) }

// begin starts a segment that runs only when the segment parent does.
func (s *scan) begin(parent int32, kind eventKind) {
	s.cur = int32(len(s.segments))
	s.segments = append(s.segments, segment{parent: parent, event: int32(len(s.events)), loop: kind == eventLoop, dead: parent >= 0 && s.segments[parent].dead && kind != eventLoop})
	s.events = append(s.events, event{from: s.r.p, to: s.r.p, kind: kind, segment: s.cur})
}

// unreachable says that what follows, up to the end of the block, never runs.
func (s *scan) unreachable() {
	s.cur = int32(len(s.segments))
	s.segments = append(s.segments, segment{parent: -1, event: -1, dead: true})
	s.stack.next()
	s.operands(s.stack.height, 0)
}

func (s *scan) cost(n int64) { s.segments[s.cur].cost += n }

func (s *scan) index(what string, i uint32, n int) {
	if s.r.err == nil && uint64(i) >= uint64(n) {
		s.r.fail("there is no %s %d", what, i)
	}
}

// body scans function number f of those that the module defines. The slices of
// the scan are used again for the next.
func (s *scan) body(f int) *Error {
	body := &s.m.Code[f]
	sig := s.types[s.m.Funcs[f]]
	s.r = reader{b: body.Code, base: body.at}
	s.params = len(sig.Params)
	n := uint64(s.params)
	s.wide = false
	for _, g := range body.Locals {
		n += uint64(g.Count)
		s.wide = s.wide || g.Count > 0 && g.Type == V128
	}
	if n > uint64(s.o.MaxLocals) {
		return tooMuch(body.at, "locals in one function", n, uint64(s.o.MaxLocals), "Keep them in memory")
	}
	s.locals = int(n)
	s.segments, s.events, s.blocks, s.direct = s.segments[:0], s.events[:0], s.blocks[:0], s.direct[:0]
	s.instructions, s.nesting, s.loops, s.loopCount = 0, 0, 0, 0
	s.indirect, s.work = false, false
	s.stack.reset(s.locals, sig.Params, body.Locals)
	s.segments = append(s.segments, segment{parent: -1, event: -1})
	s.cur = 0
	s.blocks = append(s.blocks, block{op: opBlock, out: math.MaxInt, to: noEdge, other: noEdge, results: len(sig.Results)})
	for len(s.blocks) > 0 && s.r.err == nil {
		s.instruction()
	}
	if s.r.err == nil && s.r.p != len(s.r.b) {
		s.r.fail("a function has %d bytes behind its last end", len(s.r.b)-s.r.p)
	}
	if s.r.err != nil {
		s.r.err.Message += " in function " + s.m.describe(s.importedFuncs+f)
		return s.r.err
	}
	return nil
}

func (s *scan) instruction() {
	r := &s.r
	at := r.p
	op := r.u8()
	s.instructions++
	switch {
	case op <= 0x01: // unreachable, nop
		if op == opUnreachable {
			s.unreachable()
		}
	case op <= opIf && op >= opBlock:
		s.open(op)
	case op == opElse:
		s.elseArm()
	case op == opEnd:
		s.close()
	case op == opBr || op == opReturn:
		depth := uint32(len(s.blocks) - 1)
		if op == opBr {
			depth = r.u32()
		}
		s.cost(1)
		s.leave(depth)
		s.unreachable()
	case op == opBrIf:
		s.cost(1)
		s.leave(r.u32())
		s.operands(1, 0)
		s.stack.edge(s.stack.node + 1)
		s.stack.next()
		s.begin(s.cur, eventCharge)
	case op == opBrTable:
		n := r.count("targets in one br_table", s.o.MaxTargets)
		for range n {
			s.leave(r.u32())
		}
		s.leave(r.u32())
		s.cost(3)
		s.unreachable()
	case op == opCall:
		f := r.u32()
		s.index("function", f, len(s.funcs))
		if r.err != nil {
			return
		}
		s.cost(costCall)
		s.direct = append(s.direct, f)
		s.add(event{from: at, kind: eventCall, a: f})
		t := &s.types[s.funcs[f]]
		s.stack.called(len(t.Params), len(t.Results), s.base())
	case op == opCallIndirect:
		i, table := r.u32(), r.u32()
		s.index("type", i, len(s.types))
		s.index("table", table, len(s.tables))
		if r.err != nil {
			return
		}
		s.cost(costIndirect)
		s.indirect = true
		s.add(event{from: at, kind: eventIndirect})
		s.operands(1, 0)
		t := &s.types[i]
		s.stack.called(len(t.Params), len(t.Results), s.base())
	case op >= opLocalGet && op <= opLocalTee:
		l := r.u32()
		if s.index("local", l, s.locals); r.err == nil {
			s.localOp(op, l)
		}
	case op == opGlobalGet || op == opGlobalSet:
		s.index("global", r.u32(), len(s.globals))
		s.cost(1)
		s.operands(int(op-opGlobalGet), 1-int(op-opGlobalGet))
	case op == opTableGet || op == opTableSet:
		s.index("table", r.u32(), len(s.tables))
		s.cost(3)
		s.operands(1, 1)
		if op == opTableSet {
			s.operands(2, 0)
			s.mutatesTable = "table.set"
		}
	case op >= opLoadFirst && op <= opStoreLast:
		s.memarg()
		s.cost(1)
		s.stack.share += shareMemory
		if op < opStoreFirst {
			s.operands(1, 1)
		} else {
			s.operands(2, 0)
		}
	case op == opMemorySize || op == opMemoryGrow:
		s.memory(1)
		s.cost(1)
		if op == opMemoryGrow {
			s.work = true
			s.add(event{from: at, kind: eventGrow})
			s.stack.called(1, 1, s.base())
		} else {
			s.operands(0, 1)
		}
	case op >= opI32Const && op <= opF64Const || op == opRefNull || op == opRefFunc:
		s.constant(at, op)
	case op == 0x1a: // drop
		s.operands(1, 0)
	case op == opSelect:
		s.cost(1)
		s.operands(3, 1)
	case op == opSelectTyped:
		if types := list(r, "types of a select", math.MaxInt32, valueType); r.err == nil && len(types) != 1 {
			r.fail("a select has %d types", len(types))
		}
		s.cost(1)
		s.operands(3, 1)
	case op >= 0x45 && op <= 0xc4:
		s.cost(int64(plainCost[op]))
		s.operands(int(plainPops[op]), 1)
		if plainCost[op] >= costDivide {
			s.stack.share += shareDivide
		}
	case op == opRefIsNull:
		s.cost(1)
	case op == opMisc:
		s.misc(at)
	case op == opVector:
		s.vector()
	default:
		s.r.err = unknown(r.base+at, op)
	}
}

// localOp is an instruction on a local that exists.
func (s *scan) localOp(op byte, l uint32) {
	if op == opLocalGet {
		s.stack.get(l)
		s.operands(0, 1)
		return
	}
	s.cost(1)
	s.stack.set(l)
	if op == opLocalSet {
		s.operands(1, 0)
	}
}

// constant is an instruction that pushes what it carries.
func (s *scan) constant(at int, op byte) {
	r := &s.r
	switch op {
	case opI32Const:
		r.signed(32)
	case opI64Const:
		r.signed(64)
	case opF32Const:
		r.take(4)
	case opF64Const:
		r.take(8)
	case opRefNull:
		refType(r)
	case opRefFunc:
		f := r.u32()
		s.index("function", f, len(s.funcs))
		if r.err == nil && !s.declared[f] {
			r.fail("code takes a reference to function %d, which is not declared", f)
		}
		s.cost(2)
		s.add(event{from: at, kind: eventRefFunc, a: f})
	}
	s.operands(0, 1)
}

// add records an event that replaces what was read since e.from.
func (s *scan) add(e event) {
	e.to, e.segment = s.r.p, s.cur
	s.events = append(s.events, e)
}

// unknown says why an instruction is not run here.
func unknown(at int, op byte) *Error {
	switch {
	case op == 0x12 || op == 0x13 || op == 0x15:
		return unsupported(at, "the module uses tail calls; this host does not run them: build it without")
	case op == 0x06 || op == 0x07 || op == 0x08 || op == 0x09 || op == 0x0a || op == 0x18 || op == 0x19 || op == 0x1f:
		return unsupported(at, "the module uses exceptions; this host does not run them: build it without (-fno-exceptions, or panic=abort)")
	case op == 0x14 || op >= 0xd3 && op <= 0xd6:
		return unsupported(at, "the module uses typed function references; this host does not run them: build it for WebAssembly 2.0")
	case op == 0xfb:
		return unsupported(at, "the module uses garbage collected types; this host does not run them: build it for WebAssembly 2.0")
	case op == opThreads:
		return unsupported(at, "the module uses threads and atomics; this host runs one thread for each instance: build it without")
	}
	return unsupported(at, "the module has the instruction %#x, which this host does not know", op)
}

// open reads a block type and enters the block.
func (s *scan) open(op byte) {
	r := &s.r
	params, results := 0, 0
	switch c := r.peek(); {
	case c == 0x40:
		r.u8()
	case c&0xc0 == 0x40:
		valueType(r)
		results = 1
	default:
		t := r.signed(33)
		if r.err == nil && (t < 0 || t >= int64(len(s.types))) {
			r.fail("there is no type %d", t)
		}
		if r.err == nil {
			params, results = len(s.types[t].Params), len(s.types[t].Results)
		}
	}
	if r.err != nil {
		return
	}
	other := int32(noEdge)
	switch op {
	case opIf:
		s.cost(1)
		s.operands(1, 0)
		s.stack.edge(s.stack.node + 1)
		other = s.stack.wait(noEdge)
		s.stack.next()
	case opLoop:
		s.stack.edge(s.stack.node + 1)
		s.stack.next()
		s.stack.across()
	}
	s.stack.push()
	s.stack.slots += params // they differ between the ways in
	base := max(s.stack.height-params, s.base())
	s.blocks = append(s.blocks, block{op: op, segment: s.cur, out: math.MaxInt, node: s.stack.node, to: noEdge, other: other, base: base, results: results})
	if len(s.blocks) > s.nesting {
		if s.nesting = len(s.blocks); s.nesting > s.o.MaxNesting {
			r.err = tooMuch(r.at(), "blocks nested in one function", uint64(s.nesting), uint64(s.o.MaxNesting), "Split the function")
		}
	}
	switch op {
	case opLoop:
		if s.loops++; s.loops > s.o.MaxLoops {
			r.err = tooMuch(r.at(), "loops nested in one function", uint64(s.loops), uint64(s.o.MaxLoops), "Split the function")
		}
		s.loopCount++
		s.begin(s.cur, eventLoop)
		s.cost(1)
	case opIf:
		s.begin(s.cur, eventCharge)
	}
}

func (s *scan) elseArm() {
	top := &s.blocks[len(s.blocks)-1]
	if top.op != opIf {
		s.r.fail("an else without an if")
		return
	}
	top.op = opElse
	top.to = s.stack.wait(top.to)
	s.stack.next()
	s.stack.arrive(top.other)
	top.other = noEdge
	s.operands(s.stack.height, 0)
	s.begin(top.segment, eventCharge)
}

func (s *scan) close() {
	i := len(s.blocks) - 1
	b := s.blocks[i]
	s.blocks = s.blocks[:i]
	if b.op == opLoop {
		s.loops--
	}
	if b.op == opLoop {
		s.stack.pop(b.target, b.node)
	} else if join := b.target || b.op != opBlock; join {
		s.stack.edge(s.stack.node + 1)
		s.stack.next()
		s.stack.arrive(b.to)
		s.stack.arrive(b.other)
		s.stack.pop(true, s.stack.node)
		s.stack.slots += b.results
	} else {
		s.stack.pop(false, 0)
	}
	s.stack.height = b.base + b.results
	s.stack.under = min(s.stack.under, b.base)
	if i == 0 {
		return
	}
	up := &s.blocks[i-1]
	up.out = min(up.out, b.out)
	if b.out < i {
		s.begin(b.segment, eventCharge)
		return
	}
	s.cur = b.segment
}

func (s *scan) memory(indices int) {
	for range indices {
		at := s.r.at()
		if i := s.r.u8(); s.r.err == nil && i != 0 { // one byte, not a padded number
			s.r.err = severalMemories(at)
		}
	}
	s.index("memory", 0, s.memories)
}

func (s *scan) memarg() {
	at := s.r.at()
	if align := s.r.u32(); s.r.err == nil && align >= 32 {
		s.r.err = severalMemories(at)
	}
	s.r.u32()
	s.index("memory", 0, s.memories)
}

func (s *scan) misc(at int) {
	r := &s.r
	sub := r.u32()
	e := event{from: at, kind: eventTable, sub: byte(sub)}
	switch {
	case r.err != nil:
		return
	case sub <= miscTruncLast: // one operand, one result
		s.cost(2)
		return
	case sub == miscMemoryInit:
		e.kind, e.a = eventBulk, r.u32()
		s.memory(1)
		s.index("data segment", e.a, s.dataSegments())
		s.names[e.a] = true
	case sub == miscDataDrop:
		i := r.u32()
		s.index("data segment", i, s.dataSegments())
		s.names[i] = true
		s.drops = "data.drop"
		s.cost(2)
		return
	case sub == miscMemoryCopy:
		e.kind = eventBulk
		s.memory(2)
	case sub == miscMemoryFill:
		e.kind = eventBulk
		s.memory(1)
	case sub == miscTableInit:
		e.a, e.b = r.u32(), r.u32()
		s.index("element segment", e.a, len(s.m.Elements))
		s.index("table", e.b, len(s.tables))
		s.mutatesTable = "table.init"
	case sub == miscElemDrop:
		s.index("element segment", r.u32(), len(s.m.Elements))
		s.drops = "elem.drop"
		s.cost(2)
		return
	case sub == miscTableCopy:
		e.a, e.b = r.u32(), r.u32()
		s.index("table", e.a, len(s.tables))
		s.index("table", e.b, len(s.tables))
		s.mutatesTable = "table.copy"
	case sub == miscTableGrow || sub == miscTableFill:
		e.a = r.u32()
		s.index("table", e.a, len(s.tables))
		s.mutatesTable = "table.grow"
		if sub == miscTableFill {
			s.mutatesTable = "table.fill"
		}
	case sub == miscTableSize:
		s.index("table", r.u32(), len(s.tables))
		s.cost(2)
		s.operands(0, 1)
		return
	default:
		r.err = unsupported(r.base+at, "the module has the instruction 0xfc %d, which this host does not know", sub)
		return
	}
	s.cost(costBulk)
	s.work = true
	s.stack.share += shareBulk
	if sub == miscTableGrow {
		s.stack.called(2, 1, s.base())
	} else {
		s.stack.called(3, 0, s.base())
	}
	if r.err == nil {
		s.add(e)
	}
}

// dataSegments is how many data segments code may name: code that names them
// needs a data count.
func (s *scan) dataSegments() int {
	if !s.m.HasCount {
		s.r.fail("code names a data segment, and there is no data count")
	}
	return len(s.m.Data)
}

// vector reads a SIMD instruction of WebAssembly 2.0.
func (s *scan) vector() {
	r := &s.r
	at := r.at() - 1
	sub := r.u32()
	s.wide = true
	s.cost(2)
	// What an instruction pops differs; to take two for one only adds to the
	// estimate of the frame.
	switch {
	case sub == vecConst:
		s.operands(0, 1)
	case sub == 11 || sub >= 88 && sub <= 91: // stores
		s.operands(2, 0)
	default:
		s.operands(1, 1)
	}
	switch {
	case r.err != nil:
	case sub <= 11 || sub == 92 || sub == 93: // loads and stores
		s.memarg()
	case sub == vecConst || sub == 13: // and shuffle
		r.take(16)
	case sub >= 21 && sub <= 34: // lanes
		r.u8()
	case sub >= 84 && sub <= 91: // loads and stores of lanes
		s.memarg()
		r.u8()
	case sub >= 0x100:
		r.err = unsupported(at, "the module uses relaxed SIMD, whose results differ between machines; this host does not run it: build it without")
	}
}

func (r *reader) peek() byte {
	if r.err != nil || r.p >= len(r.b) {
		return 0
	}
	return r.b[r.p]
}
