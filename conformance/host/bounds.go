package host

import (
	"strings"

	"github.com/plimsoll-dev/plimsoll/conformance/asm"
)

// compileCases are modules that are small and dear to compile. A host may refuse
// them or take them; what it may not is hang, or hurt anybody else.
func compileCases() []Case {
	// 400 loops inside of each other, each mixing some of 2,000 locals: register
	// allocators take the product.
	nested := func() asm.Guest {
		g := guest()
		g.CallLocal = asm.Locals(2000, asm.TI64)
		var code []byte
		for n := range 400 {
			a, b, c := 3+n*5%2000, 3+n*7%2000, 3+n*11%2000
			code = append(code, cat(asm.Loop, asm.Void,
				asm.Get, asm.Uleb(uint64(a)), asm.Get, asm.Uleb(uint64(b)), asm.I64Add, asm.Set, asm.Uleb(uint64(c)))...)
		}
		for n := range 400 {
			code = append(code, cat(asm.Get, asm.Uleb(uint64(3+n*13%2000)), asm.I64Eqz, asm.I32Eqz, asm.BrIf, 0, asm.End)...)
		}
		g.Call = cat(code, good())
		return g
	}
	straight := func() asm.Guest {
		g := guest()
		g.CallLocal = asm.Locals(1, asm.TI64)
		g.Call = cat(asm.Times(150_000, cat(asm.Get, 3, asm.Const64(3), asm.I64Add, asm.Set, 3)), good())
		return g
	}
	deepExpression := func() asm.Guest {
		g := guest()
		g.Call = cat(asm.Const64(1), asm.Times(100_000, cat(asm.Const64(3))), asm.Times(100_000, []byte{asm.I64Add}), asm.Drop, good())
		return g
	}
	functions := func() asm.Guest {
		g := guest()
		for range 30_000 {
			g.Funcs = append(g.Funcs, asm.Func{Type: asm.TypeWide, Code: cat(asm.Get, 0, asm.Const64(1), asm.I64Add)})
		}
		return g
	}
	locals := func() asm.Guest {
		g := guest()
		for range 200 {
			g.Funcs = append(g.Funcs, asm.Func{Type: asm.TypeNone, Locals: asm.Locals(50_000, asm.TI64), Code: []byte{asm.Nop}})
		}
		return g
	}
	blocks := func(n int, leaf []byte) asm.Guest {
		return calling(cat(asm.Times(n, []byte{asm.Block, asm.Void}), leaf, asm.Times(n, []byte{asm.End}), good()))
	}
	ifs := calling(cat(asm.Times(20_000, cat(asm.Get, 0, asm.If, asm.Void)), asm.Times(20_000, []byte{asm.Else, asm.Nop, asm.End}), good()))
	branches := calling(cat(asm.Block, asm.Void, asm.Get, 0, asm.BrTable, asm.Uleb(500_000), make([]byte, 500_001), asm.End, good()))
	branchTower := func() asm.Guest {
		// 2,000 blocks and 2,000 tables that name each of them.
		var arms []byte
		for n := range 2000 {
			arms = append(arms, asm.Uleb(uint64(n))...)
		}
		table := cat(asm.Block, asm.Void, asm.Get, 0, asm.BrTable, asm.Uleb(1999), arms, asm.End)
		return blocks(2000, asm.Times(300, table))
	}
	calls := func() asm.Guest {
		g := guest()
		g.Funcs = []asm.Func{{Type: asm.TypeNone, Code: []byte{asm.Nop}}}
		g.Call = cat(asm.Times(300_000, asm.CallTo(g.Index(0))), good())
		return g
	}
	many := func(change func(*asm.Guest)) asm.Guest {
		g := guest()
		change(&g)
		return g
	}
	list := []draft{
		{id: "compile.nested_loops", title: "400 nested loops over 2,000 locals", guest: nested()},
		{id: "compile.straight_line", title: "a straight line of 1 MB", guest: straight()},
		{id: "compile.expression", title: "an expression with 100,000 operands", guest: deepExpression()},
		{id: "compile.functions", title: "30,000 functions", guest: functions()},
		{id: "compile.locals", title: "200 functions of 50,000 locals in 2 KB", guest: locals()},
		{id: "compile.blocks", title: "100,000 blocks inside of each other", guest: blocks(100_000, []byte{asm.Nop})},
		{id: "compile.ifs", title: "20,000 ifs inside of each other", guest: ifs},
		{id: "compile.br_table", title: "a br_table of 500,000 arms", guest: branches},
		{id: "compile.br_tables", title: "300 tables of branches out of 2,000 blocks", guest: branchTower()},
		{id: "compile.calls", title: "300,000 calls in a straight line", guest: calls()},
		{id: "compile.types", title: "100,000 types", guest: many(func(g *asm.Guest) {
			for range 100_000 {
				g.Types = append(g.Types, []byte{0x60, 0, 0})
			}
		})},
		{id: "compile.exports", title: "50,000 exports", guest: many(func(g *asm.Guest) {
			for n := range 50_000 {
				g.Exports = append(g.Exports, cat("x"+strings.Repeat("y", n%7)+string(asm.Uleb(uint64(n)|1<<20)), 0, 0))
			}
		})},
		{id: "compile.data", title: "100,000 data segments", guest: many(func(g *asm.Guest) {
			for n := range 100_000 {
				g.Data = append(g.Data, cat(0, asm.Const32(int32(asm.Scratch+n%1000)), asm.End, "x"))
			}
		})},
		{id: "compile.globals", title: "100,000 mutable globals", guest: many(func(g *asm.Guest) {
			for range 100_000 {
				g.Globals = append(g.Globals, cat(asm.TI64, 1, asm.Const64(7), asm.End))
			}
		})},
	}
	out := drafts("A small module can take minutes to compile: admission is bounded in time and memory, and nothing else waits for it.", "design page sandbox, Admission",
		"Cap shapes first, then compile in a process that can be killed; cancelling a compiler does nothing.", list)
	for i := range out {
		codes := []string{"protocol", "memory", "deadline", "fuel", "stack"}
		out[i].Admit = either(codes...)
		out[i].Calls[0].Expect = either("deadline", "fuel", "stack", "memory")
		out[i].Bounds = Bounds{RSSMiB: 256}
	}
	return out
}

