package host

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/plimsoll-dev/plimsoll/conformance/asm"
)

const secret = 0x5ec4e75ec4e7

// stateCases leave something behind in a call of render, and look for it in calls
// of finish.
func stateCases() []Case {
	const refIsNull, i64x2Lane, v128Const, f64Bits = 0xd1, 29, 12, 0xbd
	write := store64(asm.Scratch, asm.Const64(secret))
	plain := func(left []byte) asm.Guest {
		return twoFaced(asm.Guest{}, left, load64(asm.Scratch))
	}
	pages := func(value []byte, n int32) []byte {
		return repeat(n, 3, cat(asm.Get, 3, asm.Const32(16), 0x74, value))
	}
	far := twoFaced(asm.Guest{Min: bigPages},
		pages(cat(asm.Const64(secret), asm.I64Store, 0, asm.Uleb(asm.Scratch)), bigPages-1),
		cat(pages(cat(asm.I64Load, 0, asm.Uleb(asm.Scratch), asm.Get, 4, asm.I64Or, asm.Set, 4), bigPages-1), asm.Get, 4))
	grown := twoFaced(asm.Guest{}, cat(asm.Const32(10), asm.MemoryGrow, 0, asm.Drop), cat(asm.MemorySize, 0, asm.I64ExtendU))
	content := twoFaced(asm.Guest{},
		cat(asm.Const32(10), asm.MemoryGrow, 0, asm.Drop, store64(11<<16, asm.Const64(secret))),
		cat(asm.Const32(10), asm.MemoryGrow, 0, asm.Drop, load64(11<<16)))
	count := telling(asm.Guest{}, cat(asm.GlobalGet, 0, asm.Const64(1), asm.I64Add, asm.GlobalSet, 0, asm.GlobalGet, 0))
	globals := func() asm.Guest {
		g := asm.Guest{Globals: [][]byte{
			cat(asm.TI32, 1, asm.Const32(0), asm.End),
			cat(asm.TF64, 1, asm.OpF64Const, make([]byte, 8), asm.End),
			cat(asm.TV128, 1, asm.Vector, v128Const, make([]byte, 16), asm.End),
			cat(asm.TFunc, 1, asm.RefNull, asm.TFunc, asm.End),
		}}
		// ref.func needs its function declared somewhere: an element that is only a declaration.
		g.Elements = [][]byte{cat(3, 0, asm.List([]byte{0}))}
		left := cat(asm.Const32(1), asm.GlobalSet, 1,
			asm.OpF64Const, []byte("\x00\x00\x00\x00\x00\x00\xf0\x3f"), asm.GlobalSet, 2,
			asm.Vector, v128Const, asm.Times(16, []byte{7}), asm.GlobalSet, 3,
			asm.RefFunc, 0, asm.GlobalSet, 4)
		right := cat(asm.GlobalGet, 1, asm.I64ExtendU, asm.GlobalGet, 2, f64Bits, asm.I64Or,
			asm.GlobalGet, 3, asm.Vector, i64x2Lane, 0, asm.I64Or,
			asm.GlobalGet, 4, refIsNull, asm.I32Eqz, asm.I64ExtendU, asm.I64Or)
		return twoFaced(g, left, right)
	}
	exported := func() asm.Guest {
		g := twoFaced(asm.Guest{}, cat(asm.Const64(secret), asm.GlobalSet, 0), cat(asm.GlobalGet, 0))
		g.Exports = [][]byte{cat("counter", 3, 0)}
		return g
	}
	// Funcs[0] writes digits; Funcs[1] and [2] answer 1 and 2 in the table.
	tables := func(left, right []byte) asm.Guest {
		g := asm.Guest{
			Tables: [][]byte{funcTable(4)},
			Funcs:  []asm.Func{{Type: asm.TypeZero, Code: asm.Const32(1)}, {Type: asm.TypeZero, Code: asm.Const32(2)}},
		}
		g.Elements = [][]byte{element(g.Index(1)), cat(1, 0, asm.List(asm.Uleb(uint64(g.Index(2)))))}
		return twoFaced(g, left, right)
	}
	two := asm.Guest{}
	ask := cat(asm.Const32(0), asm.CallIndirect, asm.TypeZero, 0, asm.I64ExtendU)
	initTable := cat(asm.Const32(0), asm.Const32(0), asm.Const32(1), asm.Misc, asm.TableInit, 1, 0)
	data := func(left, right []byte) asm.Guest {
		return twoFaced(asm.Guest{Data: [][]byte{cat(1, "abcdefgh")}, DataCount: true}, left, right)
	}
	initData := cat(asm.Const32(asm.Scratch), asm.Const32(0), asm.Const32(8), asm.Misc, asm.MemoryInit, 0, 0)
	exiting := asm.Guest{Imports: []asm.Import{asm.ImportWASI("proc_exit", asm.TypeOne)}}
	asking := asm.Guest{Imports: []asm.Import{asm.ImportHost(), asm.ImportRead()}}
	asksAndReads := twoFaced(asking,
		cat(asm.Const32(0), asm.Const32(0), asm.Const32(0), asm.CallTo(0), asm.Drop),
		cat(asm.Const32(asm.Scratch), asm.Const32(100), asm.CallTo(1), asm.I64ExtendU))
	recursing := func() asm.Guest {
		g := asm.Guest{}
		return twoFaced(g, cat(write, asm.Get, 0, asm.Get, 1, asm.Get, 2, asm.CallTo(g.Index(-2)), asm.Drop), load64(asm.Scratch))
	}
	tail := func() asm.Guest { // what call A was given must not lie behind the input of call B
		return twoFaced(asm.Guest{}, nil, load64(asm.AllocAt+300))
	}

	type leak struct {
		id, title string
		guest     asm.Guest
		left      Expect // of render
		want      uint64 // of finish
	}
	any := Expect{OK: true}
	list := []leak{
		{"state.memory", "a number in memory", plain(write), any, 0},
		{"state.far_pages", "a number in each of 900 pages", far, either("deadline", "fuel"), 0},
		{"state.grown", "memory that grew", grown, any, 2},
		{"state.grown_content", "a number in memory that grew, and grows again", content, any, 0},
		{"state.globals", "globals of every type", globals(), any, 0},
		{"state.exported_global", "a global that is exported", exported(), any, 0},
		{"state.table", "another function in a table", tables(cat(asm.Const32(0), asm.RefFunc, asm.Uleb(uint64(two.Index(2))), asm.TableSet, 0), ask), any, 1},
		{"state.table_grown", "a table that grew", tables(cat(asm.RefNull, asm.TFunc, asm.Const32(3), asm.Misc, asm.TableGrow, 0, asm.Drop), cat(asm.Misc, asm.TableSize, 0, asm.I64ExtendU)), any, 4},
		{"state.table_init", "a table that was written by table.init", tables(initTable, ask), any, 1},
		{"state.element_dropped", "an element segment that was dropped", tables(cat(asm.Misc, asm.ElemDrop, 1), cat(initTable, ask)), any, 2},
		{"state.data_dropped", "a data segment that was dropped", data(cat(asm.Misc, asm.DataDrop, 0), cat(initData, load64(asm.Scratch))), any, 0x6867666564636261},
		{"state.trap", "a number in memory, then a trap", plain(cat(write, asm.Unreachable)), refused("trap"), 0},
		{"state.deadline", "a number in memory, then a loop", plain(cat(write, forever(nil))), refused("deadline", "fuel"), 0},
		{"state.stack", "a number in memory, then recursion", recursing(), refused("stack", "deadline", "fuel"), 0},
		{"state.exit", "a number in memory, then proc_exit", twoFaced(exiting, cat(write, asm.Const32(0), asm.CallTo(0)), load64(asm.Scratch)), refused("exit"), 0},
		{"state.bad_answer", "a number in memory, then an answer that is none", plain(cat(write, asm.Const64(0), asm.Return)), refused("protocol"), 0},
		{"state.host_answer", "an answer of the host that nobody read", asksAndReads, any, 0},
		{"state.input", "a long input", tail(), any, 0},
	}
	var out []Case
	for _, l := range list {
		c := Case{ID: l.id, Title: l.title + ", left behind", Says: saysOneCall, Section: sectionCall, Do: doRestore, Admit: Expect{OK: true}, wasm: l.guest.Bytes()}
		left, right := render(l.left), finish(answers(hex(l.want)))
		if l.id == "state.input" {
			left.Input = json.RawMessage(`{"format":"` + strings.Repeat("secret", 200) + `","input":1,"output":1}`)
		}
		again := right
		again.Expect.SameAs = 1
		c.Calls = []Call{right, left, again, again, left, left, again}
		out = append(out, c)
	}
	counting := Case{ID: "state.count", Title: "a global that counts calls, 50 times", Says: saysOneCall, Section: sectionCall, Do: doRestore, Admit: Expect{OK: true}, wasm: count.Bytes()}
	for n := range 50 {
		c := finish(answers(hex(1)))
		if n > 0 {
			c.Expect.SameAs = 1
		}
		counting.Calls = append(counting.Calls, c)
	}
	// One module fills its memory with a secret, another looks for it in its own.
	other := Case{
		ID: "state.other_module", Title: "memory that another module had before", Says: saysOneCall, Section: sectionCall,
		Do: "Clear a memory before another module gets it.", Admit: Expect{OK: true},
		wasm: func() []byte { g := telling(asm.Guest{}, load64(asm.Scratch)); return g.Bytes() }(),
	}
	for range 3 {
		left := render(Expect{OK: true})
		left.Module = "state.memory.wasm"
		other.Calls = append(other.Calls, left, finish(answers(hex(0))))
	}
	return append(out, counting, other)
}

