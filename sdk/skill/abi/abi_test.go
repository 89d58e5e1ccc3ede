package abi

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestPack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ptr, n, failed := rapid.Uint32().Draw(t, "ptr"), rapid.Uint32Range(0, MaxLen).Draw(t, "n"), rapid.Bool().Draw(t, "failed")
		p, m, f := Unpack(Pack(ptr, n, failed))
		if p != ptr || m != n || f != failed {
			t.Fatalf("(%d, %d, %v) came back as (%d, %d, %v)", ptr, n, failed, p, m, f)
		}
	})
	if v := Pack(1, 2, true); uint64(v) != 1<<32|1<<31|2 {
		t.Errorf("the layout is %x", v)
	}
}

// TestNumbers pins what may never change.
func TestNumbers(t *testing.T) {
	for op, name := range map[Op]string{0: "describe", 1: "prepare", 2: "finish", 3: "check", 4: "render", 5: "run", 6: "op 6", -1: "op -1"} {
		if op.String() != name {
			t.Errorf("op %d is %q, want %q", int(op), op, name)
		}
		got, ok := ParseOp(op.String())
		if wantOK := op >= 1 && op <= 5; ok != wantOK || ok && got != op {
			t.Errorf("ParseOp(%q) is %d, %v", op, got, ok)
		}
	}
	for op, name := range map[HostOp]string{0: "list", 1: "model.generate", 2: "kv.get", 3: "kv.put", 4: "tool.call", 5: "host op 5"} {
		if op.String() != name {
			t.Errorf("host op %d is %q, want %q", int(op), op, name)
		}
	}
}

func TestCheckAnswer(t *testing.T) {
	for _, c := range []struct {
		op  Op
		raw string
		say string // "" is good
	}{
		{OpPrepare, `{"messages":[{"role":"user","content":"a"}],"state":{"a":1}}`, ""},
		{OpPrepare, `{"messages":[]}`, "empty"},
		{OpPrepare, `{}`, "empty"},
		{OpPrepare, `{"messages":[{"role":"tool","content":"a"}]}`, "must be system"},
		{OpPrepare, `[]`, "cannot unmarshal"},
		{OpPrepare, `{"messages":{}}`, "cannot unmarshal"},
		{OpPrepare, `{"messages":null}`, "empty"},
		{OpPrepare, `{"messages":[[` + strings.Repeat(`],[`, 1000) + `]]}`, "cannot unmarshal"},
		{OpPrepare, `{"messages":[` + strings.Repeat(`{"role":"user","content":""},`, MaxList-1) + `{"role":"user","content":""}]}`, ""},
		{OpPrepare, `{"messages":[` + strings.Repeat(`{"role":"user","content":""},`, MaxList) + `{"role":"user","content":""}]}`, "more than 10000"},
		{OpCheck, `{"passed":true,"failed_ids":[` + strings.Repeat(`"",`, MaxList) + `""]}`, "more than 10000"},
		{OpCheck, `{"passed":true,"failed_ids":["a",1]}`, "cannot unmarshal"},
		{OpCheck, `{"passed":true,"failed_ids":null}`, ""},
		{OpDescribe, `{"abi":1,"ops":["fly"` + strings.Repeat(`,"fly"`, 100) + `]}`, "and 91 more"},
		{OpDescribe, `{"abi":1,"ops":["run"` + strings.Repeat(`,"run"`, MaxList) + `]}`, "more than 10000"},
		{OpDescribe, `{"abi":1,"ops":["run"],"self_tests":[` + strings.Repeat(`{"op":"run","input":{},"output":{}},`, 100) + `{"op":"run","input":{},"output":{}}]}`, "101 self_tests"},
		{OpFinish, `{"output":null}`, ""},
		{OpFinish, `{}`, "output is missing"},
		{OpCheck, `{"passed":false}`, ""},
		{OpCheck, `{"passed":true,"reason":"r","failed_ids":["a"]}`, ""},
		{OpCheck, `{}`, "passed is missing"},
		{OpCheck, `{"passed":null}`, "passed is missing"},
		{OpCheck, `{"passed":"yes"}`, "cannot unmarshal"},
		{OpRender, `{"text":""}`, ""},
		{OpRender, `{"txt":""}`, "text is missing"},
		{OpDescribe, `{"abi":1,"ops":[]}`, ""},
		{OpDescribe, `{"abi":1,"ops":["fly"]}`, "fly"},
		{OpRun, `{"output":[]}`, ""},
		{OpRun, `{}`, "output is missing"},
		{6, `{}`, "no payload"},
		{OpDescribe, `{"abi":1,"ops":["run"],"capabilities":["kv.get","kv.put"],"limits":{"fuel":5}}`, ""},
		{OpDescribe, `{"abi":1,"ops":["run"],"capabilities":["kv.get","kv.get"]}`, "twice"},
		{OpDescribe, `{"abi":1,"ops":["run"],"capabilities":["kv.list"]}`, "the capabilities are model.generate, kv.get, kv.put, tool.call"},
		{OpDescribe, `{"abi":1,"ops":[],"limits":{"fuel":-1}}`, "negative"},
	} {
		err := CheckAnswer(c.op, []byte(c.raw))
		if (err == nil) != (c.say == "") || err != nil && !strings.Contains(err.Error(), c.say) {
			t.Errorf("%s %s: %v, want %q", c.op, c.raw, err, c.say)
		}
	}
	out, err := ReadCheck([]byte(`{"passed":true,"reason":"r","failed_ids":["a"]}`))
	if err != nil || !out.Passed || out.Reason != "r" || len(out.FailedIDs) != 1 {
		t.Errorf("%+v %v", out, err)
	}
}

