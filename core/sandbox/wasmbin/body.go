package wasmbin

import "slices"

// plan is what the rewrite of all bodies needs.
type plan struct {
	*shape
	fuel, depth     uint32 // globals
	yield, overflow uint32 // functions
	shift           uint32 // added to the functions that the module defines
	calls           []callee
	helpers         *helpers
}

// callee is what a caller needs to know of a function.
type callee struct {
	free   int64 // cost that callers pay, when the function does not pay itself; else 0
	counts bool  // reads the depth
	weight int32 // of its frame, when it counts
}

func (p *plan) function(f uint32) uint32 {
	if int(f) >= p.importedFuncs {
		return f + p.shift
	}
	return f
}

// body writes the body that was scanned last, function f of those that the
// module defines.
func (p *plan) body(s *scan, f int) Body {
	old := &p.m.Code[f]
	self := p.calls[p.importedFuncs+f]
	for i := range s.events {
		if e := &s.events[i]; e.kind == eventCall {
			s.segments[e.segment].cost += p.calls[e.a].free
		}
	}
	s.settle()
	w := &bodyWriter{plan: p, code: make([]byte, 0, len(old.Code)+len(old.Code)/4+64), locals: uint32(s.locals)}
	out := Body{Locals: old.Locals}
	if self.counts {
		w.enter(self.weight)
	}
	if self.free == 0 {
		w.charge(s.segments[0].cost + costEntry)
		w.check()
	}
	done := 0
	for i := range s.events {
		e := &s.events[i]
		g := &s.segments[e.segment]
		switch e.kind {
		case eventCharge:
			if self.free != 0 || g.merged || g.dead || g.cost == 0 {
				continue
			}
		case eventLoop, eventCall, eventIndirect, eventRefFunc, eventGrow, eventBulk, eventTable:
		}
		w.code = append(w.code, old.Code[done:e.from]...)
		done = e.to
		w.event(e, g, old.Code[e.from:e.to], self.counts)
	}
	w.code = append(w.code, old.Code[done:]...)
	out.Code = w.code
	if w.scratch != nil {
		out.Locals = append(slices.Clone(old.Locals), w.scratch...)
	}
	return out
}

type bodyWriter struct {
	*plan
	code    []byte
	locals  uint32 // of the original, with parameters
	scratch []Group
	left    uint32 // local of the depth that is left below this frame
	length  uint32 // local of lengths, plus 1
	result  uint32 // local of results, plus 1
}

func (w *bodyWriter) event(e *event, g *segment, original []byte, counts bool) {
	switch e.kind {
	case eventCharge:
		w.charge(g.cost)
	case eventLoop:
		w.charge(g.cost)
		w.check()
	case eventCall:
		if w.calls[e.a].counts {
			w.keep(counts)
		}
		w.op(opCall, w.function(e.a))
	case eventIndirect:
		w.keep(counts)
		w.code = append(w.code, original...)
	case eventRefFunc:
		w.op(opRefFunc, w.function(e.a))
	case eventGrow:
		w.op(opCall, w.helpers.index(helper{kind: growHelper}))
	case eventBulk:
		w.op(opCall, w.helpers.index(helper{kind: helperKind(e.sub), segment: e.a}))
	case eventTable:
		w.table(e, original)
	}
}

func (w *bodyWriter) op(op byte, index uint32) {
	w.code = appendU32(append(w.code, op), index)
}

func (w *bodyWriter) local(t ValueType) uint32 {
	w.scratch = append(w.scratch, Group{1, t})
	return w.locals + uint32(len(w.scratch)) - 1
}

// charge subtracts from the fuel, without looking at what is left.
func (w *bodyWriter) charge(cost int64) {
	w.op(opGlobalGet, w.fuel)
	w.code = append(appendSigned(append(w.code, opI64Const), cost), opI64Sub)
	w.op(opGlobalSet, w.fuel)
}

// check yields when there is no fuel left.
func (w *bodyWriter) check() {
	w.op(opGlobalGet, w.fuel)
	w.code = append(w.code, opI64Const, 0, opI64LtS, opIf, 0x40)
	w.op(opCall, w.yield)
	w.code = append(w.code, opEnd)
}

// enter takes the frame from the depth, and keeps what is left in a local. The
// local is written back before each call that counts, so nothing has to be given
// back on the ways out of the function, of which there are many.
func (w *bodyWriter) enter(weight int32) {
	w.left = w.local(I32)
	w.op(opGlobalGet, w.depth)
	w.code = append(appendSigned(append(w.code, opI32Const), int64(weight)), opI32Sub)
	w.op(opLocalTee, w.left)
	w.code = append(w.code, opI32Const, 0, opI32LtS, opIf, 0x40)
	w.op(opCall, w.overflow)
	w.code = append(w.code, opUnreachable, opEnd)
}

func (w *bodyWriter) keep(counts bool) {
	if counts {
		w.op(opLocalGet, w.left)
		w.op(opGlobalSet, w.depth)
	}
}

// table pays for an instruction on tables after it, by the length on top of the
// stack: one that traps has done no work, and tables are too short (MaxTable)
// for one instruction to take long.
func (w *bodyWriter) table(e *event, original []byte) {
	if w.length == 0 {
		w.length = w.local(I32) + 1
	}
	n := w.length - 1
	w.op(opLocalTee, n)
	w.code = append(w.code, original...)
	if e.sub == miscTableGrow {
		// A growth that was refused did nothing, and gives -1.
		if w.result == 0 {
			w.result = w.local(I32) + 1
		}
		w.op(opLocalTee, w.result-1)
		w.op(opLocalGet, w.result-1)
		w.code = append(w.code, opI32Const, 0x7f, opI32Ne)
		w.op(opLocalGet, n)
		w.code = append(w.code, opI32Mul)
		w.op(opLocalSet, n)
	}
	w.chargeLocal(n, 0)
	w.check()
}

// chargeLocal subtracts a local, shifted right, from the fuel.
func (w *bodyWriter) chargeLocal(local uint32, shift byte) {
	w.op(opGlobalGet, w.fuel)
	w.op(opLocalGet, local)
	if shift > 0 {
		w.code = append(w.code, opI32Const, shift, opI32ShrU)
	}
	w.code = append(w.code, opI64ExtendU, opI64Sub)
	w.op(opGlobalSet, w.fuel)
}
