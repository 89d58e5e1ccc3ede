package replay

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/backend/cassette"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

type parrot struct{}

func (parrot) Describe(context.Context) (backend.Description, error) {
	return backend.Description{Name: "parrot", Version: "1.0.0"}, nil
}

func (parrot) Generate(_ context.Context, req message.Request, out backend.Sink) error {
	for _, word := range strings.SplitAfter(req.Messages[0].String(), " ") {
		if err := out.Text(word); err != nil {
			return err
		}
	}
	return out.Done(message.Usage{Input: 4, Output: 4}, message.FinishStop, "parrot-1")
}

func TestReplay(t *testing.T) {
	dir := t.TempDir()
	recorded, err := cassette.Record(parrot{}, dir, func(path string, data []byte) error { return os.WriteFile(path, data, 0o600) }, nil)
	if err != nil {
		t.Fatal(err)
	}
	req := message.Request{Model: "parrot-1", Messages: []message.Message{message.Text(message.User, "all hands on deck")}}
	want, err := backend.Collect(t.Context(), recorded, req)
	if err != nil {
		t.Fatal(err)
	}
	h := backend.NewHarness(t, New, map[string]any{"dir": dir})
	got, err := h.Ask(t.Context(), req)
	if err != nil || got.Message.String() != want.Message.String() || got.Usage != want.Usage || got.Model != want.Model {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	if d, err := h.Describe(t.Context()); err != nil || d.Simulated || len(d.Models) != 1 {
		t.Errorf("a recording of a real model is described as %+v, %v", d, err)
	}
	req.Messages[0] = message.Text(message.User, "all hands below")
	if _, err = h.Ask(t.Context(), req); backend.AsError(err).Code != backend.InvalidRequest || !strings.Contains(err.Error(), "below") {
		t.Errorf("a miss: %v", err)
	}
}

func TestConfig(t *testing.T) {
	for name, values := range map[string]map[string]any{
		"nothing": {}, "no folder": {"dir": "/does/not/exist"}, "typo": {"dri": "x"}, "type": {"dir": 3},
	} {
		if err := backend.Unconfigured(t, New).Configure(t.Context(), values); backend.AsError(err) == nil || backend.AsError(err).Code != backend.InvalidRequest {
			t.Errorf("%s: %v", name, err)
		}
	}
}
