package anthropic

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/packages/param"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// The modes of message.ToolChoice.
const (
	modeAuto     = "auto"
	modeRequired = "required"
	modeNone     = "none"
	modeSubset   = "subset"
)

// answerTool is the tool whose arguments are the answer, where `structured` is
// "tool". Its name keeps out of the way of a user's tools.
const answerTool = "plimsoll_answer"

// answersByTool tells whether the answer of req comes as a call of answerTool.
func (m *model) answersByTool(req message.Request) bool {
	return len(req.ResponseSchema) > 0 && m.cfg.Structured == structuredTool
}

// tools are the tools to send and which of them may be called. The API knows no
// subset, so the tools that may not be called are left out, which costs the
// prompt cache and keeps the promise.
func (m *model) tools(req message.Request) ([]anthropic.ToolUnionParam, anthropic.ToolChoiceUnionParam, error) {
	var choice anthropic.ToolChoiceUnionParam
	list := req.Tools
	no := func(format string, args ...any) ([]anthropic.ToolUnionParam, anthropic.ToolChoiceUnionParam, error) {
		return nil, choice, backend.Errorf(backend.InvalidRequest, format, args...)
	}
	switch req.ToolChoice.Mode {
	case "", modeAuto:
	case modeNone:
		// The tools are sent all the same: a conversation that holds calls of
		// them is refused without, and the cached prompt stays the same.
		if len(list) > 0 {
			choice.OfNone = &anthropic.ToolChoiceNoneParam{}
		}
	case modeRequired:
		if len(list) == 0 {
			return no("a tool call is required and no tool is offered")
		}
		choice.OfAny = &anthropic.ToolChoiceAnyParam{}
	case modeSubset:
		if len(req.ToolChoice.Names) == 0 {
			return no("tool choice subset names no tool")
		}
		for _, name := range req.ToolChoice.Names {
			if !slices.ContainsFunc(list, func(t message.ToolDef) bool { return t.Name == name }) {
				return no("tool choice names %q, and no such tool is offered", name)
			}
		}
		list = slices.DeleteFunc(slices.Clone(list), func(t message.ToolDef) bool { return !slices.Contains(req.ToolChoice.Names, t.Name) })
	default:
		return no("tool choice %q is none of auto, required, none, subset", req.ToolChoice.Mode)
	}
	var out []anthropic.ToolUnionParam
	for _, t := range list {
		if t.Name == "" || t.Name == answerTool || len(t.Schema) > 0 && !isObject(t.Schema) {
			return no("tool %q needs another name, or a schema that is a JSON object", t.Name)
		}
		out = append(out, tool(t))
	}
	if m.answersByTool(req) {
		switch {
		case len(out) == 0 || choice.OfNone != nil:
			choice = anthropic.ToolChoiceParamOfTool(answerTool)
		default: // one of the tools, or the answer
			choice = anthropic.ToolChoiceUnionParam{OfAny: &anthropic.ToolChoiceAnyParam{}}
		}
		out = append(out, tool(message.ToolDef{Name: answerTool, Description: "Gives the answer. Its arguments are the whole answer.", Schema: req.ResponseSchema}))
	}
	return out, choice, nil
}

// tool converts one tool. The schema stays the bytes that the caller gave: the
// SDK's map would sort its keys, and models write arguments in that order.
func tool(t message.ToolDef) anthropic.ToolUnionParam {
	raw := t.Schema
	if len(raw) == 0 {
		raw = json.RawMessage(`{"type":"object","properties":{}}`)
	}
	p := &anthropic.ToolParam{Name: t.Name, InputSchema: param.Override[anthropic.ToolInputSchemaParam](raw)}
	if text := strings.TrimSpace(t.Description); text != "" {
		p.Description = param.NewOpt(t.Description)
	}
	return anthropic.ToolUnionParam{OfTool: p}
}
