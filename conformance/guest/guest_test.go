package guest_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/conformance/asm"
	"github.com/plimsoll-dev/plimsoll/conformance/guest"
	"github.com/plimsoll-dev/plimsoll/conformance/report"
	"github.com/plimsoll-dev/plimsoll/core/sandbox"
)

func TestMain(m *testing.M) {
	if sandbox.Child() {
		return
	}
	os.Exit(m.Run())
}

const (
	manifest = `{"abi":1,"name":"tiny","ops":["finish"]}`
	okAnswer = "{\"output\":\"Zq7é漢😀e\u03017qZ\"}"
	badInput = `{"code":"bad_input","message":"no"}`
	badOp    = `{"code":"unsupported_op","message":"no such op"}`
	badAt    = 700
	opAt     = 800
)

func at(addr int, text string) []byte {
	return asm.Cat(0, asm.Const32(int32(addr)), asm.End, text)
}

func packed(addr int, text string, failed bool) []byte {
	return asm.Const64(asm.Pack(uint32(addr), uint32(len(text)), failed))
}

// honest is a guest that knows op finish: it answers inputs that begin as an
// object with a member "input" that ends, refuses others, and gives no room for more than it has.
func honest() asm.Guest {
	g := asm.Guest{Manifest: manifest, Answer: okAnswer, Data: [][]byte{at(badAt, badInput), at(opAt, badOp)}, Min: 40}
	// Room for 2 MiB: 40 pages less what lies below 1024.
	g.Alloc = asm.Cat(asm.Get, 0, asm.Const32(2<<20), asm.I32LtU, asm.If, asm.TI32, asm.Const32(asm.AllocAt), asm.Else, asm.Const32(0), asm.End)
	g.Call = asm.Cat(
		asm.Get, 0, asm.Const32(2), asm.I32Ne, asm.If, asm.Void, packed(opAt, badOp, true), asm.Return, asm.End,
		asm.Get, 2, asm.Const32(20), asm.I32LtU, asm.If, asm.Void, packed(badAt, badInput, true), asm.Return, asm.End,
		packed(asm.AnswerAt, okAnswer, false))
	return g
}

func test(t *testing.T, g asm.Guest, only ...string) *report.Report {
	t.Helper()
	return testBytes(t, g.Bytes(), only...)
}

