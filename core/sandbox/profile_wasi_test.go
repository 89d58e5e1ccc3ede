package sandbox_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/sandbox"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

func buildCommand(t *testing.T) []byte {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("there is no go tool to build the program with")
	}
	out := filepath.Join(t.TempDir(), "command.wasm")
	cmd := exec.Command("go", "build", "-o", out, "./testdata/command")
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	raw, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestGoCommand(t *testing.T) {
	a := admit(t, newHost(t, sandbox.Config{Timeout: 30 * time.Second, MaxOutput: 64 << 10}), buildCommand(t))
	m, ok := a.Manifest()
	if f := a.Facts(); f.Profile != "wasi" || !f.Restored || !ok || m.Name != "command" || strings.Join(f.Ops, " ") != "finish" {
		t.Errorf("admitted as %+v", f)
	}
	in := func(do, completion string) []byte {
		return []byte(`{"input":{"do":"` + do + `"},"completion":"` + completion + `"}`)
	}
	want := `{"output":{"args":["skill","finish"],"calls":1,"env":[],"text":"` + strings.Repeat("x", 20_000) + `"}}`
	var fuel int64
	for i := range 3 {
		var lines []sandbox.Line
		var used sandbox.Used
		raw, err := a.Call(context.Background(), abi.OpFinish, in("", strings.Repeat("x", 20_000)), sandbox.CallOptions{Used: &used, Log: func(l sandbox.Line) { lines = append(lines, l) }})
		if err != nil || string(raw) != want {
			t.Fatalf("call %d: %.200s %v", i, raw, err)
		}
		if len(lines) != 1 || lines[0].Text != "all is well" {
			t.Errorf("call %d logged %v", i, lines)
		}
		if i > 0 && used.Fuel != fuel {
			t.Errorf("call %d took %d units, the one before %d", i, used.Fuel, fuel)
		}
		fuel = used.Fuel
	}
	for _, c := range []struct {
		do, code, say string
		guest         bool
	}{
		{"fail", "no_date", "there is no date", true},
		{"quiet", "failed", "exit code 4 and said nothing", true},
		{"nothing", "protocol", "wrote nothing to stdout", false},
		{"panic", "failed", "", true},
		{"flood", "output_limit", "more than 65536 bytes", false},
		{"spin", "fuel", "used up", false},
	} {
		_, err := a.Call(context.Background(), abi.OpFinish, in(c.do, "x"), sandbox.CallOptions{})
		var e *sandbox.Error
		if !errors.As(err, &e) || e.Code != c.code || e.Guest != c.guest || !strings.Contains(e.Message, c.say) {
			t.Errorf("%s: %v", c.do, err)
		}
		if c.do == "panic" && !strings.Contains(e.Detail, "main.main()") {
			t.Errorf("%s: the detail is %q", c.do, e.Detail)
		}
	}
	_, err := a.Call(context.Background(), abi.OpRender, []byte(`{}`), sandbox.CallOptions{Unchecked: true})
	if !errors.Is(err, &sandbox.Error{Code: "failed", Guest: true}) || !strings.Contains(err.Error(), `failed: there is no op "render"`) {
		t.Errorf("an op that it does not have: %v", err)
	}
}

func TestCCommand(t *testing.T) {
	if _, err := exec.LookPath("clang"); err != nil {
		t.Skip("there is no clang")
	}
	out := filepath.Join(t.TempDir(), "command.wasm")
	text, err := exec.Command("clang", "--target=wasm32-wasi", "-O2", "-o", out, "testdata/command.c").CombinedOutput()
	if err != nil {
		t.Skipf("this clang does not build for WASI (Debian: apt-get install wasi-libc libclang-rt-14-dev-wasm32): %s", text)
	}
	raw, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	h := newHost(t, sandbox.Config{})
	a := admit(t, h, raw)
	// It answers describe with something that is no manifest.
	if _, ok := a.Manifest(); ok || !a.Has(abi.OpCheck) || !a.Has(abi.OpRender) || a.Has(abi.OpFinish) {
		t.Errorf("without a manifest it has %v", a.Facts().Ops)
	}
	if raw, err = abi.WithManifest(raw, abi.Manifest{ABI: 1, Ops: []string{"finish"}}); err != nil {
		t.Fatal(err)
	}
	a = admit(t, h, raw)
	for range 2 {
		got, err := a.Call(context.Background(), abi.OpFinish, []byte(`{"input": 1}`), sandbox.CallOptions{})
		if err != nil || string(got) != `{"output": {"op": "finish", "bytes": 12, "calls": 1}}` {
			t.Errorf("finish: %s %v", got, err)
		}
		_, err = a.Call(context.Background(), abi.OpFinish, []byte(`{"input": "!"}`), sandbox.CallOptions{})
		if !errors.Is(err, &sandbox.Error{Code: "failed", Guest: true}) || !strings.Contains(err.Error(), "finish does not shout") {
			t.Errorf("a failure: %v", err)
		}
	}
}

