package desk

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/plimsoll-dev/plimsoll/core/access"
	"github.com/plimsoll-dev/plimsoll/core/audit"
	"github.com/plimsoll-dev/plimsoll/core/mcp"
)

// RunSkill runs a skill on its effective tiers.
func (d *Desk) RunSkill(ctx context.Context, caller mcp.Caller, r mcp.RunSkill) (mcp.Ran, error) {
	c := d.Shown()
	e := c.entries[r.Skill]
	if e != nil && e.Skill == nil {
		e = nil
	}
	record := d.call(caller, audit.ActionRun)
	record.Skill = clip(line(r.Skill), 256)
	began, err := d.begin(ctx, c, e, caller, access.Run, given{arguments: r.Input, approval: r.Approval}, &record, func() error { return nil })
	if err != nil {
		return mcp.Ran{}, err
	}
	r.Progress(0, 0, "running "+e.Name)
	ran, err := d.host.Run(With(ctx, caller), e.Name, r.Input)
	record.Duration, record.Run, record.Cost = d.host.Now().Sub(began), ran.ID, ran.Cost
	record.Outcome = audit.OutcomeOK
	out := mcp.Ran{Run: ran.ID, Text: ran.Text, Output: ran.Output}
	switch {
	case err != nil && ctx.Err() != nil:
		record.Outcome, record.Reason = audit.OutcomeCanceled, err.Error()
	case err != nil:
		record.Outcome, record.Reason = audit.OutcomeError, err.Error()
		err = &mcp.Problem{Code: mcp.CodeFailed, What: sentence("Skill " + e.Name + " could not be run"), Why: sentence(clean(err.Error()))}
	case ran.Failed != "":
		record.Outcome, record.Reason = audit.OutcomeError, ran.Failed
		err = &mcp.Problem{Code: mcp.CodeFailed, What: sentence("Skill " + e.Name + " has no output that passes its gates"), Why: sentence(clean(ran.Failed)), Next: fmt.Sprintf("plimsoll explain %s shows every attempt.", ran.ID)}
	default:
		record.Result, record.Bytes = digestOf(answer(out)), int64(len(out.Text)+len(out.Output))
	}
	d.journal.end(record)
	if record.Outcome != audit.OutcomeCanceled && (ran.Verified || ran.Failed != "") {
		d.learn(caller, e.ID, record.ID, ran.Verified)
	}
	if err != nil {
		return mcp.Ran{}, err
	}
	return out, nil
}

// answer is the bytes of a run's result that its digest is of.
func answer(r mcp.Ran) json.RawMessage {
	if len(r.Output) > 0 {
		return r.Output
	}
	raw, err := json.Marshal(r.Text)
	if err != nil {
		return nil // text always has a JSON form
	}
	return raw
}
