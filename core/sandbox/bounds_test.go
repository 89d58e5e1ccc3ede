package sandbox_test

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/sandbox"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// busy is what other processes and the race detector may add to a bound. A guest
// that is not stopped runs for ever, so that a test with it still fails.
const busy = 2 * time.Second

// fill is memory.fill of n bytes at 0.
func fill(n int32) []byte { return cat(i32(0), i32(7), i32(n), 0xfc, 0x0b, 0) }

func repeat(n int, code []byte) []byte {
	out := make([]byte, 0, n*len(code))
	for range n {
		out = append(out, code...)
	}
	return out
}

const full = 64 << 20 // the limit of memory of these tests

// growFull grows from 2 pages to all that is allowed.
var growFull = cat(i32(full/65536-2), opGrow, 0, opDrop)

// endless are guests that do not end by themselves.
func endless() map[string]asm {
	spin := cat(opLoop, empty, opBr, 0, opEnd, opUnreachable)
	return map[string]asm{
		"infinite loop":        {call: spin},
		"spins in plim_alloc":  {alloc: spin},
		"fills in a loop":      {call: cat(growFull, opLoop, empty, fill(full), opBr, 0, opEnd, opUnreachable)},
		"fills in a line":      {call: cat(growFull, repeat(3000, fill(full)), i64(0))},
		"copies in a line":     {call: cat(growFull, repeat(3000, cat(i32(1), i32(0), i32(full-1), 0xfc, 0x0a, 0, 0)), i64(0))},
		"grows for ever":       {call: cat(opLoop, empty, i32(1), opGrow, 0, opDrop, opBr, 0, opEnd, opUnreachable)},
		"calls itself twice":   {call: cat(opGet, 0, opGet, 1, opGet, 2, opCall, 2, opDrop, opGet, 0, opGet, 1, opGet, 2, opCall, 2)},
		"logs for ever":        {imports: importFunc("plim", "log", 3), imported: 1, call: cat(opLoop, empty, i32(1), i32(0), i32(65536), opCall, 0, opBr, 0, opEnd, opUnreachable)},
		"asks for ever":        {imports: importFunc("plim", "host", 2), imported: 1, call: cat(opLoop, empty, i32(0), i32(0), i32(0), opCall, 0, opDrop, opBr, 0, opEnd, opUnreachable)},
		"random for ever":      {imports: importFunc("wasi_snapshot_preview1", "random_get", 4), imported: 1, call: cat(growFull, opLoop, empty, i32(0), i32(full), opCall, 0, opDrop, opBr, 0, opEnd, opUnreachable)},
		"looks at the clock":   {imports: importFunc("wasi_snapshot_preview1", "sched_yield", 5), imported: 1, call: cat(opLoop, empty, opCall, 0, opDrop, opBr, 0, opEnd, opUnreachable)},
		"bombs without a loop": {bomb: 34},
	}
}

// TestEndlessGuestsAreStopped: each is stopped at its deadline, each at its fuel,
// and the next call is served at once.
func TestEndlessGuestsAreStopped(t *testing.T) {
	const timeout = 200 * time.Millisecond
	h := newHost(t, sandbox.Config{Timeout: timeout, Fuel: math.MaxInt64 / 4})
	short := newHost(t, sandbox.Config{Timeout: time.Minute, Fuel: 10_000_000})
	good := admit(t, h, asm{answer: okAnswer}.bytes())
	for name, guest := range endless() {
		t.Run(name, func(t *testing.T) {
			a := admit(t, h, guest.bytes())
			defer a.Close()
			var over time.Duration
			for range 2 {
				start := time.Now()
				_, err := a.Call(context.Background(), abi.OpFinish, []byte(`{}`), sandbox.CallOptions{})
				if name != "calls itself twice" { // which may find its stack used up first
					expect(t, err, "deadline", "200ms")
				} else if err == nil {
					t.Error("it came to an end")
				}
				over = max(over, time.Since(start)-timeout)
			}
			if over > 50*time.Millisecond+busy {
				t.Errorf("it was stopped %s behind its deadline", over)
			}
			t.Logf("stopped %s behind its deadline", over)
			if raw, err := good.Call(context.Background(), abi.OpFinish, []byte(`{}`), sandbox.CallOptions{}); err != nil || string(raw) != okAnswer {
				t.Errorf("afterwards a good module gives %s %v", raw, err)
			}

			b := admit(t, short, guest.bytes())
			defer b.Close()
			var used [2]sandbox.Used
			for i := range used {
				_, err := b.Call(context.Background(), abi.OpFinish, []byte(`{}`), sandbox.CallOptions{Used: &used[i]})
				if name != "calls itself twice" {
					expect(t, err, "fuel", "10000000 units")
				}
			}
			if used[0].Fuel != used[1].Fuel {
				t.Errorf("it was stopped at %d units of fuel, and then at %d", used[0].Fuel, used[1].Fuel)
			}
		})
	}
}