func testBytes(t *testing.T, module []byte, only ...string) *report.Report {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tiny.wasm")
	if err := os.WriteFile(file, module, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := guest.Run(context.Background(), guest.Options{Path: file, Only: only})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Verify(); err != nil {
		t.Error(err)
	}
	return r
}

func TestHonest(t *testing.T) {
	r := test(t, honest())
	for _, c := range r.Cases {
		if c.Status == report.Fail || c.Status == report.Error {
			t.Errorf("%s: %s: %s", c.ID, c.Status, c.Saw)
		}
	}
	if !r.Conformant() || r.Count()[report.Pass] < 25 {
		t.Errorf("%v: %s", r.Count(), r.Conclusion())
	}
}

// TestWrong: every guest is wrong in one way, and the case that is there for it
// says so.
func TestWrong(t *testing.T) {
	with := func(change func(*asm.Guest)) []byte {
		g := honest()
		change(&g)
		return g.Bytes()
	}
	before := func(code ...any) []byte {
		return with(func(g *asm.Guest) { g.Call = append(asm.Cat(code...), g.Call...) })
	}
	says := func(answer string) []byte {
		return with(func(g *asm.Guest) {
			g.Answer = answer
			g.Call = asm.Cat(g.Call[:len(g.Call)-len(packed(asm.AnswerAt, okAnswer, false))], packed(asm.AnswerAt, answer, false))
		})
	}
	// lengthTells answers with a digit of the input's length.
	lengthTells := before(asm.Get, 2, asm.Const32(1000), asm.I32GeU, asm.If, asm.Void, packed(badAt, badInput, true), asm.Return, asm.End)
	for _, c := range []struct {
		name, id, say string
		module        []byte
	}{
		{"text", "module.core", "not a WASM module", []byte("#!/bin/sh")},
		{"a component", "module.core", "component", []byte("\x00asm\x0d\x00\x01\x00")},
		{"no marker", "module.marker", "plim_abi_1 is missing", with(func(g *asm.Guest) { g.Rename = map[string]string{"plim_abi_1": ""} })},
		{"a marker with a parameter", "module.marker", "plim_abi_1 is (i32) -> (i32)", with(func(g *asm.Guest) { g.Rename = map[string]string{"plim_abi_1": "", "plim_alloc": "plim_abi_1"} })},
		{"no alloc", "module.exports", "plim_alloc is missing", with(func(g *asm.Guest) { g.Rename = map[string]string{"plim_alloc": "malloc"} })},
		{"a call of another type", "module.exports", "plim_call is () -> (i64)", with(func(g *asm.Guest) { g.CallType, g.Call = asm.FuncType(nil, []byte{asm.TI64}), asm.Const64(1) })},
		{"no memory", "module.memory", "none is exported", with(func(g *asm.Guest) { g.Rename = map[string]string{"memory": "ram"} })},
		{"a file", "module.imports", "env.open", with(func(g *asm.Guest) { g.Imports = []asm.Import{{Module: "env", Name: "open"}} })},
		{"a host's name", "module.reserved", "__plim_fuel", with(func(g *asm.Guest) { g.Exports = [][]byte{asm.Cat("__plim_fuel", 0, 1)} })},
		{"a start that does not end", "module.admitted", "", with(func(g *asm.Guest) {
			g.Init = []byte{asm.Unreachable}
			g.Manifest = ""
		})},
		{"no manifest", "manifest.there", "there is no section", with(func(g *asm.Guest) { g.Manifest = "" })},
		{"a manifest that is not canonical", "manifest.section", "canonical", with(func(g *asm.Guest) { g.Manifest = `{"name":"tiny","ops":["finish"],"abi":1}` })},
		{"two manifests", "manifest.same", "describe says", with(func(g *asm.Guest) {
			describes := `{"abi":1,"ops":["check","finish"]}`
			g.Data = append(g.Data, at(900, describes))
			g.Call = asm.Cat(asm.Get, 0, asm.I32Eqz, asm.If, asm.Void, packed(900, describes, false), asm.Return, asm.End, g.Call)
		})},
		{"a self-test that does not hold", "manifest.self_tests", "self-test 1", with(func(g *asm.Guest) {
			g.Manifest = `{"abi":1,"ops":["finish"],"self_tests":[{"input":{"completion":"","input":{}},"op":"finish","output":{"output":"other"}}]}`
		})},
		{"another shape", "op.finish", "output is missing", says(`{"text":"x"}`)},
		{"an answer to every op", "op.unknown", "not the failure unsupported_op", with(func(g *asm.Guest) { g.Call = packed(asm.AnswerAt, okAnswer, false) })},
		{"a trap at an op", "op.unknown", "code trap", with(func(g *asm.Guest) {
			g.Call = asm.Cat(asm.Get, 0, asm.Const32(2), asm.I32Ne, asm.If, asm.Void, asm.Unreachable, asm.End, packed(asm.AnswerAt, okAnswer, false))
		})},
		{"texts that are mangled", "input.marked", "came out", says(`{"output":"Zq7?7qZ"}`)},
		{"texts in another normal form", "input.marked", "came out", says("{\"output\":\"Zq7é漢😀\u00e97qZ\"}")},
		{"a trap at nothing", "input.empty", "code trap", before(asm.Get, 2, asm.I32Eqz, asm.If, asm.Void, asm.Unreachable, asm.End)},
		{"a trap at little", "input.no_json", "code trap", before(asm.Get, 2, asm.Const32(3), asm.I32LtU, asm.If, asm.Void, asm.Unreachable, asm.End)},
		{"a trap at much", "input.big", "code trap", before(asm.Get, 2, asm.Const32(1<<20), asm.I32GeU, asm.If, asm.Void, asm.Unreachable, asm.End)},
		{"no room for 1 MiB", "input.big", "no room", with(func(g *asm.Guest) {
			g.Alloc = asm.Cat(asm.Get, 0, asm.Const32(1<<20), asm.I32LtU, asm.If, asm.TI32, asm.Const32(asm.AllocAt), asm.Else, asm.Const32(0), asm.End)
		})},
		{"members that change the answer", "input.big", "without it", lengthTells},
		{"a pointer outside of memory", "memory.oversize", "outside of the module's", with(func(g *asm.Guest) { g.Alloc = asm.Const32(asm.AllocAt) })},
		{"a failure without a message", "failure.shape", "without a message", with(func(g *asm.Guest) { g.Data[0] = at(badAt, `{"code":"bad_input","message":"  "}`) })},
		{"a failure with a host's code", "failure.shape", "one of the host's", with(func(g *asm.Guest) { g.Data[0] = at(badAt, `{"code":"deadline","message":"abc"}`) })},
		{"a failure with a code of capitals", "failure.shape", "lower case", with(func(g *asm.Guest) { g.Data[0] = at(badAt, `{"code":"Bad Input","message":"no"}`) })},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := testBytes(t, c.module, c.id)
			if r.Conformant() {
				t.Error("it is called conformant")
			}
			for _, got := range r.Cases {
				if got.ID != "guest."+c.id {
					continue
				}
				if got.Status != report.Fail || !strings.Contains(got.Saw, c.say) {
					t.Errorf("%s: %s, saw %q, want a failure with %q", got.ID, got.Status, got.Saw, c.say)
				}
				if got.Do == "" || got.Says == "" || got.Reproduce == "" {
					t.Errorf("%s does not say what to do: %+v", got.ID, got)
				}
				return
			}
			t.Errorf("there is no case %s", c.id)
		})
	}
}

