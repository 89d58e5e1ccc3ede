package wasmbin_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/plimsoll-dev/plimsoll/core/sandbox/wasmbin"
)

func meter(t *testing.T, m *wasmbin.Module) *wasmbin.Metered {
	t.Helper()
	out, err := wasmbin.Meter(m.Encode(), wasmbin.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestGenerated runs programs that nobody wrote before and after metering.
func TestGenerated(t *testing.T) {
	r := rand.New(rand.NewPCG(rand.Uint64(), 1))
	for range 60 {
		src := make([]byte, 30+r.IntN(1500))
		for i := range src {
			src[i] = byte(r.Uint32())
		}
		same(t, (&generator{src: src}).module().Encode())
		if t.Failed() {
			t.Fatalf("the program of %x", src)
		}
	}
}

// TestBulk: the instructions that work on ranges of memory and tables do the
// same in pieces, and trap for the same ranges before they write.
func TestBulk(t *testing.T) {
	three := types(3, i32)
	bulk := func(name string, code ...any) fn {
		return fn{export: name, params: three, code: cat(get(0), get(1), get(2), cat(code...))}
	}
	m := program(24,
		bulk("fill", opMisc, 11, 0),
		bulk("copy", opMisc, 10, 0, 0),
		bulk("init", opMisc, 8, 0, 0),
		fn{export: "drop", code: cat(opMisc, 9, 0)},
		bulk("tinit", opMisc, 12, 1, 0),
		bulk("tcopy", opMisc, 14, 0, 0),
		fn{export: "tfill", params: three, code: cat(get(0), opRefNull, 0x70, get(2), opMisc, 17, 0)},
		fn{export: "tgrow", params: three, results: types(1, i32), code: cat(opRefNull, 0x70, get(2), opMisc, 15, 0)},
		fn{export: "grow", params: three, results: types(1, i32), code: cat(get(2), opMemoryGrow, 0)},
	)
	m.Memories[0].Max, m.Memories[0].HasMax = 30, true
	m.Tables[0].Max, m.Tables[0].HasMax = 40, true
	m.Data = []wasmbin.Segment{{Mode: 1, Data: []byte(strings.Repeat("0123456789abcdef", 50_000))}}
	m.DataCount, m.HasCount = 1, true
	m.Elements = append(m.Elements, wasmbin.Element{Mode: 1, Type: wasmbin.FuncRef, Funcs: []uint32{3, 2, 1}})
	out := meter(t, m)
	a, b := newWorld(t, wazero.NewRuntimeConfigCompiler()), newWorld(t, wazero.NewRuntimeConfigCompiler())
	plain, err := a.instantiate("", m.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	metered, err := b.instantiate("", out.Code, &out.Facts)
	if err != nil {
		t.Fatal(err)
	}
	const size = 24 << 16
	lengths := []uint64{0, 1, 4095, 4096, 4097, 256 << 10, 256<<10 + 1, 1 << 20, size, size + 1, 0x7fffffff, 0xffffffff}
	places := []uint64{0, 1, 5000, 300_000, size - 300_000, size - 1, size, size + 1, 0x80000000, 0xffffffff}
	check := func(name string, args ...uint64) {
		t.Helper()
		r1, e1 := plain.call(name, args...)
		r2, e2 := metered.call(name, args...)
		if reason(e1) != reason(e2) || !slices.Equal(r1, r2) {
			t.Errorf("%s%v = %v, %v; metered %v, %v", name, args, r1, e1, r2, e2)
		}
	}
	memory := func(what string) {
		t.Helper()
		x, _ := plain.ExportedMemory("memory").Read(0, plain.ExportedMemory("memory").Size())
		y, _ := metered.ExportedMemory("memory").Read(0, metered.ExportedMemory("memory").Size())
		if !slices.Equal(x, y) {
			t.Fatalf("after %s the memories differ", what)
		}
	}
	for _, n := range lengths {
		for _, d := range places {
			check("fill", d, d*7+3, n)
			for _, s := range places {
				check("init", d, s, n)
				check("copy", d, s, n)
			}
			memory(fmt.Sprintf("%d bytes to %d", n, d))
		}
	}
	check("drop")
	for _, n := range []uint64{0, 1, 5000} {
		check("init", 0, 0, n)
		check("init", size, 0, n)
	}
	for _, name := range []string{"tinit", "tcopy", "tfill", "tgrow", "grow"} {
		for _, n := range []uint64{0, 1, 2, 9, 30, 1000, 0xffffffff} {
			for _, d := range []uint64{0, 1, 8, 9, 10, 0xffffffff} {
				check(name, d, 1, n)
			}
		}
	}
	if b.yields < 200 {
		t.Errorf("only %d yields", b.yields)
	}
}

// TestStops: code that never ends is stopped by its budget.
func TestStops(t *testing.T) {
	nothing := []wasmbin.ValueType(nil)
	bomb := []fn{}
	for i := range 40 {
		bomb = append(bomb, fn{params: nothing, code: cat(call(i+1), call(i+1))})
	}
	bomb = append(bomb, fn{})
	bomb[0].export = "run"
	for name, fns := range map[string][]fn{
		"loop":               {{export: "run", code: cat(opLoop, none, br(0), opEnd)}},
		"loop by br_table":   {{export: "run", code: cat(opLoop, none, c32(0), opBrTable, 1, 0, 0, opEnd)}},
		"loop in a loop":     {{export: "run", locals: locals(1, i32), code: cat(opLoop, none, counted(0, c32(10)), br(0), opEnd)}},
		"calls without loop": bomb,
		"fills":              {{export: "run", code: cat(opLoop, none, c32(0), c32(1), c32(65536), opMisc, 11, 0, br(0), opEnd)}},
		"growth":             {{export: "run", code: cat(opLoop, none, c32(0), opMemoryGrow, 0, opDrop, br(0), opEnd)}},
		"calls in a loop":    {{export: "run", code: cat(opLoop, none, call(1), br(0), opEnd)}, {}},
		"indirect":           {{export: "run", code: cat(opLoop, none, c32(1), opCallIndirect, 1, 0, br(0), opEnd)}, {}},
		"conditional":        {{export: "run", params: types(1, i32), code: cat(opLoop, none, get(0), opI32Eqz, opIf, none, br(1), opElse, br(1), opEnd, opEnd)}},
	} {
		t.Run(name, func(t *testing.T) {
			out := meter(t, program(1, fns...))
			var used []int64
			for range 2 {
				w := newWorld(t, wazero.NewRuntimeConfigCompiler())
				w.budget = 1_000_000
				i, err := w.instantiate("", out.Code, &out.Facts)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := i.call("run", make([]uint64, len(fns[0].params))...); !errors.Is(err, errFuel) {
					t.Fatalf("it ended: %v", err)
				}
				used = append(used, w.spent-i.fuel())
			}
			if used[0] != used[1] || used[0] < 1_000_000 || used[0] > 1_000_000+100_000 {
				t.Errorf("fuel %v", used)
			}
		})
	}
}

// TestStart: the start function runs when the host calls it, and under fuel.
func TestStart(t *testing.T) {
	m := program(1, fn{code: cat(opLoop, none, br(0), opEnd)})
	m.HasStart = true
	out := meter(t, m)
	if out.Facts.Start != wasmbin.StartExport {
		t.Fatalf("start is %q", out.Facts.Start)
	}
	w := newWorld(t, wazero.NewRuntimeConfigCompiler())
	w.budget = 100_000
	if _, err := w.instantiate("", out.Code, &out.Facts); !errors.Is(err, errFuel) {
		t.Errorf("a start function that spins: %v", err)
	}
}

// TestDepth: recursion ends before it takes much memory, and recursion of a
// useful depth does not end.
func TestDepth(t *testing.T) {
	one := types(1, i32)
	down := fn{export: "down", params: one, results: one, code: cat(get(0), opI32Eqz, opIf, none, c32(0), opReturn, opEnd, get(0), c32(1), opI32Sub, call(0), c32(1), opI32Add)}
	through := fn{export: "through", params: one, results: one, code: cat(get(0), opI32Eqz, opIf, none, c32(0), opReturn, opEnd, get(0), c32(1), opI32Sub, c32(1), opCallIndirect, 1, 0, c32(1), opI32Add)}
	var wide []byte // many values live across the call
	for i := range 100 {
		wide = cat(wide, load(i*4), set(1+i))
	}
	wide = cat(wide, get(0), opI32Eqz, opIf, none, c32(0), opReturn, opEnd, get(0), c32(1), opI32Sub, call(2), c32(1), opI32Add)
	for i := range 100 {
		wide = cat(wide, get(1+i), opI32Add)
	}
	big := fn{export: "big", params: one, results: one, locals: locals(100, i32), code: wide}
	out := meter(t, program(1, down, through, big))
	w := newWorld(t, wazero.NewRuntimeConfigCompiler())
	i, err := w.instantiate("", out.Code, &out.Facts)
	if err != nil {
		t.Fatal(err)
	}
	for name, deep := range map[string]uint64{"down": 20_000, "through": 10_000, "big": 2_000} {
		r, err := i.call(name, deep)
		if err != nil || r[0] != deep {
			t.Errorf("%s to %d: %v, %v", name, deep, r, err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err = i.call(name, 1<<30)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, errStack) {
			t.Errorf("%s without end: %v", name, err)
		}
		// All stacks that the engine grew on the way to the last.
		if took := (after.TotalAlloc - before.TotalAlloc) >> 20; took > 64 {
			t.Errorf("%s took %d MiB", name, took)
		}
	}
}

// TestOutOfReach: nothing of the original can name what the rewrite adds, or
// what is not there.
func TestOutOfReach(t *testing.T) {
	for name, change := range map[string]func(m *wasmbin.Module){
		"fuel read":       func(m *wasmbin.Module) { m.Code[0].Code = cat(opGlobalGet, 2, opDrop, opEnd) },
		"fuel written":    func(m *wasmbin.Module) { m.Code[0].Code = cat(c64(1<<40), opGlobalSet, 2, opEnd) },
		"depth written":   func(m *wasmbin.Module) { m.Code[0].Code = cat(c32(1<<30), opGlobalSet, 3, opEnd) },
		"function past":   func(m *wasmbin.Module) { m.Code[0].Code = cat(call(1), opEnd) },
		"reference past":  func(m *wasmbin.Module) { m.Code[0].Code = cat(opRefFunc, 1, opDrop, opEnd) },
		"local past":      func(m *wasmbin.Module) { m.Code[0].Code = cat(get(0), opDrop, opEnd) },
		"type past":       func(m *wasmbin.Module) { m.Code[0].Code = cat(c32(0), opCallIndirect, 1, 0, opEnd) },
		"block type past": func(m *wasmbin.Module) { m.Code[0].Code = cat(opBlock, 1, opEnd, opEnd) },
		"table past":      func(m *wasmbin.Module) { m.Code[0].Code = cat(c32(0), opCallIndirect, 0, 1, opEnd) },
		"label past":      func(m *wasmbin.Module) { m.Code[0].Code = cat(br(1), opEnd) },
		"export past": func(m *wasmbin.Module) {
			m.Exports[0] = wasmbin.Export{Name: "x", Kind: wasmbin.GlobalExtern, Index: 2}
		},
		"export function": func(m *wasmbin.Module) { m.Exports[0] = wasmbin.Export{Name: "x", Index: 1} },
		"start past":      func(m *wasmbin.Module) { m.Start, m.HasStart = 1, true },
		"element past":    func(m *wasmbin.Module) { m.Elements[0].Funcs[0] = 1 },
		"global past":     func(m *wasmbin.Module) { m.Globals[1].Init = cat(opGlobalGet, 3, opEnd) },
		"segment past":    func(m *wasmbin.Module) { m.Code[0].Code = cat(c32(0), c32(0), c32(0), opMisc, 8, 0, 0, opEnd) },
		"no memory": func(m *wasmbin.Module) {
			m.Memories, m.Exports, m.Code[0].Code = nil, nil, cat(c32(0), opMemoryGrow, 0, opDrop, opEnd)
		},
		"ends early":    func(m *wasmbin.Module) { m.Code[0].Code = cat(opEnd, opEnd) },
		"else alone":    func(m *wasmbin.Module) { m.Code[0].Code = cat(opElse, opEnd) },
		"never ends":    func(m *wasmbin.Module) { m.Code[0].Code = cat(opBlock, none, opEnd) },
		"type of func":  func(m *wasmbin.Module) { m.Funcs[0] = 1 },
		"body too many": func(m *wasmbin.Module) { m.Code = append(m.Code, m.Code[0]) },
	} {
		m := program(1, fn{})
		change(m)
		_, err := wasmbin.Meter(m.Encode(), wasmbin.Options{})
		var e *wasmbin.Error
		if !errors.As(err, &e) || e.Kind != wasmbin.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRefused: what is not run here is refused by its name, with advice.
func TestRefused(t *testing.T) {
	body := func(code ...any) func(*wasmbin.Module) {
		return func(m *wasmbin.Module) { m.Code[0].Code = cat(cat(code...), opEnd) }
	}
	raw := func(parts ...any) []byte { return append([]byte("\x00asm\x01\x00\x00\x00"), cat(parts...)...) }
	for name, c := range map[string]struct {
		change func(*wasmbin.Module)
		raw    []byte
		kind   wasmbin.Kind
		says   string
	}{
		"atomics":        {change: body(0xfe, 0, 2, 0), kind: wasmbin.Unsupported, says: "threads"},
		"shared memory":  {raw: raw(5, 4, 1, 3, 1, 1), kind: wasmbin.Unsupported, says: "threads"},
		"memory64":       {raw: raw(5, 3, 1, 4, 1), kind: wasmbin.Unsupported, says: "memory64"},
		"two memories":   {change: func(m *wasmbin.Module) { m.Memories = append(m.Memories, m.Memories[0]) }, kind: wasmbin.Unsupported, says: "more than one memory"},
		"memory import":  {change: func(m *wasmbin.Module) { m.Imports = []wasmbin.Import{{Kind: wasmbin.MemoryExtern}} }, kind: wasmbin.Unsupported, says: "more than one memory"},
		"second memory":  {change: body(c32(0), opI32Load, 0x42, 1, 0, opDrop), kind: wasmbin.Unsupported, says: "more than one memory"},
		"exceptions":     {change: body(0x06, 0x40), kind: wasmbin.Unsupported, says: "exceptions"},
		"try_table":      {change: body(0x1f, 0x40, 0), kind: wasmbin.Unsupported, says: "exceptions"},
		"tags":           {raw: raw(13, 1, 0), kind: wasmbin.Unsupported, says: "exceptions"},
		"tail call":      {change: body(0x12, 0), kind: wasmbin.Unsupported, says: "tail calls"},
		"call_ref":       {change: body(0x14, 0), kind: wasmbin.Unsupported, says: "function references"},
		"garbage":        {change: body(0xfb, 0, 0), kind: wasmbin.Unsupported, says: "garbage"},
		"struct type":    {raw: raw(1, 3, 1, 0x5f, 0), kind: wasmbin.Unsupported, says: "garbage"},
		"typed ref":      {raw: raw(1, 5, 1, 0x60, 1, 0x64, 0), kind: wasmbin.Unsupported, says: "typed references"},
		"extended const": {change: func(m *wasmbin.Module) { m.Globals[0].Init = cat(c32(1), c32(2), opI32Add, opEnd) }, kind: wasmbin.Unsupported, says: "constant expression"},
		"relaxed simd":   {change: body(opVector, u32(0x100)), kind: wasmbin.Unsupported, says: "relaxed SIMD"},
		"unknown":        {change: body(0xf0), kind: wasmbin.Unsupported, says: "0xf0"},
		"component":      {raw: []byte("\x00asm\x0d\x00\x01\x00"), kind: wasmbin.Unsupported, says: "component"},
		"text":           {raw: []byte("(module)"), kind: wasmbin.Invalid, says: "is it a .wasm file"},
		"reserved name":  {change: func(m *wasmbin.Module) { m.Exports[0].Name = "__plim_fuel" }, kind: wasmbin.Unsupported, says: "__plim"},
		"our import": {change: func(m *wasmbin.Module) {
			m.Imports = []wasmbin.Import{{Module: "plim_rt", Name: "yield"}}
		}, kind: wasmbin.Unsupported, says: "plim_rt"},
		"table": {change: func(m *wasmbin.Module) { m.Tables[0].Min = 100_000_000 }, kind: wasmbin.Shape, says: "entries in its tables"},
		"tables": {change: func(m *wasmbin.Module) {
			for range 3 {
				m.Tables = append(m.Tables, wasmbin.TableType{Element: wasmbin.FuncRef, Limits: wasmbin.Limits{Min: 50_000}})
			}
		}, kind: wasmbin.Shape, says: "entries in its tables"},
		"entries": {change: func(m *wasmbin.Module) {
			for range 3 {
				m.Elements = append(m.Elements, wasmbin.Element{Mode: 1, Type: wasmbin.FuncRef, Funcs: make([]uint32, 100_000)})
			}
		}, kind: wasmbin.Shape, says: "entries in its element segments"},
		"locals":   {change: func(m *wasmbin.Module) { m.Code[0].Locals = locals(20_000, i32) }, kind: wasmbin.Shape, says: "locals"},
		"locals 2": {change: func(m *wasmbin.Module) { m.Code[0].Locals = append(locals(1<<31, i32), locals(1<<31, i32)...) }, kind: wasmbin.Shape, says: "locals"},
		"nesting":  {change: body(repeat(5000, opBlock, none), repeat(5000, opEnd)), kind: wasmbin.Shape, says: "blocks nested"},
		"loops":    {change: body(repeat(150, opLoop, none), repeat(150, opEnd)), kind: wasmbin.Shape, says: "loops nested"},
		"loops by locals": {change: func(m *wasmbin.Module) {
			m.Code[0] = wasmbin.Body{Locals: locals(2000, i32), Code: cat(repeat(20, opLoop, none), repeat(20, opEnd), opEnd)}
		}, kind: wasmbin.Shape, says: "times the locals"},
		"functions": {raw: raw(3, 5, u32(60_000), 0, 0), kind: wasmbin.Shape, says: "functions"},
		"cut":       {raw: raw(1, 100, 1), kind: wasmbin.Invalid, says: "ends in the middle"},
	} {
		module := c.raw
		if module == nil {
			m := program(1, fn{})
			c.change(m)
			module = m.Encode()
		}
		_, err := wasmbin.Meter(module, wasmbin.Options{})
		var e *wasmbin.Error
		if !errors.As(err, &e) || e.Kind != c.kind || !strings.Contains(e.Message, c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTablesTogether: tables lie outside of an instance's memory, so that all of
// them together are bounded, whatever each may grow to.
func TestTablesTogether(t *testing.T) {
	m := program(1, fn{})
	m.Tables[0].Min = 1000
	m.Tables = append(m.Tables, wasmbin.TableType{Element: wasmbin.FuncRef, Limits: wasmbin.Limits{Min: 10, Max: 20, HasMax: true}}, wasmbin.TableType{Element: wasmbin.ExternRef, Limits: wasmbin.Limits{Max: 1 << 31, HasMax: true}})
	out, err := wasmbin.Decode(meter(t, m).Code)
	if err != nil {
		t.Fatal(err)
	}
	total := uint32(0)
	for _, table := range out.Tables {
		if !table.HasMax || table.Max < table.Min {
			t.Errorf("a table has %+v", table)
		}
		total += table.Max
	}
	if total > 1<<17 || out.Tables[1].Max != 20 || out.Tables[0].Max < 40_000 {
		t.Errorf("the tables may grow to %+v", out.Tables)
	}
}

// TestRestorable: what a call can change besides memory and exported globals is
// found, and named.
func TestRestorable(t *testing.T) {
	type group = wasmbin.GlobalDef
	for name, c := range map[string]struct {
		change func(*wasmbin.Module)
		why    string
	}{
		"plain":      {func(*wasmbin.Module) {}, ""},
		"table.set":  {func(m *wasmbin.Module) { m.Code[0].Code = cat(c32(0), opRefNull, 0x70, opTableSet, 0, opEnd) }, "table.set"},
		"table.grow": {func(m *wasmbin.Module) { m.Code[0].Code = cat(opRefNull, 0x70, c32(1), opMisc, 15, 0, opDrop, opEnd) }, "table.grow"},
		"elem.drop":  {func(m *wasmbin.Module) { m.Code[0].Code = cat(opMisc, 13, 0, opEnd) }, "elem.drop"},
		"v128 global": {func(m *wasmbin.Module) {
			m.Globals = append(m.Globals, group{GlobalType: wasmbin.GlobalType{Value: wasmbin.V128, Mutable: true}, Init: cat(opVector, 12, make([]byte, 16), opEnd)})
		}, "v128"},
		"constant v128": {func(m *wasmbin.Module) {
			m.Globals = append(m.Globals, group{GlobalType: wasmbin.GlobalType{Value: wasmbin.V128}, Init: cat(opVector, 12, make([]byte, 16), opEnd)})
		}, ""},
		"reference global": {func(m *wasmbin.Module) {
			m.Globals = append(m.Globals, group{GlobalType: wasmbin.GlobalType{Value: wasmbin.FuncRef, Mutable: true}, Init: cat(opRefFunc, 0, opEnd)})
		}, "funcref"},
		"imported global": {func(m *wasmbin.Module) {
			m.Imports = []wasmbin.Import{{Module: "env", Name: "g", Kind: wasmbin.GlobalExtern, Global: wasmbin.GlobalType{Value: i32, Mutable: true}}}
		}, "mutable global"},
	} {
		m := program(1, fn{})
		c.change(m)
		out := meter(t, m)
		if out.Facts.Restorable != (c.why == "") || !strings.Contains(out.Facts.Why, c.why) {
			t.Errorf("%s: %v %q", name, out.Facts.Restorable, out.Facts.Why)
		}
		if !slices.Equal(out.Facts.Globals, []wasmbin.Global{{Export: "__plim_g0", Type: i32}, {Export: "__plim_g1", Type: i64}}) {
			t.Errorf("%s: globals %v", name, out.Facts.Globals)
		}
		w := newWorld(t, wazero.NewRuntimeConfigCompiler())
		if _, err := w.CompileModule(t.Context(), out.Code); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTrace: the names of functions survive, with the numbers that they have now.
func TestTrace(t *testing.T) {
	m := program(1, fn{export: "run", code: call(1)}, fn{code: cat(repeat(100, c32(1), set(0)), opUnreachable), locals: locals(1, i32)})
	m.Custom = []wasmbin.Custom{{After: 11, Name: "name", Data: cat([]byte{1, 18}, 2, 0, 5, []byte("outer"), 1, 7, []byte("culprit"), 0)}, {Name: ".debug_info", Data: []byte("x")}}
	m.Custom[0].Data = cat(1, 17, 2, 0, 5, []byte("outer"), 1, 7, []byte("culprit"))
	out := meter(t, m)
	w := newWorld(t, wazero.NewRuntimeConfigCompiler())
	i, err := w.instantiate("", out.Code, &out.Facts)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := i.call("run"); err == nil || !strings.Contains(err.Error(), "culprit") {
		t.Errorf("the trace is %v", err)
	}
	if strings.Contains(string(out.Code), ".debug_info") {
		t.Error("debug information was kept")
	}
}
