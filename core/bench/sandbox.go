package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/sandbox"
	"github.com/plimsoll-dev/plimsoll/core/sandbox/script"
	"github.com/plimsoll-dev/plimsoll/core/sandbox/wasmbin"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// language is a guest that answers as examples/hello-skill, in some language.
type language struct {
	name, module string // path; "" for the script
	code         *sandbox.Admitted
	metered      string // path of the rewritten module
}

// languages are those whose guest was built.
func languages(ctx context.Context, h *sandbox.Host, dir string) ([]*language, error) {
	var all []*language
	for _, l := range []*language{
		{name: "Go", module: "examples/hello-skill/skill.wasm"},
		{name: "C", module: "sdk/c/example/hello.wasm"},
		{name: "AssemblyScript", module: "sdk/assemblyscript/example/hello.wasm"},
		{name: "Rust", module: "sdk/rust/example/hello.wasm"},
	} {
		module, err := os.ReadFile(l.module)
		if errors.Is(err, os.ErrNotExist) {
			fmt.Printf("skip %s: %s is not built (make guests sdks)\n", l.name, l.module)
			continue
		}
		if err != nil {
			return nil, err
		}
		if l.code, err = h.Admit(ctx, module, sandbox.AdmitOptions{}); err != nil {
			return nil, fmt.Errorf("%s: %w", l.module, err)
		}
		rewritten, err := wasmbin.Meter(module, wasmbin.Options{})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.module, err)
		}
		l.metered = filepath.Join(dir, l.name+".wasm")
		if err := os.WriteFile(l.metered, rewritten.Code, 0o600); err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	program, err := script.Bundle(os.DirFS("sdk/typescript/example"), "skill.ts")
	if err != nil {
		return nil, err
	}
	js := &language{name: "JavaScript"}
	if js.code, err = h.AdmitScript(ctx, program, sandbox.AdmitOptions{}); err != nil {
		return nil, fmt.Errorf("skill.ts: %w", err)
	}
	return append(all, js), nil
}

// calls makes a racer of op finish.
func calls(name string, code *sandbox.Admitted, input []byte, o sandbox.CallOptions) *racer {
	return &racer{name: name, run: func(n int) (time.Duration, []byte, error) {
		var out []byte
		began := time.Now()
		for range n {
			var err error
			if out, err = code.Call(context.Background(), abi.OpFinish, input, o); err != nil {
				return 0, nil, err
			}
		}
		return time.Since(began), out, nil
	}}
}

// config is that of a host under measurement. A machine that is busy with other
// things may let a process wait for seconds; that is not to end a call.
func config(dir string) sandbox.Config {
	return sandbox.Config{CacheDir: filepath.Join(dir, "cache"), Timeout: time.Minute}
}

// sandboxes measures what a call of a skill's code costs, what it may cost at
// most, and what a host of many skills holds.
func sandboxes(string) (figures []figure, err error) {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "plimsoll-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	h, err := sandbox.New(config(dir))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	other, err := startRival()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, other.close()) }()
	if other == nil {
		fmt.Printf("skip Extism and the bare engine: %s is not built (see core/bench/extism)\n", rivals)
	}
	all, err := languages(ctx, h, dir)
	if err != nil {
		return nil, err
	}
	for _, part := range []func() ([]figure, error){
		func() ([]figure, error) { return callFigures(all, other, "small", 3) },
		func() ([]figure, error) { return callFigures(all, other, "large", 1.5) },
		func() ([]figure, error) { return meterFigures(all, other) },
		func() ([]figure, error) { return hostFigures(ctx, h) },
		func() ([]figure, error) { return admitFigures(ctx, dir) },
		func() ([]figure, error) { return stopFigures(ctx, filepath.Join(dir, "cache")) },
		func() ([]figure, error) { return fuelFigures(ctx, all) },
		func() ([]figure, error) { return crowdFigures(ctx, dir) },
	} {
		more, err := part()
		if err != nil {
			return nil, err
		}
		figures = append(figures, more...)
	}
	return figures, nil
}

const rounds = 41

func inputFile(size string) string { return filepath.Join("sdk", "testdata", "hello", size+".json") }

