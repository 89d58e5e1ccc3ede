package wasmbin_test

import (
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/plimsoll-dev/plimsoll/core/sandbox/wasmbin"
)

// kernels builds testdata/kernels.c.
func kernels(t testing.TB) []byte {
	t.Helper()
	if _, err := exec.LookPath("clang"); err != nil {
		t.Skip("there is no clang to build testdata/kernels.c with")
	}
	out := filepath.Join(t.TempDir(), "kernels.wasm")
	b, err := exec.Command("clang", "--target=wasm32", "-O2", "-mbulk-memory", "-nostdlib", "-Wl,--no-entry", "-o", out, filepath.Join("testdata", "kernels.c")).CombinedOutput()
	if err != nil {
		t.Skipf("clang cannot build for wasm32 here: %v\n%s", err, b)
	}
	module, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return module
}

// kernel is an exported function of kernels.c, and an argument for which it
// takes some milliseconds.
var kernelList = []struct {
	name string
	arg  uint64
}{{"fib", 27}, {"sha256", 4000}, {"crc", 200_000}, {"sum", 5_000_000}, {"sort", 8}, {"json", 60}, {"matrix", 12}, {"machine", 2_000_000}, {"virtual", 2_000_000}}

// both gives a module as it is, and metered with slices as the host gives them.
func both(t testing.TB, module []byte) (plain, metered *instance) {
	t.Helper()
	a, b := newWorld(t, wazero.NewRuntimeConfigCompiler()), newWorld(t, wazero.NewRuntimeConfigCompiler())
	b.slice = 200_000
	m, err := wasmbin.Meter(module, wasmbin.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if plain, err = a.instantiate("", module, nil); err != nil {
		t.Fatal(err)
	}
	if metered, err = b.instantiate("", m.Code, &m.Facts); err != nil {
		t.Fatal(err)
	}
	return plain, metered
}

// BenchmarkMetering gives, for each kernel, the time of the metered module by
// that of the original, as medians of calls in turn, and the geometric mean.
func BenchmarkMetering(b *testing.B) {
	plain, metered := both(b, kernels(b))
	product, count := 0.0, 0
	for _, k := range kernelList {
		b.Run(k.name, func(b *testing.B) {
			fastest := [2]time.Duration{math.MaxInt64, math.MaxInt64}
			var before, after int64
			for b.Loop() {
				for i, m := range []*instance{plain, metered} {
					start := time.Now()
					if _, err := m.call(k.name, k.arg); err != nil {
						b.Fatal(err)
					}
					fastest[i] = min(fastest[i], time.Since(start))
				}
			}
			before = metered.world.spent - metered.fuel()
			if _, err := metered.call(k.name, k.arg); err != nil {
				b.Fatal(err)
			}
			after = metered.world.spent - metered.fuel()
			ratio := float64(fastest[1]) / float64(fastest[0])
			b.ReportMetric(ratio, "metered/plain")
			b.ReportMetric(float64(fastest[1].Nanoseconds())/float64(after-before), "ns/fuel")
			b.ReportMetric(0, "ns/op")
			product += math.Log(ratio)
			count++
		})
	}
	b.Logf("geometric mean of %d: %.2f", count, math.Exp(product/float64(count)))
}

// BenchmarkMeter is the speed of the rewrite.
func BenchmarkMeter(b *testing.B) {
	for name, path := range map[string]string{"go": "../../../examples/hello-skill/skill.wasm", "quickjs": "../script/quickjs/quickjs.wasm"} {
		module, err := os.ReadFile(filepath.FromSlash(path))
		if err != nil {
			b.Logf("%s is not there: %v", name, err)
			continue
		}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(module)))
			for b.Loop() {
				if _, err := wasmbin.Meter(module, wasmbin.Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkStretch gives, for code that is made to run long without a yield, the
// longest time between two looks at the clock when a slice is 200,000 units.
func BenchmarkStretch(b *testing.B) {
	straight := repeat(100_000, get(0), c32(3), opI32DivS, set(0))
	for name, f := range map[string]fn{
		"loop of divisions":   {code: cat(opLoop, none, repeat(50, get(0), c32(3), opI32DivS, set(0)), br(0), opEnd)},
		"straight line":       {code: cat(opLoop, none, straight, br(0), opEnd)},
		"fills":               {code: cat(opLoop, none, repeat(50, c32(0), c32(7), c32(64<<20), opMisc, 11, 0), br(0), opEnd)},
		"copies":              {code: cat(opLoop, none, repeat(50, c32(0), c32(1<<20), c32(63<<20), opMisc, 10, 0, 0), br(0), opEnd)},
		"small copies":        {code: cat(opLoop, none, repeat(50, c32(0), c32(1<<20), c32(4096), opMisc, 10, 0, 0), br(0), opEnd)},
		"loads far apart":     {code: cat(opLoop, none, repeat(50, get(0), c32(1_103_515_245), opI32Mul, c32(12345), opI32Add, tee(0), c32(0x3ffffff), opI32And, opI32Load8, 0, 0, get(0), opI32Add, set(0)), br(0), opEnd)},
		"stores far apart":    {code: cat(opLoop, none, repeat(50, get(0), c32(1_103_515_245), opI32Mul, c32(12345), opI32Add, tee(0), c32(0x3ffffff), opI32And, get(0), opI32Store8, 0, 0), br(0), opEnd)},
		"calls through table": {code: cat(opLoop, none, repeat(50, c32(1), opCallIndirect, 1, 0), br(0), opEnd)},
	} {
		b.Run(name, func(b *testing.B) {
			f.export, f.locals = "f0", locals(1, i32)
			m, err := wasmbin.Meter(program(1024, f, fn{code: repeat(20, c32(9), c32(3), opI32DivS, opDrop)}).Encode(), wasmbin.Options{})
			if err != nil {
				b.Fatal(err)
			}
			w := newWorld(b, wazero.NewRuntimeConfigCompiler())
			w.slice = 200_000
			i, err := w.instantiate("", m.Code, &m.Facts)
			if err != nil {
				b.Fatal(err)
			}
			var stretches []time.Duration
			for b.Loop() {
				last := time.Now()
				w.watch = func() {
					now := time.Now()
					stretches = append(stretches, now.Sub(last))
					last = now
				}
				w.spent, w.budget = i.fuel(), 200_000_000
				if _, err := i.call("f0"); !errors.Is(err, errFuel) {
					b.Fatal(err)
				}
			}
			slices.Sort(stretches)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(stretches[len(stretches)/2].Seconds()*1000, "ms-median")
			b.ReportMetric(stretches[len(stretches)-1].Seconds()*1000, "ms-max")
		})
	}
}
