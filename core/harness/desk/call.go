package desk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/plimsoll-dev/plimsoll/core/access"
	"github.com/plimsoll-dev/plimsoll/core/audit"
	"github.com/plimsoll-dev/plimsoll/core/connector"
	"github.com/plimsoll-dev/plimsoll/core/harness"
	"github.com/plimsoll-dev/plimsoll/core/mcp"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/telemetry"
)

// CallTool calls a tool of an upstream server.
func (d *Desk) CallTool(ctx context.Context, caller mcp.Caller, r mcp.CallTool) (mcp.Called, error) {
	o, err := options(caller, r)
	if err != nil {
		return mcp.Called{}, err
	}
	c := d.Shown()
	e := c.entries[r.Tool]
	if e != nil && e.Kind != harness.Tool {
		e = nil
	}
	record := d.call(caller, audit.ActionCall)
	record.Tool = clip(line(r.Tool), 256)
	called, err := d.act(ctx, caller, c, e, record, given{r.Arguments, r.Approval, r.Retry.State}, func(ctx context.Context) (*connector.Result, error) {
		up := d.host.Connector(e.Connector)
		if up == nil {
			return nil, &connector.Error{Kind: connector.Unknown, Connector: e.Connector, Text: "it is not declared any more"}
		}
		return up.Call(ctx, e.Own, r.Arguments, o)
	})
	if err != nil {
		return mcp.Called{}, problemOf(r.Tool, err)
	}
	called.Result, err = tagged(called.Result, record.ID)
	return called, err
}

// CallKey is the member of a result's _meta with the id of the call: what to give
// plimsoll audit show --call.
const CallKey = "dev.plimsoll/call"

// tagged puts the id of a call into the _meta of its result.
func tagged(raw json.RawMessage, id string) (json.RawMessage, error) {
	var result, meta map[string]json.RawMessage
	if err := json.Unmarshal(raw, &result); err != nil {
		return nil, fmt.Errorf("reading the result: %w", err)
	}
	if len(result["_meta"]) > 0 {
		if err := json.Unmarshal(result["_meta"], &meta); err != nil {
			return nil, fmt.Errorf("reading the _meta of the result: %w", err)
		}
	}
	if meta == nil {
		meta = map[string]json.RawMessage{}
	}
	var err error
	if meta[CallKey], err = exact(id); err != nil {
		return nil, err
	}
	if result["_meta"], err = exact(meta); err != nil {
		return nil, err
	}
	return exact(result)
}

// act is one call of a tool: may it happen, is the server as it was approved, is it
// written down, and only then send. What came of it is written down, too. Its error
// is the connector's own, or a Problem.
func (d *Desk) act(ctx context.Context, caller mcp.Caller, c *Catalogue, e *Entry, record audit.Call, g given, send func(context.Context) (*connector.Result, error)) (called mcp.Called, err error) {
	l := telemetry.Labels{Op: telemetry.Execute, Tool: record.Tool, Connector: record.Connector}
	if e != nil {
		l.Tool, l.Connector = e.Name, e.Connector
	}
	ctx, done := d.host.Recorder.Call(ctx, l)
	defer func() { done(telemetry.Result{Error: class(record.Outcome, err), Bytes: record.Bytes}) }()
	began, err := d.begin(ctx, c, e, caller, access.Call, g, &record, func() error { return d.ready(ctx, c, e, &record, g.arguments) })
	if err != nil {
		return mcp.Called{}, err
	}
	res, failed := send(ctx)
	record.Duration = d.host.Now().Sub(began)
	called, err = d.called(ctx, &record, e, res, failed)
	if record.Outcome == audit.OutcomeInput { // before its caller has the state
		d.rounds.wait(stateOf(res.Raw), round{principal: principal(caller), definition: e.Definition, approval: record.Approval, at: d.host.Now()})
	}
	d.journal.end(record, d.kept(caller, e, called.Blob)...)
	if (record.Outcome == audit.OutcomeError || record.Outcome == audit.OutcomeCanceled) && reached(failed) {
		d.undo(ctx, caller, c, e, g.arguments, record)
	}
	switch record.Outcome {
	case audit.OutcomeError:
		d.learn(caller, e.ID, record.ID, false)
	case audit.OutcomeOK:
		d.learn(caller, e.ID, record.ID, true)
	}
	return called, err
}

// reached tells whether a call that failed may have done something at its server.
func reached(err error) bool {
	var e *connector.Error
	return err == nil || errors.As(err, &e) && e.Sent
}

// ready refuses a call whose arguments a strict connector does not take, or whose
// server is not, or cannot be shown to be, as a person approved it.
func (d *Desk) ready(ctx context.Context, c *Catalogue, e *Entry, record *audit.Call, arguments json.RawMessage) error {
	if why := e.unnamed(arguments); why != "" {
		record.Outcome, record.Reason = audit.OutcomeDenied, why
		return d.refuse(ctx, c, e, record, arguments, &mcp.Problem{Code: mcp.CodeInvalid, What: sentence("The arguments of " + e.Name + " do not fit"), Why: sentence(why), Next: "Describe the tool, and mend them."})
	}
	err := d.host.Ready(ctx, e.Connector)
	if err == nil {
		return nil
	}
	record.Outcome, record.Reason = audit.OutcomeDenied, err.Error()
	if noted := d.journal.note(ctx, *record, c.arguments(arguments)); noted != nil {
		return noted
	}
	return err
}

