package skill

import (
	"encoding/json"
	"strings"

	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// Fake is a host for tests: it answers a skill's host calls without an engine
// and keeps the engine's rules for payloads and keys. A member that is nil is
// not granted.
//
//	fake := &skill.Fake{Model: func(step string, m []skill.Message) (string, error) { return "a draft", nil }}
//	out, err := Program.With(fake.Call).Call(abi.OpRun, []byte(`{"input": {}}`))
type Fake struct {
	// Model answers model.generate.
	Model func(step string, messages []Message) (string, error)
	// Keys are the skill's kv; an empty map grants it.
	Keys map[string]json.RawMessage
	// Tools answer tool.call by name.
	Tools map[string]func(arguments json.RawMessage) (any, error)
	// Asked are the calls so far: "model.generate draft", "kv.put seen".
	Asked []string
}

// Call is a HostFunc.
func (f *Fake) Call(op abi.HostOp, payload []byte) ([]byte, error) {
	switch {
	case op == abi.HostGenerate && f.Model != nil:
		in, err := abi.ReadGenerate(payload)
		return fakeAnswer(f, op, in.Step, err, func() (any, error) {
			text, err := f.Model(in.Step, in.Messages)
			return abi.GenerateOutput{Completion: text}, err
		})
	case op == abi.HostGet && f.Keys != nil:
		in, err := abi.ReadGet(payload)
		return fakeAnswer(f, op, in.Key, err, func() (any, error) {
			v, ok := f.Keys[in.Key]
			if !ok {
				v = json.RawMessage("null")
			}
			return abi.GetOutput{Found: ok, Value: v}, nil
		})
	case op == abi.HostPut && f.Keys != nil:
		in, err := abi.ReadPut(payload)
		return fakeAnswer(f, op, in.Key, err, func() (any, error) {
			if string(in.Value) == "null" {
				delete(f.Keys, in.Key)
			} else {
				f.Keys[in.Key] = in.Value
			}
			return struct{}{}, nil
		})
	case op == abi.HostTool && f.Tools != nil:
		in, err := abi.ReadTool(payload)
		return fakeAnswer(f, op, in.Tool, err, func() (any, error) {
			tool := f.Tools[in.Tool]
			if tool == nil {
				return nil, Errorf(abi.CodeCapability, "the fake host has no tool %q", in.Tool)
			}
			v, err := tool(in.Arguments)
			if err != nil {
				return nil, err
			}
			raw, err := marshal(v)
			return abi.ToolOutput{Result: raw}, err
		})
	}
	f.Asked = append(f.Asked, op.String())
	return nil, Errorf(abi.CodeCapability, "the fake host does not grant %s", op)
}

func fakeAnswer(f *Fake, op abi.HostOp, name string, err error, do func() (any, error)) ([]byte, error) {
	f.Asked = append(f.Asked, strings.TrimSpace(op.String()+" "+name))
	if err != nil {
		return nil, Errorf(abi.CodeInput, "%v", err)
	}
	v, err := do()
	if err != nil {
		return nil, err
	}
	return marshal(v)
}
