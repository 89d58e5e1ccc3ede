// Package backend is what an author needs to write a model backend: a
// subprocess that turns message.Request into streamed text, tool calls and
// usage. It carries the interfaces, Serve for main, and a harness that runs an
// implementation over real gRPC inside a test. It must not know the engine, read
// config files or touch the environment: the host parses the user's HCL, checks
// it against the schema from Describe, and sends values.
//
//	func main() { backend.Serve("hello", newHello) }
//
//	func newHello(config map[string]any) (backend.Model, error) { return hello{}, nil }
//
//	func (hello) Generate(ctx context.Context, req message.Request, out backend.Sink) error {
//		if err := out.Text("hello"); err != nil { return err }
//		return out.Done(message.Usage{Input: 1, Output: 1}, message.FinishStop, req.Model)
//	}
package backend

import (
	"context"

	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// ProtocolVersion is the newest version of the wire protocol that this SDK
// speaks. It is independent of the SDK's own version. The host serves it and the
// one before it. There is one so far: what came since, Counter, Embedder,
// Serving and Runner, are services beside Model that an older side does not know,
// and needed no second.
const ProtocolVersion = 1

// MaxMessage is the largest single protocol message in bytes, both ways. A
// request (prompt, tools, schema) or one event of a stream that is larger is
// refused with invalid_request or unavailable; a long answer is many events.
const MaxMessage = 16 << 20

// Model is a model API, an engine or an agent that generates.
type Model interface {
	// Describe says what this backend is. It must answer before any network
	// connection and for a Model made from a nil config.
	Describe(ctx context.Context) (Description, error)
	// Generate answers one request through out: any number of Text and
	// ToolCall, then exactly one Done. A failure is returned, preferably as
	// *Error so that the host knows whether a retry may help. It returns soon
	// after ctx is done. Calls arrive concurrently.
	Generate(ctx context.Context, req message.Request, out Sink) error
}

// Sink takes the parts of an answer in order. It is not safe for concurrent
// use. Each method fails once the host has gone away or after Done; an
// implementation returns that error from Generate.
type Sink interface {
	// Text appends delta to the answer. Deltas may split a UTF-8 character.
	Text(delta string) error
	// ToolCall adds one whole call. Arguments must be a JSON object.
	ToolCall(call message.ToolCall) error
	// Done ends the answer. model is the id that really answered, which may
	// differ from the one that was asked for.
	Done(usage message.Usage, finish message.Finish, model string) error
}

// Factory makes a Model from the values of the user's config block. Numbers
// arrive as int64 when they are whole and as float64 otherwise; lists as []any,
// objects as map[string]any. DecodeConfig turns them into a struct.
//
// A nil config means that the host only wants Describe (to store the config
// schema when the plugin is locked): return a Model that can describe itself;
// its Generate is never called.
type Factory func(config map[string]any) (Model, error)

// Description is what a backend says about itself.
type Description struct {
	Name         string        `json:"name"`    // as given to Serve
	Version      string        `json:"version"` // semantic version of the backend
	Models       []ModelInfo   `json:"models,omitempty"`
	Capabilities Capabilities  `json:"capabilities,omitzero"`
	ConfigSchema []ConfigField `json:"config_schema,omitempty"`
	// Simulated: a program makes the answers up, no real model is behind them.
	// Everything that comes out of such a backend is labelled by the host and
	// is never evidence for a real tier.
	Simulated bool `json:"simulated,omitempty"`
}

// ModelInfo is one model that the backend offers. Zero sizes are unknown.
type ModelInfo struct {
	ID              string `json:"id"`
	ContextTokens   int64  `json:"context_tokens,omitempty"`
	MaxOutputTokens int64  `json:"max_output_tokens,omitempty"`
}

// The ways in which a backend can keep a model from calling some of the tools
// without changing the prompt.
const (
	MaskAllowedTools  = "allowed_tools"
	MaskNames         = "names"
	MaskPrefillPrefix = "prefill_prefix"
	MaskNone          = "none"
)

// Capabilities are the optional abilities.
type Capabilities struct {
	ToolMasking      string `json:"tool_masking,omitempty"` // one of the Mask constants
	PrefixCaching    bool   `json:"prefix_caching,omitempty"`
	StructuredOutput bool   `json:"structured_output,omitempty"`
	Seeds            bool   `json:"seeds,omitempty"`
	Logprobs         bool   `json:"logprobs,omitempty"`
	// These say that the Model is a TokenCounter, an Embedder, Serving or a
	// Runner. The SDK fills them in; an author does not.
	CountTokens bool `json:"count_tokens,omitempty"`
	Embeddings  bool `json:"embeddings,omitempty"`
	Serving     bool `json:"serving,omitempty"`
	Running     bool `json:"running,omitempty"`
}

// The types of a ConfigField.
const (
	TypeString = "string"
	TypeNumber = "number"
	TypeBool   = "bool"
	TypeList   = "list"   // of Elem
	TypeMap    = "map"    // any keys, values of Elem
	TypeObject = "object" // the keys of Fields
)

// ConfigField declares one key of the config block. Elem describes the members
// of a list or map (nil: anything), Fields the keys of an object.
type ConfigField struct {
	Name     string        `json:"name,omitempty"`
	Type     string        `json:"type"`
	Required bool          `json:"required,omitempty"`
	Doc      string        `json:"doc,omitempty"`
	Elem     *ConfigField  `json:"elem,omitempty"`
	Fields   []ConfigField `json:"fields,omitempty"`
}
