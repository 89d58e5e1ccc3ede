package wasmbin_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/plimsoll-dev/plimsoll/core/sandbox/wasmbin"
)

// seeds are modules of many kinds.
func seeds() [][]byte {
	out := [][]byte{nil, []byte("\x00asm"), []byte("\x00asm\x01\x00\x00\x00"), []byte("\x00asm\x0d\x00\x01\x00"), []byte("\x00asm\x01\x00\x00\x00\x05\x04\x01\x01\x00\x00")}
	r := rand.New(rand.NewPCG(1, 2))
	for range 6 {
		src := make([]byte, 400)
		for i := range src {
			src[i] = byte(r.Uint32())
		}
		out = append(out, (&generator{src: src}).module().Encode())
	}
	m := program(1, fn{export: "f", code: cat(opRefNull, 0x70, c32(1), opMisc, 15, 0, opDrop, c32(0), opRefNull, 0x70, opTableSet, 0)})
	m.HasStart = true
	m.Custom = []wasmbin.Custom{{Name: "name", Data: []byte("\x01\x04\x01\x00\x01f")}}
	return append(out, m.Encode())
}

func FuzzDecode(f *testing.F) {
	for _, s := range seeds() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, module []byte) {
		m, err := wasmbin.Decode(module)
		if err != nil {
			var e *wasmbin.Error
			if !errors.As(err, &e) || e.Message == "" {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		once := m.Encode()
		again, err := wasmbin.Decode(once)
		if err != nil {
			t.Fatalf("what Encode wrote cannot be read: %v", err)
		}
		if twice := again.Encode(); !bytes.Equal(once, twice) {
			t.Fatal("a module changes each time that it is written")
		}
	})
}

// FuzzMeter: Meter never panics, and makes a valid module of a valid one, and
// of an invalid one none that the engine takes.
func FuzzMeter(f *testing.F) {
	for _, s := range seeds() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, module []byte) {
		m, err := wasmbin.Meter(module, wasmbin.Options{MaxFunctions: 50, MaxBody: 4000, MaxLocals: 200})
		if err != nil {
			return
		}
		w := newWorld(t, wazero.NewRuntimeConfigInterpreter().WithMemoryLimitPages(64))
		plain, err := wasmbin.Strip(module)
		if err != nil {
			t.Fatalf("Meter takes what Strip does not: %v", err)
		}
		_, before := w.CompileModule(t.Context(), plain)
		_, after := w.CompileModule(t.Context(), m.Code)
		if (before == nil) != (after == nil) {
			t.Fatalf("before: %v, after: %v", before, after)
		}
	})
}

// FuzzRun runs generated programs before and after metering.
func FuzzRun(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		src := make([]byte, 30+r.IntN(500))
		for i := range src {
			src[i] = byte(r.Uint32())
		}
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src []byte) { same(t, (&generator{src: src}).module().Encode()) })
}

// same runs every exported f0, f1, ... of a module before and after metering, and
// wants the same results, traps, globals and memory, and the same fuel again.
func same(t *testing.T, module []byte) {
	t.Helper()
	m, err := wasmbin.Meter(module, wasmbin.Options{})
	if err != nil {
		t.Fatal(err)
	}
	config := wazero.NewRuntimeConfigCompiler()
	a, b, c := newWorld(t, config), newWorld(t, config), newWorld(t, config)
	c.slice = 77_777
	x, err := a.instantiate("", module, nil)
	if err != nil {
		t.Fatalf("the generator made an invalid module: %v", err)
	}
	y, err := b.instantiate("", m.Code, &m.Facts)
	if err != nil {
		t.Fatal(err)
	}
	z, err := c.instantiate("", m.Code, &m.Facts)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; x.ExportedFunction("f"+string(rune('0'+i))) != nil; i++ {
		name := "f" + string(rune('0'+i))
		for _, args := range [][]uint64{{0, 0}, {5, 70000}, {0xffffffff, 3}} {
			r1, e1 := x.call(name, args...)
			r2, e2 := y.call(name, args...)
			_, e3 := z.call(name, args...)
			if reason(e1) != reason(e2) || reason(e1) != reason(e3) {
				t.Fatalf("%s(%v): %v, metered %v, %v", name, args, e1, e2, e3)
			}
			if e1 == nil && r1[0] != r2[0] {
				t.Fatalf("%s(%v) = %v, metered %v", name, args, r1, r2)
			}
			for _, g := range []string{"g0", "g1"} {
				if x.ExportedGlobal(g).Get() != y.ExportedGlobal(g).Get() {
					t.Fatalf("%s(%v): %s differs", name, args, g)
				}
			}
			p, q := x.ExportedMemory("memory"), y.ExportedMemory("memory")
			u, _ := p.Read(0, p.Size())
			v, _ := q.Read(0, q.Size())
			if !bytes.Equal(u, v) {
				t.Fatalf("%s(%v): the memories differ", name, args)
			}
			if one, two := b.spent-y.fuel(), c.spent-z.fuel(); one != two {
				t.Fatalf("%s(%v): fuel %d in one instance and %d in another", name, args, one, two)
			}
		}
	}
}