// TestCancelledWithinASlice: a caller who gives up is not kept waiting.
func TestCancelledWithinASlice(t *testing.T) {
	a := admit(t, newHost(t, sandbox.Config{Timeout: time.Hour, Fuel: math.MaxInt64 / 4}), endless()["infinite loop"].bytes())
	ctx, cancel := context.WithCancel(context.Background())
	var at time.Time
	time.AfterFunc(50*time.Millisecond, func() { at = time.Now(); cancel() })
	_, err := a.Call(ctx, abi.OpFinish, []byte(`{}`), sandbox.CallOptions{})
	over := time.Since(at)
	expect(t, err, "cancelled", "gave up")
	if over > 50*time.Millisecond+busy {
		t.Errorf("the call ended %s after it was cancelled", over)
	}
}

// TestHostTimeIsNotTheGuests: what the caller's function takes does not count.
func TestHostTimeIsNotTheGuests(t *testing.T) {
	m, err := abi.WithManifest(asm{
		imports: cat(1, "plim", "host", 0, 2), imported: 1, answer: okAnswer,
		call: cat(i32(1), i32(0), i32(0), opCall, 0, opDrop, i64(abi.Pack(4096, uint32(len(okAnswer)), false))),
	}.bytes(), abi.Manifest{ABI: 1, Ops: []string{"run"}, Capabilities: []string{"model.generate"}})
	if err != nil {
		t.Fatal(err)
	}
	a := admit(t, newHost(t, sandbox.Config{Timeout: 100 * time.Millisecond}), m)
	asked := 0
	slow := func(ctx context.Context, op abi.HostOp, payload []byte) ([]byte, error) {
		asked++
		time.Sleep(300 * time.Millisecond)
		return []byte(`{"completion":""}`), nil
	}
	if raw, err := a.Call(context.Background(), abi.OpRun, []byte(`{"input":1}`), sandbox.CallOptions{Host: slow}); err != nil || asked != 1 {
		t.Errorf("a slow host gives %s %v", raw, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	gone := func(ctx context.Context, op abi.HostOp, payload []byte) ([]byte, error) {
		cancel()
		<-ctx.Done()
		return nil, ctx.Err()
	}
	_, err = a.Call(ctx, abi.OpRun, []byte(`{"input":1}`), sandbox.CallOptions{Host: gone})
	expect(t, err, "cancelled", "gave up")
	held := func(ctx context.Context, op abi.HostOp, payload []byte) ([]byte, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if _, err := a.Call(context.Background(), abi.OpRun, []byte(`{"input":1}`), sandbox.CallOptions{Host: held, HostTimeout: 20 * time.Millisecond}); err != nil {
		t.Errorf("a host call that takes too long must fail by itself: %v", err)
	}
}

// TestPauseOfTheCollector: guests that spin, fill and recurse on every processor
// do not hold up Go's garbage collector.
func TestPauseOfTheCollector(t *testing.T) {
	pauses := func() *metrics.Float64Histogram {
		s := []metrics.Sample{{Name: "/sched/pauses/total/gc:seconds"}}
		metrics.Read(s)
		return s[0].Value.Float64Histogram()
	}
	// median and longest pause, each the lower end of its bucket
	measure := func(during func()) (median, longest time.Duration) {
		before := slices.Clone(pauses().Counts)
		during()
		after := pauses()
		var total, seen uint64
		for i := range after.Counts {
			total += after.Counts[i] - before[i]
		}
		for i, n := range after.Counts {
			if n -= before[i]; n == 0 {
				continue
			}
			longest = time.Duration(after.Buckets[i] * float64(time.Second))
			if seen < (total+1)/2 {
				median = longest
			}
			seen += n
		}
		return median, longest
	}
	collect := func() {
		for range 20 {
			runtime.GC()
		}
	}
	h := newHost(t, sandbox.Config{Timeout: time.Minute, Fuel: math.MaxInt64 / 4})
	// The system takes processors away from whoever computes: what a guest adds is seen beside Go code that computes as much.
	var stop atomic.Bool
	var spinners sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		spinners.Go(func() {
			for !stop.Load() {
			}
		})
	}
	quiet, quietest := measure(collect)
	stop.Store(true)
	spinners.Wait()
	for _, name := range []string{"infinite loop", "fills in a line", "bombs without a loop"} {
		a := admit(t, h, endless()[name].bytes())
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error)
		n := runtime.GOMAXPROCS(0)
		for range n {
			go func() {
				_, err := a.Call(ctx, abi.OpFinish, []byte(`{}`), sandbox.CallOptions{})
				done <- err
			}()
		}
		loud, loudest := measure(collect)
		cancel()
		for range n {
			<-done
		}
		t.Logf("%s: pauses of %s (longest %s), beside Go code of %s (longest %s)", name, loud, loudest, quiet, quietest)
		// The longest is what a busy machine makes of it, for Go code as well.
		if added := loud - quiet; added > 5*time.Millisecond {
			t.Errorf("%s: a pause of the collector takes %s longer", name, added)
		}
	}
}

// TestMemoryOfTheHost: a guest that takes all that it can get costs its limit and
// little more, and gives it back.
func TestMemoryOfTheHost(t *testing.T) {
	rss := func() int64 {
		debug.FreeOSMemory()
		return residentBytes(t)
	}
	h := newHost(t, sandbox.Config{Timeout: time.Minute, Fuel: math.MaxInt64 / 4})
	a := admit(t, h, asm{call: cat(growFull, fill(full), opUnreachable)}.bytes())
	deep := admit(t, h, asm{call: cat(opGet, 0, opGet, 1, opGet, 2, opCall, 2)}.bytes())
	before := rss()
	var peak int64
	stop, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		for {
			select {
			case <-stop:
				return
			default:
				peak = max(peak, residentBytes(t))
			}
		}
	}()
	for range 3 {
		_, err := a.Call(context.Background(), abi.OpFinish, []byte(`{}`), sandbox.CallOptions{})
		expect(t, err, "trap", "unreachable")
		_, err = deep.Call(context.Background(), abi.OpFinish, []byte(`{}`), sandbox.CallOptions{})
		expect(t, err, "stack", "too deep")
	}
	close(stop)
	<-watched
	t.Logf("%d MiB before, %d at most, %d after", before>>20, peak>>20, rss()>>20)
	if added := peak - before; added > full+32<<20 {
		t.Errorf("a guest of %d MiB costs %d MiB", full>>20, added>>20)
	}
	if left := rss() - before; left > 16<<20 {
		t.Errorf("%d MiB are not given back", left>>20)
	}
}

