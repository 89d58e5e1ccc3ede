package wasmbin

import "math/bits"

// The engine's compiler gives every value that does not stay in a register a
// place of its own in the frame of its function, so that a frame can be larger
// than all locals and operands together. What follows estimates how many such
// values there are, from the liveness of locals in the original body:
//
//   - assignments that are read behind the basic block that they stand in, or
//     behind a call (yield calls in loops count);
//   - locals that are live where ways with different assignments meet;
//   - operands that lie under a call, and operands beyond what registers hold;
//   - a share for what the compiler computes for itself (perInstruction).
//
// frame_test.go compares the estimate with the machine code that wazero makes of
// real guests and of functions that are made to deceive it; the figures stand in
// README.md. A function whose analysis would take too long is estimated from the
// number of its assignments, which is many times more than it takes.

const (
	frameBase      = 160 // return address, frame pointer, saved registers, context
	perInstruction = 4   // instructions for each byte of the share
	registers      = 8   // operands that certainly stay in registers
	maxAnalysis    = 1 << 22

	// Bytes for addresses, and for what divisions and loops over tables keep.
	shareMemory = 2
	shareDivide = 4
	shareBulk   = 32
)

// frame is the analysis of one function.
type frame struct {
	words  int      // of a set of locals
	gen    []uint64 // per node: locals read before they are assigned
	kill   []uint64 // per node: locals assigned
	first  []int32  // per node: its first edge
	edges  []int32  // targets; while those are not known, -2-(next edge of the chain), or -1
	joins  []int32  // nodes where ways meet
	met    []uint64 // per join: locals assigned on the ways
	inside []uint64 // per open block: locals assigned in it
	live   []uint64 // per node: locals live at its beginning
	eight  []uint64 // locals of 8 bytes or more
	all16  []uint64 // locals of 16 bytes

	big    bool // too much to analyse
	loose  int  // the estimate for then
	node   int
	slots  int
	share  int // bytes for what single instructions make the compiler keep
	height int // of the operand stack
	under  int // operands that are counted already
	args   int // words of the longest list of arguments or results
	calls  int
	since  []int32 // per local: calls when it was assigned, +1; 0 when not in this node
	recent []int32 // locals with since set
}

const noEdge = -1

func (f *frame) reset(locals int, params []ValueType, groups []Group, measure bool) {
	clean := func(b []uint64) []uint64 { return b[:0] }
	f.gen, f.kill, f.met, f.inside = clean(f.gen), clean(f.kill), clean(f.met), clean(f.inside)
	f.first, f.edges, f.joins, f.recent = f.first[:0], f.edges[:0], f.joins[:0], f.recent[:0]
	f.words = (locals + 63) / 64
	f.big, f.loose, f.slots, f.height, f.under, f.args, f.calls = !measure, 0, len(params), 0, 0, 0, 0
	f.share = 0
	f.node = -1
	if len(f.since) < locals {
		f.since = make([]int32, locals)
	}
	clear(f.since)
	f.eight, f.all16 = f.zero(f.eight[:0]), f.zero(f.all16[:0])
	at := 0
	size := func(t ValueType, n int) {
		for ; n > 0 && t != I32 && t != F32; n-- {
			f.eight[at/64] |= 1 << (at % 64)
			if t == V128 {
				f.all16[at/64] |= 1 << (at % 64)
			}
			at++
		}
		at += n
	}
	for _, t := range params {
		size(t, 1)
	}
	for _, g := range groups {
		size(g.Type, int(g.Count))
	}
	f.next()
	f.push()
}

func (f *frame) zero(b []uint64) []uint64 {
	for range f.words {
		b = append(b, 0)
	}
	return b
}

// next begins a node, to which nothing leads yet.
func (f *frame) next() {
	f.node++
	for _, l := range f.recent {
		f.since[l] = 0
	}
	f.recent = f.recent[:0]
	f.first = append(f.first, int32(len(f.edges)))
	if f.big = f.big || f.node*(f.words+1)+len(f.edges) > maxAnalysis; f.big {
		f.gen, f.kill = f.gen[:0], f.kill[:0]
		return
	}
	f.gen, f.kill = f.zero(f.gen), f.zero(f.kill)
}

// edge leads from the node to another that is known.
func (f *frame) edge(to int) { f.edges = append(f.edges, int32(to)) }

// wait leads from the node to one that is not known yet.
func (f *frame) wait(chain int32) int32 {
	f.edges = append(f.edges, -2-chain)
	return int32(len(f.edges) - 1)
}

// arrive gives the edges of a chain the node as their target.
func (f *frame) arrive(chain int32) {
	for chain != noEdge {
		next := -2 - f.edges[chain]
		f.edges[chain] = int32(f.node)
		chain = next
	}
}

