// Package anthropic is the backend of Anthropic's Messages API and of gateways
// that speak it. It must not make a request that no caller asked for: describing
// and configuring never touch the network. Retries and limits are those of
// plugins/internal/api, with the SDK's own turned off.
//
//	backend "claude" {
//	  plugin = "anthropic"
//	  env    = ["ANTHROPIC_API_KEY"]
//	}
package anthropic

import (
	"context"
	"os"
	"strings"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"

	"github.com/plimsoll-dev/plimsoll/plugins/internal/api"
	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// model is a configured endpoint, or nothing but a description.
type model struct {
	cfg      config
	errs     errorReader
	caller   *api.Caller
	messages anthropic.MessageService
}

var (
	_ backend.Model        = (*model)(nil)
	_ backend.TokenCounter = (*model)(nil)
)

// New makes the backend of one endpoint.
func New(values map[string]any) (backend.Model, error) {
	if values == nil {
		return &model{}, nil
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
	m.caller.Notice = func(line string) { _, _ = os.Stderr.WriteString("anthropic: " + line + "\n") }
	opts := []option.RequestOption{
		option.WithBaseURL(strings.TrimSuffix(cfg.BaseURL, "/") + "/"), option.WithHTTPClient(client),
		// The SDK's retries know neither the limits nor what was passed on.
		option.WithMaxRetries(0),
		option.WithoutOpenTelemetry(),
	}
	switch {
	case cfg.key == "":
	case cfg.Auth == authBearer:
		opts = append(opts, option.WithAuthToken(cfg.key))
	default:
		opts = append(opts, option.WithAPIKey(cfg.key))
	}
	if cfg.Workspace != "" {
		opts = append(opts, option.WithHeader("anthropic-workspace-id", cfg.Workspace))
	}
	if len(cfg.Betas) > 0 {
		opts = append(opts, option.WithHeader("anthropic-beta", strings.Join(cfg.Betas, ",")))
	}
	// anthropic.NewClient would also read ANTHROPIC_ variables and profiles in
	// the home folder, which are config that nobody wrote down.
	m.messages = anthropic.NewMessageService(opts...)
	return m, nil
}

// Describe says what the API can do.
func (m *model) Describe(context.Context) (backend.Description, error) {
	return backend.Description{
		Name: "anthropic", Version: "1.0.0", ConfigSchema: schema(),
		Capabilities: backend.Capabilities{
			// A choice of one tool can be named; a larger subset is made by leaving
			// tools out, which changes the prompt.
			ToolMasking: backend.MaskNone, PrefixCaching: true,
			StructuredOutput: m.cfg.Structured != structuredNone,
		},
	}, nil
}

// Generate asks the model and streams its answer.
func (m *model) Generate(ctx context.Context, req message.Request, out backend.Sink) error {
	ctx, done, err := m.begin(ctx)
	if err != nil {
		return err
	}
	defer done()
	params, err := m.request(req)
	if err != nil {
		return err
	}
	opts := m.callOptions(req)
	structured := m.answersByTool(req)
	return m.caller.Call(ctx, estimate(req), out, func(ctx context.Context, out backend.Sink) error {
		return m.stream(ctx, params, opts, structured, out)
	})
}

// CountTokens asks the API how long the prompt of req is. It costs a request of
// the limits and no tokens.
func (m *model) CountTokens(ctx context.Context, req message.Request) (int64, error) {
	ctx, done, err := m.begin(ctx)
	if err != nil {
		return 0, err
	}
	defer done()
	params, err := m.countRequest(req)
	if err != nil {
		return 0, err
	}
	var n int64
	err = m.caller.Call(ctx, 0, &backend.Collector{}, func(ctx context.Context, _ backend.Sink) error {
		got, err := m.messages.CountTokens(ctx, params)
		if err != nil {
			return err
		}
		if !got.JSON.InputTokens.Valid() || got.InputTokens < 0 {
			return backend.Errorf(backend.Unavailable, "the answer to counting tokens holds no count")
		}
		n = got.InputTokens
		return nil
	})
	return n, err
}

func (m *model) begin(ctx context.Context) (context.Context, context.CancelFunc, error) {
	if m.caller == nil {
		return nil, nil, backend.Errorf(backend.InvalidRequest, "this backend was made without a config and can only describe itself")
	}
	if d := m.cfg.Timeout(); d > 0 {
		ctx, cancel := context.WithTimeout(ctx, d)
		return ctx, cancel, nil
	}
	return ctx, func() {}, nil
}

// callOptions are the header of one call and the fields that the config adds.
// The endpoint that counts refuses most of these fields and gets none.
func (m *model) callOptions(req message.Request) []option.RequestOption {
	var opts []option.RequestOption
	if req.Idempotency != "" {
		opts = append(opts, option.WithHeader("Idempotency-Key", req.Idempotency))
	}
	for _, name := range m.cfg.extraNames() {
		opts = append(opts, option.WithJSONSet(name, m.cfg.Extra[name]))
	}
	return opts
}

// estimate is a guess at the tokens of a call, for the limit of tokens per
// minute only; nothing is charged by it. It is corrected when the call ends. The
// limit on output stands in for output only when the caller set it: the standard
// one is thirty times what answers usually are and would hold every other call
// back meanwhile.
func estimate(req message.Request) int64 {
	const bytesPerToken, usualOutput = 4, 1000
	n := int64(len(req.ResponseSchema))
	for _, t := range req.Tools {
		n += int64(len(t.Name) + len(t.Description) + len(t.Schema))
	}
	for _, msg := range req.Messages {
		n += int64(len(msg.String()))
		for _, c := range msg.ToolCalls {
			n += int64(len(c.Name) + len(c.Arguments))
		}
	}
	output := req.Sampling.MaxOutput
	if output == 0 {
		output = usualOutput
	}
	return n/bytesPerToken + output
}
