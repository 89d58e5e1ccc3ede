package host

import (
	"github.com/plimsoll-dev/plimsoll/conformance/asm"
)

// stopCases are guests that do not end by themselves, each in another way.
func stopCases() []Case {
	big := func(code []byte) asm.Guest {
		g := calling(code)
		g.Min = bigPages
		return g
	}
	allocating := func(code []byte) asm.Guest {
		g := guest()
		g.Alloc, g.Min = code, bigPages
		return g
	}
	importing := func(code []byte, imports ...asm.Import) asm.Guest {
		g := calling(code)
		g.Imports, g.Min, g.CallLocal = imports, bigPages, asm.Locals(1, asm.TI32)
		return g
	}
	bomb := func(depth int, leaf []byte) asm.Guest {
		g := guest()
		g.Min = bigPages
		g.Funcs = callBomb(&g, depth, leaf)
		g.Call = cat(asm.CallTo(g.Index(0)), good())
		return g
	}
	wide := func() asm.Guest {
		g := guest()
		for n := range 8 {
			g.Funcs = append(g.Funcs, asm.Func{Type: asm.TypeNone, Code: asm.Times(1000, asm.CallTo(g.Index(n+1)))})
		}
		g.Funcs = append(g.Funcs, asm.Func{Type: asm.TypeNone, Code: []byte{asm.Nop}})
		g.Call = cat(asm.CallTo(g.Index(0)), good())
		return g
	}
	indirect := func() asm.Guest {
		const depth = 60
		g := guest()
		g.Tables = [][]byte{funcTable(depth + 1)}
		var all []int
		for n := range depth {
			next := cat(asm.Const32(int32(n+1)), asm.CallIndirect, asm.TypeNone, 0)
			g.Funcs = append(g.Funcs, asm.Func{Type: asm.TypeNone, Code: cat(next, next)})
			all = append(all, g.Index(n))
		}
		g.Funcs = append(g.Funcs, asm.Func{Type: asm.TypeNone, Code: []byte{asm.Nop}})
		g.Elements = [][]byte{element(append(all, g.Index(depth))...)}
		g.Call = cat(asm.Const32(0), asm.CallIndirect, asm.TypeNone, 0, good())
		return g
	}
	tower := func(levels int, leaf []byte) []byte {
		code := leaf
		for range levels {
			code = cat(asm.MemorySize, 0, asm.If, asm.Void, leaf, code, asm.Else, leaf, asm.End)
		}
		return code
	}
	blocks := func(levels int, leaf []byte) []byte {
		return cat(asm.Times(levels, []byte{asm.Block, asm.Void}), leaf, asm.Times(levels, []byte{asm.End}))
	}
	branches := func(n int) []byte {
		return cat(asm.Loop, asm.Void, asm.Const32(int32(n)), asm.BrTable, asm.Uleb(uint64(n)), asm.Times(n, []byte{0}), 0, asm.End, asm.Unreachable)
	}
	passive := func(code []byte) asm.Guest {
		g := calling(code)
		g.Data, g.DataCount = [][]byte{cat(1, string(make([]byte, 60_000)))}, true
		return g
	}
	initData := cat(asm.Const32(1024), asm.Const32(0), asm.Const32(60_000), asm.Misc, asm.MemoryInit, 0, 0)
	floats := asm.Times(50, cat(asm.OpF64Const, []byte("\x9a\x99\x99\x99\x99\x99\xf1\x3f"), asm.F64Sqrt, asm.OpF64Const, []byte("\x00\x00\x00\x00\x00\x00\x00\x00"), asm.F64Div, asm.Drop))
	divides := asm.Times(50, cat(asm.Const64(-7), asm.Const64(3), asm.I64DivU, asm.Drop))
	vectors := asm.Times(20, cat(asm.Vector, 12, make([]byte, 16), asm.Vector, 12, make([]byte, 16), asm.Vector, asm.Uleb(213), asm.Drop))
	grow := func(n int32) []byte { return cat(asm.Const32(n), asm.MemoryGrow, 0, asm.Drop) }
	logged := func(n int32) []byte { return cat(asm.Const32(1), asm.Const32(0), asm.Const32(n), asm.CallTo(0)) }
	asked := func(op, n int32) []byte {
		return cat(asm.Const32(op), asm.Const32(0), asm.Const32(n), asm.CallTo(0), asm.Drop)
	}
	random := cat(asm.Const32(0), asm.Const32(bigBytes-8), asm.CallTo(0), asm.Drop)
	clock := cat(asm.Const32(0), asm.Const64(0), asm.Const32(asm.Scratch), asm.CallTo(0), asm.Drop)
	// One vector of 2,000,000 empty and huge buffers: the guest's memory is full of
	// zeros, so make each point at 0 with length 0x01010101 by filling it with ones.
	vectorsOut := cat(asm.Const32(asm.Scratch), asm.Const32(1), asm.Const32(16_000_000), asm.Misc, asm.MemoryFill, 0,
		asm.Const32(1), asm.Const32(asm.Scratch), asm.Const32(2_000_000), asm.Const32(64), asm.CallTo(0), asm.Drop)
	stop := refused("deadline", "fuel")
	ends := either("deadline", "fuel")

	out := drafts(saysBudget, sectionFail, doBudget, []draft{
		{id: "stop.loop", title: "an infinite loop", guest: calling(forever(nil)), expect: stop, twice: true},
		{id: "stop.loop_nop", title: "an infinite loop of nothing but nop", guest: calling(forever(asm.Times(5000, []byte{asm.Nop}))), expect: stop},
		{id: "stop.loop_nested", title: "infinite loops inside of each other", guest: calling(forever(forever(forever(nil)))), expect: stop},
		{id: "stop.loop_br_if", title: "an infinite loop closed by br_if", guest: calling(cat(asm.Loop, asm.Void, asm.Const32(1), asm.BrIf, 0, asm.End, asm.Unreachable)), expect: stop},
		{id: "stop.loop_br_table", title: "an infinite loop closed by a br_table of 1,000 arms", guest: calling(branches(1000)), expect: stop},
		{id: "stop.loop_br_table_huge", title: "an infinite loop closed by a br_table of 40,000 arms", guest: calling(branches(40_000)), expect: stop},
		{id: "stop.loop_result", title: "an infinite loop whose block type takes and gives a value", guest: calling(cat(asm.Const64(0), asm.Loop, asm.TypeWide, asm.Br, 0, asm.End)), expect: stop},
		{id: "stop.loop_outer", title: "an inner block that branches to an outer loop", guest: calling(cat(asm.Loop, asm.Void, blocks(50, []byte{asm.Br, 50}), asm.End, asm.Unreachable)), expect: stop},
		{id: "stop.loop_float", title: "an infinite loop of divisions by zero in f64", guest: calling(forever(floats)), expect: stop},
		{id: "stop.loop_divide", title: "an infinite loop of 64 bit divisions", guest: calling(forever(divides)), expect: stop},
		{id: "stop.loop_vector", title: "an infinite loop of 128 bit vectors", guest: calling(forever(vectors)), expect: either("deadline", "fuel")},
		{id: "stop.if_tower", title: "an infinite loop through a tower of 300 if and else", guest: calling(forever(tower(300, []byte{asm.Nop}))), expect: stop},
		{id: "stop.block_tower", title: "an infinite loop through 1,000 blocks inside of each other", guest: calling(forever(blocks(1000, []byte{asm.Nop}))), expect: stop},
		{id: "stop.call_bomb", title: "2^60 calls without a loop", guest: bomb(60, nil), expect: stop, twice: true},
		{id: "stop.call_bomb_wide", title: "1,000^8 calls in straight lines", guest: wide(), expect: stop},
		{id: "stop.call_bomb_indirect", title: "2^60 calls through a table", guest: indirect(), expect: stop},
		{id: "stop.fill_loop", title: "memory.fill of 56 MiB in a loop", guest: big(forever(fill(bigBytes))), expect: stop, twice: true},
		{id: "stop.fill_straight", title: "1,000 memory.fill of 56 MiB in a straight line", guest: big(cat(asm.Times(1000, fill(bigBytes)), good())), expect: stop, twice: true},
		{id: "stop.fill_recursion", title: "memory.fill of 56 MiB at every level of 2^60 calls", guest: bomb(60, fill(bigBytes)), expect: stop},
		{id: "stop.fill_tower", title: "memory.fill of 56 MiB at every step of a tower of 300 ifs", guest: big(cat(tower(300, fill(bigBytes)), good())), expect: stop},
		{id: "stop.fill_huge", title: "memory.fill of 4 GiB - 1, which must trap before it writes", guest: calling(cat(fill(-1), good())), expect: refused("trap", "fuel")},
		{id: "stop.copy_loop", title: "memory.copy of 56 MiB onto itself, one byte further, in a loop", guest: big(forever(copyDown(bigBytes))), expect: stop},
		{id: "stop.copy_straight", title: "1,000 overlapping memory.copy of 56 MiB in a straight line", guest: big(cat(asm.Times(1000, copyDown(bigBytes)), good())), expect: stop},
		{id: "stop.init_loop", title: "memory.init of 60 KB in a loop", guest: passive(forever(initData)), expect: stop},
		{id: "stop.init_straight", title: "40,000 memory.init of 60 KB in a straight line", guest: passive(cat(asm.Times(40_000, initData), good())), expect: ends},
		{id: "stop.grow_loop", title: "memory.grow by one page without end", guest: calling(forever(grow(1))), expect: refused("deadline", "fuel", "memory")},
		{id: "stop.grow_zero", title: "memory.grow by nothing without end", guest: calling(forever(grow(0))), expect: stop},
		{id: "stop.grow_refused", title: "memory.grow by 4 GiB without end", guest: calling(forever(grow(65535))), expect: refused("deadline", "fuel", "memory")},
		{id: "stop.alloc_loop", title: "plim_alloc does not end", guest: allocating(forever(nil)), expect: stop},
		{id: "stop.alloc_fill", title: "plim_alloc fills 56 MiB in a straight line", guest: allocating(cat(asm.Times(1000, fill(bigBytes)), asm.Const32(1024))), expect: stop},
		{id: "stop.host_loop", title: "host op 0 without end", guest: importing(forever(asked(0, 0)), asm.ImportHost()), expect: stop},
		{id: "stop.host_payload", title: "a host op with a payload of 56 MiB without end", guest: importing(forever(asked(2, bigBytes-8)), asm.ImportHost()), expect: stop},
		{id: "stop.host_flood", title: "1,000,000 host ops", guest: importing(cat(repeat(1_000_000, 3, asked(0, 0)), good()), asm.ImportHost()), expect: ends},
		{id: "stop.host_read", title: "host_read of 4 GiB without end", guest: importing(forever(cat(asm.Const32(0), asm.Const32(-1), asm.CallTo(0), asm.Drop)), asm.ImportRead()), expect: stop},
		{id: "stop.random", title: "56 MiB of random numbers without end", guest: importing(forever(random), asm.ImportWASI("random_get", asm.TypeRead)), expect: stop},
		{id: "stop.random_straight", title: "1,000 times 56 MiB of random numbers in a straight line", guest: importing(cat(asm.Times(1000, random), good()), asm.ImportWASI("random_get", asm.TypeRead)), expect: stop},
		{id: "stop.clock", title: "the clock without end", guest: importing(forever(clock), asm.ImportWASI("clock_time_get", asm.TypeClock)), expect: stop},
		{id: "stop.yield", title: "sched_yield without end", guest: importing(forever(cat(asm.CallTo(0), asm.Drop)), asm.ImportWASI("sched_yield", asm.TypeZero)), expect: stop},
		{id: "stop.write_vectors", title: "fd_write of 2,000,000 overlapping buffers of 16 MiB without end", guest: importing(forever(vectorsOut), asm.ImportWASI("fd_write", asm.TypeFour)), expect: refused("deadline", "fuel", "trap")},
	})
	for i := range out {
		// How large a function or a table of branches may be is the host's choice.
		if id := out[i].ID; id == "stop.loop_br_table_huge" || id == "stop.init_straight" {
			out[i].Admit = either("protocol")
		}
	}
	logs := drafts("Logs are capped at 64 KiB a call.", sectionIn, "Drop what is above the cap before it is copied, and charge for log by its length.", []draft{
		{id: "stop.log_flood", title: "1,000,000 lines of log", guest: importing(cat(repeat(1_000_000, 3, logged(100)), good()), asm.ImportLog()), expect: ends},
		{id: "stop.log_loop", title: "lines of log without end", guest: importing(forever(logged(100)), asm.ImportLog()), expect: stop},
		{id: "stop.log_huge", title: "lines of 56 MiB without end", guest: importing(forever(logged(bigBytes-8)), asm.ImportLog()), expect: stop},
		{id: "stop.log_empty", title: "empty lines without end", guest: importing(forever(logged(0)), asm.ImportLog()), expect: stop},
	})
	for i := range logs {
		logs[i].Calls[0].Expect.LogBytes = 80 << 10 // the cap, the line that says so, and terminators
	}
	out = append(out, logs...)

	fuel := Limits{Fuel: 1_000_000, TimeoutMS: 2000}
	exact := drafts("The budget of instructions is counted the same way on every run; code fuel says that it is used up.", sectionFail,
		"Count by the module's own instructions and never by time.", []draft{
			{id: "fuel.loop", title: "a loop over the budget", guest: calling(forever(nil)), expect: refused("fuel"), limits: fuel},
			{id: "fuel.call_bomb", title: "calls over the budget", guest: bomb(60, nil), expect: refused("fuel"), limits: fuel},
			{id: "fuel.fill", title: "bulk memory over the budget: charged by length", guest: big(cat(asm.Times(100, fill(bigBytes)), good())), expect: refused("fuel"), limits: fuel},
			{id: "fuel.random", title: "random numbers over the budget: charged by length", guest: importing(cat(asm.Times(100, random), good()), asm.ImportWASI("random_get", asm.TypeRead)), expect: refused("fuel"), limits: fuel},
			{id: "fuel.enough", title: "a short call within the budget", guest: guest(), expect: answers(okAnswer), limits: fuel},
		})
	for i := range exact {
		again := exact[i].Calls[0]
		again.Expect.SameAs = 1
		exact[i].Calls = append(exact[i].Calls, again)
		exact[i].Again = []string{"drop", "restart"}
	}
	return append(out, exact...)
}

