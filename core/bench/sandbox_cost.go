package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"slices"
	"sync"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/sandbox"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// hostFigures: a guest that asks the host in a loop, against the same loop
// without asking.
func hostFigures(ctx context.Context, h *sandbox.Host) ([]figure, error) {
	const many = 10_000
	racers := make([]*racer, 2)
	var allocated [2]uint64
	for i, body := range [][]byte{turns(many, 0x41, 0, 0x41, 0, 0x41, 0, 0x10, 0, 0x1a), turns(many)} {
		module, err := made(body...)
		if err != nil {
			return nil, err
		}
		code, err := h.Admit(ctx, module, sandbox.AdmitOptions{})
		if err != nil {
			return nil, err
		}
		racers[i] = calls([]string{"host calls", "no host calls"}[i], code, []byte("{}"), sandbox.CallOptions{})
		if _, _, err := racers[i].run(1); err != nil {
			return nil, err
		}
		const repeats = 10
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, _, err := racers[i].run(repeats); err != nil {
			return nil, err
		}
		runtime.ReadMemStats(&after)
		allocated[i] = (after.Mallocs - before.Mallocs) / repeats
	}
	if err := race(rounds, racers...); err != nil {
		return nil, err
	}
	each := float64(racers[0].undisturbed()-racers[1].undisturbed()) / many
	median := float64(racers[0].each()-racers[1].each()) / many
	allocs := (float64(allocated[0]) - float64(allocated[1])) / many
	return []figure{
		{"a host call", "<= 50ns", fmt.Sprintf("%.1fns undisturbed, median %.1fns", each, median), each <= 50},
		{"allocations of a host call", "0", fmt.Sprintf("%.4f", math.Abs(allocs)), allocs < 0.001},
	}, nil
}

// admitFigures: a module that nobody has seen, and one that the cache folder has.
func admitFigures(ctx context.Context, dir string) ([]figure, error) {
	var figures []figure
	for name, path := range map[string]string{"C": "sdk/c/example/hello.wasm", "Go": "examples/hello-skill/skill.wasm"} {
		module, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		var cold, warm []time.Duration
		for i := range 3 {
			cache := filepath.Join(dir, fmt.Sprint("admit-", name, i))
			for _, list := range []*[]time.Duration{&cold, &warm, &warm} {
				h, err := sandbox.New(sandbox.Config{CacheDir: cache})
				if err != nil {
					return nil, err
				}
				began := time.Now()
				if _, err := h.Admit(ctx, module, sandbox.AdmitOptions{}); err != nil {
					return nil, err
				}
				*list = append(*list, time.Since(began))
				if err := h.Close(); err != nil {
					return nil, err
				}
			}
		}
		slices.Sort(cold)
		slices.Sort(warm)
		figures = append(figures,
			figure{fmt.Sprintf("admission of the %s guest, cold", name), "", fmt.Sprintf("%s, %d KB", brief(cold[len(cold)/2]), len(module)/1000), true},
			figure{fmt.Sprintf("admission of the %s guest, from the cache folder", name), "", brief(warm[len(warm)/2]), true})
	}
	slices.SortFunc(figures, func(a, b figure) int { return len(a.name) - len(b.name) })
	return figures, nil
}

// stopFigures: guests that do not end, and what they do to the process.
func stopFigures(ctx context.Context, cache string) (figures []figure, err error) {
	const timeout = 150 * time.Millisecond
	h, err := sandbox.New(sandbox.Config{CacheDir: cache, Timeout: timeout, Fuel: math.MaxInt64 / 4})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	var loop *sandbox.Admitted
	for _, g := range []struct {
		name string
		body []byte
	}{{"a loop", forever()}, {"calls without a loop", bomb()}, {"fills of 40 MiB", fills()}} {
		module, err := made(g.body...)
		if err != nil {
			return nil, err
		}
		code, err := h.Admit(ctx, module, sandbox.AdmitOptions{})
		if err != nil {
			return nil, err
		}
		if loop == nil {
			loop = code
		}
		var over []time.Duration
		var last error
		for range 9 {
			began := time.Now()
			_, last = code.Call(ctx, abi.OpFinish, []byte("{}"), sandbox.CallOptions{})
			over = append(over, time.Since(began)-timeout)
		}
		var e *sandbox.Error
		if !errors.As(last, &e) || e.Code != string(abi.Deadline) {
			return nil, fmt.Errorf("%s ended with %w", g.name, last)
		}
		slices.Sort(over)
		figures = append(figures, figure{"overshoot of " + g.name, "<= 50ms", fmt.Sprintf("%s, at worst %s", brief(over[len(over)/2]), brief(over[len(over)-1])), over[len(over)/2] <= 50*time.Millisecond})
	}
	added, err := pauseFigure(ctx, loop)
	return append(figures, added), err
}