// memoryCases are about how much a guest may have.
func memoryCases() []Case {
	importing := func(code []byte) asm.Guest {
		g := calling(code)
		g.CallLocal = asm.Locals(2, asm.TI32)
		return g
	}
	grow := func(n int32) []byte { return cat(asm.Const32(n), asm.MemoryGrow, 0) }
	// touch writes a byte into every page that there is.
	touch := cat(asm.MemorySize, 0, asm.Set, 3, asm.Loop, asm.Void,
		asm.Get, 3, asm.Const32(1), asm.I32Sub, asm.Tee, 3, asm.Const32(16), 0x74, asm.Const32(1), asm.I32Store8, 0, 0,
		asm.Get, 3, asm.BrIf, 0, asm.End)
	untilNo := cat(asm.Loop, asm.Void, grow(1), asm.Const32(-1), asm.I32Ne, asm.BrIf, 0, asm.End)
	doubling := cat(asm.Loop, asm.Void, asm.MemorySize, 0, asm.MemoryGrow, 0, asm.Const32(-1), asm.I32Ne, asm.BrIf, 0, asm.End)
	slow := Limits{TimeoutMS: 2000}
	return drafts("A module has at most as much memory as its limit; memory.grow beyond it gives -1, and a guest that ends because of it ends with code memory.", sectionFail,
		"Reserve address space once, grow without copying, and say no at the limit.", []draft{
			{id: "memory.grow_pages", title: "grows by one page up to the limit: growth must not copy", guest: importing(cat(untilNo, good())), expect: either("memory"), twice: true},
			{id: "memory.bomb", title: "grows to the limit and writes into every page", guest: importing(cat(untilNo, touch, good())), expect: either("memory"), limits: slow, twice: true},
			{id: "memory.double", title: "doubles up to the limit and writes into every page", guest: importing(cat(doubling, touch, good())), expect: either("memory"), limits: slow},
			{id: "memory.grow_4gib", title: "grows by 4 GiB at once", guest: importing(cat(grow(65535), asm.Const32(-1), asm.I32Ne, asm.If, asm.Void, asm.Unreachable, asm.End, good())), expect: either("memory")},
			{id: "memory.grow_overflow", title: "grows by 2^32-1 pages", guest: importing(cat(grow(-1), asm.Const32(-1), asm.I32Ne, asm.If, asm.Void, asm.Unreachable, asm.End, good())), expect: either("memory")},
			{id: "memory.grow_trap", title: "is refused memory, then traps", guest: importing(cat(grow(4096), asm.Drop, asm.Unreachable)), expect: refused("memory", "trap"), twice: true},
			{id: "memory.no_room", title: "plim_alloc answers 0", guest: allocAnswers(0), expect: refused("memory"), twice: true},
			{id: "memory.alloc_outside", title: "plim_alloc answers 8 bytes before the end of 4 GiB", guest: allocAnswers(-8), expect: refused("protocol")},
			{id: "memory.alloc_last", title: "plim_alloc answers the last byte of memory", guest: allocAnswers(2<<16 - 1), expect: refused("protocol")},
		})
}

