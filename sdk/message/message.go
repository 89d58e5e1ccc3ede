// Package message is the one canonical form of what goes to a model and comes
// back: messages, tools, sampling and usage. Backends convert it to their
// dialect, the engine stores it, the wire protocol mirrors it. It holds data
// only and knows neither the wire nor the engine.
//
//	req := message.Request{
//		Model:    "claude-haiku-4-5",
//		Messages: []message.Message{message.Text(message.System, prompt), message.Text(message.User, input)},
//	}
package message

import (
	"encoding/json"
	"strings"
)

// Role says who speaks.
type Role string

// The roles.
const (
	System    Role = "system"
	User      Role = "user"
	Assistant Role = "assistant"
	Tool      Role = "tool"
)

// Message is one turn.
type Message struct {
	Role       Role       `json:"role"`
	Parts      []Part     `json:"parts,omitempty"`
	ToolCalls  []ToolCall `json:"tool_calls,omitempty"`   // assistant only
	ToolCallID string     `json:"tool_call_id,omitempty"` // tool only: which call this answers
	CacheHere  bool       `json:"cache_here,omitempty"`   // a prompt-cache breakpoint after this message
}

// Part is a piece of content. Type is "text"; others are added when a backend
// carries them.
type Part struct {
	Type string `json:"type"`
	Text string `json:"text,omitempty"`
}

// ToolCall is a model's wish to call a tool. Arguments is a JSON object.
type ToolCall struct {
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Arguments json.RawMessage `json:"arguments"`
}

// ToolDef is a tool offered to the model. Schema is a JSON schema.
type ToolDef struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Schema      json.RawMessage `json:"schema,omitempty"`
}

// ToolChoice says which tools may be called: Mode is auto (default), required,
// none, or subset (then Names is not empty).
type ToolChoice struct {
	Mode  string   `json:"mode,omitempty"`
	Names []string `json:"names,omitempty"`
}

// Sampling parameters; nil leaves the backend's default.
type Sampling struct {
	Temperature *float64 `json:"temperature,omitempty"` // 0..2
	TopP        *float64 `json:"top_p,omitempty"`       // 0..1
	MaxOutput   int64    `json:"max_output,omitempty"`  // tokens, 0 is the model's own limit
	Seed        *int64   `json:"seed,omitempty"`
	Stop        []string `json:"stop,omitempty"`
}

// Request is one model call.
type Request struct {
	Model          string            `json:"model"`
	Messages       []Message         `json:"messages"`
	Tools          []ToolDef         `json:"tools,omitempty"`
	ToolChoice     ToolChoice        `json:"tool_choice,omitzero"`
	ResponseSchema json.RawMessage   `json:"response_schema,omitempty"` // JSON schema of the answer
	Sampling       Sampling          `json:"sampling,omitzero"`
	Session        string            `json:"session,omitempty"`     // prefix-affine routing
	Idempotency    string            `json:"idempotency,omitempty"` // same key, same call: a retry after a crash repeats it
	Metadata       map[string]string `json:"metadata,omitempty"`
}

// Usage counts tokens. Input excludes CachedInput and CacheWrite: the three add
// up to the prompt. CacheWrite includes CacheWrite1h, what was written to be kept
// for an hour, which vendors charge more for. Output includes Reasoning.
type Usage struct {
	Input        int64 `json:"input"`
	CachedInput  int64 `json:"cached_input,omitempty"`
	CacheWrite   int64 `json:"cache_write,omitempty"`
	CacheWrite1h int64 `json:"cache_write_1h,omitempty"`
	Output       int64 `json:"output"`
	Reasoning    int64 `json:"reasoning,omitempty"`
}

// Prompt is the size of the prompt in tokens, wherever they came from.
func (u Usage) Prompt() int64 { return u.Input + u.CachedInput + u.CacheWrite }

// Add returns the sum.
func (u Usage) Add(v Usage) Usage {
	return Usage{
		Input: u.Input + v.Input, CachedInput: u.CachedInput + v.CachedInput, CacheWrite: u.CacheWrite + v.CacheWrite, CacheWrite1h: u.CacheWrite1h + v.CacheWrite1h,
		Output: u.Output + v.Output, Reasoning: u.Reasoning + v.Reasoning,
	}
}

// Finish says why the model stopped.
type Finish string

// The reasons.
const (
	FinishStop    Finish = "stop"
	FinishLength  Finish = "length"
	FinishTools   Finish = "tool_calls"
	FinishRefusal Finish = "refusal"
)

// Response is a whole answer.
type Response struct {
	Message   Message `json:"message"`
	Usage     Usage   `json:"usage"`
	Finish    Finish  `json:"finish"`
	Model     string  `json:"model"` // the id that really answered
	Simulated bool    `json:"simulated,omitempty"`
}

// Text makes a message of one text part.
func Text(r Role, s string) Message {
	return Message{Role: r, Parts: []Part{{Type: "text", Text: s}}}
}

// String is the text of all text parts.
func (m Message) String() string {
	var b strings.Builder
	for _, p := range m.Parts {
		if p.Type == "text" {
			b.WriteString(p.Text)
		}
	}
	return b.String()
}
