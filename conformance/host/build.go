package host

import (
	"encoding/json"
	"fmt"

	"github.com/plimsoll-dev/plimsoll/conformance/asm"
)

// Numbers of ops, as sdk/ABI.md assigns them.
const (
	opCheck  = 3
	opFinish = 2
	opRender = 4
	opRun    = 5
)

const (
	allOps       = `{"abi":1,"ops":["prepare","finish","check","render"]}`
	runOps       = `{"abi":1,"capabilities":["kv.get"],"ops":["finish","render","run"]}`
	okAnswer     = `{"output":1}`
	okText       = `{"text":""}`
	textAt       = 900
	hexAnswer    = `{"output":"0000000000000000"}`
	hexAt        = asm.AnswerAt + len(`{"output":"`)
	finishInput  = `{"completion":"a","input":1}`
	bigPages     = 900 // 56 MiB, below the 64 of the kit's limits
	bigBytes     = bigPages << 16
	noon         = "2026-07-02T12:00:00Z"
	noonNanos    = 1_782_993_600_000_000_000 // noon in nanoseconds since 1970
	sectionCall  = "sdk/ABI.md, A call"
	sectionFail  = "sdk/ABI.md, Failures"
	sectionOps   = "sdk/ABI.md, Ops"
	sectionIn    = "sdk/ABI.md, Imports"
	sectionOut   = "sdk/ABI.md, Exports"
	sectionMan   = "sdk/ABI.md, Manifest"
	saysBudget   = "A guest that does not end is stopped at its deadline or when its fuel is used up, whatever it is doing."
	saysOneCall  = "Every call gets the memory, globals and tables that the module had after _initialize."
	saysOutputIn = "The host checks every answer: inside of memory, within the limit, UTF-8, JSON, the shape of the op."
	doBudget     = "Charge fuel at function entries and loop heads, and bulk instructions and host functions by their length; look at the clock whenever a slice of fuel is used up."
	doRestore    = "Restore memory, mutable globals and tables after every call, or throw the instance away."
	doOutput     = "Check pointer and length against the size of memory in 64 bits, then the limit, UTF-8, JSON and the op's shape, in this order, before anything is copied or decoded."
)

func cat(parts ...any) []byte { return asm.Cat(parts...) }

// refused ends with one of the host codes.
func refused(codes ...string) Expect { return Expect{Codes: codes} }

// either is refused, or answered.
func either(codes ...string) Expect { return Expect{OK: true, Codes: codes} }

// answers ends with that answer.
func answers(answer string) Expect { return Expect{OK: true, Answer: json.RawMessage(answer)} }

// hex is the answer of a guest that tells a number.
func hex(v uint64) string { return fmt.Sprintf(`{"output":"%016x"}`, v) }

// finish is a call of op finish.
func finish(e Expect) Call {
	return Call{Op: opFinish, Input: json.RawMessage(finishInput), Expect: e}
}

// render is a call of op render, which guests of state cases take for another order.
func render(e Expect) Call {
	return Call{Op: opRender, Input: json.RawMessage(`{"format":"f","input":1,"output":1}`), Expect: e}
}

// forever repeats body without end.
func forever(body []byte) []byte {
	return cat(asm.Loop, asm.Void, body, asm.Br, 0, asm.End, asm.Unreachable)
}

// repeat runs body n times, counting down in a local of type i32.
func repeat(n int32, local int, body []byte) []byte {
	return cat(asm.Const32(n), asm.Set, local, asm.Loop, asm.Void, body,
		asm.Get, local, asm.Const32(1), asm.I32Sub, asm.Tee, local, asm.BrIf, 0, asm.End)
}

// packed is the result of plim_call.
func packed(at, n int, failed bool) []byte {
	return asm.Const64(asm.Pack(uint32(at), uint32(n), failed))
}

// good answers okAnswer.
func good() []byte { return packed(asm.AnswerAt, len(okAnswer), false) }

// guest is a well-behaved one: all ops, okAnswer.
func guest() asm.Guest { return asm.Guest{Manifest: allOps, Answer: okAnswer} }

// calling is a guest whose plim_call is that code.
func calling(code []byte) asm.Guest {
	g := guest()
	g.Call = code
	return g
}

