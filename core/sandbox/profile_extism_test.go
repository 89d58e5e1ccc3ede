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

// TestGoPlugin is written with Extism's own kit.
func TestGoPlugin(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("there is no go tool to build the plugin with")
	}
	out := filepath.Join(t.TempDir(), "plugin.wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-o", out, ".")
	cmd.Dir = filepath.Join("testdata", "plugin")
	// Tests need no network: without the kit in the module cache this one is left out.
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOPROXY=off", "GOWORK=off", "GOFLAGS=")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("Extism's kit is not in the module cache (in %s: go mod download): %s", cmd.Dir, text)
	}
	raw, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	a := admit(t, newHost(t, sandbox.Config{Timeout: 30 * time.Second}), raw)
	if f := a.Facts(); f.Profile != "extism" || !f.Restored || strings.Join(f.Ops, " ") != "finish" {
		t.Errorf("admitted as %+v", f)
	}
	const long = "0123456789abcdefghijklmnopqrstuvwxyz"
	for _, c := range []struct{ do, text, code, say string }{
		{do: "", text: long},
		{do: "var", text: `before \"\" after \"value\" removed \"\"`},
		{do: "config", text: "false"},
		{do: "log", text: long},
		{do: "free", text: long},
		{do: "fail", code: "failed", say: "there is no date"},
		{do: "code", code: "no_date", say: "there is no date"},
		{do: "quiet", code: "failed", say: "ended finish with 5 and set no error"},
		{do: "nothing", code: "protocol", say: "set no output"},
		{do: "fetch", code: "capability", say: "GET https://example.com/secret"},
		{do: "memory", code: "memory", say: "64 MiB"},
		{do: "panic", code: "trap"},
	} {
		var fuel int64
		for i := range 2 {
			var lines []sandbox.Line
			var used sandbox.Used
			got, err := a.Call(context.Background(), abi.OpFinish, []byte(`{"input":{"do":"`+c.do+`"},"completion":"`+long+`"}`), sandbox.CallOptions{Used: &used, Log: func(l sandbox.Line) { lines = append(lines, l) }})
			var e *sandbox.Error
			switch {
			case c.code == "" && (err != nil || string(got) != `{"output":{"calls":1,"text":"`+c.text+`"}}` && c.do != "config"):
				t.Errorf("%s: %s %v", c.do, got, err)
			case c.code != "" && (!errors.As(err, &e) || e.Code != c.code || !strings.Contains(e.Message, c.say)):
				t.Errorf("%s: %s %v, want %s with %q", c.do, got, err, c.code, c.say)
			case i == 1 && used.Fuel != fuel:
				t.Errorf("%s: %d units and then %d", c.do, fuel, used.Fuel)
			}
			fuel = used.Fuel
			if c.do == "log" && (len(lines) == 0 || lines[0] != sandbox.Line{Level: sandbox.LevelWarn, Text: "watch out"}) {
				t.Errorf("logged %v", lines)
			}
		}
	}
}

func TestCPlugin(t *testing.T) {
	if _, err := exec.LookPath("clang"); err != nil {
		t.Skip("there is no clang")
	}
	out := filepath.Join(t.TempDir(), "plugin.wasm")
	text, err := exec.Command("clang", "--target=wasm32", "-O2", "-nostdlib", "-Wl,--no-entry", "-o", out, "testdata/plugin.c").CombinedOutput()
	if err != nil {
		t.Skipf("this clang does not build for WASM (Debian: apt-get install clang lld): %s", text)
	}
	raw, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	a := admit(t, newHost(t, sandbox.Config{}), raw)
	if got := strings.Join(a.Facts().Ops, " "); got != "finish check" {
		t.Errorf("it has %s", got)
	}
	for i, in := range []string{`1`, `{"input":"` + strings.Repeat("é", 10_000) + `"}`, `"short"`} {
		var used sandbox.Used
		got, err := a.Call(context.Background(), abi.OpFinish, []byte(in), sandbox.CallOptions{Used: &used})
		if err != nil || string(got) != `{"output":`+in+`}` || i > 0 && used.Fresh {
			t.Errorf("finish of %.20s: %.60s %v %+v", in, got, err, used)
		}
		if got, err = a.Call(context.Background(), abi.OpCheck, []byte(in), sandbox.CallOptions{}); err != nil || string(got) != `{"passed":true}` {
			t.Errorf("check of %.20s: %s %v", in, got, err)
		}
	}
}

