// Package sandbox runs a skill's code as a WASM module that has no network, no
// files, no environment, and a clock and random numbers that are given to it. It
// is the only package that runs guests, and nothing of the engine's leaves it.
// It must not know skills, steps or files: it is handed bytes.
//
//	host, err := sandbox.New(sandbox.Config{CacheDir: dir})
//	code, err := host.Admit(ctx, module, sandbox.AdmitOptions{})
//	out, err := code.Call(ctx, abi.OpFinish, input, sandbox.CallOptions{Time: now, Seed: seed})
//	var e *sandbox.Error
//	if errors.As(err, &e) { fmt.Println(e.Code, e.Message) }
//
// Admission looks at a module in a process of its own, which is killed when it
// takes too long or too much: there the module is validated, rewritten (it then
// pays for what it does, in fuel, and counts how deep its calls nest) and compiled
// into the cache folder. Then an instance is made and started, and the image of
// its memory taken. Each call finds that image and nothing of the calls before
// it: afterwards the pages that it wrote are put back, or the instance is thrown
// away.
//
// A call is bounded by fuel, by the time that the guest itself takes, by memory,
// by the depth of its calls and by the length of its answer. A guest that does not
// stop by itself is stopped within milliseconds of its bound. Given equal module,
// input, time, seed and answers of the host, a call gives equal bytes and takes
// equal fuel, on any instance and in any process.
//
// A program that uses the package must call Child first in its main.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/plimsoll-dev/plimsoll/core/sandbox/pool"
	"github.com/plimsoll-dev/plimsoll/core/sandbox/wasmbin"
)

// Config of a Host. The zero value takes every default.
type Config struct {
	CacheDir  string        // compiled code is kept here, mode 0700; "" keeps it in a folder that Close removes
	MemoryMiB int           // of one instance; 64 when 0, at most 4096
	Timeout   time.Duration // that a guest may take for one call, and for its start; 2 s when 0
	MaxOutput int           // bytes of an answer; 4 MiB when 0
	Fuel      int64         // of one call, about one unit per instruction; 1e9 when 0

	PerSkill    int           // instances of one module that run at once; twice the CPUs, at least 4, when 0
	Running     int           // instances that run at once; eight times the CPUs, at least 16, when 0
	IdleMiB     int           // what idle instances may weigh together; 256 when 0
	IdleTime    time.Duration // after which an idle instance goes; 5 min when 0
	ResidentMiB int           // machine code and images that are kept ready; 512 when 0. What goes is loaded from the cache when it is called again

	Compiler       []string      // the command of the process that compiles; nil takes this program, which must call Child
	CompileTimeout time.Duration // processor time of that process, in whole seconds; three times as much on the clock; 10 s when 0
}

// The defaults.
const (
	DefaultMemoryMiB = 64
	DefaultTimeout   = 2 * time.Second
	DefaultMaxOutput = 4 << 20
	// DefaultFuel is reached before DefaultTimeout on most machines (0.4 to 0.8 s on
	// one of 2026), so that the end of a guest that does not stop is the same
	// everywhere: code fuel, at the same instruction.
	DefaultFuel = 1_000_000_000
)

const (
	defaultIdleMiB     = 256
	defaultIdleTime    = 5 * time.Minute
	defaultResidentMiB = 512
	defaultCompileTime = 10 * time.Second
	maxMemoryMiB       = 4096
	maxModule          = 64 << 20 // bytes; a Go guest has 3.5 MiB
	pageSize           = 64 << 10
)

// Host admits modules and runs them. It is safe for concurrent use.
type Host struct {
	config   Config
	temp     string // a cache folder of its own, removed by Close; "" when it was given one
	compiler compiler
	runtimes map[string]wazero.Runtime // by profile, because each offers its own imports; they share machine code
	cache    wazero.CompilationCache
	pool     *pool.Pool[*admission, *instance]
	fixed    *fixed
	uses     atomic.Int64 // counts calls, for the order of last use

	mu       sync.Mutex
	admitted map[string]*admission
	codes    map[string]*code
	resident int64 // bytes of loaded code and images
	closed   bool
	work     sync.WaitGroup // admissions under way, and the housekeeper
	end      context.CancelFunc
	alive    context.Context // ends with Close, and every call with it
}

// New makes a host. Whoever can write into Config.CacheDir can run any code in
// this process: it holds machine code. It is made with mode 0700, and refused
// where others may write into it.
func New(c Config) (*Host, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("making a sandbox: %w", err)
	}
	h := &Host{config: c, fixed: newFixed(), admitted: map[string]*admission{}, codes: map[string]*code{}, runtimes: map[string]wazero.Runtime{}}
	h.alive, h.end = context.WithCancel(context.Background())
	if err := h.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("making a sandbox: %w", err), h.Close())
	}
	h.work.Go(h.keepHouse)
	return h, nil
}

