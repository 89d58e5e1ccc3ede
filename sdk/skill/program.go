package skill

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// Program is a registered skill: bytes in, bytes out, as in the sandbox.
type Program struct {
	manifest abi.Manifest
	ops      map[abi.Op]func(in []byte, h HostFunc) (any, error)
	host     HostFunc
}

// Register makes a program of a skill and, in a WASM build, the one that the
// module answers with. Call it once, in a package-level variable: a module of
// this kind is initialised, but its main is never run.
func Register[In, Out any](s Skill[In, Out]) *Program {
	p := &Program{manifest: abi.Manifest{ABI: abi.Version, Name: s.Name, Version: s.Version, Ops: []string{}}, ops: map[abi.Op]func([]byte, HostFunc) (any, error){}, host: hostCall}
	add := func(op abi.Op, f func([]byte) (any, error)) {
		p.ops[op] = func(raw []byte, _ HostFunc) (any, error) { return f(raw) }
		p.manifest.Ops = append(p.manifest.Ops, op.String())
	}
	if s.Prepare != nil {
		add(abi.OpPrepare, func(raw []byte) (any, error) { return prepare(raw, s.Prepare) })
	}
	if s.Finish != nil {
		add(abi.OpFinish, func(raw []byte) (any, error) { return finish(raw, s.Finish) })
	}
	if len(s.Check) > 0 {
		add(abi.OpCheck, func(raw []byte) (any, error) { return check(raw, s.Check) })
		p.manifest.Gates = slices.Sorted(maps.Keys(s.Check))
	}
	if len(s.Render) > 0 {
		add(abi.OpRender, func(raw []byte) (any, error) { return render(raw, s.Render) })
		p.manifest.Formats = slices.Sorted(maps.Keys(s.Render))
	}
	if s.Run != nil {
		p.ops[abi.OpRun] = func(raw []byte, h HostFunc) (any, error) { return drive(raw, h, s.Run) }
		p.manifest.Ops = append(p.manifest.Ops, abi.OpRun.String())
	}
	p.manifest.Capabilities = slices.Clone(s.Capabilities)
	p.manifest.SelfTests = s.SelfTests
	install(p, new(In), new(Out))
	return p
}

// With is the program with another host behind its host calls: for tests.
func (p *Program) With(h HostFunc) *Program {
	out := *p
	out.host = h
	return &out
}

// Manifest is what the module says of itself.
func (p *Program) Manifest() abi.Manifest { return p.manifest }

// Call answers one op as the module would: the payloads are those of the ABI.
// The error is always an *Error. A panic of the author's code is one with code
// "panic", so that its message is not lost in a trap.
func (p *Program) Call(op abi.Op, input []byte) (output []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			output, err = nil, &Error{Code: abi.CodePanic, Message: fmt.Sprintf("%s panicked: %v", op, r), Detail: trace()}
		}
	}()
	if op == abi.OpDescribe {
		return answer(op, p.manifest)
	}
	f, ok := p.ops[op]
	if !ok {
		return nil, Errorf(abi.CodeUnsupported, "this skill has no code for %s", op)
	}
	out, err := f(input, p.host)
	if err != nil {
		return nil, asError(err)
	}
	return answer(op, out)
}

func answer(op abi.Op, v any) ([]byte, error) {
	raw, err := marshal(v)
	if err != nil {
		return nil, Errorf(abi.CodeFailed, "%s made something that JSON cannot carry: %v", op, err)
	}
	return raw, nil
}

// marshal is JSON with <, > and & as they are: prompts are full of them.
func marshal(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte{'\n'}), nil
}

func drive[In, Out any](raw []byte, h HostFunc, f func(In, Host) (Out, error)) (any, error) {
	call, in, err := read[abi.RunInput, In](raw, func(c abi.RunInput) json.RawMessage { return c.Input })
	if err != nil {
		return nil, err
	}
	out, err := f(in, Host{Failed: call.Failure, call: h})
	if err != nil {
		return nil, err
	}
	return struct {
		Output Out `json:"output"`
	}{out}, nil
}

func prepare[In any](raw []byte, f func(In, Turn) (Prompt, error)) (any, error) {
	call, in, err := read[abi.PrepareInput, In](raw, func(c abi.PrepareInput) json.RawMessage { return c.Input })
	if err != nil {
		return nil, err
	}
	p, err := f(in, Turn{Step: call.Step, Done: call.Done})
	if err != nil {
		return nil, err
	}
	out := abi.PrepareOutput{Messages: p.Messages}
	if p.State != nil {
		if out.State, err = json.Marshal(p.State); err != nil {
			return nil, fmt.Errorf("the state that prepare gave cannot be kept: %w", err)
		}
	}
	return out, nil
}

func finish[In, Out any](raw []byte, f func(In, Answer) (Out, error)) (any, error) {
	call, in, err := read[abi.FinishInput, In](raw, func(c abi.FinishInput) json.RawMessage { return c.Input })
	if err != nil {
		return nil, err
	}
	out, err := f(in, Answer{Completion: call.Completion, Completions: call.Completions, state: call.State})
	if err != nil {
		return nil, err
	}
	return struct {
		Output Out `json:"output"`
	}{out}, nil
}

func check[In, Out any](raw []byte, gates map[string]CheckFunc[In, Out]) (any, error) {
	call, in, err := read[abi.CheckInput, In](raw, func(c abi.CheckInput) json.RawMessage { return c.Input })
	if err != nil {
		return nil, err
	}
	f, ok := gates[call.Gate]
	if !ok {
		return nil, unknown("gate", call.Gate, slices.Sorted(maps.Keys(gates)))
	}
	var out Out
	if err := decode("output", call.Output, &out); err != nil {
		return nil, err
	}
	v, err := f(in, out)
	return abi.CheckOutput(v), err
}

func render[In, Out any](raw []byte, formats map[string]RenderFunc[In, Out]) (any, error) {
	call, in, err := read[abi.RenderInput, In](raw, func(c abi.RenderInput) json.RawMessage { return c.Input })
	if err != nil {
		return nil, err
	}
	f, ok := formats[call.Format]
	if !ok {
		return nil, unknown("format", call.Format, slices.Sorted(maps.Keys(formats)))
	}
	var out Out
	if err := decode("output", call.Output, &out); err != nil {
		return nil, err
	}
	text, err := f(in, out)
	return abi.RenderOutput{Text: text}, err
}

func read[Call, In any](raw []byte, input func(Call) json.RawMessage) (call Call, in In, err error) {
	if err = decode("payload", raw, &call); err == nil {
		err = decode("input", input(call), &in)
	}
	return call, in, err
}

func decode(what string, raw []byte, into any) error {
	if len(raw) == 0 {
		return Errorf(abi.CodeInput, "the %s is missing", what)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return Errorf(abi.CodeInput, "the %s does not fit the skill's Go type: %v", what, err)
	}
	return nil
}

func unknown(kind, name string, have []string) error {
	return Errorf(abi.CodeUnsupported, "this skill's code has no %s %q; it has %q", kind, name, have)
}

// State decodes what Prepare gave as State for the last step into v, a pointer.
// It is an error when Prepare gave none.
func (a Answer) State(v any) error {
	if len(a.state) == 0 {
		return errors.New("prepare gave no state")
	}
	return json.Unmarshal(a.state, v)
}