// Import indices of plugin.
const (
	extAlloc = iota
	extFree
	extLength
	extLoad8
	extLoad64
	extStore8
	extStore64
	extInputOffset
	extInputLoad64
	extOutput
	extError
	extVarGet
	extVarSet
	extLog
	extFetch
)

// plugin exports finish with this body, whose result is its i32.
func plugin(body []byte) module {
	const env = "extism:host/env"
	return module{
		types: [][]byte{signature("", "i"), signature("I", "I"), signature("I", ""), signature("I", "i"), signature("Ii", ""), signature("II", ""), signature("", "I"), signature("II", "I")},
		imports: []imported{
			{env, "alloc", 1}, {env, "free", 2}, {env, "length", 1}, {env, "load_u8", 3}, {env, "load_u64", 1}, {env, "store_u8", 4}, {env, "store_u64", 5},
			{env, "input_offset", 6}, {env, "input_load_u64", 1}, {env, "output_set", 5}, {env, "error_set", 2}, {env, "var_get", 1}, {env, "var_set", 5}, {env, "log_info", 2}, {env, "http_request", 7},
		},
		funcs: []function{{"finish", 0, body}},
	}
}

func TestHostilePlugins(t *testing.T) {
	const (
		opI64Sub   = 0x7d
		opI64Wrap  = 0xa7
		minusEight = -8
	)
	alloc := func(n int64) []byte { return cat(i64(n), opCall, extAlloc) }
	say := cat(alloc(64), opSet, 0, opGet, 0, i64(0x3a), opCall, extStore64) // local 0 has 64 bytes
	zero := i32(0)
	// answer "output": the input as it is is no answer, so finish has schema.
	h := newHost(t, sandbox.Config{Fuel: 100_000_000, MemoryMiB: 8, MaxOutput: 2 << 20, Timeout: time.Minute})
	for name, c := range map[string]struct {
		body      []byte
		code, say string
	}{
		"alloc 2^63":              {cat(alloc(-1<<63), opDrop, zero), "memory", "9223372036854775808 bytes"},
		"alloc 2^64-1":            {cat(alloc(-1), opDrop, zero), "memory", "18446744073709551615 bytes"},
		"alloc 16 MiB":            {cat(alloc(16<<20), opDrop, zero), "memory", "limit of 8 MiB"},
		"alloc for ever":          {cat(opLoop, empty, alloc(1<<20), opDrop, opBr, 0, opEnd, zero), "memory", "limit of 8 MiB"},
		"alloc a byte for ever":   {cat(opLoop, empty, alloc(1), opDrop, opBr, 0, opEnd, zero), "", ""},
		"alloc and free for ever": {cat(opLoop, empty, alloc(1<<16), opCall, extFree, opBr, 0, opEnd, zero), "fuel", ""},
		"alloc 0":                 {cat(alloc(0), opI64Wrap), "protocol", "set no output"},
		"load outside":            {cat(i64(1<<40), opCall, extLoad64, opDrop, zero), "trap", "read 8 bytes at 1099511627776"},
		"load at 0":               {cat(say, i64(0), opCall, extLoad8), "trap", "read 1 bytes at 0"},
		"load over the end":       {cat(say, opGet, 0, i64(249), opI64Add, opCall, extLoad64, opDrop, zero), "trap", "read 8 bytes"},
		"load that overflows":     {cat(say, i64(minusEight), opCall, extLoad64, opDrop, zero), "trap", "read 8 bytes at 18446744073709551608"},
		"store outside":           {cat(i64(64), i32(1), opCall, extStore8, zero), "trap", "wrote 1 bytes at 64"},
		"store that overflows":    {cat(say, i64(-1), i64(1), opCall, extStore64, zero), "trap", "wrote 8 bytes"},
		"input far behind":        {cat(i64(-1), opCall, extInputLoad64, opI64Wrap), "protocol", "set no output"},
		"output outside":          {cat(say, opGet, 0, i64(257), opCall, extOutput, zero), "protocol", "257 bytes at"},
		"output that overflows":   {cat(say, opGet, 0, i64(-1), opCall, extOutput, zero), "output_limit", "18446744073709551615 bytes"},
		"output at -1":            {cat(say, i64(-1), i64(2), opCall, extOutput, zero), "protocol", "2 bytes at"},
		"output of nothing":       {cat(i64(1000), i64(0), opCall, extOutput, zero), "protocol", "set no output"},
		"output of zeros":         {cat(alloc(16), i64(16), opCall, extOutput, zero), "protocol", "not JSON"},
		"free twice":              {cat(say, opGet, 0, opCall, extFree, opGet, 0, opCall, extFree, alloc(16), alloc(16), opI64Sub, opI64Eqz), "protocol", "set no output"},
		"free what is not there":  {cat(i64(12345), opCall, extFree, i64(-1), opCall, extFree, i64(0), opCall, extFree, zero), "protocol", "set no output"},
		"length of the middle":    {cat(say, opGet, 0, i64(1), opI64Add, opCall, extLength, opI64Wrap), "protocol", "set no output"},
		"length after free":       {cat(say, opGet, 0, opCall, extFree, opGet, 0, opCall, extLength, opI64Wrap), "protocol", "set no output"},
		"status":                  {i32(-1), "failed", "ended finish with -1"},
		"error":                   {cat(say, opGet, 0, opCall, extError, zero), "failed", ":"},
		"error outside":           {cat(i64(77), opCall, extError, zero), "protocol", "set no output"},
		"variables without end": {cat(alloc(1<<20), opSet, 0, alloc(1), opSet, 1, opLoop, empty, opGet, 1, opGet, 1, opCall, extLoad8, i32(1), 0x6a, opCall, extStore8,
			opGet, 1, opGet, 0, opCall, extVarSet, opBr, 0, opEnd, zero), "memory", "limit of 8 MiB"},
		"a name of 1 MiB":     {cat(alloc(1<<20), opCall, extVarGet, opI64Wrap), "trap", "names have at most"},
		"an error of 3 MiB":   {cat(alloc(3<<20), opCall, extError, zero), "output_limit", "3145728 bytes"},
		"variable of nothing": {cat(i64(3), i64(4), opCall, extVarSet, i64(5), opCall, extVarGet, opI64Wrap), "protocol", "set no output"},
		"log of nothing":      {cat(i64(-1), opCall, extLog, zero), "protocol", "set no output"},
		"fetch":               {cat(i64(-1), i64(-1), opCall, extFetch, opDrop, zero), "capability", "has no network"},
		"trap":                {[]byte{opUnreachable}, "trap", "unreachable"},
		"the input as answer": {cat(opCall, extInputOffset, opSet, 0, opGet, 0, opGet, 0, opCall, extLength, opCall, extOutput, zero), "schema", "shape"},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := h.Admit(context.Background(), plugin(c.body).bytes(), sandbox.AdmitOptions{})
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				_, err := a.Call(context.Background(), abi.OpFinish, []byte(`{"a":"012345678"}`), sandbox.CallOptions{})
				var e *sandbox.Error
				if !errors.As(err, &e) || c.code != "" && e.Code != c.code || c.code == "" && e.Code != "memory" && e.Code != "fuel" || !strings.Contains(e.Message, c.say) {
					t.Errorf("got %v, want %s with %q", err, c.code, c.say)
				}
			}
		})
	}
}