// stackCases are guests whose calls are nested too deep.
func stackCases() []Case {
	self := func(locals []byte) asm.Guest {
		g := guest()
		g.CallLocal = locals
		g.Call = cat(asm.Get, 0, asm.Get, 1, asm.Get, 2, asm.CallTo(g.Index(-2)))
		return g
	}
	allocSelf := func() asm.Guest {
		g := guest()
		g.Alloc = cat(asm.Get, 0, asm.CallTo(g.Index(-3)))
		return g
	}
	mutual := func() asm.Guest {
		g := guest()
		g.Funcs = []asm.Func{{Type: asm.TypeNone, Code: asm.CallTo(g.Index(1))}, {Type: asm.TypeNone, Code: asm.CallTo(g.Index(0))}}
		g.Call = cat(asm.CallTo(g.Index(0)), good())
		return g
	}
	indirect := func() asm.Guest {
		g := guest()
		g.Tables = [][]byte{funcTable(1)}
		g.Funcs = []asm.Func{{Type: asm.TypeNone, Code: cat(asm.Const32(0), asm.CallIndirect, asm.TypeNone, 0)}}
		g.Elements = [][]byte{element(g.Index(0))}
		g.Call = cat(asm.CallTo(g.Index(0)), good())
		return g
	}
	filling := func() asm.Guest {
		g := guest()
		g.Funcs = []asm.Func{{Type: asm.TypeNone, Code: cat(fill(16), asm.CallTo(g.Index(0)))}}
		g.Call = cat(asm.CallTo(g.Index(0)), good())
		return g
	}
	// A frame with much on the operand stack: 1,000 constants, the call, 1,000 drops.
	operands := func() asm.Guest {
		g := guest()
		g.Funcs = []asm.Func{{Type: asm.TypeNone, Code: cat(asm.Times(1000, cat(asm.MemorySize, 0)), asm.CallTo(g.Index(0)), asm.Times(1000, []byte{asm.Drop}))}}
		g.Call = cat(asm.CallTo(g.Index(0)), good())
		return g
	}
	results := func() asm.Guest {
		g := guest()
		types := asm.Times(900, []byte{asm.TI64})
		g.Types = [][]byte{asm.FuncType(types, types)}
		var gets []byte
		for n := range 900 {
			gets = append(gets, cat(asm.Get, asm.Uleb(uint64(n)))...)
		}
		g.Funcs = []asm.Func{{Type: asm.TypeWide + 1, Code: cat(gets, asm.CallTo(g.Index(0)))}}
		g.Call = cat(asm.Times(900, asm.Const64(1)), asm.CallTo(g.Index(0)), asm.Times(900, []byte{asm.Drop}), good())
		return g
	}
	shallow := func() asm.Guest {
		g := guest()
		g.Funcs = []asm.Func{{Type: asm.TypeWide, Code: cat(asm.Get, 0, asm.I64Eqz, asm.If, asm.TI64, asm.Const64(0),
			asm.Else, asm.Get, 0, asm.Const64(-1), asm.I64Add, asm.CallTo(g.Index(0)), asm.End)}}
		g.Call = cat(asm.Const64(200), asm.CallTo(g.Index(0)), asm.Drop, good())
		return g
	}
	limits := Limits{TimeoutMS: 2000}
	deep := refused("stack")
	out := drafts("Calls that are nested too deep end with code stack, at the same depth on every run.", sectionFail,
		"Count depth in the guest, weighted by the size of frames; a native stack that overflows ends the whole process or depends on the machine.", []draft{
			{id: "stack.self", title: "plim_call calls itself", guest: self(nil), expect: deep, limits: limits},
			{id: "stack.frames", title: "recursion with 2,000 locals of 64 bits", guest: self(asm.Locals(2000, asm.TI64)), expect: deep, limits: limits},
			{id: "stack.vectors", title: "recursion with 2,000 locals of 128 bits", guest: self(asm.Locals(2000, asm.TV128)), expect: deep, limits: limits},
			{id: "stack.operands", title: "recursion with 1,000 operands on the stack", guest: operands(), expect: deep, limits: limits},
			{id: "stack.results", title: "recursion of a function with 900 parameters and 900 results", guest: results(), expect: deep, limits: limits},
			{id: "stack.alloc", title: "plim_alloc calls itself", guest: allocSelf(), expect: deep, limits: limits},
			{id: "stack.mutual", title: "two functions call each other", guest: mutual(), expect: deep, limits: limits},
			{id: "stack.indirect", title: "recursion through a table", guest: indirect(), expect: deep, limits: limits},
			{id: "stack.fill", title: "recursion with a memory.fill at every level", guest: filling(), expect: deep, limits: limits},
			{id: "stack.shallow", title: "200 levels are not too deep", guest: shallow(), expect: answers(okAnswer), limits: limits},
		})
	for i := range out {
		if out[i].ID == "stack.results" {
			out[i].Admit = either("protocol") // so many results are more than some engines take
		}
		out[i].Calls = append(out[i].Calls, out[i].Calls[0])
		out[i].Calls[1].Expect.SameAs = 1
	}
	return out
}
