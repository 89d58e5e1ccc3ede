package backend

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// able has both optional abilities.
type able struct {
	scripted
	embed func(texts []string) ([][]float32, error)
}

func (a able) CountTokens(_ context.Context, req message.Request) (int64, error) {
	text := req.Messages[0].String()
	if text == "too long" {
		return 0, Errorf(ContextLength, "longer than the model's context")
	}
	return int64(len(strings.Fields(text))), nil
}

func (a able) Embed(_ context.Context, model string, texts []string) ([][]float32, message.Usage, error) {
	v, err := a.embed(texts)
	return v, message.Usage{Input: int64(len(texts))}, err
}

func (h *Harness) count(t *testing.T, text string) (int64, error) {
	t.Helper()
	return h.CountTokens(t.Context(), message.Request{Model: "m", Messages: []message.Message{message.Text(message.User, text)}})
}

func TestOptionalAbilities(t *testing.T) {
	wide := func(texts []string) ([][]float32, error) {
		var out [][]float32
		for i := range texts {
			out = append(out, make([]float32, 3072))
			out[i][3071] = float32(i)
		}
		return out, nil
	}
	h := NewHarness(t, func(map[string]any) (Model, error) { return able{embed: wide}, nil }, nil)
	d, err := h.Describe(t.Context())
	if err != nil || !d.Capabilities.CountTokens || !d.Capabilities.Embeddings {
		t.Errorf("described as %+v, %v", d.Capabilities, err)
	}
	if n, err := h.count(t, "one two three"); n != 3 || err != nil {
		t.Errorf("%d tokens, %v", n, err)
	}
	if _, err := h.count(t, "too long"); AsError(err).Code != ContextLength {
		t.Errorf("a typed error arrives as %v", err)
	}
	// 2,000 vectors are 24 MiB, more than any one message.
	v, usage, err := h.Embed(t.Context(), "m", make([]string, 2000))
	if err != nil || len(v) != 2000 || v[1999][3071] != 1999 || usage.Input != 2000 {
		t.Errorf("%d vectors, %+v, %v", len(v), usage, err)
	}
	if v, _, err := h.Embed(t.Context(), "m", nil); err != nil || len(v) != 0 {
		t.Errorf("no texts give %d vectors, %v", len(v), err)
	}
}

func TestEmbedIsHeldToItsContract(t *testing.T) {
	for name, c := range map[string]struct {
		vectors [][]float32
		err     error
		want    string
	}{
		"too few":     {vectors: [][]float32{{1}}, want: "1 vectors of 2 texts"},
		"too many":    {vectors: [][]float32{{1}, {2}, {3}}, want: "3 vectors of 2 texts"},
		"two lengths": {vectors: [][]float32{{1}, {2, 3}}, want: "vector 2 has 2 numbers"},
		"empty":       {vectors: [][]float32{{}, {}}, want: "has 0 numbers"},
		"typed":       {err: Errorf(Auth, "no key"), want: "auth: no key"},
	} {
		h := NewHarness(t, func(map[string]any) (Model, error) {
			return able{embed: func([]string) ([][]float32, error) { return c.vectors, c.err }}, nil
		}, nil)
		_, _, err := h.Embed(t.Context(), "m", []string{"a", "b"})
		var lost *LostError
		if err == nil || !strings.Contains(err.Error(), c.want) || errors.As(err, &lost) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMissingAbilitiesAreToldApart(t *testing.T) {
	h := serve(t, func(_ context.Context, _ message.Request, out Sink) error { return finish(out) })
	if d, err := h.Describe(t.Context()); err != nil || d.Capabilities.CountTokens || d.Capabilities.Embeddings {
		t.Errorf("described as %+v, %v", d.Capabilities, err)
	}
	_, err := h.count(t, "x")
	_, _, err2 := h.Embed(t.Context(), "m", []string{"a"})
	for _, err := range []error{err, err2} {
		if !errors.Is(err, errors.ErrUnsupported) || AsError(err).Code != InvalidRequest {
			t.Errorf("a missing ability is %v", err)
		}
	}
	bare := Unconfigured(t, func(map[string]any) (Model, error) { return able{}, nil })
	if _, err := bare.count(t, "x"); AsError(err).Code != InvalidRequest || !errors.Is(err, ErrUnconfigured) || errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("before Configure: %v", err)
	}
}
