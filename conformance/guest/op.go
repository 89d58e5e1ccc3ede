package guest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// opQuestions ask every op once, and ops, gates and formats that are not there.
func opQuestions() []question {
	var out []question
	for _, op := range []abi.Op{abi.OpPrepare, abi.OpFinish, abi.OpCheck, abi.OpRender} {
		out = append(out, question{
			id: "op." + op.String(), title: op.String() + " answers in its shape", needsCode: true,
			says: "Every op has one shape of answers; where the guest cannot answer it fails with {code, message}.", section: inOps,
			do:  "Answer with the members of the page. If the example input is not one of your skill's, give one by -input.",
			ask: func(k *kit) finding { return k.shape(op) },
		})
	}
	unsupported := func(what string, calls func(*kit) []call) func(*kit) finding {
		return func(k *kit) finding {
			list := calls(k)
			if len(list) == 0 {
				return skip("it has no such op to ask")
			}
			for _, c := range list {
				o := k.call(c, false)
				if o.err == nil || !o.err.Guest || o.err.Code != abi.CodeUnsupported {
					return fail("%s gives %s, not the failure unsupported_op", c.name, o.says())
				}
			}
			return pass("%s: unsupported_op", what)
		}
	}
	return append(out,
		question{id: "op.unknown", title: "an op that it does not have", needsCode: true, needsModule: true,
			says: "A guest must answer an op that it does not have with the failure unsupported_op.", section: inOps,
			do: "Let the default of the dispatch answer unsupported_op, negative numbers included; never trap.",
			ask: unsupported("4242, -1 and what it does not list", func(k *kit) []call {
				list := []call{{"op 4242", 4242, []byte(`{}`)}, {"op -1", -1, []byte(`{}`)}}
				if k.declared {
					for _, op := range []abi.Op{abi.OpPrepare, abi.OpFinish, abi.OpCheck, abi.OpRender, abi.OpRun} {
						if !k.code.Has(op) {
							list = append(list, call{op.String() + ", which it does not list,", op, []byte(`{"input":{}}`)})
						}
					}
				}
				return list
			})},
		question{id: "op.unknown_gate", title: "a gate that it does not have", needsCode: true,
			says: "unsupported_op: the guest has no such op, gate or format.", section: inFailures, do: "Answer unsupported_op, and name the gates that there are.",
			ask: unsupported("the gate no_such_gate_4242", func(k *kit) []call {
				if !k.code.Has(abi.OpCheck) || len(k.manifest.Gates) == 0 {
					return nil
				}
				return []call{{"check no_such_gate_4242", abi.OpCheck, encode(abi.CheckInput{Gate: "no_such_gate_4242", Input: k.example.input, Output: orEmpty(k.example.output)})}}
			})},
		question{id: "op.unknown_format", title: "a format that it does not have", needsCode: true,
			says: "unsupported_op: the guest has no such op, gate or format.", section: inFailures, do: "Answer unsupported_op, and name the formats that there are.",
			ask: unsupported("the format no_such_format_4242", func(k *kit) []call {
				if !k.code.Has(abi.OpRender) || len(k.manifest.Formats) == 0 {
					return nil
				}
				return []call{{"render no_such_format_4242", abi.OpRender, encode(abi.RenderInput{Format: "no_such_format_4242", Input: k.example.input, Output: orEmpty(k.example.output)})}}
			})},
		question{id: "op.run_alone", title: "op run without a host to ask", needsCode: true,
			says: "A refusal of the host has the error bit and the code capability; the guest goes on from there.", section: inImports,
			do: "Look at the error bit of every host call, and fail with a code of your own or pass the refusal on.", ask: runAlone},
	)
}

func orEmpty(raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return json.RawMessage(`{}`)
	}
	return raw
}

func (k *kit) shape(op abi.Op) finding {
	if !k.code.Has(op) {
		return skip("it does not have this op")
	}
	var seen []string
	answered := false
	for _, c := range k.calls(k.example) {
		if c.op != op {
			continue
		}
		o := k.call(c, false)
		if o.ended() {
			return endedBy(c.name, o)
		}
		answered = answered || o.err == nil
		seen = append(seen, fmt.Sprintf("%s: %s", c.name, o.says()))
	}
	if !answered {
		return skip("it refuses the example input (%s): give one of your skill's by -input", strings.Join(seen, "; "))
	}
	return pass("%s", strings.Join(seen, "; "))
}

func runAlone(k *kit) finding {
	if !k.code.Has(abi.OpRun) {
		return skip("it does not have op run")
	}
	o := k.call(call{"run", abi.OpRun, append(append([]byte(`{"input":`), k.example.input...), '}')}, false)
	if o.ended() {
		return endedBy("run without capabilities", o)
	}
	return pass("%s", o.says())
}

