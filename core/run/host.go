package run

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// HostCall is one call of a skill's code into the engine, without content: what
// was asked and answered stands in the blobs that the digests name.
type HostCall struct {
	ID       string `json:"id"`
	Op       string `json:"op"`
	Name     string `json:"name,omitempty"` // the step, or the tool
	Payload  string `json:"payload"`        // digest
	Answer   string `json:"answer"`         // digest; of the failure where Code is set
	In       int    `json:"in"`             // bytes
	Out      int    `json:"out"`            // bytes
	MS       int64  `json:"ms"`
	Code     string `json:"code,omitempty"`     // of the failure; "" went well
	Recorded bool   `json:"recorded,omitempty"` // a trial's, answered from a recorded run
}

// host is the engine's side of one attempt of a skill that drives its own flow:
// it looks at the grant, carries calls out, and writes all of them down.
type host struct {
	run     Executor
	plan    *Plan
	request Request
	tiers   map[string]*config.Tier
	attempt *attempt
	used    int // host calls of the attempts before

	keys         overlay
	broken       error        // the engine's own: it ends the run
	lost         error        // of the last model or tool that could not be had
	refused      bool         // the last model call was refused
	denied       *abi.Failure // what was not granted
	unmeasurable string       // what a trial may not do
	insists      bool         // the code did not stop at its number of calls
	bytes        int          // of all payloads
}

// maxHostBytes bounds the payloads of one attempt, because all of them are kept.
const maxHostBytes = 16 << 20

// calls that this run has made, over all attempts.
func (h *host) calls() int { return h.used + len(h.attempt.rec.Host) }

func (h *host) limit() int {
	if h.plan.Grant == nil {
		return config.DefaultCalls
	}
	return h.plan.Grant.Calls
}

// call is the HostFunc of an attempt.
func (h *host) call(ctx context.Context, op abi.HostOp, payload []byte) ([]byte, error) {
	if h.broken != nil {
		return nil, h.broken
	}
	if n := h.calls() - h.limit(); n > 0 {
		// It was told that there are no more and goes on asking: the record must not
		// grow with it.
		h.insists = true
		return nil, fmt.Errorf("the code goes on calling the host after its %d calls", h.limit())
	}
	payload = bytes.Clone(payload) // the guest's memory changes when it goes on
	k := h.attempt.keeper
	c := HostCall{ID: fmt.Sprintf("%s/h%d", h.attempt.rec.ID, len(h.attempt.rec.Host)+1), Op: op.String(), Payload: store.Digest(payload), In: len(payload)}
	if h.bytes += len(payload); h.bytes <= maxHostBytes {
		k.keep(payload)
	}
	started, waited := h.run.Now(), h.attempt.waited
	answer, err := h.answer(ctx, op, payload, &c)
	c.MS = (h.run.Now().Sub(started) - (h.attempt.waited - waited)).Milliseconds()
	var f *abi.Failure
	if err != nil && !errors.As(err, &f) {
		h.broken = err
		return nil, err
	}
	if f != nil {
		c.Code = f.Code
		if op == abi.HostTool && f.Code == abi.CodeUnavailable {
			h.lost = &CallError{Code: f.Code, Message: f.Message}
		}
		if answer, err = json.Marshal(f); err != nil {
			return nil, err
		}
	}
	c.Answer, c.Out = k.keep(answer), len(answer)
	h.attempt.rec.Host = append(h.attempt.rec.Host, c)
	if f != nil {
		return nil, f
	}
	return answer, nil
}

func (h *host) answer(ctx context.Context, op abi.HostOp, payload []byte, c *HostCall) ([]byte, error) {
	switch {
	case h.calls() >= h.limit():
		return nil, &abi.Failure{Code: abi.CodeQuota, Message: fmt.Sprintf("this run has made the %d host calls that skill %s may make. %s", h.limit(), h.plan.Skill, h.plan.line("calls", strconv.Itoa(min(2*h.limit(), config.MaxCalls))))}
	case h.bytes > maxHostBytes:
		return nil, &abi.Failure{Code: abi.CodeQuota, Message: fmt.Sprintf("the payloads of this attempt's host calls have more than %d MiB", maxHostBytes>>20)}
	case !slices.Contains(abi.Capabilities(), op.String()):
		return nil, bad("there is no %s", op)
	case len(payload) > abi.MaxPayload:
		return nil, bad("the payload of %s has %d bytes; at most %d are allowed", op, len(payload), abi.MaxPayload)
	case !utf8.Valid(payload):
		return nil, bad("the payload of %s is not UTF-8", op)
	}
	switch op {
	case abi.HostGenerate:
		return h.generate(ctx, payload, c)
	case abi.HostGet:
		return h.get(payload)
	case abi.HostPut:
		return h.put(payload)
	}
	return h.tool(ctx, payload, c)
}

