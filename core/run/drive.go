package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// Driver is code that drives its own flow: op run, with a host that answers.
type Driver interface {
	Code
	// Drive calls op run. fuel is what the code used, 0 where nobody counts. The
	// code ends as soon as host gives an error that is no *abi.Failure.
	Drive(ctx context.Context, input []byte, host HostFunc) (answer []byte, fuel int64, err error)
	// Clock is what the code's clocks say: a replay sets them to it.
	Clock() time.Time
}

// HostFunc answers one host call of a skill's code, in JSON; whoever drives the
// code has seen to it that its manifest asks for the op. An *abi.Failure
// goes to the code, which may live with it; any other error is the engine's.
type HostFunc func(ctx context.Context, op abi.HostOp, payload []byte) (answer []byte, err error)

// Drives tells whether the skill's code drives its own flow. Then its steps are
// called when the code asks for them, and prepare and finish are not.
func (p *Plan) Drives() bool { return p.Code != nil && p.Code.Has(abi.OpRun) }

// drive lets the code run once and judges what it returns as any output. What
// the world did not answer is not held against the skill: where the code gave up
// because a model could not be had, the attempt is missing, not failed.
func (x Executor) drive(ctx context.Context, p *Plan, r Request, tiers map[string]*config.Tier, id string, before *attempt, rec *Record) (*attempt, error) {
	code, ok := p.Code.(Driver)
	if !ok {
		return nil, fmt.Errorf("the code of %s drives its own flow, and this engine was wired without a host for it", p.Skill)
	}
	in := abi.RunInput{Input: r.Input}
	if before != nil {
		in.Failure = before.failure()
	}
	asked, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	a := &attempt{keeper: rec.keeper, rec: Attempt{ID: id, Tiers: names(tiers), Asked: rec.keeper.keep(asked), Clock: code.Clock()}}
	h := &host{run: x, plan: p, request: r, tiers: tiers, attempt: a, used: rec.hostCalls()}
	if !r.Trial && x.Keys != nil {
		h.keys.below = x.Keys
	}
	raw, fuel, err := code.Drive(ctx, asked, h.call)
	a.rec.Fuel = fuel
	switch {
	case h.broken != nil:
		return nil, h.broken
	case h.unmeasurable != "":
		// Sticky: code that lives with the refusal does in a trial what it would not
		// do in production.
		rec.Unmeasurable = true
		return a.end(Missing, "unmeasurable: "+h.unmeasurable), nil
	case h.insists:
		return a.end(Failed, fmt.Sprintf("the skill's code was ended in run: it went on calling the host after its %d calls", h.limit())), nil
	case err != nil:
		status, why := h.why(err)
		rec.Unmeasurable = r.Trial && h.denied != nil
		return a.end(status, why), nil
	}
	a.rec.Answer = rec.keeper.keep(raw)
	out, err := abi.ReadRun(raw)
	if err != nil {
		return a.end(Failed, "run answered with something that is not its output: "+err.Error()), nil
	}
	canon, err := canonjson.Transform(out.Output)
	if err != nil {
		return a.unreadable(err), nil
	}
	if !r.Trial {
		a.writes = h.keys.writes
	}
	return a, a.judge(ctx, p, r, canon, nil)
}

// failure is what the next attempt is told of this one.
func (a *attempt) failure() *abi.RunFailure {
	f := &abi.RunFailure{Message: a.feedback(), Gates: a.checked.Failed, Output: a.output}
	if f.Message == "" {
		f.Message = a.rec.Why
	}
	return f
}

// why says how an attempt ended whose code gave no output.
func (h *host) why(err error) (Status, string) {
	text := "the skill's code failed in run: " + err.Error()
	var ce *CallError
	switch {
	case h.denied != nil:
		// Not granted says nothing about quality, and no other try helps.
		return Missing, text
	case h.refused:
		return Refused, text
	case errors.As(h.lost, &ce):
		return ce.status(), text
	}
	return Failed, text
}

// hostCalls counts those of all attempts so far.
func (r *Record) hostCalls() int {
	n := 0
	for _, a := range r.Attempts {
		n += len(a.Host)
	}
	return n
}