// hostCases are about what a guest may ask of its host.
func hostCases() []Case {
	const keyAt, key = 800, `{"key":"a"}`
	imports := func() asm.Guest {
		return asm.Guest{
			Imports: []asm.Import{asm.ImportHost(), asm.ImportRead()},
			Data:    [][]byte{cat(0, asm.Const32(keyAt), asm.End, key)},
		}
	}
	with := func(manifest string) asm.Guest {
		g := imports()
		g.Manifest = manifest
		return g
	}
	asks := func(op int32) []byte {
		return cat(asm.Const32(op), asm.Const32(keyAt), asm.Const32(int32(len(key))), asm.CallTo(0))
	}
	errorBit := func(ask []byte) []byte {
		return cat(ask, asm.Const64(31), asm.I64ShrU, asm.Const64(1), asm.I64And)
	}
	// passOn answers with the host's own failure as the guest's.
	passOn := func(g asm.Guest, ask []byte) asm.Guest {
		g.Call = cat(ask, asm.Drop, asm.Const32(asm.Scratch), asm.Const32(4096), asm.CallTo(1), asm.I64ExtendU,
			asm.Const64(asm.Pack(asm.Scratch, 0, true)), asm.I64Or)
		return g
	}
	inInit := func() asm.Guest {
		g := imports()
		g.Init = cat(errorBit(asks(0)), asm.GlobalSet, 0)
		return telling(g, cat(asm.GlobalGet, 0))
	}
	inAlloc := func() asm.Guest {
		g := imports()
		g.Alloc = cat(errorBit(asks(0)), asm.GlobalSet, 0, asm.Const32(asm.AllocAt))
		return telling(g, cat(asm.GlobalGet, 0))
	}
	readFrom := func(at, n int32) []byte {
		return cat(asks(0), asm.Drop, asm.Const32(at), asm.Const32(n), asm.CallTo(1), asm.I64ExtendU)
	}
	outside := cat(asm.Const32(2), asm.Const32(-16), asm.Const32(100), asm.CallTo(0))
	capability := Expect{GuestCodes: []string{"capability"}}
	const doHost = "Refuse every host op but 0 that was not granted, and all of them while the module is initialised or allocates."
	out := drafts("Host op 0 lists what this host offers. Every other op is a capability; a refusal has the error bit and the code capability. During _initialize and plim_alloc every host op is refused.",
		sectionIn, doHost, []draft{
			{id: "host.list", title: "host op 0 is answered", guest: telling(imports(), errorBit(asks(0))), expect: answers(hex(0))},
			{id: "host.not_granted", title: "kv.get without a grant", guest: passOn(with(allOps), asks(2)), expect: capability},
			{id: "host.generate_not_granted", title: "model.generate without a grant", guest: passOn(with(allOps), asks(1)), expect: capability},
			{id: "host.unknown", title: "host op 999", guest: passOn(with(allOps), asks(999)), expect: capability},
			{id: "host.negative", title: "host op -1", guest: passOn(with(allOps), asks(-1)), expect: capability},
			{id: "host.in_initialize", title: "host op 0 in _initialize", guest: inInit(), expect: answers(hex(1))},
			{id: "host.in_alloc", title: "host op 0 in plim_alloc", guest: inAlloc(), expect: answers(hex(1))},
			{id: "host.read_outside", title: "host_read to a place outside of memory", guest: telling(imports(), readFrom(-16, 100)), expect: answers(hex(0xffffffff))},
			{id: "host.read_part", title: "host_read of three bytes", guest: telling(imports(), readFrom(asm.Scratch, 3)), expect: answers(hex(3))},
			{id: "host.read_nothing", title: "host_read before any host op", guest: telling(imports(), cat(asm.Const32(asm.Scratch), asm.Const32(100), asm.CallTo(1), asm.I64ExtendU)), expect: answers(hex(0))},
			{id: "host.payload_outside", title: "a payload outside of memory", guest: telling(imports(), errorBit(outside)), expect: Expect{OK: true, Answer: json.RawMessage(hex(1)), Codes: []string{"protocol", "trap"}}},
		})
	offer := map[string]Offer{"2": {Answer: json.RawMessage(`{"found":true,"value":"é"}`)}}
	run := func(id, title string, g asm.Guest, op int32, e Expect) Case {
		input := json.RawMessage(`{"input":1}`)
		if op == opFinish {
			input = json.RawMessage(finishInput)
		}
		return Case{
			ID: id, Title: title, Says: "Host capabilities are open in op run alone, and only those that were granted.", Section: sectionIn, Do: doHost,
			Needs: []string{FeatureOffers}, Admit: Expect{OK: true}, wasm: g.Bytes(), Calls: []Call{{Op: op, Input: input, Offers: offer, Expect: e}},
		}
	}
	flood := with(runOps)
	flood.Call = forever(cat(asks(2), asm.Drop))
	return append(out,
		run("host.granted", "kv.get with a grant, in op run", telling(with(runOps), errorBit(asks(2))), opRun, answers(hex(0))),
		run("host.other_grant", "kv.put where only kv.get is granted", passOn(with(runOps), asks(3)), opRun, capability),
		run("host.other_op", "kv.get with a grant, in op finish", passOn(with(runOps), asks(2)), opFinish, capability),
		run("host.granted_flood", "kv.get with a grant, without end", flood, opRun, refused("deadline", "fuel", "capability")),
	)
}

