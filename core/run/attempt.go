package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/plimsoll-dev/plimsoll/core/gate"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// attempt runs every step once and judges the whole output by the gates.
// before is the failed attempt whose failure stays in the context.
func (x Executor) attempt(ctx context.Context, p *Plan, r Request, tiers map[string]*config.Tier, id string, before *attempt, k *keeper) (*attempt, error) {
	a := &attempt{keeper: k, rec: Attempt{ID: id, Tiers: names(tiers)}, completions: map[string]string{}}
	state := map[string]string{}
	for _, s := range p.Steps {
		msgs, err := p.prepare(ctx, r, s, a.completions, state)
		if err != nil {
			return a.end(Failed, "the skill's code failed in prepare: "+err.Error()), nil
		}
		if before != nil {
			msgs = append(msgs, message.Text(message.Assistant, before.completions[s.Name]), message.Text(message.User, before.feedback()))
		}
		if p.Runner != nil {
			err = x.delegate(ctx, p, r, s, tiers[s.Name], msgs, a)
		} else {
			err = x.generate(ctx, p, r, s, tiers[s.Name], msgs, a)
		}
		if err != nil {
			var ce *CallError
			if errors.As(err, &ce) {
				return a.end(ce.status(), fmt.Sprintf("step %s on %s: %s", s.Name, tiers[s.Name].Name, ce.Message)), nil
			}
			return nil, err
		}
		if a.rec.Status == Refused {
			return a, nil
		}
	}
	out, fence, err := p.Finish(ctx, r.Input, a.completions, state)
	if err == nil && p.Runner != nil {
		out, err = p.Runner.output(out, a.files)
	}
	if err != nil {
		return a.unreadable(err), nil
	}
	return a, a.judge(ctx, p, r, out, fence)
}

// generate has a model answer a step.
func (x Executor) generate(ctx context.Context, p *Plan, r Request, s Step, t *config.Tier, msgs []message.Message, a *attempt) error {
	resp, err := x.call(ctx, p, r, s, t, msgs, a)
	if err != nil {
		return err
	}
	if resp.Finish == message.FinishRefusal {
		a.end(Refused, fmt.Sprintf("step %s: the model refused", s.Name))
		return nil
	}
	a.completions[s.Name] = resp.Message.String()
	return nil
}

// delegate has the plan's agent do the task.
func (x Executor) delegate(ctx context.Context, p *Plan, r Request, s Step, t *config.Tier, msgs []message.Message, a *attempt) error {
	done, err := x.task(ctx, p, r, s, t, msgs, a)
	if err != nil {
		return err
	}
	a.completions[s.Name], a.files = done.Text, done.Files
	return nil
}

// judge puts an output through fixes and gates. The error is the engine's.
func (a *attempt) judge(ctx context.Context, p *Plan, r Request, out json.RawMessage, fence []gate.Fix) error {
	res, err := p.Judge(ctx, r.Input, out)
	if err != nil {
		return err
	}
	a.rec.Fixes = append(fence, res.Fixes...)
	a.rec.Checks, a.checked, a.output = res.Result.Checks, res.Result, res.Output
	if len(res.Result.Failed) > 0 {
		a.end(Failed, "gates failed: "+res.Result.Feedback())
		return nil
	}
	a.end(OK, "")
	return nil
}

// unreadable ends an attempt whose answers made no output.
func (a *attempt) unreadable(err error) *attempt {
	a.rec.Checks = []gate.Check{{Gate: "output", Kind: decodeKind, Reason: err.Error()}}
	a.checked = gate.Result{Checks: a.rec.Checks, Total: 1, Failed: []string{"output"}}
	return a.end(Failed, "the output cannot be read: "+err.Error())
}

func (a *attempt) end(s Status, why string) *attempt {
	a.rec.Status, a.rec.Why = s, why
	return a
}

// feedback is what goes back to the model after a failed attempt.
func (a *attempt) feedback() string {
	return a.checked.Feedback()
}

// status of a run whose call brought no answer: a deadline is the model's, the
// rest is the world's and says nothing about quality.
func (e *CallError) status() Status {
	switch e.Code {
	case "timeout":
		return Timeout
	case "content_policy":
		return Refused
	case "context_length":
		return Failed
	}
	return Missing
}

// prepare gives a step's messages: from the skill's code, or the step's prompt
// and the input as it is.
func (p *Plan) prepare(ctx context.Context, r Request, s Step, done, state map[string]string) ([]message.Message, error) {
	if p.Code != nil && p.Code.Has(abi.OpPrepare) {
		in, err := json.Marshal(abi.PrepareInput{Input: r.Input, Step: s.Name, Done: done})
		if err != nil {
			return nil, err
		}
		raw, err := p.Code.Call(ctx, abi.OpPrepare, in)
		if err != nil {
			return nil, err
		}
		var out abi.PrepareOutput
		if err := json.Unmarshal(raw, &out); err != nil {
			return nil, fmt.Errorf("prepare answered with something that is not its output: %w", err)
		}
		if len(out.Messages) == 0 {
			return nil, errors.New("prepare gave no messages")
		}
		if len(out.State) > 0 {
			state[s.Name] = string(out.State)
		}
		return convert(out.Messages), nil
	}
	text, err := userText(r.Input, p.Steps, s, done)
	if err != nil {
		return nil, err
	}
	return []message.Message{message.Text(message.System, s.Prompt), message.Text(message.User, text)}, nil
}

// userText is the input as a person would hand it over: a JSON string as its
// text, anything else as JSON. A later step also sees what earlier steps made.
func userText(input json.RawMessage, steps []Step, s Step, done map[string]string) (string, error) {
	var text string
	if json.Unmarshal(input, &text) != nil {
		raw, err := canonjson.Transform(input)
		if err != nil {
			return "", err
		}
		text = string(raw)
	}
	for _, e := range steps {
		if e.Name == s.Name {
			break
		}
		text += fmt.Sprintf("\n\nResult of step %s:\n%s", e.Name, done[e.Name])
	}
	return text, nil
}
