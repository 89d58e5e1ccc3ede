package replay

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/backend/cassette"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// actor does what the last message names: one kind of answer for each name.
type actor struct{ simulated bool }

func (a actor) Describe(context.Context) (backend.Description, error) {
	return backend.Description{Name: "actor", Version: "1.0.0", Simulated: a.simulated}, nil
}

var used = message.Usage{Input: 7, CachedInput: 100, CacheWrite: 50, CacheWrite1h: 20, Output: 9, Reasoning: 4}

var acts = map[string]func(backend.Sink) error{
	"words": func(out backend.Sink) error {
		return errors.Join(out.Text("Hé"), out.Text("llo \u2028 <b>&"), out.Text("\n"), out.Text("e\u0301nd"), out.Done(used, message.FinishStop, "actor-2026-07"))
	},
	"one delta": func(out backend.Sink) error {
		return errors.Join(out.Text("Héllo"), out.Done(used, message.FinishStop, "actor-2026-07"))
	},
	"tool calls": func(out backend.Sink) error {
		return errors.Join(out.Text("I look. "),
			out.ToolCall(message.ToolCall{ID: "c1", Name: "order", Arguments: []byte(`{"b": 1.0,  "a": "\u00e9\/"}`)}),
			out.ToolCall(message.ToolCall{ID: "c2", Name: "order", Arguments: []byte(`{}`)}),
			out.Done(used, message.FinishTools, "actor-2026-07"))
	},
	"refusal": func(out backend.Sink) error {
		return errors.Join(out.Text("I won't."), out.Done(used, message.FinishRefusal, "actor-2026-07"))
	},
	"cut short": func(out backend.Sink) error {
		return errors.Join(out.Text("I would"), out.Done(used, message.FinishLength, "actor-2026-07"))
	},
	"nothing": func(out backend.Sink) error { return out.Done(message.Usage{}, message.FinishStop, "actor-2026-07") },
	"limited": func(backend.Sink) error {
		e := backend.Errorf(backend.RateLimited, "slow down")
		e.RetryAfter = 1500 * time.Millisecond
		return e
	},
	"overloaded mid-stream": func(out backend.Sink) error {
		return errors.Join(out.Text("half"), backend.Errorf(backend.Overloaded, "busy"))
	},
	"auth":     func(backend.Sink) error { return backend.Errorf(backend.Auth, "no such key") },
	"length":   func(backend.Sink) error { return backend.Errorf(backend.ContextLength, "too long: 300000 tokens") },
	"policy":   func(backend.Sink) error { return backend.Errorf(backend.ContentPolicy, "not this") },
	"bad":      func(backend.Sink) error { return backend.Errorf(backend.InvalidRequest, "no such parameter") },
	"down":     func(backend.Sink) error { return backend.Errorf(backend.Unavailable, "internal server error") },
	"declared": func(backend.Sink) error { return backend.Errorf(backend.Cancelled, "the vendor cancelled it") },
}

func (actor) Generate(_ context.Context, req message.Request, out backend.Sink) error {
	return acts[req.Messages[len(req.Messages)-1].String()](out)
}

// heard is a stream to the byte: every delta, call and end, then the error.
type heard struct{ parts []string }

func (h *heard) Text(delta string) error {
	h.parts = append(h.parts, "text "+delta)
	return nil
}

func (h *heard) ToolCall(c message.ToolCall) error {
	h.parts = append(h.parts, fmt.Sprintf("call %s %s %s", c.ID, c.Name, c.Arguments))
	return nil
}

func (h *heard) Done(u message.Usage, f message.Finish, m string) error {
	h.parts = append(h.parts, fmt.Sprintf("done %+v %s %s", u, f, m))
	return nil
}

func listen(t *testing.T, m backend.Model, act string) []string {
	t.Helper()
	var h heard
	err := m.Generate(t.Context(), message.Request{Model: "actor-1", Messages: []message.Message{message.Text(message.User, act)}}, &h)
	if err != nil {
		e := backend.AsError(err)
		var lost *backend.LostError
		h.parts = append(h.parts, fmt.Sprintf("error %s %q after %s, retryable %v, lost %v", e.Code, e.Message, e.RetryAfter, e.Retryable, errors.As(err, &lost)))
	}
	return h.parts
}

// Whatever a backend does, its recording does the same: through gRPC both times,
// as the host records and plays.
func TestReplayIsByteForByte(t *testing.T) {
	for _, simulated := range []bool{false, true} {
		dir := t.TempDir()
		live := backend.NewHarness(t, func(map[string]any) (backend.Model, error) { return actor{simulated}, nil }, nil)
		write := func(path string, data []byte) error { return os.WriteFile(path, data, 0o600) }
		recorded, err := cassette.Record(live, dir, write, map[string]string{"KEY": "not-in-any-answer"})
		if err != nil {
			t.Fatal(err)
		}
		want := map[string][]string{}
		for act := range acts {
			want[act] = listen(t, recorded, act)
			if bare := listen(t, live, act); !reflect.DeepEqual(bare, want[act]) {
				t.Errorf("%s: recording changed %q to %q", act, bare, want[act])
			}
		}
		played := backend.NewHarness(t, New, map[string]any{"dir": dir})
		for act := range acts {
			for range 2 {
				if got := listen(t, played, act); !reflect.DeepEqual(got, want[act]) {
					t.Errorf("%s: played %q, was %q", act, got, want[act])
				}
			}
		}
		if d, err := played.Describe(t.Context()); err != nil || d.Simulated != simulated || len(d.Models) != 1 || d.Models[0].ID != "actor-1" {
			t.Errorf("a recording with simulated %v is described as %+v, %v", simulated, d, err)
		}
	}
}

// A tape that somebody edited is refused before anything is played.
func TestATamperedTapeIsRefused(t *testing.T) {
	dir := t.TempDir()
	recorded, err := cassette.Record(actor{}, dir, func(path string, data []byte) error {
		return os.WriteFile(path, []byte(string(data[:len(data)-2])+" }\n"), 0o600) // white space is free
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	listen(t, recorded, "words")
	if err := backend.Unconfigured(t, New).Configure(t.Context(), map[string]any{"dir": dir}); err != nil {
		t.Fatalf("laid out in another way: %v", err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	path := dir + "/" + files[0].Name()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		if raw[i] != '9' { // the output tokens, and digits of the digest
			continue
		}
		edited := append([]byte{}, raw...)
		edited[i] = '8'
		if err := os.WriteFile(path, edited, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := backend.Unconfigured(t, New).Configure(t.Context(), map[string]any{"dir": dir}); err == nil {
			t.Errorf("byte %d of %s was changed and nobody noticed:\n%s", i, files[0].Name(), edited)
		}
	}
}
