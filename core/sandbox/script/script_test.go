package script

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// program bundles one file; the text is what comes after the import line.
func program(t testing.TB, code string) *Program {
	t.Helper()
	p, err := Bundle(fstest.MapFS{"skill.ts": {Data: []byte("import { skill, host, retry, failure, fail, pass, user, SkillError } from \"@plimsoll/skill\";\n" + code)}}, "skill.ts")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func start(t testing.TB, code string) *loaded {
	t.Helper()
	l, err := load(t, program(t, code))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// say is an answer, or "!" and the failure, for tables.
func say(t testing.TB, raw string, failed bool, err error) string {
	t.Helper()
	if err != nil {
		return "error: " + err.Error()
	}
	if !failed {
		return raw
	}
	var f abi.Failure
	if err := json.Unmarshal([]byte(raw), &f); err != nil {
		t.Fatalf("%s is no failure: %v", raw, err)
	}
	out := "!" + f.Error()
	if f.Retryable {
		out += " (again)"
	}
	if f.Detail != "" {
		out += "\n" + f.Detail
	}
	return out
}

// TestFinish runs one finish for each case: what it answers, how it fails, where.
func TestFinish(t *testing.T) {
	for name, c := range map[string]struct{ body, want string }{
		"an answer":        {`return { a: [input.x, "ü", null] }`, `{"output":{"a":[1,"ü",null]}}`},
		"null":             {`return null`, `{"output":null}`},
		"async":            {`await null; return 7`, `{"output":7}`},
		"long async":       {`for (let i = 0; i < 1000; i++) await i; return 7`, `{"output":7}`},
		"a thenable":       {`return { then(ok) { ok(3) } }`, `{"output":3}`},
		"toJSON":           {`return { toJSON() { return 5 } }`, `{"output":5}`},
		"undefined member": {`return { a: undefined, b: 1 }`, `{"output":{"b":1}}`},
		"a date":           {`return new Date(Date.UTC(2026, 1, 3)).toISOString()`, `{"output":"2026-02-03T00:00:00.000Z"}`},
		"no time zone":     {`return new Date(2026, 6, 3).getTimezoneOffset()`, `{"output":0}`},

		"nothing":           {``, "!failed: finish returned nothing; it must return the output (null when there is none)"},
		"NaN":               {`return { score: 0 / 0 }`, `!failed: what finish returned cannot be carried: "score" is NaN, which JSON cannot carry; give a finite number or null`},
		"infinity in list":  {`return [1, -1 / 0]`, `!failed: what finish returned cannot be carried: "1" is -Infinity, which JSON cannot carry; give a finite number or null`},
		"a BigInt":          {`return { n: 10n }`, `!failed: what finish returned cannot be carried: "n" is a BigInt, which JSON cannot carry; give Number(x) or String(x)`},
		"a function":        {`return { f() {} }`, `!failed: what finish returned cannot be carried: "f" is a function, which JSON cannot carry`},
		"a symbol":          {`return { s: Symbol("x") }`, `!failed: what finish returned cannot be carried: "s" is a symbol, which JSON cannot carry`},
		"undefined in list": {`return [undefined]`, `!failed: what finish returned cannot be carried: element 0 of a list is undefined, which JSON cannot carry; give null`},
		"a cycle":           {`const a = {}; a.a = a; return a`, `!failed: what finish returned cannot be carried: it contains itself`},
		"a type error":      {"\n  return input.foo.bar", "!script_error: skill.ts:3:10: TypeError: cannot read property 'bar' of undefined\n  3 |   return input.foo.bar\n    |          ^\n  at skill.ts:3:10 in finish"},
		"a thrown text":     {`throw "no"`, `!script_error: threw "no", which is no Error and so knows no place; write throw new Error(...)`},
		"a thrown nothing":  {`throw undefined`, `!script_error: threw undefined, which is no Error and so knows no place; write throw new Error(...)`},
		"a thrown object":   {`throw { a: 1 }`, `!script_error: threw {"a":1}, which is no Error and so knows no place; write throw new Error(...)`},
		"a hostile object":  {`throw { toJSON() { throw 1 }, toString() { throw 2 } }`, `!script_error: threw [object Object], which is no Error and so knows no place; write throw new Error(...)`},
		"a hostile proxy":   {`throw new Proxy({}, { get() { throw 1 }, getPrototypeOf() { throw 2 } })`, `!script_error: threw something that throws when it is looked at`},
		"a hostile error":   {`const e = new Error("x"); Object.defineProperty(e, "message", { get() { throw e } }); throw e`, "!script_error: skill.ts:2:"},
		"a getter":          {"return { get a() {\n throw new RangeError(\"in a getter\") } }", "!script_error: skill.ts:3:12: RangeError: in a getter"},
		"a cause":           {`throw new Error("outer", { cause: new TypeError("inner") })`, "!script_error: skill.ts:2:84: Error: outer (cause: TypeError: inner)"},
		"recursion":         {`const f = (n) => f(n + 1) + 1; return f(0)`, "!script_error: skill.ts:2:69: RangeError: Maximum call stack size exceeded"},
		"caught recursion":  {`const f = (n) => f(n + 1) + 1; try { f(0) } catch { return "caught" }`, `{"output":"caught"}`},
		"retry":             {`throw retry("too_short", "write more")`, "!too_short: write more (again)"},
		"failure":           {`throw failure("no_rates", "there are no rates")`, "!no_rates: there are no rates"},
		"own error":         {`throw new SkillError("odd", "m", { detail: "d" })`, "!odd: m\nd"},
		"a rejection":       {`return Promise.reject(retry("later", "m"))`, "!later: m (again)"},
		"an async error":    {"await null;\n null.x", "!script_error: skill.ts:3:2: TypeError: cannot read property 'x' of null"},
		"never":             {`return new Promise(() => {})`, "!script_error: finish returned a promise that nothing settles: the call is done, and it still waits"},
		"a lost rejection":  {`Promise.reject(new Error("lost")); return 1`, "!script_error: a promise was rejected and nothing waited for it (is an await missing?): skill.ts:2:"},
		"a late catch":      {`const p = Promise.reject(new Error("lost")); await null; try { await p } catch { return "kept" }`, `{"output":"kept"}`},
		"an error in timer": {"setTimeout(() => {\n null.x }); return 1", "!script_error: skill.ts:3:2: TypeError: cannot read property 'x' of null"},
		"timers":            {`const s = []; setTimeout(() => s.push("c"), 20); setTimeout(() => s.push("b"), 10); setTimeout((x) => s.push(x), 10, "b2"); const id = setTimeout(() => s.push("no")); clearTimeout(id); queueMicrotask(() => s.push("a")); await new Promise((ok) => setTimeout(ok, 30)); return s`, `{"output":["a","b","b2","c"]}`},

		"fetch":         {"\n  await fetch(\"https://example.org\")", "!script_error: skill.ts:3:9: ReferenceError: fetch is not defined: a skill has no network; what it needs to know comes with its input, or by host.tool.call in run\n  3 |   await fetch(\"https://example.org\")\n    |         ^\n  at skill.ts:3:9 in finish"},
		"process":       {`return process.env.HOME`, "!script_error: skill.ts:2:53: ReferenceError: process is not defined: a skill has no process, environment or arguments; settings come with its input"},
		"Buffer":        {`return Buffer.from("x")`, "!script_error: skill.ts:2:53: ReferenceError: Buffer is not defined: use TextEncoder"},
		"Intl":          {`return new Intl.NumberFormat().format(1)`, "!script_error: skill.ts:2:57: ReferenceError: Intl is not defined: the interpreter has no tables"},
		"globalThis":    {`return globalThis.fetch("x")`, "!script_error: skill.ts:2:64: TypeError: not a function: fetch is not there: a skill has no network"},
		"its own typo":  {`return foo(1)`, "!script_error: skill.ts:2:53: ReferenceError: foo is not defined\n"},
		"typeof works":  {`return [typeof fetch, typeof process, typeof setInterval]`, `{"output":["undefined","undefined","undefined"]}`},
		"no host calls": {`return await host.kv.get("a")`, "!capability: nothing is offered"},

		"text encoding":   {`return [...new TextEncoder().encode("aß水🌷\ud800")].concat(new TextDecoder().decode(new Uint8Array([97, 195, 159, 0xff, 0xf0, 0x9f, 0x8c, 0xb7, 0xed, 0xa0, 0x80, 0xe6])))`, `{"output":[97,195,159,230,176,180,240,159,140,183,239,191,189,"aß�🌷����"]}`},
		"base 64":         {`return [btoa("hello"), atob("aGVsbG8=")]`, `{"output":["aGVsbG8=","hello"]}`},
		"structuredClone": {`const m = new Map([["a", { b: [1] }]]); const c = structuredClone(m); m.get("a").b.push(2); return [c.get("a").b, c !== m]`, `{"output":[[1],true]}`},
		"a long message":  {`const e = new Error("x".repeat(1e6)); e.stack = "    at f (bundle.js:1:1)\n".repeat(1e5); throw e`, "!script_error: Error: xxxxxxxxxxx"},
		"regular":         {`return "2026-02-03".match(/(?<y>\d+)-(?<m>\d+)/u)?.groups.y`, `{"output":"2026"}`},
		"the language":    {`return [[3, 1, 2].toSorted(), [1, 2].findLast((x) => x < 2), Object.groupBy([1, 2], (x) => x % 2 ? "odd" : "even"), /\p{Lu}/u.test("Ü"), "Ü".localeCompare("u") !== 0, (1234.5).toLocaleString(), "ǅ".normalize("NFKD").length, new Set([1]).size, 2n ** 64n > 1n, [..."a🌷"].length, "ß".toUpperCase()]`, `{"output":[[1,2,3],1,{"odd":[1],"even":[2]},true,true,"1234.5",3,1,true,2,"SS"]}`},
		"lone surrogate":  {`return "a\ud800"`, `{"output":"a\ud800"}`}, // the host refuses it, with code utf8
		"half in input":   {`return input.half`, `{"output":"�x\\ud800"}`},
	} {
		t.Run(name, func(t *testing.T) {
			l := start(t, "export default skill({ async finish(input) { "+c.body+"\n} });\n")
			raw, failed, err := l.call(t, abi.OpFinish, `{"input":{"x":1,"half":"\ud800x\\ud800"},"completion":""}`)
			got := say(t, raw, failed, err)
			if got != c.want && !(strings.HasPrefix(c.want, "!") && strings.HasPrefix(got, c.want)) {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// TestShapes: what prepare, check and render give back, and the manifest.
func TestShapes(t *testing.T) {
	l := start(t, `export default skill({
  name: "shapes", version: "2",
  prepare: (input, turn) => input === 1 ? [user(turn.step)] : input === 2 ? { messages: [user(turn.done.a)], state: [1] } : input === 3 ? "text" : [{ role: "user" }],
  check: { yes: () => true, pass: () => pass(), no: async () => fail("why", "a", "b"), nothing: () => {}, bad: () => ({ passed: "yes" }) },
  render: { text: (i, o) => "t" + o, list: () => [] },
  run: async (input, { failed }) => [input, failed?.message ?? "first"],
  capabilities: ["kv.get"], limits: { timeout_ms: 100 },
});`)
	for _, c := range []struct {
		op       abi.Op
		in, want string
	}{
		{abi.OpDescribe, `{}`, `{"abi":1,"name":"shapes","version":"2","ops":["prepare","check","render","run"],"gates":["bad","no","nothing","pass","yes"],"formats":["list","text"],"capabilities":["kv.get"],"limits":{"timeout_ms":100}}`},
		{abi.OpPrepare, `{"input":1,"step":"main"}`, `{"messages":[{"role":"user","content":"main"}]}`},
		{abi.OpPrepare, `{"input":2,"step":"main","done":{"a":"A"}}`, `{"messages":[{"role":"user","content":"A"}],"state":[1]}`},
		{abi.OpPrepare, `{"input":3,"step":"main"}`, `!failed: prepare returned a string; it must return a list of messages, or { messages, state }`},
		{abi.OpPrepare, `{"step":"main"}`, `!bad_input: the input is missing`},
		{abi.OpFinish, `{"input":3,"completion":""}`, `!unsupported_op: this skill has no code for finish`},
		{abi.OpCheck, `{"gate":"yes","input":1,"output":1}`, `{"passed":true}`},
		{abi.OpCheck, `{"gate":"pass","input":1,"output":1}`, `{"passed":true}`},
		{abi.OpCheck, `{"gate":"no","input":1,"output":1}`, `{"passed":false,"reason":"why","failed_ids":["a","b"]}`},
		{abi.OpCheck, `{"gate":"nothing","input":1,"output":1}`, `!failed: gate "nothing" returned nothing (undefined); it must return pass(), fail("why"), true or false`},
		{abi.OpCheck, `{"gate":"bad","input":1,"output":1}`, `!failed: gate "bad" returned an object`},
		{abi.OpCheck, `{"gate":"toString","input":1,"output":1}`, `!unsupported_op: this skill's code has no gate "toString"; it has ["bad","no","nothing","pass","yes"]`},
		{abi.OpCheck, `{"gate":"yes","input":1}`, `!bad_input: the output is missing`},
		{abi.OpRender, `{"format":"text","input":1,"output":null}`, `{"text":"tnull"}`},
		{abi.OpRender, `{"format":"list","input":1,"output":null}`, `!failed: format "list" returned a list; it must return a text`},
		{abi.OpRun, `{"input":1}`, `{"output":[1,"first"]}`},
		{abi.OpRun, `{"input":1,"failure":{"message":"too long"}}`, `{"output":[1,"too long"]}`},
	} {
		raw, failed, err := l.call(t, c.op, c.in)
		got := say(t, raw, failed, err)
		if got != c.want && !(strings.HasPrefix(c.want, "!") && strings.HasPrefix(got, c.want)) {
			t.Errorf("%s %s:\n got %s\nwant %s", c.op, c.in, got, c.want)
		}
		if !failed && err == nil {
			if err := abi.CheckAnswer(c.op, []byte(raw)); err != nil {
				t.Errorf("%s %s: a host would refuse %s: %v", c.op, c.in, raw, err)
			}
		}
	}
}

// TestLoading: what is wrong while the file itself runs is told at admission.
func TestLoading(t *testing.T) {
	for name, c := range map[string]struct{ code, want string }{
		"no default":      {`export const a = 1;`, "script_error: the file has no default export: write export default skill({...})"},
		"a plain object":  {`export default { finish() {} };`, "script_error: the default export was not made by skill({...}) of @plimsoll/skill"},
		"an unknown name": {`export default skill({ finsh() {} });`, `script_error: skill.ts:2:16: TypeError: skill({...}) does not know "finsh"; it knows name`},
		"no function":     {`export default skill({ finish: 1 });`, `script_error: skill.ts:2:16: TypeError: finish is a number; it must be a function`},
		"no functions":    {`export default skill({ check: { a: 1 } });`, `script_error: skill.ts:2:16: TypeError: check.a is a number; it must be a function`},
		"no object":       {`export default skill(() => 1);`, `script_error: skill.ts:2:16: TypeError: skill(...) got a function`},
		"a throw":         {"\nnull.x;\nexport default skill({});", "script_error: skill.ts:3:1: TypeError: cannot read property 'x' of null"},
		"an expression":   {"const a = /s**/; export default skill({ name: String(a) });", "script_error: SyntaxError: nothing to repeat (in a regular expression"},
		"a rejection":     {"host.kv.get(\"a\"); export default skill({});", "capability: a promise was rejected and nothing waited for it (is an await missing?): nothing is offered"},
		"a timer":         {"setTimeout(() => null.x); export default skill({});", "script_error: skill.ts:2:1: TypeError: cannot read property 'x' of null"},
		"recursion":       {"const f = () => f() + 1; f(); export default skill({});", "script_error: skill.ts:2:17: RangeError: Maximum call stack size exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, program(t, c.code))
			var f *Failure
			if !errors.As(err, &f) || !strings.HasPrefix(f.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

// TestHost: host calls, their failures, the log, chance.
func TestHost(t *testing.T) {
	l := start(t, `
let calls = 0;
export default skill({ async run(input) {
  console.log("starts", ++calls, { a: [1] }, new Map(), null);
  console.warn("w\nx");
  const said = await host.model.generate({ step: "draft", messages: [user("ü")] });
  const found = await host.kv.get("k"), none = await host.kv.get("none");
  await host.kv.put("k", { n: found.n + 1 });
  await host.kv.delete("old");
  let refused;
  try { await host.tool.call("search", { q: 1 }) } catch (e) { refused = [e.code, e.message, e.retryable, e instanceof SkillError] }
  const both = await Promise.all([host.tool.call("list"), host.tool.call("list", {})]);
  return { said, found, none: none === undefined, refused, both, chance: [Math.random(), Math.random()] };
} });`)
	var asked []string
	l.host.ask = func(op abi.HostOp, payload []byte) ([]byte, bool) {
		asked = append(asked, op.String()+" "+string(payload))
		switch {
		case op == abi.HostGenerate:
			return []byte(`{"completion":"was gesagt wurde: ü"}`), false
		case op == abi.HostGet && strings.Contains(string(payload), "none"):
			return []byte(`{"found":false,"value":null}`), false
		case op == abi.HostGet:
			return []byte(`{"found":true,"value":{"n":4}}`), false
		case op == abi.HostPut:
			return []byte(`{}`), false
		case strings.Contains(string(payload), "search"):
			return []byte(`{"code":"tool_failed","message":"it broke","retryable":true}`), true
		}
		return []byte(`{"result":[1]}`), false
	}
	for range 2 {
		asked, l.host.log = nil, nil
		raw, failed, err := l.call(t, abi.OpRun, `{"input":{}}`)
		const want = `{"output":{"said":"was gesagt wurde: ü","found":{"n":4},"none":true,"refused":["tool_failed","it broke",true,true],"both":[[1],[1]],"chance":[`
		if got := say(t, raw, failed, err); !strings.HasPrefix(got, want) {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if got, want := strings.Join(asked, "\n"), `model.generate {"step":"draft","messages":[{"role":"user","content":"ü"}]}
kv.get {"key":"k"}
kv.get {"key":"none"}
kv.put {"key":"k","value":{"n":5}}
kv.put {"key":"old","value":null}
tool.call {"tool":"search","arguments":{"q":1}}
tool.call {"tool":"list","arguments":{}}
tool.call {"tool":"list","arguments":{}}`; got != want {
			t.Errorf("asked\n%s\nwant\n%s", got, want)
		}
		if got, want := strings.Join(l.host.log, "|"), "1 starts 1 {\"a\":[1]} {} null|2 w\nx"; got != want {
			t.Errorf("logged %q, want %q", got, want)
		}
	}
}

// TestNothingStays: what a call leaves behind is gone in the next one.
func TestNothingStays(t *testing.T) {
	l := start(t, `
const seen = [];
export default skill({ finish(input) {
  const before = [seen.length, ({}).polluted, [].at === undefined, Math.random(), globalThis.left, JSON.stringify === undefined];
  seen.push(1);
  Object.prototype.polluted = "yes";
  Array.prototype.at = undefined;
  globalThis.left = 1;
  JSON.parse = () => "mine";
  setTimeout(() => seen.push(2));
  return before.map((x) => x ?? null);
} });`)
	first := say(t, must(l.call(t, abi.OpFinish, `{"input":{},"completion":""}`)), false, nil)
	if !strings.HasPrefix(first, `{"output":[0,null,false,0.`) {
		t.Fatalf("got %s", first)
	}
	for range 3 {
		if again := must(l.call(t, abi.OpFinish, `{"input":{},"completion":""}`)); again != first {
			t.Errorf("got %s, first it was %s", again, first)
		}
	}
}

func must(raw string, failed bool, err error) string {
	if failed || err != nil {
		return "failed: " + raw
	}
	return raw
}

// TestLarge: inputs and texts of 1 MiB and more.
func TestLarge(t *testing.T) {
	l := start(t, `export default skill({ finish: (input) => input.text.length, render: { long: (i, o) => "ü".repeat(o) } });`)
	if got := must(l.call(t, abi.OpFinish, `{"input":{"text":"`+strings.Repeat("ü🌷", 1<<19)+`"},"completion":""}`)); got != `{"output":1572864}` {
		t.Errorf("got %s", got)
	}
	if got := must(l.call(t, abi.OpRender, `{"format":"long","input":1,"output":1048576}`)); got != `{"text":"`+strings.Repeat("ü", 1<<20)+`"}` {
		t.Errorf("got %d bytes: %.60s", len(got), got)
	}
}
