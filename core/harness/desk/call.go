package desk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/plimsoll-dev/plimsoll/core/access"
	"github.com/plimsoll-dev/plimsoll/core/audit"
	"github.com/plimsoll-dev/plimsoll/core/connector"
	"github.com/plimsoll-dev/plimsoll/core/harness"
	"github.com/plimsoll-dev/plimsoll/core/mcp"
	"github.com/plimsoll-dev/plimsoll/core/telemetry"
)

// CallTool calls a tool of an upstream server.
func (d *Desk) CallTool(ctx context.Context, caller mcp.Caller, r mcp.CallTool) (mcp.Called, error) {
	c, e := d.tool(r.Tool)
	record := d.call(caller, audit.ActionCall)
	record.Tool = clip(line(r.Tool), 256)
	with, err := d.permit(ctx, c, e, caller, access.Call, r.Arguments, r.Approval, &record)
	if err != nil {
		return mcp.Called{}, err
	}
	up := d.host.Connector(e.Connector)
	if up == nil {
		return mcp.Called{}, &mcp.Problem{Code: mcp.CodeUnavailable, What: fmt.Sprintf("The server of %s is not declared any more.", e.Name), Next: "Use find again."}
	}
	o, err := options(caller, r)
	if err != nil {
		return mcp.Called{}, err
	}
	ctx, done := d.host.Recorder.Call(ctx, telemetry.Labels{Op: telemetry.Execute, Tool: e.Name, Connector: e.Connector})
	began := d.host.Now()
	if err := d.journal.begin(ctx, &record, c.arguments(r.Arguments), with); err != nil {
		done(telemetry.Result{Error: "audit"})
		return mcp.Called{}, err
	}
	res, err := up.Call(ctx, e.Own, r.Arguments, o)
	record.Duration = d.host.Now().Sub(began)
	called, err := d.called(ctx, &record, e, res, err)
	d.journal.end(ctx, record)
	done(telemetry.Result{Error: failure(record.Outcome), Bytes: record.Bytes})
	if record.Outcome != audit.OutcomeCanceled {
		d.learn(caller, e.ID, record.ID, record.Outcome == audit.OutcomeOK && !res.NeedsInput)
	}
	return called, err
}

// called turns what came into the answer, and says in the record what it was.
func (d *Desk) called(ctx context.Context, record *audit.Call, e *Entry, res *connector.Result, err error) (mcp.Called, error) {
	if err != nil {
		record.Outcome, record.Reason = audit.OutcomeError, err.Error()
		if ctx.Err() != nil {
			record.Outcome = audit.OutcomeCanceled
		}
		return mcp.Called{}, problemOf(e.Name, err)
	}
	record.Outcome, record.Result, record.Bytes = audit.OutcomeOK, digestOf(res.Raw), res.Bytes
	if res.IsError {
		record.Outcome, record.Reason = audit.OutcomeError, "the tool says that it failed"
	}
	return mcp.Called{Result: res.Raw, Blob: res.Blob}, nil
}

// tool finds a tool by the name that callers know.
func (d *Desk) tool(name string) (*Catalogue, *Entry) {
	c := d.Shown()
	e := c.entries[name]
	if e != nil && e.Kind != harness.Tool {
		e = nil
	}
	return c, e
}

// options hands the caller's side of a call to the connector.
func options(caller mcp.Caller, r mcp.CallTool) (connector.Options, error) {
	o := connector.Options{Principal: caller.Principal.Name, Session: caller.Session, RequestState: r.Retry.State}
	if caller.Traceparent != "" {
		o.Meta = sdk.Meta{"traceparent": caller.Traceparent}
	}
	if len(r.Retry.Responses) > 0 {
		if err := json.Unmarshal(r.Retry.Responses, &o.InputResponses); err != nil {
			return o, &mcp.Problem{Code: mcp.CodeInvalid, What: "The inputResponses cannot be read.", Why: sentence(err.Error())}
		}
	}
	return o, nil
}

// learn remembers that a search led to this, and how it ended.
func (d *Desk) learn(caller mcp.Caller, id, run string, succeeded bool) {
	now := d.host.Now()
	if query := d.memory.by(caller, id, now); query != "" {
		d.host.Learn(harness.Use{Document: id, Query: query, Run: run, Principal: caller.Principal.Name, At: now, Succeeded: succeeded})
	}
}

func failure(o audit.Outcome) string {
	if o == audit.OutcomeOK {
		return ""
	}
	return string(o)
}

// problemOf says a connector's failure to an agent. What the server said itself
// goes on as it came: it may be what the agent needs.
func problemOf(tool string, err error) error {
	var e *connector.Error
	if !errors.As(err, &e) {
		return err
	}
	p := &mcp.Problem{Code: mcp.CodeUnavailable, What: sentence(tool + " was not called, or did not answer"), Why: sentence(e.Text), Next: "Try it again later, or go on without it."}
	switch e.Kind {
	case connector.BadInput, connector.Gone:
		p.Code, p.What, p.Next = mcp.CodeInvalid, sentence("The arguments of "+tool+" cannot be sent"), "Describe the tool, and mend them."
	case connector.Upstream:
		p.Code, p.What, p.Why, p.Next = mcp.CodeFailed, sentence(tool+" answered with an error"), sentence(fmt.Sprintf("%s (code %d)", clip(clean(e.Message), 2048), e.Code)), ""
	case connector.Quarantine:
		p.Code, p.Next = mcp.CodeQuarantined, "A person has to look at it; go on without it."
	case connector.Busy:
		p.Code = mcp.CodeLimited
	}
	return p
}
