// Package openai is the backend of every endpoint that speaks OpenAI's API:
// OpenAI itself (responses or chat completions), vLLM, SGLang, llama.cpp, Ollama
// and services that copy it. What these do differently is one table, dialect;
// everything else is the same. It must not make a request that no caller asked
// for: describing and configuring never touch the network.
//
//	backend "vllm" {
//	  plugin = "openai"
//	  config {
//	    base_url = "http://127.0.0.1:8000/v1"
//	  }
//	}
package openai

import (
	"context"
	"os"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"

	"github.com/plimsoll-dev/plimsoll/plugins/internal/api"
	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// model is a configured endpoint, or nothing but a description.
type model struct {
	cfg        config
	errs       errorReader
	caller     *api.Caller
	chats      openai.ChatCompletionService
	answers    responses.ResponseService
	embeddings openai.EmbeddingService
	raw        openai.Client // for paths that only engines have
}

var (
	_ backend.Model        = (*model)(nil)
	_ backend.Embedder     = (*model)(nil)
	_ backend.TokenCounter = (*model)(nil)
)

// New makes the backend of one endpoint. It offers to count tokens where the
// dialect can.
func New(values map[string]any) (backend.Model, error) {
	m, err := newModel(values)
	if err != nil {
		return nil, err
	}
	if !m.cfg.kind.counts() {
		return uncounted{m, m}, nil
	}
	return m, nil
}

// uncounted hides an ability: what a backend can do is told by its methods.
type uncounted struct {
	backend.Model
	backend.Embedder
}

func newModel(values map[string]any) (*model, error) {
	if values == nil {
		return &model{cfg: config{kind: dialects[dialectOpenAI]}}, nil
	}
	cfg, err := readConfig(values, os.Getenv)
	if err != nil {
		return nil, err
	}
	m := &model{cfg: cfg, errs: errorReader{redact: api.NewRedactor(cfg.key), idle: cfg.Idle()}}
	client, caller, err := cfg.Connect(m.errs.typed)
	if err != nil {
		return nil, backend.Errorf(backend.InvalidRequest, "config: %v", err)
	}
	m.caller = caller
	m.caller.Notice = func(line string) { _, _ = os.Stderr.WriteString("openai: " + line + "\n") }
	opts := []option.RequestOption{
		option.WithBaseURL(cfg.BaseURL), option.WithHTTPClient(client),
		// The SDK's retries know neither the limits nor what was passed on.
		option.WithMaxRetries(0),
	}
	if cfg.key != "" {
		opts = append(opts, option.WithAPIKey(cfg.key))
	}
	if cfg.Organization != "" {
		opts = append(opts, option.WithOrganization(cfg.Organization))
	}
	if cfg.Project != "" {
		opts = append(opts, option.WithProject(cfg.Project))
	}
	// Services are made one by one: openai.NewClient would also read OPENAI_
	// variables, which are config that nobody wrote down.
	m.chats = openai.NewChatCompletionService(opts...)
	m.answers = responses.NewResponseService(opts...)
	m.embeddings = openai.NewEmbeddingService(opts...)
	m.raw = openai.Client{Options: opts}
	return m, nil
}

// Describe says what the declared dialect can do.
func (m *model) Describe(context.Context) (backend.Description, error) {
	masking := backend.MaskNone
	if m.cfg.kind.allowedTools {
		masking = backend.MaskAllowedTools
	}
	return backend.Description{
		Name: "openai", Version: "1.0.0", ConfigSchema: schema(),
		Capabilities: backend.Capabilities{
			ToolMasking: masking, PrefixCaching: m.cfg.kind.prefixCaching,
			StructuredOutput: m.cfg.Structured != structuredNone, Seeds: m.cfg.API != apiResponses,
		},
	}, nil
}

// Generate asks the model and streams its answer.
func (m *model) Generate(ctx context.Context, req message.Request, out backend.Sink) error {
	if m.caller == nil {
		return backend.Errorf(backend.InvalidRequest, "this backend was made without a config and can only describe itself")
	}
	if limit := m.cfg.Timeout(); limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	req = m.settle(req)
	attempt, err := m.prepare(req)
	if err != nil {
		return err
	}
	return m.caller.Call(ctx, bound(req)/bytesPerToken+req.Sampling.MaxOutput, out, attempt)
}

// bytesPerToken is a rough mean over English and code, for the limit of tokens
// per minute only. Nothing is charged by it.
const bytesPerToken = 4

// settle lays the config's defaults under a request and leaves out what the
// config says that the models of this endpoint do not take.
func (m *model) settle(req message.Request) message.Request {
	if req.Sampling.MaxOutput == 0 {
		req.Sampling.MaxOutput = m.cfg.MaxOutput
	}
	for _, name := range m.cfg.Omit {
		switch name {
		case "temperature":
			req.Sampling.Temperature = nil
		case "top_p":
			req.Sampling.TopP = nil
		case "seed":
			req.Sampling.Seed = nil
		case "stop":
			req.Sampling.Stop = nil
		}
	}
	return req
}

// attempt is one try of a call.
type attempt = func(context.Context, backend.Sink) error

// prepare converts the request once, for all tries, by the API that is
// configured. Auto takes chat completions for what responses cannot express:
// stop sequences and seeds.
func (m *model) prepare(req message.Request) (attempt, error) {
	opts := m.options(req)
	which := m.cfg.API
	if which == apiAuto {
		which = apiChat
		if m.cfg.kind.responses && len(req.Sampling.Stop) == 0 && req.Sampling.Seed == nil {
			which = apiResponses
		}
	}
	if which == apiResponses {
		params, err := m.responsesRequest(req)
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context, out backend.Sink) error {
			return m.streamResponse(ctx, params, opts, req, out)
		}, nil
	}
	params, more, err := m.chatRequest(req)
	if err != nil {
		return nil, err
	}
	opts = append(opts, more...)
	return func(ctx context.Context, out backend.Sink) error { return m.streamChat(ctx, params, opts, req, out) }, nil
}

// options are the headers of one call and the fields that the config adds.
func (m *model) options(req message.Request) []option.RequestOption {
	var opts []option.RequestOption
	if req.Idempotency != "" {
		opts = append(opts, option.WithHeader("Idempotency-Key", req.Idempotency))
	}
	if m.cfg.SessionHeader != "" && req.Session != "" {
		opts = append(opts, option.WithHeader(m.cfg.SessionHeader, req.Session))
	}
	for _, name := range m.cfg.extraNames() {
		opts = append(opts, option.WithJSONSet(name, m.cfg.Extra[name]))
	}
	return opts
}
