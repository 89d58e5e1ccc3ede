package wasmbin

import "math"

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
		s.run += freeCost // which the callee may cost, and the caller pays
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
