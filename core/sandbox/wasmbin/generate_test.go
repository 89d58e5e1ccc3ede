package wasmbin_test

import (
	"github.com/plimsoll-dev/plimsoll/core/sandbox/wasmbin"
)

// generator makes valid programs that always end out of bytes: loops are
// counted by locals that nothing else assigns, and functions call only those
// with a higher number. They may trap.
type generator struct {
	src    []byte
	fns    int
	self   int
	loops  int // open
	blocks int // open, without results
	size   int
}

const (
	genI32s     = 4 // locals 0..3 are i32 (0 and 1 parameters), 4..5 i64, then counters
	genI64s     = 2
	genCounters = 3
	genPassive  = 1 // data segment
)

func (g *generator) n(limit int) int {
	if len(g.src) == 0 {
		return 0
	}
	b := g.src[0]
	g.src = g.src[1:]
	return int(b) % limit
}

// value gives code that pushes a value of the type.
func (g *generator) value(t wasmbin.ValueType, depth int) []byte {
	g.size++
	if depth <= 0 || len(g.src) == 0 {
		switch {
		case t == i64 && g.n(2) == 0:
			return get(genI32s + g.n(genI64s))
		case t == i64:
			return c64(int64(g.n(256)) - 100)
		case g.n(3) > 0:
			return get(g.n(genI32s))
		}
		return c32(int32(g.n(256)) - 100)
	}
	v := func(t wasmbin.ValueType) []byte { return g.value(t, depth-1) }
	if t == i64 {
		switch g.n(7) {
		case 0:
			return cat(v(i64), v(i64), 0x7c+g.n(3)) // add, sub, mul
		case 1:
			return cat(v(i64), v(i64), c64(5), 0x84, 0x7f) // or, div_s
		case 2:
			return cat(v(i32), 0xac) // extend
		case 3:
			return cat(opGlobalGet, 1)
		case 4:
			return cat(g.address(depth), opI64Load, 3, u32(uint32(g.n(200))))
		case 5:
			return cat(v(i64), v(i64), v(i32), opSelect)
		default:
			return cat(v(i32), opIf, i64, v(i64), opElse, v(i64), opEnd)
		}
	}
	switch g.n(14) {
	case 0, 1:
		return cat(v(i32), v(i32), 0x6a+g.n(3))
	case 2:
		if g.n(8) > 0 {
			return cat(v(i32), v(i32), c32(1), opI32Or, 0x6d+g.n(4)) // division, remainder
		}
		return cat(v(i32), v(i32), 0x6d+g.n(4))
	case 3:
		return cat(v(i32), v(i32), 0x71+g.n(8)) // bits
	case 4:
		return cat(v(i32), v(i32), 0x46+g.n(10)) // comparisons
	case 5:
		return cat(v(i64), 0xa7)
	case 6:
		return cat(opGlobalGet, 0)
	case 7:
		return cat(g.address(depth), opI32Load, 2, u32(uint32(g.n(200))))
	case 8:
		return cat(v(i32), opIf, i32, v(i32), opElse, v(i32), opEnd)
	case 9:
		return cat(v(i32), opI32Eqz)
	case 10:
		if g.self+1 < g.fns && g.loops < 2 {
			f := g.self + 1 + g.n(g.fns-g.self-1)
			if g.n(4) == 0 {
				return cat(v(i32), v(i32), c32(int32(f)), opCallIndirect, 0, 0)
			}
			return cat(v(i32), v(i32), call(f))
		}
		return cat(v(i32), 0xc0) // extend8_s
	case 11:
		return cat(opMemorySize, 0)
	case 12:
		l := g.n(genI32s)
		return cat(v(i32), tee(l))
	default:
		return cat(opBlock, i32, v(i32), v(i32), brif(0), opEnd)
	}
}

// address pushes an address that is mostly inside of the memory.
func (g *generator) address(depth int) []byte {
	a := g.value(i32, depth-1)
	if g.n(8) == 0 {
		return a
	}
	return cat(a, c32(0xffff), opI32And)
}

func (g *generator) statements(depth int) []byte {
	var b []byte
	for range 1 + g.n(4) {
		if len(g.src) == 0 || g.size > 3000 {
			break
		}
		b = append(b, g.statement(depth)...)
	}
	return b
}

