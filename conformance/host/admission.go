package host

import (
	"strings"

	"github.com/plimsoll-dev/plimsoll/conformance/asm"
)

// admitCases are modules that must be refused before anything of them runs.
func admitCases() []Case {
	with := func(change func(*asm.Guest)) asm.Guest {
		g := guest()
		change(&g)
		return g
	}
	importing := func(imports ...asm.Import) asm.Guest {
		return with(func(g *asm.Guest) { g.Imports = imports })
	}
	raw := func(b ...any) asm.Guest {
		return with(func(g *asm.Guest) { g.RawImports = cat(b...) })
	}
	renamed := func(from, to string) asm.Guest {
		return with(func(g *asm.Guest) { g.Rename = map[string]string{from: to} })
	}
	manifest := func(text string) asm.Guest {
		return with(func(g *asm.Guest) { g.Manifest = text })
	}
	memory := func(parts ...any) asm.Guest {
		return with(func(g *asm.Guest) { g.MemoryType = cat(parts...) })
	}
	whole := func() []byte { g := guest(); return g.Bytes() }

	out := refusals("A skill's code is one core WASM module with the exports of this page.", sectionOut,
		"Check header, sections and exports before compiling, and answer with code protocol.", []draft{
			{id: "admit.empty", title: "an empty file", raw: []byte{}, expect: refused("protocol")},
			{id: "admit.text", title: "a shell script", raw: []byte("#!/bin/sh\necho hello\n"), expect: refused("protocol")},
			{id: "admit.header_only", title: "a header and nothing else", raw: []byte(asm.Header), expect: refused("protocol")},
			{id: "admit.component", title: "a component", raw: []byte("\x00asm\x0d\x00\x01\x00"), expect: refused("protocol")},
			{id: "admit.cut_off", title: "half a module", raw: whole()[:len(whole())/2], expect: refused("protocol")},
			{id: "admit.nonsense", title: "a section of nonsense", raw: cat([]byte(asm.Header), asm.Section(asm.SecType, []byte{9, 9, 9})), expect: refused("protocol")},
			{id: "admit.order", title: "sections out of order", raw: cat(whole(), asm.Section(asm.SecType, []byte{0})), expect: refused("protocol")},
			{id: "admit.long_number", title: "a section length of 2^35", raw: cat([]byte(asm.Header), 1, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0x01}), expect: refused("protocol")},
			{id: "admit.type_error", title: "code that does not validate", guest: calling(cat(asm.I64Add)), expect: refused("protocol")},
			{id: "admit.locals_4g", title: "a function with 4,294,967,295 locals", guest: with(func(g *asm.Guest) { g.CallLocal = asm.Locals(0xffffffff, asm.TI64) }), expect: refused("protocol", "memory")},
			{id: "admit.locals_overflow", title: "locals whose sum overflows 32 bits", guest: with(func(g *asm.Guest) {
				g.CallLocal = cat(2, asm.Uleb(0xffffffff), asm.TI64, asm.Uleb(0xffffffff), asm.TI64)
			}), expect: refused("protocol", "memory")},
			{id: "admit.list_length", title: "a list that says it has 2^32-1 entries", raw: cat([]byte(asm.Header), asm.Section(asm.SecType, asm.Uleb(0xffffffff))), expect: refused("protocol", "memory")},
			{id: "admit.no_marker", title: "no marker", guest: renamed("plim_abi_1", ""), expect: refused("protocol")},
			{id: "admit.other_version", title: "a marker of another version", guest: renamed("plim_abi_1", "plim_abi_2"), expect: refused("protocol")},
			{id: "admit.no_memory", title: "the memory has another name", guest: renamed("memory", "ram"), expect: refused("protocol")},
			{id: "admit.no_alloc", title: "no plim_alloc", guest: renamed("plim_alloc", ""), expect: refused("protocol")},
			{id: "admit.no_call", title: "no plim_call", guest: renamed("plim_call", ""), expect: refused("protocol")},
			{id: "admit.call_type", title: "plim_call takes nothing", guest: with(func(g *asm.Guest) { g.CallType = asm.FuncType(nil, []byte{asm.TI64}) }), expect: refused("protocol")},
			{id: "admit.reserved_func", title: "exports __plim_fuel, a function", guest: with(func(g *asm.Guest) { g.Exports = [][]byte{cat("__plim_fuel", 0, 1)} }), expect: refused("protocol")},
			{id: "admit.reserved_global", title: "exports __plim_fuel, a global that it could refill", guest: with(func(g *asm.Guest) { g.Exports = [][]byte{cat("__plim_fuel", 3, 0)} }), expect: refused("protocol")},
			{id: "admit.reserved_start", title: "exports __plim_start", guest: with(func(g *asm.Guest) { g.Exports = [][]byte{cat("__plim_start", 0, 0)} }), expect: refused("protocol")},
			{id: "admit.two_memories", title: "two memories", guest: memory(2, 0, 1, 0, 1), expect: refused("protocol", "memory")},
			{id: "admit.shared_memory", title: "a shared memory (threads)", guest: memory(1, 3, 1, 2), expect: refused("protocol", "memory")},
			{id: "admit.memory64", title: "a memory of 64 bits", guest: memory(1, 4, 1), expect: refused("protocol", "memory")},
			{id: "admit.tail_call", title: "tail calls, which would escape a count of depth", guest: calling(cat(asm.Get, 0, asm.Get, 1, asm.Get, 2, asm.ReturnCall, 2)), expect: refused("protocol")},
		})
	out = append(out, refusals("A module that imports anything else is refused, by name.", sectionIn,
		"Compare the import section with the allow-list before compiling, and answer with code capability.", []draft{
			{id: "admit.import_env", title: "imports env.open", guest: importing(asm.Import{Module: "env", Name: "open"}), expect: refused("capability")},
			{id: "admit.import_unknown", title: "imports net.connect", guest: importing(asm.Import{Module: "net", Name: "connect"}), expect: refused("capability")},
			{id: "admit.import_plim", title: "imports plim.fetch, which is not there", guest: importing(asm.Import{Module: "plim", Name: "fetch"}), expect: refused("capability")},
			{id: "admit.import_rt", title: "imports what a host may add for itself", guest: importing(asm.Import{Module: "plim_rt", Name: "yield"}), expect: refused("capability", "protocol")},
			{id: "admit.import_wasi", title: "imports a function that WASI preview 1 does not have", guest: importing(asm.ImportWASI("fd_open", asm.TypeNone)), expect: refused("capability")},
			{id: "admit.import_socket", title: "imports a socket of a later WASI", guest: importing(asm.Import{Module: "wasi:sockets/tcp@0.2.0", Name: "connect"}), expect: refused("capability")},
			{id: "admit.import_signature", title: "imports plim.host with a wrong signature", guest: importing(asm.Import{Module: "plim", Name: "host", Type: asm.TypeNone}), expect: refused("capability", "protocol")},
			{id: "admit.import_memory", title: "imports a memory", guest: raw(1, "plim", "memory", 2, 0, 1), expect: refused("capability", "protocol")},
			{id: "admit.import_global", title: "imports a global", guest: raw(1, "plim", "g", 3, asm.TI32, 0), expect: refused("capability")},
			{id: "admit.import_table", title: "imports a table", guest: raw(1, "plim", "t", 1, asm.TFunc, 0, 1), expect: refused("capability")},
		})...)
	out = append(out, refusals("Limits above the host's are refused; so is a manifest with a member that this page does not have.", sectionMan,
		"Read the manifest before compiling; refuse what it asks for beyond the limits, and what it says beyond the page.", []draft{
			{id: "admit.manifest_version", title: "a manifest of another version", guest: manifest(`{"abi":9,"ops":["finish"]}`), expect: refused("protocol", "schema")},
			{id: "admit.manifest_member", title: "a manifest with a member that nobody knows", guest: manifest(`{"abi":1,"ops":["finish"],"sudo":true}`), expect: refused("protocol", "schema")},
			{id: "admit.manifest_op", title: "a manifest with an op that nobody knows", guest: manifest(`{"abi":1,"ops":["destroy"]}`), expect: refused("protocol", "schema")},
			{id: "admit.manifest_json", title: "a manifest that is no JSON", guest: manifest(`{"abi":1,`), expect: refused("protocol", "schema")},
			{id: "admit.manifest_nested", title: "a manifest of 500,000 brackets", guest: manifest(strings.Repeat("[", 500_000)), expect: refused("protocol", "schema")},
			{id: "admit.manifest_twice", title: "two manifests", guest: with(func(g *asm.Guest) { g.Tail = asm.Custom("plim.manifest", []byte(allOps)) }), expect: refused("protocol", "schema")},
			{id: "admit.manifest_memory", title: "asks for more memory than there is", guest: manifest(`{"abi":1,"ops":["finish"],"limits":{"memory_mib":4096}}`), expect: refused("memory")},
			{id: "admit.manifest_time", title: "asks for a day", guest: manifest(`{"abi":1,"ops":["finish"],"limits":{"timeout_ms":86400000}}`), expect: refused("deadline")},
			{id: "admit.manifest_output", title: "asks for answers of 1 GiB", guest: manifest(`{"abi":1,"ops":["finish"],"limits":{"output_bytes":1073741824}}`), expect: refused("output_limit")},
			{id: "admit.memory_4gib", title: "begins with 4 GiB of memory", guest: with(func(g *asm.Guest) { g.Min = 65536 }), expect: refused("memory")},
			{id: "admit.memory_over", title: "begins with one page more than the limit", guest: with(func(g *asm.Guest) { g.Min = 1025 }), expect: refused("memory")},
			{id: "admit.memory_maximum", title: "declares a maximum of 4 GiB and does not use it", guest: with(func(g *asm.Guest) { g.Max = 65536 }), expect: either()},
		})...)
	return out
}