// inputQuestions give the guest what hosts send seldom, and what none should.
func inputQuestions() []question {
	const badInput = "A guest answers, or fails with bad_input; a trap is neither."
	// survives sends each input to every op that the guest has.
	survives := func(inputs func(*kit, call) []call) func(*kit) finding {
		return func(k *kit) finding {
			seen := map[string]bool{}
			for _, c := range k.calls(k.example) {
				for _, v := range inputs(k, c) {
					o := k.call(v, false)
					if o.ended() {
						return endedBy(v.name, o)
					}
					if o.err != nil {
						seen[o.err.Code] = true
					} else {
						seen["an answer"] = true
					}
				}
			}
			if len(seen) == 0 {
				return skip("it has no op to ask")
			}
			return pass("%s", strings.Join(sortedKeys(seen), ", "))
		}
	}
	raw := func(texts ...string) func(*kit, call) []call {
		return func(_ *kit, c call) []call {
			var out []call
			for _, t := range texts {
				out = append(out, call{c.name + fmt.Sprintf(" with %.40q", t), c.op, []byte(t)})
			}
			return out
		}
	}
	return []question{
		{id: "input.marked", title: "texts that are not ASCII come back as they went in", says: "Payloads are JSON in UTF-8.", section: inCall, needsCode: true,
			do: "Read and write strings as UTF-8; count bytes, not characters, when you copy; do not cut inside a character.", ask: echo},
		{id: "input.surrogates", title: "half surrogate pairs in the input", says: "The host checks answers for half surrogate pairs; " + badInput, section: inCall, needsCode: true,
			do: "Replace half a pair by U+FFFD when you read it, or refuse it with bad_input.",
			ask: survives(func(_ *kit, c call) []call {
				var out []call
				for _, half := range []string{`\ud800`, `\udc00`, `\ud83d\u0041`, `\\\ud800`} {
					text := []byte(`"` + half + `"`)
					out = append(out, call{c.name + " with " + half + " for every text", c.op, replaceTexts(c.input, text)},
						call{c.name + " with " + half + " in a member that nobody knows", c.op, withMember(c.input, "x_conformance", string(text))})
				}
				return out
			})},
		{id: "input.empty", title: "an input of no bytes", says: "len may be 0; the pointer is not 0 even then.", section: inCall, needsCode: true,
			do:  "Let plim_alloc(0) answer a pointer, and plim_call fail with bad_input.",
			ask: survives(func(_ *kit, c call) []call { return []call{{c.name + " with no bytes", c.op, []byte{}}} })},
		{id: "input.no_json", title: "inputs that are no JSON", says: badInput, section: inFailures, needsCode: true,
			do:  "Check every byte of the JSON that you read; fail with bad_input.",
			ask: survives(raw(" ", "{", "[1", `{"input"`, `{"input":}`, `{"input":1}}`, `{'input':1}`, `nul`, `"`, `"\`, `"\u12`, `{"input":01}`, `{"input":1e}`, `{"input":"`+"\n"+`"}`, "\x00", `{"input":"\x"}`))},
		{id: "input.no_utf8", title: "inputs that are no UTF-8", says: "A guest that reads broken UTF-8 may replace it or refuse it; its answer must be UTF-8 again.", section: inCall, needsCode: true, needsModule: true,
			do: "Check UTF-8 while you read strings, and before you copy them into an answer.",
			ask: survives(func(_ *kit, c call) []call {
				var out []call
				for _, bad := range []string{"\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\xf0\x9f\x98"} {
					out = append(out, call{c.name + fmt.Sprintf(" with %q for every text", bad), c.op, replaceTexts(c.input, []byte(`"`+bad+`"`))})
				}
				return out
			})},
		{id: "input.deep", title: "100,000 arrays inside of each other", says: badInput, section: inFailures, needsCode: true, needsModule: true,
			do: "Bound the depth of what you read (512 is plenty) before the stack does it for you.",
			ask: survives(func(_ *kit, c call) []call {
				const n = 100_000
				return []call{
					{c.name + " with 100,000 [ that are closed", c.op, []byte(`{"input":` + strings.Repeat("[", n) + strings.Repeat("]", n) + "}")},
					{c.name + ` with 100,000 {"a": that are not closed`, c.op, []byte(strings.Repeat(`{"a":`, n))},
				}
			})},
		{id: "input.numbers", title: "numbers that no machine holds", says: badInput, section: inFailures, needsCode: true,
			do:  "Take what does not fit for bad_input; never for a smaller number.",
			ask: survives(raw(`{"input":1e999999}`, `{"input":-1e-999999}`, `{"input":`+strings.Repeat("9", 10_000)+`}`, `{"input":18446744073709551616,"completion":"18446744073709551616: x"}`))},
		{id: "input.types", title: "JSON of another shape", says: badInput, section: inFailures, needsCode: true,
			do:  "Check the types of what you read; fail with bad_input.",
			ask: survives(raw(`null`, `1`, `"text"`, `[]`, `{}`, `{"input":null}`, `{"input":[[[]]],"completion":7,"gate":[],"format":{},"output":"x","step":1}`, `{"input":{},"input":[]}`))},
		{id: "input.unknown", title: "members that it does not know", says: "Guests must ignore members of inputs that they do not know.", section: inChanges, needsCode: true,
			do: "Skip unknown members: later hosts send more.", ask: sameWith(`x_conformance`, `{"a":[1,"é",null]}`)},
		{id: "input.big", title: "an input of 1 MiB", says: "plim_alloc gives room for so many bytes; a guest has at least the memory that its manifest asks for.", section: inCall, needsCode: true,
			do: "Let memory grow in plim_alloc, and read without copying more than you need.", ask: sameWith(`x_conformance`, `"`+strings.Repeat("x", 1<<20)+`"`)},
		{id: "input.null", title: "null for optional members", says: "Absent optional members and null mean the same.", section: inOps, needsCode: true,
			do: "Read null as you read nothing.", ask: sameWith(`state`, `null`)},
		{id: "memory.oversize", title: "an input of 2 GiB less a byte", says: "plim_alloc answers 0 where there is no room; a trap is as good, a pointer outside of memory is not.", section: inExports, needsCode: true,
			do: "Compare the length with what memory can still grow by, in 64 bits, before you add it to a pointer.", ask: oversize},
	}
}

// replaceTexts puts one JSON text in place of every text value of an input, its
// members' names excepted.
func replaceTexts(input, text []byte) []byte {
	var v any
	dec := json.NewDecoder(bytes.NewReader(input))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		return text
	}
	// A text that needs no escape stands for the other until the JSON is written,
	// because encoding/json would mend what must stay broken.
	const stand = "conformance-text-4242"
	return bytes.ReplaceAll(encode(standFor(v, stand)), []byte(`"`+stand+`"`), text)
}

func standFor(v any, stand string) any {
	switch v := v.(type) {
	case string:
		return stand
	case []any:
		for i := range v {
			v[i] = standFor(v[i], stand)
		}
	case map[string]any:
		for k := range v {
			if k != "gate" && k != "format" { // else nothing but unsupported_op is seen
				v[k] = standFor(v[k], stand)
			}
		}
	}
	return v
}

// sameWith adds a member, which must change nothing.
func sameWith(name, value string) func(*kit) finding {
	return func(k *kit) finding {
		list := k.calls(k.example)
		if len(list) == 0 {
			return skip("it has no op to ask")
		}
		for _, c := range list {
			before, after := k.call(c, false), k.call(call{c.name, c.op, withMember(c.input, name, value)}, false)
			if after.ended() {
				return endedBy(c.name+" with the member "+name, after)
			}
			if before.text() != after.text() {
				return fail("%s: with the member %s (%d bytes) it gives %s, and without it %s", c.name, name, len(value), after.says(), before.says())
			}
		}
		return pass("the same from %d calls", len(list))
	}
}

// echo looks for the mark wherever the guest repeats its input.
func echo(k *kit) finding {
	seen := 0
	for _, c := range k.calls(marked(k.example)) {
		o := k.call(c, false)
		if o.ended() {
			return endedBy(c.name, o)
		}
		answer := []byte(o.text())
		if o.err == nil {
			canonical, err := canonjson.Transform(o.answer)
			if err != nil {
				continue // numbers that have no canonical form; the texts are looked at as they stand
			}
			answer = canonical
		}
		for rest := answer; ; {
			i := bytes.Index(rest, []byte(markBegin))
			if i < 0 {
				break
			}
			rest = rest[i+len(markBegin):]
			j := bytes.Index(rest, []byte(markEnd))
			if j < 0 {
				break // the guest cut the text off, as it may
			}
			if got := rest[:j]; string(got) != markText {
				return fail("%s: %q went in and %q came out (base64 %s)", c.name, markText, got, base64.StdEncoding.EncodeToString(got))
			}
			seen++
		}
	}
	if seen == 0 {
		return skip("none of its answers repeats a text of its input: give an input by -input to see more")
	}
	return pass("%d texts came back as they went in", seen)
}

// oversize sends bytes that nobody ever touches, so it costs address space only.
func oversize(k *kit) finding {
	list := k.calls(k.example)
	if len(list) == 0 {
		return skip("it has no op to ask")
	}
	o := k.call(call{"2 GiB", list[0].op, make([]byte, abi.MaxLen)}, false)
	if o.err == nil || o.err.Guest {
		return fail("it took 2 GiB of input: %s", o.says())
	}
	switch abi.HostCode(o.err.Code) {
	case abi.OutOfMemory, abi.Trap, abi.Exit:
		return pass("%s", o.err.Message)
	}
	return fail("%s", o.says())
}
