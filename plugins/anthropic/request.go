package anthropic

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"slices"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/packages/param"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// maxBreakpoints is how many cache_control marks the API takes in one request.
const maxBreakpoints = 4

// request converts a request for the Messages API.
func (m *model) request(req message.Request) (anthropic.MessageNewParams, error) {
	p := anthropic.MessageNewParams{Model: req.Model, MaxTokens: req.Sampling.MaxOutput}
	if err := m.sane(req); err != nil {
		return p, err
	}
	if p.MaxTokens == 0 {
		p.MaxTokens = m.cfg.MaxOutput
	}
	p.System, p.Messages = m.conversation(req.Messages)
	if len(p.Messages) == 0 {
		return p, backend.Errorf(backend.InvalidRequest, "the request holds no text besides its system prompt, and this API needs a message to answer")
	}
	var err error
	if p.Tools, p.ToolChoice, err = m.tools(req); err != nil {
		return p, err
	}
	if p.Thinking, err = m.thinking(req, p.MaxTokens); err != nil {
		return p, err
	}
	p.OutputConfig = m.output(req)
	s := req.Sampling
	if s.Temperature != nil && m.sends("temperature") {
		p.Temperature = param.NewOpt(*s.Temperature)
	}
	if s.TopP != nil && m.sends("top_p") {
		p.TopP = param.NewOpt(*s.TopP)
	}
	if m.sends("stop") {
		p.StopSequences = s.Stop
	}
	return p, nil
}

// countRequest is the same prompt for the endpoint that counts.
func (m *model) countRequest(req message.Request) (anthropic.MessageCountTokensParams, error) {
	p, err := m.request(req)
	out := anthropic.MessageCountTokensParams{
		Model: p.Model, Messages: p.Messages, Thinking: p.Thinking, ToolChoice: p.ToolChoice, OutputConfig: p.OutputConfig,
		System: anthropic.MessageCountTokensParamsSystemUnion{OfTextBlockArray: p.System},
	}
	for _, t := range p.Tools {
		out.Tools = append(out.Tools, anthropic.MessageCountTokensToolUnionParam{OfTool: t.OfTool})
	}
	return out, err
}

func (m *model) sends(name string) bool { return !slices.Contains(m.cfg.Omit, name) }

// turn is a message being made, with the place of its last mark.
type turn struct {
	role   anthropic.MessageParamRole
	blocks []anthropic.ContentBlockParamUnion
}

// conversation puts the leading system messages into the system prompt. A later
// one stays where it is, as the models since Claude Opus 4.8 take it: moving it
// to the front would change what it applies to and spoil the cache. Results of
// tools become blocks of one user turn, as the API wants all results of a turn
// together.
func (m *model) conversation(list []message.Message) ([]anthropic.TextBlockParam, []anthropic.MessageParam) {
	var system []anthropic.TextBlockParam
	var turns []turn
	marks := m.marks(list)
	for i, msg := range list {
		mark := m.cacheControl(marks[i])
		if msg.Role == message.System && len(turns) == 0 {
			if text := msg.String(); text != "" {
				system = append(system, anthropic.TextBlockParam{Text: text, CacheControl: mark})
			}
			continue
		}
		role, blocks := convert(msg)
		if len(blocks) == 0 {
			continue
		}
		if marks[i] {
			*blocks[len(blocks)-1].GetCacheControl() = mark
		}
		if n := len(turns); n > 0 && turns[n-1].role == role {
			turns[n-1].blocks = append(turns[n-1].blocks, blocks...)
		} else {
			turns = append(turns, turn{role, blocks})
		}
	}
	var out []anthropic.MessageParam
	for _, t := range turns {
		out = append(out, anthropic.MessageParam{Role: t.role, Content: t.blocks})
	}
	return system, out
}

// marks are the messages that get a cache breakpoint: the last ones that the
// API takes, since a later breakpoint covers all that stands before it. An
// empty message cannot carry its mark; the one before it does.
func (m *model) marks(list []message.Message) []bool {
	out := make([]bool, len(list))
	left := maxBreakpoints
	if m.cfg.CacheTTL == cacheOff {
		left = 0
	}
	wanted := false
	for i := len(list) - 1; i >= 0 && left > 0; i-- {
		wanted = wanted || list[i].CacheHere
		if wanted && carries(list[i]) {
			out[i], wanted = true, false
			left--
		}
	}
	return out
}

// carries tells whether a message has a block that can be marked; the API
// refuses empty text and marks on it.
func carries(msg message.Message) bool {
	return msg.String() != "" || msg.Role == message.Assistant && len(msg.ToolCalls) > 0 || msg.Role == message.Tool
}

func (m *model) cacheControl(on bool) anthropic.CacheControlEphemeralParam {
	if !on {
		return anthropic.CacheControlEphemeralParam{}
	}
	c := anthropic.NewCacheControlEphemeralParam()
	if m.cfg.CacheTTL == cacheLong {
		c.TTL = anthropic.CacheControlEphemeralTTLTTL1h
	}
	return c
}

