package skill

import (
	"encoding/json"
	"fmt"

	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// Failure is an attempt of a run that did not pass: the message that a model
// would be told, the gates that failed, and the output that they looked at (nil
// when there was none).
type Failure = abi.RunFailure

// HostFunc carries one host call: JSON in, JSON out. An *Error is what the host
// refused or could not do.
type HostFunc func(op abi.HostOp, payload []byte) (answer []byte, err error)

// Host is what a skill that drives its own flow can reach: models by the name of
// a step, its own keys, tools. Each is a capability that the skill asks for
// (Skill.Capabilities) and the project grants. What is not granted answers with
// an *Error of code "capability", whose message has the line to add.
//
// It is valid within one call of Run.
type Host struct {
	// Failed is what was wrong with the attempt before this one, nil in the
	// first: tell the model of it.
	Failed *Failure

	call HostFunc
}

// Generate asks the model of a step, on whatever tier that step stands. Where no
// message is System, the step's prompt (its file, or SKILL.md's body) goes
// before them. Errors have the codes capability, bad_input, unavailable (may be
// retried; the host did so already) and refused.
func (h Host) Generate(step string, messages ...Message) (string, error) {
	var out abi.GenerateOutput
	err := h.ask(abi.HostGenerate, abi.GenerateInput{Step: step, Messages: messages}, &out)
	return out.Completion, err
}

// Get reads the value of a key into v, a pointer. found is false when the key is
// not there; v is then left as it was. A run sees its own writes.
func (h Host) Get(key string, v any) (found bool, err error) {
	var out abi.GetOutput
	if err := h.ask(abi.HostGet, abi.GetInput{Key: key}, &out); err != nil || !out.Found {
		return false, err
	}
	if err := json.Unmarshal(out.Value, v); err != nil {
		return true, fmt.Errorf("the value of key %q does not fit: %w", key, err)
	}
	return true, nil
}

// Put writes a value that JSON can carry; nil deletes the key. What a run writes
// is kept when the run passes its gates, all at once, and dropped otherwise. A
// write that does not fit has code quota, and nothing is written.
func (h Host) Put(key string, v any) error {
	raw, err := marshal(v)
	if err != nil {
		return Errorf(abi.CodeInput, "the value of key %q cannot be kept: %v", key, err)
	}
	return h.ask(abi.HostPut, abi.PutInput{Key: key, Value: raw}, nil)
}

// Tool calls a tool with arguments that become a JSON object (nil is {}), and
// reads its result into result, a pointer or nil. Errors have the codes
// capability, bad_input, tool_failed, unavailable and unmeasurable: in a trial
// only tools that change nothing are called.
func (h Host) Tool(name string, arguments, result any) error {
	in := abi.ToolInput{Tool: name}
	if arguments != nil {
		raw, err := marshal(arguments)
		if err != nil {
			return Errorf(abi.CodeInput, "the arguments of tool %s cannot be sent: %v", name, err)
		}
		in.Arguments = raw
	}
	var out abi.ToolOutput
	if err := h.ask(abi.HostTool, in, &out); err != nil || result == nil {
		return err
	}
	if err := json.Unmarshal(out.Result, result); err != nil {
		return fmt.Errorf("the result of tool %s does not fit: %w", name, err)
	}
	return nil
}

// Log writes a line for whoever develops the skill, as Logf does.
func (Host) Log(format string, args ...any) { Logf(format, args...) }

// ask makes one host call.
func (h Host) ask(op abi.HostOp, payload, answer any) error {
	raw, err := marshal(payload)
	if err != nil {
		return Errorf(abi.CodeInput, "the payload of %s cannot be sent: %v", op, err)
	}
	if len(raw) > abi.MaxPayload {
		return Errorf(abi.CodeInput, "the payload of %s has %d bytes; at most %d are allowed", op, len(raw), abi.MaxPayload)
	}
	if h.call == nil {
		return Errorf(abi.CodeCapability, "there is no host here: a test gives one with Program.With(fake.Call)")
	}
	out, err := h.call(op, raw)
	if err != nil {
		return asError(err)
	}
	if answer == nil {
		return nil
	}
	if err := json.Unmarshal(out, answer); err != nil {
		return Errorf(abi.CodeFailed, "the host answered %s with something that is not its answer: %v", op, err)
	}
	return nil
}