// wasiCases are about what toolchains link in: a world that is empty and always
// the same.
func wasiCases() []Case {
	const subscriptionAt, eventAt, day = 40_000, 41_000, 86_400_000_000_000
	wasi := func(value []byte, imports ...asm.Import) asm.Guest {
		return telling(asm.Guest{Imports: imports}, value)
	}
	clock := func(id int32, at int32) []byte {
		return cat(asm.Const32(id), asm.Const64(0), asm.Const32(at), asm.CallTo(0), asm.Drop)
	}
	random := cat(asm.Const32(asm.Scratch), asm.Const32(8), asm.CallTo(0), asm.Drop, load64(asm.Scratch))
	sizes := cat(asm.Const32(asm.Scratch), asm.Const32(asm.Scratch+4), asm.CallTo(0), asm.I64ExtendU, load64(asm.Scratch), asm.I64Or)
	// A subscription to the clock: userdata, tag 0, clock 0, a day.
	sleep := cat(store64(subscriptionAt+24, asm.Const64(day)),
		asm.Const32(subscriptionAt), asm.Const32(eventAt), asm.Const32(1), asm.Const32(eventAt+100), asm.CallTo(1), asm.I64ExtendU)
	poll := asm.ImportWASI("poll_oneoff", asm.TypeFour)
	now := asm.ImportWASI("clock_time_get", asm.TypeClock)
	list := []draft{
		{id: "wasi.clock", title: "the clock says the time of the request", guest: wasi(cat(clock(0, asm.Scratch), load64(asm.Scratch)), now), expect: answers(hex(noonNanos))},
		{id: "wasi.clock_stands", title: "the clock does not go on while the guest computes", guest: wasi(cat(clock(0, asm.Scratch), repeat(100_000, 3, []byte{asm.Nop}), clock(0, asm.Scratch+8), load64(asm.Scratch+8), load64(asm.Scratch), 0x7d), now), expect: answers(hex(0))},
		{id: "wasi.sleep", title: "a sleep of a day returns at once, and the clock goes on by it", guest: wasi(cat(sleep, asm.Drop, clock(0, asm.Scratch), load64(asm.Scratch)), now, poll), expect: answers(hex(noonNanos + day))},
		{id: "wasi.arguments", title: "there are no arguments", guest: wasi(sizes, asm.ImportWASI("args_sizes_get", asm.TypeRead)), expect: answers(hex(0))},
		{id: "wasi.environment", title: "there is no environment", guest: wasi(sizes, asm.ImportWASI("environ_sizes_get", asm.TypeRead)), expect: answers(hex(0))},
		{id: "wasi.folders", title: "there are no folders", guest: wasi(cat(asm.Const32(3), asm.Const32(asm.Scratch), asm.CallTo(0), asm.I64ExtendU), asm.ImportWASI("fd_prestat_get", asm.TypeRead)), expect: answers(hex(8))},
		{id: "wasi.random", title: "random numbers come from the seed", guest: wasi(random, asm.ImportWASI("random_get", asm.TypeRead)), expect: Expect{OK: true}},
		{id: "wasi.random_outside", title: "random numbers to a place outside of memory", guest: wasi(cat(asm.Const32(-16), asm.Const32(100), asm.CallTo(0), asm.I64ExtendU), asm.ImportWASI("random_get", asm.TypeRead)), expect: either("trap")},
	}
	out := drafts("WASI preview 1 is tolerated: clocks say the time of the request, random numbers come from its seed, there are no arguments, environment, files.", sectionIn,
		"Answer WASI with stubs of your own; never hand over the machine's clock, randomness or files.", list)
	for i := range out {
		c := &out[i]
		c.Calls[0].Time, c.Calls[0].Seed = noon, []byte("seed")
		again := c.Calls[0]
		again.Expect.SameAs = 1
		c.Calls = append(c.Calls, again)
		c.Again = []string{"drop", "restart"}
		if c.ID == "wasi.random" {
			other := c.Calls[0]
			other.Seed, other.Expect.DiffersAs = []byte("other"), 1
			c.Calls = append(c.Calls, other)
		}
	}
	return out
}