func TestHostPayloads(t *testing.T) {
	read := map[HostOp]func([]byte) error{
		HostGenerate: func(raw []byte) error { _, err := ReadGenerate(raw); return err },
		HostGet:      func(raw []byte) error { _, err := ReadGet(raw); return err },
		HostPut:      func(raw []byte) error { _, err := ReadPut(raw); return err },
		HostTool:     func(raw []byte) error { _, err := ReadTool(raw); return err },
	}
	for _, c := range []struct {
		op  HostOp
		raw string
		say string // "" is good
	}{
		{HostGenerate, `{"messages":[{"role":"user","content":"a"}]}`, ""},
		{HostGenerate, `{"step":"s","messages":[]}`, "empty"},
		{HostGenerate, `{"messages":[{"role":"tool","content":"a"}]}`, "messages[0].role"},
		{HostGenerate, `[]`, "cannot unmarshal"},
		{HostGet, `{"key":"k"}`, ""},
		{HostGet, `{"key":""}`, "missing"},
		{HostGet, `{"key":"` + strings.Repeat("k", MaxKey+1) + `"}`, "257 bytes"},
		{HostPut, `{"key":"k","value":null}`, ""},
		{HostPut, `{"key":"k","value":{"a":1}}`, ""},
		{HostPut, `{"key":"k"}`, "value is missing"},
		{HostPut, `{"value":1}`, "key is missing"},
		{HostTool, `{"tool":"t"}`, ""},
		{HostTool, `{"tool":"t","arguments":null}`, ""},
		{HostTool, `{"tool":"t","arguments": {"a":1} }`, ""},
		{HostTool, `{"tool":"t","arguments":[1]}`, "must be an object"},
		{HostTool, `{"arguments":{}}`, "tool is missing"},
	} {
		if err := read[c.op]([]byte(c.raw)); (err == nil) != (c.say == "") || err != nil && !strings.Contains(err.Error(), c.say) {
			t.Errorf("%s %s: %v, want %q", c.op, c.raw, err, c.say)
		}
	}
	if in, err := ReadTool([]byte(`{"tool":"t"}`)); err != nil || string(in.Arguments) != "{}" {
		t.Errorf("no arguments are %s, %v", in.Arguments, err)
	}
	for _, name := range Capabilities() {
		if op, ok := ParseHostOp(name); !ok || op.String() != name || !(Manifest{Capabilities: []string{name}}).Asks(op) {
			t.Errorf("%s is op %d, %v", name, op, ok)
		}
	}
	if _, ok := ParseHostOp("list"); ok {
		t.Error("list is a capability")
	}
}