func allocAnswers(at int32) asm.Guest {
	g := guest()
	g.Alloc = asm.Const32(at)
	return g
}

// tableCases are about tables: they are the host's memory, not the guest's.
func tableCases() []Case {
	table := func(least uint64, code []byte) asm.Guest {
		g := calling(code)
		g.Tables = [][]byte{funcTable(least)}
		return g
	}
	grow := func(n int32) []byte {
		return cat(asm.RefNull, asm.TFunc, asm.Const32(n), asm.Misc, asm.TableGrow, 0, asm.Drop)
	}
	fillTable := cat(asm.Const32(0), asm.RefNull, asm.TFunc, asm.Const32(100_000), asm.Misc, asm.TableFill, 0)
	copyTable := cat(asm.Const32(1), asm.Const32(0), asm.Const32(99_999), asm.Misc, asm.TableCopy, 0, 0)
	many := guest()
	for range 100 {
		many.Tables = append(many.Tables, funcTable(1_000_000))
	}
	maximum := guest()
	maximum.Tables = [][]byte{cat(asm.TFunc, 1, 1, asm.Uleb(0xffffffff))}
	withType := func(code []byte) asm.Guest {
		g := table(2, code)
		g.Funcs = []asm.Func{{Type: asm.TypeNone, Code: []byte{asm.Nop}}}
		g.Elements = [][]byte{element(g.Index(0))}
		return g
	}
	out := drafts("A table is memory of the host: its size is capped, and a guest that asks for more is told -1 or is refused.", "design page sandbox, Hostile cases",
		"Cap the minimum of tables at admission and rewrite their maximum; charge table instructions by their length.", []draft{
			{id: "table.minimum_100m", title: "begins with a table of 100,000,000", guest: table(100_000_000, good()), expect: either("memory", "protocol")},
			{id: "table.many", title: "100 tables of 1,000,000", guest: many, expect: either("memory", "protocol")},
			{id: "table.maximum", title: "declares a maximum of 2^32-1 and does not use it", guest: maximum, expect: answers(okAnswer)},
			{id: "table.grow_100m", title: "table.grow by 100,000,000", guest: table(1, cat(grow(100_000_000), good())), expect: either("memory", "trap"), twice: true},
			{id: "table.grow_loop", title: "table.grow by 10,000 without end", guest: table(1, forever(grow(10_000))), expect: refused("deadline", "fuel", "memory")},
			{id: "table.fill_loop", title: "table.fill of 100,000 without end", guest: table(100_000, forever(fillTable)), expect: refused("deadline", "fuel", "memory", "protocol")},
			{id: "table.fill_straight", title: "2,000 table.fill of 100,000 in a straight line", guest: table(100_000, cat(asm.Times(2_000, fillTable), good())), expect: either("deadline", "fuel", "memory", "protocol")},
			{id: "table.copy_straight", title: "2,000 overlapping table.copy of 100,000 in a straight line", guest: table(100_000, cat(asm.Times(2_000, copyTable), good())), expect: either("deadline", "fuel", "memory", "protocol")},
			{id: "table.null", title: "call_indirect of an empty place", guest: withType(cat(asm.Const32(1), asm.CallIndirect, asm.TypeNone, 0, good())), expect: refused("trap"), twice: true},
			{id: "table.outside", title: "call_indirect beyond the table", guest: withType(cat(asm.Const32(-1), asm.CallIndirect, asm.TypeNone, 0, good())), expect: refused("trap")},
			{id: "table.type", title: "call_indirect of a function of another type", guest: withType(cat(asm.Const32(0), asm.CallIndirect, asm.TypeZero, 0, asm.Drop, good())), expect: refused("trap")},
		})
	for i := range out {
		switch out[i].ID {
		case "table.minimum_100m", "table.many", "table.fill_loop", "table.fill_straight", "table.copy_straight":
			out[i].Admit = either("memory", "protocol")
		}
	}
	return out
}