// TestPluginsForget: what one call leaves in the arena, another must not find.
func TestPluginsForget(t *testing.T) {
	// finish: at = alloc(64); if load(at) != 0, trap; fill it; error_set(var_get(at))
	body := cat(i64(64), opCall, extAlloc, opSet, 0, opGet, 0, opCall, extLoad64, opI64Eqz, 0x45, opIf, empty, opUnreachable, opEnd,
		opGet, 0, i64(-1), opCall, extStore64, opGet, 0, opCall, extVarGet, i64(0), 0x52, opIf, empty, opUnreachable, opEnd,
		opGet, 0, opGet, 0, opCall, extVarSet, i32(7))
	a := admit(t, newHost(t, sandbox.Config{}), plugin(body).bytes())
	for range 3 {
		_, err := a.Call(context.Background(), abi.OpFinish, []byte(`{}`), sandbox.CallOptions{})
		if !errors.Is(err, &sandbox.Error{Code: "failed", Guest: true}) {
			t.Error(err)
		}
	}
}

func TestRefusedPlugins(t *testing.T) {
	h := newHost(t, sandbox.Config{})
	for name, c := range map[string]struct {
		change    func(*module)
		code, say string
	}{
		"a function of another host's": {func(m *module) { m.imports[0] = imported{"extism:host/user", "kv_read", 1} }, "capability", "extism:host/user.kv_read"},
		"an old kit":                   {func(m *module) { m.imports[0] = imported{"extism:env", "extism_alloc", 1} }, "capability", "before version 1"},
		"a function of hosts":          {func(m *module) { m.imports[0] = imported{"extism:host/env", "input_set", 1} }, "capability", "extism:host/env.input_set"},
		"another signature":            {func(m *module) { m.imports[0] = imported{"extism:host/env", "alloc", 2} }, "capability", "alloc(i64) -> (i64)"},
		"no op":                        {func(m *module) { m.funcs[0].export = "count_vowels" }, "protocol", "exports none of prepare, finish, check, render, run"},
		"an op of another type":        {func(m *module) { m.funcs[0].typ = 1; m.funcs[0].body = i64(0) }, "protocol", "finish() -> (i32)"},
		"a start of another type":      {func(m *module) { m.funcs = append(m.funcs, function{"_initialize", 0, i32(0)}) }, "protocol", "_initialize() -> ()"},
		"another import":               {func(m *module) { m.imports[0] = imported{"env", "open", 1} }, "capability", "env.open"},
	} {
		t.Run(name, func(t *testing.T) {
			m := plugin(i32(0))
			c.change(&m)
			_, err := h.Admit(context.Background(), m.bytes(), sandbox.AdmitOptions{})
			expect(t, err, c.code, c.say)
		})
	}
}

