package sandbox_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/sandbox"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

const okAnswer = `{"output":1}`

// TestAdmission is about modules that get no further than admission.
func TestAdmission(t *testing.T) {
	h := newHost(t, sandbox.Config{MemoryMiB: 1})
	for name, c := range map[string]struct {
		module    []byte
		code, say string
	}{
		"empty":                {nil, "protocol", "empty"},
		"not wasm":             {[]byte("#!/bin/sh\necho hello\n"), "protocol", "not a WASM module"},
		"header only":          {[]byte("\x00asm\x01\x00\x00\x00"), "protocol", "does not export plim_abi_1"},
		"component":            {[]byte("\x00asm\x0d\x00\x01\x00"), "protocol", "component"},
		"cut off":              {asm{answer: okAnswer, noDesc: true}.bytes()[:40], "protocol", ""},
		"nonsense inside":      {cat([]byte("\x00asm\x01\x00\x00\x00"), 1, sized([]byte{9, 9, 9})), "protocol", "not valid"},
		"imports a file":       {asm{imports: importFunc("env", "open", 0), imported: 1}.bytes(), "capability", "another host"},
		"imports from nowhere": {asm{imports: importFunc("net", "connect", 0), imported: 1}.bytes(), "capability", "net.connect"},
		"unknown plim":         {asm{imports: importFunc("plim", "fetch", 0), imported: 1}.bytes(), "capability", "host, host_read and log"},
		"unknown wasi":         {asm{imports: importFunc("wasi_snapshot_preview1", "fd_open", 0), imported: 1}.bytes(), "capability", "does not have"},
		"wrong signature":      {asm{imports: importFunc("plim", "host", 0), imported: 1}.bytes(), "capability", "() -> (); the host has plim.host(i32, i32, i32) -> (i64)"},
		"imports a memory":     {asm{imports: cat(1, "plim", "memory", 2, 0, 1)}.bytes(), "protocol", "memor"},
		"imports a global":     {asm{imports: cat(1, "plim", "g", 3, tI32, 0)}.bytes(), "capability", "global plim.g"},
		"no marker":            {asm{exports: map[string]string{"plim_abi_1": ""}}.bytes(), "protocol", "does not export plim_abi_1"},
		"other version":        {asm{exports: map[string]string{"plim_abi_1": "plim_abi_2"}}.bytes(), "protocol", "plim_abi_2"},
		"wasi command":         {asm{init: []byte{}, exports: map[string]string{"_initialize": "_start"}}.bytes(), "protocol", "-buildmode=c-shared"},
		"no memory":            {asm{exports: map[string]string{"memory": "ram"}}.bytes(), "protocol", "under the name memory"},
		"no alloc":             {asm{exports: map[string]string{"plim_alloc": ""}}.bytes(), "protocol", "plim_alloc(i32) -> (i32)"},
		"call takes nothing":   {asm{callType: cat(0x60, 0, 1, tI64)}.bytes(), "protocol", "it must be plim_call(i32, i32, i32) -> (i64)"},
		"reserved export":      {asm{exports: map[string]string{"plim_abi_1": "plim_abi_1", "plim_alloc": "__plim_fuel"}}.bytes(), "protocol", "belong to the host"},
		"4 GiB of memory":      {asm{pages: 65536}.bytes(), "memory", "4096 MiB"},
		"2 MiB of memory":      {asm{pages: 32}.bytes(), "memory", "the limit is 1 MiB"},
		"asks for memory":      {manifest(t, abi.Manifest{ABI: 1, Ops: []string{"finish"}, Limits: abi.Limits{MemoryMiB: 2}}), "memory", "asks for 2 MiB"},
		"asks for time":        {manifest(t, abi.Manifest{ABI: 1, Ops: []string{"finish"}, Limits: abi.Limits{TimeoutMS: 99_000}}), "deadline", "1m39s"},
		"asks for output":      {manifest(t, abi.Manifest{ABI: 1, Ops: []string{"finish"}, Limits: abi.Limits{OutputBytes: 1 << 30}}), "output_limit", "the limit is"},
		"describes nonsense":   {asm{noDesc: true, answer: `{"abi":9}`}.bytes(), "schema", "abi is 9"},
		"traps in describe":    {asm{noDesc: true, call: []byte{opUnreachable}}.bytes(), "trap", "asking the module for its manifest"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.Admit(context.Background(), c.module, sandbox.AdmitOptions{})
			expect(t, err, c.code, c.say)
		})
	}
}

func manifest(t *testing.T, m abi.Manifest) []byte {
	module, err := abi.WithManifest(asm{answer: okAnswer}.bytes(), m)
	if err != nil {
		t.Fatal(err)
	}
	return module
}

