package sandbox_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/sandbox"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// counter is a guest that answers who it is, and does work that its own input
// decides: as many turns as the input has bytes. It writes into its memory, where
// the next call must not find it.
func counter(name int) asm {
	first := cat(i32(60000), opLoad8, 0, 0, opIf, empty, opUnreachable, opEnd, i32(60000), i32(1), opStore8, 0, 0)
	loop := cat(opLoop, empty, opGet, 2, i32(1), opI32Sub, opTee, 2, opBrIf, 0, opEnd)
	answer := fmt.Sprintf(`{"output":"skill %06d"}`, name)
	// What stands behind the answer makes the image weigh something.
	return asm{answer: answer + strings.Repeat("x", 16<<10), call: cat(first, loop, i64(abi.Pack(4096, uint32(len(answer)), false)))}
}

// mappings counts the process's memory mappings.
func mappings(tb testing.TB) int {
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		return 0
	}
	defer f.Close()
	n := 0
	for s := bufio.NewScanner(f); s.Scan(); n++ {
	}
	return n
}

// quiet waits until the number of goroutines has come down to n.
func quiet(tb testing.TB, n int) {
	tb.Helper()
	for range 100 {
		if runtime.NumGoroutine() <= n {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	tb.Errorf("%d goroutines are left, %d were there before", runtime.NumGoroutine(), n)
}

// TestCrowd: 10,000 calls of a hundred skills from 64 goroutines, with few places
// for instances, so that they are evicted and made anew all the time.
func TestCrowd(t *testing.T) {
	const skills, callers, calls = 100, 64, 10_000
	goroutines, maps := runtime.NumGoroutine(), mappings(t)
	h, err := sandbox.New(sandbox.Config{CacheDir: sharedCache, PerSkill: 3, Running: 8, IdleMiB: 1, ResidentMiB: 1, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	admitted := make([]*sandbox.Admitted, skills)
	for i := range admitted {
		admitted[i] = admit(t, h, counter(i).bytes())
	}
	var fuel [8]atomic.Int64 // by the length of the input
	var n atomic.Int64
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for i := n.Add(1); i <= calls; i = n.Add(1) {
				skill, size := int(i*7919)%skills, int(i)%len(fuel)
				var used sandbox.Used
				raw, err := admitted[skill].Call(context.Background(), abi.OpFinish, []byte(`"`+strings.Repeat("x", 10*size)+`"`), sandbox.CallOptions{Used: &used, Fresh: i%97 == 0})
				if want := fmt.Sprintf(`{"output":"skill %06d"}`, skill); err != nil || string(raw) != want {
					t.Errorf("skill %d answers %s %v", skill, raw, err)
					return
				}
				if used.Fuel == 0 || !fuel[size].CompareAndSwap(0, used.Fuel) && fuel[size].Load() != used.Fuel {
					t.Errorf("%d bytes take %d units of fuel, and %d at another time", 10*size, used.Fuel, fuel[size].Load())
				}
			}
		})
	}
	wg.Wait()
	kept := h.Resident()
	var all int64
	for _, a := range admitted {
		all += 2*a.Facts().MachineBytes + a.Facts().ImageBytes
	}
	t.Logf("%d KiB of code and images are kept ready, of %d", kept>>10, all>>10)
	if all < 3<<20/2 {
		t.Errorf("all skills together weigh %d bytes only: nothing had to go", all)
	}
	if kept > 5<<20/4 {
		t.Errorf("%d bytes of code and images are kept ready; a MiB is allowed", kept)
	}
	for _, a := range admitted {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
	if left := h.Resident(); left != 0 {
		t.Errorf("%d bytes are kept of modules that everybody has closed", left)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	quiet(t, goroutines)
	noMappingsLeft(t, maps)
}

// noMappingsLeft allows for what Go's own heap maps. The engine unmaps machine
// code in finalizers.
func noMappingsLeft(t *testing.T, before int) {
	t.Helper()
	left := 0
	for range 20 {
		runtime.GC()
		time.Sleep(10 * time.Millisecond)
		if left = mappings(t) - before; left < 80 {
			return
		}
	}
	t.Errorf("%d mappings are left, %d were there before", left+before, before)
}

// TestAdmissionsDoNotLeak: 10,000 in a row, some of them for the first time.
func TestAdmissionsDoNotLeak(t *testing.T) {
	const admissions, distinct = 10_000, 200
	goroutines, maps := runtime.NumGoroutine(), mappings(t)
	h, err := sandbox.New(sandbox.Config{CacheDir: sharedCache, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	modules := make([][]byte, distinct)
	for i := range modules {
		modules[i] = counter(1000 + i%100).bytes()
		if i >= 100 {
			modules[i] = counter(i - 100).bytes() // those of TestCrowd, if it ran
		}
	}
	var before int64
	for i := range admissions {
		module := modules[0] // cached, admitted anew each time
		if i%(admissions/distinct) == 0 {
			module = modules[i/(admissions/distinct)]
		}
		a, err := h.Admit(context.Background(), module, sandbox.AdmitOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if i%10 == 0 {
			if _, err := a.Call(context.Background(), abi.OpFinish, []byte(`{}`), sandbox.CallOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		if i == admissions/5 {
			runtime.GC()
			before = residentBytes(t)
		}
	}
	runtime.GC()
	grown := residentBytes(t) - before
	t.Logf("%d KiB more after %d admissions", grown>>10, admissions*4/5)
	if grown > 64<<20 {
		t.Errorf("%d MiB are not given back", grown>>20)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	quiet(t, goroutines)
	noMappingsLeft(t, maps)
}