// sameCases are about equal calls: equal answers, equal fuel, in another call,
// after another admission and in another process.
func sameCases() []Case {
	work := telling(asm.Guest{}, cat(
		repeat(20_000, 3, cat(asm.Get, 4, asm.Const64(6364136223846793005), 0x7e, asm.Const64(1442695040888963407), asm.I64Add, asm.Set, 4)), asm.Get, 4))
	floats := telling(asm.Guest{}, cat(
		asm.OpF64Const, []byte("\x00\x00\x00\x00\x00\x00\x00\x40"), asm.F64Sqrt, asm.OpF64Const, []byte("\x00\x00\x00\x00\x00\x00\x08\x40"), asm.F64Sqrt, asm.F64Mul,
		asm.OpF64Const, []byte("\x9a\x99\x99\x99\x99\x99\xb9\x3f"), asm.F64Div, 0xbd))
	root, tenth := math.Sqrt, 0.1
	bulk := telling(asm.Guest{Min: 20}, cat(
		asm.Const32(1<<16), asm.Const32(7), asm.Const32(1<<20), asm.Misc, asm.MemoryFill, 0,
		asm.Const32(1<<17), asm.Const32(1<<16), asm.Const32(1<<19), asm.Misc, asm.MemoryCopy, 0, 0, load64(1<<17)))
	grows := telling(asm.Guest{}, cat(asm.Const32(100), asm.MemoryGrow, 0, asm.I64ExtendU))
	out := drafts("Given the same module, input, time, seed and host answers, a guest's answer is the same on every machine, and so is its fuel.", sectionIn,
		"Let nothing into a call that is not in the request: no clock, no address, no map order, no state of an earlier call.", []draft{
			{id: "same.work", title: "20,000 steps of arithmetic", guest: work, expect: Expect{OK: true}},
			{id: "same.floats", title: "square roots and divisions", guest: floats, expect: answers(hex(math.Float64bits(root(2) * root(3) / tenth)))},
			{id: "same.bulk", title: "bulk memory", guest: bulk, expect: answers(hex(0x0707070707070707))},
			{id: "same.grows", title: "memory that grows", guest: grows, expect: answers(hex(2))},
		})
	for i := range out {
		again := out[i].Calls[0]
		again.Expect.SameAs = 1
		out[i].Calls = append(out[i].Calls, again, again)
		out[i].Again = []string{"drop", "restart"}
	}
	return out
}