func expect(t *testing.T, err error, code, say string) {
	t.Helper()
	var e *sandbox.Error
	if !errors.As(err, &e) || e.Code != code || !strings.Contains(e.Message, say) {
		t.Errorf("got %v, want code %s with %q", err, code, say)
	}
}

// TestHostile is about modules that are admitted and then misbehave. After each
// a well-behaved module must still be answered.
func TestHostile(t *testing.T) {
	h := newHost(t, sandbox.Config{MemoryMiB: 1, Timeout: 300 * time.Millisecond, MaxOutput: 100})
	good := admit(t, h, asm{answer: okAnswer}.bytes())
	spin := cat(opLoop, empty, opBr, 0, opEnd, opUnreachable)
	answering := func(ptr, n uint32) []byte { return i64(abi.Pack(ptr, n, false)) }
	for name, c := range map[string]struct {
		module    asm
		code, say string
	}{
		"infinite loop":            {asm{call: spin}, "deadline", "300ms"},
		"spins while allocating":   {asm{alloc: spin}, "deadline", ""},
		"spins while initialising": {asm{init: spin}, "deadline", ""},
		"spinning start section":   {asm{init: spin, start: true}, "deadline", ""},
		"unreachable":              {asm{call: []byte{opUnreachable}}, "trap", "unreachable"},
		"division by zero":         {asm{call: cat(i32(1), i32(0), opI32DivS, opI64Extend)}, "trap", "divide by zero"},
		"grows, then traps":        {asm{call: cat(i32(4096), opGrow, 0, opDrop, opUnreachable)}, "memory", "more than 1 MiB"},
		"stores outside":           {asm{call: cat(i32(-1), i32(1), opStore8, 0, 0, i64(0))}, "trap", "out of bounds"},
		"answers 0":                {asm{call: i64(0)}, "protocol", "no answer"},
		"no room":                  {asm{alloc: i32(0)}, "memory", "no room"},
		"allocates outside":        {asm{alloc: i32(-8)}, "protocol", "outside of the module's 131072 bytes"},
		"allocates at the end":     {asm{alloc: i32(131071)}, "protocol", "outside"},
		"answer outside":           {asm{call: answering(0xfffffff0, 50)}, "protocol", "50 bytes at 4294967280"},
		"answer across the end":    {asm{call: answering(131072-49, 50)}, "protocol", "outside"},
		"answer at the end":        {asm{call: answering(131072, 0)}, "protocol", "not JSON"},
		"answer of 2 GiB":          {asm{call: answering(0, abi.MaxLen)}, "output_limit", "2147483647 bytes"},
		"answer of limit+1":        {asm{call: answering(1, 101)}, "output_limit", "the limit is 100"},
		"all bits":                 {asm{call: i64(-1)}, "output_limit", ""},
		"invalid UTF-8":            {asm{answer: "{\"output\":\"\xff\"}"}, "utf8", "not UTF-8"},
		"lone high surrogate":      {asm{answer: `{"output":"\ud800"}`}, "utf8", "surrogate"},
		"lone low surrogate":       {asm{answer: `{"output":"a\\\udc00b"}`}, "utf8", "surrogate"},
		"high, then no low":        {asm{answer: `{"output":"\ud83d\u0041"}`}, "utf8", "surrogate"},
		"not JSON":                 {asm{answer: `{"output":`}, "protocol", "not JSON"},
		"NaN":                      {asm{answer: `{"output":NaN}`}, "protocol", "not JSON"},
		"wrong shape":              {asm{answer: `{"text":"a"}`}, "schema", "output is missing"},
		"array":                    {asm{answer: `[1]`}, "schema", "shape"},
		"failure without a code":   {asm{answer: `{"why":"x"}`, failed: true}, "schema", "not {code, message}"},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := h.Admit(context.Background(), c.module.bytes(), sandbox.AdmitOptions{})
			if c.module.init != nil { // started once at admission, and refused there
				expect(t, err, c.code, c.say)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			for range 2 { // a second call must not run on in what the first one broke
				start := time.Now()
				_, err := a.Call(context.Background(), abi.OpFinish, []byte(`{"input":1,"completion":"abc"}`), sandbox.CallOptions{})
				expect(t, err, c.code, c.say)
				if took := time.Since(start); took > 5*time.Second {
					t.Errorf("took %s", took)
				}
			}
			raw, err := good.Call(context.Background(), abi.OpFinish, []byte(`{}`), sandbox.CallOptions{})
			if err != nil || string(raw) != okAnswer {
				t.Errorf("afterwards a good module gives %s %v", raw, err)
			}
		})
	}
}

