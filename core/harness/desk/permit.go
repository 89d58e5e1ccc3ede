package desk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/access"
	"github.com/plimsoll-dev/plimsoll/core/audit"
	"github.com/plimsoll-dev/plimsoll/core/mcp"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/telemetry"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// given is what a caller hands over for an act.
type given struct {
	arguments json.RawMessage
	approval  string // id of one
	state     string // of the round before
}

// The commit that won is seen by readers only when it is on the disk: until then an
// approval that it uses up looks free.
const (
	tries = 50
	pause = 5 * time.Millisecond
)

// begin permits an act and writes its beginning down; check may refuse between. Of
// two that would use one approval the one that comes late is decided anew, without.
func (d *Desk) begin(ctx context.Context, c *Catalogue, e *Entry, caller mcp.Caller, action access.Action, g given, record *audit.Call, check func() error) (began time.Time, err error) {
	before := *record
	for try := 0; ; try++ {
		with, err := d.permit(ctx, c, e, caller, action, g, record)
		if err == nil {
			err = check()
		}
		if err == nil {
			began = d.host.Now()
			err = d.journal.begin(ctx, record, c.noted(e, g.arguments), with)
		}
		if try == tries || !errors.Is(err, store.ErrConflict) {
			return began, err
		}
		*record = before
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// permit decides about an act. With an error nothing may happen, and the refusal
// is written down. The batch belongs to the record of the act's beginning.
func (d *Desk) permit(ctx context.Context, c *Catalogue, e *Entry, caller mcp.Caller, action access.Action, g given, record *audit.Call) (store.Batch, error) {
	now := d.host.Now()
	var with store.Batch
	if e == nil || !c.sees(e, caller, access.Describe, now) {
		// A rule that denies whatever the arguments are hides the name, too.
		record.Outcome, record.Reason = audit.OutcomeUnknown, "there is no such name for this caller"
		return with, d.refuse(ctx, c, e, record, g.arguments, &mcp.Problem{
			Code: mcp.CodeUnknown, What: fmt.Sprintf("There is no %s %q.", word(action), clip(line(record.Tool+record.Skill), 128)),
			Next: "Use find, and take a name from its answer.",
		})
	}
	record.Connector, record.Definition = e.Connector, e.Definition
	r := request(e, caller, action, now)
	r.Arguments = g.arguments
	decision, err := d.decide(ctx, c, e, caller, g, &r, record)
	if err != nil {
		return with, err
	}
	d.host.Recorder.Observe(telemetry.DecideDuration, d.host.Now().Sub(now).Seconds())
	d.host.Recorder.Add(telemetry.Decisions, 1, string(action), string(decision.Effect))
	record.Rule = decision.Rule
	if decision.Effect != access.Allow && decision.Effect != access.Ask {
		record.Outcome, record.Reason = audit.OutcomeDenied, decision.Reason
		p := &mcp.Problem{Code: mcp.CodeDenied, What: sentence(fmt.Sprintf("This call of %s is refused", e.Name)), Why: sentence(decision.Reason), Next: "Do not try it again as it is; ask the person you work for."}
		if !decision.Until.IsZero() {
			d.host.Recorder.Add(telemetry.Limited, 1, decision.Rule)
			p.Code, p.Next = mcp.CodeLimited, fmt.Sprintf("Try it again after %s.", decision.Until.UTC().Format(time.RFC3339))
		}
		return with, d.refuse(ctx, c, e, record, g.arguments, p)
	}
	if e.Shut != "" { // before a person is asked about what cannot be called
		record.Outcome, record.Reason = audit.OutcomeDenied, e.Shut
		return with, d.refuse(ctx, c, e, record, g.arguments, &mcp.Problem{Code: mcp.CodeQuarantined, What: sentence(fmt.Sprintf("%s cannot be called", e.Name)), Why: sentence(e.Shut), Next: "A person has to look at it; go on without it."})
	}
	if decision.Effect == access.Ask {
		return with, d.ask(ctx, c, e, r, decision, record)
	}
	if decision.Approval != "" {
		record.Approval = decision.Approval
		if with, err = d.use(ctx, r); err != nil {
			return with, err
		}
	}
	return with, nil
}

// decide asks the gate, with the approval that there is for the call. A call that goes
// on was let through already: rules may still refuse it, but nobody is asked twice and
// no limit counts it twice.
func (d *Desk) decide(ctx context.Context, c *Catalogue, e *Entry, caller mcp.Caller, g given, r *access.Request, record *audit.Call) (access.Decision, error) {
	if on, ok := d.goesOn(caller, e, g, r.At); ok {
		decision := c.meter.Continue(*r)
		if decision.Effect == access.Ask && on.approval != "" {
			decision.Effect, record.Approval = access.Allow, on.approval
		}
		if decision.Effect != access.Ask {
			return decision, nil
		}
	}
	if g.approval != "" {
		var err error
		if r.Approval, err = d.approval(ctx, g.approval); err != nil {
			return access.Decision{}, err
		}
	}
	decision := c.meter.Decide(*r)
	if decision.Effect == access.Ask && r.Approval == nil {
		// A client of a whole connector has no place for an id. The approval is named
		// after what it is bound to, so the same call finds its own.
		var err error
		if r.Approval, err = d.approved(ctx, *r, decision); err != nil {
			return access.Decision{}, err
		}
		if r.Approval != nil {
			decision = c.meter.Decide(*r)
		}
	}
	return decision, nil
}

// refuse writes a refusal down and hands it out. One that cannot be written down
// is a failure of this program, and refuses as well.
func (d *Desk) refuse(ctx context.Context, c *Catalogue, e *Entry, record *audit.Call, arguments json.RawMessage, p *mcp.Problem) error {
	if err := d.journal.note(ctx, *record, c.noted(e, arguments)); err != nil {
		return err
	}
	return p
}

// ask keeps the call for a person to look at.
func (d *Desk) ask(ctx context.Context, c *Catalogue, e *Entry, r access.Request, decision access.Decision, record *audit.Call) error {
	pending, err := access.NewApproval(r, decision)
	if err != nil {
		return &mcp.Problem{Code: mcp.CodeInvalid, What: "A person would have to approve this call, and its arguments cannot be shown to one.", Why: sentence(err.Error())}
	}
	puts, err := d.keep(ctx, pending, record.ID, r.At)
	if err != nil {
		return err
	}
	record.Outcome, record.Approval, record.Reason = audit.OutcomeAsked, pending.ID(), decision.Reason
	if err := d.journal.note(ctx, *record, c.noted(e, r.Arguments), puts...); err != nil {
		return err
	}
	why := sentence(decision.Reason)
	if decision.Reason == access.Asks {
		why = "" // that was said
	}
	return &mcp.Problem{
		Code: mcp.CodeApproval, What: "A person has to approve this call first.", Why: why, Approval: pending.ID(),
		Next: fmt.Sprintf("Ask for `plimsoll approve %s`; then make the very same call again.", pending.ID()),
	}
}

// noted is what the record keeps of what was handed over for an entry.
func (c *Catalogue) noted(e *Entry, raw json.RawMessage) any {
	if e != nil && e.method {
		return c.params(raw)
	}
	return c.arguments(raw)
}

// arguments is what the record keeps of arguments: the JSON without what is
// redacted, or what is wrong with it.
func (c *Catalogue) arguments(raw json.RawMessage) any {
	if len(raw) == 0 {
		return map[string]any{}
	}
	hidden, err := c.redact.apply(raw)
	if err != nil || !json.Valid(hidden) {
		return map[string]any{"not_json_bytes": len(raw)}
	}
	if _, err := canonjson.Transform(hidden); err != nil { // a member twice, a number that JSON cannot carry
		return map[string]any{"text": string(hidden)}
	}
	return hidden
}

func word(a access.Action) string {
	if a == access.Run {
		return "skill"
	}
	return "tool"
}

// sentence ends a text with a full stop.
func sentence(s string) string {
	if s == "" || s[len(s)-1] == '.' {
		return s
	}
	return s + "."
}
