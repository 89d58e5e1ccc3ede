package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

func serve(t *testing.T, model map[string]any) *backend.Harness {
	t.Helper()
	return backend.NewHarness(t, New, map[string]any{"seed": 7, "models": map[string]any{"small": model}})
}

// Every declared failure arrives over gRPC as what a real API would give.
func TestFailuresOverTheWire(t *testing.T) {
	t.Run("429", func(t *testing.T) {
		_, err := serve(t, map[string]any{"error_429": 1.0}).Ask(t.Context(), ask("small", item(1)))
		if e := backend.AsError(err); e == nil || e.Code != backend.RateLimited || !e.Retryable || e.RetryAfter != retryAfter {
			t.Errorf("%+v", e)
		}
	})
	t.Run("500", func(t *testing.T) {
		_, err := serve(t, map[string]any{"error_500": 1.0}).Ask(t.Context(), ask("small", item(1)))
		if e := backend.AsError(err); e == nil || e.Code != backend.Unavailable || !e.Retryable || e.RetryAfter != 0 {
			t.Errorf("%+v", e)
		}
	})
	t.Run("timeout", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		resp, err := serve(t, map[string]any{"timeout": 1.0}).Ask(ctx, ask("small", item(1)))
		if err == nil || resp.Message.String() != "" {
			t.Errorf("it answered %q, %v", resp.Message.String(), err)
		}
		// Nobody but the caller ends the call: the backend has nothing to say.
		if e := backend.AsError(err); e.Code != backend.Cancelled || e.Retryable {
			t.Errorf("%+v", e)
		}
	})
	t.Run("refusal", func(t *testing.T) {
		resp, err := serve(t, map[string]any{"refuse": 1.0}).Ask(t.Context(), ask("small", item(1)))
		if err != nil || resp.Finish != message.FinishRefusal || resp.Usage.Output == 0 {
			t.Errorf("%+v, %v", resp, err)
		}
	})
	t.Run("truncation", func(t *testing.T) {
		resp, err := serve(t, map[string]any{"truncate": 1.0}).Ask(t.Context(), ask("small", item(1)))
		if text := resp.Message.String(); err != nil || resp.Finish != message.FinishLength || text == "" || json.Valid([]byte(text)) {
			t.Errorf("%+v, %v", resp, err)
		}
	})
	t.Run("silent change", func(t *testing.T) {
		resp, err := serve(t, map[string]any{"drift": []any{map[string]any{"from": "2026-08-01", "reports": "small-b"}}}).Ask(t.Context(), on("2026-08-02T00:00:00Z", 1))
		if err != nil || resp.Model != "small-b" {
			t.Errorf("%+v, %v", resp, err)
		}
	})
	// Chances are drawn for each item: a declared tenth is about a tenth.
	t.Run("shares", func(t *testing.T) {
		h := serve(t, map[string]any{"error_429": 0.2, "error_500": 0.2, "refuse": 0.2, "truncate": 0.2})
		seen := map[string]int{}
		const n = 400
		for i := range n {
			resp, err := h.Ask(t.Context(), ask("small", item(i)))
			if err != nil {
				seen[string(backend.AsError(err).Code)]++
			} else {
				seen[string(resp.Finish)]++
			}
		}
		// Each is drawn only when those before it did not happen.
		for kind, want := range map[string]float64{
			string(backend.RateLimited): .2, string(backend.Unavailable): .16, string(message.FinishRefusal): .128, string(message.FinishLength): .1024, string(message.FinishStop): .4096,
		} {
			if got := float64(seen[kind]) / n; got < want-.08 || got > want+.08 {
				t.Errorf("%s: %v of the answers, declared %v", kind, got, want)
			}
		}
	})
}

func on(day string, i int) message.Request {
	req := ask("small", item(i))
	req.Metadata[TimeKey] = day
	return req
}

// clock notes when each delta came.
type clock struct {
	first, last time.Time
	deltas      int
}

func (c *clock) Text(string) error {
	if c.deltas++; c.deltas == 1 {
		c.first = time.Now()
	}
	c.last = time.Now()
	return nil
}
func (c *clock) ToolCall(message.ToolCall) error                  { return nil }
func (c *clock) Done(message.Usage, message.Finish, string) error { return nil }

// Latency comes before the first delta, and the rest at the declared speed. A
// sleep may take longer than asked, never less: only the least is checked.
func TestSpeed(t *testing.T) {
	for _, speed := range []float64{0, 2000} {
		h := serve(t, map[string]any{"latency_ms": 40.0, "tokens_per_second": speed})
		var c clock
		start := time.Now()
		if err := h.Generate(t.Context(), ask("small", item(1)), &c); err != nil {
			t.Fatal(err)
		}
		if c.deltas < 5 {
			t.Fatalf("it came in %d deltas", c.deltas)
		}
		if first := c.first.Sub(start); first < 40*time.Millisecond {
			t.Errorf("the first delta came after %s", first)
		}
		// Every delta but the last is chunkBytes or a few less, at a token for four.
		least := time.Duration(float64(c.deltas-2) * (chunkBytes - 4) / bytesPerToken / 2000 * float64(time.Second))
		if took := c.last.Sub(start); speed > 0 && took < 40*time.Millisecond+least {
			t.Errorf("%d deltas at %v tokens a second took %s, want at least %s", c.deltas, speed, took, least)
		}
	}
}

// Usage follows from the text alone, so that what a simulated tier costs is the
// same on every machine: four bytes a token, output times verbosity.
func TestUsageIsDeclared(t *testing.T) {
	for _, verbosity := range []float64{1, 2.5} {
		resp, err := serve(t, map[string]any{"verbosity": verbosity, "latency_ms": 1.0}).Ask(t.Context(), ask("small", item(1)))
		if err != nil {
			t.Fatal(err)
		}
		text := int64(len(resp.Message.String())+3) / 4
		if want := int64(float64(text) * verbosity); resp.Usage.Output != want {
			t.Errorf("verbosity %v counts %d tokens, want %d", verbosity, resp.Usage.Output, want)
		}
		in := int64(len("You digest tweets.")+3)/4 + int64(len("Item item-1")+3)/4 + 8
		if resp.Usage != (message.Usage{Input: in, Output: resp.Usage.Output}) {
			t.Errorf("usage %s", fmt.Sprintf("%+v, want %d in", resp.Usage, in))
		}
	}
}