// loadCases are many calls at once, and many admissions one after another.
func loadCases() []Case {
	length := telling(asm.Guest{}, cat(store64(asm.Scratch, asm.Const64(secret)), repeat(50_000, 3, []byte{asm.Nop}), asm.Get, 2, asm.I64ExtendU))
	crossed := Case{
		ID: "load.parallel", Title: "64 calls at once, each with another input", Says: saysOneCall, Section: sectionCall,
		Do:    "Give every call an instance of its own; nothing of a call may stand in what calls share.",
		Needs: []string{FeatureParallel}, Parallel: true, Admit: Expect{OK: true}, wasm: length.Bytes(),
		Limits: Limits{TimeoutMS: 2000}, Bounds: Bounds{CallMillis: 10_000, RSSMiB: 256},
	}
	mixed := Case{
		ID: "load.mixed", Title: "16 calls that do not end, and 16 that do, at once", Says: saysBudget, Section: sectionFail,
		Do:    "A guest that spins may not keep others from running: bound how many run, and take turns.",
		Needs: []string{FeatureParallel}, Parallel: true, Admit: Expect{OK: true},
		wasm:   func() []byte { g := twoFaced(asm.Guest{}, forever(nil), asm.Const64(7)); return g.Bytes() }(),
		Bounds: Bounds{CallMillis: 8_000, RSSMiB: 512},
	}
	for n := range 64 {
		input := fmt.Sprintf(`{"completion":"%s","input":1}`, strings.Repeat("x", n))
		crossed.Calls = append(crossed.Calls, Call{Op: opFinish, Input: json.RawMessage(input), Expect: answers(hex(uint64(len(input))))})
	}
	for range 16 {
		mixed.Calls = append(mixed.Calls, render(refused("deadline", "fuel")), finish(answers(hex(7))))
	}
	g := guest()
	churn := func(id, title string, rounds int, distinct bool) Case {
		return Case{
			ID: id, Title: title, Says: "What was admitted and dropped is given back.", Section: "design page sandbox, Hostile cases",
			Do: "Free compiled code, memories and records of a module when nobody uses it any more.", Admit: Expect{OK: true}, wasm: g.Bytes(),
			Calls: []Call{finish(answers(okAnswer))}, Churn: &Churn{Rounds: rounds, Distinct: distinct, GrowMiB: 48},
		}
	}
	return []Case{crossed, mixed,
		churn("load.admissions", "10,000 admissions of one module in a row", 10_000, false),
		churn("load.modules", "300 modules, each another one, in a row", 300, true),
	}
}