// pauseFigure compares pauses beside a guest that does not end with those beside
// Go code that does not end: on a machine with few processors anything that
// computes is in the way. Groups take turns, as in a race.
func pauseFigure(ctx context.Context, loop *sandbox.Admitted) (figure, error) {
	beside := func(work func(ends context.Context)) time.Duration {
		ends, stop := context.WithCancel(ctx)
		var wg sync.WaitGroup
		wg.Go(func() { work(ends) })
		defer wg.Wait()
		defer stop()
		return pause()
	}
	var last error
	var guests, natives []time.Duration
	for range 15 {
		guests = append(guests, beside(func(ends context.Context) {
			for ends.Err() == nil {
				_, last = loop.Call(ends, abi.OpFinish, []byte("{}"), sandbox.CallOptions{})
			}
		}))
		natives = append(natives, beside(func(ends context.Context) {
			for n := 0; n&0xffffff != 0 || ends.Err() == nil; n++ {
			}
		}))
	}
	slices.Sort(guests)
	slices.Sort(natives)
	guest, native := guests[len(guests)/2], natives[len(natives)/2]
	f := figure{"added to a GC pause by a guest, to that by Go code", "<= 5ms", fmt.Sprintf("%s: %s, beside Go code %s", brief(guest-native), brief(guest), brief(native)), guest-native <= 5*time.Millisecond}
	var e *sandbox.Error
	if !errors.As(last, &e) {
		return f, fmt.Errorf("the guest in a loop ended with %w", last)
	}
	return f, nil
}

// pause is the longest of five stops of the world, from asking for it to going
// on. The first is given time, so that there is somebody to stop.
func pause() time.Duration {
	read := func() *metrics.Float64Histogram {
		s := []metrics.Sample{{Name: "/sched/pauses/total/gc:seconds"}}
		metrics.Read(s)
		return s[0].Value.Float64Histogram()
	}
	before := slices.Clone(read().Counts)
	for range 5 {
		time.Sleep(2 * time.Millisecond)
		runtime.GC()
	}
	after := read()
	for i := len(after.Counts) - 1; i >= 0; i-- {
		if after.Counts[i] > before[i] {
			return time.Duration(after.Buckets[i] * 1e9)
		}
	}
	return 0
}

// fuels is the fuel of a call by language and input, on used and new instances.
func fuels(ctx context.Context, all []*language) (map[string]int64, error) {
	out := map[string]int64{}
	for _, l := range all {
		for _, size := range []string{"small", "large"} {
			input, err := os.ReadFile(inputFile(size))
			if err != nil {
				return nil, err
			}
			for i := range 6 {
				var used sandbox.Used
				if _, err := l.code.Call(ctx, abi.OpFinish, input, sandbox.CallOptions{Used: &used, Fresh: i%3 == 2}); err != nil {
					return nil, err
				}
				key := l.name + " " + size
				if fuel, ok := out[key]; ok && fuel != used.Fuel {
					return nil, fmt.Errorf("%s took %d units of fuel and then %d", key, fuel, used.Fuel)
				}
				out[key] = used.Fuel
			}
		}
	}
	return out, nil
}

// fuelOnly is what this program does as a process of its own, for fuelFigures.
func fuelOnly() error {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "plimsoll-bench-")
	if err != nil {
		return err
	}
	h, err := sandbox.New(config(dir))
	if err != nil {
		return err
	}
	all, err := languages(ctx, h, dir)
	if err != nil {
		return err
	}
	mine, err := fuels(ctx, all)
	if err != nil {
		return err
	}
	return errors.Join(json.NewEncoder(os.Stderr).Encode(mine), h.Close(), os.RemoveAll(dir))
}

// fuelFigures compares fuel with that in another process, which compiles anew.
func fuelFigures(ctx context.Context, all []*language) ([]figure, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	mine, err := fuels(ctx, all)
	if err != nil {
		return []figure{{"fuel over runs and processes", "identical", err.Error(), false}}, nil
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "fuel")
	cmd.Stderr = w // stdout has the lines about what is not built
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	w.Close()
	theirs := map[string]int64{}
	err = json.NewDecoder(r).Decode(&theirs)
	if err := errors.Join(err, cmd.Wait(), r.Close()); err != nil {
		return nil, fmt.Errorf("fuel in another process: %w", err)
	}
	f := figure{"fuel over runs and processes", "identical", fmt.Sprintf("identical, %d kinds of call", len(mine)), true}
	for key, fuel := range mine {
		if theirs[key] != fuel {
			f.measured, f.holds = fmt.Sprintf("%s: %d here, %d there", key, fuel, theirs[key]), false
		}
	}
	return []figure{f}, nil
}
