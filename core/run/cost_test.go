package run_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// wire gives one outcome to every call.
type wire struct {
	usage message.Usage
	lost  bool
	err   error
}

func (w wire) Generate(context.Context, string, message.Request) (message.Response, bool, error) {
	if w.err != nil {
		return message.Response{}, w.lost, w.err
	}
	return message.Response{Message: message.Text(message.Assistant, "fine"), Finish: message.FinishStop, Model: "m", Usage: w.usage}, w.lost, nil
}

// once makes a judge's call, by a clock on which every call takes a second.
func once(t *testing.T, w wire, p config.Price, limit int64, timeout time.Duration) (run.Call, error) {
	t.Helper()
	at := time.Date(2026, 7, 2, 2, 0, 0, 0, time.UTC)
	x := run.Executor{Models: w, Blobs: &blobs{}, Sleep: func(context.Context, time.Duration) {}, Now: func() time.Time {
		at = at.Add(time.Second)
		return at
	}}
	tier := &config.Tier{Ladder: "l", Name: "judge", Model: "m", Backend: &config.Backend{Name: "b"}, Price: p}
	// The skill's own limit is not the judge's.
	plan := &run.Plan{Skill: "s", Timeout: timeout, Sampling: message.Sampling{MaxOutput: 10}}
	_, calls, err := x.Ask(t.Context(), plan, tier, message.Request{Model: "m", Sampling: message.Sampling{MaxOutput: limit}})
	return calls[len(calls)-1], err
}

// What a call is written down at. Prices are in dollars per million tokens, so
// micro-dollars a token; the prompt is 4 bytes ("null"), and 1,024 hidden tokens
// may stand before it.
func TestCostOfACall(t *testing.T) {
	priced := config.Price{Known: true, TokenPrice: config.TokenPrice{Input: 1_000_000, Output: 5_000_000, CacheRead: 100_000, CacheWrite: 1_250_000, CacheWrite1h: 2_000_000}}
	bare := config.Price{Known: true, TokenPrice: config.TokenPrice{Input: 1_000_000, Output: 5_000_000}}
	hour := config.Price{Known: true, GPUHour: 3_600_000}
	used := message.Usage{Input: 100, CachedInput: 50, Output: 10}
	lost := &run.CallError{Code: "unavailable", Message: "it died", Lost: true}
	const prompt = (4 + 1024) * 2 // at the dearest rate, a cache write for an hour
	for _, c := range []struct {
		name   string
		wire   wire
		price  config.Price
		limit  int64
		micro  int64
		unsure int64
		gpu    int64
		priced bool
	}{
		{"answered", wire{usage: used}, priced, 0, 100 + 5 + 50, 0, 0, true},
		{"answered, cache not priced", wire{usage: used}, bare, 0, 100 + 50 + 50, 50, 0, true},
		{"answered, no price", wire{usage: used}, config.Price{}, 0, 0, 0, 0, false},
		{"refused by the API", wire{err: &run.CallError{Code: "auth"}}, priced, 0, 0, 0, 0, true},
		{"refused by the API, no price", wire{err: &run.CallError{Code: "auth"}}, config.Price{}, 0, 0, 0, 0, false},
		{"lost, by its own limit", wire{err: lost}, priced, 200, prompt + 1000, prompt + 1000, 0, true},
		{"lost, without a limit", wire{err: lost}, priced, 0, prompt + 5*64_000, prompt + 5*64_000, 0, true},
		{"lost, no price", wire{err: lost}, config.Price{}, 200, 0, 0, 0, false},
		{"lost, then answered", wire{usage: used, lost: true}, priced, 200, 155 + prompt + 1000, prompt + 1000, 0, true},
		{"on hardware", wire{usage: used}, hour, 0, 1000, 0, 1000, true},
		{"lost on hardware", wire{err: lost}, hour, 0, 1000, 1000, 1000, true},
	} {
		got, err := once(t, c.wire, c.price, c.limit, time.Minute)
		if (err == nil) != (c.wire.err == nil) {
			t.Errorf("%s: %v", c.name, err)
		}
		if got.Micro != c.micro || got.Unsure != c.unsure || got.GPU != c.gpu || got.Priced != c.priced || got.Upper != (c.unsure > 0 || !c.priced && errors.Is(c.wire.err, lost)) {
			t.Errorf("%s: %+v; want %d with %d unsure, %d ms", c.name, got, c.micro, c.unsure, c.gpu)
		}
	}
}

// The other side of a connection may find the deadline over a moment before we do,
// and says that the call was cancelled. Nobody cancelled it: it is the model's
// failure, not the world's.
func TestADeadlineFromTheOtherSide(t *testing.T) {
	cut := wire{err: &run.CallError{Code: "cancelled", Message: "RST_STREAM", Lost: true}}
	for timeout, want := range map[time.Duration]string{time.Second: "timeout", 1050 * time.Millisecond: "timeout", time.Minute: "cancelled"} {
		_, err := once(t, cut, config.Price{}, 0, timeout)
		var e *run.CallError
		if !errors.As(err, &e) || e.Code != want || !e.Lost {
			t.Errorf("after a second of %s: %v, want %s", timeout, err, want)
		}
	}
}