// convert makes the blocks of one message. Empty text is left out: the API
// refuses it.
func convert(msg message.Message) (anthropic.MessageParamRole, []anthropic.ContentBlockParamUnion) {
	text := msg.String()
	var blocks []anthropic.ContentBlockParamUnion
	switch msg.Role {
	case message.Tool:
		result := anthropic.ToolResultBlockParam{ToolUseID: callID(msg.ToolCallID)}
		if text != "" {
			result.Content = []anthropic.ToolResultBlockParamContentUnion{{OfText: &anthropic.TextBlockParam{Text: text}}}
		}
		return anthropic.MessageParamRoleUser, append(blocks, anthropic.ContentBlockParamUnion{OfToolResult: &result})
	case message.Assistant:
		if text != "" {
			blocks = append(blocks, anthropic.NewTextBlock(text))
		}
		for _, c := range msg.ToolCalls {
			blocks = append(blocks, anthropic.NewToolUseBlock(callID(c.ID), arguments(c.Arguments), c.Name))
		}
		return anthropic.MessageParamRoleAssistant, blocks
	}
	if text != "" {
		blocks = append(blocks, anthropic.NewTextBlock(text))
	}
	if msg.Role == message.System {
		return anthropic.MessageParamRoleSystem, blocks
	}
	return anthropic.MessageParamRoleUser, blocks
}

func arguments(raw json.RawMessage) json.RawMessage {
	if len(bytes.TrimSpace(raw)) == 0 {
		return json.RawMessage("{}")
	}
	return raw
}

var plainID = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

// callID is the id of a tool call as the API takes it. A conversation that began
// at another backend may hold ids with other characters ("functions.read:0");
// the same id always becomes the same one.
func callID(id string) string {
	if plainID.MatchString(id) {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return "call_" + hex.EncodeToString(sum[:16])
}

// thinking is what the config asks for. A budget is not sent in the middle of a
// turn with tools: the API then wants the thinking that began the turn, which a
// canonical conversation does not hold.
func (m *model) thinking(req message.Request, maxTokens int64) (anthropic.ThinkingConfigParamUnion, error) {
	var out anthropic.ThinkingConfigParamUnion
	switch {
	case m.cfg.Thinking == thinkingAdaptive:
		out.OfAdaptive = &anthropic.ThinkingConfigAdaptiveParam{}
	case m.cfg.Thinking == thinkingOff:
		out.OfDisabled = &anthropic.ThinkingConfigDisabledParam{}
	case m.cfg.ThinkingBudget > 0 && req.Messages[len(req.Messages)-1].Role != message.Tool:
		if m.cfg.ThinkingBudget >= maxTokens {
			return out, backend.Errorf(backend.InvalidRequest, "the call allows %d output tokens, and thinking_budget is %d of them: allow more, or lower the budget", maxTokens, m.cfg.ThinkingBudget)
		}
		out = anthropic.ThinkingConfigParamOfEnabled(m.cfg.ThinkingBudget)
	}
	return out, nil
}

// output is the effort, and the schema where the API itself holds the model to
// it.
func (m *model) output(req message.Request) anthropic.OutputConfigParam {
	out := anthropic.OutputConfigParam{Effort: anthropic.OutputConfigEffort(m.cfg.Effort)}
	if len(req.ResponseSchema) > 0 && m.cfg.Structured == structuredFormat {
		// The raw bytes keep the order of the keys, in which the model writes; the
		// SDK's map would sort them.
		format := append(json.RawMessage(`{"type":"json_schema","schema":`), fitSchema(req.ResponseSchema)...)
		out.Format = param.Override[anthropic.JSONOutputFormatParam](append(format, '}'))
	}
	return out
}

// sane refuses what the API could make no sense of, before it costs a call.
func (m *model) sane(req message.Request) error {
	no := func(format string, args ...any) error {
		return backend.Errorf(backend.InvalidRequest, format, args...)
	}
	if req.Model == "" || len(req.Messages) == 0 {
		return no("the request names no model or has no message")
	}
	for i, msg := range req.Messages {
		for _, p := range msg.Parts {
			if p.Type != "text" {
				return no("message %d has a part of type %q, and this backend carries text only", i+1, p.Type)
			}
		}
		switch {
		case !slices.Contains([]message.Role{message.System, message.User, message.Assistant, message.Tool}, msg.Role):
			return no("message %d has the role %q", i+1, msg.Role)
		case msg.Role == message.Tool && msg.ToolCallID == "":
			return no("message %d answers a tool call without saying which", i+1)
		case msg.Role != message.Assistant && len(msg.ToolCalls) > 0:
			return no("message %d calls tools, which only an assistant does", i+1)
		}
		for _, c := range msg.ToolCalls {
			if c.ID == "" || c.Name == "" || !isObject(arguments(c.Arguments)) {
				return no("message %d holds a tool call that is not whole: it takes an id, a name and an object of arguments", i+1)
			}
		}
	}
	if len(req.ResponseSchema) > 0 && !isObject(req.ResponseSchema) {
		return no("the schema of the answer is not a JSON object")
	}
	s := req.Sampling
	switch {
	case s.MaxOutput < 0:
		return no("the limit on output is %d tokens", s.MaxOutput)
	case s.Temperature != nil && m.sends("temperature") && !(*s.Temperature >= 0 && *s.Temperature <= 1):
		return no("the temperature is %v, and this API takes 0 to 1", *s.Temperature)
	case s.TopP != nil && m.sends("top_p") && !(*s.TopP >= 0 && *s.TopP <= 1):
		return no("top_p is %v, and this API takes 0 to 1", *s.TopP)
	case s.Seed != nil && m.sends("seed"):
		// Dropped in silence it would let a run look repeatable.
		return no(`the call sets a seed, which this API does not have (omit = ["seed"] in this backend's config leaves it out)`)
	}
	return nil
}

func isObject(raw json.RawMessage) bool {
	var o map[string]json.RawMessage
	return json.Unmarshal(raw, &o) == nil && o != nil
}