func TestGoodAnswers(t *testing.T) {
	h := newHost(t, sandbox.Config{})
	for _, answer := range []string{okAnswer, `{"output":null}`, `{"output":"\ud83d\ude00 \\ud800 \u00e9 é"}`} {
		a := admit(t, h, asm{answer: answer}.bytes())
		raw, err := a.Call(context.Background(), abi.OpFinish, []byte(`{}`), sandbox.CallOptions{})
		if err != nil || string(raw) != answer {
			t.Errorf("got %s %v, want %s", raw, err, answer)
		}
	}
	a := admit(t, h, asm{answer: `{"code":"no_date","message":"m","retryable":true,"detail":"d"}`, failed: true}.bytes())
	_, err := a.Call(context.Background(), abi.OpFinish, []byte(`{}`), sandbox.CallOptions{})
	var e *sandbox.Error
	if !errors.As(err, &e) || !e.Guest || !e.Retryable || e.Code != "no_date" || e.Message != "m" || e.Detail != "d" {
		t.Errorf("a guest's failure arrives as %+v", e)
	}
	if _, err := a.Call(context.Background(), abi.OpFinish, []byte(`{`), sandbox.CallOptions{}); err == nil {
		t.Error("input that is no JSON was handed over")
	}
}

// TestNothingSurvives counts in a global: every call must find it at zero.
func TestNothingSurvives(t *testing.T) {
	h := newHost(t, sandbox.Config{})
	first := cat(opGlobalGet, 0, opI64Eqz, opIf, tI64,
		i64(1), opGlobalSet, 0, i32(5000), i32(255), opStore8, 0, 0, i64(abi.Pack(4096, 12, false)),
		0x05, opUnreachable, opEnd)
	a := admit(t, h, asm{answer: okAnswer, call: first}.bytes())
	for n := range 3 {
		if raw, err := a.Call(context.Background(), abi.OpFinish, []byte(`{}`), sandbox.CallOptions{}); err != nil || string(raw) != okAnswer {
			t.Errorf("call %d: %s %v", n, raw, err)
		}
	}
	// The buffer that the calls above wrote into is used again by another module,
	// which must read zeros: it answers with 16 bytes at 5000.
	b := admit(t, h, asm{call: i64(abi.Pack(5000, 1, false))}.bytes())
	_, err := b.Call(context.Background(), abi.OpFinish, []byte(`{}`), sandbox.CallOptions{})
	expect(t, err, "protocol", "not JSON: \x00")
}

func TestSameBytesAreCompiledOnce(t *testing.T) {
	h := newHost(t, sandbox.Config{})
	module := asm{answer: okAnswer}.bytes()
	a, b := admit(t, h, module), admit(t, h, bytes.Clone(module))
	if a.Digest() != b.Digest() {
		t.Errorf("digests %s and %s", a.Digest(), b.Digest())
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if raw, err := b.Call(context.Background(), abi.OpFinish, []byte(`{}`), sandbox.CallOptions{}); err != nil {
		t.Errorf("after the other one was closed: %s %v", raw, err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if c := admit(t, h, module); c.Digest() != a.Digest() {
		t.Error("it cannot be admitted again")
	}
}

// TestHostCalls asks for the list of host ops, and for one that is not offered:
// host(op), then host_read of the whole answer to 4096, which becomes the output.
func TestHostCalls(t *testing.T) {
	h := newHost(t, sandbox.Config{})
	for op, want := range map[int32]string{
		0: `{"ops":[]}`,
		1: `{"code":"capability","message":"the host can be called in op run only"}`,
		9: `{"code":"capability","message":"this host does not offer host op 9"}`,
	} {
		ask := cat(i32(op), i32(0), i32(0), opCall, 0, opDrop, i32(4096), i32(200), opCall, 1, opDrop)
		a := admit(t, h, asm{
			imports:  cat(2, "plim", "host", 0, 2, "plim", "host_read", 0, 4),
			imported: 2,
			call:     cat(ask, i64(abi.Pack(4096, uint32(len(want)), true))),
		}.bytes())
		_, err := a.Call(context.Background(), abi.OpFinish, []byte(`{}`), sandbox.CallOptions{})
		if op == 0 {
			expect(t, err, "schema", want)
			continue
		}
		var e *sandbox.Error
		if !errors.As(err, &e) || !e.Guest || e.Code != "capability" || !strings.Contains(want, e.Message) {
			t.Errorf("host op %d: %v", op, err)
		}
	}
}

// TestRecursion has its own limit of time: the engine doubles the stack up to
// 50 MB before it stops a guest, which takes longer on a busy machine.
func TestRecursion(t *testing.T) {
	h := newHost(t, sandbox.Config{Timeout: 30 * time.Second})
	a := admit(t, h, asm{call: cat(opGet, 0, opGet, 1, opGet, 2, opCall, 2)}.bytes())
	_, err := a.Call(context.Background(), abi.OpFinish, []byte(`{}`), sandbox.CallOptions{})
	expect(t, err, "stack", "too deep")
}