func (c Config) withDefaults() (Config, error) {
	cpus := runtime.NumCPU()
	c.MemoryMiB = orDefault(c.MemoryMiB, DefaultMemoryMiB)
	c.Timeout = orDefault(c.Timeout, DefaultTimeout)
	c.MaxOutput = orDefault(c.MaxOutput, DefaultMaxOutput)
	c.Fuel = orDefault(c.Fuel, DefaultFuel)
	c.PerSkill = orDefault(c.PerSkill, max(4, 2*cpus))
	c.Running = orDefault(c.Running, max(16, 8*cpus))
	c.IdleMiB = orDefault(c.IdleMiB, defaultIdleMiB)
	c.IdleTime = orDefault(c.IdleTime, defaultIdleTime)
	c.ResidentMiB = orDefault(c.ResidentMiB, defaultResidentMiB)
	c.CompileTimeout = orDefault(c.CompileTimeout, slowed*defaultCompileTime)
	if c.MemoryMiB < 1 || c.MemoryMiB > maxMemoryMiB {
		return c, fmt.Errorf("memory must be 1 to %d MiB", maxMemoryMiB)
	}
	if c.Timeout < 0 || c.MaxOutput < 0 || c.Fuel < 0 || c.PerSkill < 0 || c.Running < 0 || c.IdleMiB < 0 || c.IdleTime < 0 || c.ResidentMiB < 0 || c.CompileTimeout < 0 {
		return c, errors.New("no limit may be negative")
	}
	return c, nil
}

func (h *Host) open() error {
	c := h.config
	if c.CacheDir == "" {
		dir, err := os.MkdirTemp("", "plimsoll-wasm-")
		if err != nil {
			return fmt.Errorf("making a folder for compiled code: %w", err)
		}
		h.temp, c.CacheDir = dir, dir
	}
	if err := os.MkdirAll(c.CacheDir, 0o700); err != nil {
		return fmt.Errorf("making the folder for compiled code: %w", err)
	}
	if err := checkPrivate(c.CacheDir); err != nil {
		return err
	}
	var err error
	if h.cache, err = wazero.NewCompilationCacheWithDir(c.CacheDir); err != nil {
		return fmt.Errorf("opening the folder for compiled code: %w", err)
	}
	h.compiler = compiler{dir: c.CacheDir, command: c.Compiler, timeout: c.CompileTimeout, slots: make(chan struct{}, runtime.NumCPU())}
	for _, p := range append(profiles(), unlisted()...) {
		if err := h.offer(p); err != nil {
			return err
		}
	}
	h.pool, err = pool.New(pool.Config[*admission, *instance]{
		PerKey: c.PerSkill, Running: c.Running, IdleBytes: int64(c.IdleMiB) << 20, MaxIdle: c.IdleTime,
		Make:    func(ctx context.Context, m *admission) (*instance, error) { return m.make(ctx) },
		Cost:    (*instance).resident,
		Discard: (*instance).close,
	})
	return err
}

// offer makes what modules of a profile can import.
func (h *Host) offer(p profile) error {
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, engineConfig().WithCompilationCache(h.cache))
	h.runtimes[p.name()] = rt
	modules := maps.Clone(p.offers())
	modules[wasmbin.RuntimeModule] = rtFuncs()
	for module, functions := range modules {
		b := rt.NewHostModuleBuilder(module)
		for name, f := range functions {
			// WithGoModuleFunction costs 33 ns a call, the reflective WithFunc 1,030 ns.
			b.NewFunctionBuilder().WithGoModuleFunction(f.run, f.params, f.results).Export(name)
		}
		if _, err := b.Instantiate(ctx); err != nil {
			return fmt.Errorf("offering %s to %s: %w", module, p.name(), err)
		}
	}
	return nil
}

// keepHouse gives up instances that nobody called for long.
func (h *Host) keepHouse() {
	t := time.NewTicker(max(h.config.IdleTime/4, time.Second))
	defer t.Stop()
	for {
		select {
		case now := <-t.C:
			h.pool.Tick(now)
		case <-h.alive.Done():
			return
		}
	}
}

// Close ends the calls and admissions under way (code cancelled), waits for them,
// and frees everything that was admitted. Machine code that runs on while its
// memory is freed would be worse than waiting.
func (h *Host) Close() error {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.end()
	h.work.Wait()
	ctx := context.Background()
	var errs []error
	if h.pool != nil {
		errs = append(errs, h.pool.Close(ctx))
	}
	h.mu.Lock()
	admitted := h.admitted
	h.admitted = map[string]*admission{}
	h.mu.Unlock()
	for _, m := range admitted {
		h.forget(m)
	}
	for _, rt := range h.runtimes {
		errs = append(errs, rt.Close(ctx))
	}
	if h.cache != nil {
		errs = append(errs, h.cache.Close(ctx))
	}
	if h.temp != "" {
		errs = append(errs, os.RemoveAll(h.temp))
	}
	return errors.Join(errs...)
}

func orDefault[T int | int64 | time.Duration](v, d T) T {
	if v == 0 {
		return d
	}
	return v
}