func (g *generator) statement(depth int) []byte {
	g.size++
	if depth <= 0 {
		return cat(g.value(i32, 1), set(g.n(genI32s)))
	}
	inside := func() []byte {
		g.blocks++
		b := g.statements(depth - 1)
		g.blocks--
		return b
	}
	switch g.n(18) {
	case 0, 1:
		return cat(g.value(i32, 3), set(g.n(genI32s)))
	case 2:
		return cat(g.value(i64, 3), set(genI32s+g.n(genI64s)))
	case 3:
		return cat(g.value(i32, 2), opGlobalSet, 0)
	case 4:
		return cat(g.value(i64, 2), opGlobalSet, 1)
	case 5:
		return cat(g.address(2), g.value(i32, 2), opI32Store, 2, u32(uint32(g.n(200))))
	case 6:
		return cat(g.value(i32, 2), opIf, none, inside(), opElse, inside(), opEnd)
	case 7:
		return cat(g.value(i32, 2), opIf, none, inside(), opEnd)
	case 8, 9:
		return cat(opBlock, none, inside(), opEnd)
	case 10, 11:
		if g.loops >= genCounters {
			return nil
		}
		counter := genI32s + genI64s + g.loops
		g.loops++
		g.blocks += 2
		body := g.statements(depth - 1)
		g.loops--
		g.blocks -= 2
		// A branch of the body to the loop itself would not count.
		return counted(counter, c32(int32(1+g.n(3))), opBlock, none, opBlock, none, body, opEnd, opEnd)
	case 12:
		if g.blocks == 0 {
			return cat(g.value(i32, 2), opIf, none, g.value(i32, 1), opReturn, opEnd)
		}
		return cat(g.value(i32, 2), g.branch(opBrIf))
	case 13: // a switch
		return cat(opBlock, none, opBlock, none, opBlock, none, g.value(i32, 2), opBrTable, 2, 0, 1, 2, opEnd,
			g.statements(depth-1), br(1), opEnd, g.statements(depth-1), opEnd)
	case 14:
		return cat(c32(int32(g.n(3))), opMemoryGrow, 0, set(g.n(genI32s)))
	case 15:
		length := c32(int32([]int{0, 1, 70, 5000, 300_000, 65536, 600_000, 4096}[g.n(8)]))
		switch g.n(3) {
		case 0:
			return cat(g.address(2), g.value(i32, 1), length, opMisc, 11, 0)
		case 1:
			return cat(g.address(2), g.address(2), length, opMisc, 10, 0, 0)
		default:
			return cat(g.address(2), c32(int32(g.n(40))), c32(int32(g.n(40))), opMisc, 8, genPassive, 0)
		}
	case 16:
		return cat(g.value(i32, 3), opDrop)
	default:
		return cat(opBlock, none, g.value(i32, 2), brif(0), inside(), br(0), g.statements(0), opEnd)
	}
}

// branch leaves a block that has no results and is no loop: those are the
// innermost one, by the way that statements are nested.
func (g *generator) branch(op int) []byte { return cat(op, u32(0)) }

// module makes a program of up to four functions (i32, i32) -> i32, exported as
// f0, f1, ...
func (g *generator) module() *wasmbin.Module {
	g.fns = 1 + g.n(4)
	var fns []fn
	two := types(2, i32)
	for f := range g.fns {
		g.self, g.loops, g.blocks, g.size = f, 0, 0, 0
		code := cat(g.statements(4), g.value(i32, 3))
		fns = append(fns, fn{
			export: "f" + string(rune('0'+f)), params: two, results: types(1, i32),
			locals: []wasmbin.Group{{Count: genI32s - 2, Type: i32}, {Count: genI64s, Type: i64}, {Count: genCounters, Type: i32}}, code: code,
		})
	}
	m := program(10, fns...)
	m.Memories[0].Max, m.Memories[0].HasMax = 14, true
	for i := range m.Funcs {
		m.Funcs[i] = 0
	}
	m.Data = []wasmbin.Segment{{Offset: cat(c32(100), opEnd), Data: []byte("some words in memory")}, {Mode: 1, Data: []byte("a segment that is copied when asked for")}}
	m.DataCount, m.HasCount = 2, true
	return m
}