// telling is a guest that answers with a number: value leaves an i64, and may use
// locals 3 (i32) and 4 (i64). Funcs[0] writes hexadecimal digits.
func telling(g asm.Guest, value []byte) asm.Guest {
	g.Answer = hexAnswer
	if g.Manifest == "" {
		g.Manifest = allOps
	}
	const i32Mul = 0x6c
	g.Funcs = append([]asm.Func{{
		Type:   asm.TypeWide,
		Locals: asm.Locals(2, asm.TI32),
		Code: cat(asm.Const32(16), asm.Set, 1,
			asm.Loop, asm.Void,
			asm.Get, 1, asm.Const32(1), asm.I32Sub, asm.Tee, 1,
			asm.Get, 0, asm.I32WrapI64, asm.Const32(15), asm.I32And, asm.Tee, 2, asm.Const32('0'), asm.I32Add,
			asm.Get, 2, asm.Const32(10), asm.I32GeU, asm.Const32('a'-'0'-10), i32Mul, asm.I32Add,
			asm.I32Store8, 0, asm.Uleb(uint64(hexAt)),
			asm.Get, 0, asm.Const64(4), asm.I64ShrU, asm.Set, 0,
			asm.Get, 1, asm.BrIf, 0,
			asm.End, asm.Get, 0),
	}}, g.Funcs...)
	if g.CallLocal == nil {
		g.CallLocal = cat(2, 1, asm.TI32, 1, asm.TI64)
	}
	g.Call = cat(value, asm.CallTo(g.Index(0)), asm.Drop, packed(asm.AnswerAt, len(hexAnswer), false))
	return g
}

// twoFaced runs left when the op is render, and tells the number that right
// leaves for any other.
func twoFaced(g asm.Guest, left, right []byte) asm.Guest {
	g = telling(g, right)
	g.Data = append(g.Data, cat(0, asm.Const32(textAt), asm.End, okText))
	g.Call = cat(asm.Get, 0, asm.Const32(opRender), asm.I32Eq, asm.If, asm.Void,
		left, packed(textAt, len(okText), false), asm.Return, asm.End, g.Call)
	return g
}

// store64 and load64 are at a constant address.
func store64(at int, value []byte) []byte {
	return cat(asm.Const32(int32(at)), value, asm.I64Store, 0, 0)
}

func load64(at int) []byte { return cat(asm.Const32(int32(at)), asm.I64Load, 0, 0) }

// bulk instructions over constant ranges.
func fill(n int32) []byte {
	return cat(asm.Const32(0), asm.Const32(0), asm.Const32(n), asm.Misc, asm.MemoryFill, 0)
}

func copyDown(n int32) []byte {
	return cat(asm.Const32(1), asm.Const32(0), asm.Const32(n-1), asm.Misc, asm.MemoryCopy, 0, 0)
}

// funcTable is a table of functions with room for so many.
func funcTable(least uint64) []byte { return cat(asm.TFunc, 0, asm.Uleb(least)) }

// element puts a function into table 0 at index 0.
func element(functions ...int) []byte {
	var list [][]byte
	for _, f := range functions {
		list = append(list, asm.Uleb(uint64(f)))
	}
	return cat(0, asm.Const32(0), asm.End, asm.List(list...))
}

// draft is what differs between the cases of one group.
type draft struct {
	id, title string
	guest     asm.Guest
	raw       []byte // the module, in place of guest
	expect    Expect
	twice     bool // the call is made twice: a second one must not run on in what the first broke
	limits    Limits
	bounds    Bounds
}

// drafts turns drafts of calls of op finish into cases.
func drafts(says, section, do string, list []draft) []Case {
	var out []Case
	for _, d := range list {
		c := Case{ID: d.id, Title: d.title, Says: says, Section: section, Do: do, Limits: d.limits, Bounds: d.bounds, Admit: Expect{OK: true}, wasm: d.raw}
		if c.wasm == nil {
			c.wasm = d.guest.Bytes()
		}
		c.Calls = []Call{finish(d.expect)}
		if d.twice {
			c.Calls = append(c.Calls, finish(d.expect))
		}
		out = append(out, c)
	}
	return out
}

// refusals turns drafts of modules that get no further than admission into cases.
func refusals(says, section, do string, list []draft) []Case {
	out := drafts(says, section, do, list)
	for i := range out {
		out[i].Admit, out[i].Calls = list[i].expect, nil
		if list[i].expect.OK {
			out[i].Calls = []Call{finish(Expect{OK: true})}
		}
	}
	return out
}
