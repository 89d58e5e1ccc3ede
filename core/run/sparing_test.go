package run_test

import (
	"context"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// Who is sparing repeats what cost nothing, and never what may have been charged.
func TestSparing(t *testing.T) {
	for _, c := range []struct {
		sparing, lost bool
		calls         int
	}{{false, true, 3}, {true, true, 1}, {true, false, 3}} {
		m := &models{answer: func(int, string, message.Request) (string, error) {
			return "", &run.CallError{Code: "unavailable", Retryable: true, Lost: c.lost}
		}}
		x := run.Executor{Models: m, Blobs: &blobs{}, Sleep: func(context.Context, time.Duration) {}, Now: func() time.Time { return time.Unix(0, 0) }, Sparing: c.sparing}
		_, calls, err := x.Ask(t.Context(), plan(t), ladder().Tiers[0], message.Request{Model: "m", Messages: []message.Message{message.Text(message.User, "hello")}})
		if err == nil || len(calls) != c.calls {
			t.Errorf("sparing %v, lost %v: %d calls, %v", c.sparing, c.lost, len(calls), err)
		}
	}
}
