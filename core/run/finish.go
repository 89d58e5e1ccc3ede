package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/plimsoll-dev/plimsoll/core/gate"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// Finish makes the output of completions: by the skill's code, or by reading
// them as the output schema says. Fixes name what had to be peeled off.
func (p *Plan) Finish(ctx context.Context, input json.RawMessage, completions, state map[string]string) (json.RawMessage, []gate.Fix, error) {
	if p.Code != nil && p.Code.Has(abi.OpFinish) {
		last := p.Steps[len(p.Steps)-1].Name
		in, err := json.Marshal(abi.FinishInput{Input: input, Completion: completions[last], Completions: completions, State: rawState(state[last])})
		if err != nil {
			return nil, nil, err
		}
		raw, err := p.Code.Call(ctx, abi.OpFinish, in)
		if err != nil {
			return nil, nil, err
		}
		var out abi.FinishOutput
		if err := json.Unmarshal(raw, &out); err != nil {
			return nil, nil, fmt.Errorf("finish answered with something that is not its output: %w", err)
		}
		canon, err := canonjson.Transform(out.Output)
		return canon, nil, err
	}
	if len(p.Steps) == 1 && p.Steps[0].Output == "" {
		return read(completions[p.Steps[0].Name], p.JSON)
	}
	doc, fixes := map[string]json.RawMessage{}, []gate.Fix(nil)
	for _, s := range p.Steps {
		part, fixed, err := read(completions[s.Name], s.JSON)
		if err != nil {
			return nil, nil, fmt.Errorf("step %s: %w", s.Name, err)
		}
		fixes = append(fixes, fixed...)
		doc[s.Output] = part
	}
	canon, err := canonjson.Marshal(doc)
	return canon, fixes, err
}

func read(completion string, wantJSON bool) (json.RawMessage, []gate.Fix, error) {
	v, fixes, err := gate.Decode([]byte(completion), wantJSON)
	if err != nil {
		return nil, nil, err
	}
	raw, err := canonjson.Marshal(v)
	return raw, fixes, err
}

// Judged is what gates made of an output.
type Judged struct {
	Output json.RawMessage // after fixes
	Fixes  []gate.Fix
	Result gate.Result
}

// Judge applies fixes and gates to an output that anybody made. The error is
// the engine's; a gate whose code or command breaks is a gate that failed.
func (p *Plan) Judge(ctx context.Context, input, output json.RawMessage) (Judged, error) {
	in, _, err := gate.Decode(input, true)
	if err != nil {
		return Judged{}, fmt.Errorf("reading the input: %w", err)
	}
	out, _, err := gate.Decode(output, true)
	if err != nil {
		return Judged{}, fmt.Errorf("reading the output: %w", err)
	}
	fixed, fixes := p.Gates.Fix(in, out)
	raw, err := canonjson.Marshal(fixed)
	if err != nil {
		return Judged{}, fmt.Errorf("writing the fixed output: %w", err)
	}
	verdicts := map[string]gate.Verdict{}
	for _, e := range p.Gates.Externals() {
		verdicts[e.Gate] = p.External(ctx, e, input, raw)
	}
	return Judged{Output: raw, Fixes: fixes, Result: p.Gates.Check(in, fixed, verdicts)}, nil
}

// External executes a code or command gate on a fixed output. What breaks in it is
// in the verdict: a gate that fails.
func (p *Plan) External(ctx context.Context, e gate.External, input, output json.RawMessage) gate.Verdict {
	if e.Kind == "command" {
		return p.command(ctx, e, input, output)
	}
	if p.Code == nil {
		return gate.Verdict{Err: fmt.Sprintf("gate %s asks the skill's code, and the skill has none: add code = \"skill.wasm\" to its skill.hcl", e.Gate)}
	}
	in, err := json.Marshal(abi.CheckInput{Gate: e.Code, Input: input, Output: output})
	if err != nil {
		return gate.Verdict{Err: err.Error()}
	}
	raw, err := p.Code.Call(ctx, abi.OpCheck, in)
	if err != nil {
		return gate.Verdict{Err: "the skill's code failed in check: " + err.Error()}
	}
	var out abi.CheckOutput
	if err := json.Unmarshal(raw, &out); err != nil {
		return gate.Verdict{Err: "check answered with something that is not its output: " + err.Error()}
	}
	return gate.Verdict{Passed: out.Passed, Reason: out.Reason, FailedIDs: out.FailedIDs}
}

// Render asks the skill's code for a format.
func (p *Plan) Render(ctx context.Context, format string, input, output json.RawMessage) (string, error) {
	if p.Code == nil || !p.Code.Has(abi.OpRender) {
		return "", fmt.Errorf("skill %s has no code that renders %q, and no template for it", p.Skill, format)
	}
	in, err := json.Marshal(abi.RenderInput{Format: format, Input: input, Output: output})
	if err != nil {
		return "", err
	}
	raw, err := p.Code.Call(ctx, abi.OpRender, in)
	if err != nil {
		return "", fmt.Errorf("rendering %s: %w", format, err)
	}
	var out abi.RenderOutput
	if err := json.Unmarshal(raw, &out); err != nil {
		return "", errors.New("render answered with something that is not its output")
	}
	return out.Text, nil
}

func rawState(s string) json.RawMessage {
	if s == "" {
		return nil
	}
	return json.RawMessage(s)
}

// convert takes messages as guests write them.
func convert(in []abi.Message) []message.Message {
	out := make([]message.Message, 0, len(in))
	for _, m := range in {
		out = append(out, message.Text(message.Role(m.Role), m.Content))
	}
	return out
}
