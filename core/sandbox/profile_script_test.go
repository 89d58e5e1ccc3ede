package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/sandbox/script"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// scriptHost is one host for all of these tests: its cache holds the interpreter.
var scriptHost = sync.OnceValues(func() (*Host, error) {
	return New(Config{MemoryMiB: 32, Timeout: 500 * time.Millisecond})
})

func admitScript(t testing.TB, code string) *Admitted {
	t.Helper()
	p, err := script.Bundle(fstest.MapFS{"skill.ts": {Data: []byte("import { skill, host, user } from \"@plimsoll/skill\";\n" + code)}}, "skill.ts")
	if err != nil {
		t.Fatal(err)
	}
	h, err := scriptHost()
	if err != nil {
		t.Fatal(err)
	}
	a, err := h.AdmitScript(context.Background(), p, AdmitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

const finishNothing = `{"input":{"n":1},"completion":""}`

// TestScriptHostile: a script that does not want to end is ended, with a code of
// the host's or a failure of its own, and the next call is served.
func TestScriptHostile(t *testing.T) {
	for name, c := range map[string]struct{ body, codes string }{
		"endless loop":        {`for (;;) {}`, "fuel deadline"},
		"endless promises":    {`const f = () => Promise.resolve().then(f); await f()`, "fuel deadline memory"},
		"endless awaits":      {`for (;;) await null`, "fuel deadline memory"},
		"endless timers":      {`const f = () => setTimeout(f); f(); await new Promise(() => {})`, "fuel deadline"},
		"endless log":         {`for (;;) console.log("x")`, "fuel deadline"},
		"allocation":          {`const all = []; for (;;) all.push(new Uint8Array(1 << 20))`, "memory"},
		"small allocations":   {`let all; for (;;) all = { all, x: [1, 2, 3] }`, "memory fuel deadline"},
		"a huge text":         {`let s = "x"; for (;;) s += s`, "memory script_error"},
		"a huge repeat":       {`return "x".repeat(2 ** 29)`, "memory"},
		"a huge list":         {`return new Array(2 ** 28).fill(1).length`, "memory fuel deadline"},
		"a huge answer":       {`return "x".repeat(5 << 20)`, "output_limit deadline fuel"},
		"a huge failure":      {`throw new Error("x".repeat(5 << 20))`, "output_limit deadline fuel"},
		"recursion":           {`const f = () => f() + 1; return f()`, "script_error"},
		"recursion in log":    {`const f = () => { console.log("x"); return f() + 1 }; return f()`, "script_error"},
		"recursion by getter": {`const o = { get a() { return this.a } }; return o.a`, "script_error"},
		"recursion by proxy":  {`const p = new Proxy({}, { get: (t, k, r) => r[k] }); return p.a`, "script_error"},
		"recursion by JSON":   {`let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return a`, "script_error stack fuel deadline memory"},
		"a regular bomb":      {`return /^(a+)+$/.test("a".repeat(40) + "b")`, "fuel deadline"},
		"a deep regular one":  {`return new RegExp("(".repeat(1e5) + ")".repeat(1e5)).test("")`, "script_error"},
		"deep source":         {`return eval("(".repeat(1e5))`, "script_error"},
		"sort":                {`const a = Array.from({ length: 1e7 }, () => Math.random()); return a.sort().length`, "fuel deadline memory"},
		"big numbers":         {`let n = 3n; for (;;) n *= n`, "fuel deadline memory script_error"},
		"its own prelude":     {`globalThis.__plimsoll_host(99, {}); globalThis.__plimsoll_host("x"); return 1`, "failed script_error ok"},
		"half a surrogate":    {`return "a\ud800"`, "utf8"},
		"weak end":            {`for (let i = 0; ; i++) globalThis["x" + i] = new WeakRef({})`, "fuel deadline memory"},
	} {
		t.Run(name, func(t *testing.T) {
			a := admitScript(t, "export default skill({ async finish(input) { "+c.body+"\n}, check: { ok: () => true } });")
			begin := time.Now()
			_, err := a.Call(context.Background(), abi.OpFinish, []byte(finishNothing), CallOptions{})
			took := time.Since(begin)
			code := "ok"
			var e *Error
			if errors.As(err, &e) {
				code = e.Code
			} else if err != nil {
				t.Fatalf("got %v, which is no *Error", err)
			}
			if !strings.Contains(" "+c.codes+" ", " "+code+" ") {
				t.Errorf("got %v, want one of %s", err, c.codes)
			}
			if took > 2*time.Second {
				t.Errorf("it took %s; the limit is 500 ms of the guest's time", took)
			}
			if raw, err := a.Call(context.Background(), abi.OpCheck, []byte(`{"gate":"ok","input":1,"output":1}`), CallOptions{}); err != nil || string(raw) != `{"passed":true}` {
				t.Errorf("the next call gives %s %v", raw, err)
			}
		})
	}
}

// TestScriptDeterminism: the same call has the same answer, the same log and the
// same fuel, on an instance that was restored, on a new one, on another host;
// and nothing that a call leaves behind is seen by the next.
func TestScriptDeterminism(t *testing.T) {
	const code = `
let calls = 0;
const left = [], born = Date.now(), chance = Math.random();
export default skill({ finish(input, answer) {
  if (answer.completion === "spoil") {
    Object.prototype.spoilt = 1; left.push(1); Math.random = () => 4; JSON.stringify = () => "0"; Date.now = () => 7;
    setTimeout(() => left.push(2)); globalThis.more = "x".repeat(1e6);
    return 1;
  }
  console.log("now", new Date().toISOString(), ++calls);
  const keys = []; for (const k in {}) keys.push(k);
  return [Math.random(), Date.now(), performance.now(), born, chance < 1, left.length, keys, typeof more, Math.random()];
} });`
	a := admitScript(t, code)
	other, err := New(Config{MemoryMiB: 32})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := other.Close(); err != nil {
			t.Error(err)
		}
	}()
	p, err := script.Bundle(fstest.MapFS{"skill.ts": {Data: []byte("import { skill, host, user } from \"@plimsoll/skill\";\n" + code)}}, "skill.ts")
	if err != nil {
		t.Fatal(err)
	}
	b, err := other.AdmitScript(context.Background(), p, AdmitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 2, 3, 4, 5, 6, 7e6, time.UTC)
	say := func(a *Admitted, seed string, fresh bool) string {
		t.Helper()
		var used Used
		var log []string
		raw, err := a.Call(context.Background(), abi.OpFinish, []byte(finishNothing), CallOptions{Time: now, Seed: []byte(seed), Used: &used, Fresh: fresh, Log: func(l Line) { log = append(log, l.Text) }})
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(string(raw), log, used.Fuel)
	}
	first := say(a, "seed", false)
	if want := "now 2026-02-03T04:05:06.007Z 1"; !strings.Contains(first, want) || !strings.Contains(first, `,1770091506007,0,0,true,0,[],"undefined",`) {
		t.Errorf("got %s", first)
	}
	for range 3 {
		if _, err := a.Call(context.Background(), abi.OpFinish, []byte(`{"input":1,"completion":"spoil"}`), CallOptions{}); err == nil {
			t.Error("an answer that JSON.stringify made 0 of was taken")
		}
		for _, again := range []string{say(a, "seed", false), say(a, "seed", true), say(b, "seed", false)} {
			if again != first {
				t.Errorf("got %s, first it was %s", again, first)
			}
		}
	}
	if say(a, "another", false) == first {
		t.Error("another seed gives the same chance")
	}
}

// TestScriptRun: host calls go the way of every profile.
func TestScriptRun(t *testing.T) {
	a := admitScript(t, `
const early = host.kv.get("k").then(() => "answered", (e) => e.code);
export default skill({ capabilities: ["model.generate", "kv.get"],
  async run(input) {
    const out = [await early, await host.model.generate({ step: "main", messages: [user("ü" + input)] }), await host.kv.get("k") ?? null];
    for (const f of [() => host.kv.put("k", 1), () => host.tool.call("x"), () => host.kv.get("broken")]) {
      try { out.push(await f()) } catch (e) { out.push([e.code, e.retryable]) }
    }
    return out;
  },
  async finish() { return await host.kv.get("k") },
});`)
	var asked []string
	o := CallOptions{Host: func(_ context.Context, op abi.HostOp, payload []byte) ([]byte, error) {
		asked = append(asked, op.String()+string(payload))
		switch {
		case op == abi.HostGenerate:
			return []byte(`{"completion":"ja: ü"}`), nil
		case strings.Contains(string(payload), "broken"):
			return nil, errors.New("the disk is gone")
		}
		return []byte(`{"found":false,"value":null}`), nil
	}}
	raw, err := a.Call(context.Background(), abi.OpRun, []byte(`{"input":7}`), o)
	if want := `{"output":["capability","ja: ü",null,["capability",false],["capability",false],["unavailable",true]]}`; err != nil || string(raw) != want {
		t.Errorf("got  %s %v\nwant %s", raw, err, want)
	}
	if got, want := strings.Join(asked, " "), `model.generate{"step":"main","messages":[{"role":"user","content":"ü7"}]} kv.get{"key":"k"} kv.get{"key":"broken"}`; got != want {
		t.Errorf("asked %s, want %s", got, want)
	}
	var e *Error
	if _, err := a.Call(context.Background(), abi.OpFinish, []byte(finishNothing), o); !errors.As(err, &e) || !e.Guest || e.Code != "capability" {
		t.Errorf("a host call in finish gives %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	o.Host = func(context.Context, abi.HostOp, []byte) ([]byte, error) { cancel(); return []byte(`{}`), nil }
	if _, err := a.Call(ctx, abi.OpRun, []byte(`{"input":7}`), o); !errors.As(err, &e) || e.Guest || e.Code != string(abi.Cancelled) {
		t.Errorf("a caller who gives up during a host call gets %v", err)
	}
}

// TestScriptManifest: what skill({...}) says is known at admission, and a file
// that does not run is refused there, with its place.
func TestScriptManifest(t *testing.T) {
	a := admitScript(t, `export default skill({ name: "n", version: "3", finish: () => 1, check: { b: () => true, a: () => ({ passed: false, reason: "x".repeat(1001) }) }, render: { card: () => "" },
  limits: { memory_mib: 16, timeout_ms: 100, output_bytes: 1000 }, self_tests: [{ op: "finish", input: { input: 1, completion: "" }, output: { output: 1 } }] });`)
	m, ok := a.Manifest()
	if !ok || m.Name != "n" || strings.Join(m.Gates, " ") != "a b" || strings.Join(m.Formats, " ") != "card" || !m.Has(abi.OpRender) || m.Has(abi.OpPrepare) {
		t.Errorf("the manifest is %+v, %v", m, ok)
	}
	var e *Error
	if _, err := a.Call(context.Background(), abi.OpCheck, []byte(`{"gate":"a","input":1,"output":1}`), CallOptions{}); !errors.As(err, &e) || e.Code != string(abi.OutputLimit) {
		t.Errorf("an answer that is too long gives %v", err)
	}
	if f := a.Facts(); f.Profile != "script" || !f.Restored || f.SelfTests != 1 || f.Limits.MemoryMiB != 16 || f.Limits.OutputBytes != 1000 {
		t.Errorf("the facts are %+v", f)
	}
	if _, err := a.Call(context.Background(), abi.OpPrepare, []byte(`{"input":1,"step":"a"}`), CallOptions{}); err == nil {
		t.Error("an op that is not there was answered")
	}
	h, err := scriptHost()
	if err != nil {
		t.Fatal(err)
	}
	for code, want := range map[string]string{
		"\n\nnull.x; export default skill({});":                  "skill.ts:3:1: TypeError: cannot read property 'x' of null",
		"for (;;) {}":                                            "did not answer",
		"export default 1":                                       "the default export was not made by skill({...})",
		"export default skill({ capabilities: [\"net\"] })":      "net",
		"export default skill({ limits: { memory_mib: 1000 } })": "the limit is 32 MiB",
		"export default skill({ limits: { memory: 1 } })":        "memory",
		"export default skill({ finish: () => 2, self_tests: [{ op: \"finish\", input: { input: 1 }, output: { output: 1 } }] })": "self-test 1",
	} {
		p, err := script.Bundle(fstest.MapFS{"skill.ts": {Data: []byte("import { skill } from \"@plimsoll/skill\";" + code)}}, "skill.ts")
		if err != nil {
			t.Fatal(err)
		}
		var e *Error
		if _, err := h.AdmitScript(context.Background(), p, AdmitOptions{}); !errors.As(err, &e) || !strings.Contains(e.Message, want) && e.Code != string(abi.Fuel) {
			t.Errorf("%s\ngives %v, want %s", code, err, want)
		}
	}
}

// TestScriptMany: many programs share one interpreter, and many goroutines one
// program, without meeting.
func TestScriptMany(t *testing.T) {
	const programs, goroutines, calls = 8, 8, 20
	all := make([]*Admitted, programs)
	for i := range all {
		all[i] = admitScript(t, fmt.Sprintf(`let seen = 0; export default skill({ finish: (input) => [%d, input.n, ++seen] });`, i))
	}
	var wait sync.WaitGroup
	for g := range goroutines {
		wait.Go(func() {
			for n := range calls {
				i := (g + n) % programs
				raw, err := all[i].Call(context.Background(), abi.OpFinish, fmt.Appendf(nil, `{"input":{"n":%d},"completion":""}`, g*calls+n), CallOptions{})
				if want := fmt.Sprintf(`{"output":[%d,%d,1]}`, i, g*calls+n); err != nil || string(raw) != want {
					t.Errorf("got %s %v, want %s", raw, err, want)
				}
			}
		})
	}
	wait.Wait()
}

// BenchmarkScript is the example in TypeScript: an isolated, metered call.
func BenchmarkScript(b *testing.B) {
	p, err := script.Bundle(os.DirFS("../../sdk/typescript/example"), "skill.ts")
	if err != nil {
		b.Fatal(err)
	}
	h, err := scriptHost()
	if err != nil {
		b.Fatal(err)
	}
	a, err := h.AdmitScript(context.Background(), p, AdmitOptions{})
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range []string{"small", "large"} {
		input, err := os.ReadFile("../../sdk/testdata/hello/" + name + ".json")
		if err != nil || !json.Valid(input) {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			var used Used
			for b.Loop() {
				if _, err := a.Call(context.Background(), abi.OpFinish, input, CallOptions{Used: &used}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(used.Fuel), "fuel/op")
			b.ReportMetric(float64(used.Pages), "pages/op")
		})
	}
}
