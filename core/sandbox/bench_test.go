package sandbox_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/sandbox"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// benchCall measures calls of op finish with one input, on pooled and on new
// instances.
func benchCall(b *testing.B, a *sandbox.Admitted, input []byte) {
	for _, c := range []struct {
		name  string
		fresh bool
	}{{"pooled", false}, {"fresh", true}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			var used sandbox.Used
			for b.Loop() {
				if _, err := a.Call(context.Background(), abi.OpFinish, input, sandbox.CallOptions{Fresh: c.fresh, Used: &used}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(used.Pages), "pages")
			b.ReportMetric(float64(used.Fuel), "fuel")
		})
	}
}

// BenchmarkTiny is the least that a call can cost: a guest that answers a
// constant.
func BenchmarkTiny(b *testing.B) {
	benchCall(b, admit(b, newHost(b, sandbox.Config{}), asm{answer: okAnswer}.bytes()), []byte(`{"input":1,"completion":"a"}`))
}

// BenchmarkHello is the example of the SDKs, where it has been built, at 0.6 KB
// and 20 KB of input.
func BenchmarkHello(b *testing.B) {
	root := filepath.Join("..", "..")
	for name, file := range map[string]string{"go": "examples/hello-skill/skill.wasm", "c": "sdk/c/example/hello.wasm"} {
		module, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			b.Logf("%s is not built", file)
			continue
		}
		a := admit(b, newHost(b, sandbox.Config{}), module)
		for _, size := range []string{"small", "large"} {
			input, err := os.ReadFile(filepath.Join(root, "sdk", "testdata", "hello", size+".json"))
			if err != nil {
				b.Fatal(err)
			}
			b.Run(name+"/"+size, func(b *testing.B) { benchCall(b, a, input) })
		}
	}
}

// BenchmarkHostCall is host op 0 from inside of a guest, a thousand times a call.
func BenchmarkHostCall(b *testing.B) {
	const turns = 1000
	// for (local 2 = turns; local 2 != 0; local 2--) host(0, 0, 0)
	loop := func(body []byte) []byte {
		return cat(i32(turns), opSet, 2, opLoop, empty, body, opGet, 2, i32(1), opI32Sub, opTee, 2, opBrIf, 0, opEnd, i64(abi.Pack(4096, uint32(len(okAnswer)), false)))
	}
	h := newHost(b, sandbox.Config{})
	for name, body := range map[string][]byte{
		"nothing":   nil,
		"host":      cat(i32(0), i32(0), i32(0), opCall, 0, opDrop),
		"host_read": cat(i32(0), i32(0), opCall, 1, opDrop),
		"log":       cat(i32(0), i32(4096), i32(1), opCall, 2),
	} {
		a := admit(b, h, asm{
			imports:  cat(3, "plim", "host", 0, 2, "plim", "host_read", 0, 4, "plim", "log", 0, 3),
			imported: 3, answer: okAnswer, call: loop(body),
		}.bytes())
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := a.Call(context.Background(), abi.OpFinish, []byte(`{}`), sandbox.CallOptions{}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/turns, "ns/turn")
		})
	}
}