// trapCases are guests that end by a fault or by themselves.
func trapCases() []Case {
	traps := refused("trap")
	passive := func(code []byte) asm.Guest {
		g := calling(code)
		g.Data, g.DataCount = [][]byte{cat(1, "gone")}, true
		return g
	}
	dropped := cat(asm.Misc, asm.DataDrop, 0, asm.Const32(1024), asm.Const32(0), asm.Const32(4), asm.Misc, asm.MemoryInit, 0, 0)
	exits := func(code int32, alloc bool) asm.Guest {
		g := guest()
		g.Imports = []asm.Import{asm.ImportWASI("proc_exit", asm.TypeOne)}
		leave := cat(asm.Const32(code), asm.CallTo(0))
		if alloc {
			g.Alloc = cat(leave, asm.Const32(1024))
		} else {
			g.Call = cat(leave, good())
		}
		return g
	}
	const f32Const, i32TruncF32 = 0x43, 0xa8
	out := drafts("A trap ends the call with code trap and leaves the module as good as before.", sectionFail,
		"Throw the instance away after a trap, or restore it; never run on in it.", []draft{
			{id: "trap.unreachable", title: "unreachable", guest: calling([]byte{asm.Unreachable}), expect: traps, twice: true},
			{id: "trap.divide", title: "division by zero", guest: calling(cat(asm.Const32(1), asm.Const32(0), asm.I32DivS, asm.I64ExtendU)), expect: traps, twice: true},
			{id: "trap.overflow", title: "the smallest number divided by -1", guest: calling(cat(asm.Const32(-1<<31), asm.Const32(-1), asm.I32DivS, asm.I64ExtendU)), expect: traps},
			{id: "trap.convert", title: "NaN made an integer", guest: calling(cat(f32Const, []byte{0, 0, 0xc0, 0x7f}, i32TruncF32, asm.I64ExtendU)), expect: traps},
			{id: "trap.store", title: "a store at the end of 4 GiB", guest: calling(cat(asm.Const32(-1), asm.Const32(1), asm.I32Store8, 0, 0, good())), expect: traps},
			{id: "trap.load", title: "a load whose offset carries it beyond 4 GiB", guest: calling(cat(asm.Const32(-1), asm.I64Load, 0, asm.Uleb(0xffffffff))), expect: traps},
			{id: "trap.last_byte", title: "a load that begins at the last byte", guest: calling(cat(asm.Const32(2<<16-1), asm.I64Load, 0, 0)), expect: traps},
			{id: "trap.alloc", title: "plim_alloc traps", guest: func() asm.Guest { g := guest(); g.Alloc = []byte{asm.Unreachable}; return g }(), expect: traps, twice: true},
			{id: "trap.dropped", title: "memory.init of a segment that was dropped", guest: passive(cat(dropped, good())), expect: traps, twice: true},
		})
	return append(out, drafts("proc_exit ends the call with code exit, whatever the number.", sectionIn,
		"Ask what the guest did before you ask the engine why it stopped: engines report deadlines by exit codes, too.", []draft{
			{id: "exit.code_42", title: "proc_exit(42)", guest: exits(42, false), expect: refused("exit"), twice: true},
			{id: "exit.zero", title: "proc_exit(0)", guest: exits(0, false), expect: refused("exit")},
			{id: "exit.minus_one", title: "proc_exit(-1)", guest: exits(-1, false), expect: refused("exit")},
			{id: "exit.like_deadline", title: "proc_exit with the number by which an engine reports a deadline", guest: exits(-0x10000001, false), expect: refused("exit")},
			{id: "exit.alloc", title: "proc_exit in plim_alloc", guest: exits(1, true), expect: refused("exit"), twice: true},
		})...)
}
