package openai

import (
	"encoding/json"

	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"
	"github.com/openai/openai-go/v3/shared"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// responsesRequest converts a request for the responses API. Nothing is stored
// at the provider: its default would keep every prompt for a month.
func (m *model) responsesRequest(req message.Request) (responses.ResponseNewParams, error) {
	p := responses.ResponseNewParams{Model: req.Model, Store: param.NewOpt(false)}
	if err := sane(req); err != nil {
		return p, err
	}
	s := req.Sampling
	if len(s.Stop) > 0 || s.Seed != nil {
		return p, backend.Errorf(backend.InvalidRequest, `the responses API takes no stop sequences and no seed: use api = "auto" or "chat" in this backend's config, or omit = ["stop", "seed"]`)
	}
	for _, msg := range req.Messages {
		p.Input.OfInputItemList = append(p.Input.OfInputItemList, m.inputItems(msg)...)
	}
	if err := m.responsesTools(&p, req); err != nil {
		return p, err
	}
	if s.Temperature != nil {
		p.Temperature = param.NewOpt(*s.Temperature)
	}
	if s.TopP != nil {
		p.TopP = param.NewOpt(*s.TopP)
	}
	if s.MaxOutput > 0 {
		p.MaxOutputTokens = param.NewOpt(s.MaxOutput)
	}
	if m.cfg.ReasoningEffort != "" {
		p.Reasoning.Effort = shared.ReasoningEffort(m.cfg.ReasoningEffort)
	}
	if m.cfg.kind.cacheKey && req.Session != "" {
		p.PromptCacheKey = param.NewOpt(req.Session)
	}
	if len(req.ResponseSchema) > 0 && m.cfg.Structured != structuredNone {
		raw, err := json.Marshal(struct {
			Type   string          `json:"type"`
			Name   string          `json:"name"`
			Strict bool            `json:"strict"`
			Schema json.RawMessage `json:"schema"`
		}{"json_schema", schemaName, strictable(req.ResponseSchema), req.ResponseSchema})
		if err != nil {
			return p, backend.Errorf(backend.InvalidRequest, "the schema of the answer cannot be sent: %v", err)
		}
		p.Text.Format = param.Override[responses.ResponseFormatTextConfigUnionParam](json.RawMessage(raw))
	}
	return p, nil
}

// inputItems are the items of one message: its text, then its calls.
func (m *model) inputItems(msg message.Message) []responses.ResponseInputItemUnionParam {
	text := msg.String()
	if msg.Role == message.Tool {
		item := responses.ResponseInputItemParamOfFunctionCallOutput(text)
		item.OfFunctionCallOutput.CallID = param.NewOpt(msg.ToolCallID)
		return []responses.ResponseInputItemUnionParam{item}
	}
	var out []responses.ResponseInputItemUnionParam
	role := responses.EasyInputMessageRole(msg.Role)
	switch {
	case text == "" && len(msg.ToolCalls) > 0:
	case msg.CacheHere && m.cfg.CacheBreakpoints && text != "" && msg.Role != message.Assistant:
		part := responses.ResponseInputTextParam{Text: text, PromptCacheBreakpoint: responses.NewResponseInputTextPromptCacheBreakpointParam()}
		out = append(out, responses.ResponseInputItemParamOfMessage(responses.ResponseInputMessageContentListParam{{OfInputText: &part}}, role))
	default:
		out = append(out, responses.ResponseInputItemParamOfMessage(text, role))
	}
	for _, c := range msg.ToolCalls {
		out = append(out, responses.ResponseInputItemParamOfFunctionCall(string(c.Arguments), c.ID, c.Name))
	}
	return out
}

func (m *model) responsesTools(p *responses.ResponseNewParams, req message.Request) error {
	tools, choice, err := m.offered(req)
	if err != nil {
		return err
	}
	for _, t := range tools {
		raw, err := json.Marshal(struct {
			Type string `json:"type"`
			function
			Strict bool `json:"strict"`
		}{"function", function{t.Name, t.Description, parameters(t)}, false})
		if err != nil {
			return backend.Errorf(backend.InvalidRequest, "tool %q cannot be sent: %v", t.Name, err)
		}
		p.Tools = append(p.Tools, param.Override[responses.ToolUnionParam](json.RawMessage(raw)))
	}
	switch {
	case len(choice.Names) > 0:
		allowed := responses.ToolChoiceAllowedParam{Mode: responses.ToolChoiceAllowedModeAuto}
		for _, name := range choice.Names {
			allowed.Tools = append(allowed.Tools, map[string]any{"type": "function", "name": name})
		}
		p.ToolChoice.OfAllowedTools = &allowed
	case choice.Mode != "":
		p.ToolChoice.OfToolChoiceMode = param.NewOpt(responses.ToolChoiceOptions(choice.Mode))
	}
	return nil
}
