package wasmbin_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/plimsoll-dev/plimsoll/core/sandbox/wasmbin"
)

// frames gives the bytes of stack that each function of a module takes in the
// machine code that wazero makes of it: what its prologue subtracts from the
// stack pointer, and 16 for the return address and the frame pointer. It reads
// them from the file of the compilation cache, of which it knows the layout.
func frames(t testing.TB, module []byte) []int64 {
	t.Helper()
	if runtime.GOARCH != "amd64" {
		t.Skip("prologues are read for amd64 only")
	}
	ctx := context.Background()
	dir := t.TempDir()
	cache, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler().WithCompilationCache(cache))
	if _, err := rt.CompileModule(ctx, module); err != nil {
		t.Fatal(err)
	}
	if err := rt.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if err := cache.Close(ctx); err != nil {
		t.Fatal(err)
	}
	var out []int64
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		p := 6 + 1 + int(b[6])
		n := int(binary.LittleEndian.Uint32(b[p:]))
		p += 4
		offsets := make([]int, n)
		for i := range offsets {
			offsets[i] = int(binary.LittleEndian.Uint64(b[p:]))
			p += 8
		}
		size := int(binary.LittleEndian.Uint64(b[p:]))
		code := b[p+8 : p+8+size]
		for _, at := range offsets {
			head := code[at:min(len(code)-8, at+200)]
			body := code[at:]
			frame := int64(16)
			if i := bytes.Index(head, []byte{0x48, 0x81, 0xec}); i >= 0 {
				frame += int64(binary.LittleEndian.Uint32(body[i+3:]))
			} else if i := bytes.Index(head, []byte{0x48, 0x83, 0xec}); i >= 0 {
				frame += int64(body[i+3])
			}
			out = append(out, frame)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// deceivers are functions that are made to take more stack than is estimated:
// function 0 of each.
func deceivers(n int) map[string][]fn {
	p1 := types(1, i32)
	leaf := fn{params: p1, results: p1, code: cat(get(0), opI32Load, 2, 0)}
	rec := cat(get(0), call(0), opDrop)
	many := func(n int, f func(i int) []byte) []byte {
		var b []byte
		for i := range n {
			b = append(b, f(i)...)
		}
		return b
	}
	out := map[string][]fn{}
	add := func(name string, locals []wasmbin.Group, code ...any) {
		out[name] = []fn{{params: p1, results: p1, locals: locals, code: cat(code...)}, leaf}
	}
	mixed := func(code func(a, b, c int) []byte) []byte {
		return many(n, func(i int) []byte { return code(i%20, (i*7+3)%20, (i*5+1)%20) })
	}
	// held runs code between the assignment of w locals and their use.
	held := func(w int, code []byte) []byte {
		return cat(many(w, func(i int) []byte { return cat(load(i*4), set(i+1)) }), rec, code, c32(0), many(w, func(i int) []byte { return cat(get(i+1), opI32Add) }))
	}
	twenty := locals(20, i32)
	add("operands under a call", nil, repeat(n, get(0), opI32Load, 2, 0), rec, repeat(n-1, opI32Add))
	add("locals across calls", locals(1, i32), repeat(n, get(0), opI32Load, 2, 0, set(1), rec, get(1), set(0)), get(0))
	add("locals across one call", locals(n, i32), held(n, nil))
	add("wide locals across one call", locals(n, i64), many(n, func(i int) []byte { return cat(c32(int32(i*8)), opI64Load, 3, 0, set(i+1)) }), rec,
		many(n, func(i int) []byte { return cat(get(0), get(i+1), opI64Store, 3, 0) }), get(0))
	for _, w := range []int{12, 24, 48} {
		pick := func(i int) (int, int, int) { return 1 + i%w, 1 + (i*7+3)%w, 1 + (i*5+1)%w }
		add(fmt.Sprint("pressure ", w), locals(w, i32), held(w, many(n, func(i int) []byte {
			a, b, c := pick(i)
			return cat(get(a), get(b), opI32Add, get(c), get(a), opI32Xor, opI32Mul, opI32Load, 2, 0, set(a))
		})))
		add(fmt.Sprint("pressure and branches ", w), locals(w, i32), held(w, many(n, func(i int) []byte {
			a, b, c := pick(i)
			return cat(opBlock, none, get(a), get(b), opI32Add, brif(0), get(c), opI32Load, 2, 0, get(a), opI32Xor, opI32Load, 2, 0, set(a), opEnd)
		})))
		add(fmt.Sprint("pressure and calls ", w), locals(w, i32), held(w, many(n, func(i int) []byte {
			a, b, c := pick(i)
			return cat(get(a), call(1), opDrop, get(b), opI32Load, 2, 0, get(c), opI32Load, 2, 0, opI32Add, opDrop)
		})))
		add(fmt.Sprint("pressure and stores ", w), locals(w, i32), held(w, many(n, func(i int) []byte {
			a, b, c := pick(i)
			return cat(get(a), get(b), opI32Load, 2, 0, opI32Store, 2, 0, opBlock, none, get(c), brif(0), get(b), get(c), opI32Load, 2, 4, opI32Store, 2, 4, opEnd)
		})))
	}
	add("deep operands", nil, rec, many(n, func(i int) []byte { return load(i * 4) }), repeat(n-1, opI32Add))
	add("eight operands", nil, rec, repeat(n, repeat(8, get(0), opI32Load, 2, 0), repeat(7, opI32Add), set(0)), get(0))
	add("indirect calls", nil, rec, repeat(n, get(0), get(0), opCallIndirect, 1, 0, set(0)), get(0))
	add("divisions", twenty, rec, mixed(func(a, b, c int) []byte { return cat(get(a), get(b), opI32DivS, set(c)) }), get(0))
	add("ifs with results", twenty, rec, mixed(func(a, b, c int) []byte { return cat(get(a), opIf, i32, get(b), opElse, get(c), opEnd, set(a)) }), get(0))
	add("selects", twenty, rec, mixed(func(a, b, c int) []byte { return cat(get(a), get(b), get(c), opSelect, set(a)) }), get(0))
	add("globals", twenty, rec, mixed(func(a, _, _ int) []byte {
		return cat(opGlobalGet, 0, opIf, none, opGlobalGet, 0, get(a), opI32Add, opGlobalSet, 0, opEnd)
	}), get(0))
	add("copies", twenty, rec, mixed(func(a, b, c int) []byte { return cat(get(a), get(b), get(c), opMisc, 10, 0, 0) }), get(0))
	add("tables", twenty, rec, mixed(func(a, _, c int) []byte { return cat(get(a), opRefNull, 0x70, get(c), opMisc, 17, 0) }), get(0))
	for _, k := range []int{10, 90} {
		ring := many(200, func(i int) []byte { return cat(get(1+(i+1)%200), opI32Load, 2, 0, set(1+i)) })
		add(fmt.Sprint("loops by locals ", k), locals(200, i32), rec, repeat(k, opLoop, none), ring, repeat(k, get(0), brif(0), opEnd), get(5))
		add(fmt.Sprint("blocks by locals ", k), locals(200, i32), rec, repeat(k, opBlock, none), many(k, func(j int) []byte {
			return cat(many(20, func(i int) []byte { return cat(get(1+(i+1)%200), opI32Load, 2, 0, set(1+(i+j*20)%200)) }), get(0), brif(j))
		}), repeat(k, opEnd, rec), c32(0), many(200, func(i int) []byte { return cat(get(i+1), opI32Add) }))
	}
	params := many(1000, func(i int) []byte { return get(i) })
	out["parameters"] = []fn{{params: types(1000, i32), results: p1, code: cat(params, call(0), many(1000, func(i int) []byte { return cat(get(i), opI32Add) }))}}
	out["results"] = []fn{{params: p1, results: types(1000, i32), code: cat(get(0), call(0))}}
	v := cat(get(0), opVector, 0, 4, 0)
	add("vectors", locals(100, wasmbin.V128), many(100, func(i int) []byte { return cat(v, set(i+1)) }), rec,
		many(100, func(i int) []byte { return cat(get(0), get(i+1), opVector, 11, 4, 0) }), get(0))
	add("vector operands", nil, repeat(100, v), rec, repeat(99, opVector, u32(174)), opVector, u32(27), 0)
	return out
}

// TestFrames: no function takes much more stack than is estimated.
func TestFrames(t *testing.T) {
	worst, of := 0.0, ""
	check := func(name string, module []byte, functions int) {
		m, err := wasmbin.Meter(module, wasmbin.Options{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		estimates, err := wasmbin.Estimates(module)
		if err != nil {
			t.Fatal(err)
		}
		real := frames(t, m.Code)
		for i, e := range estimates[:min(functions, len(estimates))] {
			if e.Calls == 0 {
				continue // at most one is on the stack, and at its end
			}
			q := float64(real[i]) / float64(e.Frame)
			if q > worst {
				worst, of = q, fmt.Sprintf("%s, function %d", name, i)
			}
			// What an engine's stubs take besides is more than a small frame.
			if real[i] > e.Frame*3/2+512 {
				t.Errorf("%s, function %d takes %d bytes of stack; the estimate is %d", name, i, real[i], e.Frame)
			}
		}
	}
	n := 300
	if testing.Short() {
		n = 100
	}
	for name, fns := range deceivers(n) {
		check(name, program(1, fns...).Encode(), 1)
	}
	r := rand.New(rand.NewPCG(5, 6))
	for range 40 {
		src := make([]byte, 1000)
		for i := range src {
			src[i] = byte(r.Uint32())
		}
		check("generated", (&generator{src: src}).module().Encode(), 10)
	}
	if module, err := os.ReadFile(filepath.FromSlash("../script/quickjs/quickjs.wasm")); err == nil {
		check("quickjs", module, 10_000)
	}
	t.Logf("the most that a frame takes of its estimate: %.2f (%s)", worst, of)
}
