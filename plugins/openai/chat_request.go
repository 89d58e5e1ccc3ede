package openai

import (
	"encoding/json"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/shared"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// chatRequest converts a request for chat completions. The options set what the
// dialect calls by names that the SDK does not know.
func (m *model) chatRequest(req message.Request) (openai.ChatCompletionNewParams, []option.RequestOption, error) {
	p := openai.ChatCompletionNewParams{Model: req.Model}
	var opts []option.RequestOption
	if err := sane(req); err != nil {
		return p, nil, err
	}
	for _, msg := range req.Messages {
		p.Messages = append(p.Messages, m.chatMessage(msg))
	}
	if err := m.chatTools(&p, req); err != nil {
		return p, nil, err
	}
	s := req.Sampling
	if s.Temperature != nil {
		p.Temperature = param.NewOpt(*s.Temperature)
	}
	if s.TopP != nil {
		p.TopP = param.NewOpt(*s.TopP)
	}
	if s.Seed != nil {
		p.Seed = param.NewOpt(*s.Seed)
	}
	if len(s.Stop) > 0 {
		p.Stop.OfStringArray = s.Stop
	}
	if s.MaxOutput > 0 {
		if m.cfg.kind.maxField == "max_tokens" {
			p.MaxTokens = param.NewOpt(s.MaxOutput)
		} else {
			p.MaxCompletionTokens = param.NewOpt(s.MaxOutput)
		}
	}
	if m.cfg.ReasoningEffort != "" {
		p.ReasoningEffort = shared.ReasoningEffort(m.cfg.ReasoningEffort)
	}
	if m.cfg.kind.cacheKey && req.Session != "" {
		p.PromptCacheKey = param.NewOpt(req.Session)
	}
	if m.cfg.StreamUsage == nil || *m.cfg.StreamUsage {
		p.StreamOptions.IncludeUsage = param.NewOpt(true)
	}
	if len(req.ResponseSchema) > 0 {
		switch m.cfg.Structured {
		case structuredFormat:
			f := shared.ResponseFormatJSONSchemaJSONSchemaParam{Name: schemaName, Schema: req.ResponseSchema}
			if m.cfg.kind.strict {
				f.Strict = param.NewOpt(strictable(req.ResponseSchema))
			}
			p.ResponseFormat.OfJSONSchema = &shared.ResponseFormatJSONSchemaParam{JSONSchema: f}
		case structuredGuided:
			opts = append(opts, option.WithJSONSet("guided_json", req.ResponseSchema))
		case structuredOutputs:
			opts = append(opts, option.WithJSONSet("structured_outputs", map[string]json.RawMessage{"json": req.ResponseSchema}))
		}
	}
	return p, opts, nil
}

// schemaName is what the API wants the schema of an answer to be called.
const schemaName = "answer"

func (m *model) chatMessage(msg message.Message) openai.ChatCompletionMessageParamUnion {
	text := msg.String()
	mark := msg.CacheHere && m.cfg.CacheBreakpoints && text != ""
	part := openai.ChatCompletionContentPartTextParam{Text: text}
	if mark {
		part.PromptCacheBreakpoint = openai.NewChatCompletionContentPartTextPromptCacheBreakpointParam()
	}
	parts := []openai.ChatCompletionContentPartTextParam{part}
	switch msg.Role {
	case message.System:
		if mark {
			return openai.SystemMessage(parts)
		}
		return openai.SystemMessage(text)
	case message.Tool:
		if mark {
			return openai.ToolMessage(parts, msg.ToolCallID)
		}
		return openai.ToolMessage(text, msg.ToolCallID)
	case message.Assistant:
		a := openai.ChatCompletionAssistantMessageParam{}
		if text != "" || len(msg.ToolCalls) == 0 {
			a.Content.OfString = param.NewOpt(text)
		}
		if mark {
			a.Content = openai.ChatCompletionAssistantMessageParamContentUnion{
				OfArrayOfContentParts: []openai.ChatCompletionAssistantMessageParamContentArrayOfContentPartUnion{{OfText: &part}},
			}
		}
		for _, call := range msg.ToolCalls {
			a.ToolCalls = append(a.ToolCalls, openai.ChatCompletionMessageToolCallUnionParam{
				OfFunction: &openai.ChatCompletionMessageFunctionToolCallParam{
					ID: call.ID, Function: openai.ChatCompletionMessageFunctionToolCallFunctionParam{Name: call.Name, Arguments: string(call.Arguments)},
				},
			})
		}
		return openai.ChatCompletionMessageParamUnion{OfAssistant: &a}
	}
	if mark {
		return openai.UserMessage([]openai.ChatCompletionContentPartUnionParam{{OfText: &part}})
	}
	return openai.UserMessage(text)
}

// chatTools sets the tools and which of them may be called.
func (m *model) chatTools(p *openai.ChatCompletionNewParams, req message.Request) error {
	tools, choice, err := m.offered(req)
	if err != nil {
		return err
	}
	for _, t := range tools {
		raw, err := json.Marshal(map[string]any{"type": "function", "function": function{Name: t.Name, Description: t.Description, Parameters: parameters(t)}})
		if err != nil {
			return backend.Errorf(backend.InvalidRequest, "tool %q cannot be sent: %v", t.Name, err)
		}
		p.Tools = append(p.Tools, param.Override[openai.ChatCompletionToolUnionParam](json.RawMessage(raw)))
	}
	switch {
	case len(choice.Names) > 0:
		allowed := openai.ChatCompletionAllowedToolsParam{Mode: openai.ChatCompletionAllowedToolsModeAuto}
		for _, name := range choice.Names {
			allowed.Tools = append(allowed.Tools, map[string]any{"type": "function", "function": map[string]any{"name": name}})
		}
		p.ToolChoice = openai.ToolChoiceOptionAllowedTools(allowed)
	case choice.Mode != "":
		p.ToolChoice.OfAuto = param.NewOpt(choice.Mode)
	}
	return nil
}
