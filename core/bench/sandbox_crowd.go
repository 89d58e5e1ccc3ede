package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/sandbox"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// crowd is how many skills a company is taken to have.
const crowd = 960

// crowdFigures admits many different modules, calls each of them, and looks at
// what the process then holds. The C guest is made different by the name in its
// manifest: each has code, an image and instances of its own.
func crowdFigures(ctx context.Context, dir string) (figures []figure, err error) {
	module, err := os.ReadFile("sdk/c/example/hello.wasm")
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	input, err := os.ReadFile(inputFile("small"))
	if err != nil {
		return nil, err
	}
	manifest, _, err := abi.ReadManifest(module)
	if err != nil {
		return nil, err
	}
	h, err := sandbox.New(sandbox.Config{CacheDir: filepath.Join(dir, "crowd")})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	before := resident()
	began := time.Now()
	for i := range crowd {
		manifest.Name = fmt.Sprintf("hello-%d", i)
		one, err := abi.WithManifest(module, manifest)
		if err != nil {
			return nil, err
		}
		code, err := h.Admit(ctx, one, sandbox.AdmitOptions{})
		if err != nil {
			return nil, err
		}
		if _, err := code.Call(ctx, abi.OpFinish, input, sandbox.CallOptions{}); err != nil {
			return nil, err
		}
	}
	took := time.Since(began)
	runtime.GC()
	after := resident()
	if after == 0 {
		return nil, nil // a system that does not say
	}
	return []figure{{fmt.Sprintf("memory held for %d skills, a call to each", crowd), "", fmt.Sprintf("%d MiB, %.0f KiB each", (after-before)>>20, float64(after-before)/1024/crowd), true},
		{fmt.Sprintf("admitting and calling %d skills", crowd), "", brief(took), true}}, nil
}

// resident is the memory of this process in bytes, 0 where the system has no
// /proc.
func resident() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		var kb int64
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kb); err == nil {
			return kb << 10
		}
	}
	return 0
}