// callFigures measures calls with one input; most is the target of the C guest
// against native code.
func callFigures(all []*language, other *rival, size string, most float64) ([]figure, error) {
	input, err := os.ReadFile(inputFile(size))
	if err != nil {
		return nil, err
	}
	program := native()
	floor := &racer{name: "native Go", run: func(n int) (time.Duration, []byte, error) {
		var out []byte
		began := time.Now()
		for range n {
			var err error
			if out, err = program.Call(abi.OpFinish, input); err != nil {
				return 0, nil, err
			}
		}
		return time.Since(began), out, nil
	}}
	racers := []*racer{floor}
	add := func(r *racer) *racer {
		racers = append(racers, r)
		return r
	}
	isolated, fresh, plain := map[string]*racer{}, map[string]*racer{}, map[string]*racer{}
	for _, l := range all {
		isolated[l.name] = add(calls("isolated "+l.name, l.code, input, sandbox.CallOptions{}))
		fresh[l.name] = add(calls("fresh "+l.name, l.code, input, sandbox.CallOptions{Fresh: true}))
		if other != nil && l.module != "" {
			plain[l.name] = add(other.racer("plain", l.module, inputFile(size)))
		}
	}
	var single, pooled *racer
	if other != nil {
		if _, err := os.Stat(plugin); err == nil {
			single, pooled = add(other.racer("extism fresh", plugin, inputFile(size))), add(other.racer("extism pooled", plugin, inputFile(size)))
		} else {
			fmt.Printf("skip Extism: %s is not built (it needs clang)\n", plugin)
		}
	}
	if err := sameAnswers(racers); err != nil {
		return nil, err
	}
	if err := race(rounds, racers...); err != nil {
		return nil, err
	}
	kb := fmt.Sprintf("%.1f KB", float64(len(input))/1000)
	figures := []figure{{fmt.Sprintf("native Go, %s", kb), "", brief(floor.each()), true}}
	for _, l := range all {
		target := 0.0
		if l.name == "C" {
			target = most
		}
		r := isolated[l.name]
		f := r.against(fmt.Sprintf("%s isolated, %s, against native Go", l.name, kb), floor, target)
		if l.name == "Go" && size == "small" {
			f.target, f.holds = "< 200us", r.undisturbed() < 200*time.Microsecond
		}
		figures = append(figures, f, r.against(fmt.Sprintf("%s isolated, %s, against a fresh instance", l.name, kb), fresh[l.name], 0))
		if p := plain[l.name]; p != nil {
			figures = append(figures, r.against(fmt.Sprintf("%s isolated, %s, against pooled without limits", l.name, kb), p, 0))
		}
	}
	if c := isolated["C"]; c != nil && single != nil {
		a, b := 0.0, 0.0
		if size == "small" {
			a, b = 0.1, 0.25
		}
		figures = append(figures, c.against(fmt.Sprintf("C isolated, %s, against extism fresh", kb), single, a), c.against(fmt.Sprintf("C isolated, %s, against extism pooled, timeout", kb), pooled, b))
	}
	return figures, nil
}

// sameAnswers holds everybody to the answer of the first: what does something
// else is not compared.
func sameAnswers(racers []*racer) error {
	var want []byte
	for _, r := range racers {
		_, out, err := r.run(1)
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		if out, err = canonjson.Transform(out); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		if want == nil {
			want = out
		}
		if !bytes.Equal(out, want) {
			return fmt.Errorf("%s answers %.200s; %s answered %.200s", r.name, out, racers[0].name, want)
		}
	}
	return nil
}

// meterFigures compares rewritten modules with the originals, both in the bare
// engine.
func meterFigures(all []*language, other *rival) ([]figure, error) {
	if other == nil {
		return nil, nil
	}
	var figures []figure
	for _, size := range []string{"small", "large"} {
		var racers []*racer
		for _, l := range all {
			if l.module != "" {
				racers = append(racers, other.racer("metered", l.metered, inputFile(size)), other.racer("plain", l.module, inputFile(size)))
			}
		}
		if err := race(rounds, racers...); err != nil {
			return nil, err
		}
		for i, l := range all {
			if l.module != "" {
				figures = append(figures, racers[2*i].against(fmt.Sprintf("%s metered, %s input, against the original", l.name, size), racers[2*i+1], 1.6))
			}
		}
	}
	return figures, nil
}
