package openai

import (
	"encoding/json"
	"slices"

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

// function is a tool as the API wants it. The schema stays the bytes that the
// caller gave: the SDK's map would sort its keys, and models write the members
// of an object in the order of its schema.
type function struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Parameters  json.RawMessage `json:"parameters,omitempty"`
}

// parameters are a tool's schema, or that of a tool without arguments.
func parameters(t message.ToolDef) json.RawMessage {
	if len(t.Schema) == 0 {
		return json.RawMessage(`{"type":"object","properties":{}}`)
	}
	return t.Schema
}

// offered are the tools to send and the choice to send with them; its Names are
// set where the endpoint itself can keep the model to a subset. Elsewhere the
// other tools are left out, which costs the prompt cache and keeps the promise.
func (m *model) offered(req message.Request) ([]message.ToolDef, message.ToolChoice, error) {
	tools, choice := req.Tools, req.ToolChoice
	no := func(format string, args ...any) ([]message.ToolDef, message.ToolChoice, error) {
		return nil, choice, backend.Errorf(backend.InvalidRequest, format, args...)
	}
	switch choice.Mode {
	case "", modeAuto:
		choice = message.ToolChoice{}
	case modeNone:
		choice = message.ToolChoice{Mode: modeNone}
		if !m.cfg.kind.toolChoice {
			return nil, message.ToolChoice{}, nil
		}
	case modeRequired:
		choice = message.ToolChoice{Mode: modeRequired}
		if len(tools) == 0 {
			return no("a tool call is required and no tool is offered")
		}
		if !m.cfg.kind.toolChoice {
			return no("%s cannot make a model call a tool: ask with tool choice auto", m.cfg.kind.name)
		}
	case modeSubset:
		if len(choice.Names) == 0 {
			return no("tool choice subset names no tool")
		}
		for _, name := range choice.Names {
			if !slices.ContainsFunc(tools, func(t message.ToolDef) bool { return t.Name == name }) {
				return no("tool choice names %q, and no such tool is offered", name)
			}
		}
		if !m.cfg.kind.allowedTools {
			tools = slices.DeleteFunc(slices.Clone(tools), func(t message.ToolDef) bool { return !slices.Contains(choice.Names, t.Name) })
			choice = message.ToolChoice{}
		}
	default:
		return no("tool choice %q is none of auto, required, none, subset", choice.Mode)
	}
	if len(tools) == 0 { // the API refuses a choice among nothing
		choice = message.ToolChoice{}
	}
	return tools, choice, nil
}

// sane refuses what no endpoint could make sense of, before it costs a call.
func sane(req message.Request) error {
	no := func(format string, args ...any) error {
		return backend.Errorf(backend.InvalidRequest, format, args...)
	}
	if req.Model == "" {
		return no("the request names no model")
	}
	if len(req.Messages) == 0 {
		return no("the request has no message")
	}
	for i, msg := range req.Messages {
		for _, p := range msg.Parts {
			if p.Type != "text" {
				return no("message %d has a part of type %q, and this backend carries text only", i+1, p.Type)
			}
		}
		switch msg.Role {
		case message.System, message.User, message.Assistant:
		case message.Tool:
			if msg.ToolCallID == "" {
				return no("message %d answers a tool call without saying which", i+1)
			}
		default:
			return no("message %d has the role %q", i+1, msg.Role)
		}
		for _, call := range msg.ToolCalls {
			if msg.Role != message.Assistant || call.Name == "" || call.ID == "" || !isObject(call.Arguments) {
				return no("message %d holds a tool call that is not whole: it takes an id, a name and an object of arguments, in an assistant's message", i+1)
			}
		}
	}
	for _, t := range req.Tools {
		if t.Name == "" || len(t.Schema) > 0 && !isObject(t.Schema) {
			return no("tool %q needs a name and a schema that is a JSON object", t.Name)
		}
	}
	if len(req.ResponseSchema) > 0 && !isObject(req.ResponseSchema) {
		return no("the schema of the answer is not a JSON object")
	}
	return nil
}

func isObject(raw json.RawMessage) bool {
	var o map[string]json.RawMessage
	return json.Unmarshal(raw, &o) == nil && o != nil
}

// strictable tells whether the API's strict mode would take a schema: every
// object closed, and every property required. Marking another one as strict is
// refused with an error; leaving the mark off still sends the schema.
func strictable(raw json.RawMessage) bool {
	var root any
	if json.Unmarshal(raw, &root) != nil {
		return false
	}
	top, ok := root.(map[string]any)
	return ok && top["type"] == "object" && closed(root)
}

func closed(v any) bool {
	switch v := v.(type) {
	case []any:
		return !slices.ContainsFunc(v, func(e any) bool { return !closed(e) })
	case map[string]any:
		properties, has := v["properties"].(map[string]any)
		if has || v["type"] == "object" {
			required, _ := v["required"].([]any)
			if v["additionalProperties"] != false {
				return false
			}
			for name := range properties {
				if !slices.Contains(required, any(name)) {
					return false
				}
			}
		}
		for _, key := range []string{"allOf", "oneOf", "not", "if", "then", "else", "patternProperties", "dependentRequired"} {
			if _, ok := v[key]; ok {
				return false
			}
		}
		for key, e := range v {
			if key == "enum" || key == "const" || key == "default" || key == "examples" {
				continue
			}
			if !closed(e) {
				return false
			}
		}
	}
	return true
}

// bound is a number of tokens that the prompt cannot exceed: a token is at
// least one byte, and a template adds a few around each message.
func bound(req message.Request) int64 {
	n := len(req.ResponseSchema)
	for _, t := range req.Tools {
		n += len(t.Name) + len(t.Description) + len(t.Schema) + 64
	}
	for _, msg := range req.Messages {
		n += len(msg.String()) + 32
		for _, c := range msg.ToolCalls {
			n += len(c.ID) + len(c.Name) + len(c.Arguments) + 32
		}
	}
	return int64(n)
}