// push and pop follow the nesting of blocks.
func (f *frame) push() {
	if !f.big {
		f.inside = f.zero(f.inside)
	}
}

// pop leaves a block. When it is a join, the locals that were assigned in it may
// differ at node.
func (f *frame) pop(join bool, node int) {
	if f.big || len(f.inside) < f.words {
		return
	}
	top := f.inside[len(f.inside)-f.words:]
	if join {
		f.joins = append(f.joins, int32(node))
		f.met = append(f.met, top...)
		if len(f.met) > maxAnalysis {
			f.big = true
		}
	}
	f.inside = f.inside[:len(f.inside)-f.words]
	if len(f.inside) >= f.words {
		outer := f.inside[len(f.inside)-f.words:]
		for i := range top {
			outer[i] |= top[i]
		}
	}
}

func (f *frame) get(l uint32) {
	if f.big {
		return
	}
	if f.since[l] == 0 {
		f.gen[f.node*f.words+int(l/64)] |= 1 << (l % 64)
		return
	}
	if int(f.since[l]) <= f.calls {
		f.slots++ // read behind a call
		f.since[l] = int32(f.calls) + 1
	}
}

func (f *frame) set(l uint32) {
	f.loose++
	if f.big {
		return
	}
	f.kill[f.node*f.words+int(l/64)] |= 1 << (l % 64)
	f.inside[len(f.inside)-f.words+int(l/64)] |= 1 << (l % 64)
	if f.since[l] == 0 {
		f.recent = append(f.recent, int32(l))
	}
	f.since[l] = int32(f.calls) + 1
}

// operands pops and pushes. base is the height at which the block began, below
// which code that never runs may pop as much as it likes.
func (f *frame) operands(pop, push, base int) {
	f.height = max(f.height-pop, base)
	f.under = min(f.under, f.height)
	f.height += push
	if f.height-base > registers {
		f.slots += push
	}
}

// called counts a call whose arguments are on the stack.
func (f *frame) called(params, results, base int) {
	f.height = max(f.height-params, base)
	f.under = min(f.under, f.height)
	f.across()
	f.height += results
	f.args = max(f.args, params+results)
	if results > 1 {
		f.slots += results
	}
}

// across counts the operands that lie under a call.
func (f *frame) across() {
	f.calls++
	if f.height > f.under {
		f.slots += f.height - f.under
		f.under = f.height
	}
}

// bytes solves the liveness and gives the estimate.
func (f *frame) bytes(locals, instructions int, wide bool) int64 {
	word := int64(8)
	if wide {
		word = 16
	}
	slots, kept := int64(f.slots), int64(0)
	if f.big || !f.solve() {
		slots += int64(locals) + int64(f.loose) + int64(len(f.first))*int64(min(locals, f.loose))
	} else {
		kept = int64(f.kept())
	}
	return frameBase + word*(slots+int64(f.args)) + kept + int64(f.share) + int64(instructions)/perInstruction
}

// solve finds what is live at the beginning of every node. It gives up after as
// many rounds as no compiler's code needs.
func (f *frame) solve() bool {
	nodes, w := len(f.first), f.words
	f.live = append(f.live[:0], f.gen...)
	for range 20 {
		changed := false
		for n := nodes - 1; n >= 0; n-- {
			for i := range w {
				out := f.out(n, i)
				in := f.gen[n*w+i] | out&^f.kill[n*w+i]
				if in != f.live[n*w+i] {
					f.live[n*w+i], changed = in, true
				}
			}
		}
		if !changed {
			return true
		}
	}
	return false
}

// out is word i of what is live at the end of node n.
func (f *frame) out(n, i int) (out uint64) {
	to := len(f.edges)
	if n+1 < len(f.first) {
		to = int(f.first[n+1])
	}
	for _, e := range f.edges[f.first[n]:to] {
		if e >= 0 {
			out |= f.live[int(e)*f.words+i]
		}
	}
	return out
}

// kept is the bytes of assignments that outlive their nodes, and of locals that
// differ between the ways into a node.
func (f *frame) kept() (n int) {
	add := func(i int, set uint64) {
		n += 4*bits.OnesCount64(set) + 4*bits.OnesCount64(set&f.eight[i]) + 8*bits.OnesCount64(set&f.all16[i])
	}
	for i := range f.words {
		add(i, f.live[i]) // zeros that locals begin with
	}
	for node := range f.first {
		for i := range f.words {
			add(i, f.kill[node*f.words+i]&f.out(node, i))
		}
	}
	for j, node := range f.joins {
		for i := range f.words {
			add(i, f.met[j*f.words+i]&f.live[int(node)*f.words+i])
		}
	}
	return n
}