// Import indices of wasiCommand.
const (
	wasiExit = iota
	wasiRead
	wasiWrite
	wasiArgs
	wasiArgSizes
)

// wasiCommand is a program by hand. At 4096 it has the list of one buffer, of 16
// bytes at 4104; behind it, at 4120, its text.
func wasiCommand(text string, body []byte, ops ...string) []byte {
	const wasi = "wasi_snapshot_preview1"
	m := module{
		types:   [][]byte{signature("", ""), signature("i", ""), signature("iiii", "i"), signature("ii", "i")},
		imports: []imported{{wasi, "proc_exit", 1}, {wasi, "fd_read", 2}, {wasi, "fd_write", 2}, {wasi, "args_get", 3}, {wasi, "args_sizes_get", 3}},
		funcs:   []function{{"_start", 0, body}},
		data:    "\x08\x10\x00\x00\x10\x00\x00\x00" + strings.Repeat("\x00", 16) + text,
	}
	if ops != nil {
		m.manifest = &abi.Manifest{ABI: 1, Ops: ops}
	}
	return m.bytes()
}

func TestHostileCommands(t *testing.T) {
	call := func(f int, args ...int32) []byte {
		var b []byte
		for _, a := range args {
			b = cat(b, i32(a))
		}
		return cat(b, opCall, f)
	}
	// buffer makes the list at 4096 say n bytes at ptr.
	buffer := func(ptr, n int32) []byte {
		return cat(i32(4096), i32(ptr), 0x36, 2, 0, i32(4100), i32(n), 0x36, 2, 0)
	}
	write := func(text string) []byte {
		return cat(buffer(4120, int32(len(text))), call(wasiWrite, 1, 4096, 1, 8192), opDrop)
	}
	// errno ends the program with the result of a call as its exit code.
	errno := func(b []byte) []byte { return cat(b, opCall, wasiExit) }
	const ok = `{"output":1}`
	h := newHost(t, sandbox.Config{MaxOutput: 1 << 16, Fuel: 100_000_000, Timeout: time.Minute})
	for name, c := range map[string]struct {
		body  []byte
		code  string // "" for success
		say   string
		guest bool
	}{
		"returns":              {write(ok), "", "", false},
		"exits with 0":         {cat(write(ok), call(wasiExit, 0)), "", "", false},
		"exits with 1":         {cat(write(ok), call(wasiExit, 1)), "failed", "exit code 1", true},
		"traps":                {cat(write(ok), opUnreachable), "trap", "unreachable", false},
		"says nothing":         {nil, "protocol", "wrote nothing", false},
		"spins":                {cat(opLoop, empty, opBr, 0, opEnd), "fuel", "", false},
		"reads the whole":      {errno(cat(buffer(0, 131072), call(wasiRead, 0, 4096, 1, 8192))), "protocol", "", false},
		"reads past memory":    {errno(cat(buffer(131000, 131072), call(wasiRead, 0, 4096, 1, 8192))), "failed", "exit code 21", true},
		"reads into -1":        {errno(cat(buffer(-1, -1), call(wasiRead, 0, 4096, 1, 8192))), "failed", "exit code 21", true},
		"2^32-1 buffers":       {errno(call(wasiRead, 0, 4096, -1, 8192)), "failed", "exit code 28", true},
		"list outside":         {errno(call(wasiRead, 0, -8, 1, 8192)), "failed", "exit code 21", true},
		"count outside":        {errno(call(wasiRead, 0, 4096, 1, -4)), "failed", "exit code 21", true},
		"reads fd 1":           {errno(call(wasiRead, 1, 4096, 1, 8192)), "failed", "exit code 8", true},
		"writes fd 0":          {errno(call(wasiWrite, 0, 4096, 1, 8192)), "failed", "exit code 8", true},
		"writes fd 3":          {errno(call(wasiWrite, 3, 4096, 1, 8192)), "failed", "exit code 8", true},
		"arguments outside":    {errno(call(wasiArgs, -4, 4096)), "failed", "exit code 21", true},
		"argument bytes":       {errno(call(wasiArgs, 4096, 131071)), "failed", "exit code 21", true},
		"argument sizes":       {errno(call(wasiArgSizes, 4096, -1)), "failed", "exit code 21", true},
		"answer of 128 KiB":    {cat(buffer(0, 131072), call(wasiWrite, 1, 4096, 1, 8192), opDrop), "output_limit", "more than 65536", false},
		"answer for ever":      {cat(opLoop, empty, call(wasiWrite, 1, 4096, 1, 8192), opDrop, opBr, 0, opEnd), "output_limit", "", false},
		"the memory to stderr": {cat(opLoop, empty, buffer(0, 131072), call(wasiWrite, 2, 4096, 1, 8192), opDrop, opBr, 0, opEnd), "fuel", "", false},
		"stderr for ever":      {cat(opLoop, empty, call(wasiWrite, 2, 4096, 1, 8192), opDrop, opBr, 0, opEnd), "fuel", "", false},
		"writes what it reads": {cat(buffer(16384, 64), call(wasiRead, 0, 4096, 1, 4100), opDrop, call(wasiWrite, 1, 4096, 1, 8192), opDrop), "schema", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			a := admit(t, h, wasiCommand(ok, c.body, "finish"))
			for range 2 {
				var used sandbox.Used
				raw, err := a.Call(context.Background(), abi.OpFinish, []byte(`{"a":1}`), sandbox.CallOptions{Used: &used})
				var e *sandbox.Error
				switch {
				case c.code == "" && used.Fresh:
					t.Error("the instance is not used again: ending is nothing bad")
				case c.code == "" && (err != nil || string(raw) != ok):
					t.Errorf("got %s %v", raw, err)
				case c.code != "" && (!errors.As(err, &e) || e.Code != c.code || e.Guest != c.guest || !strings.Contains(e.Message, c.say)):
					t.Errorf("got %s %v, want %s with %q", raw, err, c.code, c.say)
				}
			}
		})
	}
}