// generate carries a model call out, on the tier of the step that it names.
func (h *host) generate(ctx context.Context, payload []byte, c *HostCall) ([]byte, error) {
	in, err := abi.ReadGenerate(payload)
	if err != nil {
		return nil, bad("%v", err)
	}
	step, err := h.step(in.Step)
	if err != nil {
		return nil, err
	}
	c.Name = step.Name
	if grant := h.plan.grant(); !slices.Contains(grant.Steps, step.Name) {
		return nil, h.deny("step %q is not granted to skill %s. %s", step.Name, h.plan.Skill, h.plan.line("steps", quote(append(slices.Clone(grant.Steps), step.Name))))
	}
	msgs := convert(in.Messages)
	if step.Prompt != "" && !slices.ContainsFunc(msgs, func(m message.Message) bool { return m.Role == message.System }) {
		msgs = slices.Insert(msgs, 0, message.Text(message.System, step.Prompt))
	}
	resp, err := h.run.call(ctx, h.plan, h.request, step, h.tiers[step.Name], msgs, h.attempt)
	h.lost, h.refused = nil, false
	var ce *CallError
	switch {
	case errors.As(err, &ce):
		h.lost = ce
		return nil, ce.failure(step.Name)
	case err != nil:
		return nil, err
	case resp.Finish == message.FinishRefusal:
		h.refused = true
		return nil, &abi.Failure{Code: abi.CodeRefused, Message: fmt.Sprintf("step %s: the model refused", step.Name)}
	}
	return json.Marshal(abi.GenerateOutput{Completion: resp.Message.String()})
}

func (h *host) step(name string) (Step, error) {
	if name == "" {
		return h.plan.Steps[0], nil
	}
	var all []string
	for _, s := range h.plan.Steps {
		if s.Name == name {
			return s, nil
		}
		all = append(all, s.Name)
	}
	return Step{}, bad("skill %s has no step %q; it has %s", h.plan.Skill, name, strings.Join(all, ", "))
}

// failure is how a guest learns that a call brought no answer. The host has
// repeated the call already where that could help.
func (e *CallError) failure(step string) *abi.Failure {
	f := &abi.Failure{Code: abi.CodeUnavailable, Message: fmt.Sprintf("step %s: %s", step, e.Message), Retryable: e.Retryable || e.Code == "timeout"}
	switch e.Code {
	case "content_policy":
		f.Code, f.Retryable = abi.CodeRefused, false
	case "context_length":
		f.Code, f.Retryable = abi.CodeInput, false
	}
	return f
}

// deny refuses what was not granted, and remembers the first refusal.
func (h *host) deny(format string, args ...any) *abi.Failure {
	f := &abi.Failure{Code: abi.CodeCapability, Message: fmt.Sprintf(format, args...)}
	if h.denied == nil {
		h.denied = f
	}
	return f
}

func bad(format string, args ...any) *abi.Failure {
	return &abi.Failure{Code: abi.CodeInput, Message: fmt.Sprintf(format, args...)}
}

// grant is the skill's, or an empty one: nothing is granted by default.
func (p *Plan) grant() config.Grant {
	if p.Grant == nil {
		return config.Grant{}
	}
	return *p.Grant
}

// line says what to write into the project's files.
func (p *Plan) line(name, value string) string {
	if p.Grant == nil {
		return fmt.Sprintf("Add this to a .hcl file of the project:\nskill %q {\n  grant {\n    %s = %s\n  }\n}", p.Skill, name, value)
	}
	return fmt.Sprintf("Write %s = %s in the grant block of skill %q, at %s", name, value, p.Skill, p.Grant.Range)
}

// quote writes names as an HCL list.
func quote(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = fmt.Sprintf("%q", n)
	}
	return "[" + strings.Join(out, ", ") + "]"
}