// TestPluginStart: the ways in which toolchains want their runtimes started. Each
// function adds its digit to the number at 8192, which finish ends with.
func TestPluginStart(t *testing.T) {
	add := func(n int32) []byte {
		return cat(i32(8192), i32(8192), 0x28, 2, 0, i32(10), 0x6c, i32(n), 0x6a, 0x36, 2, 0)
	}
	h := newHost(t, sandbox.Config{})
	for name, c := range map[string]struct {
		starts []function
		want   string
	}{
		"none":          {nil, "with 0"},
		"reactor":       {[]function{{"_initialize", 8, add(1)}, {"__wasm_call_ctors", 8, add(2)}}, "with 1 "},
		"constructors":  {[]function{{"__wasm_call_ctors", 8, add(2)}}, "with 2 "},
		"Haskell":       {[]function{{"hs_init", 9, add(3)}}, "with 3 "},
		"both":          {[]function{{"hs_init", 9, add(3)}, {"_initialize", 8, add(1)}}, "with 13 "},
		"not a program": {[]function{{"_start", 8, add(4)}}, "with 0"},
	} {
		t.Run(name, func(t *testing.T) {
			m := plugin(cat(i32(8192), 0x28, 2, 0))
			m.types = append(m.types, signature("", ""), signature("ii", ""))
			m.funcs = append(m.funcs, c.starts...)
			a := admit(t, h, m.bytes())
			for range 2 {
				_, err := a.Call(context.Background(), abi.OpFinish, []byte(`{}`), sandbox.CallOptions{})
				if name == "none" || name == "not a program" {
					expect(t, err, "protocol", "set no output")
				} else if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v, want %q", err, c.want)
				}
			}
		})
	}
}
