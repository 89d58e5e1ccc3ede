package api

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// Caller makes calls under the limits and tries again what may be tried again.
// All calls of a process go through one Caller.
type Caller struct {
	// Base is the longest wait before the second try; it doubles from try to
	// try.
	Base time.Duration
	// Notice hears of every try that failed and is repeated, in one line.
	Notice func(string)

	limits   Limits
	limiter  *Limiter
	classify func(error) *backend.Error
}

// NewCaller makes a Caller. classify types the errors of an attempt; it sees
// *StatusError, *NotSentError and whatever an attempt returns, and never nil.
func NewCaller(l Limits, classify func(error) *backend.Error) *Caller {
	if l.Longest <= 0 {
		l.Longest = time.Minute
	}
	return &Caller{Base: 500 * time.Millisecond, Notice: func(string) {}, limits: l, limiter: NewLimiter(l), classify: classify}
}

// Call runs attempt until it works, fails for good, has passed a part of its
// answer on, or the tries are used up. tokens is a guess at what one attempt
// uses, for the limit of tokens. Errors are *backend.Error and say how many
// tries were made. The wait between tries is drawn between 0 and Base doubled
// ("full jitter"), or is what the server asked for and a little more, so that
// those who wait do not all come back at once.
//
// An attempt that was cut off without an answer of the server may have cost
// money. It is repeated once at most, as the host does with a lost call.
func (c *Caller) Call(ctx context.Context, tokens int64, out backend.Sink, attempt func(context.Context, backend.Sink) error) error {
	cut := 0
	for try := 0; ; try++ {
		release, err := c.limiter.Acquire(ctx, tokens)
		if err != nil {
			return tried(backend.AsError(err), try)
		}
		sink := &watchedSink{Sink: out, used: -1}
		err = attempt(ctx, sink)
		release(sink.used)
		if err == nil {
			c.limiter.Succeeded()
			return nil
		}
		if sink.refused != nil { // the host has gone; nobody is left to answer
			return sink.refused
		}
		if ctx.Err() != nil {
			return backend.Errorf(backend.Cancelled, "%v", context.Cause(ctx))
		}
		typed := c.classify(err)
		wait := c.wait(typed, try)
		if typed.Code == backend.RateLimited || typed.Code == backend.Overloaded {
			c.limiter.TooMuch(min(wait, c.limits.Longest))
		}
		if sink.passed || !typed.Retryable || try >= c.limits.Retries || wait > c.limits.Longest {
			return tried(typed, try+1)
		}
		if lost(err) {
			if cut++; cut > 1 {
				return tried(typed, try+1)
			}
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < wait {
			return tried(typed, try+1) // its own reason says more than a passed deadline
		}
		c.Notice(fmt.Sprintf("try %d failed and is repeated in %v: %v", try+1, wait.Round(time.Millisecond), typed))
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

// wait is how long to wait after the given try (0 is the first).
func (c *Caller) wait(e *backend.Error, try int) time.Duration {
	if e.RetryAfter > 0 {
		return e.RetryAfter + time.Duration(rand.Int64N(int64(c.Base)+1))
	}
	most := c.Base << min(try, 16)
	return time.Duration(rand.Int64N(int64(min(most, c.limits.Longest)) + 1))
}

// lost tells whether nobody knows what an attempt cost: neither the server nor
// the attempt's own reading of its answer said what happened.
func lost(err error) bool {
	var status *StatusError
	var unsent *NotSentError
	var typed *backend.Error
	return !errors.As(err, &status) && !errors.As(err, &unsent) && !errors.As(err, &typed)
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return backend.Errorf(backend.Cancelled, "waiting to try again: %v", context.Cause(ctx))
	}
}

// tried adds the number of tries to an error that took more than one.
func tried(e *backend.Error, tries int) error {
	if tries < 2 {
		return e
	}
	said := *e
	said.Message = fmt.Sprintf("%s (tried %d times)", e.Message, tries)
	return &said
}

// watchedSink knows whether anything was passed on and what was used.
type watchedSink struct {
	backend.Sink
	passed  bool
	used    int64
	refused error
}

func (s *watchedSink) Text(delta string) error {
	if delta == "" {
		return nil
	}
	s.passed = true
	return s.keep(s.Sink.Text(delta))
}

func (s *watchedSink) ToolCall(call message.ToolCall) error {
	s.passed = true
	return s.keep(s.Sink.ToolCall(call))
}

func (s *watchedSink) Done(usage message.Usage, finish message.Finish, model string) error {
	s.passed = true
	s.used = usage.Prompt() + usage.Output
	return s.keep(s.Sink.Done(usage, finish, model))
}

func (s *watchedSink) keep(err error) error {
	if err != nil {
		s.refused = err
	}
	return err
}