// TestCommandsThatDoNotDescribe: what a program without a manifest makes of op
// describe, which it never heard of.
func TestCommandsThatDoNotDescribe(t *testing.T) {
	h := newHost(t, sandbox.Config{Fuel: 100_000_000, Timeout: time.Minute})
	say := func(text string) []byte {
		n := int32(len(text))
		return cat(i32(4096), i32(4120), 0x36, 2, 0, i32(4100), i32(n), 0x36, 2, 0, i32(1), i32(4096), i32(1), i32(8192), opCall, wasiWrite, opDrop)
	}
	for name, c := range map[string]struct {
		text string
		body []byte
		code string
		ops  string
	}{
		"a manifest":        {`{"abi":1,"ops":["render"]}`, nil, "", "render"},
		"another answer":    {`{"passed":true}`, nil, "", "check render"},
		"no JSON":           {`usage: skill check`, nil, "", "check render"},
		"an exit code":      {`{"abi":1,"ops":["render"]}`, cat(i32(1), opCall, wasiExit), "", "check render"},
		"a trap":            {``, []byte{opUnreachable}, "", "check render"},
		"a wrong manifest":  {`{"abi":1,"ops":["finnish"]}`, nil, "schema", ""},
		"a program forever": {``, cat(opLoop, empty, opBr, 0, opEnd), "fuel", ""},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := h.Admit(context.Background(), wasiCommand(c.text, cat(say(c.text), c.body)), sandbox.AdmitOptions{})
			if c.code != "" {
				expect(t, err, c.code, "")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(a.Facts().Ops, " "); got != c.ops {
				t.Errorf("it has %s, want %s", got, c.ops)
			}
		})
	}
	_, err := h.Admit(context.Background(), module{types: [][]byte{signature("", "i")}, funcs: []function{{"_start", 0, i32(0)}}}.bytes(), sandbox.AdmitOptions{})
	expect(t, err, "protocol", "_start() -> ()")
	_, err = h.Admit(context.Background(), module{types: [][]byte{signature("", "")}, imports: []imported{{"plim", "log", 0}}, funcs: []function{{"_start", 0, nil}}}.bytes(), sandbox.AdmitOptions{})
	expect(t, err, "capability", "may import from wasi_snapshot_preview1 only")
}
