package wasmbin

// Instructions that work on as much memory as they are told to are replaced by
// functions that do the same in pieces, and yield between them: one memory.fill
// of 4 GiB would run for seconds without a look at the clock. The functions test
// the whole range first, as the instruction does, so that what is out of bounds
// traps before a byte is written.

const (
	// piece is what is done without a yield: 256 KiB take 20 to 100 us, the more
	// of it the first time that memory is touched (2026-11).
	piece = 256 << 10
	// small is up to which the pieces are not worth their tests.
	small = 4 << 10
	// bytesPerUnit is 1<<3: a unit of fuel pays for eight bytes.
	bytesShift = 3
	// pageShift is what a new page of memory costs, 1<<pageShift units: as if
	// its bytes were written, since the host clears and restores them.
	pageShift = 13
	costEntry = 2
)

type helperKind byte

const (
	growHelper helperKind = 0
	initHelper helperKind = miscMemoryInit
	copyHelper helperKind = miscMemoryCopy
	fillHelper helperKind = miscMemoryFill
)

// helper is a function that stands for an instruction.
type helper struct {
	kind    helperKind
	segment uint32 // of memory.init
}

// helpers are the functions that the module needs, in the order of their first
// use.
type helpers struct {
	first uint32 // function index
	list  []helper
	known map[helper]uint32
}

func (h *helpers) index(k helper) uint32 {
	i, ok := h.known[k]
	if !ok {
		i = h.first + uint32(len(h.list))
		h.known[k] = i
		h.list = append(h.list, k)
	}
	return i
}

// write gives the helper's signature and body.
func (p *plan) write(k helper) (FuncType, Body) {
	w := &bodyWriter{plan: p}
	if k.kind == growHelper {
		return p.grow(w)
	}
	w.locals = 3
	const d, s, n = 0, 1, 2 // for memory.fill, s is the value
	step := uint32(3)
	moves := k.kind != fillHelper
	same := func() { // the instruction itself, on what is on the stack
		w.code = appendU32(append(w.code, opMisc), uint32(k.kind))
		switch k.kind {
		case initHelper:
			w.code = append(appendU32(w.code, k.segment), 0)
		case copyHelper:
			w.code = append(w.code, 0, 0)
		default:
			w.code = append(w.code, 0)
		}
	}
	args := func() {
		w.op(opLocalGet, d)
		w.op(opLocalGet, s)
		w.op(opLocalGet, n)
	}
	add := func(a, b uint32) {
		w.op(opLocalGet, a)
		w.op(opLocalGet, b)
		w.code = append(w.code, opI32Add)
	}
	length := func(v int64) { w.code = appendSigned(append(w.code, opI32Const), v) }
	plain := func() { // the instruction on the whole, and back
		args()
		same()
		w.code = append(w.code, opReturn, opEnd)
	}

	// if n <= small: pay, do it, return
	w.op(opLocalGet, n)
	length(small)
	w.code = append(w.code, opI32LeU, opIf, 0x40)
	w.chargeLocal(n, bytesShift)
	plain()
	// if d+n or s+n goes past 4 GiB, it is out of bounds: let it trap
	add(d, n)
	w.op(opLocalGet, n)
	w.code = append(w.code, opI32LtU)
	if moves {
		add(s, n)
		w.op(opLocalGet, n)
		w.code = append(w.code, opI32LtU, opI32Or)
	}
	w.code = append(w.code, opIf, 0x40)
	plain()
	// nothing, at the end of the range: traps when the range is out of bounds
	add(d, n)
	if moves {
		add(s, n)
	} else {
		w.op(opLocalGet, s)
	}
	length(0)
	same()

	if k.kind == copyHelper {
		// to a higher place: backwards, since the ranges may overlap
		w.op(opLocalGet, d)
		w.op(opLocalGet, s)
		w.code = append(w.code, opI32GtU, opIf, 0x40, opLoop, 0x40)
		w.step(n, step)
		w.advance(n, step, opI32Sub)
		add(d, n)
		add(s, n)
		w.op(opLocalGet, step)
		same()
		w.op(opLocalGet, n)
		w.op(opBrIf, 0)
		w.code = append(w.code, opEnd, opReturn, opEnd)
	}
	w.code = append(w.code, opLoop, 0x40)
	w.step(n, step)
	w.op(opLocalGet, d)
	w.op(opLocalGet, s)
	w.op(opLocalGet, step)
	same()
	w.advance(d, step, opI32Add)
	if moves {
		w.advance(s, step, opI32Add)
	}
	w.advance(n, step, opI32Sub)
	w.op(opLocalGet, n)
	w.op(opBrIf, 0)
	w.code = append(w.code, opEnd, opEnd)
	return FuncType{Params: []ValueType{I32, I32, I32}}, Body{Locals: []Group{{1, I32}}, Code: w.code}
}

// step sets the local step to the next piece of n, pays for it, and yields when
// the fuel is used up.
func (w *bodyWriter) step(n, step uint32) {
	w.op(opLocalGet, n)
	w.code = appendSigned(append(w.code, opI32Const), piece)
	w.op(opLocalGet, n)
	w.code = appendSigned(append(w.code, opI32Const), piece)
	w.code = append(w.code, opI32LtU, opSelect)
	// select takes the first when the condition holds: n < piece ? n : piece
	w.op(opLocalSet, step)
	w.chargeLocal(step, bytesShift)
	w.check()
}

func (w *bodyWriter) advance(local, step uint32, op byte) {
	w.op(opLocalGet, local)
	w.op(opLocalGet, step)
	w.code = append(w.code, op)
	w.op(opLocalSet, local)
}

// grow is memory.grow, paid when it succeeds: an attempt that is refused does
// nothing, and one that succeeds is short, since growing copies nothing.
func (p *plan) grow(w *bodyWriter) (FuncType, Body) {
	const pages, result = 0, 1
	w.locals = 1
	w.op(opLocalGet, pages)
	w.code = append(w.code, opMemoryGrow, 0)
	w.op(opLocalTee, result)
	w.code = append(w.code, opI32Const, 0x7f, opI32Ne, opIf, 0x40)
	w.op(opGlobalGet, w.fuel)
	w.op(opLocalGet, pages)
	w.code = append(w.code, opI64ExtendU, opI64Const, pageShift, opI64Shl, opI64Sub)
	w.op(opGlobalSet, w.fuel)
	w.check()
	w.code = append(w.code, opEnd)
	w.op(opLocalGet, result)
	w.code = append(w.code, opEnd)
	return FuncType{Params: []ValueType{I32}, Results: []ValueType{I32}}, Body{Locals: []Group{{1, I32}}, Code: w.code}
}
