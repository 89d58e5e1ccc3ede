package memory_test

import (
	"context"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/plimsoll-dev/plimsoll/core/sandbox/memory"
)

// guest has a memory of 1 to 4 pages with a data segment, "set"(at, value),
// "get"(at) and "grow"(pages).
var guest = []byte("\x00asm\x01\x00\x00\x00" +
	"\x01\x0b\x02\x60\x02\x7f\x7f\x00\x60\x01\x7f\x01\x7f" + // types: (i32 i32) and (i32) -> i32
	"\x03\x04\x03\x00\x01\x01" +
	"\x05\x04\x01\x01\x01\x04" + // memory 1..4
	"\x07\x14\x03\x03set\x00\x00\x03get\x00\x01\x04grow\x00\x02" +
	"\x0a\x1a\x03" +
	"\x09\x00\x20\x00\x20\x01\x36\x02\x00\x0b" +
	"\x07\x00\x20\x00\x28\x02\x00\x0b" +
	"\x06\x00\x20\x00\x40\x00\x0b" +
	"\x0b\x0a\x01\x00\x41\x08\x0b\x04\x01\x00\x00\x00") // 1 at 8

// TestUnderWazero runs a guest on a fresh memory and on one of an image that
// is larger than what the module declares.
func TestUnderWazero(t *testing.T) {
	ctx := t.Context()
	for name, config := range map[string]wazero.RuntimeConfig{"compiled": wazero.NewRuntimeConfig(), "interpreted": wazero.NewRuntimeConfigInterpreter()} {
		t.Run(name, func(t *testing.T) {
			r := wazero.NewRuntimeWithConfig(ctx, config)
			defer func() { _ = r.Close(ctx) }()
			code, err := r.CompileModule(ctx, guest)
			if err != nil {
				t.Fatal(err)
			}
			run := func(s *memory.Space) func(string, ...uint64) uint64 {
				allocate := experimental.MemoryAllocatorFunc(func(_, _ uint64) experimental.LinearMemory { return s })
				m, err := r.InstantiateModule(experimental.WithMemoryAllocator(ctx, allocate), code, wazero.NewModuleConfig().WithName(""))
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = m.Close(context.Background()) })
				return func(f string, args ...uint64) uint64 {
					got, err := m.ExportedFunction(f).Call(ctx, args...)
					if err != nil {
						t.Fatal(f, args, err)
					}
					return append(got, 0)[0]
				}
			}
			first := space(t, 3*wasmPage)
			init := run(first)
			init("grow", 1)
			init("set", 8, 42) // over the data segment
			init("set", wasmPage+4, 7)
			img := snapshot(t, first)

			second := from(t, img, 3*wasmPage)
			restored := run(second)
			if _, err := second.Restore(); err != nil { // what the data segments wrote
				t.Fatal(err)
			}
			for name, call := range map[string]func(string, ...uint64) uint64{"first": init, "second": restored} {
				s := map[string]*memory.Space{"first": first, "second": second}[name]
				for range 3 {
					if a, b, c := call("get", 8), call("get", wasmPage+4), call("get", 100); a != 42 || b != 7 || c != 0 {
						t.Fatalf("%s begins with %d %d %d", name, a, b, c)
					}
					call("set", 8, 1)
					call("set", 100, 1)
					call("set", 2*wasmPage-4, 1)
					if _, err := s.Restore(); err != nil {
						t.Fatal(err)
					}
				}
				if was := call("grow", 1); was != 2 || s.Grown() == false || call("get", 3*wasmPage-4) != 0 {
					t.Fatalf("%s grew from %d pages", name, was)
				}
				if no := uint32(call("grow", 1)); no != 0xffffffff || !s.Refused() {
					t.Fatalf("%s grew above the limit: %d", name, no)
				}
			}
		})
	}
}
