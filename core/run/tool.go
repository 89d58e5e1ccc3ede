package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// Tools are what connectors offer. Call carries a tool out and may act on the
// world; an *abi.Failure from it goes to the skill's code, any other error does
// as tool_failed. ReadOnly is what a person said of a tool, never what its
// server says of itself.
type Tools interface {
	Call(ctx context.Context, name string, arguments json.RawMessage) (result json.RawMessage, err error)
	ReadOnly(name string) bool
}

// Bounds of one tool call.
const (
	toolTime   = 30 * time.Second
	toolResult = 4 << 20 // bytes
)

// tool calls a tool. A trial never acts: there it is answered from the recorded
// run, or by a tool that changes nothing; otherwise the item cannot be measured.
func (h *host) tool(ctx context.Context, payload []byte, c *HostCall) ([]byte, error) {
	in, err := abi.ReadTool(payload)
	if err != nil {
		return nil, bad("%v", err)
	}
	c.Name = in.Tool
	grant := h.plan.grant()
	if !slices.Contains(grant.Tools, in.Tool) && !slices.Contains(grant.ReadOnly, in.Tool) {
		return nil, h.deny("tool %q is not granted to skill %s. %s", in.Tool, h.plan.Skill, h.plan.line("tools", quote(append(slices.Clone(grant.Tools), in.Tool))))
	}
	harmless := slices.Contains(grant.ReadOnly, in.Tool) || h.run.Tools != nil && h.run.Tools.ReadOnly(in.Tool)
	if h.request.Trial {
		answer, found, err := h.recorded(ctx, c.Payload)
		if err != nil || found {
			c.Recorded = found
			h.attempt.acted = h.attempt.acted || found && !harmless // as in production
			return answer, err
		}
		switch {
		case h.run.Tools == nil:
			return nil, h.never("tool %s was not recorded for this input, and no connector offers it", in.Tool)
		case !harmless:
			return nil, h.never("tool %s may change the world, and a trial never acts. List it under readonly in the grant block of skill %q if it changes nothing", in.Tool, h.plan.Skill)
		}
	}
	if h.run.Tools == nil {
		return nil, &abi.Failure{Code: abi.CodeUnavailable, Message: fmt.Sprintf("tool %q is granted, and no connector offers it: this engine has no connectors", in.Tool)}
	}
	if !harmless {
		// What acts is written down before it acts: a call that cannot be audited
		// does not happen.
		if h.run.Announce == nil {
			return nil, fmt.Errorf("calling tool %s for skill %s: nothing here can write it down first", in.Tool, h.plan.Skill)
		}
		if err := h.run.Announce(ctx, h.plan.Skill, *c); err != nil {
			return nil, fmt.Errorf("writing down that %s calls tool %s: %w", h.plan.Skill, in.Tool, err)
		}
		h.attempt.acted = true
	}
	return h.callTool(ctx, in)
}

func (h *host) callTool(ctx context.Context, in abi.ToolInput) ([]byte, error) {
	bounded, cancel := context.WithTimeout(ctx, toolTime)
	defer cancel()
	result, err := h.run.Tools.Call(bounded, in.Tool, in.Arguments)
	var f *abi.Failure
	switch {
	case err != nil && ctx.Err() == nil && errors.Is(bounded.Err(), context.DeadlineExceeded):
		return nil, &abi.Failure{Code: abi.CodeUnavailable, Message: fmt.Sprintf("tool %s did not answer within %s", in.Tool, toolTime)}
	case errors.As(err, &f):
		return nil, f
	case err != nil:
		return nil, &abi.Failure{Code: abi.CodeToolFailed, Message: fmt.Sprintf("tool %s: %v", in.Tool, err)}
	case len(result) > toolResult:
		return nil, &abi.Failure{Code: abi.CodeToolFailed, Message: fmt.Sprintf("tool %s answered with %d bytes; at most %d are handed on", in.Tool, len(result), toolResult)}
	case !json.Valid(result):
		return nil, &abi.Failure{Code: abi.CodeToolFailed, Message: fmt.Sprintf("tool %s answered with something that is not JSON", in.Tool)}
	}
	return json.Marshal(abi.ToolOutput{Result: result})
}

// recorded looks for the same call in a recorded run of the same input.
func (h *host) recorded(ctx context.Context, payload string) ([]byte, bool, error) {
	if h.run.Recorded == nil {
		return nil, false, nil
	}
	answer, found, err := h.run.Recorded(ctx, h.plan.Skill, h.request.Input, payload)
	if err != nil {
		return nil, false, fmt.Errorf("looking for a recorded answer: %w", err)
	}
	return answer, found, nil
}

// never refuses what a trial may not do; the item is unmeasurable from here on.
func (h *host) never(format string, args ...any) *abi.Failure {
	f := &abi.Failure{Code: abi.CodeUnmeasurable, Message: fmt.Sprintf(format, args...)}
	if h.unmeasurable == "" {
		h.unmeasurable = f.Message
	}
	return f
}