// FuzzHostPayloads: whatever a guest sends, reading it ends in a value that
// keeps the page's bounds, or in an error.
func FuzzHostPayloads(f *testing.F) {
	for _, seed := range []string{`{"step":"s","messages":[{"role":"user","content":"a"}]}`, `{"key":"k","value":null}`, `{"tool":"t","arguments": {}}`, `{"tool":"t","arguments":""}`, `{`, ``, `null`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if in, err := ReadGenerate(raw); err == nil && len(in.Messages) == 0 {
			t.Error("no messages")
		}
		if in, err := ReadGet(raw); err == nil && (in.Key == "" || len(in.Key) > MaxKey) {
			t.Errorf("key %q", in.Key)
		}
		if in, err := ReadPut(raw); err == nil && (in.Key == "" || !json.Valid(in.Value)) {
			t.Errorf("key %q, value %q", in.Key, in.Value)
		}
		if in, err := ReadTool(raw); err == nil && (in.Tool == "" || json.Unmarshal(in.Arguments, &map[string]any{}) != nil) {
			t.Errorf("tool %q, arguments %q", in.Tool, in.Arguments)
		}
	})
}

// smallest is a module with a custom section between two others.
var smallest = []byte("\x00asm\x01\x00\x00\x00\x01\x01\x00\x00\x05\x04name\x01\x02\x01\x00")

func TestManifest(t *testing.T) {
	if _, ok, err := ReadManifest(smallest); ok || err != nil {
		t.Errorf("a module without a manifest gives %v, %v", ok, err)
	}
	m := Manifest{ABI: 1, Name: "a", Ops: []string{"check"}, Gates: []string{"known_ids"}, Input: json.RawMessage(`{"type": "object"}`)}
	with, err := WithManifest(smallest, m)
	if err != nil {
		t.Fatal(err)
	}
	got, ok, err := ReadManifest(with)
	if err != nil || !ok || got.Name != "a" || !got.Has(OpCheck) || got.Has(OpFinish) || string(got.Input) != `{"type":"object"}` {
		t.Errorf("%+v %v %v", got, ok, err)
	}
	if !bytes.HasPrefix(with, smallest) {
		t.Error("the module's own bytes changed")
	}
	m.Name = "b"
	again, err := WithManifest(with, m)
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := ReadManifest(again); err != nil || got.Name != "b" || len(again) != len(with) {
		t.Errorf("the manifest was not replaced: %+v %v", got, err)
	}
	two := append(bytes.Clone(with), with[len(smallest):]...)
	if _, _, err := ReadManifest(two); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("two manifests give %v", err)
	}
	for name, bad := range map[string]string{
		"unknown member": `{"abi":1,"ops":[],"net":true}`,
		"other version":  `{"abi":2,"ops":[]}`,
		"unknown op":     `{"abi":1,"ops":["describe"]}`,
		"op twice":       `{"abi":1,"ops":["check","check"]}`,
		"text behind":    `{"abi":1,"ops":[]}{}`,
		"limit":          `{"abi":1,"ops":[],"limits":{"memory_mib":-1}}`,
		"self test":      `{"abi":1,"ops":[],"self_tests":[{"op":"x","input":1,"output":1}]}`,
		"no JSON":        `abi = 1`,
	} {
		if _, err := ParseManifest([]byte(bad)); err == nil {
			t.Errorf("%s: %s was accepted", name, bad)
		}
	}
	for name, module := range map[string][]byte{"empty": nil, "text": []byte("hello, world"), "cut": with[:len(with)-1], "component": []byte("\x00asm\x0d\x00\x01\x00"), "version 2": []byte("\x00asm\x02\x00\x00\x00")} {
		if _, _, err := ReadManifest(module); err == nil {
			t.Errorf("%s was read as a module", name)
		}
		if _, err := WithManifest(module, m); err == nil {
			t.Errorf("%s got a manifest", name)
		}
	}
}

func FuzzReadManifest(f *testing.F) {
	with, err := WithManifest(smallest, Manifest{ABI: 1, Ops: []string{"finish"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(nil))
	f.Add(smallest)
	f.Add(with)
	f.Add([]byte("\x00asm\x01\x00\x00\x00\x00\xff\xff\xff\xff\x0f"))
	f.Add([]byte("\x00asm\x01\x00\x00\x00\x00\x80\x80\x80\x80\x80\x80"))
	f.Fuzz(func(t *testing.T, module []byte) {
		m, ok, err := ReadManifest(module)
		if err != nil || !ok {
			return
		}
		if err := m.Validate(); err != nil {
			t.Errorf("a manifest was read that is not valid: %v", err)
		}
		again, err := WithManifest(module, m)
		if err != nil {
			return // JSON that has no canonical form, such as 1e999 in a schema
		}
		if _, ok, err := ReadManifest(again); !ok || err != nil {
			t.Errorf("what was written cannot be read: %v %v", ok, err)
		}
	})
}