// unnamed says which arguments the schema of a strict connector's tool does not
// name; "" when it names all.
func (e *Entry) unnamed(arguments json.RawMessage) string {
	if !e.Strict || len(arguments) == 0 {
		return ""
	}
	var def struct {
		InputSchema struct {
			Properties map[string]json.RawMessage `json:"properties"`
		} `json:"inputSchema"`
	}
	var given map[string]json.RawMessage
	if json.Unmarshal(e.Raw, &def) != nil || json.Unmarshal(arguments, &given) != nil {
		return "they are no JSON object"
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if _, ok := def.InputSchema.Properties[name]; !ok {
			return fmt.Sprintf("its schema has no %q, and its connector takes nothing else", clip(line(name), 64))
		}
	}
	return ""
}

// undoTime bounds a rollback.
const undoTime = 30 * time.Second

// undo calls the connector's rollback after a call that reached its server and failed,
// or was given up: half of what it did may stand. It is a call of its own in the log, by the same caller.
func (d *Desk) undo(ctx context.Context, caller mcp.Caller, c *Catalogue, e *Entry, arguments json.RawMessage, failed audit.Call) {
	back := c.own(e.Connector, e.Rollback)
	up := d.host.Connector(e.Connector)
	if e.Rollback == "" || back == nil || back == e || up == nil {
		return
	}
	ctx, over := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
	defer over()
	noted := map[string]any{"tool": e.Own, "arguments": c.arguments(arguments), "error": failed.Reason}
	if len(arguments) == 0 {
		arguments = json.RawMessage("{}")
	}
	input, err := json.Marshal(map[string]any{"tool": e.Own, "arguments": arguments, "error": failed.Reason})
	if err != nil {
		return // the arguments were JSON when they were sent
	}
	record := d.call(caller, audit.ActionCall)
	record.Connector, record.Tool, record.Definition, record.Reason = e.Connector, back.Name, back.Definition, "rollback of call "+failed.ID
	if err := d.journal.begin(ctx, &record, noted, store.Batch{}); err != nil {
		d.host.Problem("the rollback of call %s did not happen: %v", failed.ID, err)
		return
	}
	began := d.host.Now()
	res, err := up.Call(ctx, back.Own, input, connector.Options{Principal: principal(caller), Session: caller.Session, Rollback: true})
	record.Duration = d.host.Now().Sub(began)
	if _, err := d.called(ctx, &record, back, res, err); err != nil || record.Outcome != audit.OutcomeOK {
		d.host.Problem("the rollback of call %s by %s failed: %s", failed.ID, back.Name, record.Reason)
	}
	d.journal.end(record)
}

// called turns what came into the answer, and says in the record what it was.
func (d *Desk) called(ctx context.Context, record *audit.Call, e *Entry, res *connector.Result, err error) (mcp.Called, error) {
	if err != nil {
		record.Outcome, record.Reason = audit.OutcomeError, err.Error()
		if ctx.Err() != nil {
			record.Outcome = audit.OutcomeCanceled
		}
		return mcp.Called{}, err
	}
	record.Outcome, record.Result, record.Bytes = audit.OutcomeOK, digestOf(res.Raw), res.Bytes
	switch {
	case res.IsError:
		record.Outcome, record.Reason = audit.OutcomeError, "the tool says that it failed"
	case res.NeedsInput:
		record.Outcome = audit.OutcomeInput
	}
	called := mcp.Called{Result: res.Raw, Blob: res.Blob}
	if e.Sanitise {
		var err error
		if called.Result, err = sanitised(res.Raw); err != nil {
			return mcp.Called{}, &mcp.Problem{Code: mcp.CodeFailed, What: sentence("The result of " + e.Name + " cannot be read"), Why: sentence(err.Error())}
		}
	}
	return called, nil
}

// options hands the caller's side of a call to the connector.
func options(caller mcp.Caller, r mcp.CallTool) (connector.Options, error) {
	o := connector.Options{Principal: principal(caller), Session: caller.Session, RequestState: r.Retry.State}
	if caller.Traceparent != "" {
		o.Meta = sdk.Meta{"traceparent": caller.Traceparent}
	}
	if len(r.Capabilities) > 0 {
		if err := json.Unmarshal(r.Capabilities, &o.Capabilities); err != nil {
			return o, &mcp.Problem{Code: mcp.CodeInvalid, What: "The client's capabilities cannot be read.", Why: sentence(err.Error())}
		}
	}
	if r.Peer != nil { // a command has none: nobody there could be told or asked
		o.Progress = func(n *sdk.ProgressNotificationParams) { tell(r.Peer, "notifications/progress", n) }
		o.Log = func(n *sdk.LoggingMessageParams) { tell(r.Peer, "notifications/message", n) }
		if r.Ask {
			o.Ask = asker(r.Peer, o.Capabilities)
		}
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
		u := harness.Use{Document: id, Query: query, Run: run, Principal: principal(caller), At: now, Succeeded: succeeded}
		if puts := d.host.Learn(u); len(puts) > 0 {
			d.journal.queue(run, store.Batch{Puts: puts})
		}
	}
}

// class is the error.type of a call in core/telemetry's words.
func class(o audit.Outcome, err error) string {
	var p *mcp.Problem
	var e *connector.Error
	switch {
	case errors.As(err, &e):
		return e.Class()
	case errors.As(err, &p) && p.Code == mcp.CodeApproval:
		return "asked"
	case errors.As(err, &p):
		return p.Code
	case err != nil && o == audit.OutcomeBegun:
		return "audit" // it could not be written down, and so was not sent
	case err == nil && o != audit.OutcomeOK && o != audit.OutcomeInput:
		return "tool_error"
	}
	return telemetry.ErrorOf(err)
}

// problemOf says a connector's failure to an agent. What the server said itself
// goes on as it came: it may be what the agent needs.
func problemOf(tool string, err error) error {
	tool = clip(line(tool), 128)
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
