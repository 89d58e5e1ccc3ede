package openai

import (
	"context"
	"encoding/json"
	"math"
	"strings"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// nowhere is the sink of calls that stream nothing.
type nowhere struct{}

func (nowhere) Text(string) error                                      { return nil }
func (nowhere) ToolCall(message.ToolCall) error                        { return nil }
func (nowhere) Done(_ message.Usage, _ message.Finish, _ string) error { return nil }

// Embed turns texts into vectors by /embeddings.
func (m *model) Embed(ctx context.Context, id string, texts []string) ([][]float32, message.Usage, error) {
	if m.caller == nil || id == "" || len(texts) == 0 {
		return nil, message.Usage{}, backend.Errorf(backend.InvalidRequest, "embedding needs a config, a model and at least one text")
	}
	size := int64(0)
	for i, t := range texts {
		if t == "" { // the API refuses it without saying which
			return nil, message.Usage{}, backend.Errorf(backend.InvalidRequest, "text %d is empty and cannot be embedded", i+1)
		}
		size += int64(len(t))
	}
	var vectors [][]float32
	var usage message.Usage
	err := m.caller.Call(ctx, size/bytesPerToken, nowhere{}, func(ctx context.Context, out backend.Sink) error {
		res, err := m.embeddings.New(ctx, openai.EmbeddingNewParams{
			Model: id, Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: texts}, EncodingFormat: openai.EmbeddingNewParamsEncodingFormatFloat,
		})
		if err != nil {
			return err
		}
		u, known := readUsage(res.JSON.Usage.Raw())
		if usage, err = m.accounted(message.Usage{Input: u.Prompt()}, known, size, 0); err != nil {
			return err
		}
		if vectors, err = inOrder(res.Data, len(texts)); err != nil {
			return err
		}
		return out.Done(usage, message.FinishStop, or(res.Model, id))
	})
	if err != nil {
		return nil, message.Usage{}, err
	}
	return vectors, usage, nil
}

// inOrder puts the vectors where their texts were; servers answer in batches.
func inOrder(data []openai.Embedding, n int) ([][]float32, error) {
	out := make([][]float32, n)
	for _, d := range data {
		if d.Index < 0 || d.Index >= int64(n) || out[d.Index] != nil || len(d.Embedding) == 0 || len(d.Embedding) != len(data[0].Embedding) {
			return nil, backend.Errorf(backend.Unavailable, "the vectors do not match the texts")
		}
		v := make([]float32, len(d.Embedding))
		for i, x := range d.Embedding {
			if math.IsNaN(x) || math.Abs(x) > math.MaxFloat32 {
				return nil, backend.Errorf(backend.Unavailable, "a vector holds a number that is none")
			}
			v[i] = float32(x)
		}
		out[d.Index] = v
	}
	if len(data) != n {
		return nil, backend.Errorf(backend.Unavailable, "%d texts came back as %d vectors", n, len(data))
	}
	return out, nil
}

// CountTokens asks OpenAI or vLLM how long a prompt is. The others have no way
// to say; that is invalid_request, never a guess.
func (m *model) CountTokens(ctx context.Context, req message.Request) (int64, error) {
	if m.caller == nil {
		return 0, backend.Errorf(backend.InvalidRequest, "this backend was made without a config and can only describe itself")
	}
	count, err := m.counting(m.settle(req))
	if err != nil {
		return 0, err
	}
	var n int64
	err = m.caller.Call(ctx, 0, nowhere{}, func(ctx context.Context, out backend.Sink) error {
		var err error
		if n, err = count(ctx); err != nil {
			return err
		}
		if n <= 0 {
			return backend.Errorf(backend.Unavailable, "the server counts %d tokens", n)
		}
		return out.Done(message.Usage{}, message.FinishStop, req.Model)
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// counting is the way in which the dialect counts.
func (m *model) counting(req message.Request) (func(context.Context) (int64, error), error) {
	switch {
	case m.cfg.kind.responses:
		req.Sampling.Stop, req.Sampling.Seed = nil, nil
		p, err := m.responsesRequest(req)
		if err != nil {
			return nil, err
		}
		whole, err := json.Marshal(p)
		if err != nil {
			return nil, backend.Errorf(backend.InvalidRequest, "the request cannot be sent: %v", err)
		}
		var body map[string]json.RawMessage
		if err := json.Unmarshal(whole, &body); err != nil {
			return nil, backend.Errorf(backend.InvalidRequest, "the request cannot be sent: %v", err)
		}
		for _, name := range []string{"store", "temperature", "top_p", "max_output_tokens", "prompt_cache_key"} {
			delete(body, name) // say nothing of the prompt, and counting knows none of them
		}
		return func(ctx context.Context) (int64, error) {
			var res responses.InputTokenCountResponse
			err := m.raw.Post(ctx, "responses/input_tokens", body, &res)
			return res.InputTokens, err
		}, nil
	case m.cfg.kind.countPath != "":
		p, _, err := m.chatRequest(req)
		if err != nil {
			return nil, err
		}
		root := *m.cfg.root
		root.Path = strings.TrimSuffix(strings.TrimSuffix(root.Path, "/"), "/v1") + "/"
		body := map[string]any{"model": req.Model, "messages": p.Messages, "add_generation_prompt": true}
		if len(p.Tools) > 0 {
			body["tools"] = p.Tools
		}
		return func(ctx context.Context) (int64, error) {
			var res struct {
				Count int64 `json:"count"`
			}
			err := m.raw.Post(ctx, m.cfg.kind.countPath, body, &res, option.WithBaseURL(root.String()))
			return res.Count, err
		}, nil
	}
	return nil, backend.Errorf(backend.InvalidRequest, "the dialect %s has no way to count tokens", m.cfg.kind.name)
}