// TestSelfTestsEnd: a manifest cannot keep the one who admits it for hours.
func TestSelfTestsEnd(t *testing.T) {
	h := newHost(t, sandbox.Config{Fuel: 1_000_000})
	spin := cat(opLoop, empty, opGlobalGet, 0, i64(1), opI64Add, opGlobalSet, 0, opGlobalGet, 0, i64(60_000), 0x53, opBrIf, 0, opEnd)
	m := asm{answer: okAnswer, call: cat(spin, i64(abi.Pack(4096, uint32(len(okAnswer)), false))), noDesc: true}.bytes()
	manifest := abi.Manifest{ABI: 1, Ops: []string{"finish"}}
	for range abi.MaxSelfTests {
		manifest.SelfTests = append(manifest.SelfTests, abi.SelfTest{Op: "finish", Input: []byte(`{}`), Output: []byte(okAnswer)})
	}
	m, err := abi.WithManifest(m, manifest)
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.Admit(context.Background(), m, sandbox.AdmitOptions{})
	expect(t, err, "fuel", "the self-tests of the manifest take more than 10 times")
}

func ExampleHost_Admit() {
	h, err := sandbox.New(sandbox.Config{CacheDir: sharedCache})
	if err != nil {
		panic(err)
	}
	defer h.Close()
	a, err := h.Admit(context.Background(), asm{answer: okAnswer}.bytes(), sandbox.AdmitOptions{Limits: abi.Limits{MemoryMiB: 1}})
	if err != nil {
		panic(err)
	}
	raw, err := a.Call(context.Background(), abi.OpFinish, []byte(`{"input":1,"completion":"hello"}`), sandbox.CallOptions{})
	fmt.Println(string(raw), err, a.Facts().Profile, a.Facts().Restored)
	// Output: {"output":1} <nil> plim1 true
}