// initCases are modules that misbehave before they are called. A host may run
// them at admission or at the first call.
func initCases() []Case {
	list := func() []draft {
		stops := []string{"deadline", "fuel"}
		begin := func(code, locals []byte, start bool, min uint64) asm.Guest {
			g := guest()
			g.Init, g.InitLocal, g.Min = code, locals, min
			if start {
				g.Start = g.Index(-1)
				g.Rename = map[string]string{"_initialize": ""}
			}
			return g
		}
		touchAll := cat(asm.Const32(800), asm.MemoryGrow, 0, asm.Drop,
			asm.Const32(2<<16), asm.Const32(1), asm.Const32(800<<16), asm.Misc, asm.MemoryFill, 0)
		exit := func() asm.Guest {
			g := begin(nil, nil, false, 0)
			g.Imports = []asm.Import{asm.ImportWASI("proc_exit", asm.TypeOne)}
			g.Init = cat(asm.Const32(3), asm.CallTo(0))
			return g
		}
		outside := guest()
		outside.Data = [][]byte{cat(0, asm.Const32(-8), asm.End, "beyond the end")}
		recursion := begin(nil, nil, false, 0)
		recursion.Init = asm.CallTo(recursion.Index(-1))
		startRecursion := begin([]byte{asm.Nop}, nil, true, 0)
		startRecursion.Init = asm.CallTo(startRecursion.Index(-1))
		startBomb := begin([]byte{asm.Nop}, nil, true, 0)
		startBomb.Funcs = callBomb(&startBomb, 60, nil)
		startBomb.Init = asm.CallTo(startBomb.Index(0))
		return []draft{
			{id: "init.spin", title: "_initialize does not end", guest: begin(forever(nil), nil, false, 0), expect: refused(stops...)},
			{id: "init.start_spin", title: "the start section does not end", guest: begin(forever(nil), nil, true, 0), expect: refused(stops...)},
			{id: "init.start_call_bomb", title: "the start section calls without end and without loops", guest: startBomb, expect: refused(stops...)},
			{id: "init.start_fill", title: "the start section fills 56 MiB again and again", guest: begin(forever(fill(bigBytes)), nil, true, bigPages), expect: refused(stops...)},
			{id: "init.start_grow", title: "the start section grows to 50 MiB, writes all of it, and ends", guest: begin(touchAll, nil, true, 0), expect: either("memory", "deadline", "fuel"), bounds: Bounds{RSSMiB: 2*64 + overRSSMiB}},
			{id: "init.start_grow_spin", title: "the start section grows by pages without end", guest: begin(forever(cat(asm.Const32(1), asm.MemoryGrow, 0, asm.Drop)), nil, true, 0), expect: refused("deadline", "fuel", "memory")},
			{id: "init.start_trap", title: "the start section traps", guest: begin([]byte{asm.Unreachable}, nil, true, 0), expect: refused("trap")},
			{id: "init.trap", title: "_initialize traps", guest: begin([]byte{asm.Unreachable}, nil, false, 0), expect: refused("trap")},
			{id: "init.recursion", title: "_initialize calls itself", guest: recursion, expect: refused("stack"), limits: Limits{TimeoutMS: 2000}},
			{id: "init.start_recursion", title: "the start section calls itself", guest: startRecursion, expect: refused("stack"), limits: Limits{TimeoutMS: 2000}},
			{id: "init.data_outside", title: "a data segment outside of memory", guest: outside, expect: refused("protocol", "trap")},
			{id: "init.exit", title: "_initialize exits", guest: exit(), expect: refused("exit")},
		}
	}()
	out := drafts("The host calls _initialize once, before anything else; what runs there has limits too.", sectionOut,
		"Run the start section and _initialize under fuel, depth and a deadline; WebAssembly engines run the start section when they instantiate, so move it behind an export.", list)
	for i := range out {
		// Where it is refused is the host's choice, that it is refused is not.
		out[i].Admit = Expect{OK: true, Codes: list[i].expect.Codes}
	}
	return out
}

// callBomb makes functions that call the next one twice; the last runs leaf.
// Funcs already in g stay before them.
func callBomb(g *asm.Guest, depth int, leaf []byte) []asm.Func {
	out := g.Funcs
	for n := range depth {
		next := asm.CallTo(g.Index(len(g.Funcs) + n + 1))
		out = append(out, asm.Func{Type: asm.TypeNone, Code: cat(leaf, next, next)})
	}
	return append(out, asm.Func{Type: asm.TypeNone, Code: cat(leaf, asm.Nop)})
}
