package wasmbin

import "math"

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
	run     int64 // longest way to its end by a branch, or from the first arm of an if, without a check
	before  int64 // longest way to its beginning
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
	run      int64 // cost of the longest way to here without a check

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
		b.run = max(b.run, s.run)
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
	s.run = 0
}

func (s *scan) cost(n int64) {
	s.segments[s.cur].cost += n
	s.run += n
}

// stretch adds a check where code without loops gets long, so that the time
// between two checks does not grow with the length of a function.
func (s *scan) stretch() {
	if s.run > maxStretch && !s.segments[s.cur].dead {
		s.begin(s.cur, eventLoop)
		s.run = 0
		s.stack.across()
	}
}

func (s *scan) index(what string, i uint32, n int) {
	if s.r.err == nil && uint64(i) >= uint64(n) {
		s.r.fail("there is no %s %d", what, i)
	}
}

// body scans function number f of those that the module defines. The slices of
// the scan are used again for the next. measure asks for the analysis of its
// frame as well, which takes as long as all the rest.
func (s *scan) body(f int, measure bool) *Error {
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
	s.stack.reset(s.locals, sig.Params, body.Locals, measure)
	s.segments = append(s.segments, segment{parent: -1, event: -1})
	s.cur, s.run = 0, 0
	s.blocks = append(s.blocks, block{op: opBlock, out: math.MaxInt, to: noEdge, other: noEdge, results: len(sig.Results)})
	for len(s.blocks) > 0 && s.r.err == nil {
		if s.instruction(); len(s.blocks) > 0 {
			s.stretch()
		}
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

// add records an event that replaces what was read since e.from.
func (s *scan) add(e event) {
	e.to, e.segment = s.r.p, s.cur
	s.events = append(s.events, e)
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
	s.blocks = append(s.blocks, block{op: op, segment: s.cur, out: math.MaxInt, node: s.stack.node, to: noEdge, other: other, base: base, results: results, before: s.run})
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
		if n := s.loops * s.locals; n > s.o.MaxLoopLocals {
			r.err = tooMuch(r.at(), "loops in one another, times the locals of their function", uint64(n), uint64(s.o.MaxLoopLocals), "Split the function")
		}
		s.loopCount++
		s.begin(s.cur, eventLoop)
		s.run = 0
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
	top.run, s.run = max(top.run, s.run), top.before
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
	s.run = max(s.run, b.run)
	switch b.op {
	case opLoop:
		s.loops--
	case opIf:
		s.run = max(s.run, b.before) // when the condition does not hold
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