// TestFolder takes the code, and an example input, from a skill's folder.
func TestFolder(t *testing.T) {
	dir := t.TempDir()
	g := honest()
	for name, text := range map[string]string{
		"skill.hcl":  "code  = \"tiny.wasm\"\ninput = \"in.json\"\n",
		"tiny.wasm":  string(g.Bytes()),
		"in.json":    `{"type":"object","properties":{"n":{"type":"integer","minimum":3},"who":{"enum":["Ada"]},"many":{"type":"array","items":{"type":["null","string"]},"minItems":2}}}`,
		"given.json": `{"n":4}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for input, want := range map[string]string{"": "made from in.json", filepath.Join(dir, "given.json"): "given.json"} {
		r, err := guest.Run(context.Background(), guest.Options{Path: dir, Input: input, Only: []string{"op", "module"}})
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Subject.Facts["example input"]; got != want || !r.Conformant() || !strings.HasSuffix(r.Subject.Name, "/tiny.wasm") {
			t.Errorf("%s: example input %q, want %q; %s", r.Subject.Name, got, want, r.Conclusion())
		}
	}
}

func TestBadUse(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	g := honest()
	module := write("tiny.wasm", string(g.Bytes()))
	for name, c := range map[string]struct {
		o   guest.Options
		say string
	}{
		"nothing there":     {guest.Options{Path: filepath.Join(dir, "no.wasm")}, "no.wasm"},
		"no skill.hcl":      {guest.Options{Path: filepath.Dir(write("a/readme", ""))}, "skill.hcl"},
		"a wrong skill.hcl": {guest.Options{Path: filepath.Dir(write("b/skill.hcl", "code = {"))}, "skill.hcl"},
		"no code":           {guest.Options{Path: filepath.Dir(write("c/skill.hcl", "input = \"x\"\n"))}, "has no code"},
		"code not built":    {guest.Options{Path: filepath.Dir(write("d/skill.hcl", "code = \"x.wasm\"\n"))}, "build the code first"},
		"no such input":     {guest.Options{Path: module, Input: filepath.Join(dir, "no.json")}, "reading the input"},
		"input is no JSON":  {guest.Options{Path: module, Input: write("bad.json", "{")}, "is not JSON"},
		"no such case":      {guest.Options{Path: module, Only: []string{"nonsense"}}, "no case is called nonsense"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := guest.Run(context.Background(), c.o)
			if err == nil || !strings.Contains(err.Error(), c.say) {
				t.Errorf("got %v, want an error with %q", err, c.say)
			}
		})
	}
}

// TestReportOfAGuest is what a CI job reads.
func TestReportOfAGuest(t *testing.T) {
	r := test(t, honest(), "module", "op.finish")
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"kit":"guest"`, `"guest.op.finish"`, `"digest":"sha256:`, `"result":"conformant"`} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("the report has no %s: %s", want, raw)
		}
	}
}
