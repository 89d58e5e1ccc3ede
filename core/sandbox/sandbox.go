// Package sandbox runs a skill's code as a WASM module that has no network, no
// files, no environment, and a clock and random numbers that are given to it.
// It is the only package that imports wazero, and nothing of wazero's leaves
// it. It must not know skills, steps or files: it is handed bytes.
//
//	host, err := sandbox.New(sandbox.Config{CacheDir: dir})
//	code, err := host.Admit(ctx, module)
//	out, err := code.Call(ctx, abi.OpFinish, input, sandbox.CallOptions{Time: now, Seed: seed})
//	var e *sandbox.Error
//	if errors.As(err, &e) { fmt.Println(e.Code, e.Message) }
//
// Every call gets a fresh instance: what a call leaves in memory is gone with
// it. A call is bounded by memory, by time and by the length of its answer.
//
// What the deadline cannot do: the engine looks at it at function entries and
// loop heads. A guest inside one long instruction (memory.fill over its whole
// memory) is only stopped behind it, and straight-line code made of such
// instructions overshoots by seconds. Compilation at admission is not stopped at
// all; it is bounded by the size of the module only (maxModule), and hostile
// modules exist that are small and compile for a minute. So admit modules that
// somebody chose to install, never what a request brings along.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// Config of a Host. The zero value takes every default.
type Config struct {
	CacheDir  string        // compiled code is kept here, mode 0700; "" keeps it in memory
	MemoryMiB int           // of one instance; 64 when 0, at most 4096
	Timeout   time.Duration // of one call, start of the instance included; 2 s when 0
	MaxOutput int           // bytes of an answer; 4 MiB when 0
}

// The defaults.
const (
	DefaultMemoryMiB = 64
	DefaultTimeout   = 2 * time.Second
	DefaultMaxOutput = 4 << 20
)

const (
	maxMemoryMiB = 4096
	maxModule    = 64 << 20 // bytes; a Go guest has 3.5 MiB
	pageSize     = 64 << 10
	pagesPerMiB  = 16
)

// Host admits modules and runs them. It is safe for concurrent use.
type Host struct {
	config  Config
	runtime wazero.Runtime
	cache   wazero.CompilationCache

	mu       sync.Mutex
	admitted map[string]*admission
	closed   bool
	calls    sync.WaitGroup
	end      context.CancelFunc // ends every call
	alive    context.Context
	memories chan []byte // cleared buffers, to be used again
}

// New makes a host. Whoever can write into Config.CacheDir can run any code in
// this process: it holds machine code. It is made with mode 0700, and refused
// where others may write into it.
func New(c Config) (*Host, error) {
	c.MemoryMiB = orDefault(c.MemoryMiB, DefaultMemoryMiB)
	c.Timeout = orDefault(c.Timeout, DefaultTimeout)
	c.MaxOutput = orDefault(c.MaxOutput, DefaultMaxOutput)
	if c.MemoryMiB < 1 || c.MemoryMiB > maxMemoryMiB || c.Timeout < 0 || c.MaxOutput < 0 {
		return nil, fmt.Errorf("making a sandbox: memory must be 1 to %d MiB, timeout and output limit must not be negative", maxMemoryMiB)
	}
	cache, err := openCache(c.CacheDir)
	if err != nil {
		return nil, fmt.Errorf("making a sandbox: %w", err)
	}
	ctx := context.Background()
	h := &Host{
		config:   c,
		cache:    cache,
		admitted: map[string]*admission{},
		memories: make(chan []byte, idleMemories),
		// Memory is limited by the allocator and not by WithMemoryLimitPages: that
		// one refuses modules that declare a maximum above the limit, as toolchains
		// do out of habit, and does not tell when it made a guest fail.
		runtime: wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().
			WithCoreFeatures(api.CoreFeaturesV2).
			WithCloseOnContextDone(true).
			WithCompilationCache(cache)),
	}
	h.alive, h.end = context.WithCancel(ctx)
	if err := h.offer(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("making a sandbox: %w", err), h.Close())
	}
	return h, nil
}

// Close ends the calls under way (code cancelled), waits for them, and frees
// everything that was admitted. Machine code that runs on while its memory is
// freed would be worse than waiting.
func (h *Host) Close() error {
	h.mu.Lock()
	h.closed = true
	h.admitted = map[string]*admission{}
	h.mu.Unlock()
	h.end()
	h.calls.Wait()
	ctx := context.Background()
	return errors.Join(h.runtime.Close(ctx), h.cache.Close(ctx))
}

func openCache(dir string) (wazero.CompilationCache, error) {
	if dir == "" {
		return wazero.NewCompilationCache(), nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder for compiled code: %w", err)
	}
	if err := checkPrivate(dir); err != nil {
		return nil, err
	}
	cache, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the folder for compiled code: %w", err)
	}
	return cache, nil
}

func orDefault[T int | time.Duration](v, d T) T {
	if v == 0 {
		return d
	}
	return v
}
