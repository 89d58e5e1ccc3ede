package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/price"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// Calls are repeated when the backend says that it may help: at most tries
// times, waiting what the backend asks for, up to maxWait.
const (
	tries    = 3
	firstGap = 200 * time.Millisecond
	maxWait  = 30 * time.Second
)

// TruthKey is the metadata key under which a simulated model finds the truth.
const TruthKey = "plimsoll.truth"

// Simulated tells whether a tier is played by the sim backend: the only one
// that is ever told an item's reference.
func Simulated(t *config.Tier) bool { return t.Backend.Plugin == "sim" && t.Backend.Remote == nil }

func (x Executor) call(ctx context.Context, p *Plan, r Request, s Step, t *config.Tier, msgs []message.Message, a *attempt) (message.Response, error) {
	if err := p.MaySee(t.Backend.Name); err != nil {
		return message.Response{}, err
	}
	msgs = p.mark(s, t, msgs)
	canon, err := canonjson.Marshal(msgs)
	if err != nil {
		return message.Response{}, fmt.Errorf("making the prompt of step %s canonical: %w", s.Name, err)
	}
	prompt := a.keeper.keep(canon)
	req := message.Request{Model: t.Model, Messages: msgs, Sampling: p.Sampling, Session: p.Skill + "/" + s.Name}
	if r.Truth != nil && Simulated(t) {
		truth := *r.Truth
		truth.Step, truth.Repeat = s.Name, r.Repeat
		truth.Reference = member(truth.Reference, s.Output)
		raw, err := json.Marshal(truth)
		if err != nil {
			return message.Response{}, fmt.Errorf("telling the simulated model what is true: %w", err)
		}
		req.Metadata = map[string]string{TruthKey: string(raw)}
	}
	return x.repeat(ctx, func() (message.Response, error) {
		c := Call{ID: fmt.Sprintf("%s/c%d", a.rec.ID, len(a.rec.Calls)+1), Step: s.Name, Tier: t.Ref(), Model: t.Model, Prompt: prompt}
		req.Idempotency = c.ID
		resp, err := x.once(ctx, p, t, req, &c, int64(len(canon)))
		if err == nil && len(resp.Message.Parts) > 0 {
			c.Completion = a.keeper.keep([]byte(resp.Message.String()))
		}
		a.rec.Calls = append(a.rec.Calls, c)
		a.waited += c.waited
		return resp, err
	})
}

// repeat makes a call again while its failure says that it may help.
func (x Executor) repeat(ctx context.Context, once func() (message.Response, error)) (message.Response, error) {
	gap := firstGap
	for n := 1; ; n++ {
		resp, err := once()
		var ce *CallError
		if err == nil || !errors.As(err, &ce) || !ce.Retryable || n == tries || ctx.Err() != nil || x.Sparing && ce.Lost {
			return resp, err
		}
		x.wait(ctx, min(max(gap, ce.RetryAfter), maxWait))
		gap *= 2
	}
}

// once makes one call and writes down what it cost, or could have cost.
func (x Executor) once(ctx context.Context, p *Plan, t *config.Tier, req message.Request, c *Call, promptBytes int64) (message.Response, error) {
	if x.Place != nil {
		asked := x.Now()
		leave, err := x.Place(ctx, t.Backend.Name)
		if err != nil {
			ce := &CallError{Code: "cancelled", Message: "the run was cancelled before the call: " + err.Error()}
			c.Error, c.Priced = ce.Error(), true // nothing was sent, and nothing can be charged
			return message.Response{}, ce
		}
		defer leave()
		c.waited = x.Now().Sub(asked)
	}
	started := x.Now()
	bounded, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	resp, lost, err := x.Models.Generate(bounded, t.Backend.Name, req)
	elapsed := x.Now().Sub(started)
	c.MS = elapsed.Milliseconds()
	rates := Rates(t.Price)
	if err != nil {
		var ce *CallError
		switch {
		case ctx.Err() != nil:
			err = &CallError{Code: "cancelled", Message: "the run was cancelled", Lost: true}
		case errors.Is(bounded.Err(), context.DeadlineExceeded), errors.As(err, &ce) && ce.Code == "cancelled" && elapsed >= p.Timeout-deadlineSlack:
			err = &CallError{Code: "timeout", Message: fmt.Sprintf("no answer within %s", p.Timeout), Lost: true}
		case !errors.As(err, &ce):
			err = &CallError{Code: "unavailable", Message: err.Error()}
		}
		errors.As(err, &ce)
		c.Error, c.Priced = err.Error(), rates.Known
		if lost || ce.Lost {
			c.cost(price.Upper(rates, promptBytes, maxOutput(req), elapsed))
		}
		return resp, err
	}
	cost := price.Of(rates, resp.Usage, elapsed)
	if lost {
		cost = price.Sum(cost, price.Upper(rates, promptBytes, maxOutput(req), 0))
	}
	c.Usage, c.Finish, c.Reported, c.Simulated = resp.Usage, resp.Finish, resp.Model, resp.Simulated
	c.cost(cost)
	return resp, nil
}

