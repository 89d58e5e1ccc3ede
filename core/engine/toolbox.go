package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/plimsoll-dev/plimsoll/core/access"
	"github.com/plimsoll-dev/plimsoll/core/connector"
	"github.com/plimsoll-dev/plimsoll/core/harness/desk"
	"github.com/plimsoll-dev/plimsoll/core/mcp"
	"github.com/plimsoll-dev/plimsoll/core/notify"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// Local is who acts where nobody proved who they are: a person at the command line,
// a client over stdio, a night.
const Local = "local"

// toolbox is what connectors offer to the code of skills; nil without connectors.
func (e *Engine) toolbox() run.Tools {
	if len(e.Project.Config.Connectors) == 0 {
		return nil
	}
	return toolbox{e}
}

// toolbox calls tools through the desk, so that a skill's calls stand under the
// same rules, lock and log as an agent's. The caller is whoever runs the skill.
type toolbox struct{ engine *Engine }

func (t toolbox) Call(ctx context.Context, name string, arguments json.RawMessage) (json.RawMessage, error) {
	x, _, err := t.engine.standing(ctx)
	if err != nil {
		return nil, err
	}
	caller, ok := desk.From(ctx)
	if !ok {
		caller = mcp.Caller{Principal: access.Principal{Name: Local, Kind: access.KindCLI}, Via: "run"}
	}
	called, err := x.Desk.CallTool(ctx, caller, mcp.CallTool{Tool: name, Arguments: arguments})
	var p *mcp.Problem
	if errors.As(err, &p) {
		code := abi.CodeToolFailed
		switch p.Code {
		case mcp.CodeUnknown, mcp.CodeUnavailable, mcp.CodeQuarantined, mcp.CodeLimited:
			code = abi.CodeUnavailable
		case mcp.CodeDenied, mcp.CodeApproval:
			code = abi.CodeCapability
		}
		return nil, &abi.Failure{Code: code, Message: p.Error()}
	}
	return called.Result, err
}

// ReadOnly is what the project says of a connector, never what a server says of
// its tool: a trial must not act, whatever somebody else's annotation promises.
func (t toolbox) ReadOnly(name string) bool {
	file, err := t.engine.Project.ReadLock()
	if err != nil {
		return false
	}
	for _, c := range t.engine.Project.Config.Connectors {
		for _, tool := range file.Tools {
			if c.ReadOnly && tool.Connector == c.Name && c.Offers(tool.Name) && connector.PublicName(c.Prefix, tool.Name) == name {
				return true
			}
		}
	}
	return false
}

// asked tells those who want to hear of it that a call waits for a person.
func (x *Surface) asked(a access.Approval) ([]store.Put, error) {
	formats := map[string]string{}
	for _, n := range x.Project().Config.Notifies {
		if n.Wants("approval") {
			formats[n.Name] = n.Format
		}
	}
	if len(formats) == 0 {
		return nil, nil
	}
	what := a.Tool
	if what == "" {
		what = a.Skill
	}
	m := notify.Message{
		Event: "approval", At: clock().UTC(), Project: x.Project().name(),
		Text: fmt.Sprintf("%s asks to call %s, and rule %q wants a person to say yes: plimsoll approve %s", a.Name, what, a.Rule, a.ID()),
		Data: map[string]any{"approval": a.ID(), "principal": a.Name, "connector": a.Connector, "tool": a.Tool, "skill": a.Skill, "rule": a.Rule, "arguments": a.Arguments},
	}
	defer x.state.announce()
	return notify.Puts(scope, formats, m, a.ID()+a.Asked.String(), clock())
}