// cost writes down what is known of a cost. Hardware time is rounded up to a
// millisecond.
func (c *Call) cost(p price.Cost) {
	c.Micro, c.Priced, c.Upper, c.Unsure = p.Micro, p.Known, p.Upper, p.Unsure
	c.GPU = int64((p.GPU + time.Millisecond - 1) / time.Millisecond)
}

// deadlineSlack is how much before our own clock the other side of a connection
// may find the deadline over. What it then says is "cancelled", and nobody did.
const deadlineSlack = 100 * time.Millisecond

// defaultMaxOutput bounds the cost of a lost call whose output was not bounded:
// the largest answer that the models of the price table give.
const defaultMaxOutput = 64_000

// maxOutput is the limit that the request itself carried: a judge's is not that
// of the skill.
func maxOutput(req message.Request) int64 {
	if req.Sampling.MaxOutput > 0 {
		return req.Sampling.MaxOutput
	}
	return defaultMaxOutput
}

func (x Executor) wait(ctx context.Context, d time.Duration) {
	if x.Sleep != nil {
		x.Sleep(ctx, d)
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// Rates converts a tier's price.
func Rates(p config.Price) price.Rates {
	return price.Rates{
		Known: p.Known, Tokens: price.Tokens(p.TokenPrice), GPUHour: p.GPUHour,
		Above: price.Step{Prompt: p.Above.Tokens, Tokens: price.Tokens(p.Above.TokenPrice)},
	}
}

// member gives a step its own part of the reference.
func member(reference json.RawMessage, name string) json.RawMessage {
	if name == "" {
		return reference
	}
	var all map[string]json.RawMessage
	if json.Unmarshal(reference, &all) != nil {
		return reference
	}
	if part, ok := all[name]; ok {
		return part
	}
	return reference
}

// Ask makes a call that is no attempt of a run: a judge's. It is repeated as any
// other; its text comes back, and every call that was made. The error is a
// CallError or DataError, or one of the store.
func (x Executor) Ask(ctx context.Context, p *Plan, t *config.Tier, req message.Request) (string, []Call, error) {
	if err := p.MaySee(t.Backend.Name); err != nil {
		return "", nil, err
	}
	canon, err := canonjson.Marshal(req.Messages)
	if err != nil {
		return "", nil, fmt.Errorf("making a prompt canonical: %w", err)
	}
	var calls []Call
	k := &keeper{blobs: x.Blobs}
	id := req.Idempotency
	resp, err := x.repeat(ctx, func() (message.Response, error) {
		c := Call{ID: fmt.Sprintf("%s/c%d", id, len(calls)+1), Tier: t.Ref(), Model: t.Model, Prompt: k.keep(canon)}
		req.Idempotency = c.ID
		resp, err := x.once(ctx, p, t, req, &c, int64(len(canon)))
		if err == nil {
			c.Completion = k.keep([]byte(resp.Message.String()))
		}
		calls = append(calls, c)
		return resp, err
	})
	if kept := k.wait(); kept != nil {
		return "", calls, fmt.Errorf("keeping a prompt: %w", kept)
	}
	return resp.Message.String(), calls, err
}
